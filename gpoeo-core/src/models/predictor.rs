//! Cost of every clock of one GPU from one row of inputs: a sweep over the SM clocks at the default memory clock, and one over
//! the memory clocks.
//!
//! Predictions are divided by their value at the default pair, so that it costs 1. Cost: two to four sweeps a variant, tens
//! of microseconds; no allocation once the output has its size. Source: GPOEO §6; refusing inputs far outside of what was
//! trained on is ours.

use std::sync::Arc;

use super::card::{Card, ModelKind, Variant};
use super::set::{ModelSet, TrainedModels};
use crate::caps::{Capabilities, ClockPair};
use crate::features::{Feature, Features};
use crate::gbdt::{Model, Objective, Sweep};
use crate::objective::RelativeCost;
use crate::units::MemGear;

/// An input counts as one of the training's kind up to this share of its range beyond the range.
const RANGE_MARGIN: f64 = 0.25;
/// Nothing costs more or less than that, in either direction, at any clock.
const PLAUSIBLE: f64 = 50.0;

/// Predicts for one GPU. Holds its share of the set's models in the form of sweeps.
#[derive(Debug)]
pub struct Predictor {
    set: Arc<ModelSet>,
    is_for: bool,
    plans: Vec<Plan>,
    /// All pairs.
    pairs: Vec<ClockPair>,
    sm_pairs: Vec<ClockPair>,
    mem_pairs: Vec<ClockPair>,
    sm_ratios: Vec<f64>,
    mem_ratios: Vec<f64>,
}

/// The sweeps of one variant.
#[derive(Debug)]
struct Plan {
    time_sm: ModelSweep,
    energy_sm: ModelSweep,
    mem: Option<(ModelSweep, ModelSweep)>,
}

#[derive(Debug)]
struct ModelSweep {
    kind: ModelKind,
    inputs: Vec<Feature>,
    objective: Objective,
    sweep: Sweep,
    row: Vec<f32>,
    margins: Vec<f32>,
}

/// What is expected of one clock.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Predicted {
    /// The clocks.
    pub clocks: ClockPair,
    /// Clock / default clock, of the domain that was swept.
    pub ratio: f64,
    /// Time and energy of an iteration relative to the default pair.
    pub cost: RelativeCost,
    /// Expected error of the time, as a ratio.
    pub time_stderr: f64,
    /// Expected error of the energy, as a ratio.
    pub energy_stderr: f64,
}

/// What a set says about a job: an output to be used again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    variant: Option<Variant>,
    sm: Vec<Predicted>,
    mem: Vec<Predicted>,
}

/// Why there is no prediction.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "reason", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NoPrediction {
    /// A required input could not be measured.
    #[error("the input {feature} could not be measured")]
    Missing {
        /// The input.
        feature: Feature,
    },
    /// A prediction that is no number, or none that can be.
    #[error("the prediction is no possible cost")]
    NotPossible,
    /// The set is for other GPUs.
    #[error("the models are for other GPUs")]
    OtherGpu,
    /// An input far from all that the set was trained on.
    #[error("the input {feature} is {value:.3}, the models were trained on {low:.3} to {high:.3}")]
    OutOfRange {
        /// The input.
        feature: Feature,
        /// Its value.
        value: f64,
        /// Smallest value of the training.
        low: f64,
        /// Largest value of the training.
        high: f64,
    },
}

impl Predictor {
    /// Plans the sweeps over the clocks of a GPU.
    #[must_use]
    pub fn new(set: Arc<ModelSet>, caps: &Capabilities) -> Self {
        let home = caps.default_pair();
        let sm_pairs: Vec<ClockPair> = caps.pairs_at(home.mem_gear()).collect();
        // The highest SM clock that goes with each memory clock stands for it.
        let mem_pairs: Vec<ClockPair> =
            (0..caps.mem_gears()).filter_map(|gear| caps.pairs_at(MemGear(gear)).next_back()).collect();
        let sm_ratios: Vec<f64> = sm_pairs.iter().map(|pair| f64::from(pair.sm().0) / f64::from(home.sm().0)).collect();
        let mem_ratios: Vec<f64> =
            mem_pairs.iter().map(|pair| f64::from(pair.mem().0) / f64::from(home.mem().0)).collect();
        let plans = set.variants().iter().filter_map(|trained| Plan::new(trained, &sm_ratios, &mem_ratios)).collect();
        let is_for = caps.gpu_name().is_none_or(|name| set.is_for(name));
        let pairs = caps.pairs().collect();
        Self { set, is_for, plans, pairs, sm_pairs, mem_pairs, sm_ratios, mem_ratios }
    }

