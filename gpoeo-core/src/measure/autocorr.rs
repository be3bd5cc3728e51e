//! The period near the expected one, by autocorrelation at its first multiples.
//!
//! Idea (ours): a period `p` scores by the mean autocorrelation at `p, 2p, 3p, 4p` and by the prior. A neighbouring peak
//! (one micro-batch more or less, a foreign rhythm) may match at `p`, hardly at all four. What other peaks there are
//! says how much doubt is left. Cost: one product a sample and lag; the lags within four standard deviations of the prior.

use super::window::CleanWindow;
use crate::config::MeasureConfig;

/// Points of a scan.
const MOST_STEPS: usize = 192;
/// Finest step of a scan, samples: a peak is several samples wide.
const FINEST_STEP: f64 = 0.1;
/// Multiples looked at. Jitter blurs the higher ones.
const MULTIPLES: u32 = 4;
/// Lags looked at, as a share of the window: beyond it too few pairs are left.
const LONGEST_LAG: f64 = 0.67;
/// Reach of the scan, standard deviations of the prior.
const REACH: f64 = 4.0;
/// Lags by which it is judged how many samples count as one.
const MEMORY: usize = 8;

/// The best period of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    /// Samples.
    pub(super) period: f64,
    /// Mean autocorrelation at its first multiples, -1..1.
    pub(super) height: f64,
    /// Variance of the period because another peak may be the right one, samples².
    pub(super) doubt: f64,
}

/// What is expected, in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    pub(super) centre: f64,
    pub(super) sd: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}

/// Scans periods. Owns its scratch.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Weighted sum of autocorrelations at each period of the scan.
    sums: Vec<f32>,
}

impl Scan {
    pub(super) fn new() -> Self {
        Self { sums: vec![0.0; MOST_STEPS] }
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        4 * self.sums.capacity()
    }

    /// The period that fits evidence and prior best. `None` if there is no peak.
    pub(super) fn nearest_peak(&mut self, window: &CleanWindow, prior: &Prior, config: &MeasureConfig) -> Option<Peak> {
        let span = window.len() as f64;
        let low = prior.least.max(prior.centre - REACH * prior.sd).max(2.0);
        let high = prior.greatest.min(prior.centre + REACH * prior.sd).min(LONGEST_LAG * span);
        if low.is_nan() || high.is_nan() || low > high {
            return None;
        }
        // One more step at each end, so that a peak at the edge has two neighbours.
        let step = ((high - low) / (MOST_STEPS - 3) as f64).max(FINEST_STEP);
        let count = (((high - low) / step) as usize + 3).min(MOST_STEPS);
        let low = low - step;
        let sums = self.sums.get_mut(..count)?;
        sums.fill(0.0);
        let mut weights = 0.0;
        for multiple in 1..=MULTIPLES {
            let factor = f64::from(multiple);
            if multiple > 1 && factor * high > LONGEST_LAG * span {
                break;
            }
            let weight = 1.0 - factor * prior.centre.min(high) / span;
            weights += weight;
            add_multiple(window, sums, low, step, factor, weight);
        }
        let at = |i: usize| low + i as f64 * step;
        let height = |i: usize| f64::from(sums[i]) / weights;
        let independent = config.evidence_share * independent_samples(window);
        let score = |i: usize| {
            let off = (at(i) - prior.centre) / prior.sd;
            // Log likelihood of the share of variance that repeating explains, and log prior.
            -0.5 * independent * (1.0 - height(i).clamp(0.0, 0.99)).ln() - 0.5 * off * off
        };
        let peaks = || (1..count - 1).filter(|i| score(*i) >= score(i - 1) && score(*i) > score(i + 1));
        let best = peaks().max_by(|a, b| score(*a).total_cmp(&score(*b)))?;
        let (mut total, mut doubt) = (0.0, 0.0);
        for i in peaks() {
            let weight = (score(i) - score(best)).exp();
            total += weight;
            doubt += weight * (at(i) - at(best)).powi(2);
        }
        Some(Peak { period: at(best), height: height(best), doubt: doubt / total })
    }
}

/// Adds `weight` times the autocorrelation at `factor` times each period of the scan.
fn add_multiple(window: &CleanWindow, sums: &mut [f32], low: f64, step: f64, factor: f64, weight: f64) {
    let mut lag = (factor * low).round().max(1.0) as usize;
    let mut lagged = Lagged::new(window.signal(), lag - 1);
    let mut around = [lagged.next(), lagged.next(), lagged.next()];
    for (i, sum) in sums.iter_mut().enumerate() {
        let wanted = factor * (low + i as f64 * step);
        while lag as f64 + 0.5 < wanted {
            lag += 1;
            around = [around[1], around[2], lagged.next()];
        }
        // Parabola through the three nearest whole lags.
        let part = wanted - lag as f64;
        let [before, here, after] = around;
        let value = here + part * (0.5 * (after - before) + 0.5 * part * (before - 2.0 * here + after));
        *sum += (weight * value) as f32;
    }
}

