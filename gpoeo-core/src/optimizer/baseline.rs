//! Time and energy of an iteration at the found clocks: what everything else is measured against.

use core::time::Duration;

use crate::event::{Event, Phase, ProgressSource};
use crate::input::Input;
use crate::measure::Expected;
use crate::time::Timestamp;

use super::context::Context;
use super::detect::Detect;
use super::explore::{Explore, SLOWEST_MEMORY_TIME};
use super::hold::Hold;
use super::job::FOUND;
use super::phase::{State, after_refusal};
use super::segment::{Segment, SegmentState, Until};

/// Samples of this long before the detection's answer count too: what it saw was steady for longer than that.
const BEFORE_ANSWER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Baseline {
    segment: Segment,
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
        let until = Until {
            min_s,
            max_s: search.max_baseline.as_secs_f64().max(2.0 * min_s),
            stderr_ratio: search.baseline_stderr_ratio,
            give_up_above: f64::INFINITY,
            look_s: 1.0f64.max(0.5 * period_s),
            looks_early: true,
            blind_looks: u32::MAX,
        };
        let segment = Segment::new(FOUND, expected, until, from, ctx);
        State::Baseline(Self { segment })
    }

    pub(super) fn on(mut self, input: &Input, ctx: &mut Context) -> State {
        match self.segment.on(input, ctx) {
            SegmentState::Running => State::Baseline(self),
            SegmentState::Measured(baseline) => {
                ctx.job.record(FOUND, &baseline);
                if let (Some(from), Some(to)) = (self.segment.counts_from(), ctx.telemetry.latest_time()) {
                    ctx.job.shape = ctx.telemetry.shape(from, to, baseline.time_s, SLOWEST_MEMORY_TIME);
                }
                ctx.outbox.tell(Event::BaselineMeasured { baseline });
                if ctx.caps.is_read_only() { Hold::begin(ctx) } else { Explore::begin(ctx) }
            }
            SegmentState::Refused(fault) => after_refusal(fault, ctx).unwrap_or_else(|| Detect::begin(ctx)),
            SegmentState::Silent | SegmentState::Unmeasured => Detect::begin(ctx),
        }
    }

    pub(super) fn deadline(&self, ctx: &Context) -> Option<Timestamp> {
        self.segment.deadline(ctx)
    }
}
