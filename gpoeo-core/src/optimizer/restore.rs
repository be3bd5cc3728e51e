//! Putting everything back before the end.

use core::time::Duration;

use crate::action::{ActionId, Command, Fault};
use crate::event::{Event, Phase, StopReason};
use crate::input::Input;
use crate::time::Timestamp;

use super::context::Context;
use super::phase::State;

/// A restore that fails is tried again this often, this far apart: a locked clock outlives the process.
const RETRIES: u8 = 5;
const RETRY_GAP: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Restore {
    reason: StopReason,
    asked: Option<ActionId>,
    retry_at: Option<Timestamp>,
    retries_left: u8,
}

impl Restore {
    /// Starts to put everything back; the stop follows when that is done.
    pub(super) fn begin(reason: StopReason, ctx: &mut Context) -> State {
        ctx.enter(Phase::Restore);
        let mut restore = Self { reason, asked: None, retry_at: None, retries_left: RETRIES };
        restore.next(ctx).unwrap_or(State::Restore(restore))
    }

    /// Stops at once, without asking for anything.
    pub(super) fn stopped(reason: StopReason, ctx: &mut Context) -> State {
        ctx.outbox.close();
        ctx.enter(Phase::Stopped);
        ctx.stop_reason = Some(reason);
        ctx.outbox.tell(Event::Stopped { reason });
        State::Stopped
    }

    /// The clocks first: they are what outlives us.
    fn next(&mut self, ctx: &mut Context) -> Option<State> {
        self.retry_at = None;
        if ctx.clocks.touched {
            self.asked = Some(ctx.ask(Command::RestoreClocks));
        } else if ctx.clocks.counters_open {
            self.asked = Some(ctx.ask(Command::CloseCounters));
        } else {
            return Some(Self::stopped(self.reason, ctx));
        }
        None
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        let next = match *input {
            Input::Applied { id, .. } if self.asked == Some(id) => self.next(ctx),
            Input::Failed { id, fault, .. } if self.asked == Some(id) => self.failed(fault, ctx),
            _ if self.retry_at.is_some_and(|at| ctx.now >= at) => self.next(ctx),
            _ => None,
        };
        next.unwrap_or(State::Restore(self))
    }

    fn failed(&mut self, fault: Fault, ctx: &mut Context) -> Option<State> {
        self.asked = None;
        if !ctx.clocks.touched {
            // Counters that do not close end with the process.
            ctx.clocks.counters_open = false;
            return self.next(ctx);
        }
        if fault == Fault::Transient && self.retries_left > 0 {
            self.retries_left -= 1;
            self.retry_at = Some(ctx.now + RETRY_GAP);
            return None;
        }
        let reason = match fault {
            Fault::GpuLost => StopReason::GpuLost,
            // Never set, cannot be put back either: nothing of ours is in force.
            Fault::NoPermission | Fault::NotSupported if !ctx.clocks.accepted => self.reason,
            Fault::NoPermission | Fault::NotSupported | Fault::Transient => StopReason::RestoreFailed,
        };
        Some(Self::stopped(reason, ctx))
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.retry_at
    }
}
