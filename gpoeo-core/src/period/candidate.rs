//! The period of one window: the best peak of its autocorrelation, or the part of it that explains as much.
//!
//! The highest peak is a multiple of the iteration more often than not, and the lowest lag with a good peak is often a
//! micro-batch. So: take the highest, and try to divide it, from many parts to few; the first division after which
//! the whole is no better than any other multiple of the part is the period. From the top one errs to a small
//! multiple of the iteration, from below to a micro-batch. Ours. O(peaks + parts x multiples).

use crate::config::CandidateConfig;

use super::autocorr::{Acf, Peak};

/// What one window says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The period, points.
    pub(super) lag: f32,
    /// The highest autocorrelation at a multiple of it.
    pub(super) height: f32,
    /// Mean autocorrelation at its multiples as a share of that; `None` if the window has room for one only.
    pub(super) regularity: Option<f32>,
}

/// Finds periods with a list of peaks of its own.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    peaks: Vec<Peak>,
    /// The peaks at the multiples of a part, from 1; height NaN where there is none.
    multiples: Vec<Peak>,
}

impl Finder {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        // Two peaks are at least two points apart, and lags reach to half the window.
        Self { peaks: Vec::with_capacity(points / 4 + 2), multiples: Vec::with_capacity(points / 4 + 2) }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        (self.peaks.capacity() + self.multiples.capacity()) * size_of::<Peak>()
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
        let lag = settle_short(acf, lag, config)?;
        Some(Candidate { lag, height, regularity })
    }

    /// Mean height at twice to four times `lag`, as a share of the highest of the first four.
    /// Scaled down if only two or one of the three are in reach, for chance makes more of fewer.
    fn regularity(&mut self, acf: Acf<'_>, lag: f32) -> Option<f32> {
        self.collect(lag, 4.5 * lag, 0.0);
        self.level_out(acf);
        let first = &self.multiples[..self.multiples.len().min(4)];
        let height = |peak: &Peak| if peak.height.is_nan() { acf.at(peak.lag) } else { peak.height };
        let highest = first.iter().map(height).fold(f32::MIN_POSITIVE, f32::max);
        let later = first.get(1..).filter(|later| !later.is_empty())?;
        let reach = [0.33, 0.5, 1.0][later.len() - 1];
        Some(reach * later.iter().map(height).sum::<f32>() / (later.len() as f32 * highest))
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
        if !self.collect(part, 2.5 * part * parts as f32, config.part_peaks) {
            return false;
        }
        self.level_out(acf);
        let (mut of_whole, mut others) = ((0.0, 0.0), (0.0, 0.0));
        for (index, peak) in self.multiples.iter().enumerate() {
            let sums = if (index + 1) % parts == 0 { &mut of_whole } else { &mut others };
            *sums = (sums.0 + 1.0, sums.1 + if peak.height.is_nan() { 0.0 } else { peak.height });
        }
        others.1 * of_whole.0 >= share * of_whole.1 * others.0
    }

    /// The multiple of `part` that stands out from the others, or `part` itself if none does. From there again: what
    /// stands out first may be half of an iteration.
    fn gather(&mut self, acf: Acf<'_>, part: f32, points: usize, config: &CandidateConfig) -> f32 {
        let mut period = part;
        loop {
            self.collect(period, f32::INFINITY, 0.0);
            self.forget_incoherent();
            self.level_out(acf);
            let most = config.most_parts.min(self.multiples.len());
            let standing_out = (2..=most)
                .filter_map(|parts| {
                    let local = self.contrast(parts, points).filter(|local| local.is_enough(period, config));
                    let folded = self.folded(parts, points).filter(|folded| folded.is_enough(period, config));
                    let best = |a: Contrast, b: Contrast| if a.significance > b.significance { a } else { b };
                    let both = local.zip(folded).map(|(local, folded)| best(local, folded));
                    both.or(local).or(folded).map(|contrast| (parts, contrast))
                })
                .max_by(|a, b| a.1.significance.total_cmp(&b.1.significance));
            match standing_out {
                Some((parts, _)) => period *= parts as f32,
                None => return period,
            }
        }
    }

    /// By how much every `parts`-th of the collected multiples is above the mean of all, a falling trend aside, if
    /// what lies between repeats with it.
    fn folded(&self, parts: usize, points: usize) -> Option<Contrast> {
        let peaks = &self.multiples;
        let rounds = peaks.len() / parts;
        if rounds < 2 || peaks.iter().any(|peak| peak.height.is_nan()) {
            return None;
        }
        let count = peaks.len() as f32;
        let mean_lag = peaks.iter().map(|peak| peak.lag).sum::<f32>() / count;
        let mean = peaks.iter().map(|peak| peak.height).sum::<f32>() / count;
        let spread: f32 = peaks.iter().map(|peak| (peak.lag - mean_lag).powi(2)).sum();
        let slope = peaks.iter().map(|peak| (peak.lag - mean_lag) * (peak.height - mean)).sum::<f32>() / spread;
        let height = |index: usize| peaks[index].height - mean - slope * (peaks[index].lag - mean_lag);

        let mut squares = 0.0;
        let mut at_whole = 0.0;
        for phase in 0..parts {
            let indices = || (phase..peaks.len()).step_by(parts);
            let number = indices().count() as f32;
            let profile = indices().map(height).sum::<f32>() / number;
            squares += indices().map(|index| (height(index) - profile).powi(2)).sum::<f32>();
            if phase + 1 == parts {
                at_whole = profile;
            }
        }
        let (prior, chance) = chance(mean, points);
        let scatter = ((squares + prior * chance * chance) / (count - parts as f32 + prior)).sqrt();
        let significance = at_whole / (scatter * (1.0 / rounds as f32 + 1.0 / count).sqrt());
        Some(Contrast { count: rounds, relative: at_whole / mean.max(0.01), significance })
    }

    /// Collects the peaks at the multiples of `part` up to `furthest`; false, and cut short, if fewer than `share` of
    /// them are peaks.
    fn collect(&mut self, part: f32, furthest: f32, share: f32) -> bool {
        // A peak counts for a multiple if it is much nearer than peaks are to each other.
        let spacing = match self.peaks.as_slice() {
            [first, .., last] => (last.lag - first.lag) / (self.peaks.len() - 1) as f32,
            _ => f32::INFINITY,
        };
        let radius = (0.08 * part).clamp(0.6, 1.5).min(0.2 * spacing);
        let longest = self.peaks.last().map_or(0.0, |peak| peak.lag + radius);
        let count = ((longest.min(furthest) / part) as usize).min(self.multiples.capacity());
        let mut may_miss = ((1.0 - share) * count as f32) as usize;
        self.multiples.clear();
        let mut cursor = 0;
        for multiple in 1..=count {
            let lag = multiple as f32 * part;
            while self.peaks.get(cursor).is_some_and(|peak| peak.lag < lag - radius) {
                cursor += 1;
            }
            let near = self.peaks[cursor..].iter().take_while(|peak| peak.lag <= lag + radius);
            let highest = near.map(|peak| peak.height).max_by(f32::total_cmp);
            if highest.is_none() {
                let Some(left) = may_miss.checked_sub(1) else { return false };
                may_miss = left;
            }
            self.multiples.push(Peak { lag, height: highest.unwrap_or(f32::NAN) });
        }
        true
    }

    /// Drops the collected multiples beyond which the signal has lost its phase (jitter adds up), so that there are no
    /// peaks left to compare.
    fn forget_incoherent(&mut self) {
        const RUN: usize = 6;
        const LEFT: f32 = 0.25;
        let height = |peak: &Peak| if peak.height.is_nan() { 0.0 } else { peak.height };
        let highest = self.multiples.iter().map(height).fold(0.0, f32::max);
        let is_lost = |run: &[Peak]| run.iter().map(height).sum::<f32>() < LEFT * highest * RUN as f32;
        if let Some(end) = self.multiples.windows(RUN).position(is_lost) {
            self.multiples.truncate(end.max(2));
        }
    }

    /// By how much every `parts`-th of the collected multiples stands out from its two neighbours.
    ///
    /// Neighbours, because heights change smoothly with the lag for other reasons: drift, jitter, slow rhythms.
    fn contrast(&self, parts: usize, points: usize) -> Option<Contrast> {
        let (mut count, mut sum, mut heights) = (0_usize, 0.0, 0.0);
        let (mut other_count, mut other_sum, mut other_squares) = (0.0_f32, 0.0, 0.0);
        let peaks = &self.multiples;
        for (index, peak) in peaks.iter().enumerate().skip(1) {
            // The last has one neighbour only.
            let after = peaks.get(index + 1).map_or(peaks[index - 1].height, |next| next.height);
            let step = peak.height - 0.5 * (peaks[index - 1].height + after);
            if step.is_nan() {
                continue;
            }
            let multiple = index + 1;
            let is_neighbour = (multiple + 1) % parts == 0 || multiple % parts == 1;
            if multiple % parts == 0 {
                (count, sum, heights) = (count + 1, sum + step, heights + peak.height);
            } else if !is_neighbour || parts <= 3 {
                // What lies beside a whole is low for its sake, and is no sample of the scatter if there are others.
                (other_count, other_sum, other_squares) =
                    (other_count + 1.0, other_sum + step, other_squares + step * step);
            }
        }
        if count == 0 {
            return None;
        }
        let level = heights / count as f32;
        let (prior, chance) = chance(level, points);
        // The mean of two neighbours scatters half as much again as one peak.
        let chance = 1.22 * chance;
        let squares = (other_squares - other_sum * other_sum / other_count.max(1.0)).max(0.0) + prior * chance * chance;
        let scatter = (squares / ((other_count - 1.0).max(0.0) + prior)).sqrt();
        let mean = sum / count as f32;
        let significance = mean / scatter * (count as f32).sqrt();
        Some(Contrast { count, relative: mean / level.max(0.01), significance })
    }

    /// Takes from the collected heights what sampling does to them: a multiple that falls between two points is lower
    /// than one that falls on a point, where the signal has pulses or edges that the points do not resolve.
    fn level_out(&mut self, acf: Acf<'_>) {
        const EXPLAINED: f32 = 0.4;
        let between = |lag: f32| (core::f32::consts::PI * lag).sin().powi(2);
        let known = || self.multiples.iter().filter(|peak| !peak.height.is_nan());
        // Heights = a + b * lag + c * between(lag), by least squares on deviations from the means.
        let count = known().count() as f32;
        if count < 4.0 {
            return;
        }
        let mean = |value: &dyn Fn(&Peak) -> f32| known().map(value).sum::<f32>() / count;
        let (lag, off, height) = (mean(&|p| p.lag), mean(&|p| between(p.lag)), mean(&|p| p.height));
        let product = |f: &dyn Fn(&Peak) -> f32, g: &dyn Fn(&Peak) -> f32| known().map(|p| f(p) * g(p)).sum::<f32>();
        let (l, o, h) = (|p: &Peak| p.lag - lag, |p: &Peak| between(p.lag) - off, |p: &Peak| p.height - height);
        let (ll, oo, lo) = (product(&l, &l), product(&o, &o), product(&l, &o));
        let (lh, oh) = (product(&l, &h), product(&o, &h));
        let determinant = ll * oo - lo * lo;
        if determinant <= 1e-3 * ll * oo {
            return;
        }
        // Only if it explains the heights: what an iteration does to its parts must not be taken for it.
        let (hh, on_lag) = (product(&h, &h), if ll > 0.0 { lh * lh / ll } else { 0.0 });
        let loss = (oh * ll - lh * lo) / determinant;
        let explained = loss * (oh - lo * lh / ll);
        if explained < EXPLAINED * (hh - on_lag) {
            return;
        }
        // A peak between two points cannot lose more than a peak on one loses to the next.
        let beside = mean(&|p| 0.5 * (acf.at(p.lag - 1.0) + acf.at(p.lag + 1.0)));
        let loss = (-loss).clamp(0.0, (height - beside).clamp(0.0, height.max(0.0)));
        for peak in &mut self.multiples {
            peak.height += loss * between(peak.lag);
        }
    }
}

