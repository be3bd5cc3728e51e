//! How much longer a period has become, from the shape of the rhythm: for changes so large that a part or a multiple of the
//! period could be taken for it.
//!
//! Idea (ours): the autocorrelation at a quarter to five quarters of a period is a fingerprint of the job. Another memory
//! clock stretches it as a whole, so the stretch that makes two fingerprints alike is the ratio of the periods. Half of a
//! stretched period looks alike at one lag, not at seventeen. Cost: 17 correlations a candidate, about 0.5 ms a call: only
//! for trials that may take several times as long.

use super::window::CleanWindow;
use crate::config::MeasureConfig;

/// Parts of a period looked at: 4/16 to 20/16.
const POINTS: usize = 17;
const FIRST_SIXTEENTH: usize = 4;
/// Step between two candidates, relative.
const STEP: f64 = 0.025;
/// The fingerprints must be this much alike (correlation over the points).
const LEAST_LIKENESS: f64 = 0.8;
/// … and this much more than at any ratio that differs by more than [`APART`].
const LEAST_MARGIN: f64 = 0.08;
/// Ratios within this (of the logarithm) are the same peak.
const APART: f64 = 0.15;
/// Fingerprints that vary less than this (standard deviation of the autocorrelation) say nothing.
const LEAST_SPREAD: f64 = 0.08;
/// Lags looked at, as a share of the window.
const LONGEST_LAG: f64 = 0.7;

/// The autocorrelation of a job's power at parts of its period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RhythmShape {
    points: [f64; POINTS],
}

impl RhythmShape {
    /// Of a cleaned window with this period, in samples; `None` if it is too short or without structure.
    pub(super) fn of(window: &CleanWindow, period: f64) -> Option<Self> {
        let longest = period * (FIRST_SIXTEENTH + POINTS - 1) as f64 / 16.0;
        if longest > LONGEST_LAG * window.len() as f64 {
            return None;
        }
        let mut points = [0.0; POINTS];
        for (i, point) in points.iter_mut().enumerate() {
            *point = correlation(window.signal(), period * (FIRST_SIXTEENTH + i) as f64 / 16.0);
        }
        let (_, spread) = moments(&points);
        (spread > LEAST_SPREAD).then_some(Self { points })
    }

    /// Correlation of two fingerprints, -1..1.
    fn likeness(&self, other: &Self) -> f64 {
        let (a, b) = (moments(&self.points), moments(&other.points));
        let products = self.points.iter().zip(&other.points).map(|(x, y)| (x - a.0) * (y - b.0));
        products.sum::<f64>() / POINTS as f64 / (a.1 * b.1)
    }

    /// The ratio in `range` at which the window, whose period was `period` samples before, is most like this shape.
    /// `None` where nothing is alike, or two ratios are.
    pub(super) fn ratio_in(&self, window: &CleanWindow, period: f64, range: (f64, f64)) -> Option<f64> {
        let steps = ((range.1 / range.0).ln() / STEP).ceil().clamp(1.0, 200.0) as usize;
        let ratio = |i: usize| range.0 * (STEP * i as f64).exp();
        let likeness =
            |i: usize| Self::of(window, period * ratio(i)).map_or(f64::NEG_INFINITY, |shape| self.likeness(&shape));
        let (mut best, mut rival) = ((0, f64::NEG_INFINITY), f64::NEG_INFINITY);
        // Twice over the candidates: first the best, then the best of those that are not the same peak.
        for i in 0..=steps {
            let value = likeness(i);
            if value > best.1 {
                best = (i, value);
            }
        }
        for i in (0..=steps).filter(|&i| STEP * i.abs_diff(best.0) as f64 > APART) {
            rival = rival.max(likeness(i));
        }
        (best.1 >= LEAST_LIKENESS && best.1 - rival >= LEAST_MARGIN).then(|| ratio(best.0))
    }
}

/// Loads a window so that the slow part is the same share of the longest period in both fingerprints.
pub(super) fn load(
    window: &mut CleanWindow,
    values: &[f32],
    longest_period: f64,
    config: &MeasureConfig,
) -> Option<()> {
    window.load(values, longest_period, longest_period, config)
}

/// Mean and standard deviation.
fn moments(points: &[f64; POINTS]) -> (f64, f64) {
    let mean = points.iter().sum::<f64>() / POINTS as f64;
    let variance = points.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / POINTS as f64;
    (mean, variance.sqrt())
}

/// Autocorrelation at a lag between samples.
fn correlation(signal: &[f32], lag: f64) -> f64 {
    let whole = lag as usize;
    let part = lag - whole as f64;
    let at = |lag: usize| {
        let (Some(later), Some(earlier)) = (signal.get(lag..), signal.get(..signal.len().saturating_sub(lag))) else {
            return 0.0;
        };
        let (mut product, mut a, mut b) = (0.0f32, 0.0f32, 0.0f32);
        for (&x, &y) in earlier.iter().zip(later) {
            product += x * y;
            a += x * x;
            b += y * y;
        }
        if a * b > 0.0 { f64::from(product / (a * b).sqrt()) } else { 0.0 }
    };
    at(whole) * (1.0 - part) + at(whole + 1) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job with two unlike halves of the iteration, at `ratio` times its usual period of 21 samples.
    fn window(ratio: f64, samples: usize) -> Vec<f32> {
        (0..samples)
            .map(|i| {
                let phase = (i as f64 / (21.0 * ratio)).fract();
                let level = match (phase * 8.0) as usize {
                    0 | 1 => 520.0,
                    4 | 5 => 430.0,
                    _ => 200.0,
                };
                level + ((i * 7919) % 23) as f32
            })
            .collect()
    }

    fn loaded(values: &[f32]) -> CleanWindow {
        let mut window = CleanWindow::with_capacity(values.len());
        load(&mut window, values, 21.0 * 3.5, &MeasureConfig::default()).unwrap();
        window
    }

    #[test]
    fn tells_a_threefold_period_from_half_of_it() {
        let shape = RhythmShape::of(&loaded(&window(1.0, 400)), 21.0).unwrap();
        for ratio in [1.0, 1.08, 1.45, 2.0, 2.9] {
            let found = shape.ratio_in(&loaded(&window(ratio, 300)), 21.0, (0.9, 3.5)).unwrap();
            assert!((found / ratio - 1.0).abs() < 0.04, "{ratio}: {found}");
        }
    }

    #[test]
    fn says_nothing_where_there_is_nothing_alike() {
        let shape = RhythmShape::of(&loaded(&window(1.0, 400)), 21.0).unwrap();
        let noise: Vec<f32> = (0..300u32).map(|i| ((i.wrapping_mul(2_654_435_761)) >> 20) as f32).collect();
        assert_eq!(shape.ratio_in(&loaded(&noise), 21.0, (0.9, 3.5)), None);
        // Six times the period: out of range, and none of its parts passes for the whole.
        assert_eq!(shape.ratio_in(&loaded(&window(6.0, 500)), 21.0, (0.9, 3.5)), None);
    }
}
