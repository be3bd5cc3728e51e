//! What the machine tells.

use gpoeo_core::{Estimate, Event, Outcome, Phase, StopReason};

use crate::action::gpoeo_fault;
use crate::capabilities::gpoeo_clocks;
use crate::handle::Plain;
use crate::time::seconds;

/// What happened.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_event_kind {
    /// Something that this header has no name for: pass over it.
    Other = 0,
    /// The device failed to carry an action out, or to be read: `fault`.
    ActionFailed = 1,
    /// Time and energy of an iteration at the found clocks are known: `measured`.
    BaselineMeasured = 2,
    /// `clocks` were accepted, but the SM clock `seen_sm_mhz` is in force.
    ClockNotReached = 3,
    /// Detection has an answer: `outcome`; with a period also `period_s`, `confidence`.
    Detected = 4,
    /// More time was lost so far than the limit allows: `slowdown`.
    LimitBroken = 5,
    /// The machine does something else now: `from`, `to`.
    PhaseChanged = 6,
    /// The search is over; `clocks` are held (the slower of the two where two share the time), with the expected `saving`
    /// and `slowdown`.
    Settled = 7,
    /// The machine has stopped: `stop_reason`.
    Stopped = 8,
    /// `clocks` were measured: `measured`.
    Tried = 9,
    /// The job is not what it was; noticed at `at_ns`.
    WorkloadChanged = 10,
    /// The models expect `clocks` to be best, with `saving` and `slowdown`: the search starts there.
    Predicted = 11,
    /// The models have nothing to say of this job, or are for another GPU: the search starts without them.
    NotPredicted = 12,
}

/// What the machine is doing.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_phase {
    /// One that this header has no name for; or, in an event of another kind, none.
    Other = 0,
    /// Looking for the iteration, at the found clocks.
    Detect = 1,
    /// Measuring time and energy of an iteration at the found clocks.
    MeasureBaseline = 2,
    /// Measuring other settings.
    Search = 3,
    /// Holding the best setting (or two in turns) and watching for a change.
    Hold = 4,
    /// Putting the clocks back before stopping.
    Restore = 5,
    /// Finished: no further action will come.
    Stopped = 6,
    /// Reading counters at the found clocks.
    Profile = 7,
}

/// Whether a job repeats itself.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_outcome {
    /// Too little was seen so far, or what was seen does not agree.
    Undecided = 0,
    /// It was watched for long enough, and does not.
    Aperiodic = 1,
    /// It does.
    Periodic = 2,
}

/// Why the machine stopped.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_stop_reason {
    /// It has not; or for a reason that this header has no name for.
    Other = 0,
    /// It was asked to. The clocks are as they were found.
    Requested = 1,
    /// The device refused to set clocks, for good. They are as they were found.
    ClocksRefused = 2,
    /// The GPU is gone.
    GpuLost = 3,
    /// The clocks could not be put back: somebody must do it.
    RestoreFailed = 4,
}

/// Time and energy of one iteration, each with its standard error; NaN where nothing is known. This struct never grows.
///
/// Where progress comes from a rate of work, one "iteration" is the work that the baseline did in one second.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_estimate {
    /// Time per iteration, s.
    pub time_s: f64,
    /// Its standard error, s.
    pub time_stderr_s: f64,
    /// Energy per iteration, J.
    pub energy_j: f64,
    /// Its standard error, J.
    pub energy_stderr_j: f64,
    /// Whole iterations that were measured.
    pub iterations: u64,
}

/// Something that happened, in order. `kind` says which of the values count; the others are 0, and NaN where they would
/// have been measured.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_event {
    /// What happened.
    pub kind: gpoeo_event_kind,
    /// How the device failed.
    pub fault: gpoeo_fault,
    /// The phase before.
    pub from: gpoeo_phase,
    /// The phase from now on.
    pub to: gpoeo_phase,
    /// Whether the job repeats itself.
    pub outcome: gpoeo_outcome,
    /// Why the machine stopped.
    pub stop_reason: gpoeo_stop_reason,
    /// A setting; both 0: the found clocks.
    pub clocks: gpoeo_clocks,
    /// The SM clock that was read back, MHz.
    pub seen_sm_mhz: u32,
    /// A moment.
    pub at_ns: u64,
    /// The time after which the job repeats itself, s: one iteration, or a small whole number of them.
    pub period_s: f64,
    /// How sure that is, 0..1.
    pub confidence: f64,
    /// A saving, ratio.
    pub saving: f64,
    /// A slowdown, ratio.
    pub slowdown: f64,
    /// A measurement.
    pub measured: gpoeo_estimate,
}

// SAFETY: only ever written by us; see `Out`.
unsafe impl Plain for gpoeo_event {
    const NAME: &'static str = "gpoeo_event";
}

