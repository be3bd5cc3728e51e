//! Every default of the crate, each with its unit and reason.

mod control;
mod detection;
mod measure;
mod optimizer;
mod profile;
mod signal;

pub use control::{HoldConfig, HoldPolicy, SearchConfig};
pub use detection::{BusyConfig, CandidateConfig, ChangeConfig, CleanConfig, DetectorConfig, LookConfig, VoteConfig};
pub use measure::MeasureConfig;
pub use optimizer::{ConfigError, OptimizerConfig, OptimizerConfigBuilder};
pub use profile::ProfileConfig;
pub use signal::SignalConfig;
