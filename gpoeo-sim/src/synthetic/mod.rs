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
mod visibility;

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
    /// How much of the rhythm the sensors show: the power's movement that repeats with each iteration over what does
    /// not, as standard deviations. `None` if there is no rhythm. On recordings of real jobs 0.38 to 6.
    pub visibility: Option<f64>,
}

/// A job that shows less is drawn again: nobody could see it, and real ones show more.
const LEAST_VISIBLE: f64 = 0.35;

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
        const MOST_TRIES: u64 = 50;
        (0..MOST_TRIES)
            .map(|attempt| Self::try_to_draw(family, seed, attempt))
            .find(|recording| recording.is_fair())
            .unwrap_or_else(|| Self::try_to_draw(family, seed, 0))
    }

    fn try_to_draw(family: Family, seed: u64, attempt: u64) -> Self {
        let mut dice = dice::Dice::new(seed, family, attempt);
        let script = families::script(family, &mut dice);
        let played = machine::play(&script, &mut dice);
        let samples = readings::read(&played, &script, &mut dice);
        let trace = Trace::from_samples(format!("{family}-{seed}"), samples);
        let truth = Truth::from_marks(played.marks);
        let visibility = visibility::visibility(&trace, &truth);
        Self { family, seed, trace, truth, visibility }
    }

    /// Whether anybody could say what the truth says.
    fn is_fair(&self) -> bool {
        // Short iterations need not be seen, and ragged ones fold to nothing.
        let must_show = !matches!(self.family, Family::Aperiodic | Family::Ragged | Family::Short);
        !must_show || self.visibility.is_some_and(|visibility| visibility >= LEAST_VISIBLE)
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
