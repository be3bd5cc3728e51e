//! What the core asks for, and how it is told that it went wrong.

use core::fmt;
use core::time::Duration;

use crate::caps::ClockPair;

/// Identifies one action until it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct ActionId(pub u64);

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One GPU of a [`Group`](crate::Group): its place in the list that the group was made from, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct MemberId(pub u16);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {}", self.0)
    }
}

/// Something to carry out on the GPU and then to answer once, with `handle_applied` or `handle_failed`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "an action that is not carried out and answered counts as failed after the action timeout"]
pub struct Action {
    /// To be given back with the answer.
    pub id: ActionId,
    /// What to do.
    pub command: Command,
}

/// What an [`Action`] asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Command {
    /// Stop reading counters; hand the window's counters to `handle_counters`, then answer.
    CloseCounters,
    /// Start reading the counters of a pass (0-based).
    OpenCounters {
        /// Which pass.
        pass: u8,
    },
    /// Put the clocks back to what was found before the first set (normally the driver's default).
    RestoreClocks,
    /// Lock the clocks at this pair.
    SetClocks(ClockPair),
    /// Read telemetry at this interval from now on.
    SetSampleInterval(Duration),
}

/// How a device failed, as far as the core must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Fault {
    /// The GPU is gone (fell off the bus, driver unloaded).
    GpuLost,
    /// The process may not do this.
    NoPermission,
    /// The GPU or driver cannot do this.
    NotSupported,
    /// Anything that may go away by itself.
    Transient,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GpuLost => "the GPU is lost",
            Self::NoPermission => "no permission",
            Self::NotSupported => "not supported",
            Self::Transient => "a passing failure",
        })
    }
}
