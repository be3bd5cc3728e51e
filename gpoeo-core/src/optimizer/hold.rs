//! Holding the best setting, or two in turns, in segments that are measurements; the account of the limit; the monitor.

use core::time::Duration;

use crate::caps::ClockPair;
use crate::estimate::Estimate;
use crate::event::{Event, Phase, ProgressSource};
use crate::input::Input;
use crate::measure::Expected;
use crate::objective::RelativeCost;
use crate::search::Mix;
use crate::time::Timestamp;

use super::baseline::Baseline;
use super::context::Context;
use super::detect::Detect;
use super::explore::{Explore, MEMORY_RATIOS, base_period_s};
use super::job::{FOUND, Measured, Setting, Target};
use super::monitor::{Monitor, Shift};
use super::phase::{State, after_refusal};
use super::segment::{Recent, Segment, SegmentState, Until};

/// A look at a held segment every so often, s.
const LOOK_S: f64 = 5.0;
/// Looks in a row without a period that end a held segment.
const BLIND_LOOKS: u32 = 3;
/// A held work rate is measured this much more seldom: counters cost power while they are open.
const WORK_RATE_SEGMENTS: f64 = 4.0;

#[derive(Debug)]
pub(super) struct Hold {
    segment: Segment,
    monitor: Monitor,
    /// What the mix still owes to its second setting, in segments.
    beyond_owed: f64,
    is_rebaseline: bool,
    /// Work rates in a row that could not be read.
    unread: u8,
}

impl Hold {
    pub(super) fn begin(ctx: &mut Context) -> State {
        ctx.enter(Phase::Hold);
        let now = ctx.now;
        if ctx.settled_after.is_none() {
            ctx.settled_after = ctx.began.map(|began| now.saturating_since(began));
        }
        if let Some(mix) = best_mix(ctx) {
            let (a, b) = (ctx.job.relative_time(mix.within), ctx.job.relative_time(mix.beyond));
            let slower = if b > a { mix.beyond } else { mix.within };
            let clocks = match ctx.job.settings[slower].target {
                Target::Pair(pair) => Some(pair),
                Target::Found => None,
            };
            ctx.outbox.tell(Event::Settled { clocks, saving: mix.cost.saving(), slowdown: mix.cost.slowdown() });
        }
        let mut beyond_owed = 0.5;
        let segment = next_segment(&mut beyond_owed, ctx);
        ctx.overruled.begin_segment();
        State::Hold(Self { segment, monitor: Monitor::default(), beyond_owed, is_rebaseline: false, unread: 0 })
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        let setting = self.segment.setting;
        let shift = match self.segment.on(input, ctx) {
            SegmentState::Running if matches!(input, Input::Objective { .. }) && !ctx.clocks.counters_open => {
                Shift::None
            }
            SegmentState::Running => return State::Hold(self),
            SegmentState::Measured(seen) if is_overruled(ctx) => {
                self.book_overruled(&seen, ctx);
                Shift::None
            }
            SegmentState::Unmeasured if is_overruled(ctx) => Shift::None,
            SegmentState::Measured(seen) => {
                self.unread = 0;
                self.measured(setting, &seen, ctx)
            }
            // Counters that could not be read say nothing about the job, unless they never come back.
            SegmentState::Unmeasured
                if ctx.job.source == ProgressSource::WorkRate
                    && ctx.has_counters()
                    && self.unread < ctx.config.hold().unread_work_rates =>
            {
                self.unread += 1;
                Shift::None
            }
            SegmentState::Unmeasured => self.monitor.blind(),
            SegmentState::Silent => Shift::None,
            SegmentState::Refused(fault) => match after_refusal(fault, ctx) {
                Some(state) => return state,
                None => {
                    // Hold without it; the found clocks are never given up.
                    ctx.job.settings[setting].banned = setting != FOUND;
                    Shift::None
                }
            },
        };
        ctx.watch_limit();
        match shift {
            Shift::Large => {
                ctx.outbox.tell(Event::WorkloadChanged { at: ctx.now });
                ctx.remember_job();
                ctx.start_new_job();
                return Detect::begin(ctx);
            }
            Shift::Small => {
                ctx.job_has_drifted();
                return Baseline::begin_again(ctx);
            }
            Shift::None => {}
        }
        if let Some(explore) = Explore::next(0, ctx) {
            return State::Explore(explore);
        }
        // A baseline that is not what it was is looked at again at once: all the rest is measured against it.
        let is_suspicious = self.monitor.is_suspicious();
        let is_doubtful = setting == FOUND && is_suspicious;
        self.is_rebaseline = is_doubtful || (!self.is_rebaseline && self.wants_baseline(ctx));
        let hold = ctx.config.hold();
        self.segment = if self.is_rebaseline {
            segment_at(FOUND, hold.rebaseline.as_secs_f64(), 2.0, ctx)
        } else if is_suspicious {
            // A job that has become slower is given its own clocks at once: whether it is the job is seen there as well.
            let (length_s, iterations) = (hold.confirm.as_secs_f64(), hold.min_segment_iterations);
            let at = if self.monitor.is_slower() { FOUND } else { setting };
            segment_at(at, length_s, iterations, ctx)
        } else {
            next_segment(&mut self.beyond_owed, ctx)
        };
        ctx.overruled.begin_segment();
        State::Hold(self)
    }

