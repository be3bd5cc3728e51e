//! Watches a held setting: nothing, a small shift, or another job.
//!
//! A measurement is compared with all that is known about the same setting. It must deviate by more than its doubt and by
//! more than a ratio, twice in a row, so that one odd segment (a validation pass, a checkpoint) changes nothing.
//! Source: ours; GPOEO §9 compares power per iteration between growing pauses.

use crate::config::HoldConfig;
use crate::estimate::Estimate;

/// What a measurement says about the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    None,
    /// The same job, a little different: a new baseline and search.
    Small,
    /// Another job.
    Large,
}

/// Deviations in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Monitor {
    small: u8,
    large: u8,
    /// The last one was slower than known.
    is_slower: bool,
    /// The setting that deviated last, and by how much, as long as it was not seen to be as known again.
    deviant: Option<(usize, Shift)>,
}

/// So many deviations in a row count.
const IN_A_ROW: u8 = 2;

impl Monitor {
    /// Compares a new measurement of a setting with what is known about it.
    pub(super) fn compare(
        &mut self,
        setting: usize,
        (known, seen): (&Estimate, &Estimate),
        config: &HoldConfig,
    ) -> Shift {
        let slower = (seen.time_s / known.time_s).ln();
        let time = slower.abs();
        let energy = (seen.energy_j / known.energy_j).ln().abs();
        let time_doubt = seen.time_stderr_ratio().hypot(known.time_stderr_ratio());
        let energy_doubt = seen.energy_stderr_ratio().hypot(known.energy_stderr_ratio());
        let beyond = |ratio: f64| {
            time > ratio.max(config.shift_stderrs * time_doubt)
                // Temperature and data change the power a little without changing what is best.
                || energy > (2.0 * ratio).max(config.shift_stderrs * energy_doubt)
        };
        let (is_small, is_large) = (beyond(config.small_shift_ratio), beyond(config.large_shift_ratio));
        self.small = if is_small { self.small + 1 } else { 0 };
        self.large = if is_large { self.large + 1 } else { 0 };
        self.is_slower = is_small && slower > config.small_shift_ratio;
        let again = match self.deviant {
            Some((deviant, shift)) if deviant == setting => {
                self.deviant = None;
                // The same setting twice, though another one between was as ever.
                if is_small { shift } else { Shift::None }
            }
            _ => Shift::None,
        };
        if is_small && self.deviant.is_none() {
            self.deviant = Some((setting, if is_large { Shift::Large } else { Shift::Small }));
        }
        match self.judge() {
            Shift::None => again,
            shift => shift,
        }
    }

    /// A segment without a measurement: the rhythm is gone.
    pub(super) fn blind(&mut self) -> Shift {
        self.small = self.small.saturating_add(1);
        self.large = self.large.saturating_add(1);
        self.judge()
    }

    /// Whether the last measurement deviated, but not often enough yet.
    pub(super) fn is_suspicious(&self) -> bool {
        self.small > 0
    }

    /// Whether it was slower than known.
    pub(super) fn is_slower(&self) -> bool {
        self.is_slower
    }

    fn judge(&self) -> Shift {
        if self.large >= IN_A_ROW {
            Shift::Large
        } else if self.small >= IN_A_ROW {
            Shift::Small
        } else {
            Shift::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(time_s: f64, energy_j: f64) -> Estimate {
        Estimate::new(time_s, 0.001 * time_s, energy_j, 0.005 * energy_j, 100)
    }

    #[test]
    fn one_odd_segment_changes_nothing() {
        let (config, known) = (HoldConfig::default(), estimate(1.0, 100.0));
        let mut monitor = Monitor::default();
        assert_eq!(monitor.compare(1, (&known, &estimate(1.3, 120.0)), &config), Shift::None);
        assert!(monitor.is_suspicious());
        assert_eq!(monitor.compare(1, (&known, &estimate(1.01, 101.0)), &config), Shift::None);
        assert_eq!(monitor.compare(1, (&known, &estimate(1.3, 120.0)), &config), Shift::None);
        assert_eq!(monitor.compare(1, (&known, &estimate(1.3, 120.0)), &config), Shift::Large);
    }

    #[test]
    fn a_lasting_small_deviation_is_a_small_shift() {
        let (config, known) = (HoldConfig::default(), estimate(1.0, 100.0));
        let mut monitor = Monitor::default();
        assert_eq!(monitor.compare(1, (&known, &estimate(1.04, 101.0)), &config), Shift::None);
        assert_eq!(monitor.compare(1, (&known, &estimate(1.04, 101.0)), &config), Shift::Small);
    }
}
