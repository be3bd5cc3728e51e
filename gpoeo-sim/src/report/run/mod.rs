//! One run for people and programs.

mod decision;
mod json;
mod lines;
mod paint;
pub(super) mod rows;
pub(super) mod text;

pub use decision::{Decision, DecisionKind};
pub(super) use json::Goal;
pub use json::write_run_json;
pub use lines::Narrator;
pub use paint::Paint;
pub use text::write_run_text;