    /// Compares a measurement with what is known about the setting, then adds it.
    fn measured(&mut self, setting: usize, seen: &Estimate, ctx: &mut Context) -> Shift {
        let known = ctx.job.settings[setting].estimate();
        if let Some(known) = &known {
            ctx.job.note_scatter(known, seen);
        }
        let shift = known.map_or(Shift::None, |known| self.monitor.compare(setting, (&known, seen), ctx.config.hold()));
        if shift == Shift::None && !self.monitor.is_suspicious() {
            let hold = ctx.config.hold();
            if let (true, Some(known)) = (setting == FOUND, &known) {
                ctx.job.note_wander(known, seen);
            }
            if setting == FOUND {
                ctx.job.baseline_at = Some(ctx.now);
            }
            if self.is_rebaseline {
                ctx.job.fade_baseline(seen, hold.rebaseline_memory, hold.fade_stderrs);
                ctx.job.rebaseline_gap = ctx.job.rebaseline_gap.saturating_mul(hold.rebaseline_growth);
            }
            ctx.job.record(setting, seen);
        }
        if let Target::Pair(pair) = ctx.job.settings[setting].target {
            watch_clock(pair, ctx);
        }
        shift
    }

    /// The work of a segment at other clocks than those of its setting: as much as was seen, not as the setting does.
    fn book_overruled(&self, seen: &Estimate, ctx: &mut Context) {
        let setting = self.segment.setting;
        let (Some(base), Some(from)) = (ctx.job.baseline(), self.segment.counts_from()) else { return };
        let iterations = ctx.now.saturating_since(from).as_secs_f64() / seen.time_s;
        let energy = ctx.job.measured(setting).map_or(1.0, |known| known.cost.energy);
        ctx.closed.owed_s += iterations * (base.time_s - seen.time_s / ctx.job.relative_time(setting));
        ctx.closed.owed_j += iterations * (base.energy_j - seen.energy_j / energy);
    }

    /// Whether a better baseline is worth the saving that is lost while it is measured.
    fn wants_baseline(&self, ctx: &Context) -> bool {
        let hold = ctx.config.hold();
        let (Some(base), Some(mix), Some(account)) = (ctx.job.baseline(), best_mix(ctx), ctx.account()) else {
            return false;
        };
        let price = price(ctx);
        let since_last = ctx.job.baseline_at.map_or(Duration::MAX, |at| ctx.now.saturating_since(at));
        if !hold.repeats_baseline {
            return false;
        }
        if since_last >= ctx.job.rebaseline_gap {
            return true;
        }
        if price <= 0.0 || since_last < hold.min_rebaseline_gap {
            return false;
        }
        let doubt = base.time_stderr_ratio();
        let length_s = hold.rebaseline.as_secs_f64().max(2.0 * base_period_s(ctx));
        let after = match ctx.job.source {
            // As if the new measurement were like the first, per second.
            ProgressSource::Marks | ProgressSource::Period => {
                let spent_s = f64::from(base.iterations) * base.time_s;
                doubt * (spent_s / (spent_s + length_s)).sqrt()
            }
            ProgressSource::WorkRate => {
                let windows = ctx.config.search().min_counter_windows;
                (doubt.powi(-2) + ctx.job.rate_noise.stderr(f64::from(windows)).powi(-2)).powf(-0.5)
            }
        };
        let won = account.margin(doubt) - account.margin(after);
        let horizon_s = ctx.totals().elapsed_s.max(ctx.config.search().horizon.as_secs_f64());
        let cost_s = length_s + 1.0 + base_period_s(ctx);
        let value = mix.cost.saving() - price * mix.cost.slowdown();
        ctx.config.search().gain_share * price * won * horizon_s > cost_s * value.max(0.0)
    }

