//! What a driver shows of what the job really does: power from a ring of 20 ms means that arrives late and in batches
//! (or as a one-second average), an energy counter in steps of 100 ms, utilisation in steps of 200 ms.
//!
//! Sources: `nvmlDeviceGetSamples` on an H100, driver 580 (step 20 ms, stamps off by 1-2 ms, ring 119 deep); energy
//! counter and ring come from one sensor (they agree to 0.1 %), so both carry the same error. Energy error of a window
//! of `L` seconds at one setting: `0.5 % * sqrt(1/2 + 1 s / L)`, which is 0.5 % at 2 s; time is as exact as the stamps.

use std::collections::VecDeque;
use std::time::Duration;

use gpoeo_core::{Mhz, Sample, Timestamp};

use crate::noise::{Noise, Stream};

/// Step of the ring, and of everything in here.
pub(crate) const TICK: Duration = Duration::from_millis(20);
const TICK_S: f64 = 0.02;
/// Steps of the ring in a second: what the average spans, and how long the fast energy noise lasts.
const SECOND: u64 = 50;
/// Steps of the ring for which the slow energy noise lasts: about one measurement.
const MEASUREMENT: u64 = 500;
/// Steps of the ring between updates of the energy counter, and between values of the average.
const COUNTER_STEP: u64 = 5;
/// Steps of the ring between values of the utilisation.
const UTIL_STEP: u64 = 10;

/// How power is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PowerSource {
    /// The mean over the last second, updated every 100 ms, as `nvmlDeviceGetPowerUsage` gives it on Ampere GA10x and
    /// later.
    Average,
    /// The driver's ring of 20 ms means.
    #[default]
    Ring,
}

/// How good the sensors are. The default is an H100.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SensorConfig {
    /// How power is read.
    pub power: PowerSource,
    /// Samples of the ring arrive together, once in this time.
    pub batch: Duration,
    /// Age of the newest sample of a batch when it arrives.
    pub delay: Duration,
    /// Samples that the ring holds; older ones are lost if they are not read in time.
    pub ring_depth: usize,
    /// Step of the ring while the driver has put the GPU to rest: some cards sample slowly then.
    pub idle_step: Duration,
    /// Standard deviation of the ring's time stamps.
    pub stamp_jitter: Duration,
    /// Probability that a sample of the ring is lost.
    pub loss: f64,
    /// Standard deviation of a ring sample's noise that the energy counter does not see, ratio.
    pub power_noise: f64,
    /// Standard deviation of the energy error that changes every second, ratio.
    pub energy_noise_fast: f64,
    /// Standard deviation of the energy error that changes every 10 s, ratio.
    pub energy_noise_slow: f64,
}

impl Default for SensorConfig {
    fn default() -> Self {
        Self {
            power: PowerSource::Ring,
            batch: Duration::from_millis(100),
            delay: Duration::from_millis(30),
            ring_depth: 119,
            idle_step: TICK,
            stamp_jitter: Duration::from_micros(1500),
            loss: 0.002,
            power_noise: 0.003,
            energy_noise_fast: 0.005,
            energy_noise_slow: 0.0035,
        }
    }
}

impl SensorConfig {
    /// Sensors without any error or delay; steps remain.
    #[must_use]
    pub fn ideal() -> Self {
        Self {
            batch: TICK,
            delay: Duration::ZERO,
            stamp_jitter: Duration::ZERO,
            loss: 0.0,
            power_noise: 0.0,
            energy_noise_fast: 0.0,
            energy_noise_slow: 0.0,
            ..Self::default()
        }
    }

    /// Sets how power is read.
    #[must_use]
    pub fn with_power(mut self, power: PowerSource) -> Self {
        self.power = power;
        self
    }

    /// Span of time that one power reading averages over.
    pub(crate) fn lag(&self) -> Duration {
        match self.power {
            PowerSource::Average => Duration::from_secs(1),
            PowerSource::Ring => TICK,
        }
    }
}

/// Whether the driver has put the GPU to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Asleep,
    Awake,
}

