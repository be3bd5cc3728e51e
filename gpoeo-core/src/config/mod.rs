//! Every default of the crate, each with its unit and reason.

mod signal;

pub use signal::SignalConfig;
