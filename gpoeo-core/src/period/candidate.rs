//! The period of one window: the best peak of its autocorrelation, taken apart and put together again.
//!
//! The highest peak is a multiple of the iteration more often than not, and the lowest lag with a good peak is often a
//! micro-batch. So: take the highest; divide it as long as the multiples of the part are peaks, too; then multiply
//! again as long as some multiples stand out from the others. Dividing may go too far, because each multiplication
//! has to be earned. Ours. O(peaks + parts x multiples).

use crate::config::CandidateConfig;

use super::autocorr::{Acf, Peak};
use super::multiples::Multiples;
use super::short;

/// What one window says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The period, points.
    pub(super) lag: f32,
    /// The shortest part of it that repeats, points.
    pub(super) part: f32,
    /// The highest autocorrelation at a multiple of it.
    pub(super) height: f32,
    /// Mean autocorrelation at its multiples as a share of that; `None` if the window has room for one only.
    pub(super) regularity: Option<f32>,
}

/// Finds periods with a list of peaks of its own.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    peaks: Vec<Peak>,
    multiples: Multiples,
}

impl Finder {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        // Two peaks are at least two points apart, and lags reach to half the window.
        Self { peaks: Vec::with_capacity(points / 4 + 2), multiples: Multiples::new(points) }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.peaks.capacity() * size_of::<Peak>() + self.multiples.heap_bytes()
    }

    /// The period of a window of `points` points, if any.
    pub(super) fn find(&mut self, acf: Acf<'_>, points: usize, config: &CandidateConfig) -> Option<Candidate> {
        self.peaks.clear();
        let last = acf.longest().max(0.0) as usize;
        let first = config.shortest_lag.floor() as usize;
        let found = (first..=last).filter(|&lag| acf.is_peak(lag)).map(|lag| acf.refine(lag));
        self.peaks.extend(found.filter(|peak| peak.lag >= config.shortest_lag).take(self.peaks.capacity()));

        // A far lag has fewer pairs, so that its height by chance is higher.
        let worth = |peak: &Peak| peak.height - 1.0 / (points as f32 - peak.lag).max(1.0).sqrt();
        let whole = *self.peaks.iter().max_by(|a, b| worth(a).total_cmp(&worth(b)))?;
        let part = self.divide(acf, whole.lag, config);
        let lag = self.gather(acf, part, points, config);
        let lag = sharpen(acf, lag, config);
        let regularity = self.regularity(acf, lag);
        let height = (1..=4_u8).map(|count| acf.at(f32::from(count) * lag)).fold(whole.height, f32::max);
        let lag = short::settle(acf, lag, part, config)?;
        Some(Candidate { lag, part, height, regularity })
    }

    /// Mean height at twice to four times `lag`, as a share of the highest of the first four. Scaled down if only two
    /// or one of the three are in reach, for chance makes more of fewer.
    fn regularity(&mut self, acf: Acf<'_>, lag: f32) -> Option<f32> {
        self.multiples.collect(&self.peaks, lag, 4.5 * lag, 0.0);
        self.multiples.level_out(acf);
        let reach = match self.multiples.len() {
            0 | 1 => return None,
            2 => 0.33,
            3 => 0.5,
            _ => 1.0,
        };
        let heights = || self.multiples.heights(acf).take(4);
        let highest = heights().fold(f32::MIN_POSITIVE, f32::max);
        let later = heights().skip(1);
        Some(reach * later.sum::<f32>() / ((self.multiples.len().min(4) - 1) as f32 * highest))
    }

    /// Divides a period while the multiples of the part are peaks of comparable height; of several divisions, one
    /// whose peaks are about as high comes before one with hardly any.
    fn divide(&mut self, acf: Acf<'_>, whole: f32, config: &CandidateConfig) -> f32 {
        let mut period = whole;
        loop {
            let divided = config.part_shares.iter().find_map(|&share| {
                (2..=config.most_parts)
                    .map(|parts| (parts, period / parts as f32))
                    .take_while(|&(_, part)| part >= config.shortest_lag)
                    .find(|&(parts, part)| self.is_divisible(acf, part, parts, share, config))
            });
            match divided {
                Some((_, part)) => period = part,
                None => return period,
            }
        }
    }

    /// Whether the multiples of `part` are peaks, and have `share` of the height of every `parts`-th of them.
    fn is_divisible(&mut self, acf: Acf<'_>, part: f32, parts: usize, share: f32, config: &CandidateConfig) -> bool {
        let furthest = 2.5 * part * parts as f32;
        if !self.multiples.collect(&self.peaks, part, furthest, config.part_peaks) {
            return false;
        }
        self.multiples.level_out(acf);
        self.multiples.are_comparable(parts, share)
    }

    /// The multiple of `part` that stands out from the others, or `part` itself if none does. From there again: what
    /// stands out first may be half of an iteration.
    fn gather(&mut self, acf: Acf<'_>, part: f32, points: usize, config: &CandidateConfig) -> f32 {
        let mut period = part;
        loop {
            self.multiples.collect(&self.peaks, period, f32::INFINITY, 0.0);
            self.multiples.forget_incoherent();
            self.multiples.level_out(acf);
            let is_far = |parts: usize| {
                let whole = period * parts as f32;
                whole > config.multiple_to && (whole / part).round() > 4.0
            };
            match self.multiples.standing_out(acf, period, points, is_far, config) {
                Some(parts) => {
                    let whole = period * parts as f32;
                    if is_far(parts) && Self::is_foreign(acf, part, whole, config) {
                        return period;
                    }
                    period = whole;
                }
                None => return period,
            }
        }
    }

    /// Whether a multiple of `part` stands out for the sake of something else that repeats in it.
    fn is_foreign(acf: Acf<'_>, part: f32, whole: f32, config: &CandidateConfig) -> bool {
        let Some(peak) = acf.peak_near(whole, 1.5) else { return true };
        if short::is_in_step(peak.lag, config) {
            return true;
        }
        // A second job beside this one stands out at the multiples of its own period, too, of which `whole` is one.
        let excess = |lag: f32| acf.at(lag) - 0.5 * (acf.at(lag - part) + acf.at(lag + part));
        let own = excess(peak.lag);
        let is_foreign = |count: usize| {
            let period = peak.lag / count as f32;
            let is_between = |lag: &f32| {
                let of_part = lag / part;
                (of_part - of_part.round()).abs() * part >= BETWEEN.min(0.3 * part)
            };
            let first = (part / period).ceil().max(1.0) as usize;
            let lags = (first..count).map(|times| times as f32 * period).filter(is_between).take(MOST_MULTIPLES);
            let (sum, number) = lags.fold((0.0, 0.0), |(sum, number), lag| (sum + excess(lag), number + 1.0));
            number > 0.0 && sum >= config.foreign_share * own * number
        };
        (2..=config.most_parts).take_while(|&count| peak.lag / count as f32 >= config.shortest_lag).any(is_foreign)
    }
}

