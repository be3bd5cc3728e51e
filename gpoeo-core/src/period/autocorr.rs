//! Autocorrelation of a cleaned window, as the plain sum over pairs.
//!
//! The windows are short (150 to 1200 points) and only lags up to half of them matter, so that the sum in the time
//! domain costs no more than transforms there and back would, in a third of the memory, and masked points need no
//! second transform: they are 0, and each lag is divided by the number of pairs that count. A compressed or whitened
//! spectrum, the one thing that transforms would add, found no more periods on the recordings. Ours.
//! O(points x lags), in lanes that vectorise; no allocation.

use super::clean::{Cleaned, Run};

/// Points added up side by side. Eight fill two registers of any 64-bit CPU, or one of AVX.
const LANES: usize = 8;
/// Lags added up side by side: they share their loads.
const BLOCK: usize = 4;

/// Computes autocorrelations in scratch of its own.
#[derive(Clone, Debug)]
pub(super) struct Autocorrelator {
    values: Vec<f32>,
}

impl Autocorrelator {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        Self { values: vec![0.0; points / 2 + 1] }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f32>()
    }

    /// The autocorrelation of a window at lags up to half its length, 1 at lag 0.
    pub(super) fn compute(&mut self, window: &Cleaned<'_>) -> Acf<'_> {
        const FEWEST_PAIRS: usize = 16;
        let points = window.values.len();
        let lags = (points / 2 + 1).min(self.values.len());
        self.values[..lags].fill(0.0);
        for run in window.runs {
            let values = &window.values[run.clone()];
            sum_pairs(values, &mut self.values[..lags.min(values.len())]);
        }
        let pairs = |lag: usize| -> usize {
            let of_run = |run: &Run| match window.mask {
                Some(mask) => mask.pairs(run, lag),
                None => run.len().saturating_sub(lag),
            };
            window.runs.iter().map(of_run).sum()
        };
        // Beyond, a few pairs of a few runs are no evidence.
        let all = pairs(0);
        let fewest = FEWEST_PAIRS.max((LEAST_SHARE * all as f32) as usize);
        let at_zero = self.values[0] / all.max(1) as f32;
        let mut known = 0;
        while known < lags {
            let pairs = pairs(known);
            if pairs < fewest || at_zero <= 0.0 {
                break;
            }
            self.values[known] /= pairs as f32 * at_zero;
            known += 1;
        }
        Acf(&self.values[..known])
    }
}

/// Share of all points that must have a partner.
const LEAST_SHARE: f32 = 0.2;

/// Adds to `sums[lag]` the sum of `values[k] * values[k + lag]`; there are no more lags than values.
fn sum_pairs(values: &[f32], sums: &mut [f32]) {
    let count = sums.len();
    let mut blocks = sums.chunks_exact_mut(BLOCK);
    let mut lag = 0;
    for block in &mut blocks {
        // Up to `shared` all lags of the block have a partner; the few pairs beyond are added one by one.
        let shared = values.len() - (lag + BLOCK - 1);
        let (early, late) = (&values[..shared], &values[lag..]);
        let mut lanes = [[0.0_f32; LANES]; BLOCK];
        let whole = shared / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let a: &[f32; LANES] = early[start..start + LANES].try_into().expect("LANES long");
            let b: &[f32; LANES + BLOCK - 1] =
                late[start..start + LANES + BLOCK - 1].try_into().expect("BLOCK - 1 more than LANES");
            for (offset, lanes) in lanes.iter_mut().enumerate() {
                for lane in 0..LANES {
                    lanes[lane] += a[lane] * b[lane + offset];
                }
            }
        }
        for (offset, (out, lanes)) in block.iter_mut().zip(&lanes).enumerate() {
            let rest = values[whole..].iter().zip(&late[(whole + offset).min(late.len())..]);
            *out += lanes.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>();
        }
        lag += BLOCK;
    }
    for (lag, out) in (lag..count).zip(blocks.into_remainder()) {
        *out += values.iter().zip(&values[lag..]).map(|(a, b)| a * b).sum::<f32>();
    }
}

