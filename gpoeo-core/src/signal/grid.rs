//! The uniform grid: slots that are one step apart, counted from an origin.

use core::time::Duration;

use crate::time::Timestamp;

/// Maps moments to slots. All in integers of nanoseconds, so that a shift of all times shifts nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    origin: Timestamp,
    step_ns: u64,
}

impl Grid {
    /// A grid whose slot 0 lies at `origin`; `step_ns` is at least 1.
    pub(super) const fn new(origin: Timestamp, step_ns: u64) -> Self {
        Self { origin, step_ns }
    }

    /// The moment of a slot.
    pub(super) fn time_of(&self, slot: u64) -> Timestamp {
        self.origin + Duration::from_nanos(slot.saturating_mul(self.step_ns))
    }

    /// The last slot at or before `time`; `None` if that lies before the origin.
    pub(super) fn slot_at_or_before(&self, time: Timestamp) -> Option<u64> {
        (time >= self.origin).then(|| self.since_origin(time) / self.step_ns)
    }

    /// The first slot at or after `time`.
    pub(super) fn slot_at_or_after(&self, time: Timestamp) -> u64 {
        self.since_origin(time).div_ceil(self.step_ns)
    }

    fn since_origin(&self, time: Timestamp) -> u64 {
        time.as_nanos().saturating_sub(self.origin.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_moments_agree() {
        let grid = Grid::new(Timestamp::from_nanos(100), 20);
        assert_eq!(grid.time_of(3), Timestamp::from_nanos(160));
        assert_eq!(grid.slot_at_or_before(Timestamp::from_nanos(159)), Some(2));
        assert_eq!(grid.slot_at_or_before(Timestamp::from_nanos(99)), None);
        assert_eq!(grid.slot_at_or_after(Timestamp::from_nanos(141)), 3);
        assert_eq!(grid.slot_at_or_after(Timestamp::from_nanos(99)), 0);
    }
}
