//! Phase by phase: how much later or earlier than a strict beat each stretch of a window comes.
//!
//! Idea (ours; pulsar timing does the same): fold the window into a template of one period, shift each block of one or a
//! few periods until it fits, fold again. Blocks are placed from the middle outwards, each near its neighbour, so that a
//! wandering rhythm (jitter adds up) is followed instead of smeared, and no block is compared with itself. Cost: samples
//! * (shifts tried + deposits), about 30 operations a sample and round.

use super::window::CleanWindow;

/// Bins of the template: four a sample for periods up to 64 samples.
const MOST_BINS: usize = 256;
const FEWEST_BINS: usize = 32;
/// Blocks of a window.
pub(super) const MOST_BLOCKS: usize = 64;
/// A block holds at least this many samples: a shift found from fewer is guesswork.
const LEAST_BLOCK: f64 = 12.0;

/// Where one block lies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    /// Centre of its known samples, samples from the start of the window.
    pub(super) centre: f64,
    /// How late it is against the strict beat, samples.
    pub(super) delay: f64,
    /// Variance of `delay` from noise alone, samples²; infinite if the block says nothing.
    pub(super) variance: f64,
    /// The rhythm started anew before this block.
    pub(super) fresh: bool,
    first: u32,
    end: u32,
}

/// Scratch of the tracking.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    weighted: Vec<f32>,
    weight: Vec<f32>,
    template: Vec<f32>,
    blocks: Vec<Block>,
    bins: usize,
    period: f64,
    /// Variance of what the template does not explain, and of the signal.
    noise: f64,
}

impl Tracker {
    pub(super) fn new() -> Self {
        Self {
            weighted: vec![0.0; MOST_BINS],
            weight: vec![0.0; MOST_BINS],
            template: vec![0.0; MOST_BINS],
            blocks: Vec::with_capacity(MOST_BLOCKS + 1),
            bins: FEWEST_BINS,
            period: 1.0,
            noise: 1.0,
        }
    }

    /// Tracks the rhythm of about `period` samples through the window. `correlation` is the autocorrelation at one
    /// period. The blocks, oldest first, and the share of variance that the template explains.
    pub(super) fn track(&mut self, window: &CleanWindow, period: f64, correlation: f64) -> (&[Block], f64) {
        self.period = period;
        self.bins = ((4.0 * period) as usize).next_power_of_two().clamp(FEWEST_BINS, MOST_BINS);
        self.weighted[..self.bins].fill(0.0);
        self.weight[..self.bins].fill(0.0);
        self.cut(window);
        let variance = window.variance();
        self.noise = variance * (1.0 - correlation).max(0.05);
        if self.blocks.len() < 2 {
            return (&[], 0.0);
        }
        let (start, end) = self.seed();
        for b in start..end {
            self.deposit(window, b, 1.0);
        }
        // Outwards, each block beside one that is placed.
        let jitter_var = (0.015 * period).powi(2) + 0.25;
        let anywhere = (0.3 * period).powi(2);
        for b in end..self.blocks.len() {
            let near = self.blocks[b - 1].delay;
            let near_var = if self.blocks[b].fresh { anywhere } else { jitter_var };
            self.place(window, b, near, near_var);
        }
        for b in (0..start).rev() {
            let near = self.blocks[b + 1].delay;
            let near_var = if self.blocks[b + 1].fresh { anywhere } else { jitter_var };
            self.place(window, b, near, near_var);
        }
        let mut explained = 0.0;
        for _ in 0..2 {
            let mut residual = 0.0;
            for b in 0..self.blocks.len() {
                self.deposit(window, b, -1.0);
                let near = self.blocks[b].delay;
                residual += self.place(window, b, near, 1.0);
            }
            self.noise = (residual / window.known_count() as f64).max(0.001 * variance);
            explained = 1.0 - self.noise / variance;
        }
        (&self.blocks, explained)
    }

    /// Up to three neighbouring blocks in the middle of the longest stretch, as (first, end): one alone is a noisy
    /// template.
    fn seed(&self) -> (usize, usize) {
        let (mut from, mut longest) = (0, (0, 0));
        for b in 1..=self.blocks.len() {
            if b == self.blocks.len() || self.blocks[b].fresh {
                if b - from > longest.1 - longest.0 {
                    longest = (from, b);
                }
                from = b;
            }
        }
        let middle = (longest.0 + longest.1) / 2;
        (middle.saturating_sub(1).max(longest.0), (middle + 2).min(longest.1))
    }

