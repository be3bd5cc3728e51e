//! Time and energy of an iteration at the found clocks: what everything else is measured against.

use core::time::Duration;

use crate::estimate::Estimate;
use crate::event::{Event, Phase, ProgressSource};
use crate::input::Input;
use crate::measure::{Expected, RhythmShape};
use crate::time::Timestamp;

use super::context::Context;
use super::detect::Detect;
use super::explore::SLOWEST_MEMORY_TIME;
use super::hold::Hold;
use super::job::FOUND;
use super::phase::{State, after_refusal};
use super::profile::Profile;
use super::segment::{Segment, SegmentState, Until};

/// A work rate is told as the time of a fixed amount of work; this stands for its length wherever one is needed, s.
const WORK_RATE_UNIT_S: f64 = 1.0;
/// Samples of this long before the detection's answer count too: what it saw was steady for longer than that.
const BEFORE_ANSWER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Baseline {
    segment: Segment,
    /// What the period has given, while the work rate is asked for something better.
    by_period: Option<ByPeriod>,
    began: Timestamp,
}

/// A baseline from the period.
#[derive(Clone, Copy, Debug)]
struct ByPeriod {
    period_s: f64,
    baseline: Estimate,
    shape: Option<RhythmShape>,
}

impl Baseline {
    /// Starts with the samples at the found clocks that detection has seen last.
    pub(super) fn begin(ctx: &mut Context) -> State {
        // The detection's answer is good to about a per cent.
        let expected = Expected::new(ctx.job.period_s).ratio(1.0, 0.01).ratio_range(0.95, 1.05);
        let from = match ctx.job.source {
            ProgressSource::Marks => Some(ctx.now.saturating_sub(BEFORE_ANSWER)),
            ProgressSource::Period | ProgressSource::WorkRate => {
                ctx.telemetry.detector.decided_at().map(|at| at.saturating_sub(BEFORE_ANSWER))
            }
        };
        Self::measure(expected, from, ctx)
    }

    /// Measures anew: the job has changed a little, and may have run at our clocks until now.
    pub(super) fn begin_again(ctx: &mut Context) -> State {
        let expected = Expected::new(ctx.job.period_s).ratio(1.0, 0.04).ratio_range(0.8, 1.2);
        Self::measure(expected, None, ctx)
    }

    /// Measures by the work rate a job whose period, if it has one, cannot be trusted or is not told well by power.
    pub(super) fn by_work_rate(ctx: &mut Context) -> State {
        Self::measure_work_rate(None, ctx)
    }

    fn measure_work_rate(by_period: Option<ByPeriod>, ctx: &mut Context) -> State {
        ctx.job.source = ProgressSource::WorkRate;
        ctx.job.period_s = WORK_RATE_UNIT_S;
        match Self::measure(Expected::new(WORK_RATE_UNIT_S), None, ctx) {
            State::Baseline(baseline) => State::Baseline(Self { by_period, ..baseline }),
            other => other,
        }
    }

    fn measure(expected: Expected, from: Option<Timestamp>, ctx: &mut Context) -> State {
        ctx.enter(Phase::MeasureBaseline);
        let search = ctx.config.search();
        let period_s = ctx.job.period_s;
        let min_s = match ctx.job.source {
            ProgressSource::Marks | ProgressSource::Period => {
                search.min_trial.as_secs_f64().max(search.min_trial_iterations * period_s)
            }
            ProgressSource::WorkRate => search.max_baseline.as_secs_f64() / 2.0,
        };
        let longest = match ctx.job.source {
            ProgressSource::Marks | ProgressSource::Period => search.max_baseline,
            // In one piece: windows in a row are better than the same number in several rows.
            ProgressSource::WorkRate => search.longest_baseline,
        };
        let until = Until {
            min_s,
            max_s: longest.as_secs_f64().max(2.0 * min_s),
            stderr_ratio: search.baseline_stderr_ratio,
            worth_s: (ctx.job.source == ProgressSource::WorkRate).then_some(search.baseline_per_doubt.as_secs_f64()),
            give_up_above: f64::INFINITY,
            recent: None,
            look_s: 1.0f64.max(0.5 * period_s),
            looks_early: true,
            blind_looks: u32::MAX,
        };
        let segment = Segment::new(FOUND, expected, until, from, ctx);
        State::Baseline(Self { segment, by_period: None, began: ctx.now })
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        match self.segment.on(input, ctx) {
            SegmentState::Running => State::Baseline(self),
            SegmentState::Measured(baseline) => self.measured(baseline, ctx),
            SegmentState::Refused(fault) => after_refusal(fault, ctx).unwrap_or_else(|| Detect::begin(ctx)),
            SegmentState::Unmeasured => match self.by_period {
                Some(by_period) => Self::take_period(by_period, ctx),
                None if ctx.job.baseline().is_some() => Profile::begin(ctx),
                None if ctx.job.source == ProgressSource::Period && ctx.has_counters() => Self::by_work_rate(ctx),
                None => Detect::begin(ctx),
            },
            SegmentState::Silent => Detect::begin(ctx),
        }
    }

