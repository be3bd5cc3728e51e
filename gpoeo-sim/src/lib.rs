//! A simulated GPU in virtual time, driven by recorded telemetry and measured clock sweeps.
#![forbid(unsafe_code)]
