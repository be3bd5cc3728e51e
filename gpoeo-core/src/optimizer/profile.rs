//! One reading of the counters at the found clocks, after the baseline; then the models say where the search starts.
//!
//! One window where the hardware reads all counters at once, one a pass otherwise; none where no model needs counters. What the
//! windows cost in time and energy is charged to the account of the limit. Whatever goes wrong here, the search goes
//! on without a prediction. Source: GPOEO §4 and §6 (four passes of 1.1 iterations each at fixed clocks).

use core::time::Duration;

use crate::action::{ActionId, Command};
use crate::counters::CounterSet;
use crate::event::{Event, Phase, ProgressSource};
use crate::input::Input;
use crate::measure::Expected;
use crate::stats::Pooled;
use crate::time::Timestamp;

use super::context::Context;
use super::explore::{Explore, base_period_s};
use super::hold::Hold;
use super::phase::State;
use super::segment::seconds;

/// Closing that fails is tried again this often, this far apart: open counters cost power to the end.
const RETRIES: u8 = 2;
const RETRY_GAP: Duration = Duration::from_secs(1);
/// The samples of a window may come this much later than its end.
const SAMPLES_LATE: Duration = Duration::from_secs(3);

/// Where the counters are.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Closing what somebody had left open.
    Clearing(ActionId),
    Opening(ActionId),
    Open(Timestamp),
    Closing(ActionId),
    /// Asked again at this moment.
    NotClosed(Timestamp),
    /// Closed; the samples that say what the window took are still to come.
    Counted(Timestamp),
}

#[derive(Debug)]
pub(super) struct Profile {
    stage: Stage,
    pass: u8,
    length: Duration,
    retries_left: u8,
    /// Begin and end of the window, once its counters have come.
    window: Option<(Timestamp, Timestamp)>,
}

impl Profile {
    /// Reads the counters if a model needs them and they are not known; then predicts.
    pub(super) fn begin(ctx: &mut Context) -> State {
        if ctx.caps.is_read_only() {
            return Hold::begin(ctx);
        }
        let Some(models) = &ctx.models else { return Explore::begin(ctx) };
        // A baseline by the work rate has read them already, if they are read in one pass.
        let are_known = models.has_counters() && ctx.caps.counter_passes() == 1;
        if !models.uses_counters() || !ctx.has_counters() || are_known {
            return predict(ctx);
        }
        ctx.enter(Phase::Profile);
        let config = ctx.config.profile();
        let whole_s = match ctx.job.source {
            ProgressSource::Marks | ProgressSource::Period => config.window_iterations * base_period_s(ctx),
            ProgressSource::WorkRate => 0.0,
        };
        let length = seconds(whole_s).clamp(config.min_window, config.max_window);
        let stage = Self::open_or_close(0, ctx);
        State::Profile(Self { stage, pass: 0, length, retries_left: RETRIES, window: None })
    }