    fn measured(self, baseline: Estimate, ctx: &mut Context) -> State {
        if let Some(by_period) = self.by_period {
            let is_better = baseline.time_stderr_ratio() < by_period.baseline.time_stderr_ratio();
            let is_seen = by_period.period_s >= ctx.config.search().min_power_period.as_secs_f64();
            return if is_better || !is_seen {
                Self::take(self.began, baseline, ctx)
            } else {
                Self::take_period(by_period, ctx)
            };
        }
        if ctx.job.baseline().is_some() {
            return Self::take(self.began, baseline, ctx);
        }
        if let (Some(from), Some(to)) = (self.segment.counts_from(), ctx.telemetry.latest_time()) {
            ctx.job.shape = ctx.telemetry.shape(from, to, baseline.time_s, SLOWEST_MEMORY_TIME);
        }
        if ctx.job.source == ProgressSource::Period && ctx.has_counters() {
            let search = ctx.config.search();
            // Without a shape a lower memory clock could not be tried, and it promises much where it is hardly used.
            let is_idle = ctx.telemetry.mem_util().is_some_and(|util| f64::from(util) < search.idle_memory_util);
            let is_seen = ctx.job.period_s >= search.min_power_period.as_secs_f64()
                && (ctx.job.shape.is_some() || !is_idle || ctx.caps.mem_gears() < 2);
            if !is_seen || baseline.time_stderr_ratio() > search.max_period_stderr_ratio {
                let by_period = ByPeriod { period_s: ctx.job.period_s, baseline, shape: ctx.job.shape };
                return Self::measure_work_rate(Some(by_period), ctx);
            }
        }
        Self::take(self.began, baseline, ctx)
    }

    fn take_period(by_period: ByPeriod, ctx: &mut Context) -> State {
        ctx.job.source = ProgressSource::Period;
        ctx.job.period_s = by_period.period_s;
        ctx.job.shape = by_period.shape;
        Self::take(ctx.now, by_period.baseline, ctx)
    }

    /// Takes a measurement, and goes on measuring where what is known by then is less sure than its worth: all that
    /// follows is relative to it, and its doubt is kept off the limit.
    fn take(began: Timestamp, measured: Estimate, ctx: &mut Context) -> State {
        if let Some(known) = ctx.job.settings[FOUND].estimate() {
            ctx.job.note_scatter(&known, &measured);
            ctx.job.note_wander(&known, &measured);
        }
        if ctx.job.baseline().is_none() && ctx.recall_job(&measured) {
            ctx.job.baseline_at = Some(ctx.now);
            ctx.outbox.tell(Event::BaselineMeasured { baseline: measured });
            return Hold::begin(ctx);
        }
        ctx.job.record(FOUND, &measured);
        ctx.job.baseline_at = Some(ctx.now);
        ctx.job.mem_util = ctx.telemetry.mem_util();
        ctx.job.found_sm = ctx.telemetry.latest().and_then(|sample| sample.sm_clock);
        let baseline = ctx.job.baseline().unwrap_or(measured);
        let search = ctx.config.search();
        let doubt = baseline.time_stderr_ratio();
        let worth = search.baseline_per_doubt.mul_f64(doubt.min(1.0)).min(search.longest_baseline);
        let spent = ctx.now.saturating_since(began);
        let is_in_pieces = ctx.job.source != ProgressSource::WorkRate;
        // Two phases by turns look like two jobs, of which a short measurement sees one.
        let is_short = spent < search.baseline_span;
        if is_in_pieces
            && (is_short || (doubt > search.baseline_stderr_ratio && spent + search.max_baseline / 2 < worth))
        {
            let expected = Expected::new(ctx.job.period_s).ratio(1.0, 0.01).ratio_range(0.95, 1.05);
            if let State::Baseline(next) = Self::measure(expected, None, ctx) {
                return State::Baseline(Self { began, ..next });
            }
        }
        ctx.outbox.tell(Event::BaselineMeasured { baseline });
        if ctx.caps.is_read_only() { Hold::begin(ctx) } else { Profile::begin(ctx) }
    }

    pub(super) fn deadline(&self, ctx: &Context) -> Option<Timestamp> {
        self.segment.deadline(ctx)
    }
}
