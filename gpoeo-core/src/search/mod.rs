//! Which setting to measure next, from the measurements so far; and which to hold. Knows no GPU and no time.
//!
//! - [`curve`]: random curves of time and energy over the SM clock that physics allows;
//! - [`prior`]: these, and curves around what models predict;
//! - [`posterior`]: what the measurements leave of them, with a Gaussian-process residual on top;
//! - [`frontier`]: the best setting, or the best mix of two, among measured ones;
//! - [`plan`]: the next trial, or the end of the search.
//!
//! Source: ours; a peer's search (GPOEO §8) brackets from a model's prediction and needs a slope, which the plateau of a
//! power-limited GPU does not have.

mod curve;
mod frontier;
mod plan;
mod posterior;
mod prior;

pub(crate) use frontier::{Frontier, Mix};
pub(crate) use plan::{Known, Plan, Progress, Proposal, next_trial};
pub(crate) use posterior::{Measurements, Observation, Smoothed, predict, smooth, trust};
pub(crate) use prior::{PredictedPoint, Prior};
