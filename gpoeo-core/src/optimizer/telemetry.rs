//! Everything that is derived from the samples: the signal and its period, the energy, and measurements over windows.

use crate::config::{DetectorConfig, MeasureConfig, OptimizerConfig, SearchConfig, SignalConfig};
use crate::estimate::Estimate;
use crate::measure::{EnergyLog, Expected, PeriodFitter, RhythmShape};
use crate::period::PeriodDetector;
use crate::sample::Sample;
use crate::time::Timestamp;

/// Longer gaps between two samples are not integrated over where there is no energy counter.
const LONGEST_GAP_S: f64 = 1.0;

#[derive(Debug)]
pub(super) struct Telemetry {
    pub(super) detector: PeriodDetector,
    energy: EnergyLog,
    fitter: PeriodFitter,
    scratch: Box<[f32]>,
    latest: Option<Sample>,
}

impl Telemetry {
    pub(super) fn new(config: &OptimizerConfig) -> Self {
        let measure = MeasureConfig::default();
        let signal = SignalConfig { step: config.sample_interval(), ..SignalConfig::default() };
        let detector = PeriodDetector::new(&DetectorConfig { signal, ..DetectorConfig::default() });
        let scratch = vec![0.0; detector.signal().capacity()].into_boxed_slice();
        Self { detector, energy: EnergyLog::new(&measure), fitter: PeriodFitter::new(&measure), scratch, latest: None }
    }

    /// Takes a sample; returns the energy used since the last one, J.
    pub(super) fn push(&mut self, sample: &Sample) -> f64 {
        let used_j = self.latest.map_or(0.0, |last| energy_used_j(&last, sample));
        self.detector.push(sample.time, sample.power_w);
        self.energy.push(sample);
        self.latest = Some(*sample);
        used_j
    }

    pub(super) fn latest(&self) -> Option<Sample> {
        self.latest
    }

    /// Time of the newest sample.
    pub(super) fn latest_time(&self) -> Option<Timestamp> {
        self.latest.map(|sample| sample.time)
    }

    /// Energy between two moments and its standard error, J.
    pub(super) fn energy_j(&self, from: Timestamp, to: Timestamp) -> Option<(f64, f64)> {
        self.energy.between(from, to).map(|span| (span.energy_j, span.stderr_j))
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
        if whole < 1.0 {
            return None;
        }
        let span_s = whole * fit.period_s;
        let (energy_j, stderr_j) = self.energy_j(to.saturating_sub(core::time::Duration::from_secs_f64(span_s)), to)?;
        let energy_j = energy_j / whole;
        let time_ratio = (fit.stderr_s / fit.period_s).max(floors.time_floor_ratio);
        let floor = floors.energy_floor_ratio * (0.5 + 1.0 / span_s).sqrt();
        // A long iteration uses more energy, but less than in proportion: half of the variance.
        let energy_ratio = ((stderr_j / whole / energy_j).powi(2) + 0.5 * time_ratio.powi(2) + floor.powi(2)).sqrt();
        let valid = energy_j > 0.0 && energy_ratio.is_finite();
        valid.then(|| {
            let iterations = whole.min(f64::from(u32::MAX)) as u32;
            let (time_stderr_s, energy_stderr_j) = (time_ratio * fit.period_s, energy_ratio * energy_j);
            Estimate::new(fit.period_s, time_stderr_s, energy_j, energy_stderr_j, iterations)
        })
    }
}

/// From the counter where both samples have one that did not go back, else from power.
fn energy_used_j(last: &Sample, sample: &Sample) -> f64 {
    match (last.energy_j, sample.energy_j) {
        (Some(before), Some(after)) if after >= before => after - before,
        _ => {
            let gap_s = sample.time.seconds_since(last.time).min(LONGEST_GAP_S);
            0.5 * (last.power_w + sample.power_w) * gap_s
        }
    }
}
