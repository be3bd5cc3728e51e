//! The models of a machine, and the inputs that are gathered for them while the baseline is measured.

use std::sync::Arc;

use crate::caps::Capabilities;
use crate::counters::CounterSet;
use crate::features::{CounterWindows, Features, TelemetryWindow};
use crate::models::{ModelSet, NoPrediction, Predicted, Prediction, Predictor, Variant};
use crate::objective::Objective;
use crate::sample::Sample;
use crate::search::{PredictedPoint, Prior};

#[derive(Debug)]
pub(super) struct Models {
    predictor: Predictor,
    telemetry: TelemetryWindow,
    /// As it is before the first sample.
    empty: TelemetryWindow,
    counters: CounterWindows,
    prediction: Prediction,
    /// What came of the last prediction.
    told: Option<Result<Told, NoPrediction>>,
}

/// A prediction in short.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) variant: Variant,
    /// The pair that is best by the prediction.
    pub(super) best: Predicted,
}

impl Models {
    pub(super) fn new(set: Arc<ModelSet>, caps: &Capabilities) -> Self {
        let empty = TelemetryWindow::new(caps);
        Self {
            predictor: Predictor::new(set, caps),
            telemetry: empty.clone(),
            empty,
            counters: CounterWindows::default(),
            prediction: Prediction::default(),
            told: None,
        }
    }

    /// Forgets what was gathered: another baseline begins.
    pub(super) fn restart(&mut self) {
        self.telemetry.clone_from(&self.empty);
        self.counters = CounterWindows::default();
    }

    /// A sample at the found clocks with closed counters.
    pub(super) fn push_sample(&mut self, sample: &Sample) {
        self.telemetry.push(sample);
    }

    /// A window at the found clocks.
    pub(super) fn push_counters(&mut self, set: &CounterSet) {
        self.counters.add(set);
    }

    pub(super) fn has_counters(&self) -> bool {
        self.counters.windows() > 0
    }

    /// Whether reading counters can make the prediction better.
    pub(super) fn uses_counters(&self) -> bool {
        self.predictor.uses_counters()
    }

    /// Predicts from what was gathered.
    pub(super) fn predict(&mut self, iteration_s: Option<f64>, objective: &Objective) -> Result<Told, NoPrediction> {
        self.telemetry.set_iteration_s(iteration_s.unwrap_or(f64::NAN));
        let features = Features::new(&self.counters, &self.telemetry);
        let told = self.predictor.predict(&features, &mut self.prediction).and_then(|()| {
            let variant = self.prediction.variant().ok_or(NoPrediction::NotPossible)?;
            let best = best(&self.prediction, self.predictor.pairs(), objective).ok_or(NoPrediction::NotPossible)?;
            Ok(Told { variant, best })
        });
        self.told = Some(told);
        told
    }

    /// What the search believes after a prediction.
    pub(super) fn prior(&self) -> Prior {
        let point = |predicted: &Predicted| PredictedPoint {
            x: predicted.ratio,
            cost: predicted.cost,
            stderr: [predicted.time_stderr, predicted.energy_stderr],
        };
        let points: Vec<PredictedPoint> = self.prediction.sm().iter().map(point).collect();
        Prior::around(&points)
    }

    /// The memory clocks at the default SM clock, as predicted.
    pub(super) fn memory(&self) -> Vec<Predicted> {
        self.prediction.mem().to_vec()
    }

    /// What came of the last prediction.
    pub(super) fn told(&self) -> Option<Result<Told, NoPrediction>> {
        self.told
    }
}

/// The best pair by a prediction; the default pair is one that keeps every limit on time.
fn best(
    prediction: &Prediction,
    pairs: impl Iterator<Item = crate::caps::ClockPair>,
    objective: &Objective,
) -> Option<Predicted> {
    let scored = pairs.filter_map(|pair| {
        let predicted = prediction.at(pair)?;
        Some((objective.score(predicted.cost)?, predicted))
    });
    let best = scored.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, predicted)| predicted);
    best.or_else(|| prediction.sm().last().copied())
}
