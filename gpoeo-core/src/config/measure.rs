//! Numbers of the measurement of time and energy per iteration.

use core::time::Duration;

/// How time per iteration and energy are measured at one setting.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeasureConfig {
    /// Longest window that a fit looks at, samples; of a longer one the newest part. 30.7 s at 20 ms.
    pub max_window_samples: usize,
    /// Length of the moving mean that is taken off before anything else, at least; it is rounded up to whole periods.
    /// Slow changes of power (warming, clock drift) last longer than 2 s on the recordings.
    pub detrend: Duration,
    /// Samples below `p10 - pause_depth * (p90 - p10)` are a pause (checkpoint, stalled loader). At 1.0 no ordinary
    /// iteration of the recordings is touched.
    pub pause_depth: f64,
    /// A run of samples in the lowest part of the window's range, up to this share of it, is a pause if it lasts longer
    /// than `pause_periods`.
    pub pause_level: f64,
    /// See `pause_level`. Every period reaches its usual power once, so that a run of ordinary low power is shorter than
    /// one period.
    pub pause_periods: f64,
    /// Values beyond so many robust spreads are clipped: one spike must not carry a correlation.
    pub clip_spreads: f64,
    /// A robust spread below this share of the mean power is flat: no evidence. The weakest recording has 2.8 %.
    pub min_spread: f64,
    /// Least autocorrelation at one period to believe a fit.
    pub min_correlation: f64,
    /// Energy points kept: 45 s of counter updates at 10 Hz.
    pub energy_points: usize,
    /// Spacing of energy points where power is integrated: that of the counter (100 ms), so that the ring spans the same.
    pub energy_point_spacing: Duration,
    /// A counter unchanged for so long while samples come is not one. Counters change every 100 ms, the slowest known
    /// every second.
    pub counter_stale: Duration,
    /// Longest gap between two power samples that an integral bridges: a lost batch of readings, not a lost minute.
    pub max_sample_gap: Duration,
    /// Gain error of integrated power against the counter, standard deviation: 0.1-0.3 % on the recordings.
    pub power_gain_sd: f64,
}

impl Default for MeasureConfig {
    fn default() -> Self {
        Self {
            max_window_samples: 1536,
            detrend: Duration::from_secs(2),
            pause_depth: 1.0,
            pause_level: 0.3,
            pause_periods: 1.2,
            clip_spreads: 3.0,
            min_spread: 0.01,
            min_correlation: 0.10,
            energy_points: 460,
            energy_point_spacing: Duration::from_millis(100),
            counter_stale: Duration::from_secs(2),
            max_sample_gap: Duration::from_secs(2),
            power_gain_sd: 0.002,
        }
    }
}