    pub(super) fn deadline(&self, ctx: &Context) -> Option<Timestamp> {
        self.segment.deadline(ctx)
    }
}

/// Settings that may be held: measured well enough, not banned. The found clocks are the first. Their times include what
/// their doubt, beyond that of the baseline, takes off the limit.
pub(super) fn holdable(ctx: &Context) -> Vec<(usize, RelativeCost)> {
    let hold = ctx.config.hold();
    let base_stderr = ctx.job.baseline().map_or(f64::INFINITY, |base| base.time_stderr_ratio());
    let largest = hold.max_stderr_ratio.max(hold.max_stderr_of_baseline * base_stderr);
    let account = ctx.account();
    let usable = |(index, setting): (usize, &Setting)| {
        let Measured { mut cost, time_stderr, .. } = ctx.job.measured(index)?;
        if index != FOUND {
            if setting.banned || time_stderr > largest {
                return None;
            }
            if let Some(account) = &account {
                let doubt = base_stderr.hypot(time_stderr / cost.time);
                cost.time += account.margin(doubt) - account.margin(base_stderr);
            }
        }
        Some((index, cost))
    };
    ctx.job.settings.iter().enumerate().filter_map(usable).collect()
}

/// The best mix of what may be held; indices are those of the job's settings, the cost is what was measured.
pub(super) fn best_mix(ctx: &Context) -> Option<Mix> {
    let (indices, known): (Vec<usize>, Vec<RelativeCost>) = holdable(ctx).into_iter().unzip();
    let mix = ctx.frontier().best(&known)?;
    let (within, beyond) = (indices[mix.within], indices[mix.beyond]);
    let (a, b) = (ctx.job.measured(within)?.cost, ctx.job.measured(beyond)?.cost);
    let share = mix.beyond_share;
    let cost =
        RelativeCost { time: a.time + share * (b.time - a.time), energy: a.energy + share * (b.energy - a.energy) };
    Some(Mix { within, beyond, cost, ..mix })
}

/// The next stretch of the mix: sigma-delta makes the shares come out over the segments.
fn next_segment(beyond_owed: &mut f64, ctx: &mut Context) -> Segment {
    let setting = best_mix(ctx).map_or(FOUND, |mix| {
        // Iterations at the slower setting take longer: shares of time, not of iterations.
        let (slow, fast) = (ctx.job.relative_time(mix.beyond), ctx.job.relative_time(mix.within));
        let share = mix.beyond_share * slow / (mix.beyond_share * slow + (1.0 - mix.beyond_share) * fast);
        *beyond_owed = (*beyond_owed + share).clamp(-1.0, 2.0);
        if *beyond_owed >= 1.0 - 1e-9 {
            *beyond_owed -= 1.0;
            mix.beyond
        } else {
            mix.within
        }
    });
    let hold = ctx.config.hold();
    let (length_s, iterations) = (hold.segment.as_secs_f64(), hold.min_segment_iterations);
    segment_at(setting, length_s, iterations, ctx)
}

/// Whether more counter windows at a setting need more energy than the doubt that they take away is worth.
fn is_well_known(setting: usize, ctx: &Context) -> bool {
    let (Some(base), Some(seen), Some(account)) = (ctx.job.baseline(), ctx.job.measured(setting), ctx.account()) else {
        return true;
    };
    let search = ctx.config.search();
    let base_stderr = base.time_stderr_ratio();
    let windows_s = search.counter_window.as_secs_f64() * f64::from(search.min_counter_windows);
    let new = ctx.job.rate_noise.stderr(f64::from(search.min_counter_windows));
    let with_new = |stderr: f64| (stderr.powi(-2) + new.powi(-2)).powf(-0.5);
    let won = if setting == FOUND {
        account.margin(base_stderr) - account.margin(with_new(base_stderr))
    } else {
        let own = seen.time_stderr / seen.cost.time;
        account.margin(base_stderr.hypot(own)) - account.margin(base_stderr.hypot(with_new(own)))
    };
    let horizon_s = ctx.totals().elapsed_s.max(search.horizon.as_secs_f64());
    search.gain_share * price(ctx) * won * horizon_s <= windows_s * ctx.job.meter_share()
}

