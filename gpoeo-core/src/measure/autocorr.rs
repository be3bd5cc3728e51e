//! The period near the expected one, by autocorrelation at its first multiples.

use super::window::CleanWindow;

/// Points of the scan.
const MOST_STEPS: usize = 256;

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

/// Scans periods; owns its scratch.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Weighted autocorrelation and sum of weights at each period of the scan.
    sums: Vec<f32>,
}

impl Scan {
    pub(super) fn new() -> Self {
        Self { sums: vec![0.0; MOST_STEPS] }
    }

    /// The period that fits evidence and prior best. `None` if there is no peak.
    pub(super) fn nearest_peak(&mut self, window: &CleanWindow, prior: &Prior) -> Option<Peak> {
        let span = window.len() as f64;
        let low = prior.least.max(prior.centre - 4.0 * prior.sd).max(2.0);
        let high = prior.greatest.min(prior.centre + 4.0 * prior.sd).min(0.67 * span);
        if low.is_nan() || high.is_nan() || low > high {
            return None;
        }
        // One more step at each end, so that a peak at the edge has two neighbours.
        let step = ((high - low) / (MOST_STEPS - 3) as f64).max(0.1);
        let count = (((high - low) / step) as usize + 3).min(MOST_STEPS);
        let low = low - step;
        let sums = &mut self.sums[..count];
        sums.fill(0.0);
        let mut weights = 0.0;
        for k in 1..=4 {
            let factor = f64::from(k);
            if k > 1 && factor * high > 0.67 * span {
                break;
            }
            let weight = 1.0 - factor * prior.centre / span;
            weights += weight;
            add_multiple(window, sums, low, step, factor, weight);
        }
        let score = |i: usize| {
            let height = f64::from(sums[i]) / weights;
            let off = (low + i as f64 * step - prior.centre) / prior.sd;
            // Log likelihood of the share of variance that repeating explains; neighbouring samples of power are
            // alike, some seven of them count as one.
            -0.075 * span * (1.0 - height.clamp(0.0, 0.99)).ln() - 0.5 * off * off
        };
        let at = |i: usize| low + i as f64 * step;
        let peaks = || (1..count - 1).filter(|i| score(*i) >= score(i - 1) && score(*i) > score(i + 1));
        let best = peaks().max_by(|a, b| score(*a).total_cmp(&score(*b)))?;
        let (mut weights_sum, mut doubt) = (0.0, 0.0);
        for i in peaks() {
            let weight = (score(i) - score(best)).exp();
            weights_sum += weight;
            doubt += weight * (at(i) - at(best)).powi(2);
        }
        Some(Peak { period: at(best), height: f64::from(sums[best]) / weights, doubt: doubt / weights_sum })
    }
}

/// Adds `weight` times the autocorrelation at `factor` times each period of the scan.
fn add_multiple(window: &CleanWindow, sums: &mut [f32], low: f64, step: f64, factor: f64, weight: f64) {
    let mut lag = (factor * low).round().max(1.0) as usize;
    let mut around = [correlation(window, lag - 1), correlation(window, lag), correlation(window, lag + 1)];
    for (i, sum) in sums.iter_mut().enumerate() {
        let wanted = factor * (low + i as f64 * step);
        while lag as f64 + 0.5 < wanted {
            lag += 1;
            around = [around[1], around[2], correlation(window, lag + 1)];
        }
        // Parabola through the three nearest.
        let part = wanted - lag as f64;
        let [before, here, after] = around;
        let value = here + part * (0.5 * (after - before) + 0.5 * part * (before - 2.0 * here + after));
        *sum += (weight * value) as f32;
    }
}

/// Autocorrelation at a whole lag, normalised by the very samples that take part: an uneven window does not tilt it.
fn correlation(window: &CleanWindow, lag: usize) -> f64 {
    let signal = window.signal();
    let Some(later) = signal.get(lag..) else { return 0.0 };
    let earlier = &signal[..later.len()];
    let (mut cross, mut earlier_sq, mut later_sq) = ([0.0f32; 8], [0.0f32; 8], [0.0f32; 8]);
    let (a_chunks, b_chunks) = (earlier.chunks_exact(8), later.chunks_exact(8));
    for (a, b) in a_chunks.remainder().iter().zip(b_chunks.remainder()) {
        cross[0] += a * b;
        earlier_sq[0] += a * a;
        later_sq[0] += b * b;
    }
    // Eight sums side by side: the order of additions is fixed, and the compiler can use vectors.
    for (a, b) in a_chunks.zip(b_chunks) {
        for i in 0..8 {
            cross[i] += a[i] * b[i];
            earlier_sq[i] += a[i] * a[i];
            later_sq[i] += b[i] * b[i];
        }
    }
    let total = |sums: [f32; 8]| sums.iter().map(|sum| f64::from(*sum)).sum::<f64>();
    let scale = total(earlier_sq) * total(later_sq);
    if scale > 0.0 { total(cross) / scale.sqrt() } else { 0.0 }
}
