//! What may control the clocks of a simulated GPU, to be compared: ours and what there is to beat.

mod constant;
mod hull;
mod machine;
mod models;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gpoeo_core::{
    ClockPair, ConfigError, GpuBackend, Objective, Optimizer, OptimizerConfig, Outcome, RelativeCost, Timestamp,
};

use crate::gpu::{Account, Drift, SimConfig, SimGpu};
use crate::oracle::oracle;
use crate::watch::Watch;
use crate::workload::Workload;

/// Who controls the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Nobody: the driver's default clocks.
    Default,
    /// Ours as it is meant to be used: starts from trained models, if it is given some.
    Gpoeo,
    /// The best mix of two settings, known from the start: see [`best_mix`](crate::best_mix).
    Hull,
    /// Ours without a model: starts from measurements alone.
    ModelFree,
    /// The best constant setting, known from the start: see [`oracle`](crate::oracle()).
    Oracle,
    /// A static power limit as admins set it: see [`power_cap_w`].
    PowerLimit,
}

impl Policy {
    /// All policies, those that know everything last.
    pub const ALL: [Self; 6] =
        [Self::Gpoeo, Self::ModelFree, Self::Default, Self::PowerLimit, Self::Oracle, Self::Hull];

    /// What an evaluation compares unless told otherwise.
    pub const USUAL: [Self; 5] = [Self::Gpoeo, Self::Default, Self::PowerLimit, Self::Oracle, Self::Hull];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Gpoeo => "gpoeo",
            Self::Hull => "hull",
            Self::ModelFree => "model-free",
            Self::Oracle => "oracle",
            Self::PowerLimit => "power-limit",
        }
    }
}

impl Policy {
    /// Whether it knows from the start what every setting costs: a bound, not a competitor.
    #[must_use]
    pub const fn knows_everything(self) -> bool {
        matches!(self, Self::Hull | Self::Oracle)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such policy; the policies are gpoeo, model-free, default, power-limit, oracle and hull")]
#[non_exhaustive]
pub struct UnknownPolicy;

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        Self::ALL.into_iter().find(|policy| policy.name() == name).ok_or(UnknownPolicy)
    }
}

/// How a policy is run on a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunOptions {
    /// What to optimise; the default is least energy within 5 % slowdown.
    pub objective: Objective,
    /// Virtual time from the begin of the job to the end of the run; 20 minutes unless set.
    pub length: Duration,
    /// How ours is configured, but for the objective.
    pub config: OptimizerConfig,
    /// The simulated GPU, its seed included.
    pub sim: SimConfig,
    /// What the policy `gpoeo` starts from.
    pub models: Models,
    /// Mean power that the policy `power-limit` allows, W; `None`: [`power_cap_w`] of this job alone.
    pub power_cap_w: Option<f64>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            objective: Objective::default(),
            length: Duration::from_secs(20 * 60),
            config: OptimizerConfig::default(),
            sim: SimConfig::default(),
            models: Models::default(),
            power_cap_w: None,
        }
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunOutcome {
    /// What the run really cost.
    pub account: Account,
    /// The setting asked for when the time ran out.
    pub last_clocks: ClockPair,
    /// Its noise-free cost.
    pub last_cost: RelativeCost,
    /// The best constant setting under the objective; default clocks if none keeps its limit.
    pub oracle_clocks: ClockPair,
    /// Its noise-free cost.
    pub oracle_cost: RelativeCost,
    /// Time from the begin of the job until the search was over, s; `None` if it was not.
    pub settled_s: Option<f64>,
    /// Settings that were measured.
    pub settings_tried: u32,
    /// What the detection said at the end; `None` for a policy without detection.
    pub outcome: Option<Outcome>,
}

/// Runs one job under one policy to the end.
///
/// # Errors
/// [`ConfigError`] if the policies that use the machine cannot be configured with this objective.
pub fn run_policy(policy: Policy, workload: &Workload, options: &RunOptions) -> Result<RunOutcome, ConfigError> {
    watch_policy(policy, workload, options, &mut ())
}

/// The same, with somebody who looks on; the outcome is the same.
///
/// # Errors
/// As for [`run_policy`].
pub fn watch_policy(
    policy: Policy,
    workload: &Workload,
    options: &RunOptions,
    watch: &mut impl Watch,
) -> Result<RunOutcome, ConfigError> {
    let curve = workload.curve();
    Ok(match policy {
        Policy::Default => hold(workload, options, curve.default_clocks(), watch),
        Policy::Gpoeo => machine::run(workload, options, options.models.set(), watch)?,
        Policy::ModelFree => machine::run(workload, options, None, watch)?,
        Policy::Hull => hull::run(workload, options, watch),
        Policy::Oracle => {
            let (clocks, _) = best_constant(workload, options.objective);
            hold(workload, options, clocks, watch)
        }
        Policy::PowerLimit => {
            let cap_w = options.power_cap_w.or_else(|| power_cap_w([workload], options.objective));
            hold(workload, options, constant::under_cap(curve, cap_w.unwrap_or(f64::INFINITY)), watch)
        }
    })
}

pub use constant::power_cap_w;
pub use models::Models;

/// One setting from before the job begins to the end.
fn hold(workload: &Workload, options: &RunOptions, clocks: ClockPair, watch: &mut impl Watch) -> RunOutcome {
    let mut gpu = SimGpu::new(workload.clone(), known_sim(options), options.length);
    gpu.set_clocks(clocks).expect("the setting comes from the job's own curve");
    let end = gpu.end();
    watched_sleep(&mut gpu, end, None, watch);
    finished(&gpu, options.objective)
}

/// Lets time pass while nobody acts.
fn watched_sleep(gpu: &mut SimGpu, until: Timestamp, machine: Option<&Optimizer>, watch: &mut impl Watch) {
    /// As often as the machine reads.
    const TURN: Duration = Duration::from_millis(250);
    let mut samples = Vec::new();
    while gpu.time() < until.min(gpu.end()) {
        gpu.sleep_until(until.min(gpu.time() + TURN));
        samples.clear();
        gpu.read_samples(&mut samples).expect("a simulated GPU can be read");
        samples.iter().for_each(|sample| watch.sample(sample));
        watch.turn(gpu, machine);
    }
}

/// The simulated GPU of a policy that knows everything: a bound, so nothing but its settings may count.
fn known_sim(options: &RunOptions) -> SimConfig {
    options.sim.clone().with_instant_clocks().with_drift(Drift::Absent)
}

/// The outcome of a policy that neither detects nor searches.
fn finished(gpu: &SimGpu, objective: Objective) -> RunOutcome {
    let (oracle_clocks, oracle_cost) = best_constant(gpu.workload(), objective);
    let (last_clocks, last_cost) = last_setting(gpu);
    RunOutcome {
        account: gpu.account(),
        last_clocks,
        last_cost,
        oracle_clocks,
        oracle_cost,
        settled_s: Some(0.0),
        settings_tried: 0,
        outcome: None,
    }
}

/// The setting asked for when the time ran out, and its noise-free cost.
fn last_setting(gpu: &SimGpu) -> (ClockPair, RelativeCost) {
    let clocks = gpu.asked_clocks();
    (clocks, gpu.workload().curve().cost(clocks).unwrap_or(RelativeCost::DEFAULT))
}

fn best_constant(workload: &Workload, objective: Objective) -> (ClockPair, RelativeCost) {
    oracle(workload.curve(), objective).unwrap_or((workload.curve().default_clocks(), RelativeCost::DEFAULT))
}

#[cfg(test)]
mod tests;
