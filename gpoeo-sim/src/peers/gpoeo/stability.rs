//! Whether nested windows agree, and how much longer to watch if they do not (§3.6).

use super::super::composite::{mean, spread};
use super::super::series::STEP_S;
use super::analysis::{Found, analyse};
use super::score::Regions;
use crate::spectrum::Spectrum;

/// Periods that a window must hold.
const PERIODS: f64 = 5.3;
/// … and the shortest of the nested ones.
const NESTED_PERIODS: f64 = 2.8;
/// Results this close to the best one make up the answer.
const NEAR: f64 = 0.35;
/// Two or more looks that differ by more than this are given up once the window is long.
const DISAGREE: f64 = 0.3;
/// Results that agree but for this much are worth waiting for.
const ALMOST: f64 = 0.05;

/// What is said about a period, and how much longer to watch, s; 0 or less: no longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) period_s: f64,
    pub(super) is_stable: bool,
    pub(super) more_s: f64,
}

/// Judges everything so far. `longest_s` is the longest period that is considered, `agree` the spread that is stable.
pub(super) fn judge(
    signal: &[f64],
    longest_s: f64,
    agree: f64,
    regions: Regions,
    spectrum: &mut Spectrum,
) -> Judgement {
    let length_s = signal.len().saturating_sub(1) as f64 * STEP_S;
    let unstable = |period_s: f64, more_s: f64| Judgement { period_s, is_stable: false, more_s };
    let mut tail = |drop_s: f64| {
        let from = ((drop_s / STEP_S) as usize).min(signal.len() - 1);
        analyse(&signal[from..], longest_s, regions, spectrum)
    };
    let whole = tail(0.0);
    let first_s = whole.period_s();
    let is_long = length_s >= 3.0 * longest_s;
    if is_long {
        if first_s > longest_s {
            return unstable(longest_s, -1.0);
        }
        let parts = [first_s, tail(longest_s / 3.0).period_s(), tail(longest_s * 2.0 / 3.0).period_s()];
        if spread_of(&parts) > DISAGREE {
            return unstable(longest_s.min(first_s), -1.0);
        }
    }
    let not_enough = |period_s: f64| (0.5 * period_s).max(3.1 * longest_s - length_s);
    let patient = |more_s: f64| {
        let more_s = if more_s > 0.0 && more_s < 5.0 { more_s + 5.0 } else { more_s };
        if more_s > 0.0 { more_s.max(0.5 * first_s).max(PERIODS * first_s - length_s) } else { more_s }
    };
    if !is_long && first_s > 0.5 * length_s {
        return unstable(first_s, patient(not_enough(first_s)));
    }

    let mut found = vec![whole];
    let mut longest_found_s = first_s;
    let mut left_s = length_s;
    loop {
        left_s -= (0.5 * found[found.len() - 1].period_s()).max(0.1 * length_s);
        if left_s < NESTED_PERIODS * longest_found_s {
            break;
        }
        let next = tail(length_s - left_s);
        if next.period_s() > 0.5 * left_s {
            return unstable(next.period_s(), patient(not_enough(next.period_s())));
        }
        longest_found_s = longest_found_s.max(next.period_s());
        found.push(next);
    }

    if length_s / first_s < PERIODS {
        let more_s = if is_long { (0.5 * first_s).max(PERIODS * first_s - length_s) } else { not_enough(first_s) };
        return unstable(first_s, patient(more_s));
    }
    let subset = if found.len() < 3 { found.clone() } else { subset(&found) };
    let periods: Vec<f64> = subset.iter().map(|found| found.period_s()).collect();
    let off = spread_of(&periods);
    let period_s = around_the_best(&subset);
    if found.len() >= 3 && off < agree {
        return Judgement { period_s, is_stable: true, more_s: -1.0 };
    }
    let is_well_beyond = length_s > 2.1 * longest_s;
    // Up to so many of the longest, in steps, the last one with 5 s to spare.
    let in_steps = if PERIODS * longest_found_s > length_s {
        (PERIODS * longest_found_s - length_s + 5.0).min(period_s.max(0.1 * length_s))
    } else {
        next_whole(period_s, length_s) + 5.0
    };
    let more_s = if found.len() < 3 {
        if is_well_beyond && off > agree { -1.0 } else { in_steps }
    } else if off < agree + ALMOST {
        if is_well_beyond { -1.0 } else { in_steps }
    } else if is_well_beyond
        || (length_s > longest_s && period_s < 0.5 * longest_s)
        || length_s >= 1.3 * PERIODS * longest_found_s
    {
        -1.0
    } else {
        let wanted = PERIODS * periods.iter().copied().fold(0.0, f64::max) - length_s;
        if wanted >= 0.0 { wanted } else { next_whole(period_s, length_s) + period_s }
    };
    let is_flat =
        off > 0.4 && (found.len() >= 8 || length_s >= 5.0 * period_s || length_s > longest_s) && flat(signal, period_s);
    unstable(period_s, if is_flat { -1.0 } else { patient(more_s) })
}