    /// The set.
    #[must_use]
    pub fn set(&self) -> &ModelSet {
        &self.set
    }

    /// The pairs of the GPU for which [`Prediction::at`] has something to say.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = ClockPair> + '_ {
        self.pairs.iter().copied()
    }

    /// Whether a variant needs counters: otherwise there is no use in reading them.
    #[must_use]
    pub fn uses_counters(&self) -> bool {
        self.is_for && self.set.variants().iter().any(|trained| trained.card().variant != Variant::Nvml)
    }

    /// Predicts by the best informed variant for which the inputs suffice. What was in `out` before is gone, also where there
    /// is no prediction. Does not allocate once `out` has its size.
    ///
    /// # Errors
    /// [`NoPrediction`] of the least demanding variant.
    pub fn predict(&mut self, features: &Features, out: &mut Prediction) -> Result<(), NoPrediction> {
        out.clear();
        if !self.is_for {
            return Err(NoPrediction::OtherGpu);
        }
        let mut result = Err(NoPrediction::NotPossible);
        for (trained, plan) in self.set.variants().iter().zip(&mut self.plans) {
            let card = trained.card();
            result = check_inputs(card, features).and_then(|()| {
                let sm = (self.sm_pairs.as_slice(), self.sm_ratios.as_slice());
                sweep(&mut plan.time_sm, &mut plan.energy_sm, card, features, sm, &mut out.sm)?;
                if let Some((time, energy)) = &mut plan.mem {
                    let mem = (self.mem_pairs.as_slice(), self.mem_ratios.as_slice());
                    sweep(time, energy, card, features, mem, &mut out.mem)?;
                }
                Ok(())
            });
            if result.is_ok() {
                out.variant = Some(card.variant);
                return Ok(());
            }
            out.clear();
        }
        result
    }
}

impl Plan {
    /// `None` cannot happen with a set that was checked: a variant without a plan is left out rather than believed.
    fn new(trained: &TrainedModels, sm_ratios: &[f64], mem_ratios: &[f64]) -> Option<Self> {
        let plan = |kind, ratios: &[f64]| ModelSweep::new(kind, trained.model(kind)?, ratios);
        Some(Self {
            time_sm: plan(ModelKind::TimeSm, sm_ratios)?,
            energy_sm: plan(ModelKind::EnergySm, sm_ratios)?,
            mem: plan(ModelKind::TimeMem, mem_ratios).zip(plan(ModelKind::EnergyMem, mem_ratios)),
        })
    }
}

impl ModelSweep {
    fn new(kind: ModelKind, model: &Model, ratios: &[f64]) -> Option<Self> {
        let inputs: Vec<Feature> = model.feature_names().map(Feature::from_name).collect::<Option<_>>()?;
        let swept = inputs.iter().position(|&feature| feature == Feature::ClockRatio)?;
        let values: Vec<f32> = ratios.iter().map(|&ratio| ratio as f32).collect();
        let sweep = Sweep::new(model, swept, &values).ok()?;
        let (row, margins) = (vec![0.0; inputs.len()], vec![0.0; values.len()]);
        Some(Self { kind, inputs, objective: model.objective(), sweep, row, margins })
    }

    /// Predictions relative to the last clock, the default one, in place of the margins.
    fn run(&mut self, features: &Features) -> Option<&[f32]> {
        features.fill(&self.inputs, &mut self.row);
        self.sweep.margins(&self.row, &mut self.margins).ok()?;
        let objective = self.objective;
        self.margins.iter_mut().for_each(|margin| *margin = objective.prediction(*margin));
        let default = self.margins.last().copied().filter(|default| *default > 0.0 && default.is_finite())?;
        self.margins.iter_mut().for_each(|value| *value /= default);
        let is_possible = |value: &f32| (1.0 / PLAUSIBLE..=PLAUSIBLE).contains(&f64::from(*value));
        self.margins.iter().all(is_possible).then_some(self.margins.as_slice())
    }
}