/// How much energy a little more of the limit would save, relative to each other.
fn price(ctx: &Context) -> f64 {
    let known: Vec<RelativeCost> = holdable(ctx).into_iter().map(|(_, cost)| cost).collect();
    let frontier = ctx.frontier();
    frontier.best(&known).map_or(0.0, |mix| frontier.price(&mix, &known))
}

fn segment_at(setting: usize, length_s: f64, iterations: f64, ctx: &mut Context) -> Segment {
    let hold = ctx.config.hold();
    let relative = ctx.job.relative_time(setting);
    let length_s = match ctx.job.source {
        ProgressSource::Marks | ProgressSource::Period => length_s.max(iterations * base_period_s(ctx) * relative),
        // Counters cost power: they are read often only as long as what they tell is worth it.
        ProgressSource::WorkRate if length_s >= hold.segment.as_secs_f64() && is_well_known(setting, ctx) => {
            length_s * WORK_RATE_SEGMENTS
        }
        ProgressSource::WorkRate => length_s,
    };
    let until = Until {
        min_s: length_s,
        max_s: length_s,
        stderr_ratio: 0.0,
        worth_s: None,
        give_up_above: relative * (1.0 + 2.0 * hold.small_shift_ratio),
        recent: recent(setting, ctx),
        look_s: LOOK_S.max(base_period_s(ctx)),
        looks_early: ctx.job.is_at_home(setting),
        blind_looks: BLIND_LOOKS,
    };
    let reach = hold.large_shift_ratio;
    let expected =
        Expected::new(base_period_s(ctx)).ratio(relative, 0.01).ratio_range(relative - reach, relative + reach);
    let segment = Segment::new(setting, expected, until, None, ctx);
    // The long window of a segment confirms, or not, what a short trial has taken for the iteration.
    if ctx.job.is_at_home(setting) { segment } else { segment.with_ratios(MEMORY_RATIOS) }
}

/// Whether the segment that has ended ran at other clocks than its setting did before; tells it.
fn is_overruled(ctx: &mut Context) -> bool {
    if !ctx.overruled.spoils(ctx.now, ctx.config.hold().overruled_patience) {
        return false;
    }
    if let Target::Pair(pair) = ctx.clocks.in_force {
        watch_clock(pair, ctx);
    }
    true
}

/// What the last moments of a setting are to be compared with, where its rhythm is followed without a doubt.
fn recent(setting: usize, ctx: &Context) -> Option<Recent> {
    let hold = ctx.config.hold();
    let known = ctx.job.settings[setting].estimate()?;
    if ctx.job.source == ProgressSource::WorkRate || !ctx.job.is_at_home(setting) {
        return None;
    }
    let iterations_s = |count: f64| count * known.time_s;
    Some(Recent {
        length_s: hold.recent.as_secs_f64().max(iterations_s(hold.recent_iterations)),
        every_s: (hold.recent.as_secs_f64() / 4.0).max(iterations_s(1.0)),
        known_s: known.time_s,
        ratio: hold.small_shift_ratio,
        stderrs: hold.shift_stderrs,
    })
}

/// Tells when another clock than the one asked for is in force.
pub(super) fn watch_clock(wanted: ClockPair, ctx: &mut Context) {
    let Some(seen) = ctx.telemetry.latest().and_then(|sample| sample.sm_clock) else { return };
    let gap = seen.0.abs_diff(wanted.sm().0);
    if f64::from(gap) > CLOCK_TOLERANCE * f64::from(wanted.sm().0) && ctx.job.not_reached_is_news(wanted) {
        ctx.outbox.tell(Event::ClockNotReached { wanted, seen });
    }
}

/// A clock read back within this of the one asked for counts as reached: they are read in steps of up to 15 MHz, and wander.
const CLOCK_TOLERANCE: f64 = 0.02;
