//! The C ABI of gpoeo: the machine of `gpoeo-core` as opaque handles. What it offers is in `include/gpoeo.h`, how to embed
//! it in `docs/c-abi.md`; from Rust, use `gpoeo-core` itself.
//!
//! # Modules
//! | module | what |
//! | --- | --- |
//! | `optimizer`, `sim` | the handles, one entry point a method |
//! | `config`, `capabilities`, `sample` | structs that come in |
//! | `action`, `event`, `report` | structs that go out |
//! | `status`, `version` | status codes, the version |
//! | `handle` | pointers from C become values: nearly all `unsafe` code is here |
//! | `panic` | the boundary that no panic crosses |
//!
//! # Safety of every entry point
//! The header states the rules once, at its top; comments name them by number:
//! 1. A handle is NULL, or came from its `_new` function and was not freed.
//! 2. Any other pointer is NULL, or points at as much memory as the header's types, the size and the count beside it say.
//!
//! All else is checked.
#![allow(non_camel_case_types, reason = "types have the names that they have in C")]
#![allow(clippy::missing_safety_doc, reason = "the rules are the same for every function: see above")]

mod action;
mod capabilities;
mod config;
mod event;
mod handle;
mod optimizer;
mod panic;
mod report;
mod sample;
#[cfg(feature = "sim")]
mod sim;
mod status;
mod time;
mod version;

pub use action::*;
pub use capabilities::*;
pub use config::*;
pub use event::*;
pub use optimizer::*;
pub use report::*;
pub use sample::*;
#[cfg(feature = "sim")]
pub use sim::*;
pub use status::*;
pub use version::*;
