//! What each part of the controller is worth: the same runs with one of them left out.

use gpoeo_core::{ConfigError, HoldPolicy, OptimizerConfig};

use crate::policy::Policy;
use crate::suite::Suite;

use super::{EvaluateError, EvaluateOptions, Plan, Run, Summary};

/// A part of the controller that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Trials that clearly break the limit end early.
    EarlyEnd,
    /// Lower memory clocks are tried.
    MemoryClock,
    /// A job that comes back is known again.
    PhaseMemory,
    /// The baseline is measured again while holding.
    SecondBaseline,
    /// Two settings share the time.
    TwoSettings,
}

impl Part {
    /// All parts, in the order of the report.
    pub const ALL: [Self; 5] =
        [Self::EarlyEnd, Self::MemoryClock, Self::PhaseMemory, Self::SecondBaseline, Self::TwoSettings];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EarlyEnd => "early end of trials",
            Self::MemoryClock => "memory clock",
            Self::PhaseMemory => "phase memory",
            Self::SecondBaseline => "second baseline",
            Self::TwoSettings => "two settings in turns",
        }
    }

    /// A configuration without this part.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration is out of range.
    pub fn left_out_of(self, config: &OptimizerConfig) -> Result<OptimizerConfig, ConfigError> {
        let (mut search, mut hold) = (*config.search(), *config.hold());
        let mut builder = config.to_builder();
        match self {
            Self::EarlyEnd => search.ends_early = false,
            Self::MemoryClock => search.tries_memory_clocks = false,
            Self::PhaseMemory => hold.remembered_jobs = 0,
            Self::SecondBaseline => hold.repeats_baseline = false,
            Self::TwoSettings => builder = builder.hold_policy(HoldPolicy::One),
        }
        builder.search(search).hold(hold).build()
    }
}

/// One row of an ablation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AblationRow {
    /// What was left out; `None`: nothing.
    pub without: Option<Part>,
    /// Sums over the runs.
    pub summary: Summary,
    /// Median time until the search was over, s; `None` if it never was.
    pub settled_s: Option<f64>,
    /// Mean number of settings tried.
    pub tried: f64,
}

/// A suite under our policy, with each part left out in turn.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ablation {
    /// All parts at work first, then without each.
    pub rows: Vec<AblationRow>,
}

impl Ablation {
    /// Runs all of it; the policies of the options do not count. `finished` is called after each run with the number of
    /// all.
    ///
    /// # Errors
    /// As for [`Plan::new`] and [`Plan::carry_out`].
    pub fn carry_out(
        suite: &Suite,
        options: &EvaluateOptions,
        finished: impl Fn(usize) + Sync,
    ) -> Result<Self, EvaluateError> {
        let variants: Vec<Option<Part>> = [None].into_iter().chain(Part::ALL.map(Some)).collect();
        let mut rows = Vec::with_capacity(variants.len());
        for &without in &variants {
            let config =
                without.map_or_else(|| Ok(options.config.clone()), |part| part.left_out_of(&options.config))?;
            let options = EvaluateOptions { policies: vec![Policy::Gpoeo], config, ..options.clone() };
            let plan = Plan::new(suite, options)?;
            let all = plan.len() * variants.len();
            let evaluation = plan.carry_out(Vec::new(), |_| finished(all))?;
            rows.extend(evaluation.policies.first().map(|runs| AblationRow {
                without,
                summary: runs.summary,
                settled_s: median(&runs.runs),
                tried: tried(&runs.runs),
            }));
        }
        Ok(Self { rows })
    }
}

fn median(runs: &[Run]) -> Option<f64> {
    let mut settled: Vec<f64> = runs.iter().filter_map(|run| run.outcome.settled_s).collect();
    settled.sort_unstable_by(f64::total_cmp);
    settled.get(settled.len() / 2).copied()
}

fn tried(runs: &[Run]) -> f64 {
    runs.iter().map(|run| f64::from(run.outcome.settings_tried)).sum::<f64>() / runs.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_left_out_changes_the_configuration_and_nothing_else() {
        let full = OptimizerConfig::default();
        for part in Part::ALL {
            let without = part.left_out_of(&full).unwrap();
            assert_ne!(without, full, "{}", part.name());
            assert_eq!(without.objective(), full.objective());
            assert_eq!(without.limit_confidence(), full.limit_confidence());
        }
    }
}
