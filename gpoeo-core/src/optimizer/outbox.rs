//! What waits to be polled: one action and a bounded ring of events.

use core::time::Duration;
use std::collections::VecDeque;

use crate::action::{Action, ActionId, Command};
use crate::event::Event;
use crate::time::Timestamp;

/// Events kept for an embedder that does not poll; older ones are dropped and counted.
const MAX_EVENTS: usize = 64;

/// An action that was asked for and not answered yet.
#[derive(Clone, Copy, Debug)]
struct Asked {
    action: Action,
    deadline: Timestamp,
}

/// An action whose time is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expired {
    pub(super) action: Action,
    /// Somebody has it: it may have been carried out.
    pub(super) was_polled: bool,
}

/// Bounded output queues. At most one action is open (polled, unanswered), and one waits behind it.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    waiting: Option<Asked>,
    open: Option<Asked>,
    next_id: u64,
    timeout: Duration,
    events: VecDeque<Event>,
    dropped: u64,
}

impl Outbox {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { waiting: None, open: None, next_id: 0, timeout, events: VecDeque::with_capacity(MAX_EVENTS), dropped: 0 }
    }

    /// Asks for an action; one that waits and was not polled yet is withdrawn.
    pub(super) fn ask(&mut self, command: Command, now: Timestamp) -> ActionId {
        let id = ActionId(self.next_id);
        self.next_id += 1;
        // Behind an open action the clock of the waiting one starts when that one has ended at the latest.
        let start = self.open.map_or(now, |open| open.deadline.max(now));
        self.waiting = Some(Asked { action: Action { id, command }, deadline: start + self.timeout });
        id
    }

    /// The action that is open with this id, now answered.
    pub(super) fn answer(&mut self, id: ActionId) -> Option<Command> {
        let open = self.open.filter(|open| open.action.id == id)?;
        self.open = None;
        Some(open.action.command)
    }

    /// An action whose time is over, to be treated as failed. At most one an input: what is asked in return has its own
    /// time, and at the end of time every deadline has passed.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Expired> {
        let was_polled = self.open.is_some();
        let slot = if was_polled { &mut self.open } else { &mut self.waiting };
        let late = slot.filter(|asked| asked.deadline <= now)?;
        *slot = None;
        if let Some(waiting) = &mut self.waiting {
            // It could not be polled until now.
            waiting.deadline = waiting.deadline.max(now + self.timeout);
        }
        Some(Expired { action: late.action, was_polled })
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.open.or(self.waiting).map(|asked| asked.deadline)
    }

    pub(super) fn open_action(&self) -> Option<ActionId> {
        self.open.map(|open| open.action.id)
    }

    pub(super) fn waiting_command(&self) -> Option<Command> {
        self.waiting.map(|waiting| waiting.action.command)
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        if self.open.is_some() {
            return None;
        }
        self.open = self.waiting.take();
        self.open.map(|open| open.action)
    }

    /// Withdraws everything that was not polled; nothing will be asked any more.
    pub(super) fn close(&mut self) {
        self.waiting = None;
        self.open = None;
    }

    pub(super) fn tell(&mut self, event: Event) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.events.push_back(event);
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_action_is_open_at_a_time_and_an_unpolled_one_is_withdrawn() {
        let mut outbox = Outbox::new(Duration::from_secs(1));
        outbox.ask(Command::OpenCounters { pass: 0 }, Timestamp::ZERO);
        let second = outbox.ask(Command::RestoreClocks, Timestamp::ZERO);
        assert_eq!(outbox.poll_action().map(|action| action.id), Some(second));
        outbox.ask(Command::CloseCounters, Timestamp::ZERO);
        assert_eq!(outbox.poll_action(), None);
        assert_eq!(outbox.answer(second), Some(Command::RestoreClocks));
        assert_eq!(outbox.answer(second), None);
        assert_eq!(outbox.poll_action().map(|action| action.command), Some(Command::CloseCounters));
    }

    #[test]
    fn an_unanswered_action_expires() {
        let mut outbox = Outbox::new(Duration::from_secs(1));
        let id = outbox.ask(Command::RestoreClocks, Timestamp::ZERO);
        assert_eq!(outbox.expire(Timestamp::from_secs_f64(0.9)), None);
        let expired = outbox.expire(Timestamp::from_secs_f64(1.0)).expect("it is late");
        assert_eq!((expired.action.id, expired.was_polled), (id, false));
        assert_eq!(outbox.deadline(), None);
    }

    #[test]
    fn an_action_that_could_not_be_polled_does_not_expire_with_the_one_before_it() {
        let mut outbox = Outbox::new(Duration::from_secs(1));
        let first = outbox.ask(Command::OpenCounters { pass: 0 }, Timestamp::ZERO);
        let _ = outbox.poll_action();
        let second = outbox.ask(Command::RestoreClocks, Timestamp::ZERO);
        let late = Timestamp::from_secs_f64(1000.0);
        let expired = outbox.expire(late).expect("it is late");
        assert_eq!((expired.action.id, expired.was_polled), (first, true));
        assert_eq!(outbox.expire(late), None);
        assert_eq!(outbox.poll_action().map(|action| action.id), Some(second));
        assert_eq!(outbox.expire(Timestamp::from_secs_f64(1000.9)), None);
        assert_eq!(outbox.expire(Timestamp::from_secs_f64(1001.0)).map(|late| late.action.id), Some(second));
    }

    #[test]
    fn old_events_are_dropped_and_counted() {
        let mut outbox = Outbox::new(Duration::from_secs(1));
        for _ in 0..70 {
            outbox.tell(Event::WorkloadChanged { at: Timestamp::ZERO });
        }
        assert_eq!(core::iter::from_fn(|| outbox.poll_event()).count(), 64);
        assert_eq!(outbox.dropped(), 6);
    }
}
