//! What a driver shows of a played script.
//!
//! The driver's ring holds means over up to 20 ms, one every 20 ms; every fifth is taken 3 to 9 ms late (when the slower fields are read), on a
//! busy host many are up to 16 ms off, and some are missing, often several in a row. The stamp is mostly the moment at
//! which the sensor was read, and partly wrong. From recordings of an H100 and an H200. The plain getter of many cards
//! is a mean over one second instead.

use gpoeo_core::{Mhz, Sample, Timestamp};

use super::dice::Dice;
use super::machine::{Played, STEP_S};
use super::script::Script;

/// How power is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sensor {
    pub(super) kind: SensorKind,
    /// What a sample of the ring averages over, s.
    pub(super) span_s: f64,
    /// By how much every fifth sample comes late, s.
    pub(super) late_s: f64,
    /// Spread of all others, s.
    pub(super) jitter_s: f64,
    /// How much of that is an error of the stamp alone, 0..1.
    pub(super) stamp_error: f64,
    /// Share of samples that are lost.
    pub(super) loss: f64,
    /// Twice as many are lost in a row at most.
    pub(super) run: f64,
    /// A gap of 2 s at this share of the recording.
    pub(super) gap_at: Option<f64>,
    /// Noise of the sensor, as a share of the reading.
    pub(super) noise: f64,
    /// Step of the readings, W.
    pub(super) quantum_w: f64,
}

/// Over what a reading averages, and how often there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SensorKind {
    /// One second, every 100 ms.
    Average,
    /// 20 ms, every 20 ms.
    Ring,
}

impl SensorKind {
    fn step_s(self) -> f64 {
        match self {
            Self::Average => 0.1,
            Self::Ring => 0.02,
        }
    }
}

impl Sensor {
    /// The ring as on most hosts.
    pub(super) fn usual(dice: &mut Dice) -> Self {
        let is_disturbed = dice.chance(0.2);
        Self {
            kind: SensorKind::Ring,
            // Neighbouring samples of real recordings correlate between -0.2 and 0.4 once the iteration is taken off.
            span_s: dice.between(0.005, 0.02),
            late_s: dice.between(0.003, 0.009),
            jitter_s: if is_disturbed { dice.scale(0.002, 0.006) } else { dice.scale(0.0002, 0.001) },
            stamp_error: dice.between(0.1, 0.5),
            loss: if is_disturbed { dice.scale(0.003, 0.03) } else { dice.scale(0.0001, 0.003) },
            run: 0.5,
            gap_at: None,
            noise: dice.scale(0.01, 0.05),
            quantum_w: 0.001,
        }
    }

    /// The mean over one second.
    pub(super) fn average(dice: &mut Dice) -> Self {
        Self { kind: SensorKind::Average, span_s: 1.0, late_s: 0.0, ..Self::usual(dice) }
    }
}

/// Reads a played script.
pub(super) fn read(played: &Played, script: &Script, dice: &mut Dice) -> Vec<Sample> {
    let sensor = script.sensor;
    let power = Integral::new(&played.power_w);
    let (busy, memory) = (Integral::new(&played.busy), Integral::new(&played.memory));
    let length_s = played.power_w.len() as f64 * STEP_S;
    let gap = sensor.gap_at.map(|share| share * length_s);
    let offset_s = dice.between(0.0, sensor.kind.step_s());
    let counter_j = (dice.share() * 1e6).round();

    let mut samples: Vec<Sample> = Vec::new();
    let mut losing = 0.0;
    let count = ((length_s - offset_s) / sensor.kind.step_s()) as usize;
    for index in 1..=count {
        let nominal_s = offset_s + index as f64 * sensor.kind.step_s();
        let late_s = if index % 5 == 0 { sensor.late_s } else { 0.0 };
        let off_s = (late_s + sensor.jitter_s * dice.bell()).clamp(-0.016, 0.016);
        let noise = 1.0 + sensor.noise * dice.bell();
        losing -= 1.0;
        if dice.chance(sensor.loss / sensor.run.max(1.0)) {
            losing = dice.between(0.5, 2.0 * sensor.run);
        }
        let read_s = nominal_s + (1.0 - sensor.stamp_error) * off_s;
        let stamp_s = nominal_s + off_s;
        if losing > 0.0 || gap.is_some_and(|gap| (gap..gap + 2.0).contains(&nominal_s)) {
            continue;
        }
        let time = Timestamp::from_secs_f64((stamp_s.max(0.0) * 1e6).round() * 1e-6);
        if samples.last().is_some_and(|last| last.time >= time) {
            continue;
        }
        let reading_w = power.mean(read_s - sensor.span_s, read_s) * noise;
        let shown_w = (reading_w / sensor.quantum_w).round() * sensor.quantum_w;
        // The slower fields: a counter in steps of 100 ms, utilisation in steps of 200 ms and of one per cent.
        let counted_s = (read_s * 10.0).floor() * 0.1;
        let seen_s = (read_s * 5.0).floor() * 0.2;
        let percent = |of: &Integral| (of.mean(seen_s - 0.2, seen_s) * 100.0).round() as f32 / 100.0;
        let sample = Sample::new(time, (shown_w * 1e3).round() * 1e-3)
            .energy_j(((counter_j + power.until(counted_s)) * 1e3).floor() * 1e-3)
            .sm_util(percent(&busy))
            .mem_util(percent(&memory))
            .sm_clock(Mhz(1980));
        samples.push(sample);
    }
    samples
}