impl gpoeo_event {
    const BLANK: Self = Self {
        kind: gpoeo_event_kind::Other,
        fault: gpoeo_fault::Other,
        from: gpoeo_phase::Other,
        to: gpoeo_phase::Other,
        outcome: gpoeo_outcome::Undecided,
        stop_reason: gpoeo_stop_reason::Other,
        clocks: gpoeo_clocks { sm_mhz: 0, mem_mhz: 0 },
        seen_sm_mhz: 0,
        at_ns: 0,
        period_s: f64::NAN,
        confidence: f64::NAN,
        saving: f64::NAN,
        slowdown: f64::NAN,
        measured: gpoeo_estimate::UNKNOWN,
    };

    pub(crate) fn of(event: &Event) -> Self {
        let blank = |kind| Self { kind, ..Self::BLANK };
        match *event {
            Event::ActionFailed { fault } => {
                Self { fault: gpoeo_fault::of(fault), ..blank(gpoeo_event_kind::ActionFailed) }
            }
            Event::BaselineMeasured { baseline } => {
                Self { measured: gpoeo_estimate::of(Some(&baseline)), ..blank(gpoeo_event_kind::BaselineMeasured) }
            }
            Event::ClockNotReached { wanted, seen } => Self {
                clocks: gpoeo_clocks::of(Some(wanted)),
                seen_sm_mhz: seen.0,
                ..blank(gpoeo_event_kind::ClockNotReached)
            },
            Event::Detected { outcome } => {
                let (outcome, period_s, confidence) = gpoeo_outcome::of(outcome);
                Self { outcome, period_s, confidence, ..blank(gpoeo_event_kind::Detected) }
            }
            Event::LimitBroken { slowdown } => Self { slowdown, ..blank(gpoeo_event_kind::LimitBroken) },
            Event::NotPredicted { .. } => blank(gpoeo_event_kind::NotPredicted),
            Event::PhaseChanged { from, to } => {
                Self { from: gpoeo_phase::of(from), to: gpoeo_phase::of(to), ..blank(gpoeo_event_kind::PhaseChanged) }
            }
            Event::Predicted { best, cost, .. } => Self {
                clocks: gpoeo_clocks::of(Some(best)),
                saving: cost.saving(),
                slowdown: cost.slowdown(),
                ..blank(gpoeo_event_kind::Predicted)
            },
            Event::Settled { clocks, saving, slowdown } => {
                Self { clocks: gpoeo_clocks::of(clocks), saving, slowdown, ..blank(gpoeo_event_kind::Settled) }
            }
            Event::Stopped { reason } => {
                Self { stop_reason: gpoeo_stop_reason::of(Some(reason)), ..blank(gpoeo_event_kind::Stopped) }
            }
            Event::Tried { clocks, measured } => Self {
                clocks: gpoeo_clocks::of(Some(clocks)),
                measured: gpoeo_estimate::of(Some(&measured)),
                ..blank(gpoeo_event_kind::Tried)
            },
            Event::WorkloadChanged { at } => Self { at_ns: at.as_nanos(), ..blank(gpoeo_event_kind::WorkloadChanged) },
            _ => Self::BLANK,
        }
    }
}

impl gpoeo_phase {
    pub(crate) fn of(phase: Phase) -> Self {
        match phase {
            Phase::Detect => Self::Detect,
            Phase::Hold => Self::Hold,
            Phase::MeasureBaseline => Self::MeasureBaseline,
            Phase::Profile => Self::Profile,
            Phase::Restore => Self::Restore,
            Phase::Search => Self::Search,
            Phase::Stopped => Self::Stopped,
            _ => Self::Other,
        }
    }
}

impl gpoeo_outcome {
    /// With the period, s, and the confidence.
    pub(crate) fn of(outcome: Outcome) -> (Self, f64, f64) {
        match outcome {
            Outcome::Aperiodic => (Self::Aperiodic, f64::NAN, f64::NAN),
            Outcome::Periodic { period, confidence } => (Self::Periodic, seconds(Some(period)), confidence),
            _ => (Self::Undecided, f64::NAN, f64::NAN),
        }
    }
}

impl gpoeo_stop_reason {
    pub(crate) fn of(reason: Option<StopReason>) -> Self {
        match reason {
            Some(StopReason::ClocksRefused) => Self::ClocksRefused,
            Some(StopReason::GpuLost) => Self::GpuLost,
            Some(StopReason::Requested) => Self::Requested,
            Some(StopReason::RestoreFailed) => Self::RestoreFailed,
            _ => Self::Other,
        }
    }
}

impl gpoeo_estimate {
    const UNKNOWN: Self = Self {
        time_s: f64::NAN,
        time_stderr_s: f64::NAN,
        energy_j: f64::NAN,
        energy_stderr_j: f64::NAN,
        iterations: 0,
    };

    pub(crate) fn of(estimate: Option<&Estimate>) -> Self {
        estimate.map_or(Self::UNKNOWN, |estimate| Self {
            time_s: estimate.time_s,
            time_stderr_s: estimate.time_stderr_s,
            energy_j: estimate.energy_j,
            energy_stderr_j: estimate.energy_stderr_j,
            iterations: u64::from(estimate.iterations),
        })
    }
}
