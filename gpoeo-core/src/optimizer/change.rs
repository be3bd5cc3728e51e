//! One change of the clocks: asked, retried where a failure may pass, and in force.

use crate::action::{ActionId, Command, Fault};
use crate::input::Input;
use crate::time::Timestamp;

use super::context::Context;
use super::job::Target;

/// Passing failures are tried again this often.
const RETRIES: u8 = 2;

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
    asked: Option<ActionId>,
    retries_left: u8,
}

impl Change {
    /// Brings `target` about; asks for nothing where it is in force already.
    pub(super) fn to(target: Target, ctx: &mut Context) -> Self {
        let mut change = Self { target, asked: None, retries_left: RETRIES };
        // Found clocks count as in force only if no set call of ours has an unknown end.
        let is_there = ctx.clocks.in_force == target && (target != Target::Found || !ctx.clocks.touched);
        if !is_there {
            change.ask(ctx);
        }
        change
    }

    fn ask(&mut self, ctx: &mut Context) {
        self.asked = Some(match self.target {
            Target::Found => ctx.ask(Command::RestoreClocks),
            Target::Pair(pair) => {
                ctx.clocks.touched = true;
                ctx.ask(Command::SetClocks(pair))
            }
        });
    }

    /// Takes an input in; the caller has booked the answer already.
    pub(super) fn on(&mut self, input: &Input, ctx: &mut Context) -> ChangeState {
        match (self.asked, *input) {
            (None, _) => ChangeState::InForce(ctx.clocks.settled_at),
            (Some(asked), Input::Applied { id, .. }) if id == asked => {
                self.asked = None;
                ChangeState::InForce(ctx.clocks.settled_at)
            }
            (Some(asked), Input::Failed { id, fault, .. }) if id == asked => {
                if fault == Fault::Transient && self.retries_left > 0 {
                    self.retries_left -= 1;
                    self.ask(ctx);
                    ChangeState::Pending
                } else {
                    ChangeState::Refused(fault)
                }
            }
            (Some(_), _) => ChangeState::Pending,
        }
    }
}
