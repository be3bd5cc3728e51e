//! Phase by phase: how much later or earlier than a strict beat each stretch of a window comes.
//!
//! Idea (ours; pulsar timing does the same): fold the window into a template of one period, shift each block of one or a
//! few periods until it fits, fold again. Blocks are placed from the middle outwards, each near its neighbour, so that a
//! wandering rhythm (jitter adds up) is followed instead of smeared; no block is compared with a template that it is
//! part of. Cost: about 12 evaluations and 5 deposits a sample.

use super::window::CleanWindow;

/// Bins of the template: four a sample for periods up to 64 samples.
const MOST_BINS: usize = 256;
const FEWEST_BINS: usize = 32;
/// Blocks of a window.
const MOST_BLOCKS: usize = 64;
/// A block holds at least so many samples: a shift found from fewer is guesswork.
const LEAST_BLOCK: f64 = 12.0;
/// Half width of a sample in the template, samples: more than half a step, so that one period leaves no bin empty.
const HALF_WIDTH: f64 = 0.75;
/// Step of the fine search, samples.
const FINE: f64 = 0.5;
/// Neighbouring residuals are alike: so many count as one.
const ALIKE: f64 = 3.0;
/// How far a block may move in the later rounds, standard deviation, samples.
const LATER_SD: f64 = 1.0;
/// Where the next stretch after a pause begins, standard deviation, periods.
const ANYWHERE: f64 = 0.3;
/// Steps of the farthest look to each side.
const MOST_REACH: i32 = 31;

/// Where one block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Centre of its known samples, samples from the start of the window.
    pub(super) centre: f32,
    /// How late it is against the strict beat, samples.
    pub(super) delay: f32,
    /// Variance of `delay` from noise alone, samples²; infinite if the block says nothing.
    pub(super) variance: f32,
    /// The rhythm started anew before this block.
    pub(super) is_fresh: bool,
    /// Nothing in it is missing.
    is_whole: bool,
    first: u16,
    end: u16,
}

impl Block {
    #[cfg(test)]
    pub(super) fn new(centre: f32, delay: f32, variance: f32) -> Self {
        Self { centre, delay, variance, is_fresh: false, is_whole: true, first: 0, end: 0 }
    }
}

/// What a tracking gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track {
    /// Share of the variance that the repeated template explains, of each block by the others.
    pub(super) explained: f64,
    /// Sum of what blocks are off in the mean because a rival place fits nearly as well, samples².
    pub(super) rivals: f64,
}

/// Tracks a rhythm. Owns its scratch.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    weighted: Vec<f32>,
    weight: Vec<f32>,
    template: [f32; MOST_BINS + 1],
    blocks: Vec<Block>,
    /// A power of two.
    bins: usize,
    period: f64,
    /// Variance of what the template does not explain.
    noise: f64,
}

impl Tracker {
    pub(super) fn new() -> Self {
        Self {
            weighted: vec![0.0; MOST_BINS],
            weight: vec![0.0; MOST_BINS],
            template: [0.0; MOST_BINS + 1],
            blocks: Vec::with_capacity(MOST_BLOCKS),
            bins: FEWEST_BINS,
            period: 1.0,
            noise: 1.0,
        }
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        4 * (self.weighted.capacity() + self.weight.capacity()) + size_of::<Block>() * self.blocks.capacity()
    }

    /// The blocks of the last tracking, oldest first.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Tracks the rhythm of about `period` samples through the window. `noise_share` is the share of the signal that is
    /// noise at first sight, `jitter` the relative scatter of a block against its neighbour. `None` with less than two
    /// blocks.
    pub(super) fn track(&mut self, window: &CleanWindow, period: f64, noise_share: f64, jitter: f64) -> Option<Track> {
        self.period = period;
        self.bins = ((4.0 * period) as usize).next_power_of_two().clamp(FEWEST_BINS, MOST_BINS);
        self.weighted[..self.bins].fill(0.0);
        self.weight[..self.bins].fill(0.0);
        let variance = window.variance();
        self.noise = variance * noise_share;
        self.cut(window);
        if self.blocks.len() < 2 {
            return None;
        }
        let rivals = self.place_outwards(window, jitter);
        for _ in 0..2 {
            let mut residual = 0.0;
            for b in 0..self.blocks.len() {
                self.deposit(window, b, -1.0);
                residual += self.improve(window, b);
                self.deposit(window, b, 1.0);
            }
            self.noise = (residual / window.known_count() as f64).max(1e-3 * variance);
        }
        Some(Track { explained: 1.0 - self.noise / variance, rivals })
    }

