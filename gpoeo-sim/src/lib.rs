//! A simulated GPU in virtual time, driven by recorded telemetry and measured clock sweeps.
#![forbid(unsafe_code)]

mod calibration;
mod counters;
mod detection;
mod dvfs;
mod evaluate;
mod fault;
mod fit;
mod gpu;
mod hash;
mod hull;
mod job;
mod model;
mod nearest;
mod noise;
mod oracle;
mod peers;
mod physics;
mod policy;
mod pool;
mod profile;
mod rate;
mod record;
pub mod report;
mod rows;
mod score;
mod sensor;
mod spectrum;
mod suite;
mod synthetic;
mod trace;
mod truth;
mod watch;
mod waveform;
mod workload;

pub use calibration::{Band, Check, CheckVerdict, calibrate};
pub use counters::CounterPasses;
pub use detection::{
    Accuracy, AccuracyRow, Answer, Answers, Detection, DetectionRecord, DetectionSignal, Judged, Reliability,
    ReliabilityBin,
};
pub use dvfs::{DvfsCurve, DvfsRow, DvfsTable, Setting, TableError, TableProblem};
pub use evaluate::{
    Ablation, AblationRow, EvaluateError, EvaluateOptions, Evaluation, Interval, MissingRun, Part, Plan, PolicyRuns,
    Run, Saved, Summary, evaluate, job_seed, workloads_on,
};
pub use fault::{DeviceFault, FaultError, FaultInjector, FaultPlan, Faults, Overruled, PlannedFault};
pub use fit::{Fit, FitErrors, FittedShares, fit_table};
pub use gpu::{Account, CounterAccess, Drift, SimConfig, SimGpu};
pub use hull::{Mix, best_mix, lower_hull};
pub use job::{JobError, TomlProblem};
pub use model::JobModel;
pub use nearest::nearest;
pub use oracle::oracle;
pub use peers::{Peer, PeerRun};
pub use policy::{Models, Policy, RunOptions, RunOutcome, UnknownPolicy, power_cap_w, run_policy, watch_policy};
pub use pool::{PoolJob, PoolPart, PoolSettings};
pub use profile::{
    Gpu, GpuProfile, Idle, LowGears, MemoryClock, PowerLaw, PowerLimit, SmClocks, Thermal, UnknownGpu, Voltage, Wander,
};
pub use rate::RateTrace;
pub use record::{
    MachineRecord, Measured, PhaseSpan, RunRecord, SeenSignal, Stay, TimedEvent, Trend, TrendBin, record_run,
};
pub use rows::{TraceError, TraceProblem};
pub use score::{Rhythm, Verdict};
pub use sensor::{PowerSource, SensorConfig};
pub use suite::{Suite, SuiteError, SuiteKind, SuiteProblem};
pub use synthetic::{Family, SyntheticRecording, UnknownFamily};
pub use trace::Trace;
pub use truth::{Label, Mark, Truth};
pub use watch::Watch;
pub use waveform::{Waveform, WaveformError};
pub use workload::{WorkCounters, Workload};
