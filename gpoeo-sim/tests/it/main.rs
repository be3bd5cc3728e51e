//! Integration tests, one file a contract.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli_evaluate;
mod cli_run;
mod fit_windows;
mod period_fit;
