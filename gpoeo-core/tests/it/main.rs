//! The invariants of the machine, one file each, on a small world without noise.
#![allow(missing_docs)]

mod bounded;
mod contained;
mod crew;
mod detector;
mod deterministic;
mod found_clocks;
mod group;
mod guard;
mod hand_made;
mod honest;
mod live;
mod model_refused;
mod model_text;
mod models;
mod monitor;
mod objective;
mod one_at_a_time;
mod profile;
mod refused;
mod restored;
mod shift_free;
mod sweep;
mod world;
