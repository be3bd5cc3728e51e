//! What a window must lose before it is correlated: start-ups, pauses, drift, spikes.
//!
//! In this order: the front before a change of the job is dropped; pauses are masked; a moving mean is taken off;
//! what is far out is clipped; what is masked becomes 0. Linear in the window, but for five selections. Ours.

use crate::config::CleanConfig;

/// A cleaned window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cleaned<'a> {
    /// Points dropped at the front.
    pub(super) dropped: usize,
    /// The rest: zero mean over any two seconds, 0 where masked.
    pub(super) values: &'a [f32],
    /// Which of them count; `None` if all do.
    pub(super) mask: Option<&'a Mask>,
}

/// Which points of a window count, one bit each.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    words: Box<[u64]>,
    len: usize,
    ones: usize,
}

impl Mask {
    fn with_capacity(points: usize) -> Self {
        Self { words: vec![0; points.div_ceil(64) + 1].into_boxed_slice(), len: 0, ones: 0 }
    }

    /// Marks the points that are numbers.
    fn set(&mut self, values: &[f32]) {
        self.words.fill(0);
        self.len = values.len();
        for (index, _) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            self.words[index / 64] |= 1 << (index % 64);
        }
        self.ones = self.words.iter().map(|word| word.count_ones() as usize).sum();
    }

    /// Number of pairs of points that count and are `lag` apart. One popcount for 64 pairs.
    pub(super) fn pairs(&self, lag: usize) -> usize {
        if lag >= self.len {
            return 0;
        }
        let used = self.len.div_ceil(64);
        let (whole, bits) = (lag / 64, lag % 64);
        let later = |index: usize| {
            let low = self.words[index] >> bits;
            let high = if bits == 0 { 0 } else { self.words.get(index + 1).map_or(0, |word| word << (64 - bits)) };
            low | high
        };
        (whole..used).map(|index| (later(index) & self.words[index - whole]).count_ones() as usize).sum()
    }
}

/// Cleans windows in scratch of its own.
#[derive(Clone, Debug)]
pub(super) struct Cleaner {
    mask: Mask,
    order: Vec<f32>,
}

impl Cleaner {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        Self { mask: Mask::with_capacity(points), order: Vec::with_capacity(points) }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.mask.words) + self.order.capacity() * size_of::<f32>()
    }

    /// Scratch that is free between two windows, as long as a window, for whoever loads one.
    pub(super) fn spare(&mut self) -> &mut [f32] {
        self.order.resize(self.order.capacity(), 0.0);
        &mut self.order
    }

    /// Cleans `values`, points `step_s` apart, NaN where missing. `least` is the fewest points that are worth it.
    /// `None` if the window is flat, or if too little of it is left.
    pub(super) fn clean<'a>(
        &'a mut self,
        values: &'a mut [f32],
        step_s: f64,
        least: usize,
        config: &CleanConfig,
    ) -> Option<Cleaned<'a>> {
        let dropped = change_at(values, step_s, least, config).unwrap_or(0);
        let values = &mut values[dropped..];
        if values.len() < least {
            return None;
        }

        self.mask_pauses(values, step_s, config)?;
        let level = self.quantile(values, 0.5)?.abs();
        subtract_moving_mean(values, &mut self.order, (config.detrend_s / step_s).round() as usize);
        let spread = 0.5 * (self.quantile(values, 0.84)? - self.quantile(values, 0.16)?);
        if spread <= config.least_spread * level {
            return None;
        }

        self.mask.set(values);
        if self.mask.ones < least {
            return None;
        }
        let limit = config.clip_spreads * spread;
        for value in values.iter_mut() {
            *value = if value.is_nan() { 0.0 } else { value.clamp(-limit, limit) };
        }
        let mask = Some(&self.mask).filter(|mask| mask.ones < values.len());
        Some(Cleaned { dropped, values, mask })
    }

    /// Turns pauses into missing points.
    fn mask_pauses(&mut self, values: &mut [f32], step_s: f64, config: &CleanConfig) -> Option<()> {
        // Quantiles that a pause cannot reach, and a wave that is low for half of the time does.
        let (low, high) = (self.quantile(values, 0.05 + config.most_pause_share)?, self.quantile(values, 0.9)?);
        let limit = low - config.pause_depth * (high - low);
        let shortest = (config.shortest_pause_s / step_s).ceil().max(1.0) as usize;
        let (runs, count) = runs_below(values, limit)
            .map(|run| run.len())
            .filter(|&length| length >= shortest)
            .fold((0, 0), |(runs, count), length| (runs + 1, count + length));
        let share = count as f64 / values.len() as f64;
        let is_rare = runs <= config.most_long_pauses || share <= config.most_often_share;
        if count == 0 || share > config.most_pause_share || !is_rare {
            return Some(());
        }
        let mut from = 0;
        loop {
            let Some(run) = runs_below(&values[from..], limit).next() else { break };
            let (start, end) = (from + run.start, from + run.end);
            if run.len() >= shortest {
                let last = (end + config.pause_margin).min(values.len());
                values[start.saturating_sub(config.pause_margin)..last].fill(f32::NAN);
                from = last;
            } else {
                from = end;
            }
        }
        Some(())
    }

    /// A quantile of the points that are numbers.
    fn quantile(&mut self, values: &[f32], share: f64) -> Option<f32> {
        self.order.clear();
        self.order.extend(values.iter().filter(|value| !value.is_nan()));
        let last = self.order.len().checked_sub(1)?;
        let index = (share * last as f64).round() as usize;
        Some(*self.order.select_nth_unstable_by(index, f32::total_cmp).1)
    }
}

