//! One window: candidates from the spectrum, the best by similarity, refined (§3.1, §3.2, §3.5).

use super::super::series::STEP_S;
use super::score::{Regions, similarity};
use crate::spectrum::{Spectrum, peaks};

/// Shortest period that can be scored, s.
const SHORTEST_S: f64 = 0.4;
/// Lines lower than this share of the highest are no candidates.
const LEAST_LINE: f64 = 0.6;
/// Most lines.
const MOST_LINES: usize = 6;

/// What a window says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// The best candidate, s, and its score (lower is better).
    Period { period_s: f64, score: f64 },
    /// The window is too short for its longest candidate, s.
    TooShort { longest_s: f64 },
}

impl Found {
    pub(super) fn period_s(self) -> f64 {
        match self {
            Self::Period { period_s, .. } => period_s,
            Self::TooShort { longest_s } => longest_s,
        }
    }
}

/// Analyses a window.
pub(super) fn analyse(signal: &[f64], longest_s: f64, regions: Regions, spectrum: &mut Spectrum) -> Found {
    let lines = lines(signal, longest_s, spectrum);
    let short: Vec<f64> = lines.iter().copied().filter(|&period| period < SHORTEST_S).collect();
    let longest_short = short.iter().copied().reduce(f64::max);
    let mut candidates: Vec<f64> = lines.into_iter().filter(|&period| period >= SHORTEST_S).collect();
    if let Some(longest) = longest_short {
        candidates.push(longest);
        candidates.extend(common_multiples(&short, longest));
    }
    let Some(reference) = candidates.iter().copied().reduce(f64::max) else {
        return Found::TooShort { longest_s };
    };

    let mut best: Option<(f64, f64)> = None;
    for &period in &candidates {
        let Some(score) = similarity(signal, period, reference, regions) else {
            return Found::TooShort { longest_s: reference };
        };
        if best.is_none_or(|(_, lowest)| score < lowest) {
            best = Some((period, score));
        }
    }
    let Some(best) = best else { return Found::TooShort { longest_s: reference } };
    let (mut period_s, score) = refine(signal, best, (reference, longest_short), regions);
    if period_s < SHORTEST_S {
        period_s *= (SHORTEST_S / period_s).round();
    }
    Found::Period { period_s, score }
}

/// Periods of the highest lines, highest first, s.
fn lines(signal: &[f64], longest_s: f64, spectrum: &mut Spectrum) -> Vec<f64> {
    let window_s = signal.len() as f64 * STEP_S;
    let mut length = signal.len();
    loop {
        let magnitudes = spectrum.magnitudes(signal, length);
        let mut found = peaks(&magnitudes);
        found.sort_by(|&a, &b| magnitudes[b].total_cmp(&magnitudes[a]));
        let mut periods: Vec<(f64, f64)> = found
            .into_iter()
            .map(|bin| (length as f64 * STEP_S / bin as f64, magnitudes[bin]))
            .filter(|&(period, _)| period <= longest_s)
            .collect();
        let highest = periods.first().map_or(0.0, |line| line.1);
        periods.retain(|&(_, magnitude)| magnitude > LEAST_LINE * highest);
        periods.truncate(MOST_LINES);
        // A period that long has one neighbouring bin 50 % away: once more, with finer bins.
        let is_coarse = periods.iter().any(|&(period, _)| period > window_s * 2.0 / 3.0);
        if !is_coarse || length > signal.len() {
            return periods.into_iter().map(|line| line.0).collect();
        }
        let factor = (1.5 * longest_s / window_s).ceil() as usize;
        if factor < 2 {
            return periods.into_iter().map(|line| line.0).collect();
        }
        length *= factor;
    }
}

/// Lengths that are about whole numbers of all short periods (§3.2).
fn common_multiples(short: &[f64], longest: f64) -> Vec<f64> {
    let rounded = longest * (SHORTEST_S / longest).round();
    let mut length = if rounded < SHORTEST_S { rounded } else { SHORTEST_S };
    let is_common = |length: f64| {
        short.iter().all(|&period| {
            let times = length / period;
            times.round() >= 1.0 && (times - times.round()).abs() / times.round() < 0.1
        })
    };
    let mut accepted: Vec<f64> = Vec::new();
    // Beyond five periods anything is a multiple to a tenth, so that this ends by itself long before.
    for _ in 0..1000 {
        if is_common(length) {
            let is_enough = accepted.first().zip(accepted.last()).is_some_and(|(&first, &last)| {
                length > 1.3 * first || accepted.len() >= short.len() || last - first > 0.6 * longest
            });
            if is_enough {
                break;
            }
            accepted.push(length);
        }
        length += 0.2 * longest;
    }
    accepted
}

