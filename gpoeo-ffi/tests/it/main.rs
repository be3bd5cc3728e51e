//! Header and library as C, C++ and the linker see them.
mod header;
mod programs;
mod symbols;
mod toolchain;