/// What happened in one step of the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// End of the step.
    pub(crate) time: Timestamp,
    /// Energy used in it, J.
    pub(crate) energy_j: f64,
    /// Share of it with a kernel running, 0..1.
    pub(crate) busy: f64,
    /// Use of the memory's bandwidth, 0..1, if it is known.
    pub(crate) memory: Option<f64>,
    /// Whether the driver has put the GPU to rest.
    pub(crate) rest: Rest,
    /// SM clock in force at its end.
    pub(crate) sm: Mhz,
    /// Memory clock in force at its end, if it is known.
    pub(crate) mem: Option<Mhz>,
}

/// The sensors of one GPU.
#[derive(Clone, Debug)]
pub(crate) struct Sensors {
    config: SensorConfig,
    /// Steps so far.
    ticks: u64,
    /// Steps by which the energy counter's updates are shifted.
    phase: u64,
    samples: Noise,
    fast: Noise,
    slow: Noise,
    fast_error: f64,
    slow_error: f64,
    /// Energy as the sensor sees it, J.
    seen_j: f64,
    /// Seen energy at the last `SECOND` steps, for the average.
    history_j: VecDeque<f64>,
    busy_s: f64,
    memory_s: f64,
    counter_j: f64,
    util: f32,
    memory_util: Option<f32>,
    /// Energy since the last sample of the ring, J, and the steps that it took.
    pending_j: f64,
    pending: u32,
    interval: u64,
    /// Samples with the time at which they can be read.
    ring: VecDeque<(Timestamp, Sample)>,
}

impl Sensors {
    pub(crate) fn new(config: SensorConfig, seed: u64) -> Self {
        let mut samples = Noise::new(seed, Stream::Samples);
        let phase = (samples.uniform() * COUNTER_STEP as f64) as u64;
        // A counter that runs since the driver was loaded starts anywhere.
        let seen_j = (samples.uniform() * 1e6).round();
        Self {
            config,
            ticks: 0,
            phase,
            samples,
            fast: Noise::new(seed, Stream::EnergyFast),
            slow: Noise::new(seed, Stream::EnergySlow),
            fast_error: 0.0,
            slow_error: 0.0,
            seen_j,
            history_j: VecDeque::from([seen_j]),
            busy_s: 0.0,
            memory_s: 0.0,
            counter_j: seen_j,
            util: 0.0,
            memory_util: None,
            pending_j: 0.0,
            pending: 0,
            interval: COUNTER_STEP,
            ring: VecDeque::new(),
        }
    }