/// The results that count: all of three; of up to eight those near the middle one; of more the middle three fifths.
fn subset(found: &[Found]) -> Vec<Found> {
    let mut sorted = found.to_vec();
    sorted.sort_by(|a, b| a.period_s().total_cmp(&b.period_s()));
    let count = sorted.len();
    match count {
        0..=3 => sorted,
        4..=8 => {
            // The position is rounded, halves to the even one.
            let middle = sorted[if count == 7 { 4 } else { count / 2 }].period_s();
            sorted.into_iter().filter(|found| (0.6..=1.35).contains(&(found.period_s() / middle))).collect()
        }
        _ => sorted[count / 5..=(count * 4 / 5).min(count - 1)].to_vec(),
    }
}

/// Mean of the results near the one with the lowest score. What was not measured has none.
fn around_the_best(found: &[Found]) -> f64 {
    let scored = found.iter().filter_map(|found| match *found {
        Found::Period { period_s, score } => Some((period_s, score)),
        Found::TooShort { .. } => None,
    });
    let best = scored.clone().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(found[0].period_s(), |best| best.0);
    let near: Vec<f64> = scored.map(|found| found.0).filter(|period| (period / best - 1.0).abs() <= NEAR).collect();
    if near.is_empty() { best } else { mean(&near) }
}

/// (largest - smallest) / mean.
fn spread_of(periods: &[f64]) -> f64 {
    let (low, high) = periods.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &p| (low.min(p), high.max(p)));
    (high - low) / mean(periods).max(1e-12)
}

/// How long until the window holds a whole number of periods, s.
fn next_whole(period_s: f64, length_s: f64) -> f64 {
    (length_s / period_s).ceil() * period_s - length_s
}

/// Whether the last windows are as good as constant: there is nothing to wait for.
fn flat(signal: &[f64], period_s: f64) -> bool {
    const CUT: usize = 5;
    const WINDOWS: usize = 4;
    const SAME: f64 = 0.04;
    const FAR: f64 = 0.2;
    let inner = &signal[CUT.min(signal.len())..signal.len().saturating_sub(CUT).max(CUT.min(signal.len()))];
    let window = (8.0 / STEP_S) as usize;
    let window = if inner.len() >= WINDOWS * window { window } else { (period_s / STEP_S) as usize };
    if window < 2 || inner.len() < WINDOWS * window {
        return false;
    }
    let windows: Vec<&[f64]> = inner[inner.len() - WINDOWS * window..].chunks_exact(window).collect();
    let means: Vec<f64> = windows.iter().map(|window| mean(window)).collect();
    means.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= SAME * pair[0].abs())
        && windows.iter().zip(&means).all(|(window, mean)| {
            spread(window) <= SAME * mean.abs() && window.iter().all(|value| (value - mean).abs() <= FAR * mean.abs())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(period_s: f64, seconds: f64) -> Judgement {
        let level = |k: usize| if (k as f64 * STEP_S / period_s).fract() < 0.3 { 20.0 } else { 60.0 };
        let signal: Vec<f64> =
            (0..(seconds / STEP_S) as usize).map(|k| level(k) + 0.5 * ((k * k % 17) as f64 / 17.0)).collect();
        judge(&signal, 15.0, 0.1, Regions::AtPeriods, &mut Spectrum::new())
    }

    #[test]
    fn a_plain_job_is_stable_after_25_seconds() {
        let found = job(1.3, 25.0);
        assert!(found.is_stable && (found.period_s / 1.3 - 1.0).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn a_long_iteration_needs_more_time() {
        let found = job(9.3, 25.0);
        assert!(!found.is_stable && found.more_s > 5.0, "{found:?}");
    }

    #[test]
    fn noise_is_not_watched_for_ever() {
        let mut state = 5_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1_u32 << 24)
        };
        let signal: Vec<f64> = (0..4200).map(|_| 50.0 + random()).collect();
        let found = judge(&signal, 15.0, 0.1, Regions::AtPeriods, &mut Spectrum::new());
        assert!(found.is_stable || found.more_s <= 0.0, "{found:?}");
    }

    #[test]
    fn what_was_not_measured_does_not_win() {
        let found = [Found::TooShort { longest_s: 9.0 }, Found::Period { period_s: 1.0, score: 3.0 }];
        assert_eq!(around_the_best(&found), 1.0);
    }
}
