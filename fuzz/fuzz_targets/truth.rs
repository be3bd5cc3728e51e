//! See `gpoeo_fuzz::truth`.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gpoeo_fuzz::truth(data));
#[cfg(not(fuzzing))]
fn main() {}
