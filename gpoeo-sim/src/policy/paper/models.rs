//! What stands for the eight trained models (§6 of the description): their files were never published.
//!
//! They predict time and energy at a clock relative to the driver's default, three for ranges of the SM clock and one for the
//! memory clock, of each. Here the truth does so, off by as much as models of this kind are: an error for each of the eight,
//! and one that grows with the distance from the clocks of the profile. That is kinder than any training would be, for the
//! errors of trained models are largest where jobs are odd.

use gpoeo_core::{ClockPair, RelativeCost};

use crate::noise::{Noise, Stream};
use crate::workload::Workload;

/// Error of a model of time and of energy at the far end of its range, ratio: what ours are to reach on jobs they have not
/// seen.
const ERRORS: [f64; 2] = [0.03, 0.04];
/// Borders of the ranges of the SM models, as shares of the highest clock (1020 and 1425 of 1995 MHz).
const BORDERS: [f64; 2] = [0.51, 0.71];

/// The eight of them, for one job.
#[derive(Clone, Debug)]
pub(super) struct Models {
    /// For each range, the error of time and of energy at a distance of 1.
    sm: [[f64; 2]; 3],
    memory: [f64; 2],
    reference: ClockPair,
}

impl Models {
    pub(super) fn new(reference: ClockPair, seed: u64) -> Self {
        let mut noise = Noise::new(seed, Stream::PaperModels);
        let mut pair = || ERRORS.map(|error| error * noise.bell());
        Self { sm: [pair(), pair(), pair()], memory: pair(), reference }
    }

    /// At another SM clock, the memory clock as in the profile.
    pub(super) fn at_sm(&self, workload: &Workload, clocks: ClockPair) -> RelativeCost {
        let share = f64::from(clocks.sm().0) / f64::from(workload.curve().default_clocks().sm().0);
        let range = BORDERS.iter().filter(|border| share >= **border).count();
        let distance = (f64::from(clocks.sm().0) / f64::from(self.reference.sm().0) - 1.0).abs();
        bent(workload, clocks, self.sm[range], distance)
    }

    /// At another memory clock, the SM clock as in the profile.
    pub(super) fn at_memory(&self, workload: &Workload, clocks: ClockPair) -> RelativeCost {
        let distance = (f64::from(clocks.mem().0) / f64::from(self.reference.mem().0) - 1.0).abs();
        bent(workload, clocks, self.memory, distance)
    }
}

/// The truth, bent: half of the error at once, all of it at a distance of one half.
fn bent(workload: &Workload, clocks: ClockPair, [time, energy]: [f64; 2], distance: f64) -> RelativeCost {
    let truth = workload.iteration_cost(clocks).unwrap_or(RelativeCost::DEFAULT);
    let share = 0.5 + distance.min(0.5);
    RelativeCost { time: truth.time * (1.0 + share * time), energy: truth.energy * (1.0 + share * energy) }
}
