//! The subcommands, one a file.

pub(crate) mod detect;
pub(crate) mod evaluate;
mod options;

use gpoeo_sim::{EvaluateError, SuiteError, TraceError};

/// Why a command ends without having done its work: an exit code and one line for a person.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) line: String,
}

/// The exit code for wrong usage and bad input.
const BAD_INPUT: u8 = 2;

impl Failure {
    /// Wrong usage or bad input.
    fn bad_input(error: &dyn std::error::Error) -> Self {
        Self { code: BAD_INPUT, line: error.to_string() }
    }
}

impl From<EvaluateError> for Failure {
    fn from(error: EvaluateError) -> Self {
        Self::bad_input(&error)
    }
}

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        Self::bad_input(&error)
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self::bad_input(&error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { code: 1, line: format!("cannot write the output: {error}") }
    }
}