    fn cut(&mut self, window: &CleanWindow) {
        let n = window.len() as f64;
        let least = LEAST_BLOCK.max(n / MOST_BLOCKS as f64);
        let length = (least / self.period).ceil().max(1.0) * self.period;
        let enough = 0.5 * length.min(2.0 * LEAST_BLOCK);
        self.blocks.clear();
        for (start, end) in window.stretches() {
            let span = end.saturating_sub(start) as f64;
            // The rest is spread over all blocks rather than left to one.
            let count = (span / length).round().max(1.0);
            let mut is_fresh = true;
            for b in 0..count as usize {
                let first = start + (b as f64 * span / count).round() as usize;
                let end = start + ((b + 1) as f64 * span / count).round() as usize;
                let (mut sum, mut known) = (0usize, 0usize);
                for i in first..end {
                    if window.is_known(i) {
                        sum += i;
                        known += 1;
                    }
                }
                if (known as f64) < enough || self.blocks.len() == MOST_BLOCKS {
                    continue;
                }
                self.blocks.push(Block {
                    centre: sum as f32 / known as f32,
                    delay: 0.0,
                    variance: f32::INFINITY,
                    is_fresh,
                    is_whole: known == end - first,
                    first: first as u16,
                    end: end as u16,
                });
                is_fresh = false;
            }
        }
    }

    /// First round: outwards, each block beside one that is placed. What rival places there are.
    fn place_outwards(&mut self, window: &CleanWindow, jitter: f64) -> f64 {
        // Half a sample besides: noise of the neighbour's own place.
        let beside = (jitter * self.period).powi(2) + 0.25;
        let anywhere = (ANYWHERE * self.period).powi(2);
        let (start, end) = self.seed();
        for b in start..end {
            self.deposit(window, b, 1.0);
        }
        let mut rivals = 0.0;
        for b in end..self.blocks.len() {
            let near_var = if self.blocks[b].is_fresh { anywhere } else { beside };
            rivals += self.place(window, b, f64::from(self.blocks[b - 1].delay), near_var);
        }
        for b in (0..start).rev() {
            let near_var = if self.blocks[b + 1].is_fresh { anywhere } else { beside };
            rivals += self.place(window, b, f64::from(self.blocks[b + 1].delay), near_var);
        }
        rivals
    }

    /// Up to three neighbouring blocks in the middle of the longest stretch, as (first, end): one alone is a noisy
    /// template.
    fn seed(&self) -> (usize, usize) {
        let (mut from, mut longest) = (0, (0, 0));
        for b in 1..=self.blocks.len() {
            if b == self.blocks.len() || self.blocks[b].is_fresh {
                if b - from > longest.1 - longest.0 {
                    longest = (from, b);
                }
                from = b;
            }
        }
        let middle = (longest.0 + longest.1) / 2;
        (middle.saturating_sub(1).max(longest.0), (middle + 2).min(longest.1))
    }

    /// Places block `b` within reach of a delay and adds it to the template. The square of how far off it is in the mean
    /// because of rival places; after a pause any place is as good, and that is known.
    fn place(&mut self, window: &CleanWindow, b: usize, near: f64, near_var: f64) -> f64 {
        self.make_template();
        let reach = (2.5 * near_var.sqrt()).min(0.5 * self.period).max(1.0);
        // Whole samples, unless that would be too many of them.
        let stride = (reach / f64::from(MOST_REACH)).max(1.0);
        let reach = ((reach / stride).ceil() as i32).min(MOST_REACH);
        let mut costs = [f64::INFINITY; 2 * MOST_REACH as usize + 1];
        let mut best = 0;
        for (i, shift) in (-reach..=reach).enumerate() {
            costs[i] = self.cost(window, b, near + stride * f64::from(shift), near, near_var);
            if costs[i] < costs[best] {
                best = i;
            }
        }
        let at = near + stride * f64::from(best as i32 - reach);
        let around = [-FINE, FINE].map(|side| self.cost(window, b, at + side, near, near_var));
        self.settle(b, at, [around[0], costs[best], around[1]], near_var);
        self.deposit(window, b, 1.0);
        if self.blocks[b].is_fresh {
            return 0.0;
        }
        let local = |i: usize| costs[i] <= costs[i - 1] && costs[i] <= costs[i + 1];
        let rival = |i: usize| (stride * (i as f64 - best as f64)).powi(2) / (1.0 + (costs[i] - costs[best]).exp());
        (1..2 * reach as usize).filter(|i| i.abs_diff(best) > 1 && local(*i)).map(rival).sum()
    }

