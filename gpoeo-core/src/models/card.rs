//! The card of one variant of a set: `card.json`.

use std::collections::BTreeMap;

use core::fmt;

use super::sha256::sha256_hex;
use crate::features::Feature;

/// The version of the format that [`Card::format`] must name.
const FORMAT: u32 = 1;

/// What four models were trained on and for, and how well they do.
///
/// As JSON this is `card.json`; keys that are not listed here are for people and are ignored.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Card {
    /// 1.
    pub format: u32,
    /// The GPU family, for people: `rtx3080ti`.
    pub family: String,
    /// Parts of the names (as NVML gives them) of the GPUs that the set is for, compared without regard to case. Empty:
    /// for whatever GPU.
    pub gpus: Vec<String>,
    /// Where its inputs come from.
    pub variant: Variant,
    /// The clocks that all is relative to.
    pub default_clocks: DefaultClocks,
    /// The inputs, [`CardFeature::name`] `clock_ratio` among them; those of each model are among these.
    pub features: Vec<CardFeature>,
    /// What there is to say about each model.
    pub models: CardModels,
    /// What it was trained on: simulator version and seeds, or tables with their hashes.
    pub source: String,
    /// With what it was trained: version and parameters of XGBoost.
    pub training: String,
    /// What its user should know, for example that it was not validated on hardware.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub notice: Option<String>,
    /// Measures of quality on workloads that it was not trained on, by name.
    #[cfg_attr(feature = "serde", serde(default))]
    pub metrics: BTreeMap<String, f64>,
}

/// Where the inputs of a set come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Variant {
    /// Hardware counters of a window (CUPTI): the paper's inputs.
    Counters,
    /// GPU performance monitoring, which data-centre GPUs from Hopper on give without any intrusion.
    Gpm,
    /// Telemetry alone: power, utilisation, clocks.
    Nvml,
}

/// The highest memory clock and its highest SM clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DefaultClocks {
    /// SM clock, MHz.
    pub sm_mhz: u32,
    /// Memory clock, MHz.
    pub mem_mhz: u32,
}

/// One input.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CardFeature {
    /// The name by which models and features are bound.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How it is made from counters.
    pub formula: String,
    /// The smallest value of the training.
    pub low: f64,
    /// The largest value of the training.
    pub high: f64,
    /// Whether there is no prediction without it; others may be missing.
    pub required: bool,
}

/// The four models.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CardModels {
    /// Time over the SM clock at the default memory clock.
    pub time_sm: CardModel,
    /// Energy over the SM clock at the default memory clock.
    pub energy_sm: CardModel,
    /// Time over the memory clock at the default SM clock; absent together with the next, where there is one memory clock.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub time_mem: Option<CardModel>,
    /// Energy over the memory clock at the default SM clock.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub energy_mem: Option<CardModel>,
}

/// What there is to say about one model.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CardModel {
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The expected error over the clock ratio, ratios ascending; straight lines in between. Measured on workloads that
    /// were not trained on.
    pub error: Vec<ErrorPoint>,
}

/// The error of a model at one clock.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorPoint {
    /// Clock / default clock.
    pub ratio: f64,
    /// Root mean square of ln(predicted / true), both relative to the default clocks.
    pub stderr: f64,
}

/// What a model predicts, relative to the default clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ModelKind {
    /// Energy over the memory clock.
    EnergyMem,
    /// Energy over the SM clock.
    EnergySm,
    /// Time over the memory clock.
    TimeMem,
    /// Time over the SM clock.
    TimeSm,
}

impl Variant {
    /// All variants, the best informed first.
    pub const ALL: [Self; 3] = [Self::Counters, Self::Gpm, Self::Nvml];

    /// The name of its folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counters => "counters",
            Self::Gpm => "gpm",
            Self::Nvml => "nvml",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl ModelKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::TimeSm, Self::EnergySm, Self::TimeMem, Self::EnergyMem];

    /// The name of its file.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::EnergyMem => "energy_mem.ubj",
            Self::EnergySm => "energy_sm.ubj",
            Self::TimeMem => "time_mem.ubj",
            Self::TimeSm => "time_sm.ubj",
        }
    }
}

impl CardModels {
    /// The entry of one model, if there is that model.
    #[must_use]
    pub fn entry(&self, kind: ModelKind) -> Option<&CardModel> {
        match kind {
            ModelKind::EnergyMem => self.energy_mem.as_ref(),
            ModelKind::EnergySm => Some(&self.energy_sm),
            ModelKind::TimeMem => self.time_mem.as_ref(),
            ModelKind::TimeSm => Some(&self.time_sm),
        }
    }
}

impl CardModel {
    /// The entry of a model's file; `error` as in [`CardModel::error`].
    #[must_use]
    pub fn new(file: &[u8], error: Vec<ErrorPoint>) -> Self {
        Self { sha256: sha256_hex(file), error }
    }

