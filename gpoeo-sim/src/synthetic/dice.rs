//! What is left to chance in a recording.

use crate::noise::{Noise, Stream};

use super::Family;

/// Random numbers of one recording.
#[derive(Clone, Debug)]
pub(super) struct Dice(Noise);

impl Dice {
    pub(super) fn new(seed: u64, family: Family, attempt: u64) -> Self {
        // Families of one seed must not be the same job over and over (the golden ratio spreads the bits).
        let own = (family as u64 + 1 + (attempt << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(Noise::new(seed ^ own, Stream::Synthetic))
    }

    /// Uniform in 0..1.
    pub(super) fn share(&mut self) -> f64 {
        self.0.uniform()
    }

    /// Uniform in a range.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// In a range of positive numbers, each factor of two as likely as any other.
    pub(super) fn scale(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.share())
    }

    /// Uniform over whole numbers, both ends included.
    pub(super) fn count(&mut self, low: usize, high: usize) -> usize {
        low + ((high + 1 - low) as f64 * self.share()) as usize
    }

    /// Mean 0, standard deviation 1, bell-shaped, never beyond ±3.47.
    pub(super) fn bell(&mut self) -> f64 {
        self.0.bell()
    }

    /// True with a probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// One of several, each as likely.
    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.count(0, choices.len() - 1)]
    }
}
