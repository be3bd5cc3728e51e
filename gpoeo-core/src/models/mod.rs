//! Trained models with their cards: what one window of counters says about the cost of every clock.
//!
//! - [`card`]: what a set was trained on, for, and how well it does;
//! - [`set`]: cards and models of one GPU family, checked once and shared;
//! - `load`: a set from files that an embedder reads (feature `serde`);
//! - `embedded`: the sets that come with the crate (feature `models`);
//! - [`predictor`]: the sweeps over the clocks of one GPU.
//!
//! On disk a set is a folder with a folder for each of its variants (`counters`, `gpm`, `nvml`): `card.json` and the
//! models `time_sm.ubj`, `energy_sm.ubj`, `time_mem.ubj`, `energy_mem.ubj` as XGBoost saves them. Source: GPOEO §6, with
//! four models in place of eight: trees split on the clock by themselves.

mod card;
#[cfg(feature = "models")]
mod embedded;
mod error;
#[cfg(feature = "serde")]
mod load;
mod predictor;
mod set;
mod sha256;
#[cfg(feature = "serde")]
#[cfg(test)]
mod testing;

pub use card::{Card, CardFeature, CardModel, CardModels, DefaultClocks, ErrorPoint, ModelKind, Variant};
pub use error::ModelSetError;
pub use predictor::{NoPrediction, Predicted, Prediction, Predictor};
pub use set::{ModelFiles, ModelSet, TrainedModels};
