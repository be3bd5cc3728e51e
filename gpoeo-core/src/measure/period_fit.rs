//! The mean period within one window of power samples, when the period is known roughly.
//!
//! [`CleanWindow`]: pauses masked, slow changes taken off. [`Scan`]: the period near the expected one whose first
//! multiples correlate best, and how much doubt rivals leave. [`Tracker`]: how late each block of periods comes.
//! [`drift`]: the slope of these delays through jitter and noise is what the period is off, with its standard error.
//!
//! Limits: it needs two periods in the window and two samples in a period; above some 5 % of jitter an iteration cannot
//! be told from its neighbour by power alone, and the error says so. It stays at the multiple that was asked for.

use super::autocorr::{Peak, Prior, Scan};
use super::drift::{Drift, drift};
use super::shape::{self, RhythmShape};
use super::track::{Track, Tracker};
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

    /// The same in samples; `None` where a number makes no sense or a period is shorter than two samples.
    fn in_samples(&self, step_s: f64) -> Option<Prior> {
        let unit = self.period_s / step_s;
        let prior = Prior {
            centre: self.ratio * unit,
            sd: self.ratio_sd * unit,
            least: self.ratio_range.0 * unit,
            greatest: self.ratio_range.1 * unit,
        };
        let is_sound = step_s > 0.0
            && [prior.centre, prior.sd, prior.least, prior.greatest]
                .iter()
                .all(|value| *value > 0.0 && value.is_finite());
        (is_sound && prior.centre >= 2.0).then_some(prior)
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
    /// Standard error of `period_s` as an estimate of the lasting mean at this setting, s: jitter, noise, wander, and
    /// the doubt that rival peaks leave. To compare settings.
    pub stderr_s: f64,
    /// Standard error of `period_s` as the mean within exactly this window, s: smaller where the job jitters. To count
    /// the iterations that were done.
    pub window_stderr_s: f64,
    /// Typical scatter of a single period, s, as far as the window tells.
    pub jitter_s: f64,
    /// Mean autocorrelation at the first multiples of the period, -1..1: how clear the rhythm is.
    pub correlation: f64,
    /// Periods that the window holds without its pauses.
    pub periods: f64,
}

/// Fits periods to windows of power samples. Owns its scratch (about 12 KiB): no allocation after `new`.
///
/// ```
/// use gpoeo_core::{Expected, MeasureConfig, PeriodFitter};
///
/// // 0.3 s at default clocks; now the power (W, every 20 ms) repeats after 0.312 s.
/// let window: Vec<f32> =
///     (0..200).map(|i| if (f64::from(i) * 0.02 / 0.312).fract() < 0.6 { 520.0 } else { 310.0 }).collect();
/// let mut fitter = PeriodFitter::new(&MeasureConfig::default());
/// let fit = fitter.fit(&window, 0.02, &Expected::new(0.3).ratio(1.05, 0.03)).expect("a clear rhythm");
/// assert!((fit.period_s / 0.312 - 1.0).abs() < 0.002);
/// ```
#[derive(Clone, Debug)]
pub struct PeriodFitter {
    config: MeasureConfig,
    window: CleanWindow,
    scan: Scan,
    tracker: Tracker,
}

impl PeriodFitter {
    /// A fitter for windows of up to [`MeasureConfig::max_window_samples`] (at most 65535).
    #[must_use]
    pub fn new(config: &MeasureConfig) -> Self {
        let longest = config.max_window_samples.min(usize::from(u16::MAX));
        Self {
            config: MeasureConfig { max_window_samples: longest, ..config.clone() },
            window: CleanWindow::with_capacity(longest),
            scan: Scan::new(),
            tracker: Tracker::new(),
        }
    }