/// A grid around the best candidate, up to three times (§3.5).
fn refine(
    signal: &[f64],
    best: (f64, f64),
    (reference, longest_short): (f64, Option<f64>),
    regions: Regions,
) -> (f64, f64) {
    let half_range = 0.7 * 0.5 / (signal.len() as f64 * STEP_S);
    let (mut period, mut score) = best;
    for _ in 0..3 {
        let frequency = 1.0 / period;
        let mut low = (1.0 / (frequency + half_range)).min(0.85 * period);
        let mut high = if frequency > half_range { 1.0 / (frequency - half_range) } else { 2.0 * period };
        high = high.max(1.15 * period);
        if let Some(longest) = longest_short {
            low = low.max(period - 0.5 * longest);
            high = high.min(period + 0.5 * longest);
        }
        let step = (0.1 * (high - low)).clamp(STEP_S, 1.0);
        if high - low <= step {
            break;
        }
        let mut grid: Vec<f64> = (0..).map(|k| low + f64::from(k) * step).take_while(|&at| at < high).collect();
        grid.extend([high, period]);
        let scored = grid.into_iter().filter_map(|at| Some((at, similarity(signal, at, reference, regions)?)));
        let Some((at, lowest)) = scored.min_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        if lowest >= score {
            break;
        }
        (period, score) = (at, lowest);
        let place = (at - low) / (high - low);
        if (0.2..=0.8).contains(&place) {
            break;
        }
    }
    (period, score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(period_s: f64, seconds: f64) -> Found {
        let count = (seconds / STEP_S) as usize;
        let level = |k: usize| if (k as f64 * STEP_S / period_s).fract() < 0.3 { 20.0 } else { 60.0 };
        let signal: Vec<f64> = (0..count).map(|k| level(k) + 0.5 * ((k * k % 17) as f64 / 17.0)).collect();
        analyse(&signal, 15.0, Regions::AtPeriods, &mut Spectrum::new())
    }

    #[test]
    fn finds_the_period_of_a_plain_job() {
        for period in [0.74, 1.3, 3.1] {
            let Found::Period { period_s, .. } = found(period, 30.0) else { panic!("{period}: too short") };
            assert!((period_s / period - 1.0).abs() < 0.03, "{period}: {period_s}");
        }
    }

    #[test]
    fn a_short_period_is_given_as_a_multiple_of_at_least_0_4_s() {
        let Found::Period { period_s, .. } = found(0.13, 30.0) else { panic!("too short") };
        let times = period_s / 0.13;
        assert!(period_s > 0.35 && (times - times.round()).abs() < 0.25, "{period_s}");
    }

    #[test]
    fn a_window_of_less_than_two_periods_is_too_short() {
        let signal: Vec<f64> = (0..650).map(|k| (f64::from(k) * STEP_S / 12.0 * std::f64::consts::TAU).sin()).collect();
        let found = analyse(&signal, 15.0, Regions::AtPeriods, &mut Spectrum::new());
        assert!(matches!(found, Found::TooShort { longest_s } if (8.0..15.0).contains(&longest_s)), "{found:?}");
    }

    #[test]
    fn a_window_without_lines_is_too_short_for_the_longest_period() {
        let found = analyse(&[0.0; 1250], 15.0, Regions::BackToBack, &mut Spectrum::new());
        assert_eq!(found, Found::TooShort { longest_s: 15.0 });
    }

    #[test]
    fn common_multiples_are_near_whole_numbers_of_each() {
        for multiple in common_multiples(&[0.15, 0.1], 0.15) {
            assert!((0.4..0.7).contains(&multiple));
            for period in [0.15, 0.1] {
                let times: f64 = multiple / period;
                assert!((times - times.round()).abs() / times.round() < 0.1);
            }
        }
    }
}
