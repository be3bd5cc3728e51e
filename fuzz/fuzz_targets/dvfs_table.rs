//! See `gpoeo_fuzz::dvfs_table`.
#![cfg_attr(fuzzing, no_main)]
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gpoeo_fuzz::dvfs_table(data));
#[cfg(not(fuzzing))]
fn main() {}
