//! Looking for the rhythm of the job, at the found clocks.

use core::time::Duration;

use crate::event::{Event, Phase, ProgressSource};
use crate::input::Input;
use crate::outcome::Outcome;
use crate::time::Timestamp;

use super::baseline::Baseline;
use super::change::{Change, ChangeState};
use super::context::Context;
use super::job::Target;
use super::phase::{State, after_refusal};

/// Marks count this long after the clocks have settled.
const MARKS_SETTLE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Detect {
    change: Change,
    /// From when on the found clocks are in force.
    since: Option<Timestamp>,
    told: Outcome,
}

impl Detect {
    /// Starts afresh: what was known about a job is forgotten, and our clocks are given back first.
    pub(super) fn begin(ctx: &mut Context) -> State {
        ctx.enter(Phase::Detect);
        let mut detect = Self { change: Change::to(Target::Found, ctx), since: None, told: Outcome::Undecided };
        if let ChangeState::InForce(_) = detect.change.on(&Input::Timeout { now: ctx.now }, ctx) {
            detect.start(ctx.now, ctx);
        }
        State::Detect(detect)
    }

    /// The first phase of a machine that has seen nothing.
    pub(super) fn first(ctx: &mut Context) -> State {
        let mut detect = Self { change: Change::to(Target::Found, ctx), since: None, told: Outcome::Undecided };
        detect.since = Some(Timestamp::ZERO);
        State::Detect(detect)
    }

    fn start(&mut self, at: Timestamp, ctx: &mut Context) {
        ctx.telemetry.detector.reset(at);
        self.since = Some(at);
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        let Some(since) = self.since else {
            match self.change.on(input, ctx) {
                ChangeState::InForce(at) => self.start(at, ctx),
                ChangeState::Pending => {}
                ChangeState::Refused(fault) => match after_refusal(fault, ctx) {
                    Some(state) => return state,
                    // Detection at a clock of ours would take a lowered clock for the baseline: try again.
                    None => self.change = self.change.again(ctx),
                },
            }
            return State::Detect(self);
        };
        if !matches!(input, Input::Sample(_)) {
            return State::Detect(self);
        }
        // Marks of before the found clocks were in force may be of another clock.
        let is_settled = ctx.now.saturating_since(ctx.clocks.settled_at) >= MARKS_SETTLE;
        if let Some(period_s) = ctx.telemetry.marks.period_s(ctx.now).filter(|_| is_settled) {
            return Self::found(ProgressSource::Marks, period_s, Outcome::exact(period_s), ctx);
        }
        let detector = &ctx.telemetry.detector;
        let outcome = detector.outcome();
        let has_counters = ctx.has_counters();
        let patience = ctx.config.search().undecided_patience;
        let busy_for = detector.busy_since().map(|busy| ctx.now.saturating_since(busy.max(since)));
        match outcome {
            Outcome::Periodic { period, .. } => Self::found(ProgressSource::Period, period.as_secs_f64(), outcome, ctx),
            Outcome::Aperiodic if has_counters => Self::found(ProgressSource::WorkRate, 1.0, outcome, ctx),
            Outcome::Undecided if has_counters && busy_for > Some(patience) => {
                Self::found(ProgressSource::WorkRate, 1.0, outcome, ctx)
            }
            Outcome::Aperiodic | Outcome::Undecided => {
                if outcome != self.told {
                    ctx.outbox.tell(Event::Detected { outcome });
                    self.told = outcome;
                }
                State::Detect(self)
            }
        }
    }

    /// A source of progress was found.
    fn found(source: ProgressSource, period_s: f64, outcome: Outcome, ctx: &mut Context) -> State {
        ctx.outbox.tell(Event::Detected { outcome });
        ctx.job.source = source;
        ctx.job.period_s = period_s;
        Baseline::begin(ctx)
    }
}
