//! Makes the report from what the phases share.

use crate::caps::ClockPair;
use crate::report::{HoldReport, Report, TrialReport};

use super::context::Context;
use super::hold::best_mix;
use super::job::Target;

pub(super) fn report(ctx: &Context) -> Report {
    let totals = ctx.totals();
    let baseline = ctx.job.baseline();
    let trials: Vec<TrialReport> = (0..ctx.job.settings.len()).filter_map(|index| trial(index, ctx)).collect();
    // Before anything else was measured the account has nothing to compare.
    let has_saving = !trials.is_empty() || ctx.closed.owed_stderr_s > 0.0;
    let known = |value: f64| (has_saving && value.is_finite()).then_some(value);
    let energy_ratio = totals.energy_j / totals.owed_j;
    let time_ratio = totals.elapsed_s / totals.owed_s;
    Report {
        phase: ctx.phase,
        stop_reason: ctx.stop_reason,
        outcome: ctx.telemetry.detector.outcome(),
        progress: baseline.map(|_| ctx.job.source),
        baseline,
        clocks: pair_of(ctx.clocks.in_force),
        hold: best_mix(ctx).map(|mix| HoldReport {
            within: pair_of(ctx.job.settings[mix.within].target),
            beyond: pair_of(ctx.job.settings[mix.beyond].target),
            beyond_share: mix.beyond_share,
            cost: mix.cost,
        }),
        trials,
        elapsed_s: totals.elapsed_s,
        energy_j: totals.energy_j,
        default_time_s: totals.owed_s,
        default_energy_j: totals.owed_j,
        saving: known(1.0 - energy_ratio),
        saving_stderr: known(energy_ratio * totals.owed_stderr_j / totals.owed_j),
        slowdown: known(time_ratio - 1.0),
        slowdown_stderr: known(time_ratio * totals.owed_stderr_s / totals.owed_s),
        settings_tried: ctx.job.trials,
        settled_after: ctx.settled_after,
        events_dropped: ctx.outbox.dropped(),
    }
}

fn trial(index: usize, ctx: &Context) -> Option<TrialReport> {
    let setting = ctx.job.settings.get(index)?;
    let seen = ctx.job.measured(index)?;
    Some(TrialReport {
        clocks: pair_of(setting.target)?,
        measured: setting.estimate()?,
        cost: seen.cost,
        time_stderr: seen.time_stderr,
        energy_stderr: seen.energy_stderr,
        spent_s: setting.spent_s(),
    })
}

fn pair_of(target: Target) -> Option<ClockPair> {
    match target {
        Target::Found => None,
        Target::Pair(pair) => Some(pair),
    }
}
