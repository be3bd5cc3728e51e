//! See `gpoeo_fuzz::model_json`.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gpoeo_fuzz::model_json(data));
#[cfg(not(fuzzing))]
fn main() {}
