//! Every default of the crate, each with its unit and reason.

mod measure;
mod signal;

pub use measure::MeasureConfig;
pub use signal::SignalConfig;
