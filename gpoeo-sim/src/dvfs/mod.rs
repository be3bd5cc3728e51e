//! Measured clock sweeps: reading them, and the time and energy at every gear.

mod interpolate;
mod table;

pub use interpolate::DvfsCurve;
pub use table::{DvfsRow, DvfsTable, Setting, TableError, TableProblem};