    /// Reads the average at this interval from now on; the ring has a step of its own.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        let ticks = (interval.as_secs_f64() / TICK_S).round() as u64;
        self.interval = (ticks / COUNTER_STEP).max(1) * COUNTER_STEP;
    }

    /// Takes one step of the ring; steps must come in order, without gap.
    pub(crate) fn tick(&mut self, tick: Tick) {
        if self.ticks % SECOND == 0 {
            self.fast_error = self.config.energy_noise_fast * self.fast.bell();
        }
        if self.ticks % MEASUREMENT == 0 {
            self.slow_error = self.config.energy_noise_slow * self.slow.bell();
        }
        self.ticks += 1;
        let step_j = tick.energy_j * (1.0 + self.fast_error + self.slow_error);
        self.seen_j += step_j;
        self.busy_s += tick.busy * TICK_S;
        self.memory_s += tick.memory.unwrap_or(0.0) * TICK_S;
        if (self.ticks + self.phase) % COUNTER_STEP == 0 {
            self.counter_j = (self.seen_j * 1e3).floor() * 1e-3;
        }
        if self.ticks % UTIL_STEP == 0 {
            let percent = |busy_s: f64| {
                let share = busy_s / (UTIL_STEP as f64 * TICK_S);
                (share.clamp(0.0, 1.0) * 100.0).round() as f32 / 100.0
            };
            self.util = percent(self.busy_s);
            self.memory_util = tick.memory.map(|_| percent(self.memory_s));
            self.busy_s = 0.0;
            self.memory_s = 0.0;
        }
        match self.config.power {
            PowerSource::Average => self.push_average(tick),
            PowerSource::Ring => {
                self.pending_j += step_j;
                self.pending += 1;
                if tick.rest == Rest::Awake || TICK * (self.pending + 1) > self.config.idle_step {
                    let power_w = self.pending_j / (f64::from(self.pending) * TICK_S);
                    (self.pending_j, self.pending) = (0.0, 0);
                    self.push_ring(tick, power_w);
                }
            }
        }
    }

    /// Appends what can be read at `now`, oldest first.
    pub(crate) fn drain(&mut self, now: Timestamp, out: &mut Vec<Sample>) {
        while self.ring.front().is_some_and(|(readable, _)| *readable <= now) {
            out.extend(self.ring.pop_front().map(|(_, sample)| sample));
        }
    }

    fn push_ring(&mut self, tick: Tick, power_w: f64) {
        // Each step draws all its numbers, so that one lost sample shifts no other.
        let (lost, jitter, noise) = (self.samples.uniform(), self.samples.bell(), self.samples.bell());
        if lost < self.config.loss {
            return;
        }
        let stamp = shifted(tick.time, jitter * self.config.stamp_jitter.as_secs_f64());
        let batch = u64::try_from(self.config.batch.max(TICK).as_nanos()).unwrap_or(u64::MAX);
        let arrives =
            Timestamp::from_nanos(tick.time.as_nanos().div_ceil(batch).saturating_mul(batch)) + self.config.delay;
        let sample =
            self.slow_fields(Sample::new(stamp, milliwatts(power_w * (1.0 + self.config.power_noise * noise))), tick);
        self.push(arrives.max(stamp), sample);
    }

    fn push_average(&mut self, tick: Tick) {
        self.history_j.push_back(self.seen_j);
        if self.history_j.len() as u64 > SECOND + 1 {
            self.history_j.pop_front();
        }
        if self.ticks % self.interval != 0 {
            return;
        }
        let first_j = self.history_j.front().copied().unwrap_or(self.seen_j);
        let span_s = (self.history_j.len() - 1) as f64 * TICK_S;
        let sample = Sample::new(tick.time, milliwatts((self.seen_j - first_j) / span_s));
        self.push(tick.time, self.slow_fields(sample, tick));
    }

    fn slow_fields(&self, sample: Sample, tick: Tick) -> Sample {
        let mut sample = sample.energy_j(self.counter_j).sm_util(self.util).sm_clock(tick.sm);
        sample.mem_util = self.memory_util;
        match tick.mem {
            Some(mem) => sample.mem_clock(mem),
            None => sample,
        }
    }

    fn push(&mut self, readable: Timestamp, sample: Sample) {
        if self.ring.len() >= self.config.ring_depth.max(1) {
            self.ring.pop_front();
        }
        self.ring.push_back((readable, sample));
    }
}

/// `time` moved by less than half a step, so that samples stay in order.
fn shifted(time: Timestamp, by_s: f64) -> Timestamp {
    let by_s = by_s.clamp(-0.45 * TICK_S, 0.45 * TICK_S);
    let by = Duration::from_secs_f64(by_s.abs());
    if by_s < 0.0 { time.saturating_sub(by) } else { time + by }
}

