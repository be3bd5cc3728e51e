//! From a stretch of telemetry at the found clocks to model inputs.
//!
//! Ours: where no counter can be read, power and utilisation still show what a job is made of. Cost: one addition a field
//! and sample, and a copy of the power that is halved when it is full; sorting once, at the end.

use crate::caps::Capabilities;
use crate::sample::Sample;

use super::Feature;

/// Power samples that are kept; then every second one goes.
const MOST_SAMPLES: usize = 4096;
/// Low and high power are these quantiles.
const LOW: f64 = 0.05;
const HIGH: f64 = 0.95;
/// High and low power must differ by this much of the mean before their place in between means anything: the noise of a
/// sensor and of kernels alone makes 3-4 %.
const LEAST_SWING: f64 = 0.05;

/// A stretch of telemetry at one setting; bounded, whatever its length.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryWindow {
    default_sm_mhz: f64,
    default_mem_mhz: f64,
    power_limit_w: Option<f64>,
    power: Mean,
    power_squares: f64,
    kept: Vec<f32>,
    /// Every so many samples one is kept.
    stride: u64,
    sm_util: Mean,
    mem_util: Mean,
    sm_mhz: Mean,
    mem_mhz: Mean,
    iteration_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl TelemetryWindow {
    /// An empty window on this GPU.
    #[must_use]
    pub fn new(caps: &Capabilities) -> Self {
        let default = caps.default_pair();
        Self {
            default_sm_mhz: f64::from(default.sm().0),
            default_mem_mhz: f64::from(default.mem().0),
            power_limit_w: caps.power_limit_w(),
            power: Mean::default(),
            power_squares: 0.0,
            kept: Vec::new(),
            stride: 1,
            sm_util: Mean::default(),
            mem_util: Mean::default(),
            sm_mhz: Mean::default(),
            mem_mhz: Mean::default(),
            iteration_s: None,
        }
    }

    /// Adds a sample; samples are taken to be equally far apart.
    pub fn push(&mut self, sample: &Sample) {
        if self.power.count % self.stride == 0 {
            if self.kept.len() == MOST_SAMPLES {
                let mut place = 0;
                self.kept.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                self.stride *= 2;
            }
            self.kept.push(sample.power_w as f32);
        }
        self.power.add(sample.power_w);
        self.power_squares += sample.power_w * sample.power_w;
        let fields = [
            (&mut self.sm_util, sample.sm_util.map(f64::from)),
            (&mut self.mem_util, sample.mem_util.map(f64::from)),
            (&mut self.sm_mhz, sample.sm_clock.map(|clock| f64::from(clock.0))),
            (&mut self.mem_mhz, sample.mem_clock.map(|clock| f64::from(clock.0))),
        ];
        for (mean, value) in fields {
            if let Some(value) = value {
                mean.add(value);
            }
        }
    }

    /// Says how long an iteration takes, s; not said, there is none.
    pub fn set_iteration_s(&mut self, iteration_s: f64) {
        self.iteration_s = Some(iteration_s).filter(|iteration_s| *iteration_s > 0.0 && iteration_s.is_finite());
    }

    /// Number of samples added.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.power.count
    }

    /// The inputs that follow from telemetry.
    pub(super) fn features(&self) -> [(Feature, Option<f64>); 11] {
        let mean_w = self.power.value();
        let (low_w, high_w) = self.low_and_high_w().unzip();
        let per_limit = |power_w: Option<f64>| Some(power_w? / self.power_limit_w?);
        let (sm_util, mem_util) = (self.sm_util.value(), self.mem_util.value());
        [
            (Feature::PowerPerLimit, per_limit(mean_w)),
            (Feature::LowPowerPerLimit, per_limit(low_w)),
            (Feature::HighPowerPerLimit, per_limit(high_w)),
            (Feature::LowPowerShare, self.low_power_share()),
            (Feature::PowerSwing, self.power_swing()),
            (Feature::SmUtil, sm_util),
            (Feature::MemUtil, mem_util),
            (Feature::MemPerSmUtil, sm_util.zip(mem_util).filter(|(sm, _)| *sm > 0.0).map(|(sm, mem)| mem / sm)),
            (Feature::SmClockReached, self.sm_mhz.value().map(|mhz| mhz / self.default_sm_mhz)),
            (Feature::MemClockReached, self.mem_mhz.value().map(|mhz| mhz / self.default_mem_mhz)),
            (Feature::IterationS, self.iteration_s),
        ]
    }

    /// Quantiles of the power, W.
    fn low_and_high_w(&self) -> Option<(f64, f64)> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quantile = |share: f64| f64::from(sorted[(share * last as f64).round() as usize]);
        Some((quantile(LOW), quantile(HIGH)))
    }

    fn low_power_share(&self) -> Option<f64> {
        let ((low_w, high_w), mean_w) = self.low_and_high_w().zip(self.power.value())?;
        let swing_w = high_w - low_w;
        (swing_w > 0.0 && swing_w >= LEAST_SWING * mean_w).then(|| ((high_w - mean_w) / swing_w).clamp(0.0, 1.0))
    }

    fn power_swing(&self) -> Option<f64> {
        let mean_w = self.power.value().filter(|mean_w| *mean_w > 0.0)?;
        let variance = self.power_squares / self.power.count as f64 - mean_w * mean_w;
        Some(variance.max(0.0).sqrt() / mean_w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{CounterWindows, Features};
    use crate::{Mhz, Timestamp};

    fn window(powers: impl IntoIterator<Item = f64>) -> TelemetryWindow {
        let caps = Capabilities::new([(Mhz(9501), vec![Mhz(1000), Mhz(2000)])]).unwrap().with_power_limit_w(400.0);
        let mut window = TelemetryWindow::new(&caps);
        for (place, power_w) in powers.into_iter().enumerate() {
            let sample = Sample::new(Timestamp::from_secs_f64(0.02 * place as f64), power_w);
            window.push(&sample.sm_util(0.8).mem_util(0.2).sm_clock(Mhz(1900)).mem_clock(Mhz(9251)));
        }
        window
    }

    fn value(window: &TelemetryWindow, feature: Feature) -> Option<f32> {
        Features::new(&CounterWindows::default(), window).value(feature)
    }

    #[test]
    fn the_wait_for_the_host_shows_in_the_power() {
        // 30 of 100 samples wait.
        let window = window((0..1000).map(|i| if i % 100 < 30 { 120.0 } else { 320.0 }));
        assert!((value(&window, Feature::LowPowerShare).unwrap() - 0.3).abs() < 1e-6);
        assert!((value(&window, Feature::PowerPerLimit).unwrap() - 0.65).abs() < 1e-6);
        assert!((value(&window, Feature::LowPowerPerLimit).unwrap() - 0.3).abs() < 1e-6);
        assert!((value(&window, Feature::HighPowerPerLimit).unwrap() - 0.8).abs() < 1e-6);
        assert!((value(&window, Feature::PowerSwing).unwrap() - 91.65 / 260.0).abs() < 1e-4);
    }

    #[test]
    fn flat_power_has_no_share_of_waiting() {
        let window = window((0..1000).map(|i| if i % 2 == 0 { 300.0 } else { 301.0 }));
        assert_eq!(value(&window, Feature::LowPowerShare), None);
        assert!(value(&window, Feature::PowerSwing).unwrap() < 0.01);
    }

    #[test]
    fn clocks_and_utilisation_are_means() {
        let mut window = window([300.0; 10]);
        assert!((value(&window, Feature::SmClockReached).unwrap() - 0.95).abs() < 1e-6);
        assert!((value(&window, Feature::MemPerSmUtil).unwrap() - 0.25).abs() < 1e-6);
        assert_eq!(value(&window, Feature::IterationS), None);
        window.set_iteration_s(0.5);
        assert_eq!(value(&window, Feature::IterationS), Some(0.5));
    }

    #[test]
    fn a_long_window_stays_small() {
        let window = window((0..100_000).map(|i| if i % 10 < 3 { 100.0 } else { 200.0 }));
        assert!(window.kept.len() <= MOST_SAMPLES);
        assert_eq!(window.samples(), 100_000);
        assert!((value(&window, Feature::LowPowerShare).unwrap() - 0.3).abs() < 0.01);
    }
}