    /// Moves block `b`, which is not in the template, downhill from where it is. The squared residual that is left.
    fn improve(&mut self, window: &CleanWindow, b: usize) -> f64 {
        self.make_template();
        let near = f64::from(self.blocks[b].delay);
        let near_var = LATER_SD * LATER_SD;
        let cost = |at: f64| self.cost(window, b, at, near, near_var);
        let mut at = near;
        let mut around = [cost(at - FINE), cost(at), cost(at + FINE)];
        for _ in 0..6 {
            if around[0] < around[1] && around[0] <= around[2] {
                at -= FINE;
                around = [cost(at - FINE), around[0], around[1]];
            } else if around[2] < around[1] {
                at += FINE;
                around = [around[1], around[2], cost(at + FINE)];
            } else {
                break;
            }
        }
        let least = self.settle(b, at, around, near_var);
        let moved = f64::from(self.blocks[b].delay) - near;
        ((least - 0.5 * moved * moved / near_var) * 2.0 * ALIKE * self.noise).max(0.0)
    }

    /// Puts block `b` at the vertex of the costs at `at - FINE`, `at`, `at + FINE`. The cost there.
    fn settle(&mut self, b: usize, at: f64, [before, here, after]: [f64; 3], near_var: f64) -> f64 {
        let block = &mut self.blocks[b];
        let curvature = (before - 2.0 * here + after) / (FINE * FINE);
        if curvature <= 0.0 {
            (block.delay, block.variance) = (at as f32, f32::INFINITY);
            return here;
        }
        let slope = (after - before) / (2.0 * FINE);
        let shift = (-slope / curvature).clamp(-2.0 * FINE, 2.0 * FINE);
        block.delay = (at + shift) as f32;
        // The prior's own part of the curvature says nothing about the block.
        let own = curvature - 1.0 / near_var;
        block.variance = if own > 0.0 { (1.0 / (ALIKE * own)) as f32 } else { f32::INFINITY };
        here + shift * (slope + 0.5 * shift * curvature)
    }

    /// Negative log posterior of block `b` at `delay`.
    fn cost(&self, window: &CleanWindow, b: usize, delay: f64, near: f64, near_var: f64) -> f64 {
        self.misfit(window, b, delay) / (2.0 * ALIKE * self.noise) + 0.5 * (delay - near).powi(2) / near_var
    }

    /// Squared difference of block `b` to the template when it comes `delay` late.
    fn misfit(&self, window: &CleanWindow, b: usize, delay: f64) -> f64 {
        let block = &self.blocks[b];
        let (first, end) = (usize::from(block.first), usize::from(block.end));
        let bits = self.bins.trailing_zeros();
        let (mut phase, step) = self.phase(first, delay);
        let mut sum = 0.0f32;
        for (i, value) in window.signal()[first..end].iter().enumerate() {
            // At most 8 bits are the bin, the next 24 the place in it.
            let bin = (phase >> (32 - bits)) as usize & (MOST_BINS - 1);
            let part = ((phase << bits) >> 8) as f32 * (1.0 / (1 << 24) as f32);
            phase = phase.wrapping_add(step);
            let (a, b) = (self.template[bin], self.template[bin + 1]);
            let difference = value - (a + part * (b - a));
            if block.is_whole || window.is_known(first + i) {
                sum += difference * difference;
            }
        }
        f64::from(sum)
    }

    /// Phase of a sample and its step, in parts of 2^32 of a period, for a stretch that comes `delay` late.
    fn phase(&self, sample: usize, delay: f64) -> (u32, u32) {
        const TURN: f64 = (1u64 << 32) as f64;
        let phase = ((sample as f64 - delay) / self.period).rem_euclid(1.0);
        ((phase * TURN) as u32, (TURN / self.period) as u32)
    }

