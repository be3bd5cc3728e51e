//! EnergyUCB: a bandit whose arms are SM clocks.
//!
//! Source: Xu, Bekele, Videau, Shu, "Online GPU Energy Optimization with Switching-Aware Bandits", arXiv 2410.11855, and
//! `XiongxiaoXu/EnergyUCB-Bandit`: nine evenly spaced clocks; the reward of an interval is the negative product of its
//! energy and of core over uncore utilisation, which stands for the time that work takes; an index of mean reward,
//! confidence bonus and a penalty for leaving the present clock; optimistic means instead of a first round; the variant
//! with a slowdown budget leaves out the arms whose utilisation ratio says that they exceed it.
//!
//! Departures: it decides once a second, not every 10 ms (clocks of NVIDIA cards take up to 100 ms to change, the energy
//! counter moves in steps of 100 ms); rewards are relative to the first one at the highest clock, as no scale carries over
//! from the cards of the paper. Core and uncore are the SM and the memory utilisation; where a job shows no memory
//! utilisation, the simulator's own rate of work stands for their quotient.

use std::time::Duration;

use gpoeo_core::ClockPair;

use super::bench::{Bench, Over, Search};
use super::{RunOptions, RunOutcome};
use crate::watch::Watch;
use crate::workload::Workload;

/// The paper's numbers where they carry over.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Clocks (paper: 0.8 to 1.6 GHz in steps of 0.1).
    arms: usize,
    /// The lowest of them, as a share of the default one (paper: half of the highest).
    lowest_share: f64,
    /// From one decision to the next (paper: 10 ms).
    interval: Duration,
    /// Begin of an interval that is not measured after a change of the clock.
    settling: Duration,
    /// Weight of the confidence bonus, relative to the reward at the highest clock.
    exploration: f64,
    /// Penalty for another clock than the present one, in the same unit.
    switching: f64,
    /// Mean reward of an arm that was not pulled yet; rewards lie near -1.
    optimistic: f64,
}

const SETTINGS: Settings = Settings {
    arms: 9,
    lowest_share: 0.5,
    interval: Duration::from_secs(1),
    settling: Duration::from_millis(200),
    exploration: 0.05,
    switching: 0.02,
    optimistic: -0.5,
};

#[derive(Clone, Copy, Debug)]
struct Arm {
    clocks: ClockPair,
    pulls: f64,
    reward: f64,
    /// Mean time that work takes by the utilisations, in arbitrary units.
    time: f64,
}

/// Runs the job under it.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, options.sim.clone(), watch);
    let mut arms = arms(&bench);
    let _over = pull_for_ever(&mut bench, &mut arms, options.objective.max_slowdown());
    let tried = arms.iter().filter(|arm| arm.pulls > 0.0).count() as u32;
    // A bandit never stops to explore.
    bench.finish(options, Search { settings_tried: tried, ..Search::default() })
}

fn arms(bench: &Bench<'_, impl Watch>) -> Vec<Arm> {
    let capabilities = bench.capabilities();
    let default = capabilities.default_pair();
    let highest = f64::from(default.sm().0);
    let mut arms: Vec<Arm> = Vec::new();
    for index in 0..SETTINGS.arms {
        let share = SETTINGS.lowest_share + (1.0 - SETTINGS.lowest_share) * index as f64 / (SETTINGS.arms - 1) as f64;
        let nearest = capabilities
            .pairs_at(default.mem_gear())
            .min_by_key(|pair| (f64::from(pair.sm().0) - share * highest).abs() as u64);
        let clocks = nearest.unwrap_or(default);
        if arms.last().is_none_or(|last| last.clocks != clocks) {
            arms.push(Arm { clocks, pulls: 0.0, reward: SETTINGS.optimistic, time: 0.0 });
        }
    }
    arms
}

fn pull_for_ever(bench: &mut Bench<'_, impl Watch>, arms: &mut [Arm], max_slowdown: Option<f64>) -> Result<(), Over> {
    bench.wait_for_the_job()?;
    let Some(top) = arms.len().checked_sub(1) else { return Ok(()) };
    let mut present = top;
    let mut scale = None;
    let mut pulls = 0.0_f64;
    bench.set_clocks(arms[top].clocks);
    loop {
        let seen = measure(bench)?;
        pulls += 1.0;
        let scale = *scale.get_or_insert(seen.power_w * seen.time);
        let arm = &mut arms[present];
        let reward = -seen.power_w * seen.time / scale;
        arm.pulls += 1.0;
        // The optimistic mean is not a pull: it goes with the first one.
        arm.reward += (reward - arm.reward) / arm.pulls;
        arm.time += (seen.time - arm.time) / arm.pulls;
        let next = best(arms, present, pulls, max_slowdown);
        if next != present {
            bench.set_clocks(arms[next].clocks);
            present = next;
        }
    }
}

/// The arm with the highest index among those within the budget.
fn best(arms: &[Arm], present: usize, pulls: f64, max_slowdown: Option<f64>) -> usize {
    let top = arms.len() - 1;
    let is_within = |arm: &Arm| {
        let (Some(limit), Some(fastest)) = (max_slowdown, arms.last()) else { return true };
        arm.pulls < 1.0 || arm.time <= (1.0 + limit) * fastest.time
    };
    let index = |number: usize, arm: &Arm| {
        let bonus = SETTINGS.exploration * (pulls.max(2.0).ln() / arm.pulls.max(1.0)).sqrt();
        let penalty = if number == present { 0.0 } else { SETTINGS.switching };
        arm.reward + bonus - penalty
    };
    let candidates = arms.iter().enumerate().filter(|(number, arm)| *number == top || is_within(arm));
    candidates
        .max_by(|(a, one), (b, other)| index(*a, one).total_cmp(&index(*b, other)))
        .map_or(top, |(number, _)| number)
}

/// An interval as it was seen.
struct Seen {
    power_w: f64,
    /// Time that work takes, by the utilisations.
    time: f64,
}

fn measure(bench: &mut Bench<'_, impl Watch>) -> Result<Seen, Over> {
    bench.wait(SETTINGS.settling)?;
    let (begin, work) = (bench.now(), bench.gpu().account().work_s);
    let (mut power_w, mut sm, mut mem, mut samples) = (0.0, 0.0, 0.0, 0.0);
    let mut shows_memory = false;
    bench.watch_until(begin + SETTINGS.interval.saturating_sub(SETTINGS.settling), |sample| {
        power_w += sample.power_w;
        sm += f64::from(sample.sm_util.unwrap_or(1.0));
        mem += f64::from(sample.mem_util.unwrap_or(0.0));
        shows_memory |= sample.mem_util.is_some();
        samples += 1.0;
    })?;
    let elapsed_s = bench.now().seconds_since(begin);
    let worked_s = (bench.gpu().account().work_s - work).max(1e-3);
    // A percent of memory utilisation is the least that is shown.
    let time = if shows_memory { sm / mem.max(0.01 * samples) } else { elapsed_s / worked_s };
    Ok(Seen { power_w: power_w / f64::max(samples, 1.0), time: time.max(1e-3) })
}
