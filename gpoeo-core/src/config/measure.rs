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
    /// Least mean autocorrelation at the first periods to believe a fit: what noise reaches now and then in 4 s.
    pub min_correlation: f64,
    /// Share of the samples that count as independent (Bartlett) which is taken for evidence when periods compete: the
    /// rest allows for iterations that differ by more than noise. 1.0 was too sure on a job of 32 micro-batches.
    pub evidence_share: f64,
    /// Above this standard deviation of the period from rival peaks, relative, there is no answer.
    pub max_doubt: f64,
    /// Above this standard error, relative, there is no answer: it could decide nothing about a limit of a few per cent.
    pub max_stderr: f64,
    /// Scatter of a block of periods against its neighbour, relative, when a window is tracked. Most jobs jitter by less.
    pub usual_jitter: f64,
    /// Jitter as found, relative, above which the window is tracked once more, with `wild_jitter` for `usual_jitter`.
    pub jitter_to_retry: f64,
    /// See `jitter_to_retry`. From jobs with a pipeline or a slow loader.
    pub wild_jitter: f64,
    /// Jitter of one period, relative, that is expected: median and spread (standard deviation of the logarithm). The
    /// recordings have 0.04 % to 5 %.
    pub jitter_prior: f64,
    /// See `jitter_prior`.
    pub jitter_prior_spread: f64,
    /// Variance of the blocks' delays against that of the template fit: median and spread, as above. Neighbouring
    /// residuals are alike, and iterations differ.
    pub noise_prior: f64,
    /// See `noise_prior`.
    pub noise_prior_spread: f64,
    /// The tracking slips to a neighbouring place where a block strays by this share of a period, times the share of
    /// the variance that the rhythm explains.
    pub capture: f64,
    /// Jitter as found is this much too small where tracking slips (it takes the nearer place).
    pub jitter_bias: f64,
    /// The time of an iteration wanders besides its jitter (clocks, warming, other load): standard deviation, relative,
    /// of the mean of a short window against the lasting mean. 0.02 % to 0.5 % on the recordings.
    pub wander: f64,
    /// Windows longer than this average the wander out.
    pub wander_time: Duration,
    /// Moment at which an energy reading was true, standard deviation: the counter moves every 100 ms (uniform: 29 ms).
    pub counter_moment_sd: Duration,
    /// The gain of the power sensor is that of the last one to two times this long.
    pub gain_memory: Duration,
    /// A counter unchanged for so long while samples come is not one. Counters change every 100 ms, the slowest known
    /// every second.
    pub counter_stale: Duration,
    /// Longest gap between two power samples that an integral bridges: a lost batch of readings, not a lost minute.
    pub max_sample_gap: Duration,
    /// Gain error of integrated power against the counter, standard deviation: 0.1-0.3 % on the recordings, other cards
    /// unknown.
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
            min_correlation: 0.1,
            evidence_share: 0.25,
            max_doubt: 0.02,
            max_stderr: 0.03,
            usual_jitter: 0.015,
            jitter_to_retry: 0.02,
            wild_jitter: 0.08,
            jitter_prior: 0.004,
            jitter_prior_spread: 1.4,
            noise_prior: 2.0,
            noise_prior_spread: 0.8,
            capture: 0.4,
            jitter_bias: 1.5,
            wander: 0.0015,
            wander_time: Duration::from_secs(10),
            counter_moment_sd: Duration::from_millis(30),
            gain_memory: Duration::from_secs(120),
            counter_stale: Duration::from_secs(2),
            max_sample_gap: Duration::from_secs(2),
            power_gain_sd: 0.005,
        }
    }
}
