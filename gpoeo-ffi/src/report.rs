//! The account of a run.

use gpoeo_core::{ClockPair, Expectation, ProgressSource, Report, SettingCost, TrialReport, Verdict};

use crate::capabilities::gpoeo_clocks;
use crate::event::{gpoeo_estimate, gpoeo_outcome, gpoeo_phase, gpoeo_stop_reason};
use crate::handle::Plain;
use crate::time::seconds;

/// Where the knowledge of progress comes from.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_progress {
    /// Nowhere yet; or from a source that this header has no name for.
    Other = 0,
    /// The period found in the power signal.
    Period = 1,
    /// The rate of executed instructions.
    WorkRate = 2,
    /// Iterations counted by the embedder: exact.
    Marks = 3,
}

/// Why a setting is held, or not.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_verdict {
    /// For a reason that this header has no name for.
    Other = 0,
    /// It is held, alone or in turns with another one.
    Held = 1,
    /// It keeps the limit, but what is held is better.
    NotBetter = 2,
    /// It breaks the limit by itself, and no mix with it is better than what is held.
    BeyondLimit = 3,
    /// It was not measured well enough to be held.
    Uncertain = 4,
    /// It could not be set or measured: only `clocks` is known.
    Failed = 5,
}

/// An account of the run so far. Everything that the machine itself caused (detection, trials) is in it. Measured values
/// are NaN while they are not known.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_report {
    /// What the machine is doing.
    pub phase: gpoeo_phase,
    /// Why it stopped, once it did.
    pub stop_reason: gpoeo_stop_reason,
    /// Whether the job repeats itself.
    pub outcome: gpoeo_outcome,
    /// Where the knowledge of progress comes from.
    pub progress: gpoeo_progress,
    /// The time after which the job repeats itself, s: one iteration, or a small whole number of them.
    pub period_s: f64,
    /// How sure that is, 0..1.
    pub confidence: f64,
    /// Time and energy of an iteration at the found clocks.
    pub baseline: gpoeo_estimate,
    /// The clocks that are locked now.
    pub clocks: gpoeo_clocks,
    /// What is (or would be) held: the setting that keeps the limit by itself ...
    pub hold_within: gpoeo_clocks,
    /// ... and the other one; the same where one setting is held.
    pub hold_beyond: gpoeo_clocks,
    /// Share of the iterations at `hold_beyond`, 0..1; NaN before the baseline.
    pub hold_beyond_share: f64,
    /// Expected saving of the hold, ratio.
    pub hold_saving: f64,
    /// Expected slowdown of the hold, ratio.
    pub hold_slowdown: f64,
    /// From the first sample to the last, s.
    pub elapsed_s: f64,
    /// Energy used in that time, J.
    pub energy_j: f64,
    /// Time that the same work would have taken at the found clocks, s.
    pub default_time_s: f64,
    /// Energy that the same work would have taken at the found clocks, J.
    pub default_energy_j: f64,
    /// 1 - energy / energy at the found clocks; NaN before another setting was measured.
    pub saving: f64,
    /// Standard error of `saving`.
    pub saving_stderr: f64,
    /// Time / time at the found clocks - 1; NaN before another setting was measured.
    pub slowdown: f64,
    /// Standard error of `slowdown`.
    pub slowdown_stderr: f64,
    /// From the first sample to the first hold, s.
    pub settled_after_s: f64,
    /// Trials so far.
    pub settings_tried: u64,
    /// Settings that gpoeo_optimizer_trial() gives: the measured ones, then those that could not be.
    pub trial_count: u64,
    /// Events that were lost because nobody polled them.
    pub events_dropped: u64,
}

/// One setting that was tried; NaN where nothing is known.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_trial {
    /// The setting.
    pub clocks: gpoeo_clocks,
    /// Time and energy of an iteration there, from all measurements so far.
    pub measured: gpoeo_estimate,
    /// 1 - energy per iteration / the same at the found clocks.
    pub saving: f64,
    /// Its standard error.
    pub saving_stderr: f64,
    /// Time per iteration / the same at the found clocks - 1.
    pub slowdown: f64,
    /// Its standard error.
    pub slowdown_stderr: f64,
    /// The saving that was expected before its first trial.
    pub expected_saving: f64,
    /// The slowdown that was expected before its first trial ...
    pub expected_slowdown: f64,
    /// ... and its standard deviation.
    pub expected_slowdown_stderr: f64,
    /// Time spent there, s.
    pub spent_s: f64,
    /// Why it is held, or not.
    pub verdict: gpoeo_verdict,
}

/// What a setting costs, as far as all measurements so far tell.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_setting_cost {
    /// The setting.
    pub clocks: gpoeo_clocks,
    /// 1 - energy per iteration / the same at the found clocks.
    pub saving: f64,
    /// Its standard error.
    pub saving_stderr: f64,
    /// Time per iteration / the same at the found clocks - 1.
    pub slowdown: f64,
    /// Its standard error.
    pub slowdown_stderr: f64,
    /// 1: the setting itself was measured; 0: this is told from the measured ones and from physics.
    pub is_measured: u32,
}

