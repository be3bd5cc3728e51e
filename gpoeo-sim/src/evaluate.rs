//! Runs a suite under several policies and adds up what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use gpoeo_core::{ConfigError, Objective};
use rayon::prelude::*;

use crate::gpu::SimConfig;
use crate::policy::{Policy, RunOptions, RunOutcome, power_cap_w, run_policy};
use crate::suite::{Suite, SuiteKind};
use crate::workload::Workload;

/// Slowdown beyond the limit that is rounding, ratio.
const LIMIT_ROUNDING: f64 = 1e-6;

/// What to evaluate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EvaluateOptions {
    /// The policies, in the order of the report; repeats count once.
    pub policies: Vec<Policy>,
    /// What to optimise.
    pub objective: Objective,
    /// Virtual time of each run, from the begin of the job.
    pub length: Duration,
    /// Runs of each job under each policy, each with noise of its own; at least 1.
    pub seeds: u64,
    /// Only jobs measured on this GPU; `None`: all.
    pub gpu: Option<String>,
    /// The simulated GPU; its seed is set for each run.
    pub sim: SimConfig,
}

impl Default for EvaluateOptions {
    /// All policies, the default objective, 20 minutes, one seed.
    fn default() -> Self {
        let RunOptions { objective, length, sim, .. } = RunOptions::default();
        Self { policies: Policy::USUAL.to_vec(), objective, length, seeds: 1, gpu: None, sim }
    }
}

/// All runs of a suite.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Name of the suite.
    pub suite: String,
    /// The GPU of all its jobs, if it is known and the same.
    pub gpu: Option<String>,
    /// What was optimised.
    pub objective: Objective,
    /// Virtual time of each run.
    pub length: Duration,
    /// The policies in the order asked for.
    pub policies: Vec<PolicyRuns>,
}

/// All runs of one policy.
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

/// One run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// Name of the job.
    pub workload: String,
    /// Number of the seed, from 0.
    pub seed: u64,
    /// What came of it.
    pub outcome: RunOutcome,
    /// Whether the table names its memory clocks.
    pub memory_named: bool,
}

/// Sums over the runs of one policy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Mean saving over the runs.
    pub mean_saving: f64,
    /// Mean slowdown over the runs.
    pub mean_slowdown: f64,
    /// Largest slowdown of a run.
    pub max_slowdown: f64,
    /// Sum of savings / sum of the oracle's noise-free savings; `None` if the oracle saves nothing.
    pub capture: Option<f64>,
    /// Runs with more slowdown than the objective allows; 0 if it allows any.
    pub over_limit: usize,
}

impl Summary {
    fn new(runs: &[Run], objective: Objective) -> Self {
        let count = runs.len().max(1) as f64;
        let sum = |value: &dyn Fn(&RunOutcome) -> f64| runs.iter().map(|run| value(&run.outcome)).sum::<f64>();
        let saving = sum(&|outcome| outcome.account.saving());
        let oracle_saving = sum(&|outcome| outcome.oracle_cost.saving());
        let limit = objective.max_slowdown().map_or(f64::INFINITY, |limit| limit + LIMIT_ROUNDING);
        Self {
            mean_saving: saving / count,
            mean_slowdown: sum(&|outcome| outcome.account.slowdown()) / count,
            max_slowdown: runs.iter().map(|run| run.outcome.account.slowdown()).fold(f64::NEG_INFINITY, f64::max),
            capture: (oracle_saving > 0.0).then(|| saving / oracle_saving),
            over_limit: runs.iter().filter(|run| run.outcome.account.slowdown() > limit).count(),
        }
    }
}

/// Why a suite was not evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The objective is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No job of the suite was measured on the GPU asked for.
    #[error("suite {suite} has no job measured on gpu {gpu}; it has {known}")]
    NoSuchGpu {
        /// The suite.
        suite: String,
        /// The GPU asked for.
        gpu: String,
        /// The GPUs of its jobs.
        known: String,
    },
}

