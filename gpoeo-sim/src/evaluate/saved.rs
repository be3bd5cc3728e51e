//! Runs kept in full, so that an evaluation that was stopped can go on: reports round, and rounded runs would not add up
//! to the same sums.

use std::time::Duration;

use gpoeo_core::{ClockPair, MemGear, Outcome, RelativeCost, SmGear};
use serde::{Deserialize, Serialize};

use crate::gpu::Account;
use crate::policy::RunOutcome;
use crate::workload::Workload;

use super::{Plan, Run};

/// The runs of a part of an evaluation, and what they are good for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The program that did them: another one could come to other results.
    program: String,
    /// [`Plan::key`].
    plan: String,
    runs: Vec<SavedRun>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedRun {
    policy: String,
    name: String,
    seed: u64,
    elapsed_s: f64,
    work_s: f64,
    energy_j: f64,
    default_energy_j: f64,
    lost_s: f64,
    last: SavedSetting,
    oracle: SavedSetting,
    settled_s: Option<f64>,
    settings_tried: u32,
    period: SavedOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct SavedSetting {
    mem_gear: u16,
    sm_gear: u16,
    time: f64,
    energy: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedOutcome {
    /// The policy does not look for a period.
    Unasked,
    Aperiodic,
    Periodic {
        period_ns: u64,
        confidence: f64,
    },
    Undecided,
}

impl Saved {
    /// Keeps runs of a plan. `program` names the build of the program.
    #[must_use]
    pub fn new(plan: &Plan<'_>, program: &str, runs: &[Run]) -> Self {
        let runs = runs.iter().map(SavedRun::new).collect();
        Self { program: program.to_owned(), plan: format!("{:016x}", plan.key()), runs }
    }

    /// The runs that are of this plan; none if they were done by another program, with other options or on other jobs.
    #[must_use]
    pub fn runs(&self, plan: &Plan<'_>, program: &str) -> Vec<Run> {
        if self.program != program || self.plan != format!("{:016x}", plan.key()) {
            return Vec::new();
        }
        let runs = self.runs.iter().filter_map(|run| run.restore(plan));
        runs.filter(|run| plan.place(run).is_some()).collect()
    }
}

impl SavedRun {
    fn new(run: &Run) -> Self {
        let RunOutcome {
            account,
            lost_s,
            last_clocks,
            last_cost,
            oracle_clocks,
            oracle_cost,
            settled_s,
            settings_tried,
            outcome,
        } = run.outcome;
        Self {
            policy: run.policy.name().to_owned(),
            name: run.workload.clone(),
            seed: run.seed,
            elapsed_s: account.elapsed_s,
            work_s: account.work_s,
            energy_j: account.energy_j,
            default_energy_j: account.default_energy_j,
            lost_s,
            last: SavedSetting::new(last_clocks, last_cost),
            oracle: SavedSetting::new(oracle_clocks, oracle_cost),
            settled_s,
            settings_tried,
            period: match outcome {
                None => SavedOutcome::Unasked,
                Some(Outcome::Aperiodic) => SavedOutcome::Aperiodic,
                Some(Outcome::Periodic { period, confidence }) => {
                    let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
                    SavedOutcome::Periodic { period_ns, confidence }
                }
                Some(_) => SavedOutcome::Undecided,
            },
        }
    }

    fn restore(&self, plan: &Plan<'_>) -> Option<Run> {
        let workload = plan.workloads.iter().find(|workload| workload.name() == self.name)?;
        let (last_clocks, last_cost) = self.last.restore(workload)?;
        let (oracle_clocks, oracle_cost) = self.oracle.restore(workload)?;
        let outcome = RunOutcome {
            account: Account {
                elapsed_s: self.elapsed_s,
                work_s: self.work_s,
                energy_j: self.energy_j,
                default_energy_j: self.default_energy_j,
            },
            lost_s: self.lost_s,
            last_clocks,
            last_cost,
            oracle_clocks,
            oracle_cost,
            settled_s: self.settled_s,
            settings_tried: self.settings_tried,
            outcome: match self.period {
                SavedOutcome::Unasked => None,
                SavedOutcome::Aperiodic => Some(Outcome::Aperiodic),
                SavedOutcome::Periodic { period_ns, confidence } => {
                    Some(Outcome::Periodic { period: Duration::from_nanos(period_ns), confidence })
                }
                SavedOutcome::Undecided => Some(Outcome::Undecided),
            },
        };
        Some(Run::new(self.policy.parse().ok()?, workload, self.seed, outcome))
    }
}

impl SavedSetting {
    fn new(clocks: ClockPair, cost: RelativeCost) -> Self {
        let (mem_gear, sm_gear) = (clocks.mem_gear().0, clocks.sm_gear().0);
        Self { mem_gear, sm_gear, time: cost.time, energy: cost.energy }
    }

    fn restore(self, workload: &Workload) -> Option<(ClockPair, RelativeCost)> {
        let clocks = workload.curve().capabilities().pair(MemGear(self.mem_gear), SmGear(self.sm_gear))?;
        Some((clocks, RelativeCost { time: self.time, energy: self.energy }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::EvaluateOptions;
    use super::*;
    use crate::policy::Policy;
    use crate::suite::Suite;

    fn options() -> EvaluateOptions {
        EvaluateOptions {
            policies: vec![Policy::Gpoeo, Policy::Oracle],
            length: Duration::from_secs(45),
            seeds: 2,
            ..EvaluateOptions::default()
        }
    }

    #[test]
    fn what_is_kept_comes_back_bit_for_bit_and_the_rest_is_done() {
        let suite = Suite::built_in();
        let plan = Plan::new(&suite, options()).unwrap();
        let whole = plan.carry_out(Vec::new(), |_| {}).unwrap();
        let runs: Vec<Run> = whole.policies.iter().flat_map(|policy| policy.runs.clone()).collect();
        let text = serde_json::to_string(&Saved::new(&plan, "x", &runs[5..40])).unwrap();
        let saved: Saved = serde_json::from_str(&text).unwrap();
        let part = saved.runs(&plan, "x");
        assert_eq!(part, runs[5..40]);
        assert_eq!(plan.sum_up(part.clone()).missing.len(), 64 - 35);
        assert_eq!(plan.carry_out(part, |_| {}).unwrap(), whole);
    }

    #[test]
    fn runs_of_another_program_or_with_other_options_are_not_taken() {
        let suite = Suite::built_in();
        let plan = Plan::new(&suite, EvaluateOptions { policies: vec![Policy::Default], ..options() }).unwrap();
        let whole = plan.carry_out(Vec::new(), |_| {}).unwrap();
        let saved = Saved::new(&plan, "x", &whole.policies[0].runs);
        assert!(saved.runs(&plan, "y").is_empty());
        let longer = EvaluateOptions { length: Duration::from_secs(46), ..options() };
        assert!(saved.runs(&Plan::new(&suite, longer).unwrap(), "x").is_empty());
        let fewer = EvaluateOptions { policies: vec![Policy::Default, Policy::Hull], seeds: 1, ..options() };
        assert_eq!(saved.runs(&Plan::new(&suite, fewer).unwrap(), "x").len(), 16, "those of seed 0 are good");
    }
}