// SAFETY: integers and floats only.
unsafe impl Plain for gpoeo_setting_cost {
    const NAME: &'static str = "gpoeo_setting_cost";
}

// SAFETY: only ever written by us; see `Out`.
unsafe impl Plain for gpoeo_report {
    const NAME: &'static str = "gpoeo_report";
}

// SAFETY: only ever written by us; see `Out`.
unsafe impl Plain for gpoeo_trial {
    const NAME: &'static str = "gpoeo_trial";
}

impl gpoeo_report {
    pub(crate) fn of(report: &Report) -> Self {
        let (outcome, period_s, confidence) = gpoeo_outcome::of(report.outcome);
        let hold = report.hold.as_ref();
        let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Self {
            phase: gpoeo_phase::of(report.phase),
            stop_reason: gpoeo_stop_reason::of(report.stop_reason),
            outcome,
            progress: gpoeo_progress::of(report.progress),
            period_s,
            confidence,
            baseline: gpoeo_estimate::of(report.baseline.as_ref()),
            clocks: gpoeo_clocks::of(report.clocks),
            hold_within: gpoeo_clocks::of(hold.and_then(|hold| hold.within)),
            hold_beyond: gpoeo_clocks::of(hold.and_then(|hold| hold.beyond)),
            hold_beyond_share: known(hold.map(|hold| hold.beyond_share)),
            hold_saving: known(hold.map(|hold| hold.cost.saving())),
            hold_slowdown: known(hold.map(|hold| hold.cost.slowdown())),
            elapsed_s: report.elapsed_s,
            energy_j: report.energy_j,
            default_time_s: report.default_time_s,
            default_energy_j: report.default_energy_j,
            saving: known(report.saving),
            saving_stderr: known(report.saving_stderr),
            slowdown: known(report.slowdown),
            slowdown_stderr: known(report.slowdown_stderr),
            settled_after_s: seconds(report.settled_after),
            settings_tried: u64::from(report.settings_tried),
            trial_count: (report.trials.len() + report.failed.len()) as u64,
            events_dropped: report.events_dropped,
        }
    }
}

impl gpoeo_trial {
    /// A setting by its index: the measured ones, then those that failed.
    pub(crate) fn at(report: &Report, index: usize) -> Option<Self> {
        match report.trials.get(index) {
            Some(trial) => Some(Self::of(trial)),
            None => report.failed.get(index - report.trials.len()).map(|&clocks| Self::failed(clocks)),
        }
    }

    fn of(trial: &TrialReport) -> Self {
        let expected = |value: fn(&Expectation) -> f64| trial.expected.as_ref().map_or(f64::NAN, value);
        Self {
            clocks: gpoeo_clocks::of(Some(trial.clocks)),
            measured: gpoeo_estimate::of(Some(&trial.measured)),
            saving: trial.cost.saving(),
            saving_stderr: trial.energy_stderr,
            slowdown: trial.cost.slowdown(),
            slowdown_stderr: trial.time_stderr,
            expected_saving: expected(|seen| seen.cost.saving()),
            expected_slowdown: expected(|seen| seen.cost.slowdown()),
            expected_slowdown_stderr: expected(|seen| seen.time_stderr),
            spent_s: trial.spent_s,
            verdict: gpoeo_verdict::of(trial.verdict),
        }
    }

    fn failed(clocks: ClockPair) -> Self {
        Self {
            clocks: gpoeo_clocks::of(Some(clocks)),
            measured: gpoeo_estimate::of(None),
            saving: f64::NAN,
            saving_stderr: f64::NAN,
            slowdown: f64::NAN,
            slowdown_stderr: f64::NAN,
            expected_saving: f64::NAN,
            expected_slowdown: f64::NAN,
            expected_slowdown_stderr: f64::NAN,
            spent_s: f64::NAN,
            verdict: gpoeo_verdict::Failed,
        }
    }
}

impl gpoeo_verdict {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::BeyondLimit => Self::BeyondLimit,
            Verdict::Held => Self::Held,
            Verdict::NotBetter => Self::NotBetter,
            Verdict::Uncertain => Self::Uncertain,
            _ => Self::Other,
        }
    }
}

impl gpoeo_setting_cost {
    pub(crate) fn of(setting: &SettingCost) -> Self {
        Self {
            clocks: gpoeo_clocks::of(Some(setting.clocks)),
            saving: setting.cost.saving(),
            saving_stderr: setting.energy_stderr,
            slowdown: setting.cost.slowdown(),
            slowdown_stderr: setting.time_stderr,
            is_measured: u32::from(setting.is_measured),
        }
    }
}

impl gpoeo_progress {
    fn of(source: Option<ProgressSource>) -> Self {
        match source {
            Some(ProgressSource::Marks) => Self::Marks,
            Some(ProgressSource::Period) => Self::Period,
            Some(ProgressSource::WorkRate) => Self::WorkRate,
            _ => Self::Other,
        }
    }
}
