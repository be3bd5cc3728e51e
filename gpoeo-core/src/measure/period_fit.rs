//! The mean period within one window of power samples, when the period is known roughly.
//!
//! Idea (ours): the autocorrelation of the detrended window has a peak at each whole number of periods; the peak nearest
//! to the expected period (likelihood times prior) is taken, then followed to 2, 3, .. k periods. The farther the lag,
//! the finer `lag / k`. Cost: k * (a few lags) products a sample. Limit: it needs two periods in the window.

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
    /// Autocorrelation at one period, -1..1: how clear the rhythm is.
    pub correlation: f64,
    /// Periods that the window holds without its pauses.
    pub periods: f64,
}

/// Fits periods to windows of power samples. Owns its scratch: no allocation after `new`.
#[derive(Clone, Debug)]
pub struct PeriodFitter {
    config: MeasureConfig,
    /// Detrended window, 0 where missing or paused.
    signal: Vec<f32>,
    /// One bit a sample: set where `signal` is known.
    known: Vec<u64>,
}

impl PeriodFitter {
    /// A fitter for windows of up to [`MeasureConfig::max_window_samples`].
    #[must_use]
    pub fn new(config: &MeasureConfig) -> Self {
        let longest = config.max_window_samples;
        Self {
            config: config.clone(),
            signal: Vec::with_capacity(longest),
            known: Vec::with_capacity(longest.div_ceil(64)),
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
        let period = expected.period_s * expected.ratio / step_s;
        let span = window.len() as f64;
        if period.is_nan() || period < 2.0 || span < 2.0 * period {
            return None;
        }
        self.clean(window, step_s, period)?;
        let known = self.known.iter().map(|word| word.count_ones()).sum::<u32>();

        let (coarse, correlation) = self.coarse(expected, step_s)?;
        if correlation < self.config.min_correlation {
            return None;
        }
        // Farther and farther while the peak stands out and enough pairs are left.
        let (mut best, mut periods_at_best) = (coarse, 1.0);
        let (mut spread, mut count) = (0.0, 0.0);
        let mut k = 2.0;
        while k * best <= (0.67 * span).min(span - 1.5 * period) {
            // A step from k-1 to k periods moves the centre by jitter and by what `best` may be off.
            let reach = (0.04 * best).max(0.6);
            let Some((lag, height)) = self.peak(k * best, reach.min(0.2 * best)) else { break };
            if height < 0.4 * correlation {
                break;
            }
            spread += (lag / k - best).powi(2) * k;
            count += 1.0;
            (best, periods_at_best) = (lag / k, k);
            k += 1.0;
        }
        let n = f64::from(known) / best;
        let jitter_var = if count > 0.0 { spread / count } else { (0.01 * best).powi(2) };
        let lag_sd = 0.1;
        let stderr = (jitter_var / n + (lag_sd / periods_at_best).powi(2)).sqrt();
        Some(PeriodFit { period_s: best * step_s, stderr_s: stderr * step_s, correlation, periods: n })
    }

    /// Fills `signal` and `known`. `None` if the window is flat or mostly missing.
    fn clean(&mut self, window: &[f32], step_s: f64, period: f64) -> Option<()> {
        let n = window.len();
        self.signal.clear();
        self.signal.extend_from_slice(window);
        let (low, high) = quantiles(window.iter().copied(), 0.1, 0.9)?;
        let floor = low - (self.config.pause_depth as f32) * (high - low);
        let paused = window.iter().filter(|power| **power < floor).count();
        let floor = if (paused as f64) < self.config.max_pause_share * n as f64 { floor } else { f32::NEG_INFINITY };
        self.known.clear();
        self.known.resize(n.div_ceil(64), 0);
        let is_known = |i: usize| {
            // A sample beside a pause averages over its edge.
            let (from, to) = (i.saturating_sub(1), (i + 1).min(n - 1));
            window[i].is_finite() && !window[from..=to].iter().any(|power| *power < floor)
        };
        let mut count = 0usize;
        for i in 0..n {
            if is_known(i) {
                self.known[i / 64] |= 1 << (i % 64);
                count += 1;
            } else {
                self.signal[i] = 0.0;
            }
        }
        if 2 * count < n {
            return None;
        }
        // Whole periods, so that the mean takes nothing off the rhythm itself; at the ends it stays the first and last
        // full one.
        let width = ((self.config.detrend.as_secs_f64() / step_s / period).ceil() * period).round() as usize;
        self.subtract_moving_mean(window, width);
        let values = (0..n).filter(|i| self.is_known(*i)).map(|i| self.signal[i]);
        let (low, high) = quantiles(values, 0.16, 0.84)?;
        let spread = 0.5 * (high - low);
        let level = window.iter().filter(|power| power.is_finite()).sum::<f32>() / count as f32;
        if level.is_nan() || f64::from(spread) < self.config.min_spread * f64::from(level) {
            return None;
        }
        let limit = self.config.clip_spreads as f32 * spread;
        self.signal.iter_mut().for_each(|value| *value = value.clamp(-limit, limit));
        Some(())
    }

    /// Fills `signal` with `window` less its moving mean over `width` samples. Near the ends the first and the last
    /// full mean are kept.
    fn subtract_moving_mean(&mut self, window: &[f32], width: usize) {
        let n = window.len();
        let width = width.clamp(1, n);
        let (mut sum, mut count) = (0.0f64, 0u32);
        for (i, power) in window.iter().enumerate().take(width) {
            if self.is_known(i) {
                sum += f64::from(*power);
                count += 1;
            }
        }
        let mut mean = 0.0;
        let mut start = 0;
        for i in 0..n {
            // [start, start + width) is centred on i wherever it fits in.
            if i > width / 2 && start + width < n {
                if self.is_known(start) {
                    sum -= f64::from(window[start]);
                    count -= 1;
                }
                if self.is_known(start + width) {
                    sum += f64::from(window[start + width]);
                    count += 1;
                }
                start += 1;
            }
            if count > 0 {
                mean = sum / f64::from(count);
            }
            if self.is_known(i) {
                self.signal[i] = window[i] - mean as f32;
            }
        }
    }

    fn is_known(&self, i: usize) -> bool {
        (self.known[i / 64] >> (i % 64)) & 1 == 1
    }

    /// The peak nearest to what is expected, in samples, and its height.
    fn coarse(&self, expected: &Expected, step_s: f64) -> Option<(f64, f64)> {
        let unit = expected.period_s / step_s;
        let (least, greatest) = (expected.ratio_range.0 * unit, expected.ratio_range.1 * unit);
        let centre = expected.ratio * unit;
        let sd = expected.ratio_sd * unit;
        let longest = self.signal.len().saturating_sub(1) as f64;
        let (first, last) = ((least.floor().max(2.0)) as usize, greatest.min(longest - 1.0).ceil() as usize);
        let mut best: Option<(f64, f64, f64)> = None;
        let (mut before, mut here) = (self.correlation(first.saturating_sub(1)), self.correlation(first));
        for lag in first..=last {
            let after = self.correlation(lag + 1);
            if here >= before && here > after {
                let (at, height) = vertex(lag as f64, before, here, after);
                // Log likelihood of the share of variance that a shift by one period explains, a tenth of the samples
                // counting as independent, and log prior.
                let independent = 0.1 * (self.signal.len() - lag) as f64;
                let score =
                    -0.5 * independent * (1.0 - height.clamp(0.0, 0.99)).ln() - 0.5 * ((at - centre) / sd).powi(2);
                if best.is_none_or(|(other, _, _)| score > other) {
                    best = Some((score, at, height));
                }
            }
            (before, here) = (here, after);
        }
        best.filter(|(_, at, _)| *at >= least && *at <= greatest).map(|(_, at, height)| (at, height))
    }

    /// The highest peak within `reach` of `lag`, in samples, and its height.
    fn peak(&self, lag: f64, reach: f64) -> Option<(f64, f64)> {
        let (first, last) = ((lag - reach).floor().max(1.0) as usize, (lag + reach).ceil() as usize);
        if last + 1 >= self.signal.len() {
            return None;
        }
        let mut best: Option<(f64, f64)> = None;
        let (mut before, mut here) = (self.correlation(first - 1), self.correlation(first));
        for lag in first..=last {
            let after = self.correlation(lag + 1);
            if here >= before && here > after && best.is_none_or(|(_, height)| here > height) {
                best = Some(vertex(lag as f64, before, here, after));
            }
            (before, here) = (here, after);
        }
        best
    }

    /// Autocorrelation at a whole lag over the pairs that are known.
    fn correlation(&self, lag: usize) -> f64 {
        let Some(later) = self.signal.get(lag..) else { return 0.0 };
        let earlier = &self.signal[..later.len()];
        // Normalised by the very samples that take part: an uneven window does not tilt the peaks.
        let (mut cross, mut earlier_sq, mut later_sq) = (0.0f32, 0.0f32, 0.0f32);
        for (a, b) in earlier.iter().zip(later) {
            cross += a * b;
            earlier_sq += a * a;
            later_sq += b * b;
        }
        let scale = f64::from(earlier_sq) * f64::from(later_sq);
        if scale > 0.0 { f64::from(cross) / scale.sqrt() } else { 0.0 }
    }
}

/// Vertex of the parabola through three neighbours: place and height.
fn vertex(at: f64, before: f64, here: f64, after: f64) -> (f64, f64) {
    let curvature = before - 2.0 * here + after;
    if curvature >= 0.0 {
        return (at, here);
    }
    let shift = (0.5 * (before - after) / curvature).clamp(-0.5, 0.5);
    (at + shift, here - 0.25 * (before - after) * shift)
}

/// Two quantiles of the finite values by a histogram of 256 bins: within 0.4 % of the range, O(n), no copy.
fn quantiles(values: impl Iterator<Item = f32> + Clone, low: f64, high: f64) -> Option<(f32, f32)> {
    const BINS: usize = 256;
    let (mut least, mut greatest, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0u32);
    for value in values.clone().filter(|value| value.is_finite()) {
        least = least.min(value);
        greatest = greatest.max(value);
        count += 1;
    }
    if count < 2 || !(greatest - least).is_finite() {
        return None;
    }
    let mut bins = [0u32; BINS];
    let scale = if greatest > least { (BINS - 1) as f32 / (greatest - least) } else { 0.0 };
    for value in values.filter(|value| value.is_finite()) {
        bins[((value - least) * scale) as usize] += 1;
    }
    let quantile = |share: f64| {
        let rank = share * f64::from(count);
        let mut below = 0.0;
        for (bin, held) in bins.iter().enumerate() {
            let held = f64::from(*held);
            if below + held >= rank {
                let inside = if held > 0.0 { (rank - below) / held } else { 0.0 };
                return if scale > 0.0 { least + ((bin as f64 + inside) as f32) / scale } else { least };
            }
            below += held;
        }
        greatest
    };
    Some((quantile(low), quantile(high)))
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
