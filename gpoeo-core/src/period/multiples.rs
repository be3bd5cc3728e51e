//! The peaks at the multiples of a lag, and which of them stand out.
//!
//! If the lag is a micro-batch, every n-th of its multiples is the iteration, and a little higher than the others: the
//! optimizer step shifts or shapes what lies between. Two tests look for that: each n-th against its neighbours, and
//! all multiples folded at n. Both against the scatter of the others. Ours. O(multiples) each.

use crate::config::CandidateConfig;

use super::autocorr::{Acf, Peak};

/// The peaks at the multiples of a lag, from 1; height NaN where there is none.
#[derive(Clone, Debug)]
pub(super) struct Multiples {
    peaks: Vec<Peak>,
    /// Their heights without mean and trend.
    residuals: Vec<f32>,
}

/// By how much every n-th peak is higher than others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contrast {
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

impl Multiples {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        let most = points / 4 + 2;
        Self { peaks: Vec::with_capacity(most), residuals: Vec::with_capacity(most) }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.peaks.capacity() * size_of::<Peak>() + self.residuals.capacity() * size_of::<f32>()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.peaks.len()
    }

    /// The heights; where there is no peak, the value there.
    pub(super) fn heights<'a>(&'a self, acf: Acf<'a>) -> impl Iterator<Item = f32> + 'a {
        self.peaks.iter().map(move |peak| if peak.height.is_nan() { acf.at(peak.lag) } else { peak.height })
    }

    /// Collects from a list of all peaks those at the multiples of `part` up to `furthest`; false, and cut short, if
    /// fewer than `share` of them are peaks.
    pub(super) fn collect(&mut self, all: &[Peak], part: f32, furthest: f32, share: f32) -> bool {
        // A peak counts for a multiple if it is much nearer than peaks are to each other.
        let spacing = match all {
            [first, .., last] => (last.lag - first.lag) / (all.len() - 1) as f32,
            _ => f32::INFINITY,
        };
        let radius = (0.08 * part).clamp(0.6, 1.5).min(0.2 * spacing);
        let longest = all.last().map_or(0.0, |peak| peak.lag + radius);
        let count = ((longest.min(furthest) / part) as usize).min(self.peaks.capacity());
        let mut may_miss = ((1.0 - share) * count as f32) as usize;
        self.peaks.clear();
        let mut cursor = 0;
        for multiple in 1..=count {
            let lag = multiple as f32 * part;
            while all.get(cursor).is_some_and(|peak| peak.lag < lag - radius) {
                cursor += 1;
            }
            let near = all[cursor..].iter().take_while(|peak| peak.lag <= lag + radius);
            let highest = near.map(|peak| peak.height).max_by(f32::total_cmp);
            if highest.is_none() {
                let Some(left) = may_miss.checked_sub(1) else { return false };
                may_miss = left;
            }
            self.peaks.push(Peak { lag, height: highest.unwrap_or(f32::NAN) });
        }
        true
    }

    /// Drops the multiples beyond which the signal has lost its phase (jitter adds up), so that there are no
    /// peaks left to compare.
    pub(super) fn forget_incoherent(&mut self) {
        const LEFT: f32 = 0.35;
        let highest = self.peaks.iter().map(|peak| peak.height).fold(0.0, f32::max);
        let last = self.peaks.iter().rposition(|peak| peak.height >= LEFT * highest);
        self.peaks.truncate(last.map_or(0, |last| last + 1));
    }

    /// Takes from the heights what sampling does to them: a multiple that falls between two points is lower
    /// than one that falls on a point, where the signal has pulses or edges that the points do not resolve.
    pub(super) fn level_out(&mut self, acf: Acf<'_>) {
        const EXPLAINED: f32 = 0.4;
        let between = |lag: f32| (core::f32::consts::PI * lag).sin().powi(2);
        let known = || self.peaks.iter().filter(|peak| !peak.height.is_nan());
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
        for peak in &mut self.peaks {
            peak.height += loss * between(peak.lag);
        }
    }

    /// Whether the others have at least `share` of the mean height of every `parts`-th.
    pub(super) fn are_comparable(&self, parts: usize, share: f32) -> bool {
        let (mut of_whole, mut others) = ((0.0, 0.0), (0.0, 0.0));
        for (index, peak) in self.peaks.iter().enumerate() {
            let sums = if (index + 1) % parts == 0 { &mut of_whole } else { &mut others };
            *sums = (sums.0 + 1.0, sums.1 + if peak.height.is_nan() { 0.0 } else { peak.height });
        }
        others.1 * of_whole.0 >= share * of_whole.1 * others.0
    }

    /// The number `n` for which every n-th stands out most, if any does. `part` is the lag they are multiples of;
    /// `is_far` says which numbers make a period that only a clear sign is enough for.
    pub(super) fn standing_out(
        &mut self,
        acf: Acf<'_>,
        part: f32,
        points: usize,
        is_far: impl Fn(usize) -> bool,
        config: &CandidateConfig,
    ) -> Option<usize> {
        let (mean, squares) = self.take_trend(acf);
        let contrasts = (2..=config.most_parts.min(self.peaks.len())).filter_map(|parts| {
            let tests = [self.against_neighbours(parts, points), self.folded(mean, squares, parts, points)];
            let margin = if is_far(parts) { config.far_margin } else { 0.0 };
            let enough =
                tests.into_iter().flatten().filter(|test| test.is_enough(part, config) && test.relative >= margin);
            enough.map(|test| test.significance).max_by(f32::total_cmp).map(|significance| (parts, significance))
        });
        contrasts.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(parts, _)| parts)
    }

    /// By how much every `parts`-th stands out from its two neighbours.
    ///
    /// Neighbours, because heights change smoothly with the lag for other reasons: drift, jitter, slow rhythms.
    fn against_neighbours(&self, parts: usize, points: usize) -> Option<Contrast> {
        let (mut count, mut sum, mut heights) = (0_usize, 0.0, 0.0);
        let (mut other_count, mut other_sum, mut other_squares) = (0.0_f32, 0.0, 0.0);
        let peaks = &self.peaks;
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

    /// Puts the heights without their mean and their trend into `residuals`; returns the mean and the sum of squares.
    fn take_trend(&mut self, acf: Acf<'_>) -> (f32, f32) {
        self.residuals.clear();
        let peaks = &self.peaks;
        self.residuals
            .extend(peaks.iter().map(|peak| if peak.height.is_nan() { acf.at(peak.lag) } else { peak.height }));
        let count = self.residuals.len().max(1) as f32;
        let mean = self.residuals.iter().sum::<f32>() / count;
        let mean_lag = peaks.iter().map(|peak| peak.lag).sum::<f32>() / count;
        let spread: f32 = peaks.iter().map(|peak| (peak.lag - mean_lag).powi(2)).sum();
        let product: f32 = peaks.iter().zip(&self.residuals).map(|(peak, height)| (peak.lag - mean_lag) * height).sum();
        let slope = if spread > 0.0 { product / spread } else { 0.0 };
        for (residual, peak) in self.residuals.iter_mut().zip(peaks) {
            *residual -= mean + slope * (peak.lag - mean_lag);
        }
        (mean, self.residuals.iter().map(|residual| residual * residual).sum())
    }

    /// By how much every `parts`-th is above the mean of all, a falling trend aside, if what lies between repeats with
    /// it. `mean` and `squares` are of [`Multiples::take_trend`].
    fn folded(&self, mean: f32, squares: f32, parts: usize, points: usize) -> Option<Contrast> {
        let rounds = self.residuals.len() / parts;
        if rounds < 2 {
            return None;
        }
        let count = self.residuals.len() as f32;
        let (mut explained, mut at_whole) = (0.0, 0.0);
        for phase in 0..parts {
            let (mut sum, mut number) = (0.0, 0.0);
            for residual in self.residuals[phase..].iter().step_by(parts) {
                sum += residual;
                number += 1.0;
            }
            explained += sum * sum / number;
            at_whole = sum / number; // of the last phase in the end: that is the whole's
        }
        let (prior, chance) = chance(mean, points);
        let rest = (squares - explained).max(0.0) + prior * chance * chance;
        let scatter = (rest / (count - parts as f32 + prior)).sqrt();
        let significance = at_whole / (scatter * (1.0 / rounds as f32 + 1.0 / count).sqrt());
        Some(Contrast { count: rounds, relative: at_whole / mean.max(0.01), significance })
    }
}

/// The scatter of peaks of some height that white noise would make, and the number of peaks that this counts for: the
/// scatter of a few says little.
fn chance(height: f32, points: usize) -> (f32, f32) {
    (4.0, (1.0 - height * height).max(0.1) / (points as f32).sqrt())
}
