//! Recordings of jobs that never ran, with their truth: for properties, and for accuracy over more kinds of job than
//! anybody has recorded.
//!
//! A family (`family`, `families`) writes a script: idling, set-up, iterations, pauses (`script`), each iteration a
//! series of kernels (`pattern`). A small machine (`machine`) plays it in steps of 1 ms: the regulator of the power
//! limit, the slow supply, thermal drift. Sensors (`readings`) show it in steps of 20 ms or as a mean, with stamps that
//! jitter and samples that get lost. So what is hard about real recordings comes from what makes them hard: kernels too
//! short for the sensor alias, the regulator flattens whatever is slower than itself, stamps lie.

mod dice;
mod families;
mod family;
mod machine;
mod pattern;
mod readings;
mod script;

use crate::trace::Trace;
use crate::truth::Truth;

pub use family::{Family, UnknownFamily};

/// A recording that was made up, and what is true about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SyntheticRecording {
    /// What kind of job it is.
    pub family: Family,
    /// What it was drawn from.
    pub seed: u64,
    /// What the sensors showed; its name is `FAMILY-SEED`.
    pub trace: Trace,
    /// When each iteration ended.
    pub truth: Truth,
}

impl SyntheticRecording {
    /// Draws a recording of a family. Equal arguments give equal recordings.
    ///
    /// ```
    /// use gpoeo_sim::{Family, Rhythm, SyntheticRecording};
    ///
    /// let recording = SyntheticRecording::draw(Family::MicroBatches, 7);
    /// assert_eq!(recording.trace.name(), "micro-batches-7");
    /// assert!(recording.trace.as_slice().len() > 1000);
    /// assert!(Rhythm::of(&recording.truth).iteration_s.unwrap() > 0.3);
    /// ```
    #[must_use]
    pub fn draw(family: Family, seed: u64) -> Self {
        let mut dice = dice::Dice::new(seed, family);
        let script = families::script(family, &mut dice);
        let played = machine::play(&script, &mut dice);
        let samples = readings::read(&played, &script, &mut dice);
        let name = format!("{family}-{seed}");
        Self { family, seed, trace: Trace::from_samples(name, samples), truth: Truth::from_marks(played.marks) }
    }

    /// Family and seed of `count` recordings: all families in turn, or only one. The seeds count up from
    /// `seed * 1_000_000`, so that sets of different seeds share nothing.
    pub fn draw_some(count: usize, seed: u64, only: Option<Family>) -> impl Iterator<Item = (Family, u64)> + Clone {
        let first = seed.wrapping_mul(1_000_000);
        (0..count).map(move |index| match only {
            Some(only) => (only, first.wrapping_add(index as u64)),
            None => {
                let (turn, place) = (index / Family::ALL.len(), index % Family::ALL.len());
                (Family::ALL[place], first.wrapping_add(turn as u64))
            }
        })
    }
}

#[cfg(test)]
mod tests;
