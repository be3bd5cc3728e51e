//! Why a set of models is refused.

use std::io;

use super::card::Variant;
use crate::gbdt::ModelError;

/// Why a set of models was refused. `file` is the path from the set's folder: `counters/time_sm.ubj`.
///
/// A broken set is never the same as no set: whoever asked for one is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelSetError {
    /// A card that is no card.
    #[error("{file} is not the card of a set: {problem}; write it with gpoeo-sim/training/train.py")]
    Card {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A field of a card with a value that it cannot have.
    #[error("{file}: {field}: {problem}")]
    CardField {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No variant at all.
    #[error(
        "there is no model in the set: no card.json in the folder itself, or in counters, gpm or nvml below it; \
         give the folder of one GPU family"
    )]
    Empty,
    /// Variants of different GPU families.
    #[error("the set has variants of the families {one} and {other}; put them into a folder each")]
    Families {
        /// One.
        one: String,
        /// Another.
        other: String,
    },
    /// An input of a model that its card does not list.
    #[error("{file}: the model has the input {feature:?}, which the card does not list; train it with that card")]
    FeatureNotOnCard {
        /// The file.
        file: String,
        /// The input's name.
        feature: String,
    },
    /// A model without names, which could be bound by position only.
    #[error("{file}: the model does not name its inputs; train it with feature names")]
    FeaturesUnnamed {
        /// The file.
        file: String,
    },
    /// A model file that is not the one that the card speaks of.
    #[error("{file} has the SHA-256 {found}, the card says {expected}; card and models are not of one training")]
    Hash {
        /// The file.
        file: String,
        /// What the card says.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A model that the card names is not there.
    #[error("{file} is missing; the card names it")]
    Missing {
        /// The file.
        file: String,
    },
    /// A model that is refused.
    #[error("{file} is refused")]
    Model {
        /// The file.
        file: String,
        /// Why.
        source: ModelError,
    },
    /// A model without the clock among its inputs.
    #[error("{file}: the model has no input clock_ratio; train it with the clock")]
    NoClock {
        /// The file.
        file: String,
    },
    /// A file that cannot be read.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The same variant twice.
    #[error("the set has the variant {variant} twice; leave one out")]
    Twice {
        /// The variant.
        variant: Variant,
    },
    /// An input that this gpoeo does not know.
    #[error("{file}: the input {feature:?} is unknown to this gpoeo; train without it, or use a newer gpoeo")]
    UnknownFeature {
        /// The file.
        file: String,
        /// The input's name.
        feature: String,
    },
}
