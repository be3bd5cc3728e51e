//! What the machine tells: phases, events, outcomes.

use core::fmt;

use crate::action::Fault;
use crate::caps::ClockPair;
use crate::estimate::Estimate;
use crate::models::{NoPrediction, Variant};
use crate::objective::RelativeCost;
use crate::outcome::Outcome;
use crate::time::Timestamp;
use crate::units::Mhz;

/// What the machine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Phase {
    /// Looking for the iteration, at the found clocks.
    Detect,
    /// Holding the best setting (or two in turns) and watching for a change.
    Hold,
    /// Measuring time and energy of an iteration at the found clocks.
    MeasureBaseline,
    /// Reading counters at the found clocks.
    Profile,
    /// Putting the clocks back before stopping.
    Restore,
    /// Measuring other settings.
    Search,
    /// Finished: no further action will come.
    Stopped,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Detect => "detect",
            Self::Hold => "hold",
            Self::MeasureBaseline => "measure baseline",
            Self::Profile => "profile",
            Self::Restore => "restore",
            Self::Search => "search",
            Self::Stopped => "stopped",
        })
    }
}

/// Where the knowledge of progress comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ProgressSource {
    /// Iterations counted by the embedder: exact.
    Marks,
    /// The period found in the power signal.
    Period,
    /// The rate of executed instructions, a rate of work that does not depend on the clock.
    WorkRate,
}

/// Why the machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StopReason {
    /// The device refused to set clocks, for good. They are as they were found.
    ClocksRefused,
    /// The GPU is gone.
    GpuLost,
    /// The embedder asked for it. The clocks are as they were found.
    Requested,
    /// The clocks could not be put back: somebody must do it.
    RestoreFailed,
}

/// Something that happened, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The device failed to carry an action out, or to be read.
    ActionFailed {
        /// How.
        fault: Fault,
    },
    /// The baseline is known.
    BaselineMeasured {
        /// Time and energy of an iteration at the found clocks.
        baseline: Estimate,
    },
    /// A setting was accepted, but another clock is in force.
    ClockNotReached {
        /// The setting asked for.
        wanted: ClockPair,
        /// The SM clock that was read back.
        seen: Mhz,
    },
    /// Detection has an answer.
    Detected {
        /// The answer.
        outcome: Outcome,
    },
    /// More time was lost so far than the limit allows.
    LimitBroken {
        /// Slowdown over the run so far.
        slowdown: f64,
    },
    /// The machine does something else now.
    PhaseChanged {
        /// Before.
        from: Phase,
        /// From now on.
        to: Phase,
    },
    /// The models have nothing to say: the search starts without them.
    NotPredicted {
        /// Why.
        #[cfg_attr(feature = "serde", serde(flatten))]
        reason: NoPrediction,
    },
    /// The models have said where the search starts.
    Predicted {
        /// Which of them.
        variant: Variant,
        /// The best pair by the prediction.
        best: ClockPair,
        /// What it is expected to cost.
        cost: RelativeCost,
        /// Expected error of the time, as a ratio.
        time_stderr: f64,
        /// Expected error of the energy, as a ratio.
        energy_stderr: f64,
    },
    /// The search is over.
    Settled {
        /// The setting held (the slower of the two where two share the time); `None`: the found clocks.
        clocks: Option<ClockPair>,
        /// Expected saving of the hold.
        saving: f64,
        /// Expected slowdown of the hold.
        slowdown: f64,
    },
    /// The machine has stopped.
    Stopped {
        /// Why.
        reason: StopReason,
    },
    /// A setting was measured.
    Tried {
        /// The setting.
        clocks: ClockPair,
        /// Time and energy of an iteration there.
        measured: Estimate,
    },
    /// The job is not what it was.
    WorkloadChanged {
        /// When that was noticed.
        at: Timestamp,
    },
}
