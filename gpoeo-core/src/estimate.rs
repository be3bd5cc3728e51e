//! A measurement with its uncertainty.

/// Time and energy of one iteration at one setting, each with its standard error.
///
/// Where progress comes from a work rate, one "iteration" is the work that the baseline did in one second.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Estimate {
    /// Time per iteration, s.
    pub time_s: f64,
    /// Its standard error, s.
    pub time_stderr_s: f64,
    /// Energy per iteration, J.
    pub energy_j: f64,
    /// Its standard error, J.
    pub energy_stderr_j: f64,
    /// Whole iterations that were measured.
    pub iterations: u32,
}

impl Estimate {
    /// An estimate from its parts.
    #[must_use]
    pub const fn new(time_s: f64, time_stderr_s: f64, energy_j: f64, energy_stderr_j: f64, iterations: u32) -> Self {
        Self { time_s, time_stderr_s, energy_j, energy_stderr_j, iterations }
    }

    /// Average power over the iterations, W.
    #[must_use]
    pub fn power_w(&self) -> f64 {
        self.energy_j / self.time_s
    }

    /// Standard error of the time, relative to it.
    #[must_use]
    pub fn time_stderr_ratio(&self) -> f64 {
        self.time_stderr_s / self.time_s
    }

    /// Standard error of the energy, relative to it.
    #[must_use]
    pub fn energy_stderr_ratio(&self) -> f64 {
        self.energy_stderr_j / self.energy_j
    }
}