    /// The mean period in `window` (power in W at a fixed step of `step_s`, oldest first, NaN where missing; only the
    /// newest part of one longer than the configured maximum), or `None` where no period near the expected one is clear
    /// or the window is shorter than two of them.
    ///
    /// About 50 µs for 4 s and 250 µs for 30 s of 20 ms samples, twice that where the job jitters; no allocation.
    pub fn fit(&mut self, window: &[f32], step_s: f64, expected: &Expected) -> Option<PeriodFit> {
        let prior = expected.in_samples(step_s)?;
        let window = window.get(window.len().saturating_sub(self.config.max_window_samples)..)?;
        if (window.len() as f64) < 2.0 * prior.centre {
            return None;
        }
        self.window.load(window, prior.centre, self.config.detrend.as_secs_f64() / step_s, &self.config)?;
        let peak = self.scan.nearest_peak(&self.window, &prior, &self.config)?;
        if peak.height < self.config.min_correlation || peak.doubt.sqrt() > self.config.max_doubt * peak.period {
            return None;
        }
        let (drift, track) = self.follow(&peak)?;
        let doubt = peak.doubt / (peak.period * peak.period) + self.slip_var(&drift, &track, peak.period);
        let span_s = self.window.len() as f64 * step_s;
        let wander_var = self.config.wander.powi(2) / (1.0 + span_s / self.config.wander_time.as_secs_f64());
        let stderr = (drift.lasting_var + doubt + wander_var).sqrt();
        // Delays that grow by `slope` a sample: the period is longer by as much.
        let period = peak.period / (1.0 - drift.slope);
        let is_plausible = period >= prior.least * (1.0 - self.config.max_stderr)
            && period <= prior.greatest * (1.0 + self.config.max_stderr);
        if !is_plausible || stderr.is_nan() || stderr > self.config.max_stderr {
            return None;
        }
        Some(PeriodFit {
            period_s: period * step_s,
            stderr_s: stderr * period * step_s,
            window_stderr_s: (drift.window_var + doubt).sqrt() * period * step_s,
            jitter_s: drift.jitter * period * step_s,
            correlation: peak.height,
            periods: self.window.known_count() as f64 / period,
        })
    }

    /// Mean of the newest whole periods of the window that was fitted last, pauses left out; `None` where nothing is left.
    pub fn mean_of_whole_periods(&self, window: &[f32], fit: &PeriodFit, step_s: f64) -> Option<f64> {
        let window = window.get(window.len().saturating_sub(self.config.max_window_samples)..)?;
        let period = fit.period_s / step_s;
        let span = (window.len() as f64 / period + 1e-6).floor() * period;
        let first = window.len() as f64 - span;
        let (mut sum, mut weights) = (0.0, 0.0);
        for (i, &value) in window.iter().enumerate().filter(|&(i, _)| self.window.is_known(i)) {
            // The first sample counts with the part of it that lies within.
            let weight = (i as f64 + 1.0 - first).clamp(0.0, 1.0);
            sum += weight * f64::from(value);
            weights += weight;
        }
        (weights > 0.0).then(|| sum / weights)
    }

    /// The shape of the rhythm in a window with a known period, to be found again by [`PeriodFitter::ratio_by_shape`] at
    /// up to `longest_ratio` times the period. `None` where the window is too short or shows no structure.
    pub fn shape(&mut self, window: &[f32], step_s: f64, period_s: f64, longest_ratio: f64) -> Option<RhythmShape> {
        let period = self.load_for_shape(window, step_s, period_s, longest_ratio)?;
        RhythmShape::of(&self.window, period)
    }

    /// The period of a window over `period_s`, which the job had when its rhythm had this shape, within 5 %; for changes
    /// so large that a part or a multiple of the period could be taken for it. `None` where nothing is alike, or more than
    /// one ratio is.
    pub fn ratio_by_shape(
        &mut self,
        window: &[f32],
        step_s: f64,
        period_s: f64,
        shape: &RhythmShape,
        range: (f64, f64),
    ) -> Option<f64> {
        let period = self.load_for_shape(window, step_s, period_s, range.1)?;
        shape.ratio_in(&self.window, period, range)
    }

    fn load_for_shape(&mut self, window: &[f32], step_s: f64, period_s: f64, longest_ratio: f64) -> Option<f64> {
        let period = Some(period_s / step_s).filter(|period| period.is_finite() && *period >= 2.0)?;
        let window = window.get(window.len().saturating_sub(self.config.max_window_samples)..)?;
        shape::load(&mut self.window, window, period * longest_ratio, &self.config)?;
        Some(period)
    }

    /// Tracks the rhythm through the window; a second time, with room for jitter, where the first finds much.
    fn follow(&mut self, peak: &Peak) -> Option<(Drift, Track)> {
        const LEAST_NOISE: f64 = 0.05;
        let noise = |explained: f64| (1.0 - explained).max(LEAST_NOISE);
        let mut track = self.tracker.track(&self.window, peak.period, noise(peak.height), self.config.usual_jitter)?;
        let mut found = drift(self.tracker.blocks(), peak.period, &self.config)?;
        if found.jitter > self.config.jitter_to_retry {
            let first_noise = noise(track.explained.max(peak.height));
            let again = self.tracker.track(&self.window, peak.period, first_noise, self.config.wild_jitter)?;
            if again.explained > track.explained {
                track = again;
                found = drift(self.tracker.blocks(), peak.period, &self.config)?;
            }
        }
        Some((found, track))
    }

