//! A window of power samples made ready for fitting: pauses masked, slow changes taken off, spikes clipped.

use crate::config::MeasureConfig;

/// The signal of one window, with a mask. Reused from window to window.
#[derive(Clone, Debug)]
pub(super) struct CleanWindow {
    /// Power less its slow part, W; 0 where missing or paused.
    signal: Vec<f32>,
    /// One bit a sample: set where `signal` is known.
    known: Vec<u64>,
    known_count: usize,
    /// First samples after a pause, ascending: the rhythm starts anew there.
    breaks: Vec<u16>,
}

/// Pauses of one window. More are not kept apart.
const MOST_BREAKS: usize = 64;

impl CleanWindow {
    pub(super) fn with_capacity(samples: usize) -> Self {
        Self {
            signal: Vec::with_capacity(samples),
            known: Vec::with_capacity(samples.div_ceil(64)),
            known_count: 0,
            breaks: Vec::with_capacity(MOST_BREAKS),
        }
    }

    /// Takes a window in. `period` is the expected one, in samples. `None` if it is flat or mostly missing.
    pub(super) fn load(&mut self, window: &[f32], period: f64, slow: f64, config: &MeasureConfig) -> Option<()> {
        let n = window.len();
        self.signal.clear();
        self.signal.resize(n, 0.0);
        self.known.clear();
        self.known.resize(n.div_ceil(64), 0);
        self.known_count = 0;
        self.breaks.clear();
        for (i, power) in window.iter().enumerate() {
            self.set_known(i, power.is_finite());
        }
        self.mask_pauses(window, period, config)?;
        for i in 0..n {
            self.known_count += usize::from(self.is_known(i));
        }
        if 2 * self.known_count < n {
            return None;
        }
        // Whole periods, so that the mean takes nothing off the rhythm itself.
        let width = ((slow / period).ceil() * period).round() as usize;
        self.subtract_moving_mean(window, width.clamp(1, n));
        let known = || (0..n).filter(|i| self.is_known(*i));
        let (low, high) = quantiles(known().map(|i| self.signal[i]), 0.16, 0.84)?;
        let spread = 0.5 * (high - low);
        let level = known().map(|i| f64::from(window[i])).sum::<f64>() / self.known_count as f64;
        if spread.is_nan() || f64::from(spread) <= config.min_spread * level.abs() {
            return None;
        }
        let limit = config.clip_spreads as f32 * spread;
        self.signal.iter_mut().for_each(|value| *value = value.clamp(-limit, limit));
        Some(())
    }

    /// Masks pauses: runs of low power that last longer than a period, and anything far below the usual range.
    fn mask_pauses(&mut self, window: &[f32], period: f64, config: &MeasureConfig) -> Option<()> {
        let n = window.len();
        // Every ordinary period reaches up to its usual power.
        let (least, greatest) = quantiles(window.iter().copied(), 0.02, 0.95)?;
        let low = least + (config.pause_level as f32) * (greatest - least);
        let longest = (config.pause_periods * period) as usize;
        // What is missing inside a pause does not end it, but does not count either.
        let is_below = |floor: f32| move |i: usize| window[i] < floor || window[i].is_nan();
        let seen = |from: usize, to: usize| window[from..to].iter().filter(|power| power.is_finite()).count();
        for_runs(n, is_below(low), |from, to| {
            if seen(from, to) > longest {
                self.mask_pause(from, to);
            }
        });
        let values = (0..n).filter(|i| self.is_known(*i)).map(|i| window[i]);
        let (p10, p90) = quantiles(values, 0.1, 0.9)?;
        let floor = p10 - (config.pause_depth as f32) * (p90 - p10);
        // A dip of a sample or two belongs to the rhythm.
        let shortest = (0.25 * period).max(3.0) as usize;
        for_runs(n, is_below(floor), |from, to| {
            let is_new = (from..to).any(|i| self.is_known(i));
            if is_new && seen(from, to) >= shortest {
                self.mask_pause(from, to);
            }
        });
        self.breaks.sort_unstable();
        Some(())
    }

    /// Masks samples `from..to` and one on each side, which averages over the edge.
    fn mask_pause(&mut self, from: usize, to: usize) {
        let (from, to) = (from.saturating_sub(1), (to + 1).min(self.len()));
        (from..to).for_each(|i| self.set_known(i, false));
        if self.breaks.len() < MOST_BREAKS {
            self.breaks.push(to as u16);
        }
    }

    /// Stretches between pauses, as (first, end).
    pub(super) fn stretches(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let ends = self.breaks.iter().map(|at| usize::from(*at)).chain([self.len()]);
        let starts = [0].into_iter().chain(self.breaks.iter().map(|at| usize::from(*at)));
        starts.zip(ends)
    }

    /// Fills `signal` with `window` less its moving mean over `width` samples. Near the ends the first and the last
    /// full mean are kept.
    fn subtract_moving_mean(&mut self, window: &[f32], width: usize) {
        let n = window.len();
        let (mut sum, mut count) = (0.0f64, 0u32);
        for (i, power) in window.iter().enumerate().take(width) {
            if self.is_known(i) {
                sum += f64::from(*power);
                count += 1;
            }
        }
        let (mut mean, mut start) = (0.0, 0);
        for i in 0..n {
            // [start, start + width) is centred on i wherever it fits in.
            if i > width / 2 && start + width < n {
                if self.is_known(start) {
                    sum -= f64::from(window[start]);
                    count -= 1;
                }
                if self.is_known(start + width) {
                    sum += f64::from(window[start + width]);
                    count += 1;
                }
                start += 1;
            }
            if count > 0 {
                mean = sum / f64::from(count);
            }
            if self.is_known(i) {
                self.signal[i] = window[i] - mean as f32;
            }
        }
    }