/// Runs of points below `limit`; a missing point ends a run.
fn runs_below(values: &[f32], limit: f32) -> impl Iterator<Item = core::ops::Range<usize>> + '_ {
    let mut from = 0;
    core::iter::from_fn(move || {
        let start = from + values[from..].iter().position(|&value| value < limit)?;
        let length =
            values[start..].iter().position(|&value| value.is_nan() || value >= limit).unwrap_or(values.len() - start);
        from = start + length;
        Some(start..from)
    })
}

/// Where a single change of level or of spread splits the window, if one does: the first point of the newer part.
fn change_at(values: &[f32], step_s: f64, least: usize, config: &CleanConfig) -> Option<usize> {
    let block = ((config.block_s / step_s).round() as usize).max(2);
    let level = |block: &[f32]| moments(block).map(|(mean, _)| mean);
    // A logarithm, because spreads differ by factors; a floor of 1 % of the level, because a still block has none.
    let spread = |block: &[f32]| moments(block).map(|(mean, var)| (var.sqrt() + 0.01 * mean.abs() + 1e-6).ln());
    let split = best_split(values.chunks_exact(block).map(level), config.change_share)
        .into_iter()
        .chain(best_split(values.chunks_exact(block).map(spread), config.change_share))
        .max()?;
    let at = split * block;
    (values.len() - at >= least).then_some(at)
}

