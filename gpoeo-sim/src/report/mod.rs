//! Results for people and programs.

mod detection;
mod html;
mod json;
mod numbers;
mod run;
mod text;
mod words;

pub use detection::write_detection_text;
pub use html::{write_detection_html, write_detection_svg, write_evaluation_html, write_run_html, write_run_svg};
pub use json::{read_saved, write_json};
pub use run::{Decision, DecisionKind, Narrator, Paint, write_run_json, write_run_text};
pub use text::{write_ablation_text, write_text};
