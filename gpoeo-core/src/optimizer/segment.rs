//! One stretch of time at one setting, measured. Baseline, trials and holding are all made of segments.

use core::time::Duration;

use crate::action::Fault;
use crate::config::SearchConfig;
use crate::estimate::Estimate;
use crate::event::ProgressSource;
use crate::input::Input;
use crate::measure::Expected;
use crate::time::Timestamp;

use super::change::{Change, ChangeState};
use super::context::Context;
use super::work_meter::{WorkMeter, WorkState};

/// Without samples for this long beyond its end a segment is over.
const SILENCE: Duration = Duration::from_secs(5);

/// When a segment is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// Not before this long, s.
    pub(super) min_s: f64,
    /// Not later than this, s.
    pub(super) max_s: f64,
    /// In between: once the relative standard error of the time is this small.
    pub(super) stderr_ratio: f64,
    /// In between, of a work rate: once it has taken this long for each unit of the relative standard error of its time, s.
    pub(super) worth_s: Option<f64>,
    /// At any look: once the time, less two standard errors, is above this multiple of the period at found clocks.
    pub(super) give_up_above: f64,
    /// Looks at the last moments alone: the segment ends when they are slower than they should be.
    pub(super) recent: Option<Recent>,
    /// A look at the measurement every so often, s.
    pub(super) look_s: f64,
    /// Whether to look before `min_s` too, to give up early.
    pub(super) looks_early: bool,
    /// Looks in a row without a measurement that end the segment.
    pub(super) blind_looks: u32,
}

/// What the last moments of a held setting are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    /// So much of the newest samples is looked at, s.
    pub(super) length_s: f64,
    /// So often, s.
    pub(super) every_s: f64,
    /// Time of an iteration as it is known, s.
    pub(super) known_s: f64,
    /// Slower than that by this ratio counts, …
    pub(super) ratio: f64,
    /// … and by so many standard errors.
    pub(super) stderrs: f64,
}

/// So many slow looks in a row count.
const SLOW_LOOKS: u8 = 2;

/// How a segment ended, or that it did not yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SegmentState {
    Running,
    /// With a measurement.
    Measured(Estimate),
    /// The setting was in force, but nothing could be measured there.
    Unmeasured,
    /// The clocks could not be set.
    Refused(Fault),
    /// No samples came.
    Silent,
}

#[derive(Debug)]
pub(super) struct Segment {
    /// Index of the setting in the job.
    pub(super) setting: usize,
    change: Change,
    until: Until,
    expected: Expected,
    /// Set where the period may be so much longer that its ratio must be found by its shape first.
    ratios: Option<(f64, f64)>,
    window: Option<Window>,
    /// Set where progress is a work rate.
    meter: Option<WorkMeter>,
}

/// The stretch that counts.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Timestamp,
    next_look: Timestamp,
    next_recent: Timestamp,
    slow: u8,
    blind: u32,
    best: Option<Estimate>,
}

impl Segment {
    /// A segment at a setting of the job. `expected`: what the period will be. `from`: samples before now count too, from
    /// this moment on, where the setting is in force already.
    pub(super) fn new(
        setting: usize,
        expected: Expected,
        until: Until,
        from: Option<Timestamp>,
        ctx: &mut Context,
    ) -> Self {
        let target = ctx.job.settings[setting].target;
        let mut change = Change::to(target, ctx);
        let meter = (ctx.job.source == ProgressSource::WorkRate).then(WorkMeter::default);
        let window = match change.on(&Input::Timeout { now: ctx.now }, ctx) {
            ChangeState::InForce(settled_at) => Some(open(from.unwrap_or(ctx.now).max(settled_at), &until)),
            ChangeState::Pending | ChangeState::Refused(_) => None,
        };
        Self { setting, change, until, expected, ratios: None, window, meter }
    }

    /// The period may be anything within this range of multiples of the expected one.
    pub(super) fn with_ratios(mut self, range: (f64, f64)) -> Self {
        self.ratios = Some(range);
        self
    }

    /// Takes an input in.
    pub(super) fn on(&mut self, input: &Input, ctx: &mut Context) -> SegmentState {
        let Some(mut window) = self.window else {
            match self.change.on(input, ctx) {
                ChangeState::InForce(settled_at) => self.window = Some(open(settled_at, &self.until)),
                ChangeState::Pending => {}
                ChangeState::Refused(fault) => return SegmentState::Refused(fault),
            }
            return SegmentState::Running;
        };
        let state = match &mut self.meter {
            Some(meter) => meter.on(input, (self.setting, window.from), &self.until, ctx),
            None => look(&mut window, &self.until, &self.expected, self.ratios, ctx),
        };
        self.window = Some(window);
        match state {
            WorkState::Running if ctx.now > window.from + seconds(self.until.max_s) + SILENCE => {
                let counted = self.meter.as_ref().and_then(|meter| meter.estimate(self.setting, ctx));
                match (counted.or(window.best), ctx.telemetry.latest_time()) {
                    (Some(estimate), _) => SegmentState::Measured(estimate),
                    (None, Some(latest)) if latest > window.from => SegmentState::Unmeasured,
                    (None, _) => SegmentState::Silent,
                }
            }
            WorkState::Running => SegmentState::Running,
            WorkState::Done(estimate) => SegmentState::Measured(estimate),
            WorkState::Failed => SegmentState::Unmeasured,
        }
    }

