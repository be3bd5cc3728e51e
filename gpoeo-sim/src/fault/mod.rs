//! Faults of devices and drivers, put between any backend and its user.

mod injector;
mod plan;
mod toll;
mod toml;

pub use injector::{FaultInjector, Overruled};
pub use plan::{DeviceFault, FaultError, FaultPlan, Faults, PlannedFault};
pub(crate) use toll::Toll;
