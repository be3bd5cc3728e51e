//! Jobs of the physical model as people write them: checked parameters, a row of a table or a TOML file.

mod class;
mod phases;
mod toml;

pub(crate) use class::Class;
pub(crate) use phases::parse_phases;
pub use toml::TomlProblem;
pub(crate) use toml::read_toml;

use std::fmt;

use crate::model::{JobModel, Law, PipeMix};
use crate::noise::{Noise, Stream};
use crate::profile::GpuProfile;
use crate::waveform::{Epoch, Phase, Rhythm, Shape, Waveform};
use crate::workload::{Kernels, WorkCounters, Workload};

/// How far the sum of the four shares of the time may be from 1: rounding.
const SUM_TOLERANCE: f64 = 0.01;
/// The least that kernels may be of the time.
const LEAST_KERNELS: f64 = 0.01;

/// A parameter of a job that cannot be: which, what it is, and why not.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}; {reason}")]
#[non_exhaustive]
pub struct JobError {
    /// The parameter's name.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// Why that cannot be, or what can.
    pub reason: String,
}

impl JobError {
    pub(crate) fn new(field: &'static str, value: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self { field, value: value.to_string(), reason: reason.into() }
    }
}

/// A job of the physical model; every number has been checked.
#[derive(Clone, Debug)]
pub(crate) struct JobSpec {
    pub(crate) name: String,
    pub(crate) class: Option<String>,
    pub(crate) model: JobModel,
    pub(crate) rhythm: Rhythm,
    pub(crate) micro_batches: u32,
    pub(crate) jitter: f64,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) counters: WorkCounters,
    pub(crate) pipes: PipeMix,
}

impl JobSpec {
    /// Checks the numbers against what can be, and makes the shares add up to 1 exactly.
    ///
    /// # Errors
    /// [`JobError`] for the first that cannot be.
    pub(crate) fn checked(mut self) -> Result<Self, JobError> {
        let model = &mut self.model;
        within("iteration_s", model.iteration_s, 1e-3, 86_400.0, "seconds")?;
        let shares = [
            ("compute_fraction", model.compute),
            ("balanced_fraction", model.balanced),
            ("memory_fraction", model.memory),
            ("host_fraction", model.host),
        ];
        for (field, share) in shares {
            within(field, share, 0.0, 1.0, "a share of the time")?;
        }
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            let reason = "with the other three it must add up to 1: compute, balanced, memory and host";
            return Err(JobError::new("host_fraction", format!("{}, the sum {sum:.3}", model.host), reason));
        }
        for share in [&mut model.compute, &mut model.balanced, &mut model.memory, &mut model.host] {
            *share /= sum;
        }
        if 1.0 - model.host < LEAST_KERNELS {
            let reason = "kernels must take 1 % of the time or more; the other three shares are too small";
            return Err(JobError::new("host_fraction", model.host, reason));
        }
        within("launch_ratio", model.launch_ratio, 0.0, 100.0, "launch time over kernel time")?;
        within("sm_activity", model.sm_activity, 0.0, 1.0, "a share of the SMs")?;
        within("tensor_activity", model.tensor_activity, 0.0, 1.0, "a share of the tensor cores")?;
        within("iteration_jitter", self.jitter, 0.0, 2.0, "a relative standard deviation")?;
        within("micro_batches", f64::from(self.micro_batches), 1.0, 4096.0, "a number of micro-batches")?;
        if let Some(epoch) = &self.epoch {
            within("val_time_ratio", epoch.validation_time, 0.0, 100.0, "a pass over an iteration")?;
            within("pause_s", epoch.pause_s, 0.0, 86_400.0, "seconds")?;
        }
        Ok(self)
    }

    /// The job on a card. `home` is the card that the numbers hold for.
    pub(crate) fn workload(&self, home: &GpuProfile, card: &GpuProfile) -> Workload {
        let model = if home.key == card.key { self.model } else { self.model.ported(home, card) };
        let law = Law::new(card.clone(), model);
        let shape = self.shape(&law);
        let waveform = Waveform::synthetic(&shape, &mut Noise::new(seed(&self.name), Stream::Waveform));
        let workload = Workload::physical(&self.name, law, waveform)
            .with_counters(self.counters)
            .with_pipes(self.pipes)
            .with_rhythm(self.rhythm);
        match &self.class {
            Some(class) => workload.with_class(class),
            None => workload,
        }
    }

    /// The job at default clocks.
    fn shape(&self, law: &Law) -> Shape {
        let (default, idle) = (law.default_point(), &law.card().idle);
        let kernels = Kernels::at(law, default);
        // The given time holds at default clocks, power limit included.
        let seconds = law.job().iteration_s / default.cost.time;
        Shape {
            busy_s: seconds * kernels.time,
            busy_w: kernels.power_w,
            waiting_s: seconds * law.job().host,
            waiting_w: default.cost.waiting_w,
            asleep_w: idle.power_w,
            asleep_after_s: idle.after.as_secs_f64(),
            phases: self.phases.clone(),
            micro_batches: self.micro_batches,
            jitter: self.jitter,
            rhythm: self.rhythm,
            epoch: self.epoch,
        }
    }
}

fn within(field: &'static str, value: f64, low: f64, high: f64, what: &str) -> Result<(), JobError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(JobError::new(field, value, format!("{what} from {low} to {high} is possible")))
}

/// A seed from a name (FNV-1a), so that a job keeps its waveform wherever it stands in a list.
fn seed(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
