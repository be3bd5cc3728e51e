//! Pages and pictures, self-contained.

mod chart;
mod page;
mod run;
mod scale;

pub use run::{write_run_html, write_run_svg};
