//! The machine's account without the time before the job.

use gpoeo_core::Report;

/// What the machine has measured since the job began, its own cost included.
///
/// Its report starts with its first sample. What was spent between that and the begin of the job, at default clocks, is
/// taken off both sides here, so that the figures stand beside those of the simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// Time, s.
    pub elapsed_s: f64,
    /// Energy, J.
    pub energy_j: f64,
    /// Time that the same work would have taken at default clocks, s.
    pub default_time_s: f64,
    /// Energy that the same work would have taken at default clocks, J.
    pub default_energy_j: f64,
    /// 1 - energy / energy at default clocks; `None` before another setting was measured.
    pub saving: Option<f64>,
    /// Its standard error.
    pub saving_stderr: Option<f64>,
    /// Time / time at default clocks - 1; `None` before another setting was measured.
    pub slowdown: Option<f64>,
    /// Its standard error.
    pub slowdown_stderr: Option<f64>,
}

impl Measured {
    pub(super) fn new(report: &Report, before_s: f64, before_j: f64) -> Self {
        let elapsed_s = report.elapsed_s - before_s;
        let energy_j = report.energy_j - before_j;
        let default_time_s = report.default_time_s - before_s;
        let default_energy_j = report.default_energy_j - before_j;
        // A ratio a/b with an uncertain b: the error of b is that of the report, b itself is smaller here.
        let again = |stderr: f64, (from, to): (f64, f64), (default_from, default_to): (f64, f64)| {
            stderr * (to / from) * (default_from / default_to).powi(2)
        };
        let energies = ((report.energy_j, energy_j), (report.default_energy_j, default_energy_j));
        let times = ((report.elapsed_s, elapsed_s), (report.default_time_s, default_time_s));
        Self {
            elapsed_s,
            energy_j,
            default_time_s,
            default_energy_j,
            saving: report.saving.map(|_| 1.0 - energy_j / default_energy_j),
            saving_stderr: report.saving_stderr.map(|stderr| again(stderr, energies.0, energies.1)),
            slowdown: report.slowdown.map(|_| elapsed_s / default_time_s - 1.0),
            slowdown_stderr: report.slowdown_stderr.map(|stderr| again(stderr, times.0, times.1)),
        }
    }
}

/// Adds up what was read before the job began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BeforeJob {
    last_s: Option<f64>,
    pub(super) spent_s: f64,
    pub(super) used_j: f64,
}

impl BeforeJob {
    /// `at_s`: time since the job began, negative before.
    pub(super) fn sample(&mut self, at_s: f64, power_w: f64) {
        if at_s > 0.0 {
            return;
        }
        // As in the machine's own account, which starts at the first sample.
        let step_s = self.last_s.map_or(0.0, |last_s| at_s - last_s);
        self.last_s = Some(at_s);
        self.spent_s += step_s;
        self.used_j += step_s * power_w;
    }
}
