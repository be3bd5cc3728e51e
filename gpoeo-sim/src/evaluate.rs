//! Runs a suite under several policies and adds up what came of it.

mod ablation;
mod results;
mod saved;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gpoeo_core::{ConfigError, Objective, OptimizerConfig};
use rayon::prelude::*;

use crate::fault::Faults;
use crate::gpu::SimConfig;
use crate::hash::Fnv;
use crate::nearest::did_you_mean;
use crate::policy::{Models, Policy, RunOptions, power_cap_w, run_policy};
use crate::record::{RunRecord, record_run};
use crate::suite::{Suite, SuiteKind};
use crate::workload::Workload;

pub use ablation::{Ablation, AblationRow, Part};
pub use results::{Evaluation, MissingRun, PolicyRuns, Run};
pub use saved::Saved;
pub use summary::{Interval, Summary};

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
    /// How ours is configured, but for the objective.
    pub config: OptimizerConfig,
    /// The simulated GPU; its seed is set for each run.
    pub sim: SimConfig,
    /// What the policy `gpoeo` starts from.
    pub models: Models,
    /// What goes wrong in every run.
    pub faults: Faults,
}

impl Default for EvaluateOptions {
    /// The usual policies, the default objective, 20 minutes, one seed.
    fn default() -> Self {
        let RunOptions { objective, length, config, sim, models, .. } = RunOptions::default();
        Self {
            policies: Policy::USUAL.to_vec(),
            objective,
            length,
            seeds: 1,
            gpu: None,
            config,
            sim,
            models,
            faults: Faults::None,
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
    #[error("suite {suite} has no job measured on gpu {gpu}; it has {known}{suggestion}")]
    NoSuchGpu {
        /// The suite.
        suite: String,
        /// The GPU asked for.
        gpu: String,
        /// The GPUs of its jobs.
        known: String,
        /// One that may have been meant, in words.
        suggestion: String,
    },
}

/// Runs every job of a suite under every policy, as many at once as there are threads; equal options give equal results
/// whatever their number. `finished` is called after each run.
///
/// # Errors
/// As for [`Plan::new`] and [`Plan::carry_out`].
pub fn evaluate(
    suite: &Suite,
    options: &EvaluateOptions,
    finished: impl Fn(&Run) + Sync,
) -> Result<Evaluation, EvaluateError> {
    Ok(Plan::new(suite, options.clone())?.carry_out(Vec::new(), finished)?)
}

/// All runs that an evaluation consists of. Each depends on nothing but its job, its policy, the number of its seed and
/// the options, so they can be done in any order, in parts, and one by one.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    suite: &'a Suite,
    options: EvaluateOptions,
    workloads: Vec<&'a Workload>,
    /// One cap for each GPU model, as an admin would set it, W.
    caps: BTreeMap<Option<&'a str>, f64>,
}

/// One run by its place in a plan: the number of its seed, of its job and of its policy. In this order they are done, so
/// that a part of an evaluation compares all policies on the same jobs.
type Place = (u64, usize, usize);

impl<'a> Plan<'a> {
    /// Of a suite.
    ///
    /// # Errors
    /// [`EvaluateError::NoSuchGpu`] if nothing is left to run, [`EvaluateError::Config`] if the objective is out of range.
    pub fn new(suite: &'a Suite, mut options: EvaluateOptions) -> Result<Self, EvaluateError> {
        OptimizerConfig::builder().objective(options.objective).build()?;
        let workloads = workloads_on(suite, options.gpu.as_deref())?;
        let mut named = BTreeSet::new();
        options.policies.retain(|&policy| named.insert(policy));
        options.seeds = options.seeds.max(1);
        let caps = power_caps(&workloads, options.objective);
        Ok(Self { suite, options, workloads, caps })
    }

    /// The jobs, in the order of the suite.
    #[must_use]
    pub fn workloads(&self) -> &[&'a Workload] {
        &self.workloads
    }

    /// What is evaluated.
    #[must_use]
    pub fn options(&self) -> &EvaluateOptions {
        &self.options
    }

    /// Number of all runs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.options.seeds as usize * self.workloads.len() * self.options.policies.len()
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How a job of the suite is run with one of the seeds, under any policy: all meet the same noise.
    #[must_use]
    pub fn run_options(&self, workload: &Workload, seed: u64) -> RunOptions {
        RunOptions {
            objective: self.options.objective,
            length: self.options.length,
            config: self.options.config.clone(),
            sim: self.options.sim.clone().with_seed(job_seed(workload.name(), seed)),
            models: self.options.models.clone(),
            power_cap_w: self.caps.get(&workload.gpu()).copied(),
            faults: self.options.faults.clone(),
        }
    }

    /// Does all runs that are not among `done`, as many at once as there are threads. `finished` is called after each.
    ///
    /// # Errors
    /// [`ConfigError`] if a policy refuses the objective.
    pub fn carry_out(&self, done: Vec<Run>, finished: impl Fn(&Run) + Sync) -> Result<Evaluation, ConfigError> {
        let known: BTreeSet<Place> = done.iter().filter_map(|run| self.place(run)).collect();
        let open: Vec<Place> = self.places().filter(|place| !known.contains(place)).collect();
        let next = AtomicUsize::new(0);
        let results = Mutex::new((done, None));
        // In order, not split in halves, so that what is done at any moment is a beginning of the plan.
        rayon::broadcast(|_| {
            while let Some(&place) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                let run = self.run(place);
                let mut results = results.lock().expect("no run panics while it is held");
                match run {
                    Ok(run) => {
                        finished(&run);
                        results.0.push(run);
                    }
                    Err(error) => {
                        results.1 = Some(error);
                        next.store(open.len(), Ordering::Relaxed);
                    }
                }
            }
        });
        match results.into_inner().expect("no run panics while it is held") {
            (_, Some(error)) => Err(error),
            (runs, None) => Ok(self.sum_up(runs)),
        }
    }