    pub(super) fn signal(&self) -> &[f32] {
        &self.signal
    }

    pub(super) fn len(&self) -> usize {
        self.signal.len()
    }

    fn set_known(&mut self, i: usize, known: bool) {
        let bit = 1 << (i % 64);
        if known {
            self.known[i / 64] |= bit;
        } else {
            self.known[i / 64] &= !bit;
        }
    }

    pub(super) fn is_known(&self, i: usize) -> bool {
        (self.known[i / 64] >> (i % 64)) & 1 == 1
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        4 * self.signal.capacity() + 8 * self.known.capacity() + 2 * self.breaks.capacity()
    }

    /// Samples that are neither missing nor in a pause.
    pub(super) fn known_count(&self) -> usize {
        self.known_count
    }

    /// Mean square of the known samples.
    pub(super) fn variance(&self) -> f64 {
        let sum: f32 = self.signal.iter().map(|value| value * value).sum();
        f64::from(sum) / self.known_count.max(1) as f64
    }
}

/// Calls `each` with every longest run `from..to` of indices below `n` for which `is_in` holds.
fn for_runs(n: usize, is_in: impl Fn(usize) -> bool, mut each: impl FnMut(usize, usize)) {
    let mut from = 0;
    while from < n {
        let to = (from..n).find(|i| !is_in(*i)).unwrap_or(n);
        if to > from {
            each(from, to);
        }
        from = to + 1;
    }
}

/// Two quantiles of the finite values by a histogram of 256 bins: within 0.4 % of the range, O(n), no copy.
fn quantiles(values: impl Iterator<Item = f32> + Clone, low: f64, high: f64) -> Option<(f32, f32)> {
    const BINS: usize = 256;
    let (mut least, mut greatest, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0u32);
    for value in values.clone().filter(|value| value.is_finite()) {
        least = least.min(value);
        greatest = greatest.max(value);
        count += 1;
    }
    if count < 2 || !(greatest - least).is_finite() {
        return None;
    }
    let mut bins = [0u32; BINS];
    let scale = if greatest > least { (BINS - 1) as f32 / (greatest - least) } else { 0.0 };
    for value in values.filter(|value| value.is_finite()) {
        bins[((value - least) * scale) as usize] += 1;
    }
    let quantile = |share: f64| {
        let rank = share * f64::from(count);
        let mut below = 0.0;
        for (bin, held) in bins.iter().enumerate() {
            let held = f64::from(*held);
            if below + held >= rank {
                let inside = if held > 0.0 { (rank - below) / held } else { 0.0 };
                return if scale > 0.0 { least + ((bin as f64 + inside) as f32) / scale } else { least };
            }
            below += held;
        }
        greatest
    };
    Some((quantile(low), quantile(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(window: &[f32], period: f64) -> Option<CleanWindow> {
        let mut clean = CleanWindow::with_capacity(window.len());
        clean.load(window, period, 100.0, &MeasureConfig::default()).map(|()| clean)
    }

    /// A sawtooth of 10 samples on a ramp.
    fn saw(n: usize) -> Vec<f32> {
        (0..n).map(|i| 300.0 + 10.0 * (i % 10) as f32 + 0.2 * i as f32).collect()
    }

    #[test]
    fn takes_off_the_slow_part_and_leaves_the_rhythm() {
        let clean = clean(&saw(400), 10.0).unwrap();
        let middle = &clean.signal()[100..300];
        for (i, value) in middle.iter().enumerate() {
            assert!((value - (10.0 * (i % 10) as f32 - 45.0)).abs() < 2.0, "{i}: {value}");
        }
    }

    #[test]
    fn a_pause_is_masked_and_starts_a_new_stretch() {
        let mut window = saw(400);
        window[150..190].fill(100.0);
        window[160] = f32::NAN;
        let clean = clean(&window, 10.0).unwrap();
        assert_eq!(clean.stretches().collect::<Vec<_>>(), [(0, 191), (191, 400)]);
        assert!((149..191).all(|i| !clean.is_known(i) && clean.signal()[i] == 0.0));
        assert_eq!(clean.known_count(), 400 - 42);
    }

    #[test]
    fn missing_samples_and_ordinary_low_power_are_no_pause() {
        let mut window: Vec<f32> = (0..400).map(|i| if i % 40 < 24 { 120.0 } else { 600.0 }).collect();
        window[100..130].fill(f32::NAN);
        let clean = clean(&window, 40.0).unwrap();
        assert_eq!(clean.stretches().count(), 1);
        assert_eq!(clean.known_count(), 370);
    }

    #[test]
    fn says_nothing_of_a_flat_or_mostly_missing_window() {
        assert!(clean(&[400.0; 100], 10.0).is_none());
        let mut window = saw(400);
        window[..250].fill(f32::NAN);
        assert!(clean(&window, 10.0).is_none());
    }

    #[test]
    fn quantiles_are_those_of_a_sort_to_one_bin() {
        let values: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 1000) as f32).collect();
        let (low, high) = quantiles(values.iter().copied(), 0.1, 0.9).unwrap();
        assert!((low - 100.0).abs() < 5.0 && (high - 900.0).abs() < 5.0, "{low} {high}");
        assert_eq!(quantiles([f32::NAN, 1.0].into_iter(), 0.1, 0.9), None);
    }
}