/// Runs every job of a suite under every policy, as many at once as there are threads; equal options give equal results
/// whatever their number. `finished` is called after each run with the number of all runs.
///
/// # Errors
/// [`EvaluateError::NoSuchGpu`] if nothing is left to run, [`EvaluateError::Config`] if a policy refuses the objective.
pub fn evaluate(
    suite: &Suite,
    options: &EvaluateOptions,
    finished: impl Fn(u64) + Sync,
) -> Result<Evaluation, EvaluateError> {
    let workloads = workloads_on(suite, options.gpu.as_deref())?;
    let caps = power_caps(&workloads, options.objective);
    let mut policies = Vec::new();
    for &policy in &options.policies {
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    let mut jobs = Vec::new();
    for &policy in &policies {
        for (index, &workload) in workloads.iter().enumerate() {
            jobs.extend((0..options.seeds.max(1)).map(|seed| (policy, index, workload, seed)));
        }
    }
    let total = jobs.len() as u64;
    let runs: Result<Vec<Run>, ConfigError> = jobs
        .into_par_iter()
        .map(|(policy, index, workload, seed)| {
            let run_options = RunOptions {
                objective: options.objective,
                length: options.length,
                sim: options.sim.clone().with_seed(run_seed(index, seed)),
                power_cap_w: caps.get(&workload.gpu()).copied(),
            };
            let outcome = run_policy(policy, workload, &run_options)?;
            finished(total);
            let memory_named = workload.curve().memory_clock(outcome.last_clocks).is_some();
            Ok(Run { workload: workload.name().to_owned(), seed, outcome, memory_named })
        })
        .collect();
    let mut runs = runs?.into_iter();
    let per_policy = workloads.len() * options.seeds.max(1) as usize;
    let policies = policies
        .into_iter()
        .map(|policy| {
            let runs: Vec<Run> = runs.by_ref().take(per_policy).collect();
            let summary = Summary::new(&runs, options.objective);
            PolicyRuns { policy, runs, summary }
        })
        .collect();
    Ok(Evaluation {
        suite: suite.name().to_owned(),
        gpu: options.gpu.clone().or_else(|| suite.gpu().map(str::to_owned)),
        objective: options.objective,
        length: options.length,
        policies,
    })
}

/// The jobs of a suite that were measured on a GPU, at least one; all of them for `None`, and of a modelled suite, which
/// is made for one GPU as a whole ([`Suite::find_on`]).
///
/// # Errors
/// [`EvaluateError::NoSuchGpu`] if there is none.
pub fn workloads_on<'a>(suite: &'a Suite, gpu: Option<&str>) -> Result<Vec<&'a Workload>, EvaluateError> {
    let Some(gpu) = gpu.filter(|_| suite.kind() == SuiteKind::Measured) else {
        return Ok(suite.workloads().iter().collect());
    };
    let chosen: Vec<_> = suite.workloads().iter().filter(|workload| workload.gpu() == Some(gpu)).collect();
    if chosen.is_empty() {
        let mut known: Vec<_> =
            suite.workloads().iter().map(|workload| workload.gpu().unwrap_or("none named")).collect();
        known.sort_unstable();
        known.dedup();
        return Err(EvaluateError::NoSuchGpu {
            suite: suite.name().to_owned(),
            gpu: gpu.to_owned(),
            known: known.join(", "),
        });
    }
    Ok(chosen)
}

/// One cap for each GPU model, as an admin would set it.
fn power_caps<'a>(workloads: &[&'a Workload], objective: Objective) -> BTreeMap<Option<&'a str>, f64> {
    let mut by_gpu: BTreeMap<Option<&str>, Vec<&Workload>> = BTreeMap::new();
    for &workload in workloads {
        by_gpu.entry(workload.gpu()).or_default().push(workload);
    }
    by_gpu.into_iter().filter_map(|(gpu, workloads)| Some((gpu, power_cap_w(workloads, objective)?))).collect()
}

