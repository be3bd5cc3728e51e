//! Small statistics that several algorithms share.

/// Several measurements of one number, weighted by their certainty (inverse variance).
///
/// The error shrinks with each measurement but never below `floor` of [`Pooled::stderr`]'s caller: repeated
/// measurements of a drifting job do not become exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pooled {
    weight: f64,
    mean: f64,
}

impl Pooled {
    /// Adds a measurement; a standard error that is not positive is ignored together with its value.
    pub(crate) fn add(&mut self, value: f64, stderr: f64) {
        if stderr > 0.0 && value.is_finite() && stderr.is_finite() {
            let weight = 1.0 / (stderr * stderr);
            self.weight += weight;
            self.mean += (value - self.mean) * weight / self.weight;
        }
    }

    /// Lets everything so far count for a share `keep` of its weight.
    pub(crate) fn fade(&mut self, keep: f64) {
        self.weight *= keep;
    }

    /// The pooled value.
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard error of the pooled value; infinite without a measurement.
    pub(crate) fn stderr(&self) -> f64 {
        (1.0 / self.weight).sqrt()
    }
}

/// How much more repeated measurements scatter than their standard errors say.
///
/// A job that alternates, drifts or jitters in ways that one window does not show is measured worse than each window
/// claims. All its standard errors are then multiplied with [`Scatter::factor`] (the Birge ratio, R. T. Birge 1932), held
/// at 1 by a few pseudo-measurements and never below.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scatter {
    squares: f64,
    count: f64,
}

impl Scatter {
    /// Repeats that count as if they had scattered as claimed.
    const PRIOR: f64 = 4.0;
    /// A single outlier (a validation pass) counts no more than this.
    const LARGEST_SQUARE: f64 = 36.0;
    /// What is remembered from one repeat to the next: about the last 20 count.
    const MEMORY: f64 = 0.95;

    /// Adds the deviation of a repeat, in units of its claimed standard error.
    pub(crate) fn add(&mut self, deviation: f64) {
        if deviation.is_finite() {
            self.squares = self.squares * Self::MEMORY + (deviation * deviation).min(Self::LARGEST_SQUARE);
            self.count = self.count * Self::MEMORY + 1.0;
        }
    }

    /// What standard errors must be multiplied with, at least 1.
    pub(crate) fn factor(&self) -> f64 {
        ((self.squares + Self::PRIOR) / (self.count + Self::PRIOR)).sqrt().max(1.0)
    }
}

/// How far a quantity moves from one measurement to the next, beyond what their errors explain: a job in two phases by
/// turns, of which each measurement sees one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Wander {
    excess: f64,
    count: f64,
}

impl Wander {
    /// More is another job.
    const LARGEST: f64 = 0.06;
    /// So many measurements are independent of each other at most: phases may last long.
    const MOST_INDEPENDENT: f64 = 4.0;

    /// Adds the relative difference of two measurements and its claimed standard error.
    pub(crate) fn add(&mut self, difference: f64, claimed: f64) {
        if difference.is_finite() && claimed.is_finite() {
            let square = difference.clamp(-Self::LARGEST, Self::LARGEST).powi(2);
            // Half of the variance of a difference is that of one of the two; three claimed errors are no wonder.
            self.excess += if square > 9.0 * claimed * claimed { 0.5 * (square - claimed * claimed) } else { 0.0 };
            self.count += 1.0;
        }
    }

    /// Relative standard error that it adds to the mean of all measurements.
    pub(crate) fn stderr(&self) -> f64 {
        if self.count == 0.0 {
            return 0.0;
        }
        (self.excess / self.count / (self.count + 1.0).min(Self::MOST_INDEPENDENT)).sqrt()
    }
}

/// A small deterministic random number generator (SplitMix64, Steele et al. 2014): the posterior draws of the search
/// must be the same for the same inputs on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal (Box-Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Standard normal quantile of `probability` in 0.5..1 (Abramowitz and Stegun 26.2.23, error below 5e-4).
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let tail = (1.0 - probability).clamp(1e-12, 0.5);
    let t = (-2.0 * tail.ln()).sqrt();
    t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_weighs_by_certainty() {
        let mut pooled = Pooled::default();
        assert!(pooled.stderr().is_infinite());
        pooled.add(1.0, 0.1);
        pooled.add(2.0, 0.1);
        pooled.add(f64::NAN, 0.1);
        pooled.add(9.0, 0.0);
        assert!((pooled.mean() - 1.5).abs() < 1e-12);
        assert!((pooled.stderr() - 0.1 / 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn scatter_beyond_the_claim_is_noticed_and_one_outlier_is_forgiven() {
        let mut scatter = Scatter::default();
        for deviation in [0.5, -1.2, 0.8, -0.3, 1.0] {
            scatter.add(deviation);
        }
        assert!((scatter.factor() - 1.0).abs() < 1e-9);
        scatter.add(30.0);
        assert!(scatter.factor() < 2.5);
        for _ in 0..10 {
            scatter.add(15.0);
        }
        assert!(scatter.factor() > 4.0);
    }

    #[test]
    fn draws_have_the_moments_of_their_distribution() {
        let mut draws = Draws::new(7);
        let normals: Vec<f64> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 20_000.0;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn the_normal_quantile_is_the_textbook_one() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.95996), (0.99, 2.32635), (0.999, 3.09023)] {
            assert!((normal_quantile(p) - z).abs() < 1e-3, "{p}");
        }
    }
}
