//! One run, kept so that it can be shown: what happened when, what was measured, what was true.

mod account;
mod recorder;
mod signal;
mod trend;

use std::time::Duration;

use gpoeo_core::{ClockPair, ConfigError, Event, Objective, Phase, ProgressSource, Report};

use crate::policy::{Policy, RunOptions, RunOutcome, watch_policy};
use crate::watch::Watch;
use crate::workload::Workload;

use recorder::{Both, Recorder};

pub use account::Measured;
pub use signal::SeenSignal;
pub use trend::{Trend, TrendBin};

/// One run of one job, with all that a report shows. Times are seconds since the job began; negative before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunRecord {
    /// The suite of the job, if it has one.
    pub suite: Option<String>,
    /// The job.
    pub workload: Workload,
    /// Who controlled the clocks.
    pub policy: Policy,
    /// What was to be optimised.
    pub objective: Objective,
    /// Virtual time from the begin of the job to the end.
    pub length: Duration,
    /// Seed of all noise, or the number that it was made of ([`job_seed`](crate::job_seed)).
    pub seed: u64,
    /// What really came of it, without noise.
    pub outcome: RunOutcome,
    /// What the machine knew at the end; `None` for a policy without one.
    pub machine: Option<MachineRecord>,
    /// The phases in order, one after the other without gaps; empty without a machine.
    pub phases: Vec<PhaseSpan>,
    /// Time at each setting that was asked for, clocks ascending.
    pub stays: Vec<Stay>,
    /// Power and clock over time.
    pub trend: Trend,
    /// The same of the first minutes, more finely.
    pub beginning: Trend,
    /// The signal in which the period was found; `None` if none was measured.
    pub signal: Option<SeenSignal>,
}

/// What the machine knew and told.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MachineRecord {
    /// Its account, from its first sample on.
    pub report: Report,
    /// The same since the job began.
    pub measured: Measured,
    /// What it told, in order.
    pub events: Vec<TimedEvent>,
    /// Events beyond the 10 000 that are kept.
    pub events_left_out: u64,
}

/// An event and when it was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedEvent {
    /// Time since the job began, s.
    pub at_s: f64,
    /// What was told.
    pub event: Event,
}

/// A stretch of time in one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseSpan {
    /// The phase.
    pub phase: Phase,
    /// Its begin, s.
    pub from_s: f64,
    /// Its end, s.
    pub to_s: f64,
}

/// The time spent at one setting since the job began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stay {
    /// The setting asked for.
    pub clocks: ClockPair,
    /// All time there, s.
    pub total_s: f64,
    /// The part of it in which the setting was held, s; all of it without a machine.
    pub held_s: f64,
}

impl RunRecord {
    /// Names the suite of the job.
    #[must_use]
    pub fn with_suite(mut self, suite: impl Into<String>) -> Self {
        self.suite = Some(suite.into());
        self
    }

    /// Says of which number the seed was made.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether progress was known from the rate of instructions, not from an iteration.
    #[must_use]
    pub fn is_by_work_rate(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.report.progress == Some(ProgressSource::WorkRate))
    }

    /// Time in a phase since the job began, s.
    #[must_use]
    pub fn phase_s(&self, phase: Phase) -> f64 {
        let spans = self.phases.iter().filter(|span| span.phase == phase);
        spans.map(|span| (span.to_s - span.from_s.max(0.0)).max(0.0)).fold(0.0, |sum, length_s| sum + length_s)
    }

    /// Time since the job began that went into looking for the iteration, measuring it at default clocks and reading
    /// counters there, s.
    #[must_use]
    pub fn detection_s(&self) -> f64 {
        [Phase::Detect, Phase::MeasureBaseline, Phase::Profile].iter().map(|&phase| self.phase_s(phase)).sum()
    }

    /// Time since the job began that went into trials of other settings, s.
    #[must_use]
    pub fn exploration_s(&self) -> f64 {
        self.phase_s(Phase::Search)
    }
}

/// Runs one job under one policy to the end and keeps what a report shows, in bounded memory whatever the length.
/// `watch` looks on.
///
/// # Errors
/// [`ConfigError`] as for [`run_policy`](crate::run_policy).
pub fn record_run(
    policy: Policy,
    workload: &Workload,
    options: &RunOptions,
    watch: &mut impl Watch,
) -> Result<RunRecord, ConfigError> {
    let mut recorder = Recorder::new(workload, options);
    let outcome = watch_policy(policy, workload, options, &mut Both { recorder: &mut recorder, other: watch })?;
    Ok(recorder.finish(policy, workload, options, outcome))
}

#[cfg(test)]
mod tests;
