//! Time and energy at one setting, each with a standard error.
//!
//! [`PeriodFitter`]: the mean period within a window of power samples. [`EnergyLog`]: energy between two moments.

mod autocorr;
mod drift;
mod energy;
mod period_fit;
mod shape;
mod track;
mod window;

pub use energy::{EnergyLog, EnergySource, EnergySpan};
pub use period_fit::{Expected, PeriodFit, PeriodFitter};
pub use shape::RhythmShape;
