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
<<<<<<< HEAD
mod sensor;
mod suite;
=======
mod score;
>>>>>>> 86a4afa (Period detection: looks over four windows, autocorrelation, divisors, votes; gpoeo-sim detect and its score)
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
<<<<<<< HEAD
pub use sensor::{PowerSource, SensorConfig};
pub use suite::{Suite, SuiteError, SuiteProblem};
=======
pub use score::{Rhythm, Verdict};
>>>>>>> 86a4afa (Period detection: looks over four windows, autocorrelation, divisors, votes; gpoeo-sim detect and its score)
pub use trace::Trace;
pub use truth::{Label, Mark, Truth};
pub use waveform::{Waveform, WaveformError};
pub use workload::{Bend, WorkCounters, Workload};
