//! A simulated GPU in virtual time, driven by recorded telemetry and measured clock sweeps.
#![forbid(unsafe_code)]

mod dvfs;
mod hull;
mod oracle;
mod rows;
mod trace;
mod truth;

pub use dvfs::{DvfsCurve, DvfsRow, DvfsTable, Setting, TableError, TableProblem};
pub use hull::{Mix, best_mix, lower_hull};
pub use oracle::oracle;
pub use rows::{TraceError, TraceProblem};
pub use trace::Trace;
pub use truth::{Label, Mark, Truth};
