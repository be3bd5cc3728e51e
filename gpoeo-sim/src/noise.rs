//! Seeded noise that is equal bit for bit on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of random numbers is for; each has its own, so that more draws of one change nothing in another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Latency of clock changes.
    Clocks = 1,
    /// Readings of hardware counters.
    Counters = 2,
    /// Energy noise that lasts for seconds.
    EnergyFast = 3,
    /// Energy noise that lasts for a measurement.
    EnergySlow = 4,
    /// Lost samples, jitter and noise of single ones.
    Samples = 5,
    /// Shape of waveforms that are made.
    Waveform = 6,
    /// Clocks that wander.
    Wander = 7,
    /// Power within 20 ms.
    Ripple = 8,
    /// Everything about a recording that never was.
    Synthetic = 9,
    /// Jobs to train models with.
    Pool = 10,
    /// Which jobs a confidence interval is drawn from.
    Bootstrap = 20,
    /// Which faults happen when.
    FaultPlan = 15,
    /// Which calls are hit.
    FaultCalls = 16,
    /// Which samples are hit.
    FaultRing = 12,
    /// Clocks under a power cap.
    FaultCaps = 13,
    /// Errors of the models of the policy `paper`.
    PaperModels = 14,
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Noise(ChaCha8Rng);

impl Noise {
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// Uniform in 0..1.
    pub(crate) fn uniform(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * SCALE
    }

    /// Mean 0, standard deviation 1, bell-shaped, never beyond ±3.47: the sum of four uniform numbers. No logarithm or
    /// cosine, whose last bits differ between platforms.
    pub(crate) fn bell(&mut self) -> f64 {
        const SD: f64 = 18_918.613; // of the sum of four uniform 16-bit numbers: 2^16 / sqrt(3)
        const MEAN: f64 = 2.0 * 65_535.0;
        let bits = self.0.next_u64();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        (sum as f64 - MEAN) / (2.0 * SD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_has_mean_0_and_deviation_1() {
        let mut noise = Noise::new(7, Stream::Samples);
        let draws: Vec<f64> = (0..100_000).map(|_| noise.bell()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance.sqrt() - 1.0).abs() < 0.01, "deviation {}", variance.sqrt());
        assert!(draws.iter().all(|draw| draw.abs() < 3.5));
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, stream| Noise::new(seed, stream).uniform();
        assert_eq!(draw(1, Stream::Clocks), draw(1, Stream::Clocks));
        assert_ne!(draw(1, Stream::Clocks), draw(1, Stream::Samples));
        assert_ne!(draw(1, Stream::Clocks), draw(2, Stream::Clocks));
    }
}
