//! Searching: one trial after the other, until nothing is worth another one.

use crate::caps::ClockPair;
use crate::estimate::Estimate;
use crate::event::{Event, Phase, ProgressSource};
use crate::input::Input;
use crate::measure::Expected;
use crate::objective::RelativeCost;
use crate::report::Expectation;
use crate::search::{Known, Plan, Progress, Proposal, next_trial, predict};
use crate::time::Timestamp;
use crate::units::MemGear;

use super::baseline::Baseline;
use super::context::Context;
use super::detect::Detect;
use super::hold::{self, Hold};
use super::job::{Scale, Target};
use super::memory::{self, Advice};
use super::phase::{State, after_refusal};
use super::segment::{Segment, SegmentState, Until};

/// So many trials in a row without a measurement mean that the job is not the one that was detected.
const MAX_BLIND_TRIALS: u32 = 3;
/// A look at a trial every so often, s: the scatter of fewer iterations says little.
const LOOK_S: f64 = 2.0;
/// Time that a clock change takes until samples count, beyond what the capabilities say, s.
const CHANGE_S: f64 = 0.3;

#[derive(Debug)]
pub(super) struct Explore {
    segment: Segment,
    pair: ClockPair,
    blind: u32,
}

impl Explore {
    /// Starts the first trial, or holds where none is worth it.
    pub(super) fn begin(ctx: &mut Context) -> State {
        Self::next(0, ctx).map_or_else(|| Hold::begin(ctx), State::Explore)
    }

    /// The next trial, if one is worth its cost.
    pub(super) fn next(blind: u32, ctx: &mut Context) -> Option<Self> {
        if ctx.caps.is_read_only() || ctx.job.trials >= ctx.config.search().max_trials {
            return None;
        }
        let trial = memory::first_trial(ctx)
            .or_else(|| propose(memory::better_gear(ctx)?, ctx))
            .or_else(|| early_memory(ctx))
            .or_else(|| propose(ctx.caps.default_pair().mem_gear(), ctx))
            .or_else(|| propose_memory(ctx))?;
        ctx.enter(Phase::Search);
        ctx.job.trials += 1;
        let setting = ctx.job.index_of(trial.pair, trial.expected.time);
        let expected = Expectation { cost: trial.expected, time_stderr: trial.time_stderr };
        ctx.job.settings[setting].expected.get_or_insert(expected);
        let limit = ctx.config.objective().max_slowdown().unwrap_or(1.0);
        let is_at_home = ctx.job.is_at_home(setting);
        let (min_s, max_s) = if is_at_home { trial_length_s(ctx) } else { memory_trial_length_s(ctx) };
        let base_stderr = ctx.job.baseline().map_or(0.0, |base| base.time_stderr_ratio());
        let search = ctx.config.search();
        let until = Until {
            min_s,
            max_s,
            stderr_ratio: search.trial_stderr_ratio.max(0.7 * base_stderr),
            worth_s: None,
            give_up_above: if search.ends_early { 1.0 + search.early_end_share * limit } else { f64::INFINITY },
            recent: None,
            look_s: LOOK_S.max(ctx.job.period_s),
            looks_early: is_at_home,
            blind_looks: if is_at_home { u32::MAX } else { 1 },
        };
        let reach = (5.0 * trial.time_stderr).max(0.06);
        let expected = Expected::new(base_period_s(ctx))
            .ratio(trial.expected.time, trial.time_stderr.max(0.01))
            .ratio_range((trial.expected.time - reach).max(0.9), trial.expected.time + reach);
        let segment = Segment::new(setting, expected, until, None, ctx);
        let segment = if is_at_home { segment } else { segment.with_ratios(MEMORY_RATIOS) };
        Some(Self { segment, pair: trial.pair, blind })
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        let setting = self.segment.setting;
        let blind = match self.segment.on(input, ctx) {
            SegmentState::Running => return State::Explore(self),
            SegmentState::Measured(measured) if !is_possible(self.pair, &measured, ctx) => {
                if ctx.has_counters() {
                    return by_work_rate(ctx);
                }
                ctx.job.settings[setting].banned = true;
                self.blind + 1
            }
            SegmentState::Measured(measured) => {
                if let Some(expected) = ctx.job.settings[setting].expected.filter(|_| ctx.job.is_at_home(setting)) {
                    ctx.job.note_surprise(&expected, &measured);
                }
                ctx.job.record(setting, &measured);
                hold::watch_clock(self.pair, ctx);
                ctx.outbox.tell(Event::Tried { clocks: self.pair, measured });
                0
            }
            // A memory clock that models promise much of is worth a surer look than the period gives.
            SegmentState::Unmeasured
                if ctx.job.source == ProgressSource::Period
                    && ctx.has_counters()
                    && (ctx.job.is_at_home(setting) || memory::is_promised(self.pair.mem_gear(), ctx)) =>
            {
                return by_work_rate(ctx);
            }
            SegmentState::Unmeasured => {
                ctx.job.settings[setting].banned = true;
                if !ctx.job.is_at_home(setting) {
                    // Not found again because it is so slow: the account must not take the trial for a cheap one.
                    ctx.job.assume(setting, SLOWEST_MEMORY_TIME);
                }
                self.blind + 1
            }
            SegmentState::Refused(fault) => match after_refusal(fault, ctx) {
                Some(state) => return state,
                None => {
                    ctx.job.settings[setting].banned = true;
                    self.blind + 1
                }
            },
            SegmentState::Silent => {
                // Whatever runs when samples come again may be another job.
                ctx.start_new_job();
                return Detect::begin(ctx);
            }
        };
        ctx.watch_limit();
        if blind >= MAX_BLIND_TRIALS {
            ctx.outbox.tell(Event::WorkloadChanged { at: ctx.now });
            ctx.start_new_job();
            return Detect::begin(ctx);
        }
        Self::next(blind, ctx).map_or_else(|| Hold::begin(ctx), State::Explore)
    }

