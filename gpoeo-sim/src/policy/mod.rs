//! What may control the clocks of a simulated GPU, to be compared: ours and what there is to beat.

mod bench;
mod constant;
mod energy_ucb;
mod hull;
mod machine;
mod mf_gpoeo;
mod models;
mod odpp;
mod paper;
mod zeus;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gpoeo_core::{ClockPair, ConfigError, Objective, OptimizerConfig, Outcome, RelativeCost};

use crate::fault::Faults;
use crate::gpu::{Account, Drift, SimConfig};
use crate::oracle::oracle;
use crate::watch::Watch;
use crate::workload::Workload;

/// Who controls the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Nobody: the driver's default clocks.
    Default,
    /// A bandit over SM clocks with a cost of switching: Xu et al., arXiv 2410.11855.
    EnergyUcb,
    /// Ours as it is meant to be used: starts from trained models, where there are any for the GPU.
    Gpoeo,
    /// The best mix of two settings, known from the start: see [`best_mix`](crate::best_mix).
    Hull,
    /// The model-free follow-up of GPOEO: a controller on measured slowdown (IEEE TSUSC 2023).
    MfGpoeo,
    /// Ours without a model: starts from measurements alone.
    ModelFree,
    /// ODPP as it is implemented beside GPOEO (CCGRID 2020).
    Odpp,
    /// The best constant setting, known from the start: see [`oracle`](crate::oracle()).
    Oracle,
    /// GPOEO as published (IEEE TPDS 2022).
    Paper,
    /// A static power limit as admins set it: see [`power_cap_w`].
    PowerLimit,
    /// A sweep of the power limit in the training loop: Zeus (NSDI 2023).
    Zeus,
}

impl Policy {
    /// All policies, those that know everything last.
    pub const ALL: [Self; 11] = [
        Self::Gpoeo,
        Self::ModelFree,
        Self::Paper,
        Self::Odpp,
        Self::MfGpoeo,
        Self::Zeus,
        Self::EnergyUcb,
        Self::PowerLimit,
        Self::Default,
        Self::Oracle,
        Self::Hull,
    ];

    /// What an evaluation compares unless told otherwise.
    pub const USUAL: [Self; 5] = [Self::Gpoeo, Self::Default, Self::PowerLimit, Self::Oracle, Self::Hull];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::EnergyUcb => "energy-ucb",
            Self::Gpoeo => "gpoeo",
            Self::Hull => "hull",
            Self::MfGpoeo => "mf-gpoeo",
            Self::ModelFree => "model-free",
            Self::Odpp => "odpp",
            Self::Oracle => "oracle",
            Self::Paper => "paper",
            Self::PowerLimit => "power-limit",
            Self::Zeus => "zeus",
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
#[error(
    "there is no such policy; the policies are gpoeo, model-free, paper, odpp, mf-gpoeo, zeus, energy-ucb, power-limit, default, oracle and hull"
)]
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
    /// What goes wrong; nothing unless set. Their times count from the begin of the lead-in. They do not meet the policies
    /// that know everything ([`Policy::Oracle`], [`Policy::Hull`]).
    pub faults: Faults,
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
            faults: Faults::None,
        }
    }
}

impl RunOptions {
    fn without_faults(&self) -> Self {
        Self { faults: Faults::None, ..self.clone() }
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunOutcome {
    /// What the run really cost.
    pub account: Account,
    /// Time that faults took from the job, s: while a fault against which no command helps (a cap, another controller, a
    /// stuck clock) held the clocks, the time beyond what the same work takes at the clocks that the policy asked for.
    pub lost_s: f64,
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

impl RunOutcome {
    /// Slowdown over the run without the time that faults took; that of the account where there were none.
    #[must_use]
    pub fn slowdown(&self) -> f64 {
        let Account { elapsed_s, work_s, .. } = self.account;
        if work_s > 0.0 { (elapsed_s - self.lost_s) / work_s - 1.0 } else { 0.0 }
    }
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
        Policy::Default => hold(workload, options, known_sim(options), curve.default_clocks(), watch),
        Policy::EnergyUcb => energy_ucb::run(workload, options, watch),
        Policy::Gpoeo => machine::run(workload, options, options.models.for_gpu(workload.gpu_name()), watch)?,
        Policy::Hull => hull::run(workload, &options.without_faults(), watch),
        Policy::MfGpoeo => mf_gpoeo::run(workload, options, watch),
        Policy::ModelFree => machine::run(workload, options, None, watch)?,
        Policy::Odpp => odpp::run(workload, options, watch),
        Policy::Oracle => {
            let (clocks, _) = best_constant(workload, options.objective);
            hold(workload, &options.without_faults(), known_sim(options), clocks, watch)
        }
        Policy::Paper => paper::run(workload, options, watch),
        Policy::PowerLimit => {
            let cap_w = options.power_cap_w.or_else(|| power_cap_w([workload], options.objective));
            constant::run(workload, options, cap_w, watch)
        }
        Policy::Zeus => zeus::run(workload, options, watch),
    })
}

pub use constant::power_cap_w;
pub use models::Models;

use bench::{Bench, Search};

/// One setting from before the job begins to the end.
fn hold(
    workload: &Workload,
    options: &RunOptions,
    sim: SimConfig,
    clocks: ClockPair,
    watch: &mut impl Watch,
) -> RunOutcome {
    let mut bench = Bench::new(workload, options, sim, watch);
    bench.set_clocks(clocks);
    bench.wait_for_the_end();
    bench.finish(options, Search::NONE)
}

/// The simulated GPU of a policy that knows everything: a bound, so nothing but its settings may count.
fn known_sim(options: &RunOptions) -> SimConfig {
    options.sim.clone().with_instant_clocks().with_drift(Drift::Absent)
}

fn best_constant(workload: &Workload, objective: Objective) -> (ClockPair, RelativeCost) {
    oracle(workload.curve(), objective).unwrap_or((workload.curve().default_clocks(), RelativeCost::DEFAULT))
}

#[cfg(test)]
mod tests;
