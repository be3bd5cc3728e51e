//! Pages and pictures, self-contained.

mod chart;
mod evaluation;
mod page;
mod run;
mod scale;

pub use evaluation::write_evaluation_html;
pub use run::{write_run_html, write_run_svg};