    pub(super) fn deadline(&self, ctx: &Context) -> Option<Timestamp> {
        self.segment.deadline(ctx)
    }
}

/// Goes on by the rate of instructions: the period was a multiple or an alias of something.
fn by_work_rate(ctx: &mut Context) -> State {
    ctx.job_has_drifted();
    Baseline::by_work_rate(ctx)
}

/// Whether physics allows a time at the default memory clock: not shorter than at the clock that the driver chose, and
/// not longer than in proportion to the SM clock. A period that breaks this is not that of the iterations.
fn is_possible(pair: ClockPair, measured: &Estimate, ctx: &Context) -> bool {
    let (Some(base), ProgressSource::Period) = (ctx.job.baseline(), ctx.job.source) else { return true };
    if pair.mem_gear() != ctx.caps.default_pair().mem_gear() {
        return true;
    }
    let found_mhz = ctx.job.found_sm.unwrap_or(ctx.caps.default_pair().sm()).0;
    let longest = (f64::from(found_mhz) / f64::from(pair.sm().0)).max(1.0);
    let doubt = measured.time_stderr_ratio().hypot(base.time_stderr_ratio());
    let tolerance = POSSIBLE_STDERRS * doubt + POSSIBLE_RATIO;
    let relative = measured.time_s / base.time_s;
    relative > 1.0 - tolerance && relative < longest * (1.0 + tolerance)
}

/// Standard errors, and a ratio (clocks wander, the driver's choice is not exactly known), that a time may lie outside of
/// what physics allows.
const POSSIBLE_STDERRS: f64 = 3.0;
const POSSIBLE_RATIO: f64 = 0.01;

/// The period that relative times refer to, s.
pub(super) fn base_period_s(ctx: &Context) -> f64 {
    match (ctx.job.source, ctx.job.baseline()) {
        // The unit of a work rate is no time that the job takes for anything.
        (ProgressSource::WorkRate, _) | (_, None) => ctx.job.period_s,
        (_, Some(base)) => base.time_s,
    }
}

/// Least and greatest length of a trial after settling, s.
fn trial_length_s(ctx: &Context) -> (f64, f64) {
    let search = ctx.config.search();
    let iterations_s = match ctx.job.source {
        ProgressSource::Marks | ProgressSource::Period => search.min_trial_iterations * ctx.job.period_s,
        ProgressSource::WorkRate => search.counter_window.as_secs_f64() * f64::from(search.min_counter_windows),
    };
    let min_s = search.min_trial.as_secs_f64().max(iterations_s);
    let max_s = search.max_trial.as_secs_f64().max(1.5 * min_s);
    match ctx.job.source {
        ProgressSource::Marks | ProgressSource::Period => (min_s, max_s),
        ProgressSource::WorkRate => (min_s, max_s.max(work_trial_s(ctx).min(search.longest_work_trial.as_secs_f64()))),
    }
}

