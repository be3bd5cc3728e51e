//! The sans-IO state machine of gpoeo: watches a GPU's telemetry, finds the training iteration in it, and searches the
//! clocks that save most energy within a slowdown limit.
#![forbid(unsafe_code)]

mod action;
mod backend;
mod caps;
mod config;
mod driver;
mod estimate;
mod event;
mod input;
mod measure;
mod objective;
mod optimizer;
mod outcome;
mod period;
mod report;
mod sample;
mod search;
mod signal;
mod stats;
mod time;
mod units;

pub use action::{Action, ActionId, Command, Fault};
pub use backend::{BackendError, GpuBackend};
pub use caps::{Capabilities, CapabilitiesError, ClockPair};
pub use config::{BusyConfig, CandidateConfig, CleanConfig, DetectorConfig, LookConfig, VoteConfig};
pub use config::{ConfigError, HoldConfig, HoldPolicy, OptimizerConfig, OptimizerConfigBuilder, SearchConfig};
pub use config::{MeasureConfig, SignalConfig};
pub use driver::{Driver, DriverError, Observer, Step};
pub use estimate::Estimate;
pub use event::{Event, Phase, ProgressSource, StopReason};
pub use input::{Input, InputError};
pub use measure::{EnergyLog, EnergySource, EnergySpan, Expected, PeriodFit, PeriodFitter};
pub use objective::{Objective, RelativeCost};
pub use optimizer::Optimizer;
pub use outcome::Outcome;
pub use period::PeriodDetector;
pub use report::{HoldReport, Report, TrialReport};
pub use sample::{Counter, CounterSet, Sample};
pub use signal::{Signal, Window};
pub use time::Timestamp;
pub use units::{MemGear, Mhz, SmGear};
