//! One GPU of a group.

use crate::action::Command;
use crate::caps::{Capabilities, ClockPair};
use crate::counters::CounterSet;
use crate::time::Timestamp;

use super::fan::Part;

#[derive(Clone, Debug)]
pub(super) struct Member {
    caps: Capabilities,
    pub(super) is_lost: bool,
    /// A set was accepted since the last restore.
    is_locked: bool,
    /// A set was handed out and not answered: nobody knows whether it was carried out.
    is_unsure: bool,
    /// Its clocks may not be those of the others.
    pub(super) is_astray: bool,
    /// Its counters are open while those of others are not.
    pub(super) counts_alone: bool,
    pub(super) last_counters: Option<Timestamp>,
    pub(super) counters: Option<CounterSet>,
}

impl Member {
    pub(super) fn new(caps: Capabilities) -> Self {
        Self {
            caps,
            is_lost: false,
            is_locked: false,
            is_unsure: false,
            is_astray: false,
            counts_alone: false,
            last_counters: None,
            counters: None,
        }
    }

    pub(super) fn may_be_locked(&self) -> bool {
        self.is_locked || self.is_unsure
    }

    /// A command of the group as one of this GPU: gears are counted in its own list.
    pub(super) fn hand_out(&mut self, command: Command) -> Command {
        match command {
            Command::SetClocks(pair) => {
                self.is_unsure = true;
                Command::SetClocks(self.own(pair))
            }
            command => command,
        }
    }

    fn own(&self, pair: ClockPair) -> ClockPair {
        self.caps.pair_of(pair.mem(), pair.sm()).expect("the pairs of a group are common to all members")
    }

    /// Notes an answer.
    pub(super) fn answered(&mut self, command: Command, is_applied: bool) {
        match command {
            Command::SetClocks(_) => {
                self.is_unsure = false;
                self.is_locked |= is_applied;
            }
            Command::RestoreClocks if is_applied => (self.is_locked, self.is_unsure) = (false, false),
            _ => {}
        }
    }

    /// Notes that a command has ended otherwise for others than for this one.
    pub(super) fn stray(&mut self, command: Command, part: Part) {
        if !matches!(part, Part::Applied | Part::Open) {
            return;
        }
        match command {
            Command::RestoreClocks | Command::SetClocks(_) => self.is_astray = true,
            Command::OpenCounters { .. } => self.counts_alone = true,
            Command::CloseCounters | Command::SetSampleInterval(_) => {}
        }
    }

    /// Notes that a command has ended for all alike.
    pub(super) fn is_with_all(&mut self, command: Command) {
        match command {
            Command::RestoreClocks | Command::SetClocks(_) => self.is_astray = false,
            Command::CloseCounters | Command::OpenCounters { .. } => self.counts_alone = false,
            Command::SetSampleInterval(_) => {}
        }
    }
}