/// How long counters must be read for a trial that is as good as it needs to be, by the scatter of all windows so far, s.
fn work_trial_s(ctx: &Context) -> f64 {
    let search = ctx.config.search();
    let base_stderr = ctx.job.baseline().map_or(0.0, |base| base.time_stderr_ratio());
    let wanted = search.work_trial_stderr_ratio.max(base_stderr);
    let window_s = search.counter_window.as_secs_f64();
    let windows = (1..=32u32).find(|&count| ctx.job.rate_noise.stderr(f64::from(count)) <= wanted).unwrap_or(32);
    search.counter_lead.as_secs_f64() + f64::from(windows) * window_s
}

/// Length of a trial at another memory clock: whoever's rhythm is not found again within the shortest time is too slow.
fn memory_trial_length_s(ctx: &Context) -> (f64, f64) {
    let (min_s, max_s) = trial_length_s(ctx);
    let min_s = min_s.max(MEMORY_PERIODS * base_period_s(ctx));
    (min_s, max_s.max(1.5 * min_s))
}

/// Longest iteration at another memory clock that is told from a part of it, as a multiple of that at default clocks.
pub(super) const SLOWEST_MEMORY_TIME: f64 = 3.5;
/// What the period may be at another memory clock: much longer, but not shorter than at the default one.
pub(super) const MEMORY_RATIOS: (f64, f64) = (0.95, SLOWEST_MEMORY_TIME);
/// Iterations at default clocks that the shortest window of a memory trial holds: enough to find a rhythm again that takes
/// up to 1.7 times as long.
const MEMORY_PERIODS: f64 = 3.0;

/// What to measure next, and what to expect.
pub(super) struct Trial {
    pub(super) pair: ClockPair,
    pub(super) expected: RelativeCost,
    pub(super) time_stderr: f64,
}

/// The best trial at one memory clock.
fn propose(mem_gear: MemGear, ctx: &Context) -> Option<Trial> {
    let home = ctx.caps.default_pair();
    let scale = if mem_gear == home.mem_gear() { None } else { Some(promising_scale(mem_gear, ctx)?) };
    let mut observations = Vec::new();
    for (index, setting) in ctx.job.settings.iter().enumerate() {
        let (Target::Pair(pair), Some(seen)) = (setting.target, ctx.job.observation(index)) else { continue };
        if pair.mem_gear() == mem_gear {
            observations.push(scale.map_or(seen, |scale| scale.undo(&seen)));
        } else if pair.mem_gear() == home.mem_gear() {
            observations.push(seen.of_other_memory());
        }
    }
    let untried: Vec<ClockPair> =
        ctx.caps.pairs_at(mem_gear).filter(|&pair| pair != home).filter(|&pair| !ctx.job.was_tried(pair)).collect();
    let candidates: Vec<f64> = untried.iter().map(|&pair| ctx.job.x_of(pair)).collect();
    let known: Vec<Known> = hold::holdable(ctx)
        .into_iter()
        .map(|(index, cost)| {
            let x = match ctx.job.settings[index].target {
                Target::Pair(pair) if pair.mem_gear() == mem_gear => Some(ctx.job.x_of(pair)),
                Target::Pair(_) | Target::Found => None,
            };
            Known { cost, x }
        })
        .collect();
    let totals = ctx.totals();
    let plan = Plan {
        config: ctx.config.search(),
        frontier: ctx.frontier(),
        prior: &ctx.job.prior,
        observations: &observations,
        scale: scale.map_or(RelativeCost::DEFAULT, |scale| scale.cost),
        candidates: &candidates,
        known: &known,
        progress: Progress {
            elapsed_s: totals.elapsed_s,
            trial_s: trial_length_s(ctx).0 + CHANGE_S,
            meter_share: ctx.job.meter_share(),
            affordable_s: ctx.account().map_or(f64::INFINITY, |account| account.affordable_s(ctx.config.search())),
        },
    };
    match next_trial(&plan) {
        Proposal::Done => None,
        Proposal::Trial { candidate, expected, time_stderr } => {
            Some(Trial { pair: untried[candidate], expected, time_stderr })
        }
    }
}

/// A memory clock is worth searching if what was measured there was within the limit and this.
const MEMORY_REACH: f64 = 0.1;

/// Cost at a memory clock relative to the default one; `None` if it was not tried or is not worth more trials.
pub(super) fn promising_scale(mem_gear: MemGear, ctx: &Context) -> Option<Scale> {
    let scale = ctx.job.scale_of(mem_gear)?;
    let limit = ctx.config.objective().max_slowdown().unwrap_or(MEMORY_REACH);
    (scale.cost.slowdown() <= limit + MEMORY_REACH && scale.cost.energy < 1.0).then_some(scale)
}

