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
    /// Autocorrelation at one period …
    pub(super) once: f32,
    /// … at two and at three, as far as the window reaches.
    pub(super) twice: Option<f32>,
    pub(super) thrice: Option<f32>,
}

/// Finds periods with a list of peaks of its own.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    peaks: Vec<Peak>,
}

impl Finder {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        // Two peaks are at least two points apart, and lags reach to half the window.
        Self { peaks: Vec::with_capacity(points / 4 + 2) }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.peaks.capacity() * size_of::<Peak>()
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
        let part = (2..=config.most_parts)
            .rev()
            .filter(|&parts| whole.lag / parts as f32 >= config.shortest_lag)
            .find(|&parts| self.is_explained(whole, parts, last as f32, points, config))
            .map_or(whole, |parts| Peak { lag: whole.lag / parts as f32, height: whole.height });
        let lag = sharpen(acf, part.lag, config);
        let lag = settle_short(acf, lag, config)?;

        let plain = |lag: f32| acf.peak_near(lag, 1.0).map_or_else(|| acf.at(lag), |peak| peak.height);
        let reach = |lag: f32| (lag <= acf.longest()).then(|| plain(lag));
        Some(Candidate { lag, once: plain(lag), twice: reach(2.0 * lag), thrice: reach(3.0 * lag) })
    }

    /// Whether the multiples of a part of `whole` are peaks, and those that are multiples of `whole` no better.
    fn is_explained(&self, whole: Peak, parts: usize, longest: f32, points: usize, config: &CandidateConfig) -> bool {
        let part = whole.lag / parts as f32;
        let radius = (0.15 * part).clamp(0.6, 3.0);
        let multiples = (longest / part) as usize;
        let (mut of_whole, mut others) = (Group::default(), Group::default());
        let mut found = 0_usize;
        let mut cursor = 0;
        for multiple in 1..=multiples {
            let lag = multiple as f32 * part;
            while self.peaks.get(cursor).is_some_and(|peak| peak.lag < lag - radius) {
                cursor += 1;
            }
            let height = self.peaks[cursor..]
                .iter()
                .take_while(|peak| peak.lag <= lag + radius)
                .map(|peak| peak.height)
                .max_by(f32::total_cmp);
            let Some(height) = height else { continue };
            found += 1;
            if multiple % parts == 0 { of_whole.add(lag, height) } else { others.add(lag, height) }
        }
        if (found as f32) < config.part_peaks * multiples as f32 || others.count == 0.0 || of_whole.count == 0.0 {
            return false;
        }

        let both = of_whole.merged(&others);
        // Fewer points cannot tell a trend from the difference that is asked for.
        let slope = if both.count >= 5.0 { both.slope().min(0.0) } else { 0.0 };
        let (whole_mean, other_mean) =
            (of_whole.mean_at(both.mean_lag(), slope), others.mean_at(both.mean_lag(), slope));
        let difference = whole_mean - other_mean;
        let level = both.heights / both.count;
        if difference < (config.part_margin + config.part_margin_point / part) * level {
            return true;
        }
        if difference > config.whole_margin * other_mean.max(0.0) {
            return false;
        }
        let scatter = ((of_whole.residual(slope) + others.residual(slope)) / (both.count - 2.0).max(1.0)).sqrt();
        let chance = (1.0 - level * level).max(0.1) / (points as f32).sqrt();
        let error = scatter.max(chance) * (1.0 / of_whole.count + 1.0 / others.count).sqrt();
        difference < config.part_t * error
    }
}

/// Sums over some peaks.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    count: f32,
    lags: f32,
    heights: f32,
    lags_squared: f32,
    heights_squared: f32,
    products: f32,
}

impl Group {
    fn add(&mut self, lag: f32, height: f32) {
        self.count += 1.0;
        self.lags += lag;
        self.heights += height;
        self.lags_squared += lag * lag;
        self.heights_squared += height * height;
        self.products += lag * height;
    }

    fn merged(&self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            lags: self.lags + other.lags,
            heights: self.heights + other.heights,
            lags_squared: self.lags_squared + other.lags_squared,
            heights_squared: self.heights_squared + other.heights_squared,
            products: self.products + other.products,
        }
    }

    fn mean_lag(&self) -> f32 {
        self.lags / self.count
    }

    /// Change of height with lag.
    fn slope(&self) -> f32 {
        let spread = self.lags_squared - self.lags * self.lags / self.count;
        if spread > 0.0 { (self.products - self.lags * self.heights / self.count) / spread } else { 0.0 }
    }

    /// Mean height, brought to `lag` along `slope`.
    fn mean_at(&self, lag: f32, slope: f32) -> f32 {
        self.heights / self.count + slope * (lag - self.mean_lag())
    }

    /// Sum of squares about a line of `slope` through the means.
    fn residual(&self, slope: f32) -> f32 {
        let heights = self.heights_squared - self.heights * self.heights / self.count;
        let lags = self.lags_squared - self.lags * self.lags / self.count;
        let both = self.products - self.lags * self.heights / self.count;
        (heights - 2.0 * slope * both + slope * slope * lags).max(0.0)
    }
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
/// claimed; if there is none, nothing is.
fn settle_short(acf: Acf<'_>, lag: f32, config: &CandidateConfig) -> Option<f32> {
    // Mean of cos(2 pi f) over the power: half of it is above 0.2 cycles a point (10 Hz at 20 ms).
    const FAST: f32 = 0.31;
    const MIRRORED: f32 = 0.4; // a line above it, cycles a point, is as likely the image of one beyond half a cycle
    let height = acf.peak_near(lag, 1.0).map_or_else(|| acf.at(lag), |peak| peak.height);
    let is_long = lag > config.multiple_to;
    let is_ripple = is_long && [2, 3].into_iter().any(|short| acf.is_peak(short) && acf.0[short] > 0.7 * height);
    let is_fast = !is_long && acf.0[1] < FAST;
    if lag < config.shortest_plain || is_fast || is_ripple {
        let whole = (config.multiple_from as usize..=config.multiple_to as usize)
            .filter(|&lag| acf.is_peak(lag))
            .max_by(|&a, &b| acf.0[a].total_cmp(&acf.0[b]))?;
        if acf.0[whole] < 0.35 || acf.0[whole] < 0.8 * height {
            return None;
        }
        let line = acf.strongest_line();
        return Some(if line > MIRRORED { whole as f32 } else { sharpen(acf, whole as f32, config) });
    }
    if is_long {
        let near = (config.shortest_plain as usize..=config.multiple_to as usize)
            .filter(|&lag| acf.is_peak(lag))
            .max_by(|&a, &b| acf.0[a].total_cmp(&acf.0[b]));
        if let Some(peak) = near.map(|lag| acf.refine(lag)).filter(|peak| peak.height >= 0.87 * height) {
            return Some(sharpen(acf, peak.lag, config));
        }
    }
    Some(lag)
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
        for parts in [2_usize] {
            let micro = 60.0 / parts as f64;
            let values = pulses(micro, 600, |pulse| if pulse % parts == 0 { 0.5 } else { 1.0 });
            let found = period_of(&values).unwrap();
            assert!((found / 60.0 - 1.0).abs() < 0.003, "{parts}: {found}");
        }
    }

    #[test]
    fn says_nothing_about_a_series_without_peaks() {
        assert_eq!(period_of(&[0.0; 300]), None);
    }
}