    /// Adds up some of the runs; those that are not of this plan are left out, and repeats count once.
    #[must_use]
    pub fn sum_up(&self, runs: Vec<Run>) -> Evaluation {
        let mut by_place: BTreeMap<Place, Run> =
            runs.into_iter().filter_map(|run| Some((self.place(&run)?, run))).collect();
        let missing = self.places().filter(|place| !by_place.contains_key(place)).map(|(seed, job, policy)| {
            MissingRun { policy: self.options.policies[policy], workload: self.workloads[job].name().to_owned(), seed }
        });
        let missing = missing.collect();
        let policies = self.options.policies.iter().enumerate().map(|(index, &policy)| {
            let jobs =
                (0..self.workloads.len()).flat_map(|job| (0..self.options.seeds).map(move |seed| (seed, job, index)));
            let runs: Vec<Run> = jobs.filter_map(|place| by_place.remove(&place)).collect();
            let summary = Summary::new(&runs, self.options.objective);
            PolicyRuns { policy, runs, summary }
        });
        let policies = policies.collect();
        Evaluation {
            suite: self.suite.name().to_owned(),
            kind: self.suite.kind(),
            gpu: self.options.gpu.clone().or_else(|| self.suite.gpu().map(str::to_owned)),
            objective: self.options.objective,
            length: self.options.length,
            seeds: self.options.seeds,
            faults: self.options.faults.clone(),
            policies,
            missing,
        }
    }

    /// Does the worst runs of the policy that a report is about once more, with all that happened in them kept.
    ///
    /// # Errors
    /// As for [`Plan::carry_out`].
    pub fn open_worst(&self, evaluation: &Evaluation, most: usize) -> Result<Vec<RunRecord>, ConfigError> {
        let worst = evaluation.subject().map(|subject| subject.worst(most, self.options.objective));
        let open = |run: &Run| -> Option<Result<RunRecord, ConfigError>> {
            let workload = self.workloads.iter().find(|workload| workload.name() == run.workload)?;
            let record = record_run(run.policy, workload, &self.run_options(workload, run.seed), &mut ());
            Some(record.map(|record| record.with_suite(self.suite.name()).with_seed(run.seed)))
        };
        worst.unwrap_or_default().into_par_iter().filter_map(open).collect()
    }

    /// A number that differs where the same run would come out differently: of the jobs and of all options but for the
    /// policies and the number of seeds. Of one build of the program; another one may count otherwise.
    #[must_use]
    pub fn key(&self) -> u64 {
        let options = EvaluateOptions { policies: Vec::new(), seeds: 1, ..self.options.clone() };
        let mut hash = Fnv::default();
        hash.write(format!("{} {options:?}", self.suite.name()).as_bytes());
        for workload in &self.workloads {
            let (curve, turn) = (workload.curve(), workload.waveform().turn());
            hash.write(format!("{} {turn:?} {:?}", workload.name(), curve.default_power_w()).as_bytes());
            for (clocks, cost) in curve.settings() {
                hash.write(format!("{clocks:?} {cost:?}").as_bytes());
            }
        }
        hash.finish()
    }

    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let policies = self.options.policies.len();
        let jobs = move |seed| {
            (0..self.workloads.len()).flat_map(move |job| (0..policies).map(move |policy| (seed, job, policy)))
        };
        (0..self.options.seeds).flat_map(jobs)
    }

    fn place(&self, run: &Run) -> Option<Place> {
        let job = self.workloads.iter().position(|workload| workload.name() == run.workload)?;
        let policy = self.options.policies.iter().position(|&policy| policy == run.policy)?;
        (run.seed < self.options.seeds).then_some((run.seed, job, policy))
    }

    fn run(&self, (seed, job, policy): Place) -> Result<Run, ConfigError> {
        let (workload, policy) = (self.workloads[job], self.options.policies[policy]);
        let outcome = run_policy(policy, workload, &self.run_options(workload, seed))?;
        Ok(Run::new(policy, workload, seed, outcome))
    }
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
            suggestion: did_you_mean(gpu, known.iter().copied()),
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

/// The seed of all noise of one job's run: of the job's name and the number of the seed, so that every job has noise of its
/// own, wherever it stands in its suite, and every policy meets the same.
///
/// This is the rule of `gpoeo-sim run --seed K` and of seed K of `gpoeo-sim evaluate`.
#[must_use]
pub fn job_seed(workload: &str, seed: u64) -> u64 {
    let mut hash = Fnv::default();
    hash.write(workload.as_bytes());
    hash.write(&seed.to_le_bytes());
    hash.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

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
        let suite = Suite::built_in();
        let plan = Plan::new(&suite, options).unwrap();
        assert_eq!(plan.len(), 64);
        let counted = |_: &Run| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let evaluation = plan.carry_out(Vec::new(), counted).unwrap();
        assert!(evaluation.missing.is_empty());
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
        let evaluation = evaluation(&EvaluateOptions {
            policies: vec![Policy::Default, Policy::PowerLimit, Policy::Oracle, Policy::Hull],
            ..EvaluateOptions::default()
        });
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

    #[test]
    fn jobs_and_seeds_have_noise_of_their_own() {
        assert_ne!(job_seed("ppo", 0), job_seed("sac", 0));
        assert_ne!(job_seed("ppo", 0), job_seed("ppo", 1));
        assert_eq!(job_seed("ppo", 3), job_seed("ppo", 3));
    }
}