    /// A window begins with closed counters.
    fn open_or_close(pass: u8, ctx: &mut Context) -> Stage {
        if ctx.clocks.counters_open {
            Stage::Clearing(ctx.ask(Command::CloseCounters))
        } else {
            Stage::Opening(ctx.ask(Command::OpenCounters { pass }))
        }
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        match (self.stage, *input) {
            (Stage::Opening(asked), Input::Applied { id, now }) if id == asked => self.stage = Stage::Open(now),
            // Without counters there may be enough to say all the same.
            (Stage::Opening(asked), Input::Failed { id, .. }) if id == asked => return predict(ctx),
            (Stage::Closing(_), Input::Counters(set)) => self.take(&set, ctx),
            (Stage::Closing(asked), Input::Applied { id, now }) if id == asked => self.stage = Stage::Counted(now),
            (Stage::Clearing(asked), Input::Applied { id, .. }) if id == asked => {
                self.stage = Stage::Opening(ctx.ask(Command::OpenCounters { pass: self.pass }));
            }
            (Stage::Clearing(asked), Input::Failed { id, .. }) if id == asked => return predict(ctx),
            (Stage::Closing(asked), Input::Failed { id, .. }) if id == asked => {
                if self.retries_left == 0 {
                    return predict(ctx);
                }
                self.retries_left -= 1;
                self.stage = Stage::NotClosed(ctx.now + RETRY_GAP);
            }
            _ => {}
        }
        match self.stage {
            Stage::Open(since) if ctx.now >= since + self.length => {
                self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
            }
            Stage::NotClosed(retry_at) if ctx.now >= retry_at => {
                self.stage = Stage::Closing(ctx.ask(Command::CloseCounters));
            }
            Stage::Counted(closed_at)
                if ctx.telemetry.latest_time() >= self.window.map(|(_, end)| end)
                    || ctx.now >= closed_at + SAMPLES_LATE =>
            {
                if let Some(window) = self.window.take() {
                    charge(window, ctx);
                }
                self.pass += 1;
                if self.pass >= ctx.caps.counter_passes() {
                    return predict(ctx);
                }
                self.stage = Self::open_or_close(self.pass, ctx);
            }
            _ => {}
        }
        State::Profile(self)
    }

    fn take(&mut self, set: &CounterSet, ctx: &mut Context) {
        self.window = Some((set.start(), set.end()));
        if let Some(models) = &mut ctx.models {
            models.push_counters(set);
        }
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Open(since) => Some(since + self.length),
            Stage::NotClosed(retry_at) => Some(retry_at),
            Stage::Counted(closed_at) => Some(closed_at + SAMPLES_LATE),
            Stage::Clearing(_) | Stage::Closing(_) | Stage::Opening(_) => None,
        }
    }
}

/// Charges what a window has cost: time by the period inside of it, as far as it can be told, and the energy beyond what
/// that work takes by the baseline.
fn charge((from, to): (Timestamp, Timestamp), ctx: &mut Context) {
    let Some(base) = ctx.job.baseline() else { return };
    let config = *ctx.config.profile();
    let mut slowdown = Pooled::default();
    slowdown.add(config.counter_slowdown, config.counter_slowdown_stderr);
    if ctx.job.source == ProgressSource::Period {
        let expected = Expected::new(base.time_s).ratio(1.0, 0.02).ratio_range(0.97, 1.15);
        let floors = *ctx.config.search();
        if let Some(seen) = ctx.telemetry.measure(from, to, &expected, &floors) {
            let doubt = seen.time_stderr_ratio().hypot(base.time_stderr_ratio());
            slowdown.add(seen.time_s / base.time_s - 1.0, doubt);
        }
    }
    let spent_s = to.seconds_since(from);
    let slowdown = slowdown.mean().max(0.0);
    let lost_s = spent_s * slowdown / (1.0 + slowdown);
    let owed_j = (spent_s - lost_s) * base.power_w();
    let lost_j = ctx.telemetry.energy_j(from, to).map_or(0.0, |(used_j, _)| (used_j - owed_j).max(0.0));
    ctx.job.charge_counters(lost_s, lost_j);
}

/// Asks the models, says what they say, and starts the search.
fn predict(ctx: &mut Context) -> State {
    let iteration_s = match ctx.job.source {
        ProgressSource::Marks | ProgressSource::Period => ctx.job.baseline().map(|base| base.time_s),
        ProgressSource::WorkRate => None,
    };
    let Some(models) = &mut ctx.models else { return Explore::begin(ctx) };
    match models.predict(iteration_s, &ctx.config.objective()) {
        Ok(told) => {
            ctx.job.prior = models.prior();
            ctx.job.memory = models.memory();
            ctx.outbox.tell(Event::Predicted {
                variant: told.variant,
                best: told.best.clocks,
                cost: told.best.cost,
                time_stderr: told.best.time_stderr,
                energy_stderr: told.best.energy_stderr,
            });
        }
        Err(reason) => ctx.outbox.tell(Event::NotPredicted { reason }),
    }
    Explore::begin(ctx)
}
