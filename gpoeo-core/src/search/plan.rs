//! The next trial, or the end of the search.
//!
//! In each of 64 draws from the posterior every untried setting has a definite cost, so the draw has a best one and a
//! gain over what is held now. The next trial is the gain-weighted median of the best ones; it is worth its cost if the
//! mean gain over the horizon exceeds what the trial loses. Source: ours (Thompson-like sampling with a value of
//! information; GPOEO §8.2 brackets by golden section instead). Cost: O(64 · gears · known).

use super::frontier::Frontier;
use super::posterior::{Observation, Posterior};
use super::prior::Prior;
use crate::config::SearchConfig;
use crate::objective::RelativeCost;
use crate::stats::Draws;

const DRAWS: usize = 64;
/// No trial is taken to lose less than it may lose until it is looked at first, whatever the limit.
const LEAST_LOSS: f64 = 0.05;
/// Settings looked at; with more gears only every second, third … is a candidate: 30 MHz steps lose nothing, since two
/// settings share the time.
const MAX_CANDIDATES: usize = 64;

/// What the search knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) config: &'a SearchConfig,
    pub(crate) frontier: Frontier,
    /// What was believed before the first trial.
    pub(crate) prior: &'a Prior,
    /// Measured settings of this memory clock, relative to `scale`.
    pub(crate) observations: &'a [Observation],
    /// Cost at the highest SM clock of this memory clock, relative to default clocks; 1 and 1 at the default one.
    pub(crate) scale: RelativeCost,
    /// SM clocks of the untried settings over the highest, ascending.
    pub(crate) candidates: &'a [f64],
    /// Settings known well enough to be held, default clocks among them.
    pub(crate) known: &'a [Known],
    pub(crate) progress: Progress,
}

/// A setting that may be held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) cost: RelativeCost,
    /// SM clock over the highest, if it was measured at this memory clock: what a draw says of its neighbours it says of
    /// this one too.
    pub(crate) x: Option<f64>,
}

/// Where the run stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Time since the job began, s.
    pub(crate) elapsed_s: f64,
    /// What one trial takes, settling included, s.
    pub(crate) trial_s: f64,
    /// Energy that measuring itself takes, relative to that of default clocks.
    pub(crate) meter_share: f64,
    /// Most time that a trial may lose against default clocks, s.
    pub(crate) affordable_s: f64,
}

/// The next step of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Proposal {
    /// Nothing is worth (or can afford) a trial now.
    Done,
    /// Measure this one.
    Trial {
        /// Index into [`Plan::candidates`].
        candidate: usize,
        /// What it is expected to cost.
        expected: RelativeCost,
        /// Standard deviation of the expected relative time.
        time_stderr: f64,
    },
}

/// Expected cost of one candidate over all draws.
struct Expected {
    cost: RelativeCost,
    time_stderr: f64,
}