/// Mean and variance of the points that are numbers.
fn moments(block: &[f32]) -> Option<(f32, f32)> {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for &value in block.iter().filter(|value| !value.is_nan()) {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    (count > 0.0).then(|| {
        let mean = sum / count;
        (mean, (squares / count - mean * mean).max(0.0))
    })
}

/// The split of a series into an older and a newer part that explains most of its variance, if that is at least
/// `share`: index of the first of the newer part.
fn best_split(series: impl Iterator<Item = Option<f32>> + Clone, share: f64) -> Option<usize> {
    let (mut count, mut sum, mut squares) = (0.0_f64, 0.0, 0.0);
    for value in series.clone().flatten().map(f64::from) {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    let total = squares - sum * sum / count.max(1.0);
    let (mut before, mut sum_before) = (0.0, 0.0);
    let mut best = (0.0, 0);
    for (index, value) in series.enumerate() {
        if before > 0.0 && before < count {
            let difference = sum_before / before - (sum - sum_before) / (count - before);
            let between = difference * difference * before * (count - before) / count;
            if between > best.0 {
                best = (between, index);
            }
        }
        if let Some(value) = value {
            before += 1.0;
            sum_before += f64::from(value);
        }
    }
    (total > 0.0 && best.0 > share * total).then_some(best.1)
}

/// Takes off the mean over `length` points around each point, as far as they are numbers.
fn subtract_moving_mean(values: &mut [f32], means: &mut Vec<f32>, length: usize) {
    let half = (length / 2).max(1);
    means.clear();
    let (mut sum, mut count) = (0.0_f64, 0_u32);
    let mut add = |value: f32, sign: f64| {
        if !value.is_nan() {
            sum += sign * f64::from(value);
            count = if sign > 0.0 { count + 1 } else { count - 1 };
        }
        if count > 0 { (sum / f64::from(count)) as f32 } else { 0.0 }
    };
    for &value in &values[..half.min(values.len())] {
        add(value, 1.0);
    }
    for index in 0..values.len() {
        let mut mean = add(values.get(index + half).copied().unwrap_or(f32::NAN), 1.0);
        if index > half {
            mean = add(values[index - half - 1], -1.0);
        }
        means.push(mean);
    }
    for (value, mean) in values.iter_mut().zip(means.iter()) {
        *value -= mean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(values: &mut [f32]) -> Option<(usize, Vec<f32>, bool)> {
        let mut cleaner = Cleaner::new(values.len());
        let cleaned = cleaner.clean(values, 0.02, 60, &CleanConfig::default())?;
        Some((cleaned.dropped, cleaned.values.to_vec(), cleaned.mask.is_some()))
    }

    fn wave(k: usize) -> f32 {
        600.0 + 50.0 * (k as f32 * 0.7).sin()
    }

    #[test]
    fn drops_what_came_before_the_job() {
        let mut values: Vec<f32> = (0..300).map(|k| if k < 100 { 80.0 + (k % 2) as f32 } else { wave(k) }).collect();
        let (dropped, ..) = cleaned(&mut values).unwrap();
        assert!((96..=108).contains(&dropped), "{dropped}");
    }

    #[test]
    fn drops_nothing_of_a_steady_job() {
        let mut values: Vec<f32> = (0..300).map(wave).collect();
        let (dropped, values, is_masked) = cleaned(&mut values).unwrap();
        assert_eq!((dropped, is_masked), (0, false));
        assert!(values.iter().sum::<f32>().abs() < 50.0);
    }

    #[test]
    fn masks_a_pause_but_not_the_dip_of_each_iteration() {
        let mut values: Vec<f32> = (0..300).map(|k| if (140..180).contains(&k) { 120.0 } else { wave(k) }).collect();
        let (_, values, is_masked) = cleaned(&mut values).unwrap();
        assert!(is_masked && values[138..182].iter().all(|&value| value == 0.0) && values[184] != 0.0);

        let mut values: Vec<f32> = (0..300).map(|k| if k % 50 < 3 { 120.0 } else { wave(k) }).collect();
        let (_, values, is_masked) = cleaned(&mut values).unwrap();
        assert!(!is_masked && values[150] < -50.0);
    }

    #[test]
    fn a_flat_window_is_no_evidence() {
        let mut values: Vec<f32> = (0..300).map(|k| 600.0 + (k % 5) as f32).collect();
        assert!(cleaned(&mut values).is_none());
        assert!(cleaned(&mut [f32::NAN; 300]).is_none());
    }

    #[test]
    fn counts_pairs_as_the_obvious_loop_does() {
        let values: Vec<f32> = (0..150).map(|k| if k % 7 == 3 || k / 30 == 2 { f32::NAN } else { 1.0 }).collect();
        let mut mask = Mask::with_capacity(200);
        mask.set(&values);
        for lag in 0..160 {
            let obvious = (lag..150).filter(|&k| !values[k].is_nan() && !values[k - lag].is_nan()).count();
            assert_eq!(mask.pairs(lag), obvious, "lag {lag}");
        }
    }

    #[test]
    fn takes_off_the_mean_around_each_point() {
        let mut values: Vec<f32> = (0..100).map(|k| k as f32).collect();
        values[50] = f32::NAN;
        subtract_moving_mean(&mut values, &mut Vec::new(), 10);
        assert!(values[20].abs() < 1e-3 && values[70].abs() < 1e-3 && values[50].is_nan());
    }
}
