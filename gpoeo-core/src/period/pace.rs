//! The interval at which the source measures, from the stamps: a grid that is finer invents, a coarser one loses.
//!
//! The median of 16 intervals at a time, for some are lost and many come late. Ours. Constant work and state.

use core::time::Duration;

use crate::time::Timestamp;

/// Intervals of which the median is taken.
const BLOCK: usize = 16;
/// Once the interval is known, so many blocks in a row must say otherwise: a source that loses most of its samples for
/// a moment has not changed.
const PATIENCE: u32 = 4;
/// Intervals within this factor are the same.
const SAME: f64 = 1.5;

/// Follows the interval of a source.
///
/// ```
/// use core::time::Duration;
/// use gpoeo_core::Timestamp;
/// use gpoeo_core::period::Pace;
///
/// let mut pace = Pace::default();
/// let stamps = (0..20_u32).map(|k| Timestamp::from_secs_f64(f64::from(k) * 0.1));
/// let found = stamps.filter_map(|time| pace.push(time, Duration::from_millis(20))).next();
/// assert_eq!(found, Some(Duration::from_millis(100)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pace {
    last: Option<Timestamp>,
    intervals_s: [f32; BLOCK],
    len: usize,
    /// Blocks in a row that differ from the present step.
    contrary: u32,
    is_known: bool,
}

impl Pace {
    /// Takes the stamp of a sample. The step to use from now on, if it is not `step` any more.
    pub fn push(&mut self, time: Timestamp, step: Duration) -> Option<Duration> {
        let last = self.last.replace(time)?;
        self.intervals_s[self.len] = time.seconds_since(last) as f32;
        self.len += 1;
        if self.len < BLOCK {
            return None;
        }
        self.len = 0;
        let (_, median, _) = self.intervals_s.select_nth_unstable_by(BLOCK / 2, f32::total_cmp);
        let median_s = f64::from(*median);
        let ratio = median_s / step.as_secs_f64();
        let needed = if self.is_known { PATIENCE } else { 1 };
        self.is_known = true;
        self.contrary = if (1.0 / SAME..=SAME).contains(&ratio) { 0 } else { self.contrary + 1 };
        if self.contrary < needed {
            return None;
        }
        self.contrary = 0;
        // To the millisecond: the slots of sources of one kind then lie equally far apart.
        Some(Duration::from_millis((median_s * 1e3).round().clamp(1.0, 1e6) as u64)).filter(|&new| new != step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps that a source with these intervals, s, leads to from 20 ms on.
    fn steps(intervals_s: impl IntoIterator<Item = f64>) -> Vec<u128> {
        let mut pace = Pace::default();
        let (mut time_s, mut step) = (1.0, Duration::from_millis(20));
        let mut found = Vec::new();
        for interval_s in intervals_s {
            time_s += interval_s;
            if let Some(new) = pace.push(Timestamp::from_secs_f64(time_s), step) {
                step = new;
                found.push(new.as_millis());
            }
        }
        found
    }

    #[test]
    fn a_source_of_the_expected_interval_changes_nothing() {
        assert!(steps((0..500).map(|k| if k % 3 == 0 { 0.04 } else { 0.0203 })).is_empty());
    }

    #[test]
    fn follows_a_slower_and_a_faster_source_at_once() {
        assert_eq!(steps((0..60).map(|k| 0.1 + 0.01 * f64::from(k % 2))), [110]);
        assert_eq!(steps([0.005; 40]), [5]);
    }

    #[test]
    fn a_source_that_loses_most_of_its_samples_for_a_second_has_not_changed() {
        let intervals = [[0.02; 160].as_slice(), &[0.06; 20], &[0.02; 160]].concat();
        assert!(steps(intervals).is_empty());
        assert_eq!(steps([[0.02; 160].as_slice(), &[0.1; 100]].concat()), [100]);
    }
}
