//! Bodies of the fuzz targets, one function each: they panic where a promise is broken, whatever the bytes.
//!
//! `cargo fuzz` runs them through `fuzz_targets/`, plain `cargo test` replays the corpus and every finding.
#![forbid(unsafe_code)]

mod checked;
mod models;
mod parsers;
mod scenario;

pub use models::{model_json, model_ubj};
pub use parsers::{dvfs_table, trace, truth};

/// An arbitrary sequence of inputs into [`gpoeo_core::Optimizer`]: samples with odd numbers and times, answers right and
/// wrong, faults, counters, stops, and stretches of a job that is really there.
pub fn optimizer(data: &[u8]) {
    scenario::run(data);
}
