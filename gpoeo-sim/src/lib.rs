//! A simulated GPU in virtual time, driven by recorded telemetry and measured clock sweeps.
#![forbid(unsafe_code)]

mod dvfs;
mod evaluate;
mod gpu;
mod hull;
mod noise;
mod oracle;
mod physics;
mod policy;
pub mod report;
mod rows;
mod score;
mod sensor;
mod suite;
mod trace;
mod truth;
mod waveform;
mod workload;

pub use dvfs::{DvfsCurve, DvfsRow, DvfsTable, Setting, TableError, TableProblem};
pub use evaluate::{EvaluateError, EvaluateOptions, Evaluation, PolicyRuns, Run, Summary, evaluate};
pub use gpu::{Account, SimConfig, SimGpu};
pub use hull::{Mix, best_mix, lower_hull};
pub use oracle::oracle;
pub use policy::{Policy, RunOptions, RunOutcome, UnknownPolicy, power_cap_w, run_policy};
pub use rows::{TraceError, TraceProblem};
pub use score::{Rhythm, Verdict};
pub use sensor::{PowerSource, SensorConfig};
pub use suite::{Suite, SuiteError, SuiteProblem};
pub use trace::Trace;
pub use truth::{Label, Mark, Truth};
pub use waveform::{Waveform, WaveformError};
pub use workload::{Bend, WorkCounters, Workload};
