//! Header and library as C, C++ and the linker see them.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod header;
mod programs;
mod symbols;
mod toolchain;
mod wild;
