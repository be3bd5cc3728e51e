//! Energy between two moments.
//!
//! Source: the device's running counter where it has one, else the integral of the power samples (ours: on the H100 and
//! H200 recordings both agree to 0.1-0.3 %). The counter changes only every 100 ms and a sample carries its last value,
//! so a change is known to lie somewhere between two samples; between changes we interpolate. Both doubts are in the
//! standard error. Cost: a few operations a sample, a binary search a question. State: one fixed ring, about 7 KiB.

use std::collections::VecDeque;

use crate::config::MeasureConfig;
use crate::sample::Sample;
use crate::time::Timestamp;

/// Where an energy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnergySource {
    /// The device's running energy counter.
    Counter,
    /// The integral of the power samples (trapezoid).
    Power,
}

/// Energy over an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnergySpan {
    /// Energy, J.
    pub energy_j: f64,
    /// Standard error of `energy_j`, J: moments of counter updates, interpolation, gain of the power sensor.
    pub stderr_j: f64,
    /// What was read.
    pub source: EnergySource,
}

/// One known point of the running energy.
#[derive(Clone, Copy, Debug)]
struct Point {
    time: Timestamp,
    energy_j: f64,
}

/// The running energy of the last [`MeasureConfig::energy_points`] counter updates (about 45 s).
#[derive(Clone, Debug)]
pub struct EnergyLog {
    points: VecDeque<Point>,
    capacity: usize,
    source: EnergySource,
    last: Option<Sample>,
    /// Last counter value, and when it was first seen.
    counter: Option<Point>,
    /// The counter stood still while samples came: it is not read again.
    counter_is_dead: bool,
    /// Integral of power since the first sample, J.
    integral_j: f64,
    /// Typical time between two samples, s.
    sample_gap_s: f64,
    max_gap_s: f64,
    counter_stale_s: f64,
    point_spacing_s: f64,
    power_gain_sd: f64,
}

impl EnergyLog {
    /// An empty log. Allocates its ring once.
    #[must_use]
    pub fn new(config: &MeasureConfig) -> Self {
        let capacity = config.energy_points.max(4);
        Self {
            points: VecDeque::with_capacity(capacity),
            capacity,
            source: EnergySource::Power,
            last: None,
            counter: None,
            counter_is_dead: false,
            integral_j: 0.0,
            sample_gap_s: 0.0,
            max_gap_s: config.max_sample_gap.as_secs_f64(),
            counter_stale_s: config.counter_stale.as_secs_f64(),
            point_spacing_s: config.energy_point_spacing.as_secs_f64(),
            power_gain_sd: config.power_gain_sd,
        }
    }

    /// Takes one sample. One that is not later than the last, or not finite, is ignored. O(1), no allocation.
    ///
    /// The past is forgotten when the counter goes down (driver reload, reset), when it appears or dies, and, where the
    /// source is power, after a gap too long to integrate over.
    pub fn push(&mut self, sample: &Sample) {
        if sample.non_finite_field().is_some() || self.last.is_some_and(|last| sample.time <= last.time) {
            return;
        }
        let since_last_s = self.last.map_or(0.0, |last| sample.time.seconds_since(last.time));
        if let Some(last) = self.last {
            self.integral_j += 0.5 * (last.power_w + sample.power_w) * since_last_s;
            // Slow mean, bounded so that one gap does not spoil it.
            let gap_s = since_last_s.min(self.max_gap_s);
            self.sample_gap_s += (gap_s - self.sample_gap_s) * if self.sample_gap_s > 0.0 { 0.05 } else { 1.0 };
        }
        self.read_counter(sample, since_last_s);
        if self.source == EnergySource::Power {
            if since_last_s > self.max_gap_s {
                self.points.clear();
            }
            let due =
                self.points.back().is_none_or(|point| sample.time.seconds_since(point.time) >= self.point_spacing_s);
            if due {
                self.record(Point { time: sample.time, energy_j: self.integral_j });
            }
        }
        self.last = Some(*sample);
    }

    /// Energy from `from` to `to`, or `None` if the log does not reach back to `from`, has not reached `to` (by more than
    /// about one update), or `to` is not later than `from`. O(log n).
    #[must_use]
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Option<EnergySpan> {
        if to <= from {
            return None;
        }
        let (start_j, start_var) = self.at(from)?;
        let (end_j, end_var) = self.at(to)?;
        let energy_j = end_j - start_j;
        let gain_sd = if self.source == EnergySource::Power { self.power_gain_sd * energy_j } else { 0.0 };
        let stderr_j = (start_var + end_var + gain_sd * gain_sd).sqrt();
        Some(EnergySpan { energy_j, stderr_j, source: self.source })
    }

    /// Moment of the newest known point: `between` is exact up to here, and reaches one update further.
    #[must_use]
    pub fn known_until(&self) -> Option<Timestamp> {
        self.points.back().map(|point| point.time)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.points.clear();
        self.last = None;
        self.counter = None;
        self.counter_is_dead = false;
        self.integral_j = 0.0;
        self.source = EnergySource::Power;
    }

