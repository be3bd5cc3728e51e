//! The subcommands, one a file.

pub(crate) mod calibrate;
pub(crate) mod detect;
pub(crate) mod evaluate;
mod feature_rows;
mod live;
mod options;
mod output;
pub(crate) mod pool;
pub(crate) mod predict;
pub(crate) mod run;
mod session;
pub(crate) mod synth;
pub(crate) mod usage;

use gpoeo_core::ConfigError;
use gpoeo_sim::{EvaluateError, SuiteError, TableError, TraceError};

/// Why a command ends without having done its work: an exit code and one line for a person, empty if there is nothing to
/// say.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) line: String,
}

/// The exit code for wrong usage and bad input.
pub(crate) const BAD_INPUT: u8 = 2;

impl Failure {
    /// Wrong usage or bad input.
    fn bad_input(error: &dyn std::error::Error) -> Self {
        Self { code: BAD_INPUT, line: error.to_string() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::bad_input(&error)
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

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
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
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // Whoever reads the output has seen enough (`| head`): nobody wants to hear of it.
            return Self { code: 0, line: String::new() };
        }
        Self { code: 1, line: format!("cannot write the output: {error}") }
    }
}
