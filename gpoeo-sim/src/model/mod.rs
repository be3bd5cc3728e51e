//! The physical model: what an iteration costs at a clock, from what it does.
//!
//! Time: shares that follow the SM clock, the memory clock, both, or neither. Power: idle, voltage, activity, traffic. A
//! job at a power limit runs at the clock where its power meets the limit. Sources and calibration: `docs/calibration.md`.
//! Without noise, heat in balance; what moves (noise, heat, wandering clocks) is added by the simulated GPU.

mod cost;
mod counters;
mod law;

pub(crate) use cost::Cost;
pub(crate) use cost::{balanced_time, soft_max, stream_time};
pub(crate) use counters::{Counts, PipeMix};
pub(crate) use law::{HeldBy, Law, Point};

use crate::profile::GpuProfile;

/// What an iteration of a job consists of, at the top SM clock and the default memory clock of a card.
///
/// The four shares of the time add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobModel {
    /// Time of one iteration at default clocks, power limit included, s.
    pub iteration_s: f64,
    /// Share of the time in kernels that the SM clock paces.
    pub compute: f64,
    /// Share in kernels that both clocks pace.
    pub balanced: f64,
    /// Share in kernels that the memory clock paces.
    pub memory: f64,
    /// Share in which the GPU waits for the host; no clock changes it.
    pub host: f64,
    /// Time that the host takes to launch the kernels, relative to the time that they take; above 1 the launches set
    /// the pace.
    pub launch_ratio: f64,
    /// Activity of the SMs at work, 0..1.
    pub sm_activity: f64,
    /// Activity of the tensor cores, 0..1.
    pub tensor_activity: f64,
}

impl JobModel {
    /// The same work on another card: what the SMs do takes as much less time as they are faster, what the memory does as
    /// its bandwidth is higher, what both do in between (geometric mean); the host and its launches know no card.
    #[must_use]
    pub fn ported(&self, from: &GpuProfile, to: &GpuProfile) -> Self {
        let compute_ratio = from.compute_speed / to.compute_speed;
        let memory_ratio = from.default_memory().bandwidth_gb_s / to.default_memory().bandwidth_gb_s;
        // The shares include what launches slow down; without it they are the kernels' own time.
        let slowed = cost::launches(self.launch_ratio);
        let compute_s = self.iteration_s * self.compute / slowed * compute_ratio;
        let balanced_s = self.iteration_s * self.balanced / slowed * (compute_ratio * memory_ratio).sqrt();
        let memory_s = self.iteration_s * self.memory / slowed * memory_ratio;
        let kernels_s = compute_s + balanced_s + memory_s;
        let launches_s = self.launch_ratio * self.iteration_s * (1.0 - self.host) / slowed;
        let launch_ratio = launches_s / kernels_s;
        let slowed = cost::launches(launch_ratio);
        let iteration_s = self.iteration_s * self.host + kernels_s * slowed;
        Self {
            iteration_s,
            compute: compute_s * slowed / iteration_s,
            balanced: balanced_s * slowed / iteration_s,
            memory: memory_s * slowed / iteration_s,
            host: self.iteration_s * self.host / iteration_s,
            launch_ratio,
            ..*self
        }
    }
}
