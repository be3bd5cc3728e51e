//! Time and energy at one setting, each with a standard error.
//!
//! [`PeriodFitter`]: the mean period within a window of power samples. [`EnergyMeter`]:
//! energy used.

mod autocorr;
mod drift;
mod energy_meter;
mod marks;
mod period_fit;
mod shape;
mod track;
mod window;

pub use energy_meter::{EnergyMeter, EnergySource, PowerGain};
pub use marks::{IterationMarks, MarkedSpan};
pub use period_fit::{Expected, PeriodFit, PeriodFitter};
pub use shape::RhythmShape;