/// By how much some peaks are higher than those beside them.
#[derive(Clone, Copy, Debug)]
struct Contrast {
    /// How many of them there are.
    count: usize,
    /// In shares of their height.
    relative: f32,
    /// In standard errors.
    significance: f32,
}

impl Contrast {
    fn is_enough(&self, part: f32, config: &CandidateConfig) -> bool {
        let enough = if self.count > 1 { config.whole_t } else { config.whole_t_single };
        self.relative >= config.whole_margin + config.whole_margin_point / part && self.significance >= enough
    }
}

/// The scatter of peaks of some height that white noise would make, and the number of peaks that this counts for: the
/// scatter of a few says little.
fn chance(height: f32, points: usize) -> (f32, f32) {
    (4.0, (1.0 - height * height).max(0.1) / (points as f32).sqrt())
}

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

/// What becomes of a period that is too short for the points, or may be the mirror image of one.
///
/// Two lines that mirror each other at half a cycle a point look the same, and so do their periods, but for lags that
/// are whole numbers of points: a high correlation there is a fact. Such a lag, a small multiple of the period, is
/// claimed; if there is none, nothing is. Whoever shows the period in what is slower than the points is exempt.
fn settle_short(acf: Acf<'_>, lag: f32, config: &CandidateConfig) -> Option<f32> {
    // Mean of cos(2 pi f) over the power: half of it is above 0.2 cycles a point (10 Hz at 20 ms).
    const FAST: f32 = 0.0;
    const MIRRORED: f32 = 0.4; // a line above it, cycles a point, is as likely the image of one beyond half a cycle
    let beyond = acf.0.get(config.shortest_lag as usize..).unwrap_or_default();
    let height = beyond.iter().copied().fold(0.0, f32::max);
    let is_fast = acf.0.get(1).is_some_and(|&next| next < FAST);
    let is_slow_too = acf.slow(lag) >= config.least_slow * acf.slow(0.0);
    // A long period on top of a ripple of two or three points is where the ripple and the points come into step.
    let is_beat = lag > config.multiple_to
        && [2, 3].into_iter().any(|short| acf.is_peak(short) && acf.0[short] > config.ripple_share * height);
    if lag >= config.shortest_plain && !is_beat && (!is_fast || is_slow_too) {
        return Some(lag);
    }

    let is_fact = |lag: f32| {
        let whole = lag.round();
        let here = acf.0.get(whole as usize).copied().unwrap_or(0.0);
        (lag - whole).abs() <= config.whole_off && here >= config.fact_share * height
    };
    let multiple =
        (1..=4_u8).map(|count| f32::from(count) * lag).find(|&lag| lag >= config.multiple_from && is_fact(lag));
    if let Some(multiple) = multiple.filter(|_| lag <= config.multiple_to) {
        return Some(multiple);
    }
    let whole = (config.multiple_from as usize..=config.multiple_to as usize)
        .filter(|&lag| acf.is_peak(lag))
        .max_by(|&a, &b| acf.0[a].total_cmp(&acf.0[b]))
        .filter(|&lag| acf.0[lag] >= config.whole_share * height)?;
    let multiple = (whole as f32 / lag).round() * lag;
    let is_close = (multiple - whole as f32).abs() <= config.whole_off && lag <= config.multiple_to;
    Some(if is_close && acf.strongest_line() <= MIRRORED { multiple } else { whole as f32 })
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
        let acf = correlator.compute(&Cleaned { dropped: 0, values: &values, mask: None });
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
            let micro = 60.0 / parts as f64;
            let values = pulses(micro, 600, |pulse| if pulse % parts == 0 { 0.3 } else { 1.0 });
            let found = period_of(&values).unwrap();
            assert!((found / 60.0 - 1.0).abs() < 0.003, "{parts}: {found}");
        }
    }

    #[test]
    fn says_nothing_about_a_series_without_peaks() {
        assert_eq!(period_of(&[0.0; 300]), None);
    }
}
