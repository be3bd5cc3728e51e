//! Makes the report from what the phases share.

use crate::caps::ClockPair;
use crate::event::ProgressSource;
use crate::outcome::Outcome;
use crate::report::{HoldReport, PredictionReport, Report, SettingCost, TrialReport, Verdict};
use crate::search::{Mix, Smoothed, predict};

use super::context::Context;
use super::hold::{best_mix, holdable};
use super::job::{Measured, Target};

pub(super) fn report(ctx: &Context) -> Report {
    let totals = ctx.totals();
    let baseline = ctx.job.baseline();
    let mix = best_mix(ctx);
    let trials: Vec<TrialReport> = (0..ctx.job.settings.len()).filter_map(|index| trial(index, mix, ctx)).collect();
    let failed = ctx.job.settings.iter().filter(|setting| setting.banned && setting.estimate().is_none());
    let failed = failed.filter_map(|setting| pair_of(setting.target)).collect();
    // Before anything else was measured the account has nothing to compare.
    let has_saving = !trials.is_empty() || ctx.closed.owed_stderr_s > 0.0;
    let known = |value: f64| (has_saving && value.is_finite()).then_some(value);
    // Odd readings of power can make the sum negative: their ratio would say anything.
    let energy_ratio =
        if totals.energy_j > 0.0 && totals.owed_j > 0.0 { totals.energy_j / totals.owed_j } else { f64::NAN };
    let time_ratio = totals.elapsed_s / totals.owed_s;
    Report {
        phase: ctx.phase,
        stop_reason: ctx.stop_reason,
        outcome: match (baseline, ctx.job.source) {
            (Some(_), ProgressSource::Marks) => Outcome::exact(ctx.job.period_s),
            _ => ctx.telemetry.detector.outcome(),
        },
        progress: baseline.map(|_| ctx.job.source),
        baseline,
        clocks: pair_of(ctx.clocks.in_force),
        hold: mix.map(|mix| HoldReport {
            within: pair_of(ctx.job.settings[mix.within].target),
            beyond: pair_of(ctx.job.settings[mix.beyond].target),
            beyond_share: mix.beyond_share,
            cost: mix.cost,
        }),
        trials,
        failed,
        elapsed_s: totals.elapsed_s,
        energy_j: totals.energy_j,
        default_time_s: totals.owed_s,
        default_energy_j: totals.owed_j,
        saving: known(1.0 - energy_ratio),
        saving_stderr: known(energy_ratio * totals.owed_stderr_j / totals.owed_j),
        slowdown: known(time_ratio - 1.0),
        slowdown_stderr: known(time_ratio * totals.owed_stderr_s / totals.owed_s),
        settings_tried: ctx.trials(),
        settled_after: ctx.settled_after,
        prediction: prediction(ctx),
        counters_share: counters_share(ctx, totals.elapsed_s),
        events_dropped: ctx.outbox.dropped(),
    }
}

/// Cost of every pair of the default memory clock, and of the measured ones of others; nothing before the baseline.
pub(super) fn costs(ctx: &Context) -> Vec<SettingCost> {
    if ctx.job.baseline().is_none() {
        return Vec::new();
    }
    let measured: Vec<SettingCost> = (0..ctx.job.settings.len())
        .filter_map(|index| {
            let clocks = pair_of(ctx.job.settings[index].target)?;
            let Measured { cost, time_stderr, energy_stderr } = ctx.job.measured(index)?;
            Some(SettingCost { clocks, cost, time_stderr, energy_stderr, is_measured: true })
        })
        .collect();
    let others: Vec<ClockPair> = ctx
        .caps
        .pairs_at(ctx.caps.default_pair().mem_gear())
        .filter(|&pair| measured.iter().all(|seen| seen.clocks != pair))
        .collect();
    let xs: Vec<f64> = others.iter().map(|&pair| ctx.job.x_of(pair)).collect();
    let predicted = predict(&ctx.job.observations_at_home(), &xs);
    let told = others.into_iter().zip(predicted).map(|(clocks, Smoothed { cost, time_stderr, energy_stderr })| {
        SettingCost { clocks, cost, time_stderr, energy_stderr, is_measured: false }
    });
    let mut costs: Vec<SettingCost> = measured.into_iter().chain(told).collect();
    costs.sort_unstable_by_key(|cost| cost.clocks);
    costs
}

/// What the models have said last.
fn prediction(ctx: &Context) -> Option<PredictionReport> {
    let told = ctx.models.as_ref()?.told()?;
    Some(PredictionReport {
        variant: told.ok().map(|told| told.variant),
        best: told.ok().map(|told| told.best),
        reason: told.err(),
    })
}

/// Share of the run with open counters.
fn counters_share(ctx: &Context, elapsed_s: f64) -> f64 {
    let open_s = ctx.clocks.counters_time(ctx.now).as_secs_f64();
    if elapsed_s > 0.0 { (open_s / elapsed_s).min(1.0) } else { 0.0 }
}

fn trial(index: usize, mix: Option<Mix>, ctx: &Context) -> Option<TrialReport> {
    let setting = ctx.job.settings.get(index)?;
    let seen = ctx.job.measured(index)?;
    Some(TrialReport {
        clocks: pair_of(setting.target)?,
        measured: setting.estimate()?,
        cost: seen.cost,
        time_stderr: seen.time_stderr,
        energy_stderr: seen.energy_stderr,
        expected: setting.expected,
        verdict: verdict(index, mix, ctx),
        spent_s: setting.spent_s(),
    })
}

fn verdict(index: usize, mix: Option<Mix>, ctx: &Context) -> Verdict {
    if mix.is_some_and(|mix| mix.within == index || (mix.beyond == index && mix.beyond_share > 0.0)) {
        return Verdict::Held;
    }
    match holdable(ctx).into_iter().find(|&(held, _)| held == index) {
        None => Verdict::Uncertain,
        Some((_, cost)) if ctx.config.objective().score(cost).is_none() => Verdict::BeyondLimit,
        Some(_) => Verdict::NotBetter,
    }
}

fn pair_of(target: Target) -> Option<ClockPair> {
    match target {
        Target::Found => None,
        Target::Pair(pair) => Some(pair),
    }
}
