//! Cards with their models, checked once; immutable and shared from then on.

use std::collections::BTreeMap;

use super::card::{Card, ModelKind, Variant};
use super::error::ModelSetError;
use super::sha256::sha256_hex;
use crate::features::Feature;
use crate::gbdt::Model;

/// The files of one variant as they are on disk.
#[derive(Clone, Copy, Debug)]
pub struct ModelFiles<'a> {
    /// `time_sm.ubj`, or the same as JSON.
    pub time_sm: &'a [u8],
    /// `energy_sm.ubj`.
    pub energy_sm: &'a [u8],
    /// `time_mem.ubj`, if the card names it.
    pub time_mem: Option<&'a [u8]>,
    /// `energy_mem.ubj`, if the card names it.
    pub energy_mem: Option<&'a [u8]>,
}

impl<'a> ModelFiles<'a> {
    fn of(&self, kind: ModelKind) -> Option<&'a [u8]> {
        match kind {
            ModelKind::EnergyMem => self.energy_mem,
            ModelKind::EnergySm => Some(self.energy_sm),
            ModelKind::TimeMem => self.time_mem,
            ModelKind::TimeSm => Some(self.time_sm),
        }
    }
}

/// One variant: a card and the models that it speaks of.
#[derive(Clone, Debug)]
pub struct TrainedModels {
    card: Card,
    models: BTreeMap<ModelKind, Model>,
}

impl TrainedModels {
    /// Checks a card and its models against each other.
    ///
    /// # Errors
    /// [`ModelSetError`], with the path of the file from the set's folder.
    pub fn new(card: Card, files: ModelFiles<'_>) -> Result<Self, ModelSetError> {
        let card_file = file_of(card.variant, "card.json");
        if let Some((field, problem)) = card.problem() {
            return Err(ModelSetError::CardField { file: card_file, field, problem });
        }
        if let Some(unknown) = card.features.iter().find(|feature| Feature::from_name(&feature.name).is_none()) {
            return Err(ModelSetError::UnknownFeature { file: card_file, feature: unknown.name.clone() });
        }
        let mut models = BTreeMap::new();
        for kind in ModelKind::ALL {
            let Some(entry) = card.models.entry(kind) else { continue };
            let file = file_of(card.variant, kind.file());
            let Some(bytes) = files.of(kind) else { return Err(ModelSetError::Missing { file }) };
            let found = sha256_hex(bytes);
            if !found.eq_ignore_ascii_case(&entry.sha256) {
                return Err(ModelSetError::Hash { file, expected: entry.sha256.clone(), found });
            }
            match Model::from_slice(bytes) {
                Ok(model) => {
                    check_inputs(&model, &card, file)?;
                    models.insert(kind, model);
                }
                Err(source) => return Err(ModelSetError::Model { file, source }),
            }
        }
        Ok(Self { card, models })
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// A model; `None` if the variant has no memory models and one of them is asked for.
    #[must_use]
    pub fn model(&self, kind: ModelKind) -> Option<&Model> {
        self.models.get(&kind)
    }
}

fn check_inputs(model: &Model, card: &Card, file: String) -> Result<(), ModelSetError> {
    let names = model.feature_names();
    if names.len() != model.num_features() {
        return Err(ModelSetError::FeaturesUnnamed { file });
    }
    if let Some(unlisted) = names.clone().find(|name| card.feature(name).is_none()) {
        return Err(ModelSetError::FeatureNotOnCard { feature: unlisted.to_owned(), file });
    }
    let mut names = names;
    if names.any(|name| name == Feature::ClockRatio.name()) { Ok(()) } else { Err(ModelSetError::NoClock { file }) }
}

/// The path of a file from the set's folder.
pub(super) fn file_of(variant: Variant, name: &str) -> String {
    format!("{variant}/{name}")
}

/// The models of one GPU family: one to three variants. Immutable; one set serves any number of machines.
///
/// An [`Optimizer`](crate::Optimizer) uses the best informed variant that the GPU can feed.
#[derive(Clone, Debug)]
pub struct ModelSet {
    variants: Vec<TrainedModels>,
}

/// Equal cards speak of the same models: they hold their hashes.
impl PartialEq for ModelSet {
    fn eq(&self, other: &Self) -> bool {
        self.variants.len() == other.variants.len()
            && self.variants.iter().zip(&other.variants).all(|(a, b)| a.card == b.card)
    }
}

impl ModelSet {
    /// A set of these variants.
    ///
    /// # Errors
    /// [`ModelSetError::Empty`], [`ModelSetError::Families`], [`ModelSetError::Twice`].
    pub fn new(variants: impl IntoIterator<Item = TrainedModels>) -> Result<Self, ModelSetError> {
        let mut variants: Vec<TrainedModels> = variants.into_iter().collect();
        variants.sort_by_key(|trained| trained.card.variant);
        let first = variants.first().ok_or(ModelSetError::Empty)?;
        if let Some(other) = variants.iter().find(|other| other.card.family != first.card.family) {
            let (one, other) = (first.card.family.clone(), other.card.family.clone());
            return Err(ModelSetError::Families { one, other });
        }
        for pair in variants.windows(2) {
            if let [a, b] = pair {
                if a.card.variant == b.card.variant {
                    return Err(ModelSetError::Twice { variant: a.card.variant });
                }
            }
        }
        Ok(Self { variants })
    }

    /// The GPU family.
    #[must_use]
    pub fn family(&self) -> &str {
        self.variants.first().map_or("", |trained| &trained.card.family)
    }

    /// The variants, the best informed first.
    #[must_use]
    pub fn variants(&self) -> &[TrainedModels] {
        &self.variants
    }

    /// Whether the set is for the GPU of this name (as NVML gives it).
    #[must_use]
    pub fn is_for(&self, gpu: &str) -> bool {
        self.variants.iter().all(|trained| trained.card.is_for(gpu))
    }
}
