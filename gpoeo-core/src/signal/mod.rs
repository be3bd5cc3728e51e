//! A bounded window of one quantity over time, on a uniform grid.
//!
//! Device samples come with their own stamps, jitter by a few milliseconds and get lost now and then. [`Signal`] puts
//! them on a grid of equal steps by drawing lines between neighbours (taking the index for the time instead moves
//! spectral lines by up to 30 % on recordings with lost samples). Where neighbours are too far apart the slots
//! between them are missing: nothing is invented. [`Signal::window`] copies any part of it for those who compute.
//!
//! State: one ring of `f32`, allocated once. Cost of a push: constant, or the number of slots that it fills.

mod grid;

use core::time::Duration;

use crate::config::SignalConfig;
use crate::time::Timestamp;
use grid::Grid;

/// The last while of one quantity (power, or the rate of a counter), on a uniform grid.
///
/// ```
/// use core::time::Duration;
/// use gpoeo_core::{Signal, SignalConfig, Timestamp};
///
/// let mut signal = Signal::new(&SignalConfig::default());
/// for k in 0..50_u32 {
///     let jitter = if k % 2 == 0 { 0.0 } else { 0.003 };
///     let at = f64::from(k) * 0.02 + jitter;
///     signal.push(Timestamp::from_secs_f64(at), 300.0 + 100.0 * at); // a ramp
/// }
///
/// let mut scratch = [0.0; 64];
/// let (from, to) = (Timestamp::from_secs_f64(0.1), Timestamp::from_secs_f64(0.2));
/// let window = signal.window(from, to, &mut scratch);
/// assert_eq!((window.values.len(), window.missing), (6, 0));
/// assert_eq!(window.start, from);
/// assert_eq!(window.step, Duration::from_millis(20));
/// assert!((window.values[2] - 314.0).abs() < 1e-3); // 0.14 s, although no sample lies there
/// ```
#[derive(Clone, Debug)]
pub struct Signal {
    step_ns: u64,
    bridged_steps: u32,
    grid: Grid,
    /// Slot `s` stands at `s % values.len()`; NaN is a missing slot.
    values: Box<[f32]>,
    /// Slots filled so far since the origin, the forgotten ones included; the newest is `end - 1`.
    end: u64,
    /// The newest sample.
    last: Option<(Timestamp, f64)>,
}

/// A part of a [`Signal`], copied into the caller's scratch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window<'a> {
    /// The moment of `values[0]`.
    pub start: Timestamp,
    /// Distance of the values.
    pub step: Duration,
    /// The values, oldest first; **NaN where the signal is missing**.
    pub values: &'a [f32],
    /// How many of the values are missing.
    pub missing: usize,
}