    fn cut(&mut self, window: &CleanWindow) {
        let n = window.len() as f64;
        let least = LEAST_BLOCK.max(n / MOST_BLOCKS as f64);
        let length = (least / self.period).ceil().max(1.0) * self.period;
        self.blocks.clear();
        for (start, end) in window.stretches() {
            let span = (end - start) as f64;
            // The rest is spread over all blocks rather than left to one.
            let count = (span / length).round().max(1.0);
            let mut fresh = true;
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
                if known as f64 >= 0.5 * length.min(2.0 * LEAST_BLOCK) && self.blocks.len() < MOST_BLOCKS {
                    let centre = sum as f64 / known as f64;
                    self.blocks.push(Block {
                        centre,
                        delay: 0.0,
                        variance: f64::INFINITY,
                        first: first as u32,
                        end: end as u32,
                        fresh,
                    });
                    fresh = false;
                }
            }
        }
    }

    /// Fits block `b` near a delay, adds it to the template; the squared residual that is left.
    fn place(&mut self, window: &CleanWindow, b: usize, near: f64, near_var: f64) -> f64 {
        for i in 0..self.bins {
            self.template[i] = if self.weight[i] > 1e-3 { self.weighted[i] / self.weight[i] } else { 0.0 };
        }
        // Neighbouring residuals are alike: three count as one.
        let scale = 1.0 / (6.0 * self.noise);
        let cost = |tracker: &Self, delay: f64| {
            scale * tracker.misfit(window, b, delay) + 0.5 * (delay - near).powi(2) / near_var
        };
        let reach = (2.5 * near_var.sqrt()).ceil().min(0.5 * self.period).max(1.0) as i32;
        let (mut best, mut least) = (near, f64::INFINITY);
        for shift in -reach..=reach {
            let delay = near + f64::from(shift);
            let cost = cost(self, delay);
            if cost < least {
                (best, least) = (delay, cost);
            }
        }
        let half = 0.5;
        let (before, after) = (cost(self, best - half), cost(self, best + half));
        let curvature = (before - 2.0 * least + after) / (half * half);
        let block = &mut self.blocks[b];
        if curvature > 0.0 {
            block.delay = best + ((before - after) / (2.0 * half) / curvature).clamp(-1.0, 1.0);
            // Without the prior's own part.
            let own = curvature - 1.0 / near_var;
            block.variance = if own > 0.0 { 1.0 / own / 3.0 } else { f64::INFINITY };
        } else {
            block.delay = best;
            block.variance = f64::INFINITY;
        }
        let delay = block.delay;
        let residual = self.misfit(window, b, delay);
        self.deposit(window, b, 1.0);
        residual
    }

    /// Squared difference of block `b` to the template when it comes `delay` late.
    fn misfit(&self, window: &CleanWindow, b: usize, delay: f64) -> f64 {
        let block = &self.blocks[b];
        let (first, end) = (block.first as usize, block.end as usize);
        let step = 1.0 / self.period;
        let mut phase = ((first as f64 - delay) * step).rem_euclid(1.0);
        let mask = self.bins - 1;
        let mut sum = 0.0f32;
        for i in first..end {
            let at = phase as f32 * self.bins as f32;
            let bin = at as usize;
            let part = at - bin as f32;
            let (a, b) = (self.template[bin & mask], self.template[(bin + 1) & mask]);
            if window.is_known(i) {
                let difference = window.signal()[i] - (a + part * (b - a));
                sum += difference * difference;
            }
            phase += step;
            if phase >= 1.0 {
                phase -= 1.0;
            }
        }
        f64::from(sum)
    }

    /// Adds (sign 1) or takes away (sign -1) block `b` at its delay.
    fn deposit(&mut self, window: &CleanWindow, b: usize, sign: f32) {
        let block = self.blocks[b];
        let per_sample = self.bins as f64 / self.period;
        let half = (0.75 * per_sample).max(1.0);
        for i in block.first as usize..block.end as usize {
            if !window.is_known(i) {
                continue;
            }
            let at = ((i as f64 - block.delay) / self.period).rem_euclid(1.0) * self.bins as f64;
            let (from, to) = ((at - half).ceil() as i64, (at + half).floor() as i64);
            for bin in from..=to {
                let weight = sign * (1.0 - (bin as f64 - at).abs() / half) as f32;
                let index = bin.rem_euclid(self.bins as i64) as usize;
                self.weighted[index] += weight * window.signal()[i];
                self.weight[index] += weight;
            }
        }
    }
}
