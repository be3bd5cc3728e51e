//! A simulated GPU in virtual time, driven by recorded telemetry and measured clock sweeps.
#![forbid(unsafe_code)]

mod rows;
mod trace;
mod truth;

pub use rows::{TraceError, TraceProblem};
pub use trace::Trace;
pub use truth::{Label, Mark, Truth};
