//! How alike the neighbouring periods of a window are (§3.3).

use super::super::composite::{mean, spread};
use super::super::series::STEP_S;
use super::cluster::borders;

/// Candidates this much shorter than the longest would profit from its plateaus.
const MUCH_SHORTER: f64 = 1.7;

/// How a window is cut into regions of one period each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::peers) enum Regions {
    /// Each begins at a whole number of periods, to the nearest sample: what was meant.
    AtPeriods,
    /// Each has the whole number of samples below the period, one after the other, as published: all periods between
    /// two numbers of samples are cut alike, and what is found is too long (§11, 2).
    BackToBack,
}

/// Mean difference of neighbouring periods in per cent, lower is better; `None` if the window holds fewer than two.
pub(super) fn similarity(signal: &[f64], period_s: f64, reference_s: f64, regions: Regions) -> Option<f64> {
    let points = period_s / STEP_S;
    // From the first sample to the last: the original counts so.
    let length = signal.len().saturating_sub(1) as f64;
    if points > 0.5 * length || points < 2.0 {
        return None;
    }
    let count = (length / points) as usize;
    let width = points as usize;
    let region = |index: usize| {
        let from = match regions {
            Regions::AtPeriods => ((index as f64 * points).round() as usize).min(signal.len() - width),
            Regions::BackToBack => index * width,
        };
        &signal[from..from + width]
    };
    let errors: Vec<f64> = (1..count).map(|index| difference(region(index - 1), region(index))).collect();
    if reference_s / period_s < MUCH_SHORTER {
        return Some(mean(&errors));
    }
    let chunk = (reference_s / period_s).ceil() as usize;
    let worst: Vec<f64> = errors.chunks(chunk).map(|chunk| chunk.iter().copied().fold(0.0, f64::max)).collect();
    Some(mean(&worst))
}

/// Difference of the levels of two regions of one length, in per cent of their mean.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    let borders = if spread(b) > spread(a) { borders(b) } else { borders(a) };
    let (level_a, level_b) = (mean(a), mean(b));
    let scale = 0.5 * (level_a + level_b);
    if scale.abs() < 1e-12 {
        return 0.0;
    }
    let groups = borders.windows(2).map(|pair| pair[0]..pair[1]);
    let errors = groups.map(|group| {
        let weight = group.len() as f64 / a.len() as f64;
        let features = (mean(&a[group.clone()]) - level_a, mean(&b[group]) - level_b);
        weight * 100.0 * (features.1 - features.0).abs() / scale.abs()
    });
    errors.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(period: usize, count: usize) -> Vec<f64> {
        (0..count).map(|k| if k % period < period / 3 { 20.0 } else { 60.0 + (k % 3) as f64 }).collect()
    }

    #[test]
    fn the_period_itself_scores_better_than_another() {
        let signal = steps(60, 1500);
        let right = similarity(&signal, 1.2, 1.2, Regions::AtPeriods).unwrap();
        assert!(right < 1.0, "{right}");
        assert!(similarity(&signal, 1.0, 1.2, Regions::AtPeriods).unwrap() > 5.0 * right.max(0.5));
    }

    #[test]
    fn a_window_must_hold_two_periods() {
        assert_eq!(similarity(&steps(60, 200), 2.1, 2.1, Regions::AtPeriods), None);
    }

    #[test]
    fn chunks_keep_a_part_from_hiding_in_a_plateau() {
        // A second of plateau, then a dip: half a second is alike three times out of four.
        let signal: Vec<f64> = (0..2000).map(|k| if k % 100 < 20 { 20.0 } else { 60.0 + (k % 3) as f64 }).collect();
        let part = similarity(&signal, 0.5, 2.0, Regions::AtPeriods).unwrap();
        assert!(part > similarity(&signal, 2.0, 2.0, Regions::AtPeriods).unwrap() + 10.0, "{part}");
    }
}