/// Whether the inputs are of the kind that was trained on.
fn check_inputs(card: &Card, features: &Features) -> Result<(), NoPrediction> {
    for entry in &card.features {
        let Some(feature) = Feature::from_name(&entry.name).filter(|&feature| feature != Feature::ClockRatio) else {
            continue;
        };
        match features.value(feature).map(f64::from) {
            None if entry.required => return Err(NoPrediction::Missing { feature }),
            None => {}
            Some(value) => {
                let margin = RANGE_MARGIN * (entry.high - entry.low);
                if value < entry.low - margin || value > entry.high + margin {
                    return Err(NoPrediction::OutOfRange { feature, value, low: entry.low, high: entry.high });
                }
            }
        }
    }
    Ok(())
}

/// Sweeps a time and an energy model over the same clocks.
fn sweep(
    time: &mut ModelSweep,
    energy: &mut ModelSweep,
    card: &Card,
    features: &Features,
    (pairs, ratios): (&[ClockPair], &[f64]),
    out: &mut Vec<Predicted>,
) -> Result<(), NoPrediction> {
    let error = |kind: ModelKind, ratio: f64| card.models.entry(kind).map_or(1.0, |model| model.stderr_at(ratio));
    let (time_kind, energy_kind) = (time.kind, energy.kind);
    let times = time.run(features).ok_or(NoPrediction::NotPossible)?;
    let energies = energy.run(features).ok_or(NoPrediction::NotPossible)?;
    for (((&clocks, &ratio), &time_ratio), &energy_ratio) in pairs.iter().zip(ratios).zip(times).zip(energies) {
        out.push(Predicted {
            clocks,
            ratio,
            cost: RelativeCost { time: f64::from(time_ratio), energy: f64::from(energy_ratio) },
            time_stderr: error(time_kind, ratio),
            energy_stderr: error(energy_kind, ratio),
        });
    }
    Ok(())
}

impl Prediction {
    fn clear(&mut self) {
        self.variant = None;
        self.sm.clear();
        self.mem.clear();
    }

    /// The variant that made it; `None`: nobody has yet.
    #[must_use]
    pub fn variant(&self) -> Option<Variant> {
        self.variant
    }

    /// The SM clocks at the default memory clock, ascending.
    #[must_use]
    pub fn sm(&self) -> &[Predicted] {
        &self.sm
    }

    /// The memory clocks at the default SM clock, ascending; empty if the set has no memory models. Where a memory clock does
    /// not go with the default SM clock, [`Predicted::clocks`] is its highest pair all the same.
    #[must_use]
    pub fn mem(&self) -> &[Predicted] {
        &self.mem
    }

    /// The first guess for a pair: the product of what its SM and its memory clock cost.
    #[must_use]
    pub fn at(&self, pair: ClockPair) -> Option<Predicted> {
        let sm = self.sm.iter().find(|predicted| predicted.clocks.sm() == pair.sm())?;
        let is_default = self.sm.last().is_some_and(|home| home.clocks.mem() == pair.mem());
        if is_default {
            return Some(*sm);
        }
        let mem = self.mem.iter().find(|predicted| predicted.clocks.mem_gear() == pair.mem_gear())?;
        Some(Predicted {
            clocks: pair,
            ratio: sm.ratio,
            cost: RelativeCost { time: sm.cost.time * mem.cost.time, energy: sm.cost.energy * mem.cost.energy },
            time_stderr: sm.time_stderr.hypot(mem.time_stderr),
            energy_stderr: sm.energy_stderr.hypot(mem.energy_stderr),
        })
    }
}

#[cfg(feature = "serde")]
#[cfg(test)]
mod tests {
    use super::super::testing::{Folder, tiny_folder, tiny_set};
    use super::*;
    use crate::units::Mhz;

    fn caps() -> Capabilities {
        let sm: Vec<Mhz> = (4..=20).map(|step| Mhz(100 * step)).collect();
        Capabilities::new([(Mhz(9000), sm.clone()), (Mhz(4500), sm)]).unwrap()
    }

