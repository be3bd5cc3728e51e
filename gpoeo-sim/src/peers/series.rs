//! Samples on a grid of 20 ms, as all peers take them.
//!
//! The published code takes the number of a sample for its time. Ours draws lines between the samples by their stamps:
//! jitter and lost samples are the sensor's, not the method's.

use std::time::Duration;

use gpoeo_core::{Sample, Signal, SignalConfig, Timestamp};

/// Distance of the points, s.
pub(super) const STEP_S: f64 = 0.02;
/// 10 minutes: no recording is longer.
const POINTS: usize = 30_000;

/// All of a recording so far: power, and utilisation where there is any.
pub(super) struct Series {
    power: Signal,
    sm_util: Signal,
    mem_util: Signal,
    begin: Option<Timestamp>,
    now: Timestamp,
    scratch: Vec<f32>,
}

impl Series {
    pub(super) fn new() -> Self {
        let mut config = SignalConfig::default();
        config.step = Duration::from_secs_f64(STEP_S);
        config.slots = POINTS;
        // None of the peers knows what to do about a missing point.
        config.bridged_steps = u32::MAX;
        Self {
            power: Signal::new(&config),
            sm_util: Signal::new(&config),
            mem_util: Signal::new(&config),
            begin: None,
            now: Timestamp::ZERO,
            scratch: vec![0.0; POINTS],
        }
    }

    pub(super) fn push(&mut self, sample: &Sample) {
        self.begin.get_or_insert(sample.time);
        self.now = sample.time;
        self.power.push(sample.time, sample.power_w);
        if let Some(util) = sample.sm_util {
            self.sm_util.push(sample.time, f64::from(util) * 100.0);
        }
        if let Some(util) = sample.mem_util {
            self.mem_util.push(sample.time, f64::from(util) * 100.0);
        }
    }

    /// How long it is, s.
    pub(super) fn length_s(&self) -> f64 {
        self.begin.map_or(0.0, |begin| self.now.seconds_since(begin))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        [&mut self.power, &mut self.sm_util, &mut self.mem_util].into_iter().for_each(Signal::clear);
        self.begin = None;
    }

    /// The power of the last `seconds`, W, into `out`.
    pub(super) fn power_w(&mut self, seconds: f64, out: &mut Vec<f64>) {
        let from = self.now.saturating_sub(Duration::from_secs_f64(seconds));
        copy(&self.power, from, self.now, &mut self.scratch, out);
    }

    /// Power in per cent of the limit, SM and memory utilisation in per cent, of everything so far; without utilisation
    /// the last two are 0.
    pub(super) fn inputs(&mut self, limit_w: f64) -> [Vec<f64>; 3] {
        let mut inputs: [Vec<f64>; 3] = Default::default();
        for (signal, out) in [&self.power, &self.sm_util, &self.mem_util].into_iter().zip(&mut inputs) {
            copy(signal, Timestamp::ZERO, self.now, &mut self.scratch, out);
        }
        let count = inputs[0].len();
        inputs[0].iter_mut().for_each(|value| *value *= 100.0 / limit_w);
        for util in &mut inputs[1..] {
            util.resize(count, util.last().copied().unwrap_or(0.0));
        }
        inputs
    }
}

fn copy(signal: &Signal, from: Timestamp, to: Timestamp, scratch: &mut [f32], out: &mut Vec<f64>) {
    out.clear();
    out.extend(signal.window(from, to, scratch).values.iter().map(|&value| f64::from(value)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_without_utilisation_has_zeros_there() {
        let mut series = Series::new();
        for k in 0..100 {
            series.push(&Sample::new(Timestamp::from_secs_f64(5.0 + f64::from(k) * 0.02), 350.0));
        }
        assert!((series.length_s() - 1.98).abs() < 1e-9);
        let [power, sm, mem] = series.inputs(700.0);
        assert_eq!((power.len(), sm.len(), mem.len()), (100, 100, 100));
        assert!((power[50] - 50.0).abs() < 1e-6 && sm[50] == 0.0 && mem[50] == 0.0);
        let mut last = Vec::new();
        series.power_w(0.5, &mut last);
        assert_eq!(last.len(), 26);
    }
}
