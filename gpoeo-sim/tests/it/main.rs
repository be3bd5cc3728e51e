//! Integration tests, one file a contract.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli_detect;
mod cli_evaluate;
mod cli_faults;
mod cli_modelled;
mod cli_predict;
mod cli_run;
mod detect_recordings;
mod detect_synthetic;
mod faults;
mod fit_windows;
mod group;
mod period_fit;
mod training;
