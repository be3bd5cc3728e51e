//! Model inputs: from counter windows and telemetry at the found clocks to named numbers, missing ones explicit.
//!
//! [`Feature`] is the vocabulary, [`CounterWindows`] and [`TelemetryWindow`] gather, [`Features`] is what a model is asked
//! with. Three kinds of models use three parts of it: counters (CUPTI, GPOEO's 17, and telemetry), GPM and telemetry, NVML
//! telemetry alone.

mod counters;
mod feature;
mod telemetry;

pub use counters::CounterWindows;
pub use feature::Feature;
pub use telemetry::TelemetryWindow;

/// The inputs of one prediction. What was not measured is missing, never 0.
///
/// ```
/// use gpoeo_core::features::{Feature, Features};
///
/// let features = Features::default().with(Feature::SmUtil, 0.93);
/// assert_eq!(features.value(Feature::SmUtil), Some(0.93));
/// let mut row = [0.0; 2];
/// features.fill(&[Feature::SmUtil, Feature::TensorPct], &mut row);
/// assert_eq!(row[0], 0.93);
/// assert!(row[1].is_nan());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features {
    values: [Option<f32>; Feature::ALL.len()],
}

impl Default for Features {
    /// Nothing is known.
    fn default() -> Self {
        Self { values: [None; Feature::ALL.len()] }
    }
}

impl Features {
    /// From counter windows and telemetry of the same job at the found clocks. Either may be empty. The telemetry should
    /// be of a time with closed counters: reading them costs power and a little time.
    #[must_use]
    pub fn new(counters: &CounterWindows, telemetry: &TelemetryWindow) -> Self {
        let features = counters.features().into_iter().chain(telemetry.features());
        features.fold(Self::default(), |all, (feature, value)| match value {
            Some(value) => all.with(feature, value as f32),
            None => all,
        })
    }

    /// Sets one input; a value that is not finite is stored as missing.
    #[must_use]
    pub fn with(mut self, feature: Feature, value: f32) -> Self {
        self.values[feature as usize] = Some(value).filter(|value| value.is_finite());
        self
    }

    /// One input, `None` if it is missing.
    #[must_use]
    pub fn value(&self, feature: Feature) -> Option<f32> {
        self.values[feature as usize]
    }

    /// Writes the row of a model with these inputs, in its order: NaN where one is missing. Ends with the shorter of the
    /// two.
    pub fn fill(&self, order: &[Feature], row: &mut [f32]) {
        for (cell, feature) in row.iter_mut().zip(order) {
            *cell = self.value(*feature).unwrap_or(f32::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capabilities, Counter, CounterSet, Mhz, Sample, Timestamp};

    #[test]
    fn what_was_not_measured_is_missing() {
        let caps = Capabilities::new([(Mhz(1000), vec![Mhz(1000)])]).unwrap();
        let nothing = Features::new(&CounterWindows::default(), &TelemetryWindow::new(&caps));
        assert_eq!(nothing, Features::default());
        assert_eq!(nothing.with(Feature::SmUtil, f32::NAN), nothing);
    }

    #[test]
    fn counters_and_telemetry_come_together() {
        let caps = Capabilities::new([(Mhz(1000), vec![Mhz(1000)])]).unwrap().with_power_limit_w(300.0);
        let mut counters = CounterWindows::default();
        let set = CounterSet::new(Timestamp::ZERO, Timestamp::from_secs_f64(1.0));
        counters.add(&set.with(Counter::PipeTensor, 0.25));
        let mut telemetry = TelemetryWindow::new(&caps);
        telemetry.push(&Sample::new(Timestamp::ZERO, 150.0).sm_clock(Mhz(900)));
        let features = Features::new(&counters, &telemetry);
        let expected = Features::default()
            .with(Feature::TensorPct, 25.0)
            .with(Feature::PowerPerLimit, 0.5)
            .with(Feature::LowPowerPerLimit, 0.5)
            .with(Feature::HighPowerPerLimit, 0.5)
            .with(Feature::PowerSwing, 0.0)
            .with(Feature::SmClockReached, 0.9);
        assert_eq!(features, expected);
    }
}
