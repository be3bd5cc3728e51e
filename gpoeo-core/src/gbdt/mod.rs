//! Gradient-boosted trees that XGBoost trained: loading, exact margins, and the sweep of one feature over all its values.

#[cfg(feature = "serde")]
mod document;
mod error;
mod format;
mod model;
mod names;
mod node;
mod objective;
mod place;
mod schema;
mod sweep;

#[cfg(feature = "serde")]
pub(crate) use document::from_json;
pub use error::{BaseScoreProblem, ModelError, SyntaxProblem};
pub use model::{IterationError, Model, RowError};
pub use objective::Objective;
pub use place::{FieldPath, Shown, ValueKind};
pub use sweep::{Sweep, SweepError};
