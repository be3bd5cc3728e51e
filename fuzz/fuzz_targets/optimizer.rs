//! See `gpoeo_fuzz::optimizer`.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gpoeo_fuzz::optimizer(data));
#[cfg(not(fuzzing))]
fn main() {}