/// The same for every policy, so that all meet the same noise; different for every job and seed.
fn run_seed(workload: usize, seed: u64) -> u64 {
    // An odd multiplier keeps (workload, seed) pairs apart over the whole range.
    (workload as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::hull::best_mix;

    fn evaluation(options: &EvaluateOptions) -> Evaluation {
        evaluate(&Suite::built_in(), options, |_| {}).unwrap()
    }

    fn short() -> EvaluateOptions {
        EvaluateOptions { length: Duration::from_secs(60), seeds: 2, ..EvaluateOptions::default() }
    }

    #[test]
    fn runs_are_ordered_and_counted() {
        let count = AtomicU64::new(0);
        let options = EvaluateOptions { policies: vec![Policy::Oracle, Policy::Default, Policy::Oracle], ..short() };
        let evaluation = evaluate(&Suite::built_in(), &options, |total| {
            assert_eq!(total, 64);
            count.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        assert_eq!(count.into_inner(), 64);
        let names: Vec<_> = evaluation.policies.iter().map(|runs| runs.policy).collect();
        assert_eq!(names, [Policy::Oracle, Policy::Default]);
        let order: Vec<_> = evaluation.policies[0].runs.iter().map(|run| (run.workload.as_str(), run.seed)).collect();
        assert_eq!(order[..3], [("vit_large", 0), ("vit_large", 1), ("gpt2_medium_accum8", 0)]);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| evaluation(&short()))
        };
        assert_eq!(with(1), with(3));
    }

    /// The hull bounds what can be saved at a slowdown; that of a run may differ from the limit a little.
    #[test]
    fn nobody_saves_more_than_the_hull_at_the_slowdown_of_the_run() {
        let suite = Suite::built_in();
        let evaluation = evaluation(&EvaluateOptions::default());
        for runs in &evaluation.policies {
            for run in &runs.runs {
                let (saving, slowdown) = (run.outcome.account.saving(), run.outcome.account.slowdown());
                let curve = suite.workload(&run.workload).unwrap().curve();
                let bound = best_mix(curve, Objective::MinEnergy { max_slowdown: slowdown.max(0.0) }).unwrap();
                // Not every part of a waveform has met every setting in its share.
                assert!(saving <= bound.cost.saving() + 1e-3, "{} {}", runs.policy, run.workload);
            }
        }
    }

    #[test]
    fn the_policies_that_know_everything_get_what_they_promise() {
        let evaluation =
            evaluation(&EvaluateOptions { policies: Policy::ALL[2..].to_vec(), ..EvaluateOptions::default() });
        let summary = |policy: Policy| evaluation.policies.iter().find(|runs| runs.policy == policy).unwrap().summary;
        assert!(summary(Policy::Default).capture.unwrap().abs() < 1e-9);
        assert!((summary(Policy::Oracle).capture.unwrap() - 1.0).abs() < 0.005);
        assert!(summary(Policy::Hull).capture.unwrap() > 1.0);
        assert!(evaluation.policies.iter().all(|runs| runs.summary.over_limit == 0));
    }

    #[test]
    fn an_objective_out_of_range_is_refused() {
        let objective = Objective::MinEnergy { max_slowdown: f64::NAN };
        let options = EvaluateOptions { objective, policies: vec![Policy::Gpoeo], ..short() };
        assert!(matches!(evaluate(&Suite::built_in(), &options, |_| {}), Err(EvaluateError::Config(_))));
    }

    #[test]
    fn a_gpu_that_the_suite_does_not_have_is_refused() {
        let options = EvaluateOptions { gpu: Some("h100".to_owned()), ..short() };
        let error = evaluate(&Suite::built_in(), &options, |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "suite a100 has no job measured on gpu h100; it has A100_SXM");
    }
}
