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
    /// The runs between pauses. A job takes up its work after a pause at another moment of its rhythm, so that what lies
    /// in two runs does not compare.
    pub(super) runs: &'a [Run],
}

/// Points from `start` to before `end`.
pub(super) type Run = core::ops::Range<usize>;

/// Most pauses in a window; what comes before more of them is not looked at.
const MOST_PAUSES: usize = 23;

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

    /// Number of pairs of points of a run that count and are `lag` apart. One popcount for 64 pairs.
    pub(super) fn pairs(&self, run: &Run, lag: usize) -> usize {
        let Some(last) = run.end.min(self.len).checked_sub(lag + 1).filter(|&last| last >= run.start) else { return 0 };
        let (whole, bits) = (lag / 64, lag % 64);
        let later = |index: usize| {
            let low = self.words[index + whole] >> bits;
            let high =
                if bits == 0 { 0 } else { self.words.get(index + whole + 1).map_or(0, |word| word << (64 - bits)) };
            low | high
        };
        let count = |index: usize| {
            let mut word = self.words[index] & later(index);
            if index == run.start / 64 {
                word &= u64::MAX << (run.start % 64);
            }
            if index == last / 64 {
                word &= u64::MAX >> (63 - last % 64);
            }
            word.count_ones() as usize
        };
        (run.start / 64..=last / 64).map(count).sum()
    }
}

/// Cleans windows in scratch of its own.
#[derive(Clone, Debug)]
pub(super) struct Cleaner {
    mask: Mask,
    order: Vec<f32>,
    runs: Vec<Run>,
}

impl Cleaner {
    /// For windows of up to `points` points.
    pub(super) fn new(points: usize) -> Self {
        Self {
            mask: Mask::with_capacity(points),
            order: Vec::with_capacity(points),
            runs: Vec::with_capacity(MOST_PAUSES + 1),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.mask.words)
            + self.order.capacity() * size_of::<f32>()
            + self.runs.capacity() * size_of::<Run>()
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
        Some(Cleaned { dropped, values, mask, runs: &self.runs })
    }

    /// Turns pauses into missing points, and lists the runs between them.
    fn mask_pauses(&mut self, values: &mut [f32], step_s: f64, config: &CleanConfig) -> Option<()> {
        let (low, high) = (self.quantile(values, 0.02)?, self.quantile(values, 0.8)?);
        let limit = low + config.pause_level * (high - low);
        let shortest = (config.shortest_pause_s / step_s).ceil().max(1.0) as usize;
        let pauses = || runs_below(values, limit).filter(|run| run.len() >= shortest);
        let is_pausing = self.are_pauses(pauses(), values.len(), step_s, config);

        self.runs.clear();
        let mut from = 0;
        if is_pausing {
            for pause in pauses() {
                self.runs.push(from..pause.start.saturating_sub(config.pause_margin).max(from));
                from = (pause.end + config.pause_margin).min(values.len());
            }
        }
        self.runs.push(from..values.len());
        let mut end = 0;
        for run in &self.runs {
            values[end..run.start].fill(f32::NAN);
            end = run.end;
        }
        Some(())
    }

    /// Whether low runs of points are pauses of the job, and not what each of its iterations has: they are few, or they
    /// come at irregular distances and leave much between them.
    fn are_pauses(&self, pauses: impl Iterator<Item = Run>, points: usize, step_s: f64, config: &CleanConfig) -> bool {
        let (mut count, mut paused) = (0_usize, 0);
        let (mut last_start, mut sum, mut squares) = (None, 0.0, 0.0);
        for pause in pauses {
            if let Some(last) = last_start.replace(pause.start) {
                let distance = (pause.start - last) as f64;
                sum += distance;
                squares += distance * distance;
            }
            count += 1;
            paused += pause.len();
        }
        let share = paused as f64 / points as f64;
        if count == 0 || count > MOST_PAUSES || share > config.most_paused_share {
            return false;
        }
        if count <= config.most_long_pauses {
            return share <= config.most_pause_share;
        }
        let distances = (count - 1) as f64;
        let mean = sum / distances;
        let spread = (squares / distances - mean * mean).max(0.0).sqrt();
        let between_s = (points - paused) as f64 * step_s / count as f64;
        let is_a_beat = spread < config.beat * mean;
        between_s >= config.least_between_s
            && (spread >= config.irregular * mean || (share <= config.most_often_share && !is_a_beat))
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
        for run in [0..150, 10..64, 64..128, 70..73, 128..150] {
            for lag in 0..160 {
                let counts = |k: &usize| !values[*k].is_nan() && !values[k - lag].is_nan();
                let obvious = (run.start + lag..run.end).filter(counts).count();
                assert_eq!(mask.pairs(&run, lag), obvious, "{run:?}, lag {lag}");
            }
        }
    }

    #[test]
    fn stalls_split_a_window_into_runs_and_the_waits_of_each_iteration_do_not() {
        let runs = |is_low: &dyn Fn(usize) -> bool| {
            let mut values: Vec<f32> = (0..600).map(|k| if is_low(k) { 120.0 } else { wave(k) }).collect();
            let mut cleaner = Cleaner::new(values.len());
            cleaner.clean(&mut values, 0.02, 60, &CleanConfig::default()).unwrap().runs.to_vec()
        };
        let stalls = [60..80, 260..310, 330..345, 520..540];
        let found = runs(&|k| stalls.iter().any(|stall| stall.contains(&k)));
        assert_eq!(found.len(), 5);
        assert!(found.iter().zip(&stalls).all(|(run, stall)| run.end.abs_diff(stall.start) <= 3), "{found:?}");
        assert_eq!(runs(&|k| k % 60 < 15).len(), 1);
    }

    #[test]
    fn takes_off_the_mean_around_each_point() {
        let mut values: Vec<f32> = (0..100).map(|k| k as f32).collect();
        values[50] = f32::NAN;
        subtract_moving_mean(&mut values, &mut Vec::new(), 10);
        assert!(values[20].abs() < 1e-3 && values[70].abs() < 1e-3 && values[50].is_nan());
    }
}
