//! What came of an evaluation.

use std::time::Duration;

use gpoeo_core::Objective;

use crate::fault::Faults;
use crate::policy::{Policy, RunOutcome};
use crate::suite::SuiteKind;
use crate::workload::Workload;

use super::Summary;

/// Slowdown beyond the limit that is rounding, ratio.
const LIMIT_ROUNDING: f64 = 1e-6;

/// The runs of a suite: all that were planned, or a part of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Name of the suite.
    pub suite: String,
    /// Where its jobs come from.
    pub kind: SuiteKind,
    /// The GPU of all its jobs, if it is known and the same.
    pub gpu: Option<String>,
    /// What was optimised.
    pub objective: Objective,
    /// Virtual time of each run.
    pub length: Duration,
    /// Runs of each job under each policy.
    pub seeds: u64,
    /// What went wrong in every run.
    pub faults: Faults,
    /// The policies in the order asked for.
    pub policies: Vec<PolicyRuns>,
    /// Runs that were planned and not done; empty if all were.
    pub missing: Vec<MissingRun>,
}

/// A run that was planned and not done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MissingRun {
    /// The policy.
    pub policy: Policy,
    /// Name of the job.
    pub workload: String,
    /// Number of the seed, from 0.
    pub seed: u64,
}

/// The runs of one policy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PolicyRuns {
    /// The policy.
    pub policy: Policy,
    /// Its runs: the jobs in the order of the suite, and of each job its seeds.
    pub runs: Vec<Run>,
    /// Sums over the runs.
    pub summary: Summary,
}

impl Evaluation {
    /// The policy that a report is about: ours where it is among them, else the first.
    #[must_use]
    pub fn subject(&self) -> Option<&PolicyRuns> {
        self.policies.iter().find(|runs| runs.policy == Policy::Gpoeo).or(self.policies.first())
    }
}

impl PolicyRuns {
    /// The runs with the largest [`Run::regret`], largest first, of each job at most one.
    #[must_use]
    pub fn worst(&self, most: usize, objective: Objective) -> Vec<&Run> {
        let of_job = |runs: &'_ [Run]| -> Option<usize> {
            (0..runs.len()).max_by(|&a, &b| runs[a].regret(objective).total_cmp(&runs[b].regret(objective)))
        };
        let mut worst: Vec<&Run> = self.by_job().filter_map(|runs| Some(&runs[of_job(runs)?])).collect();
        worst.sort_by(|a, b| b.regret(objective).total_cmp(&a.regret(objective)));
        worst.truncate(most);
        worst
    }

    /// The runs of each job, one slice a job.
    pub fn by_job(&self) -> impl Iterator<Item = &[Run]> {
        self.runs.chunk_by(|a, b| a.workload == b.workload)
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// The policy.
    pub policy: Policy,
    /// Name of the job.
    pub workload: String,
    /// Class of the job, if it has one.
    pub class: Option<String>,
    /// Number of the seed, from 0.
    pub seed: u64,
    /// What came of it.
    pub outcome: RunOutcome,
    /// Whether the table names its memory clocks.
    pub memory_named: bool,
}

impl Run {
    /// Whether the run as a whole, without noise, was slower than the objective allows; never if it allows any slowdown.
    #[must_use]
    pub fn is_over_limit(&self, objective: Objective) -> bool {
        objective.max_slowdown().is_some_and(|limit| self.outcome.account.slowdown() > limit + LIMIT_ROUNDING)
    }

    /// How much worse than the oracle: the saving that was missed, and the slowdown above the limit; ratio.
    #[must_use]
    pub fn regret(&self, objective: Objective) -> f64 {
        let account = &self.outcome.account;
        let beyond = objective.max_slowdown().map_or(0.0, |limit| (account.slowdown() - limit).max(0.0));
        self.outcome.oracle_cost.saving() - account.saving() + beyond
    }

    pub(super) fn new(policy: Policy, workload: &Workload, seed: u64, outcome: RunOutcome) -> Self {
        Self {
            policy,
            workload: workload.name().to_owned(),
            class: workload.class().map(str::to_owned),
            seed,
            outcome,
            memory_named: workload.curve().memory_clock(outcome.last_clocks).is_some(),
        }
    }
}
