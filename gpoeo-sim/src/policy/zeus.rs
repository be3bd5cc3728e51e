//! Zeus: a sweep of the power limit while the job trains, then the lowest limit that keeps it fast enough.
//!
//! Source: You, Chung, Chowdhury, "Zeus: Understanding and Optimizing GPU Energy Consumption of DNN Training", NSDI 2023,
//! §4.3 (just-in-time profiling), as in `ml-energy/zeus`, `zeus/optimizer/power_limit.py` (`GlobalPowerLimitOptimizer`
//! with `MaxSlowdownConstraint`). It lives in the training loop, so it gets the exact begins of the steps here too; where
//! nothing is known of a job's steps, a second of its work at default clocks stands for one. Energy is read from the
//! counter, as its `ZeusMonitor` does. Ends of epochs, which start a limit anew in the original, are not told to it.

use gpoeo_core::{Objective, RelativeCost};

use super::bench::{Bench, Over, Search};
use super::constant::under_cap;
use super::{RunOptions, RunOutcome};
use crate::watch::Watch;
use crate::workload::Workload;

/// The defaults of `GlobalPowerLimitOptimizer`.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Steps after a change of the limit that are not measured.
    warmup_steps: f64,
    /// Steps that are measured at each limit.
    profile_steps: f64,
    /// From one limit to the next, W.
    limit_step_w: f64,
}

const SETTINGS: Settings = Settings { warmup_steps: 10.0, profile_steps: 40.0, limit_step_w: 25.0 };

/// What one limit costs.
#[derive(Clone, Copy, Debug)]
struct Measured {
    limit_w: f64,
    time_s: f64,
    energy_j: f64,
}

/// Runs the job under it.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, options.sim.clone(), watch);
    let mut measured = Vec::new();
    let mut search = Search::default();
    let mut last_w = None;
    if sweep(&mut bench, &mut measured, &mut last_w).is_ok() {
        last_w = choose(&measured, options.objective);
        last_w.into_iter().for_each(|limit_w| bench.set_power_limit_w(limit_w));
        search.settled_s = Some(bench.job_s());
    }
    bench.wait_for_the_end();
    search.settings_tried = measured.len() as u32;
    search.last_clocks = last_w.map(|limit_w| under_cap(workload.curve(), limit_w));
    bench.finish(options, search)
}

/// Measures every limit from the highest to the lowest.
fn sweep(
    bench: &mut Bench<'_, impl Watch>,
    measured: &mut Vec<Measured>,
    last_w: &mut Option<f64>,
) -> Result<(), Over> {
    bench.wait_for_the_job()?;
    let range = bench.gpu().power_limits_w();
    let mut limit_w = *range.end();
    while limit_w >= *range.start() - 1e-9 {
        bench.set_power_limit_w(limit_w);
        *last_w = Some(limit_w);
        bench.wait_steps(SETTINGS.warmup_steps)?;
        let (begin, begin_j) = (bench.now(), bench.energy_j());
        bench.wait_steps(SETTINGS.profile_steps)?;
        let time_s = bench.now().seconds_since(begin);
        measured.push(Measured { limit_w, time_s, energy_j: bench.energy_j() - begin_j });
        limit_w -= SETTINGS.limit_step_w;
    }
    Ok(())
}

/// Under a slowdown limit the lowest power limit that keeps it, relative to the highest one, as Zeus has it; under another
/// objective the best by that.
fn choose(measured: &[Measured], objective: Objective) -> Option<f64> {
    let first = measured.first()?;
    let cost = |at: &Measured| RelativeCost { time: at.time_s / first.time_s, energy: at.energy_j / first.energy_j };
    let keeps = |at: &&Measured| objective.score(cost(at)).is_some();
    let best = match objective.max_slowdown() {
        Some(_) => measured.iter().filter(keeps).min_by(|a, b| a.limit_w.total_cmp(&b.limit_w)),
        None => {
            let score = |at: &Measured| objective.score(cost(at)).unwrap_or(f64::INFINITY);
            measured.iter().filter(keeps).min_by(|a, b| score(a).total_cmp(&score(b)))
        }
    };
    Some(best.unwrap_or(first).limit_w)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_that_is_fast_enough_wins() {
        let at = |limit_w, time_s, energy_j| Measured { limit_w, time_s, energy_j };
        let measured =
            [at(300.0, 10.0, 3000.0), at(275.0, 10.2, 2800.0), at(250.0, 10.45, 2850.0), at(225.0, 11.0, 2500.0)];
        assert_eq!(choose(&measured, Objective::default()), Some(250.0));
        assert_eq!(choose(&measured, Objective::Ed2p), Some(275.0));
        assert_eq!(choose(&measured, Objective::MinEnergy { max_slowdown: 0.0 }), Some(300.0));
        assert_eq!(choose(&[], Objective::default()), None);
    }
}
