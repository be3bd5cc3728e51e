//! Time and energy of a fixed amount of work, from the rate of executed instructions.
//!
//! The instructions of a piece of work do not depend on the clock, so their rate is a rate of progress also where nothing
//! repeats, where iterations are shorter than power can show, and where they differ in length. Counters cost power while
//! they are open, so they are read in short windows, one after the other without a gap: what one window misses of an
//! iteration the next one has. Source: GPOEO §4 (aperiodic workloads); the standard errors and what the counters
//! themselves cost are ours.

use crate::action::{ActionId, Command};
use crate::counters::{Counter, CounterSet};
use crate::estimate::Estimate;
use crate::input::Input;
use crate::time::Timestamp;

use super::context::Context;
use super::job::FOUND;
use super::segment::{Until, seconds};
use super::window_noise::{WindowNoise, WindowSums};

/// Work is counted in units of this many instructions; the unit cancels in every ratio.
const UNIT: f64 = 1e12;
/// Closed windows whose samples are still to come: more are not kept.
const MOST_WAITING: usize = 4;
/// Windows of one measurement.
const MOST_WINDOWS: usize = 64;
/// No trial ends early before so many.
const LEAST_WINDOWS_TO_GIVE_UP: f64 = 2.0;
/// Windows are left out as odd where they are less than one in so many.
const MOST_ODD: usize = 3;

/// Whether a measurement goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WorkState {
    Running,
    Done(Estimate),
    Failed,
}

/// Where the counters are.
#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Closed,
    Opening(ActionId),
    Open(Timestamp),
    Closing(ActionId),
    /// Enough windows: the samples of the last ones are still to come.
    Over,
}

/// Opens and closes counter windows, one after the other.
#[derive(Debug, Default)]
pub(super) struct WorkMeter {
    stage: Stage,
    counted: Option<Counted>,
    waiting: Vec<Counted>,
    first_opened: Option<Timestamp>,
    /// Mean power before the first window, W, and over how long, s.
    closed: Option<(f64, f64)>,
    windows: Vec<Window>,
    is_noted: bool,
}

/// What the meter needs of a set of counters.
#[derive(Clone, Copy, Debug)]
struct Counted {
    start: Timestamp,
    end: Timestamp,
    instructions: Option<f64>,
}

impl Counted {
    fn of(set: &CounterSet) -> Self {
        Self { start: set.start(), end: set.end(), instructions: set.value(Counter::Instructions) }
    }
}

/// One window, with the energy that it took.
#[derive(Clone, Copy, Debug)]
struct Window {
    instructions: f64,
    time_s: f64,
    energy_j: f64,
    energy_stderr_j: f64,
}

/// The windows that count, added up.
#[derive(Debug, Default)]
struct Sums {
    instructions: f64,
    time_s: f64,
    energy_j: f64,
    energy_var: f64,
    /// Greatest rate of a window, instructions/s.
    fastest: f64,
    rates: WindowSums,
    /// Energy per instruction: the same instructions need more or less, as the job's parts differ.
    costs: WindowSums,
}

impl WorkMeter {
    /// Takes an input in. The windows lie at the end of the shortest time that `until` asks for.
    pub(super) fn on(
        &mut self,
        input: &Input,
        (setting, from): (usize, Timestamp),
        until: &Until,
        ctx: &mut Context,
    ) -> WorkState {
        match (self.stage, *input) {
            (Stage::Opening(asked), Input::Applied { id, now }) if id == asked => {
                self.first_opened.get_or_insert(now);
                self.stage = Stage::Open(now);
            }
            (Stage::Closing(asked), Input::Applied { id, .. }) if id == asked => {
                self.stage = Stage::Closed;
                match self.counted.take() {
                    Some(set) if self.waiting.len() < MOST_WAITING => self.waiting.push(set),
                    Some(_) => {}
                    // Closed what somebody had left open.
                    None if self.first_opened.is_none() => {}
                    None => return WorkState::Failed,
                }
            }
            (Stage::Closing(_), Input::Counters(set)) => self.counted = Some(Counted::of(&set)),
            (Stage::Opening(asked) | Stage::Closing(asked), Input::Failed { id, .. }) if id == asked => {
                return WorkState::Failed;
            }
            _ => {}
        }
        let latest = ctx.telemetry.latest_time();
        while self.waiting.first().is_some_and(|set| latest >= Some(set.end)) {
            let set = self.waiting.remove(0);
            self.count(&set, ctx);
        }
        if self.closed.is_none() && self.first_opened.is_some_and(|opened| latest >= Some(opened)) {
            // Now: a long measurement outlives the signal's memory.
            self.closed = self.closed_power_w(from, ctx);
        }
        if let Some(estimate) = self.finished((setting, from), until, ctx) {
            // Counters that are open are closed before the answer, so that nobody finds them open.
            match self.stage {
                Stage::Closed | Stage::Over if !ctx.clocks.counters_open => return WorkState::Done(estimate),
                Stage::Closed | Stage::Over | Stage::Open(_) => {
                    self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
                }
                Stage::Opening(_) | Stage::Closing(_) => {}
            }
            return WorkState::Running;
        }
        let window = ctx.config.search().counter_window;
        match self.stage {
            // Left open by a command that failed: a window begins with closed counters.
            Stage::Closed if ctx.clocks.counters_open && ctx.now >= start(from, until, ctx) => {
                self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
            }
            Stage::Closed if self.is_late(from, until, ctx) => self.stage = Stage::Over,
            Stage::Closed if ctx.now >= start(from, until, ctx) => {
                self.stage = Stage::Opening(ctx.ask(Command::OpenCounters { pass: 0 }));
            }
            Stage::Open(since) if ctx.now >= since + window => {
                self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
            }
            _ => {}
        }
        WorkState::Running
    }

