//! Whether a job runs, from power alone.
//!
//! An idle GPU is still and low; a job is unsteady, or high, or both. Looks at the last second in ten blocks. Ours.

use crate::config::BusyConfig;
use crate::time::Timestamp;

const BLOCKS: usize = 10;
const BLOCK_NS: u64 = 100_000_000;

/// Tells a busy GPU from a quiet one.
///
/// ```
/// use gpoeo_core::period::Busy;
/// use gpoeo_core::{BusyConfig, Timestamp};
///
/// let config = BusyConfig::default();
/// let mut busy = Busy::new(&config);
/// let at = |k: u32| Timestamp::from_secs_f64(f64::from(k) * 0.02);
/// assert!((0..100).all(|k| !busy.push(at(k), 71.0 + f64::from(k % 2), &config)));
/// assert!((100..150).all(|k| busy.push(at(k), 550.0, &config)));
/// assert_eq!(busy.quiet_since(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Busy {
    blocks: [Block; BLOCKS],
    /// Blocks in use, the open one included.
    used: usize,
    /// The open block.
    head: usize,
    idle_w: f64,
    /// What the job draws: the highest block, forgotten within seconds.
    job_w: f64,
    /// Since when the GPU has been quiet; `None` while it is busy.
    quiet_since: Option<Timestamp>,
}

/// A tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    start: Timestamp,
    low: f64,
    high: f64,
    sum: f64,
    count: f64,
}

impl Block {
    fn new(time: Timestamp, value: f64) -> Self {
        Self { start: time, low: value, high: value, sum: value, count: 1.0 }
    }

    fn add(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        self.sum += value;
        self.count += 1.0;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

impl Busy {
    /// Has seen nothing.
    #[must_use]
    pub fn new(config: &BusyConfig) -> Self {
        Self {
            blocks: [Block::default(); BLOCKS],
            used: 0,
            head: 0,
            idle_w: config.highest_idle_w,
            job_w: 0.0,
            quiet_since: None,
        }
    }

    /// Takes a sample and says whether the last second was busy.
    pub fn push(&mut self, time: Timestamp, value: f64, config: &BusyConfig) -> bool {
        let open = &mut self.blocks[self.head];
        if self.used == 0 {
            *open = Block::new(time, value);
            self.used = 1;
        } else if time.as_nanos().saturating_sub(open.start.as_nanos()) < BLOCK_NS {
            open.add(value);
        } else {
            const KEPT: f64 = 0.985; // a block; half in 4.6 s
            self.job_w = (self.job_w * KEPT).max(open.mean());
            self.head = (self.head + 1) % BLOCKS;
            self.used = (self.used + 1).min(BLOCKS);
            self.blocks[self.head] = Block::new(time, value);
        }

        let blocks = &self.blocks[..self.used];
        let low = blocks.iter().map(|block| block.low).fold(f64::INFINITY, f64::min);
        let high = blocks.iter().map(|block| block.high).fold(f64::NEG_INFINITY, f64::max);
        let mean =
            blocks.iter().map(|block| block.sum).sum::<f64>() / blocks.iter().map(|block| block.count).sum::<f64>();
        // Means of blocks: one reading of 0 W is a glitch, not an idle GPU.
        let level = blocks.iter().map(Block::mean).fold(f64::INFINITY, f64::min);
        self.idle_w = self.idle_w.min(level.max(0.0));

        let is_unsteady = high - low > config.range_w && high > config.range_ratio * low;
        let is_high = mean - self.idle_w > config.above_idle_w.max(config.above_idle_ratio * self.idle_w);
        let is_busy = is_unsteady || is_high;
        if is_busy {
            self.quiet_since = None;
        } else if self.quiet_since.is_none() {
            self.quiet_since = Some(time);
        }
        is_busy
    }

    /// Whether the last tenth or two of a second are far below what the job draws: a gap, or its end. A look now would
    /// find that at the end of each of its windows.
    #[must_use]
    pub fn is_pausing(&self) -> bool {
        const LOW: f64 = 0.3;
        let newest = [self.head, (self.head + BLOCKS - 1) % BLOCKS];
        let recent = newest.into_iter().filter(|&index| index < self.used).map(|index| self.blocks[index].mean());
        let recent = recent.fold(f64::NEG_INFINITY, f64::max);
        self.quiet_since.is_some() || recent < self.idle_w + LOW * (self.job_w - self.idle_w)
    }

    /// Since when the GPU has been quiet; `None` while it is busy.
    #[must_use]
    pub fn quiet_since(&self) -> Option<Timestamp> {
        self.quiet_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(busy: &mut Busy, from_s: f64, seconds: f64, power: impl Fn(usize) -> f64) -> Vec<bool> {
        let config = BusyConfig::default();
        (0..(seconds / 0.02) as usize)
            .map(|k| busy.push(Timestamp::from_secs_f64(from_s + k as f64 * 0.02), power(k), &config))
            .collect()
    }

    #[test]
    fn an_idle_gpu_is_quiet_and_a_step_up_is_busy_at_once() {
        let mut busy = Busy::new(&BusyConfig::default());
        let idle = run(&mut busy, 0.0, 3.0, |k| 72.0 + (k % 3) as f64);
        assert!(idle.iter().all(|&busy| !busy));
        let started = run(&mut busy, 3.0, 3.0, |_| 600.0);
        assert!(started.iter().all(|&busy| busy));
    }

    #[test]
    fn a_context_without_kernels_is_quiet_once_a_second_has_passed() {
        let mut busy = Busy::new(&BusyConfig::default());
        run(&mut busy, 0.0, 2.0, |_| 72.0);
        let context = run(&mut busy, 2.0, 3.0, |_| 130.0);
        assert!(!context[60..].iter().any(|&busy| busy));
        assert!(busy.quiet_since().is_some());
    }

    #[test]
    fn a_job_that_ran_already_is_busy() {
        let mut busy = Busy::new(&BusyConfig::default());
        let steady = run(&mut busy, 0.0, 2.0, |k| 250.0 + (k % 2) as f64);
        assert!(steady.iter().all(|&busy| busy));
        let mut busy = Busy::new(&BusyConfig::default());
        let unsteady = run(&mut busy, 0.0, 2.0, |k| 60.0 + 10.0 * (k % 7) as f64);
        assert!(unsteady[7..].iter().all(|&busy| busy));
    }

    #[test]
    fn a_gap_is_a_pause_at_once_but_no_quiet() {
        let mut busy = Busy::new(&BusyConfig::default());
        run(&mut busy, 0.0, 3.0, |k| 500.0 + 30.0 * (k % 5) as f64);
        assert!(!busy.is_pausing());
        run(&mut busy, 3.0, 0.3, |_| 120.0);
        assert!(busy.is_pausing() && busy.quiet_since().is_none());
        run(&mut busy, 3.3, 0.3, |k| 500.0 + 30.0 * (k % 5) as f64);
        assert!(!busy.is_pausing());
    }
}