/// Multiples of a second job's period that are looked at.
const MOST_MULTIPLES: usize = 8;

/// They lie so many points off the multiples of the first job's period.
const BETWEEN: f32 = 1.5;

/// Follows a peak to its multiples: the error of a lag is shared by so many periods.
fn sharpen(acf: Acf<'_>, lag: f32, config: &CandidateConfig) -> f32 {
    const MULTIPLES: [f32; 11] = [1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0, 42.0, 63.0];
    let mut period = lag;
    let mut first = None;
    for multiple in MULTIPLES {
        let expected = multiple * period;
        if expected > acf.longest() {
            break;
        }
        // The next multiple is at most 1.5 times as far, and so is its error; it must stay clear of other peaks.
        let radius = (0.2 * period).clamp(0.8, 4.0);
        let Some(peak) = acf.peak_near(expected, radius) else { break };
        if peak.height < config.follow_share * *first.get_or_insert(peak.height) {
            break;
        }
        period = peak.lag / multiple;
    }
    period
}

#[cfg(test)]
mod tests {
    use super::super::autocorr::Autocorrelator;
    use super::super::clean::Cleaned;
    use super::*;

    /// The period found in a series, points.
    fn period_of(values: &[f32]) -> Option<f32> {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let values: Vec<f32> = values.iter().map(|value| value - mean).collect();
        let mut correlator = Autocorrelator::new(600);
        let acf = correlator.compute(&Cleaned {
            dropped: 0,
            values: &values,
            mask: None,
            runs: core::slice::from_ref(&(0..values.len())),
        });
        Finder::new(600).find(acf, values.len(), &CandidateConfig::default()).map(|found| found.lag)
    }

    /// A pulse a period, a fifth of it long, averaged over each point, with a little noise.
    fn pulses(period: f64, points: usize, height: impl Fn(usize) -> f64) -> Vec<f32> {
        let mut state = 7_u32;
        (0..points)
            .map(|k| {
                let fine = (0..16).map(|part| k as f64 + f64::from(part) / 16.0);
                let level = fine.map(|x| if (x / period).fract() < 0.2 { height((x / period) as usize) } else { 0.0 });
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (level.sum::<f64>() / 16.0 + 0.1 * (f64::from(state >> 16) / 65_536.0 - 0.5) - 0.2) as f32
            })
            .collect()
    }

    #[test]
    fn finds_the_period_of_pulses_and_no_multiple_of_it() {
        for period in [8.3, 21.15, 62.1] {
            let found = period_of(&pulses(period, 600, |_| 1.0)).unwrap();
            assert!((f64::from(found) / period - 1.0).abs() < 0.003, "{period}: {found}");
        }
    }

    #[test]
    fn tells_an_iteration_from_its_micro_batches() {
        for parts in [2_usize, 4, 8] {
            let micro = 61.3 / parts as f64;
            let values = pulses(micro, 600, |pulse| if pulse % parts == 0 { 0.3 } else { 1.0 });
            let found = period_of(&values).unwrap();
            assert!((found / 61.3 - 1.0).abs() < 0.003, "{parts}: {found}");
        }
    }

    #[test]
    fn says_nothing_about_a_series_without_peaks() {
        assert_eq!(period_of(&[0.0; 300]), None);
    }
}