    /// Adds a window.
    fn count(&mut self, set: &Counted, ctx: &mut Context) {
        let Some(instructions) = set.instructions.filter(|&count| count > 0.0) else { return };
        let time_s = set.end.seconds_since(set.start);
        let Some((energy_j, stderr_j)) = ctx.telemetry.energy_j(set.start, set.end) else { return };
        if time_s <= 0.0 || energy_j <= 0.0 {
            return;
        }
        if self.windows.len() < MOST_WINDOWS {
            self.windows.push(Window { instructions, time_s, energy_j, energy_stderr_j: stderr_j });
        }
    }

    /// Adds the windows up, without the few that are far off all others of the job: a validation pass, a checkpoint.
    fn sums(&self, noise: &WindowNoise) -> Sums {
        let mut rates: Vec<f64> = self.windows.iter().map(|window| window.instructions / window.time_s).collect();
        rates.sort_unstable_by(f64::total_cmp);
        let median = rates.get(rates.len() / 2).copied().unwrap_or(0.0);
        let reach = noise.outlier_ratio();
        let is_odd = |window: &Window| (window.instructions / window.time_s / median - 1.0).abs() > reach;
        let odd = self.windows.iter().filter(|window| is_odd(window)).count();
        let keeps_all = MOST_ODD * odd > self.windows.len();
        let kept: Vec<Window> = self.windows.iter().copied().filter(|window| keeps_all || !is_odd(window)).collect();
        let rates: Vec<f64> = kept.iter().map(|window| window.instructions / window.time_s).collect();
        let costs: Vec<f64> = kept.iter().map(|window| window.energy_j / window.instructions).collect();
        let total = |value: fn(&Window) -> f64| kept.iter().map(value).sum::<f64>();
        Sums {
            instructions: total(|window| window.instructions),
            time_s: total(|window| window.time_s),
            energy_j: total(|window| window.energy_j),
            energy_var: total(|window| window.energy_stderr_j.powi(2)),
            fastest: rates.iter().copied().fold(0.0, f64::max),
            rates: WindowSums::of(&rates),
            costs: WindowSums::of(&costs),
        }
    }

    /// The measurement, once it is good enough or as good as it may become.
    fn finished(&mut self, (setting, from): (usize, Timestamp), until: &Until, ctx: &mut Context) -> Option<Estimate> {
        let estimate = self.estimate(setting, ctx)?;
        let length = ctx.now.saturating_since(from);
        let is_enough = f64::from(estimate.iterations) >= f64::from(ctx.config.search().min_counter_windows)
            && length >= seconds(until.min_s)
            && estimate.time_stderr_ratio() <= until.stderr_ratio;
        // One window with a pause in it looks slow; all of them do where it is the clock.
        let sums = self.sums(&ctx.job.rate_noise);
        let surely_s = UNIT / sums.fastest * (1.0 - 2.0 * ctx.job.rate_noise.deviation());
        let base_s = ctx.job.baseline().map_or(f64::INFINITY, |base| base.time_s);
        let is_too_slow = sums.rates.count() >= LEAST_WINDOWS_TO_GIVE_UP && surely_s > until.give_up_above * base_s;
        let is_worth = until
            .worth_s
            .is_some_and(|worth_s| length.as_secs_f64() >= until.min_s.max(worth_s * estimate.time_stderr_ratio()));
        let is_over = self.waiting.is_empty() && length >= seconds(until.max_s);
        let is_done = is_enough || is_worth || is_too_slow || is_over;
        if is_done && !core::mem::replace(&mut self.is_noted, true) {
            // What scatters here tells how far other measurements can be trusted.
            ctx.job.rate_noise.take(&sums.rates);
            ctx.job.cost_noise.take(&sums.costs);
            self.note_counter_power(setting, ctx);
        }
        // Once more, by what was learned just now.
        if is_done { self.estimate(setting, ctx) } else { None }
    }