    fn features() -> Features {
        Features::default().with(Feature::PowerPerLimit, 0.6)
    }

    fn load(folder: &Folder) -> Arc<ModelSet> {
        let read = |name: &str| folder.get(name).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into());
        Arc::new(ModelSet::load(read).unwrap())
    }

    #[test]
    fn default_clocks_cost_one_and_the_curve_is_the_models() {
        let mut predictor = Predictor::new(tiny_set(Variant::Nvml), &caps());
        let mut out = Prediction::default();
        predictor.predict(&features(), &mut out).unwrap();
        assert_eq!((out.variant(), out.sm().len(), out.mem().len()), (Some(Variant::Nvml), 17, 2));
        let top = out.sm().last().unwrap();
        assert_eq!(top.cost, RelativeCost::DEFAULT);
        assert_eq!(top.time_stderr, 0.0);
        let half = out.sm().iter().find(|predicted| predicted.clocks.sm() == Mhz(1000)).unwrap();
        assert!((half.cost.time - (0.7 + 0.3 / 0.5)).abs() < 0.015, "{half:?}");
        assert!(half.time_stderr > 0.05);
        let low = caps().pair_of(Mhz(4500), Mhz(1000)).unwrap();
        let product = out.at(low).unwrap();
        assert!((product.cost.energy - half.cost.energy * out.mem()[0].cost.energy).abs() < 1e-12);
    }

    #[test]
    fn says_what_is_missing_or_out_of_range_and_falls_back_to_a_variant_that_can() {
        let text = |folder: &mut Folder, from: &str, to: &str| {
            let card = folder.get_mut("counters/card.json").unwrap();
            *card = String::from_utf8(card.clone()).unwrap().replace(from, to).into_bytes();
        };
        let mut folder = tiny_folder(Variant::Counters);
        text(&mut folder, "\"required\":false", "\"required\":true");
        let mut out = Prediction::default();
        let mut predictor = Predictor::new(load(&folder), &caps());
        let missing = Err(NoPrediction::Missing { feature: Feature::PowerPerLimit });
        assert_eq!(predictor.predict(&Features::default(), &mut out), missing);
        let far = features().with(Feature::PowerPerLimit, 3.0);
        let error = predictor.predict(&far, &mut out).unwrap_err();
        assert!(matches!(error, NoPrediction::OutOfRange { feature: Feature::PowerPerLimit, .. }), "{error}");
        assert_eq!(out, Prediction::default());
        folder.extend(tiny_folder(Variant::Nvml));
        let mut predictor = Predictor::new(load(&folder), &caps());
        predictor.predict(&Features::default(), &mut out).unwrap();
        assert_eq!(out.variant(), Some(Variant::Nvml));
        predictor.predict(&features(), &mut out).unwrap();
        assert_eq!(out.variant(), Some(Variant::Counters));
    }

    #[test]
    fn a_set_for_other_gpus_predicts_nothing() {
        let mut folder = tiny_folder(Variant::Nvml);
        let card = folder.get_mut("nvml/card.json").unwrap();
        *card = String::from_utf8(card.clone()).unwrap().replace("\"gpus\":[]", "\"gpus\":[\"RTX 3080\"]").into_bytes();
        let set = load(&folder);
        let mut out = Prediction::default();
        let named = |name: &str| caps().with_gpu_name(name);
        let mut other = Predictor::new(Arc::clone(&set), &named("NVIDIA A100-SXM4-80GB"));
        assert_eq!(other.predict(&features(), &mut out), Err(NoPrediction::OtherGpu));
        let mut same = Predictor::new(set, &named("NVIDIA GeForce RTX 3080 Ti"));
        assert_eq!(same.predict(&features(), &mut out), Ok(()));
    }

    #[test]
    fn a_second_prediction_does_not_allocate() {
        let mut predictor = Predictor::new(tiny_set(Variant::Nvml), &caps());
        let (mut out, features) = (Prediction::default(), features());
        predictor.predict(&features, &mut out).unwrap();
        let info = allocation_counter::measure(|| predictor.predict(&features, &mut out).unwrap());
        assert_eq!(info.count_total, 0);
    }
}