    /// The expected error at a clock ratio; beyond the ends it grows as it did there, but there is none at the default clock.
    #[must_use]
    pub fn stderr_at(&self, ratio: f64) -> f64 {
        if let Some(last) = self.error.last().filter(|last| ratio > last.ratio && last.ratio < 1.0) {
            return last.stderr * ((1.0 - ratio) / (1.0 - last.ratio)).max(0.0);
        }
        let after = self.error.partition_point(|point| point.ratio < ratio).clamp(1, self.error.len().max(2) - 1);
        match (self.error.get(after - 1), self.error.get(after)) {
            (Some(a), Some(b)) => {
                let stderr = a.stderr + (ratio - a.ratio) / (b.ratio - a.ratio) * (b.stderr - a.stderr);
                // Beyond the ends it does not get better.
                if ratio < a.ratio {
                    stderr.max(a.stderr)
                } else if ratio > b.ratio {
                    stderr.max(b.stderr)
                } else {
                    stderr
                }
            }
            (only, _) => only.map_or(f64::INFINITY, |point| point.stderr),
        }
    }
}

impl Card {
    /// Whether the set is for the GPU of this name.
    #[must_use]
    pub fn is_for(&self, gpu: &str) -> bool {
        let gpu = gpu.to_lowercase();
        self.gpus.is_empty() || self.gpus.iter().any(|part| gpu.contains(&part.to_lowercase()))
    }

    /// The entry of an input.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&CardFeature> {
        self.features.iter().find(|feature| feature.name == name)
    }

    /// The first field that cannot be, and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(String, &'static str)> {
        let problem = |field: &str, problem| Some((field.to_owned(), problem));
        if self.format != FORMAT {
            return problem("format", "this gpoeo reads format 1");
        }
        if self.gpus.iter().any(|part| part.trim().is_empty()) {
            return problem("gpus", "an empty name fits every GPU; an empty list says so");
        }
        if self.default_clocks.sm_mhz == 0 || self.default_clocks.mem_mhz == 0 {
            return problem("default_clocks", "a clock is 0");
        }
        for (index, feature) in self.features.iter().enumerate() {
            let field = |key: &str| format!("features[{index}].{key}");
            let is_range = feature.low.is_finite() && feature.high.is_finite() && feature.low <= feature.high;
            if !is_range {
                return Some((field("low"), "it must be a finite number, and not above `high`"));
            }
            if self.features[..index].iter().any(|other| other.name == feature.name) {
                return Some((field("name"), "it stands twice"));
            }
        }
        if self.feature(Feature::ClockRatio.name()).is_none() {
            return problem("features", "clock_ratio is not among them");
        }
        if self.models.time_mem.is_some() != self.models.energy_mem.is_some() {
            return problem("models", "there is one memory model; give both or none");
        }
        ModelKind::ALL.iter().find_map(|&kind| {
            let model = self.models.entry(kind)?;
            let name = kind.file().trim_end_matches(".ubj");
            let is_digest = model.sha256.len() == 64 && model.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_digest {
                return Some((format!("models.{name}.sha256"), "it must be 64 hexadecimal digits"));
            }
            let is_ascending = model.error.windows(2).all(|pair| pair[0].ratio < pair[1].ratio);
            let is_error = |point: &ErrorPoint| point.ratio.is_finite() && (0.0..=1.0).contains(&point.stderr);
            let is_good = !model.error.is_empty() && is_ascending && model.error.iter().all(is_error);
            (!is_good).then(|| {
                (format!("models.{name}.error"), "it must have points with ratios ascending and stderr in 0..=1")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(error: &[(f64, f64)]) -> CardModel {
        let error = error.iter().map(|&(ratio, stderr)| ErrorPoint { ratio, stderr }).collect();
        CardModel { sha256: "0".repeat(64), error }
    }

    #[test]
    fn the_expected_error_lies_between_its_points_and_does_not_shrink_beyond_them() {
        let model_error = model(&[(0.5, 0.04), (0.8, 0.01), (1.0, 0.0)]);
        for (ratio, stderr) in [(0.5, 0.04), (0.65, 0.025), (0.9, 0.005), (1.0, 0.0), (0.4, 0.05), (1.2, 0.0)] {
            assert!((model_error.stderr_at(ratio) - stderr).abs() < 1e-12, "{ratio}");
        }
        let short = model(&[(0.5, 0.04), (0.9, 0.01)]);
        assert!((short.stderr_at(0.95) - 0.005).abs() < 1e-12 && short.stderr_at(1.0).abs() < 1e-12);
        assert_eq!(model(&[(1.0, 0.04)]).stderr_at(0.9), 0.04);
        assert_eq!(model(&[]).stderr_at(0.9), f64::INFINITY);
    }
}