    fn is_late(&self, from: Timestamp, until: &Until, ctx: &Context) -> bool {
        ctx.now >= from + seconds(until.max_s)
    }

    /// The measurement so far.
    pub(super) fn estimate(&self, setting: usize, ctx: &Context) -> Option<Estimate> {
        let sums = self.sums(&ctx.job.rate_noise);
        if sums.instructions <= 0.0 || sums.energy_j <= 0.0 {
            return None;
        }
        let (rate_noise, cost_noise) = match self.is_noted {
            true => (ctx.job.rate_noise, ctx.job.cost_noise),
            false => (ctx.job.rate_noise.with(&sums.rates), ctx.job.cost_noise.with(&sums.costs)),
        };
        let time_ratio = rate_noise.stderr(sums.rates.count());
        let time_s = sums.time_s * UNIT / sums.instructions;
        let open_w = sums.energy_j / sums.time_s;
        let counter_w = ctx.job.counter_power_w(setting);
        let alone_w = (open_w - counter_w).max(0.5 * open_w);
        // Power without counters was seen too, and longer.
        let power_w = match self.closed {
            Some((closed_w, closed_s)) => (alone_w * sums.time_s + closed_w * closed_s) / (sums.time_s + closed_s),
            None => alone_w,
        };
        let sensor_ratio = sums.energy_var.sqrt() / sums.energy_j;
        let energy_ratio = cost_noise.stderr(sums.costs.count()).hypot(sensor_ratio);
        let energy_j = power_w * time_s;
        let count = sums.rates.count() as u32;
        Some(Estimate::new(time_s, time_ratio * time_s, energy_j, energy_ratio * energy_j, count))
    }

    /// Mean power before the first window, W, and over how long, s; `None` if that was short.
    fn closed_power_w(&self, from: Timestamp, ctx: &mut Context) -> Option<(f64, f64)> {
        let search = ctx.config.search();
        let (shortest, longest) = (search.counter_lead, search.counter_lead_used);
        let opened = self.first_opened?;
        let from = from.max(opened.saturating_sub(longest));
        let closed = opened.saturating_since(from);
        if closed < shortest {
            return None;
        }
        let (energy_j, _) = ctx.telemetry.energy_j(from, opened)?;
        Some((energy_j / closed.as_secs_f64(), closed.as_secs_f64()))
    }

    /// Learns what power the counters themselves need.
    fn note_counter_power(&self, setting: usize, ctx: &mut Context) {
        let Some((closed_w, closed_s)) = self.closed else { return };
        let sums = self.sums(&ctx.job.rate_noise);
        let open_w = sums.energy_j / sums.time_s;
        let window_s = ctx.config.search().counter_window.as_secs_f64();
        let scatter = ctx.job.rate_noise.deviation().hypot(ctx.job.cost_noise.deviation());
        let scatter_w = open_w * scatter * (window_s / closed_s + window_s / sums.time_s).sqrt();
        ctx.job.note_counter_power(setting == FOUND, open_w - closed_w, scatter_w);
    }

    /// The next moment at which the meter has something to ask.
    pub(super) fn deadline(&self, from: Timestamp, until: &Until, ctx: &Context) -> Option<Timestamp> {
        match self.stage {
            Stage::Closed => Some(start(from, until, ctx)),
            Stage::Open(since) => Some(since + ctx.config.search().counter_window),
            Stage::Closing(_) | Stage::Opening(_) | Stage::Over => None,
        }
    }
}

/// When the first window may open.
fn start(from: Timestamp, until: &Until, ctx: &Context) -> Timestamp {
    let search = ctx.config.search();
    let windows = search.counter_window.saturating_mul(search.min_counter_windows);
    from + seconds(until.min_s).saturating_sub(windows).max(search.counter_lead)
}
