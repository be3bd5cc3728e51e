//! See `gpoeo_fuzz::model_ubj`.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gpoeo_fuzz::model_ubj(data));
#[cfg(not(fuzzing))]
fn main() {}
