//! What a person can see of a period in the last part of a recording: its spectrum, its autocorrelation, and the peaks
//! that come into question. For reports; the detector has its own, windows of several lengths, cleaned of pauses.

use std::time::Duration;

use gpoeo_core::{Signal, SignalConfig, Timestamp};

use crate::spectrum::{Spectrum, peaks};

/// Longest part that is looked at, s …
const LONGEST_S: f64 = 24.0;
/// … and in points.
const MOST_POINTS: usize = 2400;
/// Fewer points show nothing.
const FEWEST_POINTS: usize = 32;
/// Changes slower than this are taken off, s: clocks and temperatures drift.
const SLOW_S: f64 = 2.0;
/// … or slower than so many periods.
const SLOW_PERIODS: f64 = 2.0;
/// Candidates that are named.
const CANDIDATES: usize = 6;
/// Shortest lag, points: below it a series cannot show a period.
const SHORTEST_LAG: usize = 3;

/// A peak of the autocorrelation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PeakSeen {
    pub(crate) lag_s: f64,
    /// Correlation, 1 at lag 0.
    pub(crate) height: f64,
}

/// Spectrum and autocorrelation of a part of a signal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// The part, s on the clock of the recording.
    pub(crate) span_s: (f64, f64),
    /// Distance of the points, s.
    pub(crate) step_s: f64,
    /// Correlation at lags of whole points, 1 at lag 0.
    pub(crate) correlation: Vec<f64>,
    /// Magnitudes of the spectrum, 1 at the highest.
    pub(crate) magnitudes: Vec<f64>,
    /// Distance of the lines, Hz.
    pub(crate) line_hz: f64,
    /// The highest peaks of the autocorrelation, highest first.
    pub(crate) candidates: Vec<PeakSeen>,
}

impl Evidence {
    /// Looks at the last part of `samples` (s, value) before `end_s` and not before `begin_s`. `None` if there is too
    /// little, or nothing moves.
    pub(crate) fn of(samples: &[(f64, f64)], begin_s: f64, end_s: f64, period_s: Option<f64>) -> Option<Self> {
        let step_s = middle_step_s(samples)?;
        let points = ((LONGEST_S / step_s) as usize).min(MOST_POINTS);
        let from_s = begin_s.max(end_s - points as f64 * step_s);
        let mut values = on_grid(samples, step_s, from_s, end_s);
        if values.len() < FEWEST_POINTS {
            return None;
        }
        let slow_s = SLOW_S.max(SLOW_PERIODS * period_s.unwrap_or(0.0));
        take_off_slow(&mut values, (slow_s / step_s) as usize);
        let mut spectrum = Spectrum::new();
        let mut correlation = Vec::new();
        spectrum.autocorrelation(&values, 0, &mut correlation);
        let power = *correlation.first()?;
        if power <= 0.0 {
            return None;
        }
        correlation.iter_mut().for_each(|value| *value /= power);

        let count = values.len();
        for (index, value) in values.iter_mut().enumerate() {
            *value *= (std::f64::consts::PI * (index as f64 + 0.5) / count as f64).sin().powi(2);
        }
        let length = 2 * count.next_power_of_two();
        let mut magnitudes = spectrum.magnitudes(&values, length);
        let highest = magnitudes.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        magnitudes.iter_mut().for_each(|value| *value /= highest);

        let mut candidates: Vec<PeakSeen> = peaks(&correlation)
            .into_iter()
            .filter(|&lag| lag >= SHORTEST_LAG && correlation[lag] > 0.0)
            .map(|lag| summit(&correlation, lag, step_s))
            .collect();
        candidates.sort_by(|a, b| b.height.total_cmp(&a.height));
        candidates.truncate(CANDIDATES);
        let line_hz = 1.0 / (length as f64 * step_s);
        Some(Self { span_s: (from_s, end_s), step_s, correlation, magnitudes, line_hz, candidates })
    }
}

