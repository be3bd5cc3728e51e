//! A region's time cut into pieces of about one level (§3.4).

use std::ops::Range;

use super::super::composite::{mean, spread};

/// Order statistics that may be the densest level.
const CENTRES: [f64; 4] = [0.2, 0.4, 0.6, 0.8];
/// Share of the samples around the centre that makes up its band.
const SHARE: f64 = 0.33;
/// The band's half width is known to this share of the range.
const PRECISION: f64 = 0.03;
/// Means of pieces that are merged differ by no more than this, and those of the gaps between.
const MERGE_MEAN: f64 = 0.03;
const MERGE_GAP: f64 = 0.04;
/// … or twice that if the piece is no longer than this share of the region.
const SHORT_SHARE: f64 = 0.04;
/// A merged piece must spread less than the region.
const MERGE_SPREAD: f64 = 0.999;
/// One level for nearly everything would make every error small.
const VETO_SHARE: f64 = 0.85;

/// Where the pieces begin and end, 0 and the region's length included, in order.
pub(super) fn borders(region: &[f64]) -> Vec<usize> {
    let runs = in_band(region);
    let mut borders = vec![0, region.len()];
    for run in merge(region, &runs) {
        if run.len() as f64 > VETO_SHARE * region.len() as f64 {
            let parts = runs.iter().filter(|part| run.start <= part.start && part.end <= run.end);
            borders.extend(parts.flat_map(|part| [part.start, part.end]));
        } else {
            borders.extend([run.start, run.end]);
        }
    }
    borders.sort_unstable();
    borders.dedup();
    borders
}

/// Runs of samples around the densest level.
fn in_band(region: &[f64]) -> Vec<Range<usize>> {
    let mut sorted = region.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    if high <= low {
        return std::iter::once(0..region.len()).collect();
    }
    let band = |share: f64| {
        let value = sorted[((share * sorted.len() as f64) as usize).min(sorted.len() - 1)];
        let (mut narrow, mut wide) = (0.0, (value - low).max(high - value));
        while wide - narrow > PRECISION * (high - low) {
            let half = 0.5 * (narrow + wide);
            let inside =
                sorted.partition_point(|&at| at < value + half) - sorted.partition_point(|&at| at <= value - half);
            if (inside as f64) < SHARE * sorted.len() as f64 {
                narrow = half;
            } else {
                wide = half;
            }
        }
        (value, wide)
    };
    let bands = CENTRES.map(band);
    let (centre, half) = bands.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((low, high - low));

    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, value) in region.iter().enumerate() {
        if (value - centre).abs() > half {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == index => run.end += 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

/// Longest first, each run swallows its neighbours, left and right in turn, as long as they are of its level.
fn merge(region: &[f64], runs: &[Range<usize>]) -> Vec<Range<usize>> {
    let whole = spread(region);
    let mut runs: Vec<Range<usize>> = runs.to_vec();
    let mut tried: Vec<bool> = vec![false; runs.len()];
    while let Some(longest) =
        (0..runs.len()).filter(|&at| !tried[at]).max_by_key(|&at| (runs[at].len(), runs.len() - at))
    {
        let mut at = longest;
        loop {
            let run = runs[at].clone();
            let left = at.checked_sub(1).map_or(0..0, |left| runs[left].clone());
            let right = runs.get(at + 1).map_or(region.len()..region.len(), Range::clone);
            let goes_left = may_merge(region, &run, left.end..run.start, left.start..run.end, whole);
            if goes_left {
                runs[at].start = left.start;
                if at > 0 {
                    runs.remove(at - 1);
                    tried.remove(at - 1);
                    at -= 1;
                }
            }
            let run = runs[at].clone();
            let goes_right = may_merge(region, &run, run.end..right.start, run.start..right.end, whole);
            if goes_right {
                runs[at].end = right.end;
                if at + 1 < runs.len() {
                    runs.remove(at + 1);
                    tried.remove(at + 1);
                }
            }
            if !goes_left && !goes_right {
                break;
            }
        }
        tried[at] = true;
    }
    runs
}

/// Whether a run and what lies beyond a gap are one level.
fn may_merge(region: &[f64], run: &Range<usize>, gap: Range<usize>, merged: Range<usize>, whole: f64) -> bool {
    if gap.is_empty() {
        return false;
    }
    let tolerance = |piece: &Range<usize>| {
        if piece.len() as f64 <= SHORT_SHARE * region.len() as f64 { 2.0 } else { 1.0 }
    };
    let level = mean(&region[run.clone()]);
    let is_close = |piece: &Range<usize>, limit: f64| {
        let other = mean(&region[piece.clone()]);
        (other - level).abs() <= limit * tolerance(piece) * (0.5 * (other + level)).abs()
    };
    spread(&region[merged.clone()]) < MERGE_SPREAD * tolerance(&merged) * whole
        && is_close(&merged, MERGE_MEAN)
        && is_close(&gap, MERGE_GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_levels_are_two_pieces() {
        let region: Vec<f64> = (0..60).map(|k| if k < 25 { 20.0 } else { 60.0 } + f64::from(k % 2)).collect();
        let borders = borders(&region);
        assert!(borders.contains(&25), "{borders:?}");
        assert_eq!((borders[0], borders[borders.len() - 1]), (0, 60));
    }

    #[test]
    fn a_level_with_a_small_ripple_is_one_piece() {
        let region: Vec<f64> =
            (0..100).map(|k| if k < 40 { 20.0 + f64::from(k % 2) } else { 60.0 + f64::from(k % 4) }).collect();
        assert!(borders(&region).len() <= 5, "{:?}", borders(&region));
    }

    #[test]
    fn a_flat_region_is_one_piece() {
        assert_eq!(borders(&[5.0; 30]), [0, 30]);
        assert_eq!(borders(&[5.0, 5.0]), [0, 2]);
    }

    #[test]
    fn borders_are_in_order_whatever_comes() {
        let mut state = 3_u32;
        for length in 2..80 {
            let region: Vec<f64> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    f64::from(state >> 20)
                })
                .collect();
            let borders = borders(&region);
            assert!(borders.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!((borders[0], borders[borders.len() - 1]), (0, length));
        }
    }
}