    fn read_counter(&mut self, sample: &Sample, since_last_s: f64) {
        if self.counter_is_dead {
            return;
        }
        let Some(energy_j) = sample.energy_j else {
            // A missing value now and then is a failed reading; a lasting one means that there is no counter (any more).
            if self.counter.is_some_and(|counter| sample.time.seconds_since(counter.time) > self.counter_stale_s) {
                self.counter = None;
                self.switch_to(EnergySource::Power);
            }
            return;
        };
        match self.counter {
            Some(counter) if energy_j > counter.energy_j => {
                // The update happened between the last sample and this one.
                let time = sample.time.saturating_sub(core::time::Duration::from_secs_f64(0.5 * since_last_s));
                self.record(Point { time, energy_j });
                self.counter = Some(Point { time: sample.time, energy_j });
            }
            Some(counter) if energy_j < counter.energy_j => {
                self.points.clear();
                self.counter = Some(Point { time: sample.time, energy_j });
            }
            Some(counter) => {
                if sample.time.seconds_since(counter.time) > self.counter_stale_s {
                    self.counter_is_dead = true;
                    self.counter = None;
                    self.switch_to(EnergySource::Power);
                }
            }
            None => {
                // No point yet: when this value was written is unknown.
                self.switch_to(EnergySource::Counter);
                self.counter = Some(Point { time: sample.time, energy_j });
            }
        }
    }

    fn switch_to(&mut self, source: EnergySource) {
        if self.source != source {
            self.source = source;
            self.points.clear();
        }
    }

