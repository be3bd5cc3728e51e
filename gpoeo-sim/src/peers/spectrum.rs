//! Magnitudes of a series' spectrum.

use realfft::RealFftPlanner;

/// Plans kept for the lengths that come again.
pub(super) struct Spectrum(RealFftPlanner<f64>);

impl Spectrum {
    pub(super) fn new() -> Self {
        Self(RealFftPlanner::new())
    }

    /// Magnitudes of bins 0 to `length / 2 - 1` of a series, padded with zeros to `length`.
    pub(super) fn magnitudes(&mut self, values: &[f64], length: usize) -> Vec<f64> {
        let length = length.max(values.len()).max(2);
        let plan = self.0.plan_fft_forward(length);
        let mut input = values.to_vec();
        input.resize(length, 0.0);
        let mut output = plan.make_output_vec();
        // The buffers are the plan's own, so that this cannot fail.
        let _ = plan.process(&mut input, &mut output);
        output.truncate(length / 2);
        output.iter().map(|value| value.norm()).collect()
    }
}

/// Indices of strict local maxima, the first and last index excluded.
pub(super) fn peaks(values: &[f64]) -> Vec<usize> {
    (1..values.len().saturating_sub(1))
        .filter(|&index| values[index] > values[index - 1] && values[index] > values[index + 1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_obvious_sum() {
        let values: Vec<f64> = (0..60).map(|k| (f64::from(k) * 0.7).sin() + f64::from(k % 7)).collect();
        let found = Spectrum::new().magnitudes(&values, 90);
        assert_eq!(found.len(), 45);
        for (bin, found) in found.iter().enumerate() {
            let angle = |k: usize| std::f64::consts::TAU * bin as f64 * k as f64 / 90.0;
            let sum =
                |of: fn(f64) -> f64| values.iter().enumerate().map(|(k, value)| value * of(angle(k))).sum::<f64>();
            assert!((sum(f64::cos).hypot(sum(f64::sin)) - found).abs() < 1e-9);
        }
    }

    #[test]
    fn a_plateau_and_an_end_are_no_peaks() {
        assert_eq!(peaks(&[5.0, 1.0, 2.0, 1.0, 3.0, 3.0, 1.0, 4.0]), [2]);
        assert!(peaks(&[1.0]).is_empty());
    }
}
