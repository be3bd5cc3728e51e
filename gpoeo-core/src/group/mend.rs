//! Bringing members back to the others after a command that not all have carried out.
//!
//! The machine inside believes what it last heard: that nothing has changed. So whoever has changed goes back, unless the
//! machine asks all for other clocks anyway. What fails is tried again, a second later, for as long as it matters.

use core::time::Duration;

use crate::action::{Action, ActionId, Command, Fault};
use crate::event::{Phase, StopReason};
use crate::input::Input;
use crate::time::Timestamp;

use super::Group;
use super::fan::{FanOut, Part};

/// A member that could not be brought back is tried again after this.
const GAP: Duration = Duration::from_secs(1);
/// Ids of the group's own actions have this bit set; all others are those of the machine inside.
const OWN: u64 = 1 << 63;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mend {
    next_id: u64,
    /// Nothing is tried before this.
    not_before: Timestamp,
    /// When an attempt counts as failed.
    deadline: Timestamp,
}

impl Mend {
    /// Whether an action is one of the group's own.
    pub(super) fn is_own(id: ActionId) -> bool {
        id.0 & OWN != 0
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.deadline
    }
}

impl Group {
    /// All have carried a command out.
    pub(super) fn ended_alike(&mut self, command: Command) {
        match command {
            Command::SetClocks(pair) => self.common = Some(pair),
            Command::RestoreClocks => self.common = None,
            _ => {}
        }
        self.members.iter_mut().for_each(|member| member.is_with_all(command));
    }

    /// Some have carried a command out, or may have.
    pub(super) fn ended_unlike(&mut self, fan: &FanOut) {
        for (index, member) in self.members.iter_mut().enumerate() {
            member.stray(fan.action().command, fan.part(index));
        }
        self.mend.not_before = self.now;
    }

    /// The next attempt, if one is due.
    pub(super) fn mend_next(&mut self) -> Option<FanOut> {
        let command = self.mending().filter(|_| self.now >= self.mend.not_before)?;
        let id = ActionId(OWN | self.mend.next_id);
        self.mend.next_id += 1;
        self.mend.deadline = self.now + self.config().action_timeout();
        let concerns = |index: usize| {
            let member = &self.members[index];
            !member.is_lost && if command == Command::CloseCounters { member.counts_alone } else { member.is_astray }
        };
        Some(FanOut::new(Action { id, command }, self.members.len(), concerns))
    }

    /// When the group wants to be woken for this.
    pub(super) fn mend_deadline(&self) -> Option<Timestamp> {
        match &self.fan {
            Some(fan) if Mend::is_own(fan.action().id) => Some(self.mend.deadline),
            Some(_) => None,
            None => self.mending().map(|_| self.mend.not_before),
        }
    }

    /// What those that have strayed must be told, if any have.
    fn mending(&self) -> Option<Command> {
        let phase = self.machine.phase();
        // One member is always in common with itself.
        if self.present().count() < 2 || matches!(phase, Phase::Restore | Phase::Stopped) {
            return None;
        }
        let all_move_on =
            matches!(self.machine.waiting_command(), Some(Command::RestoreClocks | Command::SetClocks(_)));
        let is_settled = matches!(phase, Phase::Hold | Phase::Search);
        if self.present().any(|member| member.is_astray) && !all_move_on {
            match self.common {
                None => return Some(Command::RestoreClocks),
                Some(pair) if is_settled => return Some(Command::SetClocks(pair)),
                // The machine is on its way to the found clocks, and does not give up.
                Some(_) => {}
            }
        }
        self.present().any(|member| member.counts_alone).then_some(Command::CloseCounters)
    }

    /// Notes how an attempt has ended.
    pub(super) fn mended(&mut self, fan: &FanOut) {
        self.mend.not_before = self.now + GAP;
        let command = fan.action().command;
        let mut is_hopeless = false;
        for (index, member) in self.members.iter_mut().enumerate() {
            match fan.part(index) {
                Part::Applied => member.is_with_all(command),
                Part::Failed(Fault::Transient) | Part::Open | Part::Out | Part::Waiting => {}
                // Counters that do not close end with the process.
                Part::Failed(_) if command == Command::CloseCounters => member.counts_alone = false,
                Part::Failed(_) => is_hopeless = true,
            }
        }
        if is_hopeless {
            self.cause = self.cause.or(Some(StopReason::ClocksRefused));
            let _never_refused = self.pass(Input::Stop { now: self.machine.spoken() });
        }
    }
}