/// A look at the next lower memory clock before the SM clock is known exactly, where the memory is hardly used: most is
/// to win there, and all that is learned at the default memory clock would be of no use.
fn early_memory(ctx: &Context) -> Option<Trial> {
    let search = ctx.config.search();
    let is_idle = ctx.job.mem_util.is_some_and(|util| f64::from(util) < search.idle_memory_util);
    if !is_idle || ctx.job.trials < search.trials_before_memory {
        return None;
    }
    let lower = lower_memory(ctx)?;
    let is_untried = !ctx.caps.pairs_at(lower).any(|pair| ctx.job.was_tried(pair));
    // Once it is known to be better, the search goes on there first.
    let is_better = best_is_at(lower, ctx);
    (is_untried || is_better).then(|| propose_memory(ctx)).flatten()
}

/// Whether the best setting so far is one of this memory clock.
fn best_is_at(gear: MemGear, ctx: &Context) -> bool {
    hold::best_mix(ctx).is_some_and(|mix| match ctx.job.settings[mix.beyond].target {
        Target::Pair(pair) => pair.mem_gear() == gear,
        Target::Found => false,
    })
}

/// The next memory clock that is clearly lower than the default one.
fn lower_memory(ctx: &Context) -> Option<MemGear> {
    if !ctx.config.search().tries_memory_clocks {
        return None;
    }
    let home = ctx.caps.default_pair();
    // Clocks that lie closer together are the same in practice (GeForce runs CUDA at the second one anyway).
    (0..ctx.caps.mem_gears()).rev().map(MemGear).find(|&gear| {
        ctx.caps.pairs_at(gear).any(|pair| f64::from(pair.mem().0) < CLEARLY_LOWER * f64::from(home.mem().0))
    })
}

/// One trial of the next lower memory clock at the held SM clock, and a search there if that was promising.
fn propose_memory(ctx: &Context) -> Option<Trial> {
    let home = ctx.caps.default_pair();
    let lower = lower_memory(ctx)?;
    let was_tried = ctx.caps.pairs_at(lower).any(|pair| ctx.job.was_tried(pair));
    if was_tried {
        return propose(lower, ctx);
    }
    let search = ctx.config.search();
    if memory::advice(lower, ctx) == Advice::Avoid || !is_affordable_memory(ctx) {
        return None;
    }
    // Not at the limit already: what the memory costs comes on top.
    let limit = ctx.config.objective().max_slowdown().unwrap_or(MEMORY_REACH);
    let longest = 1.0 + search.memory_trial_share * limit;
    let pairs: Vec<ClockPair> = ctx.caps.pairs_at(home.mem_gear()).collect();
    let xs: Vec<f64> = pairs.iter().map(|&pair| ctx.job.x_of(pair)).collect();
    let (best, cost) = pairs
        .into_iter()
        .zip(predict(&ctx.job.observations_at_home(), &xs).into_iter().map(|told| told.cost))
        .filter(|(_, cost)| cost.time <= longest)
        .min_by(|a, b| a.1.energy.total_cmp(&b.1.energy))
        .unwrap_or((home, RelativeCost::DEFAULT));
    // The nearest SM clock that goes with the lower memory clock.
    let pair = ctx.caps.pairs_at(lower).min_by_key(|pair| pair.sm().0.abs_diff(best.sm().0))?;
    let expected = RelativeCost { time: cost.time * MEMORY_TIME, energy: cost.energy };
    Some(Trial { pair, expected, time_stderr: MEMORY_TIME_STDERR })
}

/// Whether a trial at another memory clock can be paid, however slow the job is there.
pub(super) fn is_affordable_memory(ctx: &Context) -> bool {
    let search = ctx.config.search();
    let is_measurable = ctx.job.source != ProgressSource::Period || ctx.job.shape.is_some();
    // The worst case: three times the time.
    let worst_s = (2.0 / 3.0) * memory_trial_length_s(ctx).0;
    let affordable_s = ctx.account().map_or(f64::INFINITY, |account| account.affordable_s(search));
    is_measurable && ctx.job.period_s <= search.max_memory_trial_period.as_secs_f64() && worst_s <= affordable_s
}

/// A memory clock below this share of the default one makes a difference.
pub(super) const CLEARLY_LOWER: f64 = 0.9;
/// Time at the next lower memory clock: free or a disaster (1.0 to 1.8 on measured cards).
const MEMORY_TIME: f64 = 1.1;
/// Standard deviation of [`MEMORY_TIME`].
const MEMORY_TIME_STDERR: f64 = 0.15;
