//! Which memory clock is worth a trial, by what models say of it.
//!
//! Where they expect a lower memory clock to save more than the best setting at the default one, it is the first thing to
//! try, and the search goes on there; where they expect a clear loss, it is not tried at all. They are listened to as long
//! as the trials at the default memory clock do not contradict them. Source: ours; GPOEO §8 searches the memory clock first.

use crate::caps::ClockPair;
use crate::objective::RelativeCost;
use crate::search::{Smoothed, predict, trust};
use crate::units::MemGear;

use super::context::Context;
use super::explore::{CLEARLY_LOWER, Trial, is_affordable_memory, promising_scale};

/// A gain or loss below this says nothing: models of both domains and their product have errors.
const CLEAR: f64 = 0.01;
/// Models of the memory clock are believed no better than this, as a ratio.
const LEAST_STDERR: f64 = 0.02;
/// The belief in the models below which they are not listened to.
const LEAST_TRUST: f64 = 0.4;

/// What models say of trying a memory clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Advice {
    /// Nothing, or nothing clear.
    None,
    /// It costs more than it saves, whatever the SM clock.
    Avoid,
    /// This much less of what the objective wants little of, at this pair.
    Try { gain: f64, pair: ClockPair, expected: RelativeCost, time_stderr: f64 },
}

/// What models say of a memory clock.
pub(super) fn advice(gear: MemGear, ctx: &Context) -> Advice {
    let Some(memory) = ctx.job.memory.iter().find(|predicted| predicted.clocks.mem_gear() == gear) else {
        return Advice::None;
    };
    if trust(&ctx.job.observations_at_home()) < LEAST_TRUST {
        return Advice::None;
    }
    let told = told_at_home(ctx);
    let Some((_, here)) = best(&told, &UNCHANGED, ctx) else { return Advice::None };
    // Low memory clocks go with low SM clocks only.
    let mut told = told;
    told.retain(|(pair, _)| ctx.caps.pair_of(memory.clocks.mem(), pair.sm()).is_some());
    let scale = [memory.cost.time, memory.cost.energy];
    // One standard error better or worse than it looks.
    let [lucky, unlucky] = [-1.0, 1.0].map(|side: f64| {
        let [time, energy] = scale;
        let [time_stderr, energy_stderr] = [memory.time_stderr, memory.energy_stderr].map(|it| it.max(LEAST_STDERR));
        let factors = [time * (1.0 + side * time_stderr), energy * (1.0 + side * energy_stderr)];
        best(&told, &factors, ctx).map_or(f64::INFINITY, |(_, score)| score)
    });
    if lucky > here - CLEAR {
        return Advice::Avoid;
    }
    let Some((index, there)) = best(&told, &scale, ctx).filter(|_| unlucky < here) else { return Advice::None };
    let (at_home, smoothed) = told[index];
    let pair = ctx.caps.pair_of(memory.clocks.mem(), at_home.sm());
    let Some(pair) = pair.filter(|_| there < here - CLEAR) else { return Advice::None };
    let expected = scaled(smoothed.cost, &scale);
    let time_stderr =
        (smoothed.time_stderr / smoothed.cost.time).hypot(memory.time_stderr.max(LEAST_STDERR)) * expected.time;
    Advice::Try { gain: here - there, pair, expected, time_stderr }
}

/// Whether models expect clearly more of this memory clock than of the default one.
pub(super) fn is_promised(gear: MemGear, ctx: &Context) -> bool {
    matches!(advice(gear, ctx), Advice::Try { .. })
}

/// The trial of the memory clock that models expect most of, if it was not tried.
pub(super) fn first_trial(ctx: &Context) -> Option<Trial> {
    let mut best: Option<(f64, Trial)> = None;
    for gear in lower_gears(ctx) {
        if ctx.caps.pairs_at(gear).any(|pair| ctx.job.was_tried(pair)) {
            continue;
        }
        if let Advice::Try { gain, pair, expected, time_stderr } = advice(gear, ctx) {
            if best.as_ref().is_none_or(|&(least, _)| gain > least) {
                best = Some((gain, Trial { pair, expected, time_stderr }));
            }
        }
    }
    best.map(|(_, trial)| trial).filter(|_| is_affordable_memory(ctx))
}

/// The lower memory clock at which, by a trial there, the search must go on: its best is expected to be better than that
/// of the default one.
pub(super) fn better_gear(ctx: &Context) -> Option<MemGear> {
    let tried = |gear: &MemGear| ctx.caps.pairs_at(*gear).any(|pair| ctx.job.was_tried(pair));
    let scales: Vec<(MemGear, RelativeCost)> =
        lower_gears(ctx).filter(tried).filter_map(|gear| Some((gear, promising_scale(gear, ctx)?.cost))).collect();
    if scales.is_empty() {
        return None;
    }
    let told = told_at_home(ctx);
    let (_, here) = best(&told, &UNCHANGED, ctx)?;
    let better = scales.into_iter().filter_map(|(gear, scale)| {
        let (_, there) = best(&told, &[scale.time, scale.energy], ctx)?;
        (there < here - CLEAR).then_some((gear, there))
    });
    better.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(gear, _)| gear)
}

/// What is expected of every pair of the default memory clock.
fn told_at_home(ctx: &Context) -> Vec<(ClockPair, Smoothed)> {
    let pairs: Vec<ClockPair> = ctx.caps.pairs_at(ctx.caps.default_pair().mem_gear()).collect();
    let xs: Vec<f64> = pairs.iter().map(|&pair| ctx.job.x_of(pair)).collect();
    pairs.into_iter().zip(predict(&ctx.job.observations_at_home(), &xs)).collect()
}

/// Memory clocks that make a difference.
fn lower_gears(ctx: &Context) -> impl Iterator<Item = MemGear> + '_ {
    let home_mhz = f64::from(ctx.caps.default_pair().mem().0);
    (0..ctx.caps.mem_gears()).map(MemGear).filter(move |&gear| {
        ctx.caps.pairs_at(gear).next().is_some_and(|pair| f64::from(pair.mem().0) < CLEARLY_LOWER * home_mhz)
    })
}

/// Factors of time and energy that change nothing.
const UNCHANGED: [f64; 2] = [1.0, 1.0];

fn scaled(cost: RelativeCost, [time, energy]: &[f64; 2]) -> RelativeCost {
    RelativeCost { time: cost.time * time, energy: cost.energy * energy }
}

/// The best of the settings, each made longer and dearer by these factors: its place and its score.
fn best(told: &[(ClockPair, Smoothed)], factors: &[f64; 2], ctx: &Context) -> Option<(usize, f64)> {
    let objective = ctx.config.objective();
    let scores = told
        .iter()
        .enumerate()
        .filter_map(|(index, (_, smoothed))| Some((index, objective.score(scaled(smoothed.cost, factors))?)));
    scores.min_by(|a, b| a.1.total_cmp(&b.1))
}
