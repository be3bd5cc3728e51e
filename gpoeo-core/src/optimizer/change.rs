//! One change of the clocks: asked, retried where a failure may pass, and in force.

use core::time::Duration;

use crate::action::{ActionId, Command, Fault};
use crate::input::Input;
use crate::time::Timestamp;

use super::context::Context;
use super::job::Target;

/// Passing failures are tried again this often, this far apart: at once would be without end where it fails at once.
const RETRIES: u8 = 2;
const RETRY_GAP: Duration = Duration::from_secs(1);

/// Where a change stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ChangeState {
    /// Asked, not answered.
    Pending,
    /// Accepted; samples from this moment on are of the new clocks alone.
    InForce(Timestamp),
    /// Given up.
    Refused(Fault),
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    target: Target,
    stage: Stage,
    retries_left: u8,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Asked(ActionId),
    Done,
    /// Asked again at this moment.
    Failed(Timestamp),
}

impl Change {
    /// Brings `target` about; asks for nothing where it is in force already.
    pub(super) fn to(target: Target, ctx: &mut Context) -> Self {
        let mut change = Self { target, stage: Stage::Done, retries_left: RETRIES };
        // Nothing counts as in force after a command whose end is not known: it may have been done, or half of it.
        let is_there = ctx.clocks.in_force == target && !ctx.clocks.is_unsure;
        if !is_there {
            change.ask(ctx);
        }
        change
    }

    /// The same once more, after a change that was given up.
    pub(super) fn again(self, ctx: &Context) -> Self {
        Self { stage: Stage::Failed(ctx.now + RETRY_GAP), retries_left: RETRIES, ..self }
    }

    fn ask(&mut self, ctx: &mut Context) {
        self.stage = Stage::Asked(match self.target {
            Target::Found => ctx.ask(Command::RestoreClocks),
            Target::Pair(pair) => {
                ctx.clocks.touched = true;
                ctx.ask(Command::SetClocks(pair))
            }
        });
    }

    /// Takes an input in; the caller has booked the answer already.
    pub(super) fn on(&mut self, input: &Input, ctx: &mut Context) -> ChangeState {
        match (self.stage, *input) {
            (Stage::Done, _) => ChangeState::InForce(ctx.clocks.settled_at),
            (Stage::Asked(asked), Input::Applied { id, .. }) if id == asked => {
                self.stage = Stage::Done;
                ChangeState::InForce(ctx.clocks.settled_at)
            }
            (Stage::Asked(asked), Input::Failed { id, fault, .. }) if id == asked => {
                self.stage = Stage::Failed(ctx.now + RETRY_GAP);
                if fault != Fault::Transient || self.retries_left == 0 {
                    return ChangeState::Refused(fault);
                }
                self.retries_left -= 1;
                ChangeState::Pending
            }
            (Stage::Failed(retry_at), _) => {
                if ctx.now >= retry_at {
                    self.ask(ctx);
                }
                ChangeState::Pending
            }
            (Stage::Asked(_), _) => ChangeState::Pending,
        }
    }
}
