//! The mean period within one window of power samples, when the period is known roughly.
//!
//! Idea (ours): the autocorrelation of the detrended window has a peak at each whole number of periods; the peak nearest
//! to the expected period (likelihood times prior) is taken, then followed to 2, 3, .. k periods. The farther the lag,
//! the finer `lag / k`. Cost: k * (a few lags) products a sample. Limit: it needs two periods in the window.

use super::autocorr::{Prior, Scan};
use super::drift;
use super::track::Tracker;
use super::window::CleanWindow;
use crate::config::MeasureConfig;

/// What is known about a period before it is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// The period that ratios refer to (normally that at default clocks), s.
    pub period_s: f64,
    /// Expected period / `period_s`.
    pub ratio: f64,
    /// Standard deviation of `ratio`, the error of `period_s` included.
    pub ratio_sd: f64,
    /// Least and greatest ratio that is possible.
    pub ratio_range: (f64, f64),
}

impl Expected {
    /// The same period as before, give or take 5 %, within 0.9 to 1.25 times.
    #[must_use]
    pub const fn new(period_s: f64) -> Self {
        Self { period_s, ratio: 1.0, ratio_sd: 0.05, ratio_range: (0.9, 1.25) }
    }

    /// Expects `ratio` times the period, with this standard deviation.
    #[must_use]
    pub const fn ratio(mut self, ratio: f64, sd: f64) -> Self {
        self.ratio = ratio;
        self.ratio_sd = sd;
        self
    }

    /// Looks at ratios from `least` to `greatest` only.
    #[must_use]
    pub const fn ratio_range(mut self, least: f64, greatest: f64) -> Self {
        self.ratio_range = (least, greatest);
        self
    }
}

/// A period as measured in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PeriodFit {
    /// Mean period, s.
    pub period_s: f64,
    /// Standard error of `period_s` as an estimate of the lasting mean at this setting, s.
    pub stderr_s: f64,
    /// Typical scatter of a single period, s, as far as the window tells.
    pub jitter_s: f64,
    /// Autocorrelation at one period, -1..1: how clear the rhythm is.
    pub correlation: f64,
    /// Periods that the window holds without its pauses.
    pub periods: f64,
}

/// Fits periods to windows of power samples. Owns its scratch: no allocation after `new`.
#[derive(Clone, Debug)]
pub struct PeriodFitter {
    config: MeasureConfig,
    window: CleanWindow,
    scan: Scan,
    tracker: Tracker,
}

impl PeriodFitter {
    /// A fitter for windows of up to [`MeasureConfig::max_window_samples`].
    #[must_use]
    pub fn new(config: &MeasureConfig) -> Self {
        Self {
            config: config.clone(),
            window: CleanWindow::with_capacity(config.max_window_samples),
            scan: Scan::new(),
            tracker: Tracker::new(),
        }
    }

    /// The mean period in `window` (power in W at a fixed step of `step_s`, oldest first, NaN where missing; only the
    /// newest part of one longer than the configured maximum), or `None` where no period near the expected one is clear
    /// or the window is shorter than two of them.
    pub fn fit(&mut self, window: &[f32], step_s: f64, expected: &Expected) -> Option<PeriodFit> {
        let usable = expected.period_s > 0.0
            && expected.ratio > 0.0
            && expected.ratio_sd > 0.0
            && step_s > 0.0
            && expected.ratio_range.0 > 0.0
            && expected.ratio_range.1.is_finite();
        if !usable {
            return None;
        }
        let window = window.get(window.len().saturating_sub(self.config.max_window_samples)..)?;
        let unit = expected.period_s / step_s;
        let prior = Prior {
            centre: expected.ratio * unit,
            sd: expected.ratio_sd * unit,
            least: expected.ratio_range.0 * unit,
            greatest: expected.ratio_range.1 * unit,
        };
        if prior.centre.is_nan() || prior.centre < 2.0 || (window.len() as f64) < 2.0 * prior.centre {
            return None;
        }
        self.window.load(window, prior.centre, self.config.detrend.as_secs_f64() / step_s, &self.config)?;
        let peak = self.scan.nearest_peak(&self.window, &prior)?;
        if peak.height < self.config.min_correlation {
            return None;
        }
        let coarse = peak.period;
        let (blocks, explained) = self.tracker.track(&self.window, coarse, peak.height);
        let drift = drift::drift(blocks, coarse)?;
        let period = coarse / (1.0 - drift.slope);
        Some(PeriodFit {
            period_s: period * step_s,
            stderr_s: ((drift.stderr * period).powi(2) + peak.doubt).sqrt() * step_s,
            jitter_s: drift.jitter * period * step_s,
            correlation: explained,
            periods: self.window.known_count() as f64 / period,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_S: f64 = 0.02;

    /// Power of a job with a sharp rise and a sloping body; `period(t)` may vary.
    fn window(seconds: f64, period_s: f64, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state >> 8) / f64::from(1 << 24) - 0.5) * 30.0
        };
        (0..(seconds / STEP_S) as usize)
            .map(|i| {
                // Mean over the 20 ms that end at the sample.
                let mean = (0..20)
                    .map(|part| {
                        let t = (i as f64 - f64::from(part) / 20.0) * STEP_S + f64::from(seed % 97) * 0.013;
                        let phase = (t / period_s).rem_euclid(1.0);
                        if phase < 0.3 { 250.0 } else { 600.0 - 150.0 * phase }
                    })
                    .sum::<f64>()
                    / 20.0;
                (mean + noise()) as f32
            })
            .collect()
    }

    fn fitter() -> PeriodFitter {
        PeriodFitter::new(&MeasureConfig::default())
    }

    #[test]
    fn finds_the_period_of_a_steady_job() {
        for (seed, period_s) in [0.093, 0.131, 0.287, 0.45, 0.71, 1.02].into_iter().enumerate() {
            let window = window(4.0, period_s, seed as u32);
            let fit = fitter().fit(&window, STEP_S, &Expected::new(period_s / 1.04)).unwrap();
            let error = fit.period_s / period_s - 1.0;
            assert!(error.abs() < 0.004, "{period_s}: {fit:?}, off by {error}");
        }
    }

    #[test]
    fn says_nothing_about_noise_a_flat_line_or_a_short_window() {
        let expected = Expected::new(0.3);
        assert_eq!(fitter().fit(&[300.0; 200], STEP_S, &expected), None);
        assert_eq!(fitter().fit(&[], STEP_S, &expected), None);
        assert_eq!(fitter().fit(&[f32::NAN; 200], STEP_S, &expected), None);
        assert_eq!(fitter().fit(&window(0.5, 0.3, 1), STEP_S, &expected), None);
    }

    #[test]
    fn no_number_that_is_expected_makes_it_panic() {
        let window = window(4.0, 0.3, 5);
        let odd = [0.0, -1.0, 1e-9, 1e9, f64::NAN, f64::INFINITY];
        for period_s in odd {
            for ratio in odd {
                let _ = fitter().fit(&window, STEP_S, &Expected::new(period_s).ratio(ratio, 0.1));
                let _ = fitter().fit(&window, STEP_S, &Expected::new(0.3).ratio_range(period_s, ratio));
                let _ = fitter().fit(&window, period_s, &Expected::new(0.3).ratio(1.0, ratio));
            }
        }
    }
}
