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
        config.longest_bridge = Duration::from_secs(3600);
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

    /// The power of the last `seconds`, W.
    pub(super) fn power_w(&mut self, seconds: f64) -> Vec<f64> {
        last(&self.power, self.now, seconds, &mut self.scratch)
    }

    /// Power in per cent of the limit, SM and memory utilisation in per cent, of the last `seconds`; without
    /// utilisation the last two are 0.
    pub(super) fn inputs(&mut self, limit_w: f64, seconds: f64) -> [Vec<f64>; 3] {
        let mut power = self.power_w(seconds);
        power.iter_mut().for_each(|value| *value *= 100.0 / limit_w);
        let mut util = |signal: &Signal| {
            let mut values = last(signal, self.now, seconds, &mut self.scratch);
            values.resize(power.len(), values.last().copied().unwrap_or(0.0));
            values
        };
        let (sm, mem) = (util(&self.sm_util), util(&self.mem_util));
        [power, sm, mem]
    }
}

fn last(signal: &Signal, now: Timestamp, seconds: f64, scratch: &mut [f32]) -> Vec<f64> {
    let from = now.saturating_sub(Duration::from_secs_f64(seconds));
    signal.window(from, now, scratch).values.iter().map(|&value| f64::from(value)).collect()
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
        let [power, sm, mem] = series.inputs(700.0, 60.0);
        assert_eq!((power.len(), sm.len(), mem.len()), (100, 100, 100));
        assert!((power[50] - 50.0).abs() < 1e-6 && sm[50] == 0.0 && mem[50] == 0.0);
        assert_eq!(series.power_w(0.5).len(), 26);
    }
}
