//! The answer of every call: a number that never changes its meaning, and a message for people.

use std::ffi::{CStr, c_char};
use std::fmt;

use gpoeo_core::{CapabilitiesError, ConfigError, InputError};

/// How a call went. Numbers are only ever added; treat one that you do not know as a failure.
///
/// A call that failed has changed nothing, unless its own text says otherwise.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_status {
    /// Done.
    Ok = 0,
    /// Done, and there is nothing to give: no action, no event, no deadline. No failure.
    None = 1,
    /// A pointer that must not be NULL was.
    NullPointer = 2,
    /// The size given for a struct is none that this library knows: header and library do not match.
    WrongSize = 3,
    /// A number that stands for nothing: an unknown objective, fault or flag, or an absurd count.
    InvalidValue = 4,
    /// A value of the configuration is out of range, or two of them do not fit.
    BadConfig = 5,
    /// The clocks listed are no GPU's.
    BadClocks = 6,
    /// A measured value is NaN, infinite or beyond all reason.
    BadSample = 7,
    /// A time lies before one of the same stream that was fed already; for samples: it is not later.
    TimeWentBack = 8,
    /// The action is not open: answered already, timed out, or never asked.
    UnknownAction = 9,
    /// No entry has this index.
    OutOfRange = 10,
    /// Another thread is inside a call with this handle. A handle may move between threads, but not be shared.
    Busy = 11,
    /// This call, or an earlier one with this handle, hit a bug in the library. The handle does nothing any more; put the
    /// clocks back yourself, then free it.
    Panicked = 12,
    /// The input was refused for a reason that this version of the ABI has no number for; the message has it.
    Refused = 13,
    /// The simulated GPU has no such workload.
    UnknownWorkload = 14,
    /// The simulated GPU cannot do that.
    NotSupported = 15,
    /// A set of models is broken, or not there; the message names the file.
    BadModels = 16,
}

impl gpoeo_status {
    const ALL: [(Self, &CStr); 17] = [
        (Self::Ok, c"ok"),
        (Self::None, c"nothing to give"),
        (Self::NullPointer, c"a pointer is NULL"),
        (Self::WrongSize, c"wrong struct size: header and library do not match"),
        (Self::InvalidValue, c"a number that stands for nothing"),
        (Self::BadConfig, c"bad configuration"),
        (Self::BadClocks, c"bad list of clocks"),
        (Self::BadSample, c"a measured value is not finite, or absurd"),
        (Self::TimeWentBack, c"time went back"),
        (Self::UnknownAction, c"the action is not open"),
        (Self::OutOfRange, c"no entry has this index"),
        (Self::Busy, c"the handle is in use by another thread"),
        (Self::Panicked, c"the handle hit a bug in the library"),
        (Self::Refused, c"the input was refused"),
        (Self::UnknownWorkload, c"no such workload"),
        (Self::NotSupported, c"not supported"),
        (Self::BadModels, c"broken set of models"),
    ];
}

/// What a status means, in a few words. Never NULL; the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn gpoeo_status_text(status: u32) -> *const c_char {
    let known = gpoeo_status::ALL.iter().find(|(known, _)| *known as u32 == status);
    known.map_or(c"unknown status", |(_, text)| text).as_ptr()
}

/// Why a call failed: the number, and the message that the handle keeps.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: gpoeo_status,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: gpoeo_status, message: impl fmt::Display) -> Self {
        Self { status, message: message.to_string() }
    }

    pub(crate) fn null(what: &str) -> Self {
        Self::new(gpoeo_status::NullPointer, format_args!("{what} is NULL"))
    }

    pub(crate) fn invalid(what: &str, value: impl fmt::Display, fix: &str) -> Self {
        Self::new(gpoeo_status::InvalidValue, format_args!("{what} is {value}; {fix}"))
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        let status = match error {
            InputError::Absurd { .. } | InputError::NotFinite { .. } => gpoeo_status::BadSample,
            InputError::TimeWentBack { .. } => gpoeo_status::TimeWentBack,
            InputError::UnknownAction { .. } => gpoeo_status::UnknownAction,
            InputError::BadObjective(_) => gpoeo_status::BadConfig,
            _ => gpoeo_status::Refused,
        };
        Self::new(status, error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(gpoeo_status::BadConfig, error)
    }
}

impl From<CapabilitiesError> for Failure {
    fn from(error: CapabilitiesError) -> Self {
        Self::new(gpoeo_status::BadClocks, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_place_and_its_text() {
        for (place, (status, text)) in gpoeo_status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, place, "numbers are never reused or moved");
            assert!(!text.is_empty());
        }
    }
}
