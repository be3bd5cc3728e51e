//! The sans-IO state machine of gpoeo: watches a GPU's telemetry from outside, finds the training iteration in it,
//! measures what other clocks cost in time and energy, and holds the best ones within a slowdown limit.
//!
//! No I/O, no clock, no thread, no global state: [`Optimizer`] takes inputs in and gives actions and events out. Who has
//! no loop of their own uses [`Driver`] with a [`GpuBackend`].
//!
//! # The loop
//! 1. Feed **one** input (`handle_*`).
//! 2. Drain [`Optimizer::poll_action`]; carry each action out and answer it once.
//! 3. Drain [`Optimizer::poll_event`].
//! 4. Wait for data, at most until [`Optimizer::poll_timeout`].
//! 5. Again from 1, until [`Optimizer::is_stopped`].
//!
//! ```
//! use gpoeo_core::{Capabilities, ClockPair, Command, Fault, Mhz, Optimizer, OptimizerConfig, Sample, Timestamp};
//!
//! // Yours: how clocks are set, and where samples come from.
//! fn lock(_clocks: ClockPair) -> Result<(), Fault> { Ok(()) }
//! fn unlock() -> Result<(), Fault> { Ok(()) }
//! let telemetry = (0..500).map(|k| (0.02 * f64::from(k), if k % 10 < 7 { 350.0 } else { 120.0 }));
//!
//! let sm_clocks = (0..38).map(|gear| Mhz(855 + 15 * gear)).collect();
//! let caps = Capabilities::new([(Mhz(1593), sm_clocks)])?;
//! let mut optimizer = Optimizer::new(OptimizerConfig::default(), caps);
//! for (time_s, power_w) in telemetry {
//!     let now = Timestamp::from_secs_f64(time_s);
//!     optimizer.handle_sample(Sample::new(now, power_w))?;
//!     while let Some(action) = optimizer.poll_action() {
//!         let done = match action.command {
//!             Command::SetClocks(clocks) => lock(clocks),
//!             Command::RestoreClocks => unlock(),
//!             _ => Err(Fault::NotSupported),
//!         };
//!         match done {
//!             Ok(()) => optimizer.handle_applied(action.id, now)?,
//!             Err(fault) => optimizer.handle_failed(action.id, fault, now)?,
//!         }
//!     }
//!     while let Some(event) = optimizer.poll_event() {
//!         println!("{event:?}");
//!     }
//! }
//! println!("{:?}", optimizer.report().outcome);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules, from the top down
//! | module | what |
//! | --- | --- |
//! | `driver`, `group`, `replay` | loops and wrappers around the machine |
//! | `optimizer` | the machine: phases, segments, the account of the limit, the monitor |
//! | `models` | sets of trained models with their cards |
//! | `search` | which setting to measure next, and which (or which two) to hold |
//! | [`features`] | counters and telemetry of one window as inputs of a model |
//! | [`gbdt`] | gradient-boosted trees as XGBoost trained them |
//! | `measure` | time and energy per iteration in one window, with standard errors |
//! | `period` | the iteration: candidates, scores, the lasting answer |
//! | `signal` | power on a uniform grid |
//! | `objective` | what "best" means |
//! | the rest | data: samples, capabilities, actions, events, reports, configuration |
//!
//! # Words
//! *Slowdown* is time per iteration / time per iteration at default clocks - 1, *saving* is 1 - energy per iteration / the
//! same at default clocks; over a run both include all that the optimizer itself caused. A *gear* is an index into the
//! GPU's ascending list of clocks; a *clock pair* is a memory clock with an SM clock.
#![forbid(unsafe_code)]

// What tests of the machine and of its parts share speaks of the crate by its name.
#[cfg(test)]
extern crate self as gpoeo_core;

mod action;
mod backend;
mod caps;
mod config;
mod counters;
mod driver;
mod estimate;
mod event;
pub mod features;
pub mod gbdt;
mod group;
mod input;
mod measure;
mod models;
mod objective;
mod optimizer;
mod outcome;
pub mod period;
mod replay;
mod report;
mod sample;
mod search;
mod signal;
mod stats;
mod time;
mod units;

pub use action::{Action, ActionId, Command, Fault, MemberId};
pub use backend::{BackendError, GpuBackend};
pub use caps::{Capabilities, CapabilitiesError, ClockPair};
pub use config::{BusyConfig, CandidateConfig, ChangeConfig, CleanConfig, DetectorConfig, LookConfig, VoteConfig};
pub use config::{ConfigError, HoldConfig, HoldPolicy, OptimizerConfig, OptimizerConfigBuilder, SearchConfig};
pub use config::{MeasureConfig, ProfileConfig, SignalConfig};
pub use counters::{Counter, CounterKind, CounterSet};
pub use driver::{Driver, DriverError, Observer, Step};
pub use estimate::Estimate;
pub use event::{Event, Phase, ProgressSource, StopReason};
pub use group::{Group, GroupError};
pub use input::{Input, InputError};
pub use measure::{
    EnergyMeter, EnergySource, Expected, IterationMarks, MarkedSpan, PeriodFit, PeriodFitter, PowerGain, RhythmShape,
};
pub use models::{Card, CardFeature, CardModel, CardModels, DefaultClocks, ErrorPoint, ModelKind, Variant};
pub use models::{ModelFiles, ModelSet, ModelSetError, NoPrediction, Predicted, Prediction, Predictor, TrainedModels};
pub use objective::{Objective, RelativeCost};
pub use optimizer::Optimizer;
pub use outcome::Outcome;
pub use period::{PeriodCandidate, PeriodDetector};
pub use replay::{Outputs, Recording};
pub use report::{Expectation, HoldReport, PredictionReport, Report, SettingCost, TrialReport, Verdict};
pub use sample::Sample;
pub use signal::{Signal, Window};
pub use time::Timestamp;
pub use units::{MemGear, Mhz, SmGear};