impl Window<'_> {
    /// The moment of `values[index]`.
    #[must_use]
    pub fn time_of(&self, index: usize) -> Timestamp {
        self.start + self.step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

impl Signal {
    /// An empty signal. Allocates its ring here, and never again.
    #[must_use]
    pub fn new(config: &SignalConfig) -> Self {
        const FEWEST_SLOTS: usize = 2;
        let step_ns = step_ns(config.step);
        Self {
            step_ns,
            bridged_steps: config.bridged_steps,
            grid: Grid::new(Timestamp::ZERO, step_ns),
            values: vec![f32::NAN; config.slots.max(FEWEST_SLOTS)].into_boxed_slice(),
            end: 0,
            last: None,
        }
    }

    /// Takes a sample. One that is not later than the last, or not a finite number, is ignored.
    pub fn push(&mut self, time: Timestamp, value: f64) {
        if !value.is_finite() {
            return;
        }
        match self.last {
            Some((last_time, _)) if time <= last_time => return,
            Some((last_time, _)) if !self.reaches(last_time, time) => self.restart(time, value),
            Some(last) => self.fill(last, (time, value)),
            None => self.restart(time, value),
        }
        self.last = Some((time, value));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.end = 0;
        self.last = None;
    }

    /// Forgets everything; from now on the slots are `step` apart (taken as 1 µs if it is shorter).
    pub fn restart_at(&mut self, step: Duration) {
        self.step_ns = step_ns(step);
        self.clear();
    }

    /// Distance of the slots.
    #[must_use]
    pub const fn step(&self) -> Duration {
        Duration::from_nanos(self.step_ns)
    }

    /// Most slots that a window can have.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.values.len()
    }

    /// The moment of the oldest slot kept.
    #[must_use]
    pub fn earliest(&self) -> Option<Timestamp> {
        (self.end > 0).then(|| self.grid.time_of(self.begin()))
    }

    /// The moment of the newest slot: at or up to one step before the last sample.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        (self.end > 0).then(|| self.grid.time_of(self.end - 1))
    }

    /// Copies the slots from `from` to `to`, both included, as far as they are kept; of more than `scratch` holds,
    /// the newest. Linear in the number of slots.
    pub fn window<'a>(&self, from: Timestamp, to: Timestamp, scratch: &'a mut [f32]) -> Window<'a> {
        let first = self.grid.slot_at_or_after(from).max(self.begin());
        let past = self.grid.slot_at_or_before(to).map_or(0, |slot| slot.saturating_add(1)).min(self.end);
        let first = first.max(past.saturating_sub(scratch.len() as u64));
        let length = past.saturating_sub(first) as usize;

        let ring = self.values.len();
        let head = (first % ring as u64) as usize;
        let until_wrap = length.min(ring - head);
        let out = &mut scratch[..length];
        out[..until_wrap].copy_from_slice(&self.values[head..head + until_wrap]);
        out[until_wrap..].copy_from_slice(&self.values[..length - until_wrap]);

        let missing = out.iter().filter(|value| value.is_nan()).count();
        Window { start: self.grid.time_of(first), step: self.step(), values: out, missing }
    }

    /// Bytes of state, the ring included.
    #[must_use]
    pub const fn state_bytes(&self) -> usize {
        size_of::<Self>() + self.values.len() * size_of::<f32>()
    }

    /// Slot number of the oldest value kept.
    fn begin(&self) -> u64 {
        self.end.saturating_sub(self.values.len() as u64)
    }

    /// Whether anything that is kept would still be kept once `time` has come in.
    fn reaches(&self, last: Timestamp, time: Timestamp) -> bool {
        time.saturating_since(last).as_nanos() < u128::from(self.step_ns) * self.values.len() as u128
    }

    /// A new grid from `time` on.
    fn restart(&mut self, time: Timestamp, value: f64) {
        self.grid = Grid::new(time, self.step_ns);
        self.end = 0;
        self.store(value as f32);
    }

    /// Fills the slots after `last` up to the new sample.
    fn fill(&mut self, last: (Timestamp, f64), new: (Timestamp, f64)) {
        let gap_s = new.0.seconds_since(last.0);
        let is_bridged = new.0.saturating_since(last.0) <= self.step().saturating_mul(self.bridged_steps);
        let past = self.grid.slot_at_or_before(new.0).map_or(0, |slot| slot.saturating_add(1));
        while self.end < past {
            let at = self.grid.time_of(self.end);
            let value = if at == new.0 {
                new.1 as f32
            } else if is_bridged {
                let share = at.seconds_since(last.0) / gap_s;
                (last.1 + share * (new.1 - last.1)) as f32
            } else {
                f32::NAN
            };
            self.store(value);
        }
    }

    fn store(&mut self, value: f32) {
        let ring = self.values.len() as u64;
        self.values[(self.end % ring) as usize] = value;
        self.end += 1;
    }
}