/// Drivers give whole milliwatts.
fn milliwatts(power_w: f64) -> f64 {
    (power_w * 1e3).round() * 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seconds` of a job of 300 W that is busy all the time.
    fn samples(config: SensorConfig, seed: u64, seconds: u64) -> Vec<Sample> {
        let mut sensors = Sensors::new(config, seed);
        let mut samples = Vec::new();
        for step in 1..=seconds * SECOND {
            let time = Timestamp::ZERO + TICK * step as u32;
            sensors.tick(Tick {
                time,
                energy_j: 6.0,
                busy: 1.0,
                memory: None,
                rest: Rest::Awake,
                sm: Mhz(1410),
                mem: None,
            });
            sensors.drain(time, &mut samples);
        }
        samples
    }

    fn deviation(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn ideal_sensors_show_what_is_there() {
        let samples = samples(SensorConfig::ideal(), 1, 10);
        assert_eq!(samples.len(), 500);
        assert!(samples.iter().all(|sample| (sample.power_w - 300.0).abs() < 1e-9));
        assert_eq!(samples[9].time, Timestamp::from_secs_f64(0.2));
        assert_eq!(samples[9].sm_util, Some(1.0));
        assert_eq!((samples[9].sm_clock, samples[9].mem_clock), (Some(Mhz(1410)), None));
    }

    #[test]
    fn the_energy_counter_moves_in_steps_of_100_ms_and_is_the_integral() {
        let samples = samples(SensorConfig::ideal(), 1, 10);
        let counter: Vec<f64> = samples.iter().filter_map(|sample| sample.energy_j).collect();
        let steps: Vec<f64> = counter.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0.0).collect();
        assert!((98..=100).contains(&steps.len()));
        assert!(steps[1..].iter().all(|step| (step - 30.0).abs() < 0.002));
    }

    #[test]
    fn ring_samples_are_in_order_never_from_the_future_and_jitter_like_real_ones() {
        let config = SensorConfig::default();
        let mut sensors = Sensors::new(config, 3);
        let mut all: Vec<Sample> = Vec::new();
        for step in 1..=10_000_u32 {
            let now = Timestamp::ZERO + TICK * step;
            sensors.tick(Tick {
                time: now,
                energy_j: 6.0,
                busy: 1.0,
                memory: None,
                rest: Rest::Awake,
                sm: Mhz(1),
                mem: None,
            });
            let before = all.len();
            sensors.drain(now, &mut all);
            assert!(all[before..].iter().all(|sample| sample.time <= now));
        }
        assert!(all.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert!((9_900..9_995).contains(&all.len()), "{} samples", all.len());
        let steps: Vec<f64> =
            all.windows(2).map(|pair| pair[1].time.seconds_since(pair[0].time)).filter(|step| *step < 0.03).collect();
        let jitter = deviation(&steps) / 2_f64.sqrt();
        assert!((0.0013..0.0017).contains(&jitter), "{jitter} s");
    }

    #[test]
    fn unread_samples_are_lost_beyond_the_depth_of_the_ring() {
        let mut sensors = Sensors::new(SensorConfig::ideal(), 3);
        for step in 1..=1000_u32 {
            sensors.tick(Tick {
                time: Timestamp::ZERO + TICK * step,
                energy_j: 6.0,
                busy: 1.0,
                memory: None,
                rest: Rest::Awake,
                sm: Mhz(1),
                mem: None,
            });
        }
        let mut samples = Vec::new();
        sensors.drain(Timestamp::from_secs_f64(20.0), &mut samples);
        assert_eq!(samples.len(), 119);
        assert_eq!(samples[118].time, Timestamp::from_secs_f64(20.0));
    }

    #[test]
    fn the_average_spans_a_second_and_comes_every_100_ms() {
        let mut sensors = Sensors::new(SensorConfig::ideal().with_power(PowerSource::Average), 3);
        let mut samples = Vec::new();
        for step in 1..=200_u32 {
            let time = Timestamp::ZERO + TICK * step;
            let energy_j = if step > 100 { 8.0 } else { 6.0 };
            sensors.tick(Tick { time, energy_j, busy: 1.0, memory: None, rest: Rest::Awake, sm: Mhz(1), mem: None });
            sensors.drain(time, &mut samples);
        }
        assert_eq!(samples.len(), 40);
        let at = |seconds: f64| samples.iter().find(|sample| sample.time == Timestamp::from_secs_f64(seconds));
        assert!((at(2.0).unwrap().power_w - 300.0).abs() < 1e-6);
        assert!((at(2.5).unwrap().power_w - 350.0).abs() < 1e-6);
        assert!((at(3.0).unwrap().power_w - 400.0).abs() < 1e-6);
    }

    /// Target C13 of the calibration: one measurement of two seconds or more errs by 0.5 % in energy, shorter ones by
    /// more because the counter moves in steps.
    #[test]
    fn energy_errs_by_half_a_percent_in_two_seconds() {
        let samples = samples(SensorConfig { loss: 0.0, ..SensorConfig::default() }, 5, 4000);
        let error = |steps: usize| {
            let energies: Vec<f64> = samples
                .chunks_exact(steps)
                .map(|chunk| chunk[steps - 1].energy_j.unwrap() - chunk[0].energy_j.unwrap())
                .collect();
            deviation(&energies) * energies.len() as f64 / energies.iter().sum::<f64>()
        };
        assert!((0.0045..0.0060).contains(&error(100)), "{} at 2 s", error(100));
        assert!((0.0035..0.0050).contains(&error(250)), "{} at 5 s", error(250));
    }

    #[test]
    fn equal_seeds_give_equal_samples() {
        let run = |seed| samples(SensorConfig::default(), seed, 5);
        assert_eq!(run(4), run(4));
        assert_ne!(run(4), run(5));
    }
}