    /// Relative variance of the period because blocks may have been placed a rival place or a part of a period off.
    fn slip_var(&self, drift: &Drift, track: &Track, period: f64) -> f64 {
        let span = self.window.len() as f64;
        let blocks = self.tracker.blocks().len() as f64;
        let periods_a_block = (span / blocks / period).max(1.0);
        let stray = self.config.jitter_bias * drift.jitter * periods_a_block.sqrt();
        // The clearer the rhythm, the farther a block may stray and still be told from its neighbours.
        let capture = self.config.capture * track.explained.max(0.0);
        let slips = blocks * (-0.5 * (capture / stray).powi(2)).exp();
        // Half a period is the farthest that a block can be off.
        (slips * 0.25 * period * period + track.rivals) / (span * span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    const STEP_S: f64 = 0.02;

    /// Power of a job with a sharp rise and a sloping body whose periods scatter by `jitter`; each sample the mean over
    /// the step that it ends. Also the mean period.
    fn window(seconds: f64, period_s: f64, jitter: f64, seed: u64) -> (Vec<f32>, f64) {
        let mut draws = Draws::new(seed);
        let mut starts = vec![-period_s * draws.uniform()];
        while starts[starts.len() - 1] < seconds + period_s {
            starts.push(starts[starts.len() - 1] + period_s * (1.0 + jitter * draws.normal()).max(0.2));
        }
        let power = |t: f64| {
            let next = starts.partition_point(|start| *start <= t).max(1);
            let phase = (t - starts[next - 1]) / period_s;
            if phase < 0.3 { 250.0 } else { 600.0 - 150.0 * phase }
        };
        let sample =
            |i: usize| (0..20).map(|part| power((i as f64 - f64::from(part) / 20.0) * STEP_S)).sum::<f64>() / 20.0;
        let samples = (0..(seconds / STEP_S) as usize).map(|i| (sample(i) + 9.0 * draws.normal()) as f32).collect();
        let whole: Vec<f64> = starts.iter().copied().filter(|start| (0.0..seconds).contains(start)).collect();
        let mean_s = match whole.as_slice() {
            [first, .., last] => (last - first) / (whole.len() - 1) as f64,
            _ => period_s,
        };
        (samples, mean_s)
    }

    fn fitter() -> PeriodFitter {
        PeriodFitter::new(&MeasureConfig::default())
    }

    #[test]
    fn finds_the_period_of_a_steady_job() {
        for (seed, period_s) in [0.093, 0.131, 0.287, 0.45, 0.71, 1.02].into_iter().enumerate() {
            let (window, _) = window(4.0, period_s, 0.0, seed as u64);
            let fit = fitter().fit(&window, STEP_S, &Expected::new(period_s / 1.04)).unwrap();
            let error = fit.period_s / period_s - 1.0;
            assert!(error.abs() < 0.002, "{period_s}: {fit:?}, off by {error}");
            assert!((fit.period_s - period_s).abs() < 3.0 * fit.window_stderr_s, "{period_s}: {fit:?}");
            assert!((fit.periods * fit.period_s - 4.0).abs() < 0.1, "{fit:?}");
        }
    }

    #[test]
    fn follows_jitter_through_the_window_and_owns_up_to_it() {
        let (mut window_far, mut lasting_far) = (0, 0);
        for seed in 0..60 {
            let (window, mean_s) = window(8.0, 0.3, 0.03, seed);
            let fit = fitter().fit(&window, STEP_S, &Expected::new(0.3)).unwrap();
            assert!((fit.period_s / mean_s - 1.0).abs() < 0.006, "{fit:?}, in truth {mean_s}");
            window_far += u32::from((fit.period_s - mean_s).abs() > 2.0 * fit.window_stderr_s);
            lasting_far += u32::from((fit.period_s - 0.3).abs() > 2.0 * fit.stderr_s);
            assert!(fit.window_stderr_s < 0.6 * fit.stderr_s, "{fit:?}");
        }
        assert!(window_far <= 6 && lasting_far <= 8, "{window_far} {lasting_far}");
    }

    #[test]
    fn stays_at_the_multiple_that_was_asked_for() {
        let (window, _) = window(6.0, 0.31, 0.003, 11);
        for multiple in [1.0, 2.0, 3.0] {
            let fit = fitter().fit(&window, STEP_S, &Expected::new(0.3 * multiple).ratio(1.03, 0.03)).unwrap();
            assert!((fit.period_s / (0.31 * multiple) - 1.0).abs() < 0.004, "{multiple}: {fit:?}");
        }
    }

    #[test]
    fn a_pause_or_missing_samples_do_no_harm() {
        let (mut window, _) = window(8.0, 0.3, 0.003, 5);
        window[150..190].fill(90.0);
        window[60..66].fill(f32::NAN);
        for i in (7..400).step_by(9) {
            window[i] = f32::NAN;
        }
        let fit = fitter().fit(&window, STEP_S, &Expected::new(0.29)).unwrap();
        assert!((fit.period_s / 0.3 - 1.0).abs() < 0.004, "{fit:?}");
        assert!(fit.periods < 24.0, "{fit:?}");
    }

    #[test]
    fn level_and_gain_of_power_change_nothing() {
        let (window, _) = window(4.0, 0.3, 0.01, 6);
        let fit = fitter().fit(&window, STEP_S, &Expected::new(0.3)).unwrap();
        let bent: Vec<f32> = window.iter().map(|power| 0.4 * power + 30.0).collect();
        let other = fitter().fit(&bent, STEP_S, &Expected::new(0.3)).unwrap();
        assert!((fit.period_s / other.period_s - 1.0).abs() < 1e-4, "{fit:?} {other:?}");
    }

    #[test]
    fn says_nothing_about_noise_a_flat_line_or_a_short_window() {
        let expected = Expected::new(0.3);
        assert_eq!(fitter().fit(&[300.0; 200], STEP_S, &expected), None);
        assert_eq!(fitter().fit(&[], STEP_S, &expected), None);
        assert_eq!(fitter().fit(&[f32::NAN; 200], STEP_S, &expected), None);
        assert_eq!(fitter().fit(&window(0.5, 0.3, 0.0, 1).0, STEP_S, &expected), None);
        let answers = (0..200u64)
            .filter(|seed| {
                let mut draws = Draws::new(*seed);
                let noise: Vec<f32> = (0..200).map(|_| (300.0 + 40.0 * draws.normal()) as f32).collect();
                fitter().fit(&noise, STEP_S, &expected).is_some()
            })
            .count();
        assert!(answers <= 10, "{answers}");
    }

    #[test]
    fn no_number_that_is_expected_makes_it_panic() {
        let (window, _) = window(4.0, 0.3, 0.0, 5);
        let odd = [0.0, -1.0, 1e-300, 1e-9, 0.02, 1e9, 1e300, f64::NAN, f64::INFINITY];
        for a in odd {
            for b in odd {
                let _ = fitter().fit(&window, STEP_S, &Expected::new(a).ratio(b, 0.1));
                let _ = fitter().fit(&window, STEP_S, &Expected::new(0.3).ratio_range(a, b));
                let _ = fitter().fit(&window, a, &Expected::new(0.3).ratio(1.0, b));
            }
        }
        for wild in [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE] {
            let mut window = window.clone();
            window[100] = wild;
            let _ = fitter().fit(&window, STEP_S, &Expected::new(0.3));
            let _ = fitter().fit(&vec![wild; 200], STEP_S, &Expected::new(0.3));
        }
    }

    #[test]
    fn memory_is_small_and_does_not_grow() {
        let mut fitter = fitter();
        let bytes = |fitter: &PeriodFitter| {
            size_of::<PeriodFitter>()
                + fitter.window.heap_bytes()
                + fitter.scan.heap_bytes()
                + fitter.tracker.heap_bytes()
        };
        let before = bytes(&fitter);
        assert!(before <= 12 * 1024, "{before}");
        for (seed, seconds) in [3.0, 4.0, 8.0, 30.0, 60.0, 5.0].into_iter().enumerate() {
            let (mut window, _) = window(seconds, 0.11, 0.03, seed as u64);
            // A pause every second.
            window.chunks_mut(50).for_each(|second| second[..8].fill(90.0));
            let _ = fitter.fit(&window, STEP_S, &Expected::new(0.11));
            assert_eq!(bytes(&fitter), before);
        }
    }

    #[test]
    fn no_window_makes_it_panic() {
        let mut fitter = fitter();
        for seed in 0..600 {
            let mut draws = Draws::new(seed);
            let (seconds, period_s) = (draws.between(0.5, 33.0), 0.05 * 100f64.powf(draws.uniform()));
            let (mut window, _) = window(seconds, period_s, draws.between(0.0, 0.15), seed);
            for _ in 0..(draws.between(-3.0, 8.0) as usize) {
                let from = (draws.uniform() * window.len() as f64) as usize;
                let to = (from + draws.between(1.0, 60.0) as usize).min(window.len());
                window[from..to].fill(if draws.uniform() < 0.3 { f32::NAN } else { draws.between(0.0, 900.0) as f32 });
            }
            let expected = Expected::new(period_s * draws.between(0.3, 3.0))
                .ratio(draws.between(0.8, 1.6), 10f64.powf(draws.between(-3.0, 0.5)))
                .ratio_range(draws.between(0.3, 1.0), draws.between(1.0, 3.0));
            if let Some(fit) = fitter.fit(&window, STEP_S, &expected) {
                let all = [fit.period_s, fit.stderr_s, fit.window_stderr_s, fit.jitter_s, fit.correlation, fit.periods];
                assert!(all.iter().all(|value| value.is_finite() && *value >= 0.0), "{fit:?}");
            }
        }
    }
}