/// Distance of the samples: the middle one.
fn middle_step_s(samples: &[(f64, f64)]) -> Option<f64> {
    let mut steps: Vec<f64> = samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    // Whole milliseconds, as sources have it.
    let middle_s = *steps.get(steps.len() / 2)?;
    Some((middle_s * 1e3).round().max(1.0) * 1e-3)
}

fn on_grid(samples: &[(f64, f64)], step_s: f64, from_s: f64, end_s: f64) -> Vec<f64> {
    let slots = ((end_s - from_s) / step_s).max(0.0) as usize + 2;
    let mut config = SignalConfig::default();
    config.step = Duration::from_secs_f64(step_s);
    config.slots = slots;
    config.bridged_steps = u32::MAX;
    let mut signal = Signal::new(&config);
    for &(at_s, value) in samples.iter().filter(|(at_s, _)| (from_s..=end_s).contains(at_s)) {
        signal.push(Timestamp::from_secs_f64(at_s), value);
    }
    let mut scratch = vec![0.0; slots];
    let window = signal.window(Timestamp::ZERO, Timestamp::from_secs_f64(end_s), &mut scratch);
    window.values.iter().map(|&value| f64::from(value)).filter(|value| value.is_finite()).collect()
}

/// Takes off the mean over `width` points around each.
fn take_off_slow(values: &mut [f64], width: usize) {
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(values.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        }))
        .collect();
    let half = (width / 2).max(1);
    let count = values.len();
    for (index, value) in values.iter_mut().enumerate() {
        let (from, to) = (index.saturating_sub(half), (index + half + 1).min(count));
        *value -= (sums[to] - sums[from]) / (to - from) as f64;
    }
}

/// The top of the parabola through a peak and its neighbours.
fn summit(values: &[f64], peak: usize, step_s: f64) -> PeakSeen {
    let (before, at, after) = (values[peak - 1], values[peak], values[peak + 1]);
    let bend = before + after - 2.0 * at;
    let off = if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    PeakSeen { lag_s: (peak as f64 + off) * step_s, height: at - 0.25 * (before - after) * off }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(period_s: f64) -> Vec<(f64, f64)> {
        let level = |at_s: f64| if (at_s / period_s).fract() < 0.3 { 200.0 } else { 600.0 };
        (0..1500).map(|k| f64::from(k) * 0.02).map(|at_s| (at_s, level(at_s) + 5.0 * at_s)).collect()
    }

    #[test]
    fn the_highest_peaks_are_multiples_of_the_period() {
        let seen = Evidence::of(&wave(0.74), 0.0, 30.0, Some(0.74)).unwrap();
        assert_eq!(seen.candidates.len(), CANDIDATES);
        for peak in &seen.candidates {
            let times = peak.lag_s / 0.74;
            assert!((times - times.round()).abs() < 0.02 && peak.height > 0.8, "{peak:?}");
        }
        assert!(seen.correlation[37] > 0.9 && seen.correlation[18] < 0.3);
    }

    #[test]
    fn the_strongest_line_is_at_the_frequency_of_the_period() {
        let seen = Evidence::of(&wave(0.74), 0.0, 30.0, None).unwrap();
        let highest = (0..seen.magnitudes.len()).max_by(|&a, &b| seen.magnitudes[a].total_cmp(&seen.magnitudes[b]));
        assert!((highest.unwrap() as f64 * seen.line_hz * 0.74 - 1.0).abs() < 0.03);
    }

    #[test]
    fn what_does_not_move_or_is_too_short_shows_nothing() {
        let flat: Vec<(f64, f64)> = (0..500).map(|k| (f64::from(k) * 0.02, 300.0)).collect();
        assert_eq!(Evidence::of(&flat, 0.0, 10.0, None), None);
        assert_eq!(Evidence::of(&wave(0.5)[..20], 0.0, 10.0, None), None);
        assert_eq!(Evidence::of(&[], 0.0, 10.0, None), None);
    }
}
