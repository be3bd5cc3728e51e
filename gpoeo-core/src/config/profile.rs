//! Defaults of the counter windows.

use core::time::Duration;

/// Defaults of the reading of counters for the models.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProfileConfig {
    /// Iterations in a window: the parts of an iteration differ, and a window begins anywhere in one (GPOEO: 1.1).
    pub window_iterations: f64,
    /// Shortest window: utilisation and GPM counters of less are coarse.
    pub min_window: Duration,
    /// Longest window: what an iteration of half a minute has in it shows in a part too.
    pub max_window: Duration,
    /// Slowdown of a job while its counters are read, before it was measured (an H100: below 0.01; replayed kernels far more,
    /// which nobody asks for).
    pub counter_slowdown: f64,
    /// Standard deviation of that.
    pub counter_slowdown_stderr: f64,
}

impl Default for ProfileConfig {
    fn default() -> Self {
        Self {
            window_iterations: 2.0,
            min_window: Duration::from_secs(2),
            max_window: Duration::from_secs(10),
            counter_slowdown: 0.01,
            counter_slowdown_stderr: 0.02,
        }
    }
}
