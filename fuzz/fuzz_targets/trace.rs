//! See `gpoeo_fuzz::trace`.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gpoeo_fuzz::trace(data));
#[cfg(not(fuzzing))]
fn main() {}
