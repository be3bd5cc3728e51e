//! What the machine can say about the run so far.

use core::time::Duration;

use crate::caps::ClockPair;
use crate::estimate::Estimate;
use crate::event::{Phase, ProgressSource, StopReason};
use crate::models::{NoPrediction, Predicted, Variant};
use crate::objective::RelativeCost;
use crate::outcome::Outcome;

/// An account of the run so far. Everything that the machine itself caused (detection, trials) is in it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// What the machine is doing.
    pub phase: Phase,
    /// Why it stopped, once it did.
    pub stop_reason: Option<StopReason>,
    /// The rhythm of the job.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub outcome: Outcome,
    /// Where the knowledge of progress comes from; `None` before the baseline.
    pub progress: Option<ProgressSource>,
    /// Time and energy of an iteration at the found clocks.
    pub baseline: Option<Estimate>,
    /// The pair that is locked now; `None`: the clocks are as they were found.
    pub clocks: Option<ClockPair>,
    /// What is (or would be) held, as the knowledge stands; `None` before the baseline.
    pub hold: Option<HoldReport>,
    /// The settings that were measured, in the order of their first trial.
    pub trials: Vec<TrialReport>,
    /// Settings that were tried and could not be set or measured.
    pub failed: Vec<ClockPair>,
    /// From the first sample to the last, s.
    pub elapsed_s: f64,
    /// Energy used in that time, J.
    pub energy_j: f64,
    /// Time that the same work would have taken at the found clocks, s.
    pub default_time_s: f64,
    /// Energy that the same work would have taken at the found clocks, J.
    pub default_energy_j: f64,
    /// 1 - energy / energy at the found clocks; `None` before another setting was measured.
    pub saving: Option<f64>,
    /// Standard error of `saving`.
    pub saving_stderr: Option<f64>,
    /// Time / time at the found clocks - 1; `None` before another setting was measured.
    pub slowdown: Option<f64>,
    /// Standard error of `slowdown`.
    pub slowdown_stderr: Option<f64>,
    /// Trials so far.
    pub settings_tried: u32,
    /// From the first sample to the first hold.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "settled_after_s", serialize_with = "crate::time::seconds::serialize_some")
    )]
    pub settled_after: Option<Duration>,
    /// What the models said after the last baseline; `None` without models, and before.
    pub prediction: Option<PredictionReport>,
    /// Share of the time so far in which counters were open, 0..1.
    pub counters_share: f64,
    /// Events that were lost because nobody polled them.
    pub events_dropped: u64,
}

/// What the models said, or why they said nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PredictionReport {
    /// Where their inputs came from; `None`: no prediction.
    pub variant: Option<Variant>,
    /// The best pair by the prediction, with its expected cost and error.
    pub best: Option<Predicted>,
    /// Why there is no prediction.
    pub reason: Option<NoPrediction>,
}

/// One setting, or two in turns.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HoldReport {
    /// The setting that keeps the limit by itself; `None`: the found clocks.
    pub within: Option<ClockPair>,
    /// The other one; the same where one setting is held.
    pub beyond: Option<ClockPair>,
    /// Share of the iterations at `beyond`, 0..1.
    pub beyond_share: f64,
    /// Mean cost of an iteration.
    pub cost: RelativeCost,
}

/// What a setting costs, as far as all measurements so far tell.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SettingCost {
    /// The setting.
    pub clocks: ClockPair,
    /// Time and energy of an iteration relative to the found clocks.
    pub cost: RelativeCost,
    /// Standard error of the relative time.
    pub time_stderr: f64,
    /// Standard error of the relative energy.
    pub energy_stderr: f64,
    /// Whether the setting itself was measured; otherwise it is told from the measured ones and from physics.
    pub is_measured: bool,
}

/// One setting that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TrialReport {
    /// The setting.
    pub clocks: ClockPair,
    /// Time and energy of an iteration there, from all measurements so far.
    pub measured: Estimate,
    /// The same, relative to the baseline.
    pub cost: RelativeCost,
    /// Standard error of the relative time.
    pub time_stderr: f64,
    /// Standard error of the relative energy.
    pub energy_stderr: f64,
    /// What was expected of it before its first trial.
    pub expected: Option<Expectation>,
    /// Why it is held, or not.
    pub verdict: Verdict,
    /// Time spent there, s.
    pub spent_s: f64,
}

/// What the search expected of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Expectation {
    /// Expected relative cost.
    pub cost: RelativeCost,
    /// Standard deviation of the expected relative time.
    pub time_stderr: f64,
}

/// Why a measured setting is held, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Verdict {
    /// It breaks the limit by itself, and no mix with it is better than what is held.
    BeyondLimit,
    /// It is held, alone or in turns with another one.
    Held,
    /// It keeps the limit, but what is held is better.
    NotBetter,
    /// It was not measured well enough to be held.
    Uncertain,
}