/// Weights of the eight points around a quarter of the way between the middle two: a sinc under a Lanczos window of
/// four points on each side, scaled to sum 1. A sampled correlation is band-limited; a parabola through its points is
/// off by percents where a period has four of them.
const LANCZOS_QUARTER: [f32; 8] =
    [-0.0150542, 0.0554490, -0.1523039, 0.8933886, 0.2826839, -0.0916606, 0.0314677, -0.0039706];

/// The same half way; symmetric, the outer four first.
const LANCZOS_HALF: [f32; 4] = [-0.0126302, 0.0597641, -0.1660114, 0.6188774];

/// An autocorrelation at whole lags, and between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acf<'a>(pub(super) &'a [f32]);

/// A local maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Peak {
    /// Points.
    pub(super) lag: f32,
    /// Correlation.
    pub(super) height: f32,
}

impl Acf<'_> {
    /// Largest lag whose neighbourhood is known.
    pub(super) fn longest(&self) -> f32 {
        self.0.len().saturating_sub(2) as f32
    }

    /// The value at `index` and so many quarters of a point.
    fn at_quarter(&self, index: usize, quarters: usize) -> f32 {
        let last = self.0.len().saturating_sub(1);
        // An autocorrelation is even: the points left of lag 0 are those right of it.
        let value = |tap: usize| self.0.get((index + tap).abs_diff(3).min(last)).copied().unwrap_or(0.0);
        match quarters {
            0 => self.0.get(index).copied().unwrap_or(0.0),
            1 => (0..8).map(|tap| LANCZOS_QUARTER[tap] * value(tap)).sum(),
            2 => (0..8).map(|tap| LANCZOS_HALF[tap.min(7 - tap)] * value(tap)).sum(),
            _ => (0..8).map(|tap| LANCZOS_QUARTER[7 - tap] * value(tap)).sum(),
        }
    }

    fn at_quarters(&self, quarters: usize) -> f32 {
        self.at_quarter(quarters / 4, quarters % 4)
    }

    /// The value at a lag, to the nearest quarter of a point (2 % low at worst, where a period has four points).
    pub(super) fn at(&self, lag: f32) -> f32 {
        self.at_quarters((lag * 4.0).round().max(0.0) as usize)
    }

    /// The value of what is left after a moving mean over five points, not scaled to 1: the correlation of the slow
    /// part of the signal. Five, because the ring's sampler is late every fifth time: what that does to the fast part
    /// repeats every five points, and is gone.
    pub(super) fn slow(&self, lag: f32) -> f32 {
        let quarters = (lag * 4.0).round().max(0.0) as isize;
        let value = |offset: isize| self.at_quarters((quarters + 4 * offset).unsigned_abs());
        (-4..=4_isize).map(|offset| (5 - offset.abs()) as f32 / 25.0 * value(offset)).sum()
    }

    /// Whether a whole lag is a local maximum.
    pub(super) fn is_peak(&self, lag: usize) -> bool {
        lag >= 1
            && lag + 1 < self.0.len()
            && self.0[lag] > self.0[lag - 1]
            && self.0[lag] >= self.0[lag + 1]
            && self.0[lag] > 0.0
    }

    /// The peak whose highest point is `lag`, between the points: a parabola over quarter points.
    pub(super) fn refine(&self, lag: usize) -> Peak {
        let centre = 4 * lag;
        let mut best = (centre, self.0[lag]);
        for quarters in (centre.saturating_sub(3)..=centre + 3).filter(|&quarters| quarters != centre) {
            let height = self.at_quarters(quarters);
            if height > best.1 {
                best = (quarters, height);
            }
        }
        let (before, after) = (self.at_quarters(best.0.saturating_sub(1)), self.at_quarters(best.0 + 1));
        let bend = before + after - 2.0 * best.1;
        let shift = if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 };
        Peak { lag: (best.0 as f32 + shift) * 0.25, height: best.1 - 0.25 * (before - after) * shift }
    }

    /// The highest peak within `radius` of `lag`.
    pub(super) fn peak_near(&self, lag: f32, radius: f32) -> Option<Peak> {
        let from = (lag - radius - 0.5).ceil().max(1.0) as usize;
        let to = (lag + radius + 0.5).floor().min(self.longest()).max(0.0) as usize;
        (from..=to)
            .filter(|&whole| self.is_peak(whole))
            .map(|whole| self.refine(whole))
            .filter(|peak| (peak.lag - lag).abs() <= radius)
            .max_by(|a, b| a.height.total_cmp(&b.height))
    }

    /// The frequency of the strongest line, cycles a point: the transform of the first lags under a Hann window.
    pub(super) fn strongest_line(&self) -> f32 {
        const LAGS: usize = 64;
        const LINES: usize = 128;
        let power = |line: usize| {
            // cos(n x) by Chebyshev's recurrence: one cosine a line instead of one a term.
            let cosine = (core::f32::consts::PI * line as f32 / LINES as f32).cos();
            let (mut before, mut now) = (cosine, 1.0);
            let mut sum = 0.0;
            for (lag, value) in self.0.iter().take(LAGS).enumerate() {
                let taper = 1.0 - lag as f32 / LAGS as f32;
                sum += value * taper * taper * now * if lag == 0 { 0.5 } else { 1.0 };
                (before, now) = (now, 2.0 * cosine * now - before);
            }
            sum
        };
        let strongest = (1..=LINES).map(|line| (line, power(line))).max_by(|a, b| a.1.total_cmp(&b.1));
        strongest.map_or(0.0, |(line, _)| 0.5 * line as f32 / LINES as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f32::consts::TAU;

    /// The obvious form.
    fn naive(values: &[f32], lag: usize) -> f32 {
        let at = |lag: usize| {
            let sum: f64 = values[lag..].iter().zip(values).map(|(a, b)| f64::from(a * b)).sum();
            sum / (values.len() - lag) as f64
        };
        (at(lag) / at(0)) as f32
    }

    #[test]
    fn agrees_with_the_sum_over_pairs() {
        for points in [61, 150, 599, 600] {
            let mut state = 1_u32;
            let values: Vec<f32> = (0..points)
                .map(|k| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 16) as f32 / 65_536.0 - 0.5 + (k as f32 * 0.3).sin()
                })
                .collect();
            let mut correlator = Autocorrelator::new(600);
            let acf = correlator.compute(&Cleaned {
                dropped: 0,
                values: &values,
                mask: None,
                runs: core::slice::from_ref(&(0..values.len())),
            });
            assert_eq!(acf.0.len(), points / 2 + 1);
            for (lag, &found) in acf.0.iter().enumerate() {
                assert!((found - naive(&values, lag)).abs() < 1e-4, "{points} points, lag {lag}");
            }
        }
    }

    #[test]
    fn the_weights_between_points_are_a_lanczos_window() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
        let weights = |part: f64| {
            let raw: Vec<f64> = (-3..=4).map(|tap| part - f64::from(tap)).map(|x| sinc(x) * sinc(x / 4.0)).collect();
            let sum: f64 = raw.iter().sum();
            raw.into_iter().map(|weight| (weight / sum) as f32).collect::<Vec<_>>()
        };
        assert!(weights(0.25).iter().zip(LANCZOS_QUARTER).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(weights(0.5).iter().zip(LANCZOS_HALF).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn finds_a_period_between_the_points_to_a_thousandth() {
        for period in [4.3_f32, 7.77, 23.4] {
            let values: Vec<f32> = (0..600).map(|k| (TAU * k as f32 / period).cos()).collect();
            let mut correlator = Autocorrelator::new(600);
            let acf = correlator.compute(&Cleaned {
                dropped: 0,
                values: &values,
                mask: None,
                runs: core::slice::from_ref(&(0..values.len())),
            });
            let peak = acf.peak_near(10.0 * period, 1.0).unwrap();
            assert!((peak.lag / 10.0 / period - 1.0).abs() < 1e-3, "{period}: {peak:?}");
            assert!(peak.height > 0.98);
            assert!((acf.strongest_line() * period - 1.0).abs() < 0.1);
        }
    }
}