    fn record(&mut self, point: Point) {
        if self.points.len() == self.capacity {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// Running energy at `time` and the variance of this value.
    fn at(&self, time: Timestamp) -> Option<(f64, f64)> {
        let after = self.points.partition_point(|point| point.time <= time);
        if after == 0 || self.points.len() < 2 {
            return None;
        }
        // Beyond the newest point the last step goes on.
        let step = after.min(self.points.len() - 1);
        let (a, b) = (self.points.get(step - 1)?, self.points.get(step)?);
        let step_s = b.time.seconds_since(a.time);
        let power_w = (b.energy_j - a.energy_j) / step_s;
        let since_s = time.seconds_since(a.time);
        let beyond_s = (since_s - step_s).max(0.0);
        if beyond_s > 1.5 * step_s {
            return None;
        }
        // How much the mean power of neighbouring steps differs says how uneven it can be inside this one.
        let change_w = self.change_of_power_w(step, power_w);
        // An update is seen at the next sample, at random in between; a stamp of a power sample jitters by a tenth of the
        // step (1-2 ms of 20 ms on the recordings).
        let moment_sd_s = match self.source {
            EnergySource::Counter => self.sample_gap_s / 12f64.sqrt(),
            EnergySource::Power => 0.1 * self.sample_gap_s,
        };
        // Half a triangle under a straight line: at most change * step / 8 in the middle; beyond the end it grows freely.
        let bend_j = change_w * (0.125 * step_s + beyond_s);
        let moment_j = power_w * moment_sd_s;
        Some((a.energy_j + power_w * since_s, moment_j * moment_j + bend_j * bend_j))
    }

    fn change_of_power_w(&self, step: usize, power_w: f64) -> f64 {
        let mean_w = |from: usize, to: usize| {
            let (a, b) = (self.points.get(from)?, self.points.get(to)?);
            Some((b.energy_j - a.energy_j) / b.time.seconds_since(a.time))
        };
        let before = step.checked_sub(2).and_then(|from| mean_w(from, step - 1));
        let after = mean_w(step, step + 1);
        let change = |other: Option<f64>| other.map_or(0.0, |other_w| (other_w - power_w).abs());
        change(before).max(change(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const STEP: Duration = Duration::from_millis(20);

    fn log() -> EnergyLog {
        EnergyLog::new(&MeasureConfig::default())
    }

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_secs_f64(seconds)
    }

    /// Feeds `seconds` of `power(t)`; the counter, if any, is written every 100 ms from `counter_from_j` on.
    fn feed(log: &mut EnergyLog, from: f64, seconds: f64, power: impl Fn(f64) -> f64, counter_from_j: Option<f64>) {
        let fine = 1e-3;
        let (mut energy_j, mut before_j, mut written_j) = (0.0, -0.02 * power(from), 0.0);
        for tick in 0..(seconds / fine) as usize {
            let t = from + tick as f64 * fine;
            if tick % 100 == 37 {
                written_j = energy_j;
            }
            if tick % 20 == 0 {
                // A power sample is the mean over the step that it ends.
                let mut sample = Sample::new(at(t), (energy_j - before_j) / 0.02);
                before_j = energy_j;
                if let Some(start_j) = counter_from_j {
                    sample = sample.energy_j(start_j + written_j);
                }
                log.push(&sample);
            }
            energy_j += power(t) * fine;
        }
    }

    fn wave(t: f64) -> f64 {
        if (t / 0.3).fract() < 0.5 { 550.0 } else { 150.0 }
    }

    /// Integral of `wave` over whole periods.
    const WAVE_MEAN_W: f64 = 350.0;

    #[test]
    fn reads_the_counter_where_there_is_one() {
        let mut log = log();
        feed(&mut log, 10.0, 8.0, wave, Some(5e6));
        let span = log.between(at(12.0), at(15.0)).unwrap();
        assert_eq!(span.source, EnergySource::Counter);
        assert!((span.energy_j - 3.0 * WAVE_MEAN_W).abs() < 3.0 * span.stderr_j, "{span:?}");
        assert!(span.stderr_j < 0.02 * span.energy_j, "{span:?}");
    }

    #[test]
    fn integrates_power_where_there_is_no_counter() {
        let mut log = log();
        feed(&mut log, 10.0, 8.0, wave, None);
        let span = log.between(at(12.0), at(15.0)).unwrap();
        assert_eq!(span.source, EnergySource::Power);
        assert!((span.energy_j - 3.0 * WAVE_MEAN_W).abs() < 3.0 * span.stderr_j, "{span:?}");
    }

    #[test]
    fn errors_are_of_the_size_of_the_standard_error() {
        let mut log = log();
        feed(&mut log, 0.0, 40.0, |t| 400.0 + 150.0 * (t * 7.3).sin(), Some(0.0));
        let (mut z2, mut n) = (0.0, 0.0);
        for i in 0..500 {
            let (from, to) = (2.0 + 0.0313 * f64::from(i), 6.0 + 0.0519 * f64::from(i));
            let true_j = 400.0 * (to - from) + 150.0 / 7.3 * ((from * 7.3).cos() - (to * 7.3).cos());
            let span = log.between(at(from), at(to)).unwrap();
            z2 += ((span.energy_j - true_j) / span.stderr_j).powi(2);
            n += 1.0;
        }
        assert!(z2 / n < 2.0, "{}", z2 / n);
    }

    #[test]
    fn a_counter_that_goes_down_ends_the_past() {
        let mut log = log();
        feed(&mut log, 0.0, 4.0, wave, Some(9e6));
        feed(&mut log, 4.0, 4.0, wave, Some(0.0));
        assert_eq!(log.between(at(2.0), at(6.0)), None);
        assert!(log.between(at(5.0), at(7.0)).is_some());
    }

    #[test]
    fn a_counter_that_stands_still_is_not_believed() {
        let mut log = log();
        for i in 0..400 {
            log.push(&Sample::new(Timestamp::ZERO + STEP * i, 300.0).energy_j(77.0));
        }
        let span = log.between(at(5.0), at(7.0)).unwrap();
        assert_eq!(span.source, EnergySource::Power);
        assert!((span.energy_j - 600.0).abs() < 1e-6, "{span:?}");
    }

    #[test]
    fn a_reading_without_the_counter_does_no_harm() {
        let mut log = log();
        for i in 0..400u32 {
            let sample = Sample::new(Timestamp::ZERO + STEP * i, 300.0);
            log.push(&if i % 3 == 0 { sample } else { sample.energy_j(f64::from(i / 5) * 30.0) });
        }
        let span = log.between(at(3.0), at(6.0)).unwrap();
        assert_eq!(span.source, EnergySource::Counter);
        assert!((span.energy_j - 900.0).abs() < 3.0 * span.stderr_j, "{span:?}");
    }

    #[test]
    fn a_gap_in_the_samples_ends_an_integral_but_not_a_counter() {
        for (counter, known) in [(None, false), (Some(0.0), true)] {
            let mut log = log();
            let push = |log: &mut EnergyLog, i: u32| {
                let sample = Sample::new(Timestamp::ZERO + STEP * i, 250.0);
                log.push(&counter.map_or(sample, |_: f64| sample.energy_j(f64::from(i / 5) * 25.0)));
            };
            (0..200).for_each(|i| push(&mut log, i));
            (500..700).for_each(|i| push(&mut log, i));
            assert_eq!(log.between(at(3.0), at(12.0)).is_some(), known);
        }
    }

    #[test]
    fn stays_within_its_memory_and_its_span() {
        let mut log = log();
        for i in 0..100_000u32 {
            log.push(&Sample::new(Timestamp::ZERO + STEP * i, 100.0).energy_j(f64::from(i / 5) * 10.0));
        }
        assert!(log.points.capacity() * size_of::<Point>() + size_of::<EnergyLog>() <= 8 * 1024);
        assert!(log.between(at(1999.5 - 44.0), at(1999.5)).is_some());
        assert_eq!(log.between(at(1900.0), at(1999.0)), None);
        assert_eq!(log.between(at(1999.0), at(2000.5)), None);
        assert_eq!(log.between(at(1990.0), at(1990.0)), None);
    }

    #[test]
    fn a_sample_from_the_past_is_ignored() {
        let mut log = log();
        feed(&mut log, 0.0, 4.0, |_| 200.0, None);
        let before = log.between(at(1.0), at(3.0));
        log.push(&Sample::new(at(2.0), 9e9));
        log.push(&Sample::new(at(5.0), f64::NAN));
        assert_eq!(log.between(at(1.0), at(3.0)), before);
    }
}