/// Running sum of a quantity given for each millisecond.
struct Integral(Vec<f64>);

impl Integral {
    fn new(values: &[f32]) -> Self {
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for &value in values {
            sum += f64::from(value) * STEP_S;
            sums.push(sum);
        }
        Self(sums)
    }

    /// The integral from 0 to a moment, s.
    fn until(&self, time_s: f64) -> f64 {
        let place = (time_s / STEP_S).clamp(0.0, (self.0.len() - 1) as f64);
        let below = place.floor() as usize;
        let above = (below + 1).min(self.0.len() - 1);
        self.0[below] + (self.0[above] - self.0[below]) * place.fract()
    }

    /// The mean between two moments, as far as they lie within.
    fn mean(&self, from_s: f64, to_s: f64) -> f64 {
        let end_s = (self.0.len() - 1) as f64 * STEP_S;
        let (from_s, to_s) = (from_s.clamp(0.0, end_s), to_s.clamp(0.0, end_s));
        if to_s > from_s { (self.until(to_s) - self.until(from_s)) / (to_s - from_s) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::*;

    fn ramp(seconds: usize) -> Played {
        let power_w: Vec<f32> = (0..seconds * 1000).map(|k| k as f32 * 0.01).collect();
        let busy = vec![0.5; power_w.len()];
        Played { memory: busy.clone(), busy, power_w, marks: Vec::new() }
    }

    fn exact(kind: SensorKind) -> Sensor {
        Sensor {
            kind,
            span_s: if kind == SensorKind::Ring { 0.02 } else { 1.0 },
            late_s: 0.0,
            jitter_s: 0.0,
            stamp_error: 0.0,
            loss: 0.0,
            run: 1.0,
            gap_at: None,
            noise: 0.0,
            quantum_w: 0.001,
        }
    }

    fn samples(sensor: Sensor, seconds: usize) -> Vec<Sample> {
        let mut dice = Dice::new(3, Family::Plain, 0);
        let script = Script { sensor, ..Script::begin(sensor, &mut dice) };
        read(&ramp(seconds), &script, &mut dice)
    }

    #[test]
    fn the_ring_shows_means_over_20_ms_and_the_getter_over_a_second() {
        for (kind, count, lag_s) in [(SensorKind::Ring, 499, 0.01), (SensorKind::Average, 99, 0.5)] {
            let samples = samples(exact(kind), 10);
            assert_eq!(samples.len(), count);
            for sample in samples.iter().filter(|sample| sample.time.as_secs_f64() > 1.0) {
                let expected = 10.0 * (sample.time.as_secs_f64() - lag_s);
                assert!((sample.power_w - expected).abs() < 0.02, "{sample:?}: {expected}");
                assert_eq!(sample.sm_util, Some(0.5));
            }
        }
    }

    #[test]
    fn samples_are_lost_as_often_as_asked_and_stay_in_order() {
        let sensor = Sensor { loss: 0.15, run: 3.0, jitter_s: 0.008, gap_at: Some(0.5), ..exact(SensorKind::Ring) };
        let samples = samples(sensor, 100);
        assert!(samples.windows(2).all(|pair| pair[0].time < pair[1].time));
        let share = samples.len() as f64 / 5000.0;
        assert!((0.75..0.88).contains(&share), "{share}");
        let longest = samples.windows(2).map(|pair| pair[1].time.seconds_since(pair[0].time)).fold(0.0, f64::max);
        assert!((1.95..2.3).contains(&longest), "{longest}");
    }
}
