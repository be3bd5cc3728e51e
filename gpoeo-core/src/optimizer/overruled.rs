//! Clocks other than those that a setting was measured at: a cap (heat, power) or another controller holds them.
//!
//! What is measured then is neither of the setting nor a change of the job. As it may also be the job that has pushed the
//! card to its limit for good, the excuse does not last. Source: ours.

use core::time::Duration;

use crate::sample::Sample;
use crate::time::Timestamp;
use crate::units::Mhz;

use super::job::Target;

/// A read clock within this of the one before is the same: clocks are read in steps of up to 15 MHz…
const TOLERANCE: f64 = 0.03;
/// … and where the driver chooses them, they wander.
const FOUND_TOLERANCE: f64 = 0.05;
/// A segment with more than this share of its samples at other clocks is not one of its setting.
const SPOILED_SHARE: f64 = 0.1;
/// Below this utilisation the driver may show the clock of rest.
const BUSY: f32 = 0.05;

/// Compares the clocks read back with those at which each setting was measured first.
#[derive(Clone, Debug, Default)]
pub(super) struct Overruled {
    /// The clock of each setting as it was when the setting was measured first.
    seen: Vec<(Target, Mhz)>,
    /// Samples of the segment: all, and those at other clocks.
    samples: u32,
    off: u32,
    /// Since when segments have been spoiled in a row.
    since: Option<Timestamp>,
}

impl Overruled {
    /// Takes a sample of `target` alone; `is_measured`: whether the setting was measured before.
    pub(super) fn sample(&mut self, sample: &Sample, target: Target, is_measured: bool) {
        let Some(sm) = sample.sm_clock.filter(|_| sample.sm_util.is_none_or(|util| util >= BUSY)) else { return };
        let seen = self.seen.iter_mut().find(|(of, _)| *of == target);
        match seen {
            Some((_, usual)) if is_measured => {
                let tolerance = if target == Target::Found { FOUND_TOLERANCE } else { TOLERANCE };
                let gap = f64::from(usual.0.abs_diff(sm.0)) / f64::from(usual.0.max(1));
                self.samples = self.samples.saturating_add(1);
                self.off = self.off.saturating_add(u32::from(gap > tolerance));
            }
            Some((_, usual)) => *usual = sm,
            None if is_measured => {}
            None => self.seen.push((target, sm)),
        }
    }

    /// A segment begins.
    pub(super) fn begin_segment(&mut self) {
        (self.samples, self.off) = (0, 0);
    }

    /// Whether the segment that ends now counts for nothing.
    pub(super) fn spoils(&mut self, now: Timestamp, patience: Duration) -> bool {
        if f64::from(self.off) <= SPOILED_SHARE * f64::from(self.samples) {
            self.since = None;
            return false;
        }
        now.saturating_since(*self.since.get_or_insert(now)) < patience
    }

    /// Another job: what it runs at is not known.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_s: f64, sm: u32, util: f32) -> Sample {
        Sample::new(Timestamp::from_secs_f64(at_s), 300.0).sm_clock(Mhz(sm)).sm_util(util)
    }

    fn segment(overruled: &mut Overruled, from_s: f64, sm: u32, util: f32) -> bool {
        overruled.begin_segment();
        (0..30).for_each(|second| overruled.sample(&sample(from_s + f64::from(second), sm, util), Target::Found, true));
        overruled.spoils(Timestamp::from_secs_f64(from_s + 30.0), Duration::from_secs(100))
    }

    #[test]
    fn excuses_a_capped_clock_for_a_while() {
        let mut overruled = Overruled::default();
        overruled.sample(&sample(0.0, 1400, 1.0), Target::Found, false);
        assert!(!segment(&mut overruled, 0.0, 1370, 1.0), "it wanders");
        assert!(segment(&mut overruled, 30.0, 1200, 1.0));
        assert!(segment(&mut overruled, 60.0, 1200, 1.0));
        assert!(!segment(&mut overruled, 90.0, 1400, 1.0));
        assert!(segment(&mut overruled, 120.0, 1200, 1.0));
        assert!(!segment(&mut overruled, 300.0, 1200, 1.0), "for good");
    }

    #[test]
    fn the_clock_of_rest_says_nothing() {
        let mut overruled = Overruled::default();
        overruled.sample(&sample(0.0, 1400, 1.0), Target::Found, false);
        assert!(!segment(&mut overruled, 0.0, 210, 0.0));
    }
}
