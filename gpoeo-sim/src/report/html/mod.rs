//! Pages and pictures, self-contained.

mod chart;
mod detection;
mod evaluation;
mod fold;
mod page;
mod run;
mod scale;

pub use detection::{write_detection_html, write_detection_svg};
pub use evaluation::write_evaluation_html;
pub use run::{write_run_html, write_run_svg};
