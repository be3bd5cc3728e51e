//! Everything that is derived from the samples: the signal and its period, the energy, and measurements over windows.

use core::time::Duration;

use crate::config::{BusyConfig, DetectorConfig, MeasureConfig, SearchConfig, SignalConfig};
use crate::estimate::Estimate;
use crate::measure::{EnergyMeter, Expected, IterationMarks, PeriodFitter, RhythmShape};
use crate::period::PeriodDetector;
use crate::sample::Sample;
use crate::time::Timestamp;

/// Most slots that are measured over: 36 s at 20 ms, of which 30 s are used.
const MOST_SLOTS: usize = 1800;
/// Weight of a new reading of the utilisation: the mean is that of about the last hundred.
const UTIL_WEIGHT: f32 = 0.01;

#[derive(Debug)]
pub(super) struct Telemetry {
    pub(super) detector: PeriodDetector,
    pub(super) marks: IterationMarks,
    energy: EnergyMeter,
    fitter: PeriodFitter,
    scratch: Box<[f32]>,
    latest: Option<Sample>,
    mem_util: Option<f32>,
}

impl Telemetry {
    /// `gpus`: number of GPUs whose power is added up in the samples.
    pub(super) fn new(sample_interval: Duration, gpus: u16) -> Self {
        let measure = MeasureConfig::default();
        let signal = SignalConfig { step: sample_interval, ..SignalConfig::default() };
        let busy = BusyConfig::default().for_gpus(f64::from(gpus));
        let detector = PeriodDetector::new(&DetectorConfig { signal, busy, ..DetectorConfig::default() });
        let scratch = vec![0.0; MOST_SLOTS.min(detector.signal().capacity())].into_boxed_slice();
        Self {
            detector,
            marks: IterationMarks::default(),
            energy: EnergyMeter::new(&measure),
            fitter: PeriodFitter::new(&measure),
            scratch,
            latest: None,
            mem_util: None,
        }
    }

    /// Takes a sample; returns the energy used since the last one, J.
    pub(super) fn push(&mut self, sample: &Sample) -> f64 {
        self.detector.push(sample.time, sample.power_w);
        self.latest = Some(*sample);
        if let Some(util) = sample.mem_util {
            let mean = self.mem_util.unwrap_or(util);
            self.mem_util = Some(mean + UTIL_WEIGHT * (util - mean));
        }
        self.energy.push(sample)
    }

    /// Share of the last seconds in which the memory was used, 0..1; `None` where the device does not say.
    pub(super) fn mem_util(&self) -> Option<f32> {
        self.mem_util
    }

    pub(super) fn latest(&self) -> Option<Sample> {
        self.latest
    }

    /// Time of the newest sample.
    pub(super) fn latest_time(&self) -> Option<Timestamp> {
        self.latest.map(|sample| sample.time)
    }

    /// Energy between two moments and its standard error, J; `None` where too little of the power is known.
    pub(super) fn energy_j(&mut self, from: Timestamp, to: Timestamp) -> Option<(f64, f64)> {
        let window = self.detector.signal().window(from, to, &mut self.scratch);
        let known = window.values.len() - window.missing;
        if 2 * known < window.values.len() || known < 2 {
            return None;
        }
        let sum: f64 = window.values.iter().filter(|value| value.is_finite()).map(|&value| f64::from(value)).sum();
        let gain = self.energy.gain();
        let energy_j = gain.ratio * sum / known as f64 * to.seconds_since(from);
        let missing = window.missing as f64 / window.values.len() as f64;
        // What is missing is taken to be like the rest, within a quarter.
        Some((energy_j, energy_j * gain.stderr.hypot(0.25 * missing)))
    }

    /// Time and energy per iteration between two moments at one setting, from the embedder's marks.
    pub(super) fn measure_by_marks(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        floors: &SearchConfig,
    ) -> Option<Estimate> {
        let span = self.marks.between(from, to)?;
        let (energy_j, stderr_j) = self.energy_j(span.from, span.to)?;
        let iterations = span.iterations as f64;
        estimate((span.time_s, span.stderr_s), (energy_j / iterations, stderr_j / energy_j), iterations, floors)
    }

    /// The shape of the rhythm between two moments, see [`PeriodFitter::shape`].
    pub(super) fn shape(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        period_s: f64,
        longest_ratio: f64,
    ) -> Option<RhythmShape> {
        let window = self.detector.signal().window(from, to, &mut self.scratch);
        self.fitter.shape(window.values, window.step.as_secs_f64(), period_s, longest_ratio)
    }

    /// How much longer than `period_s` the period is between two moments, by its shape.
    pub(super) fn ratio_by_shape(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        period_s: f64,
        shape: &RhythmShape,
        range: (f64, f64),
    ) -> Option<f64> {
        let window = self.detector.signal().window(from, to, &mut self.scratch);
        self.fitter.ratio_by_shape(window.values, window.step.as_secs_f64(), period_s, shape, range)
    }

    /// Time and energy per iteration between two moments at one setting.
    pub(super) fn measure(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        expected: &Expected,
        floors: &SearchConfig,
    ) -> Option<Estimate> {
        let window = self.detector.signal().window(from, to, &mut self.scratch);
        let (start, step_s) = (window.start, window.step.as_secs_f64());
        let fit = self.fitter.fit(window.values, step_s, expected)?;
        // Energy from whole iterations only: the power differs between the parts of one.
        let whole = (to.seconds_since(start) / fit.period_s + 1e-6).floor();
        let gain = self.energy.gain();
        let energy_j = gain.ratio * self.fitter.mean_of_whole_periods(window.values, &fit, step_s)? * fit.period_s;
        estimate((fit.period_s, fit.stderr_s), (energy_j, gain.stderr), whole, floors)
    }
}

/// An estimate from time and its standard error, energy and the sensors' relative error, and the iterations measured.
fn estimate(
    (time_s, time_stderr_s): (f64, f64),
    (energy_j, sensor_ratio): (f64, f64),
    iterations: f64,
    floors: &SearchConfig,
) -> Option<Estimate> {
    let time_ratio = (time_stderr_s / time_s).max(floors.time_floor_ratio);
    let floor = floors.energy_floor_ratio * (0.5 + 1.0 / (iterations * time_s)).sqrt();
    // A long iteration uses more energy, but less than in proportion: half of the variance.
    let energy_ratio = (sensor_ratio.powi(2) + 0.5 * time_ratio.powi(2) + floor.powi(2)).sqrt();
    let valid = iterations >= 1.0 && energy_j > 0.0 && energy_ratio.is_finite();
    let count = iterations.min(f64::from(u32::MAX)) as u32;
    valid.then(|| Estimate::new(time_s, time_ratio * time_s, energy_j, energy_ratio * energy_j, count))
}
