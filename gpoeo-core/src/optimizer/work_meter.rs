//! Time and energy of a fixed amount of work, from the rate of executed instructions.
//!
//! The instructions of a piece of work do not depend on the clock, so their rate is a rate of progress also where nothing
//! repeats. Counters cost power while they are open, so they are read in short windows. Source: GPOEO §4 (aperiodic
//! workloads), with a standard error from the scatter of the windows.

use crate::action::{ActionId, Command};
use crate::counters::{Counter, CounterSet};
use crate::estimate::Estimate;
use crate::input::Input;
use crate::time::Timestamp;

use super::context::Context;
use super::segment::{Until, seconds};

/// Work is counted in units of this many instructions; the unit cancels in every ratio.
const UNIT: f64 = 1e12;
/// Relative standard error of a single window, which shows no scatter.
const SINGLE_WINDOW_STDERR: f64 = 0.05;

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
    /// Closed; the samples that say what energy the window took are still to come.
    Counting(Counted),
}

/// What the meter needs of a window.
#[derive(Clone, Copy, Debug)]
struct Counted {
    start: Timestamp,
    end: Timestamp,
    instructions: Option<f64>,
}

/// Opens and closes counter windows, one after the other.
#[derive(Debug, Default)]
pub(super) struct WorkMeter {
    stage: Stage,
    counted: Option<Counted>,
    windows: u32,
    instructions: f64,
    time_s: f64,
    energy_j: f64,
    energy_var: f64,
    rates: Spread,
    /// Energy per instruction: the same instructions need more or less, as the job's parts differ.
    costs: Spread,
}

/// Mean and scatter of one number a window (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let step = value - self.mean;
        self.mean += step / self.count;
        self.squares += step * (value - self.mean);
    }

    /// Relative standard error of the mean.
    fn stderr_ratio(&self) -> f64 {
        if self.count < 2.0 {
            SINGLE_WINDOW_STDERR
        } else {
            (self.squares / (self.count - 1.0) / self.count).sqrt() / self.mean
        }
    }
}

impl Counted {
    fn of(set: &CounterSet) -> Self {
        Self { start: set.start(), end: set.end(), instructions: set.value(Counter::Instructions) }
    }
}

impl WorkMeter {
    /// Takes an input in. The windows lie at the end of the shortest time that `until` asks for.
    pub(super) fn on(&mut self, input: &Input, from: Timestamp, until: &Until, ctx: &mut Context) -> WorkState {
        match (self.stage, *input) {
            (Stage::Opening(asked), Input::Applied { id, now }) if id == asked => self.stage = Stage::Open(now),
            (Stage::Closing(asked), Input::Applied { id, .. }) if id == asked => match self.counted.take() {
                Some(set) => self.stage = Stage::Counting(set),
                // Closed what somebody had left open.
                None if self.windows == 0 => self.stage = Stage::Closed,
                None => return WorkState::Failed,
            },
            (Stage::Closing(_), Input::Counters(set)) => self.counted = Some(Counted::of(&set)),
            (Stage::Opening(asked) | Stage::Closing(asked), Input::Failed { id, .. }) if id == asked => {
                return WorkState::Failed;
            }
            _ => {}
        }
        let window = ctx.config.search().counter_window;
        match self.stage {
            // Left open by a command that failed: a window begins with closed counters.
            Stage::Closed if ctx.clocks.counters_open && ctx.now >= start(from, until, ctx) => {
                self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
            }
            Stage::Closed if ctx.now >= start(from, until, ctx) => {
                self.stage = Stage::Opening(ctx.ask(Command::OpenCounters { pass: 0 }));
            }
            Stage::Open(since) if ctx.now >= since + window => {
                self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
            }
            Stage::Counting(set) if ctx.telemetry.latest_time() >= Some(set.end) => {
                self.count(&set, ctx);
                self.stage = Stage::Closed;
                if self.is_done(from, until, ctx) {
                    return self.estimate().map_or(WorkState::Failed, WorkState::Done);
                }
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
        if time_s <= 0.0 {
            return;
        }
        self.windows += 1;
        self.instructions += instructions;
        self.time_s += time_s;
        self.energy_j += energy_j;
        self.energy_var += stderr_j * stderr_j;
        self.rates.add(instructions / time_s);
        self.costs.add(energy_j / instructions);
    }

    fn is_done(&self, from: Timestamp, until: &Until, ctx: &Context) -> bool {
        let length = ctx.now.saturating_since(from);
        let enough = self.windows >= ctx.config.search().min_counter_windows
            && length >= seconds(until.min_s)
            && self.estimate().is_some_and(|estimate| estimate.time_stderr_ratio() <= until.stderr_ratio);
        enough || length >= seconds(until.max_s)
    }

    /// The measurement so far.
    pub(super) fn estimate(&self) -> Option<Estimate> {
        if self.windows == 0 || self.energy_j <= 0.0 {
            return None;
        }
        let ratio = self.rates.stderr_ratio().max(0.001);
        let units = self.instructions / UNIT;
        let (time_s, energy_j) = (self.time_s / units, self.energy_j / units);
        let energy_ratio = self.costs.stderr_ratio().max(0.001).hypot(self.energy_var.sqrt() / self.energy_j);
        Some(Estimate::new(time_s, ratio * time_s, energy_j, energy_ratio * energy_j, self.windows))
    }

    /// The next moment at which the meter has something to ask.
    pub(super) fn deadline(&self, from: Timestamp, until: &Until, ctx: &Context) -> Option<Timestamp> {
        match self.stage {
            Stage::Closed => Some(start(from, until, ctx)),
            Stage::Open(since) => Some(since + ctx.config.search().counter_window),
            Stage::Closing(_) | Stage::Counting(_) | Stage::Opening(_) => None,
        }
    }
}

/// When the first window may open.
fn start(from: Timestamp, until: &Until, ctx: &Context) -> Timestamp {
    let search = ctx.config.search();
    let windows = search.counter_window.saturating_mul(search.min_counter_windows);
    from + seconds(until.min_s).saturating_sub(windows)
}
