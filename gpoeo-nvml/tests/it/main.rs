//! The command `gpoeo` from outside, on a machine without a driver: most tests load a small stand-in for NVML.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod devices;
mod reset;
mod restore;
mod run;
mod support;
mod usage;
mod watch;