fn step_ns(step: Duration) -> u64 {
    const SHORTEST_STEP_NS: u64 = 1_000;
    u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(SHORTEST_STEP_NS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_secs_f64(seconds)
    }

    fn small(slots: usize) -> Signal {
        Signal::new(&SignalConfig { slots, ..SignalConfig::default() })
    }

    #[test]
    fn a_long_gap_is_missing_and_a_short_one_is_bridged() {
        let mut signal = small(64);
        for time in [0.0, 0.02, 0.08, 0.40, 0.42] {
            signal.push(at(time), 100.0 * time);
        }
        let mut scratch = [0.0; 64];
        let window = signal.window(at(0.0), at(1.0), &mut scratch);
        assert_eq!(window.values.len(), 22);
        assert!((window.values[3] - 6.0).abs() < 1e-4);
        assert_eq!(window.missing, 15);
        assert!(window.values[5].is_nan() && window.values[19].is_nan());
        assert!((window.values[20] - 40.0).abs() < 1e-4);
    }

    #[test]
    fn bridges_one_lost_sample_of_a_slow_source() {
        let step = Duration::from_millis(100);
        let mut signal = Signal::new(&SignalConfig { step, slots: 32, ..SignalConfig::default() });
        for time in [0.0, 0.105, 0.195, 0.41, 0.5, 1.1] {
            signal.push(at(time), 1.0);
        }
        assert_eq!(signal.window(at(0.0), at(1.2), &mut [0.0; 32]).missing, 5);
    }

    #[test]
    fn forgets_the_oldest_and_wraps() {
        let mut signal = small(8);
        for k in 0..20 {
            signal.push(at(f64::from(k) * 0.02), f64::from(k));
        }
        let mut scratch = [0.0; 64];
        let window = signal.window(Timestamp::ZERO, at(9.0), &mut scratch);
        assert_eq!(window.values, [12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0]);
        assert_eq!(signal.earliest(), Some(at(0.24)));
        assert_eq!(signal.latest(), Some(at(0.38)));
    }

    #[test]
    fn gives_the_newest_when_the_scratch_is_short() {
        let mut signal = small(8);
        for k in 0..8 {
            signal.push(at(f64::from(k) * 0.02), f64::from(k));
        }
        let mut scratch = [0.0; 3];
        let window = signal.window(Timestamp::ZERO, at(0.1), &mut scratch);
        assert_eq!(window.values, [3.0, 4.0, 5.0]);
        assert_eq!(window.start, at(0.06));
        assert_eq!(window.time_of(2), at(0.1));
    }

    #[test]
    fn starts_afresh_after_a_gap_longer_than_the_ring() {
        let mut signal = small(8);
        signal.push(at(0.0), 1.0);
        signal.push(at(0.02), 1.0);
        signal.push(at(3600.005), 2.0);
        assert_eq!(signal.earliest(), Some(at(3600.005)));
        assert_eq!(signal.latest(), signal.earliest());
    }

    #[test]
    fn ignores_a_sample_from_the_past_and_one_that_is_no_number() {
        let mut signal = small(8);
        signal.push(at(1.0), 1.0);
        signal.push(at(1.02), f64::NAN);
        signal.push(at(1.0), 5.0);
        signal.push(at(0.5), 5.0);
        assert_eq!(signal.latest(), Some(at(1.0)));
        let mut scratch = [0.0; 8];
        assert_eq!(signal.window(at(0.0), at(2.0), &mut scratch).values, [1.0]);
    }

    #[test]
    fn stands_the_end_of_time() {
        let mut signal = small(8);
        signal.push(Timestamp::from_nanos(u64::MAX - 1), 1.0);
        signal.push(Timestamp::from_nanos(u64::MAX), 2.0);
        assert_eq!(signal.latest(), Some(Timestamp::from_nanos(u64::MAX - 1)));
    }

    #[test]
    fn an_empty_or_reversed_window_has_no_values() {
        let mut signal = small(8);
        let mut scratch = [0.0; 8];
        assert!(signal.window(at(0.0), at(1.0), &mut scratch).values.is_empty());
        signal.push(at(1.0), 1.0);
        assert!(signal.window(at(2.0), at(0.5), &mut scratch).values.is_empty());
        assert!(signal.window(at(0.0), at(0.5), &mut scratch).values.is_empty());
    }

    proptest! {
        #[test]
        fn holds_every_value_of_a_line_whatever_the_jitter(offsets in prop::collection::vec(0.0_f64..0.019, 3..80)) {
            let mut signal = small(64);
            for (k, offset) in offsets.iter().enumerate() {
                let time = 5.0 + k as f64 * 0.02 + offset;
                signal.push(at(time), 10.0 * time);
            }
            let mut scratch = [0.0; 64];
            let window = signal.window(at(0.0), at(99.0), &mut scratch);
            prop_assert_eq!(window.missing, 0);
            for (index, &value) in window.values.iter().enumerate() {
                prop_assert!((f64::from(value) - 10.0 * window.time_of(index).as_secs_f64()).abs() < 1e-3);
            }
        }

        #[test]
        fn a_shift_of_all_times_changes_no_value(shift in 0_u64..1 << 60, steps in prop::collection::vec(1_u64..200_000_000, 1..50)) {
            let (mut near, mut far) = (small(32), small(32));
            let mut time = 0;
            for (k, step) in steps.iter().enumerate() {
                time += step;
                near.push(Timestamp::from_nanos(time), k as f64);
                far.push(Timestamp::from_nanos(time + shift), k as f64);
            }
            let (mut a, mut b) = ([0.0; 32], [0.0; 32]);
            let near = near.window(Timestamp::ZERO, Timestamp::from_nanos(u64::MAX), &mut a);
            let far = far.window(Timestamp::ZERO, Timestamp::from_nanos(u64::MAX), &mut b);
            prop_assert_eq!(near.values.len(), far.values.len());
            prop_assert!(near.values.iter().zip(far.values).all(|(x, y)| x.to_bits() == y.to_bits()));
        }
    }
}