    fn make_template(&mut self) {
        let sums = self.weighted.iter().zip(&self.weight).take(self.bins);
        for (value, (weighted, weight)) in self.template.iter_mut().zip(sums) {
            *value = if *weight > 1e-3 { weighted / weight } else { 0.0 };
        }
        self.template[self.bins] = self.template[0];
    }

    /// Adds (sign 1) or takes away (sign -1) block `b` at its delay.
    fn deposit(&mut self, window: &CleanWindow, b: usize, sign: f32) {
        let block = self.blocks[b];
        let per_sample = self.bins as f64 / self.period;
        let half = (HALF_WIDTH * per_sample).max(1.0) as f32;
        let slope = sign / half;
        let mask = self.bins - 1;
        let scale = self.bins as f32 / (1u64 << 32) as f32;
        let first = usize::from(block.first);
        let (mut phase, step) = self.phase(first, f64::from(block.delay));
        for i in first..usize::from(block.end) {
            let at = phase as f32 * scale;
            phase = phase.wrapping_add(step);
            if !block.is_whole && !window.is_known(i) {
                continue;
            }
            let value = window.signal()[i];
            let from = (at - half).ceil();
            let bins = (at + half - from) as usize + 1;
            let mut distance = from - at;
            let mut bin = (from as i32).rem_euclid(self.bins as i32) as usize;
            for _ in 0..bins {
                let weight = sign - slope * distance.abs();
                self.weighted[bin] += weight * value;
                self.weight[bin] += weight;
                distance += 1.0;
                bin = (bin + 1) & mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MeasureConfig;

    /// A pulse in every period of 16.3 samples; `late(i)` says how late period `i` comes, samples.
    fn pulses(n: usize, late: impl Fn(usize) -> f64) -> Vec<f32> {
        let pulse = |at: f64| 200.0 * (-0.5 * (at / 2.0).powi(2)).exp();
        (0..n)
            .map(|i| {
                let near = (i as f64 / 16.3) as usize;
                let each = |k: usize| pulse(i as f64 - (k as f64 + 0.5) * 16.3 - late(k));
                (300.0 + (near.saturating_sub(2)..near + 3).map(each).sum::<f64>()) as f32
            })
            .collect()
    }

    fn track(window: &[f32], tracker: &mut Tracker, jitter: f64) -> Track {
        let mut clean = CleanWindow::with_capacity(window.len());
        clean.load(window, 16.3, 100.0, &MeasureConfig::default()).unwrap();
        tracker.track(&clean, 16.3, 0.1, jitter).unwrap()
    }

    #[test]
    fn delays_of_blocks_are_found() {
        let mut tracker = Tracker::new();
        let late = |k: usize| 2.0 * (k as f64 / 5.0).sin();
        let track = track(&pulses(400, late), &mut tracker, 0.03);
        assert!(track.explained > 0.98, "{track:?}");
        let first = &tracker.blocks()[0];
        let middle = |block: &Block| late((f64::from(block.centre) / 16.3) as usize);
        let offset = f64::from(first.delay) - middle(first);
        for block in tracker.blocks() {
            let error = f64::from(block.delay) - middle(block) - offset;
            assert!(error.abs() < 0.5, "{block:?} off by {error}");
        }
    }

    #[test]
    fn blocks_after_a_pause_are_fresh() {
        let mut window = pulses(500, |k| if k > 13 { 6.0 } else { 0.0 });
        window[200..240].fill(100.0);
        let mut tracker = Tracker::new();
        track(&window, &mut tracker, 0.015);
        let fresh: Vec<_> = tracker.blocks().iter().filter(|block| block.is_fresh).map(|block| block.centre).collect();
        assert_eq!(fresh.len(), 2);
        assert!(fresh[1] > 240.0 && fresh[1] < 260.0, "{fresh:?}");
        let (early, late) = (tracker.blocks()[3].delay, tracker.blocks()[18].delay);
        assert!((f64::from(late - early) - 6.0).abs() < 0.4, "{early} {late}");
    }

    #[test]
    fn a_long_window_stays_within_the_blocks_there_are() {
        let mut tracker = Tracker::new();
        track(&pulses(1536, |_| 0.0), &mut tracker, 0.015);
        assert!(tracker.blocks().len() <= MOST_BLOCKS && tracker.blocks.capacity() == MOST_BLOCKS);
    }
}
