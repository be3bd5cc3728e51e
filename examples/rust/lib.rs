//! Holds nothing: the examples are `own_loop.rs` and `with_driver.rs` beside this file. What follows is the project's
//! README, so that its Rust is compiled and run as documentation tests.
#![doc = include_str!("../../README.md")]
#![forbid(unsafe_code)]
