//! What the machine asks for, and how it is told that it went wrong.

use gpoeo_core::{Action, Command, Fault};

use crate::capabilities::gpoeo_clocks;
use crate::handle::Plain;
use crate::status::Failure;
use crate::time::nanos;

/// What an action asks for.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_command {
    /// Something that this header has no name for: answer with GPOEO_FAULT_NOT_SUPPORTED.
    Other = 0,
    /// Lock the clocks at `clocks`, then answer. Accepted is enough; they need not be reached yet.
    SetClocks = 1,
    /// Put the clocks back to what was found before the first set (normally the driver's default), then answer.
    RestoreClocks = 2,
    /// Start reading the counters of `pass` (0-based), then answer.
    OpenCounters = 3,
    /// Stop reading counters, feed gpoeo_optimizer_handle_counters(), then answer.
    CloseCounters = 4,
    /// Read telemetry every `interval_ns` from now on, then answer.
    SetSampleInterval = 5,
}

/// How a device failed, as far as the machine must know.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_fault {
    /// None, or one that this header has no name for. Only given, never taken.
    Other = 0,
    /// The GPU is gone (fell off the bus, driver unloaded).
    GpuLost = 1,
    /// The process may not do this.
    NoPermission = 2,
    /// The GPU or driver cannot do this.
    NotSupported = 3,
    /// Anything that may go away by itself.
    Transient = 4,
}

/// Something to carry out, and then to answer once with gpoeo_optimizer_handle_applied() or _handle_failed().
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_action {
    /// To be given back with the answer.
    pub id: u64,
    /// What to do; which of the values below count, it says.
    pub command: gpoeo_command,
    /// For OPEN_COUNTERS.
    pub pass: u32,
    /// For SET_CLOCKS.
    pub clocks: gpoeo_clocks,
    /// For SET_SAMPLE_INTERVAL.
    pub interval_ns: u64,
}

// SAFETY: only ever written by us; see `Out`.
unsafe impl Plain for gpoeo_action {
    const NAME: &'static str = "gpoeo_action";
}

impl gpoeo_action {
    pub(crate) fn of(action: &Action) -> Self {
        let blank = Self {
            id: action.id.0,
            command: gpoeo_command::Other,
            pass: 0,
            clocks: gpoeo_clocks::default(),
            interval_ns: 0,
        };
        match action.command {
            Command::CloseCounters => Self { command: gpoeo_command::CloseCounters, ..blank },
            Command::OpenCounters { pass } => {
                Self { command: gpoeo_command::OpenCounters, pass: u32::from(pass), ..blank }
            }
            Command::RestoreClocks => Self { command: gpoeo_command::RestoreClocks, ..blank },
            Command::SetClocks(pair) => {
                Self { command: gpoeo_command::SetClocks, clocks: gpoeo_clocks::of(Some(pair)), ..blank }
            }
            Command::SetSampleInterval(interval) => {
                Self { command: gpoeo_command::SetSampleInterval, interval_ns: nanos(interval), ..blank }
            }
            _ => blank,
        }
    }
}

impl gpoeo_fault {
    pub(crate) fn of(fault: Fault) -> Self {
        match fault {
            Fault::GpuLost => Self::GpuLost,
            Fault::NoPermission => Self::NoPermission,
            Fault::NotSupported => Self::NotSupported,
            Fault::Transient => Self::Transient,
            _ => Self::Other,
        }
    }

    pub(crate) fn check(number: u32) -> Result<Fault, Failure> {
        match number {
            known if known == Self::GpuLost as u32 => Ok(Fault::GpuLost),
            known if known == Self::NoPermission as u32 => Ok(Fault::NoPermission),
            known if known == Self::NotSupported as u32 => Ok(Fault::NotSupported),
            known if known == Self::Transient as u32 => Ok(Fault::Transient),
            other => Err(Failure::invalid("fault", other, "choose one of gpoeo_fault, but not 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_border() {
        for fault in [Fault::GpuLost, Fault::NoPermission, Fault::NotSupported, Fault::Transient] {
            assert_eq!(gpoeo_fault::check(gpoeo_fault::of(fault) as u32).unwrap(), fault);
        }
        assert!(gpoeo_fault::check(0).is_err());
    }
}