/// How many independent samples the window is worth for the noise of its autocorrelation (Bartlett's formula).
fn independent_samples(window: &CleanWindow) -> f64 {
    let mut lagged = Lagged::new(window.signal(), 1);
    let memory: f64 = (0..MEMORY).map(|_| lagged.next().powi(2)).sum();
    window.len() as f64 / (1.0 + 2.0 * memory)
}

/// Autocorrelation at one whole lag after the other, normalised by the very samples that take part: an uneven window
/// does not tilt the peaks.
struct Lagged<'a> {
    signal: &'a [f32],
    lag: usize,
    earlier_sq: f64,
    later_sq: f64,
}

impl<'a> Lagged<'a> {
    fn new(signal: &'a [f32], lag: usize) -> Self {
        let lag = lag.min(signal.len());
        let energy = |part: &[f32]| part.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
        Self { signal, lag, earlier_sq: energy(&signal[..signal.len() - lag]), later_sq: energy(&signal[lag..]) }
    }

    fn next(&mut self) -> f64 {
        let Some(later) = self.signal.get(self.lag..).filter(|later| !later.is_empty()) else { return 0.0 };
        let earlier = &self.signal[..later.len()];
        let scale = self.earlier_sq * self.later_sq;
        let correlation = if scale > 0.0 { dot(earlier, later) / scale.sqrt() } else { 0.0 };
        let square = |value: f32| f64::from(value) * f64::from(value);
        self.earlier_sq -= square(earlier[earlier.len() - 1]);
        self.later_sq -= square(later[0]);
        self.lag += 1;
        correlation
    }
}

/// Sum of products: eight sums side by side, so that the compiler can use vectors and the order stays fixed.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in a_chunks.remainder().iter().zip(b_chunks.remainder()) {
        sums[0] += x * y;
    }
    for (x, y) in a_chunks.zip(b_chunks) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().map(|sum| f64::from(*sum)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(window: &[f32], centre: f64, sd: f64) -> Option<Peak> {
        let config = MeasureConfig::default();
        let mut clean = CleanWindow::with_capacity(window.len());
        clean.load(window, centre, 100.0, &config)?;
        let prior = Prior { centre, sd: sd * centre, least: 0.5 * centre, greatest: 2.0 * centre };
        Scan::new().nearest_peak(&clean, &prior, &config)
    }

    /// `batches` equal pulses and a pause of one pulse in every `period` samples.
    fn accumulating(n: usize, period: f64, batches: f64) -> Vec<f32> {
        let pulse = period / (batches + 1.0);
        let power = |at: f64| {
            let place = at.rem_euclid(period);
            if place > batches * pulse { 300.0 } else { 500.0 + 200.0 * (place / pulse).fract() }
        };
        (0..n).map(|i| power(i as f64) as f32).collect()
    }

    #[test]
    fn each_lag_agrees_with_the_plain_sum() {
        let signal: Vec<f32> = (0..203).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
        let mut lagged = Lagged::new(&signal, 0);
        for lag in 0..150 {
            let (a, b) = (&signal[..signal.len() - lag], &signal[lag..]);
            let sum = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum::<f64>();
            let plain = sum(a, b) / (sum(a, a) * sum(b, b)).sqrt();
            assert!((lagged.next() - plain).abs() < 1e-5, "lag {lag}");
        }
    }

    #[test]
    fn an_iteration_of_eight_batches_is_not_taken_for_seven() {
        let peak = scan(&accumulating(400, 56.0, 8.0), 58.0, 0.03).unwrap();
        assert!((peak.period - 56.0).abs() < 0.5, "{peak:?}");
        assert!(peak.doubt.sqrt() < 0.01 * peak.period, "{peak:?}");
    }

    #[test]
    fn rivals_of_equal_height_leave_doubt() {
        // Pulses alone, no iteration: 7 or 8 of them are all the same.
        let pulses: Vec<f32> = (0..400).map(|i| 500.0 + 40.0 * (i % 7) as f32).collect();
        let peak = scan(&pulses, 52.5, 0.1).unwrap();
        assert!(peak.doubt.sqrt() > 2.0, "{peak:?}");
    }

    #[test]
    fn a_prior_outside_the_window_is_refused() {
        assert!(scan(&accumulating(100, 20.0, 3.0), 90.0, 0.03).is_none());
    }
}
