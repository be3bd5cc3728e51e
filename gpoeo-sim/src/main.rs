//! The command `gpoeo-sim`.
fn main() {}