/// Decides what to measure next. Deterministic: equal plans give equal proposals.
pub(crate) fn next_trial(plan: &Plan<'_>) -> Proposal {
    let step = plan.candidates.len().div_ceil(MAX_CANDIDATES).max(1);
    // From the top down, so that the highest clock is always among them.
    let indices: Vec<usize> = (0..plan.candidates.len()).rev().step_by(step).collect();
    let mut xs: Vec<f64> = indices.iter().map(|&index| plan.candidates[index]).collect();
    let known: Vec<RelativeCost> = plan.known.iter().map(|known| known.cost).collect();
    let Some(hold) = plan.frontier.best(&known).filter(|_| !xs.is_empty()) else { return Proposal::Done };
    let hold_score = plan.frontier.score(&hold);
    let posterior = Posterior::new(plan.prior, plan.observations);
    let mut seed = Draws::new(plan.observations.len() as u64);
    xs.extend(plan.known.iter().filter_map(|known| known.x));
    let rows: Vec<Vec<RelativeCost>> = posterior
        .draws(&xs, DRAWS, &mut seed)
        .into_iter()
        .map(|row| row.into_iter().map(|cost| times(cost, plan.scale)).collect())
        .collect();
    let xs = &xs[..indices.len()];
    let expected: Vec<Expected> = (0..xs.len()).map(|i| expectation(&rows, i)).collect();
    let affordable: Vec<bool> = expected.iter().map(|expected| plan.affords(expected)).collect();

    let mut best: Vec<(usize, f64)> = Vec::with_capacity(DRAWS);
    let mut drawn = known.clone();
    for row in &rows {
        // In this draw the known settings are what it says, too: what is uncertain about all of them alike is not won by
        // a trial of one more.
        let mut tail = row[xs.len()..].iter();
        for (cost, known) in drawn.iter_mut().zip(plan.known) {
            if let Some(&at) = known.x.and_then(|_| tail.next()) {
                *cost = at;
            }
        }
        let Some(best_known) = plan.frontier.best(&drawn) else { continue };
        let best_score = plan.frontier.score(&best_known);
        let winner = (0..xs.len())
            .filter(|&i| affordable[i])
            .map(|i| (i, best_score - plan.frontier.score_with(row[i], &drawn)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        best.extend(winner.filter(|&(_, gain)| gain > 0.0));
    }
    let total: f64 = best.iter().map(|&(_, gain)| gain).sum();
    let Some(chosen) = weighted_median(&mut best, total) else { return Proposal::Done };
    let price = plan.frontier.price(&hold, &known);
    if plan.pays(total / DRAWS as f64, hold_score, price, &expected[chosen]) {
        let Expected { cost, time_stderr } = expected[chosen];
        Proposal::Trial { candidate: indices[chosen], expected: cost, time_stderr }
    } else {
        Proposal::Done
    }
}

impl Plan<'_> {
    fn affords(&self, expected: &Expected) -> bool {
        // A trial that breaks the limit clearly ends early: nothing slower than that has to be paid for whole.
        let limit = self.frontier.objective.max_slowdown().unwrap_or(1.0);
        let upper = (expected.cost.slowdown() + expected.time_stderr).min((2.0 * limit).max(LEAST_LOSS));
        self.progress.trial_s * upper / (1.0 + upper) <= self.progress.affordable_s
    }

    fn pays(&self, gain: f64, hold_score: f64, price: f64, trial: &Expected) -> bool {
        let over = (trial.cost.time - self.frontier.allowed_time).max(0.0);
        let trial_score = self.frontier.objective.cost(trial.cost) + price * over;
        let held_saving = (1.0 - hold_score).max(0.0);
        let loss =
            (trial_score - hold_score).max(0.0) + self.config.trial_overhead * held_saving + self.progress.meter_share;
        let horizon = self.progress.elapsed_s.max(self.config.horizon.as_secs_f64());
        gain * self.config.gain_share * horizon > self.progress.trial_s * loss
    }
}

fn times(cost: RelativeCost, scale: RelativeCost) -> RelativeCost {
    RelativeCost { time: cost.time * scale.time, energy: cost.energy * scale.energy }
}

fn expectation(rows: &[Vec<RelativeCost>], i: usize) -> Expected {
    let n = rows.len() as f64;
    let time = rows.iter().map(|row| row[i].time).sum::<f64>() / n;
    let energy = rows.iter().map(|row| row[i].energy).sum::<f64>() / n;
    let variance = rows.iter().map(|row| (row[i].time - time).powi(2)).sum::<f64>() / n;
    Expected { cost: RelativeCost { time, energy }, time_stderr: variance.sqrt() }
}

/// The candidate at half of the total gain, in the order of the candidates.
fn weighted_median(best: &mut [(usize, f64)], total: f64) -> Option<usize> {
    best.sort_unstable_by_key(|&(candidate, _)| candidate);
    let mut sum = 0.0;
    best.iter()
        .find(|&&(_, gain)| {
            sum += gain;
            sum >= total / 2.0
        })
        .map(|&(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HoldPolicy;
    use crate::objective::Objective;

    /// Plays a search on a known curve without noise; returns the measured settings and the final mix's energy.
    fn play(truth: impl Fn(f64) -> RelativeCost, limit: f64) -> (Vec<Observation>, f64) {
        let gears: Vec<f64> = (40..100).map(|gear| f64::from(gear) / 100.0).collect();
        let mut seen: Vec<Observation> = Vec::new();
        let frontier = Frontier {
            objective: Objective::MinEnergy { max_slowdown: limit },
            policy: HoldPolicy::Two,
            allowed_time: 1.0 + limit,
        };
        loop {
            let candidates: Vec<f64> =
                gears.iter().copied().filter(|&x| seen.iter().all(|s| (s.x - x).abs() > 1e-9)).collect();
            let mut known = vec![Known { cost: RelativeCost::DEFAULT, x: None }];
            known.extend(seen.iter().map(|s| Known { cost: s.cost, x: Some(s.x) }));
            let plan = Plan {
                config: &SearchConfig::default(),
                frontier,
                prior: &Prior::default(),
                observations: &seen,
                scale: RelativeCost::DEFAULT,
                candidates: &candidates,
                known: &known,
                progress: Progress { elapsed_s: 60.0, trial_s: 4.5, meter_share: 0.0, affordable_s: 3.0 },
            };
            match next_trial(&plan) {
                Proposal::Trial { candidate, .. } => {
                    let x = candidates[candidate];
                    seen.push(Observation { x, cost: truth(x), time_stderr: 0.001, energy_stderr: 0.004 });
                    assert!(seen.len() <= 40, "the search does not end");
                }
                Proposal::Done => {
                    let costs: Vec<RelativeCost> = known.iter().map(|known| known.cost).collect();
                    let energy = frontier.best(&costs).unwrap().cost.energy;
                    return (seen, energy);
                }
            }
        }
    }

    #[test]
    fn finds_the_best_mix_of_a_compute_bound_job_in_few_trials() {
        let truth = |x: f64| {
            let voltage = 1.0 + 0.2 * ((x - 0.78).max(0.0) / 0.22);
            let top = 1.2f64;
            let time = 0.4 + 0.6 / x;
            let power = |v: f64, t: f64| 0.15 + 0.85 * v * v / (top * top) / t;
            RelativeCost { time, energy: power(voltage, time) * time / power(top, 1.0) }
        };
        let (seen, energy) = play(truth, 0.05);
        let best = (40..100)
            .map(|g| truth(f64::from(g) / 100.0))
            .filter(|c| c.time <= 1.05)
            .fold(1.0, |b: f64, c| b.min(c.energy));
        assert!(energy <= best + 0.004, "{energy} against {best}");
        assert!(seen.len() <= 10, "{} trials", seen.len());
    }

    #[test]
    fn steps_over_the_plateau_of_a_power_limited_gpu() {
        let truth = |x: f64| {
            let x = x.min(0.7) / 0.7;
            RelativeCost { time: 0.9 + 0.1 / x, energy: 0.4 + 0.6 * x * x }
        };
        let (seen, energy) = play(truth, 0.05);
        assert!(energy < 0.72, "{energy} after {seen:?}");
    }

    #[test]
    fn ends_soon_where_nothing_can_be_won() {
        let truth = |x: f64| RelativeCost { time: 1.0 / x, energy: 1.0 + 0.3 * (1.0 - x) };
        let (seen, energy) = play(truth, 0.05);
        assert!(seen.len() <= 5, "{seen:?}");
        assert!(energy <= 1.0);
    }

    #[test]
    fn tries_nothing_that_the_account_cannot_pay() {
        let frontier = Frontier { objective: Objective::default(), policy: HoldPolicy::Two, allowed_time: 1.05 };
        let plan = Plan {
            config: &SearchConfig::default(),
            frontier,
            prior: &Prior::default(),
            observations: &[],
            scale: RelativeCost::DEFAULT,
            candidates: &[0.5, 0.6],
            known: &[Known { cost: RelativeCost::DEFAULT, x: None }],
            progress: Progress { elapsed_s: 60.0, trial_s: 30.0, meter_share: 0.0, affordable_s: 0.0 },
        };
        assert_eq!(next_trial(&plan), Proposal::Done);
    }
}