    /// The moment from which on samples count, once the setting is in force.
    pub(super) fn counts_from(&self) -> Option<Timestamp> {
        self.window.map(|window| window.from)
    }

    /// When the segment wants to be woken at the latest.
    pub(super) fn deadline(&self, ctx: &Context) -> Option<Timestamp> {
        let window = self.window?;
        let end = window.from + seconds(self.until.max_s) + SILENCE;
        let meter = self.meter.as_ref().and_then(|meter| meter.deadline(window.from, &self.until, ctx));
        Some(meter.map_or(end, |next| next.min(end)))
    }
}

fn open(from: Timestamp, until: &Until) -> Window {
    let next_recent = from + seconds(until.recent.map_or(0.0, |recent| recent.length_s));
    let next_look = from + seconds(until.min_s.min(until.look_s));
    Window { from, next_look, next_recent, slow: 0, blind: 0, best: None }
}

/// Measures the window so far when it is time to.
fn look(
    window: &mut Window,
    until: &Until,
    expected: &Expected,
    ratios: Option<(f64, f64)>,
    ctx: &mut Context,
) -> WorkState {
    let Some(latest) = ctx.telemetry.latest_time() else { return WorkState::Running };
    if let Some(slower) = until.recent.and_then(|recent| look_at_recent(window, &recent, latest, expected, ctx)) {
        return WorkState::Done(slower);
    }
    if latest < window.next_look {
        return WorkState::Running;
    }
    window.next_look = latest + seconds(until.look_s);
    let length_s = latest.seconds_since(window.from);
    let is_last = length_s >= until.max_s;
    let floors: SearchConfig = *ctx.config.search();
    // Before the shortest time a long iteration is not in the window, and a part of it could be taken for the whole.
    if length_s < until.min_s && !until.looks_early {
        return WorkState::Running;
    }
    let reading = match ratios {
        _ if ctx.job.source == ProgressSource::Marks => ctx.telemetry.measure_by_marks(window.from, latest, &floors),
        None => ctx.telemetry.measure(window.from, latest, expected, &floors),
        Some(range) => measure_by_shape((window.from, latest), range, expected, ctx),
    };
    match reading {
        Some(estimate) => {
            window.best = Some(estimate);
            window.blind = 0;
            let surely_s = estimate.time_s - 2.0 * estimate.time_stderr_s;
            let is_good = length_s >= until.min_s && estimate.time_stderr_ratio() <= until.stderr_ratio;
            if is_last || is_good || surely_s > until.give_up_above * expected.period_s {
                return WorkState::Done(estimate);
            }
        }
        None => {
            window.blind += 1;
            if is_last || window.blind >= until.blind_looks {
                return window.best.map_or(WorkState::Failed, WorkState::Done);
            }
        }
    }
    WorkState::Running
}

/// The last moments, if they were slower than they should be now and the time before.
fn look_at_recent(
    window: &mut Window,
    recent: &Recent,
    latest: Timestamp,
    expected: &Expected,
    ctx: &mut Context,
) -> Option<Estimate> {
    if latest < window.next_recent {
        return None;
    }
    window.next_recent = latest + seconds(recent.every_s);
    let from = window.from.max(latest.saturating_sub(seconds(recent.length_s)));
    let floors = *ctx.config.search();
    let seen = match ctx.job.source {
        ProgressSource::Marks => ctx.telemetry.measure_by_marks(from, latest, &floors),
        ProgressSource::Period | ProgressSource::WorkRate => ctx.telemetry.measure(from, latest, expected, &floors),
    };
    let is_slow = seen.is_some_and(|seen| {
        (seen.time_s / recent.known_s).ln() > recent.ratio.max(recent.stderrs * seen.time_stderr_ratio())
    });
    window.slow = if is_slow { window.slow + 1 } else { 0 };
    seen.filter(|_| window.slow >= SLOW_LOOKS)
}

/// The ratio by the shape of the rhythm, then the period near it.
fn measure_by_shape(
    (from, to): (Timestamp, Timestamp),
    range: (f64, f64),
    expected: &Expected,
    ctx: &mut Context,
) -> Option<Estimate> {
    const SHAPE_ERROR: f64 = 0.05;
    let shape = ctx.job.shape?;
    let ratio = ctx.telemetry.ratio_by_shape(from, to, expected.period_s, &shape, range)?;
    let near = Expected::new(expected.period_s)
        .ratio(ratio, 0.5 * SHAPE_ERROR * ratio)
        .ratio_range(ratio * (1.0 - SHAPE_ERROR), ratio * (1.0 + SHAPE_ERROR));
    let floors = *ctx.config.search();
    ctx.telemetry.measure(from, to, &near, &floors)
}

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}
