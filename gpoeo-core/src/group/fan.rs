//! One command carried out by several members: handed out to each, and one verdict of all.

use crate::action::{Action, ActionId, Fault, MemberId};

/// Where one member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Applied,
    Failed(Fault),
    /// Handed out, not answered.
    Open,
    /// Not concerned, or lost.
    Out,
    /// Not handed out yet.
    Waiting,
}

/// A command on its way.
#[derive(Clone, Debug)]
pub(super) struct FanOut {
    action: Action,
    parts: Vec<Part>,
}

impl FanOut {
    /// A command for those of the members that `concerns` names.
    pub(super) fn new(action: Action, members: usize, concerns: impl Fn(usize) -> bool) -> Self {
        let part = |index| if concerns(index) { Part::Waiting } else { Part::Out };
        Self { action, parts: (0..members).map(part).collect() }
    }

    pub(super) fn action(&self) -> Action {
        self.action
    }

    pub(super) fn part(&self, index: usize) -> Part {
        self.parts.get(index).copied().unwrap_or(Part::Out)
    }

    /// The next member to hand the command out to.
    pub(super) fn hand_out(&mut self) -> Option<MemberId> {
        let index = self.parts.iter().position(|&part| part == Part::Waiting)?;
        self.parts[index] = Part::Open;
        Some(MemberId(index as u16))
    }

    /// Whether this member has this action to answer.
    pub(super) fn is_open(&self, index: usize, id: ActionId) -> bool {
        self.action.id == id && self.part(index) == Part::Open
    }

    /// Notes where a member stands now.
    pub(super) fn note(&mut self, index: usize, part: Part) {
        if let Some(slot) = self.parts.get_mut(index) {
            *slot = part;
        }
    }

    /// What all together say once nobody is waited for: applied by all, or the gravest fault.
    pub(super) fn verdict(&self) -> Option<Result<(), Fault>> {
        if self.parts.iter().any(|part| matches!(part, Part::Open | Part::Waiting)) {
            return None;
        }
        let faults = self.parts.iter().filter_map(|part| match part {
            Part::Failed(fault) => Some(*fault),
            _ => None,
        });
        Some(faults.max_by_key(|&fault| gravity(fault)).map_or(Ok(()), Err))
    }
}

/// What may pass weighs less than what will not.
fn gravity(fault: Fault) -> u8 {
    match fault {
        Fault::Transient => 0,
        Fault::NotSupported => 1,
        Fault::NoPermission => 2,
        Fault::GpuLost => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Command;

    fn fan() -> FanOut {
        FanOut::new(Action { id: ActionId(7), command: Command::RestoreClocks }, 3, |index| index != 1)
    }

    #[test]
    fn is_handed_out_to_each_once_and_answered_by_those_that_have_it() {
        let mut fan = fan();
        assert!(!fan.is_open(0, ActionId(7)), "not handed out yet");
        assert_eq!(fan.hand_out(), Some(MemberId(0)));
        assert_eq!(fan.hand_out(), Some(MemberId(2)));
        assert_eq!(fan.hand_out(), None);
        assert!(fan.is_open(0, ActionId(7)) && fan.is_open(2, ActionId(7)));
        assert!(!fan.is_open(0, ActionId(8)) && !fan.is_open(1, ActionId(7)) && !fan.is_open(9, ActionId(7)));
    }

    #[test]
    fn the_verdict_waits_for_all_and_is_the_gravest_fault() {
        let mut fan = fan();
        fan.note(0, Part::Failed(Fault::NoPermission));
        assert_eq!(fan.verdict(), None);
        fan.note(2, Part::Failed(Fault::Transient));
        assert_eq!(fan.verdict(), Some(Err(Fault::NoPermission)));
        fan.note(0, Part::Applied);
        fan.note(2, Part::Out);
        assert_eq!(fan.verdict(), Some(Ok(())));
    }
}
