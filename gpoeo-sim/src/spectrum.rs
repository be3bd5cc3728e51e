//! A series' spectrum and its autocorrelation.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Plans for the lengths that come again, and their buffers.
pub(crate) struct Spectrum {
    planner: RealFftPlanner<f64>,
    input: Vec<f64>,
    output: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Spectrum {
    pub(crate) fn new() -> Self {
        Self { planner: RealFftPlanner::new(), input: Vec::new(), output: Vec::new(), scratch: Vec::new() }
    }

    /// Magnitudes of bins 0 to `length / 2 - 1` of a series, padded with zeros to `length`.
    pub(crate) fn magnitudes(&mut self, values: &[f64], length: usize) -> Vec<f64> {
        let mut magnitudes = Vec::new();
        self.magnitudes_into(values, length, &mut magnitudes);
        magnitudes
    }

    /// The same into a buffer.
    pub(crate) fn magnitudes_into(&mut self, values: &[f64], length: usize, out: &mut Vec<f64>) {
        let length = length.max(values.len()).max(2);
        self.transform(values, length);
        out.clear();
        out.extend(self.output[..length / 2].iter().map(|value| value.norm()));
    }

    /// The autocorrelation at lags up to half the series, each the mean over its pairs; by transforms of `length`, at
    /// least one and a half times the series, so that nothing wraps around.
    pub(crate) fn autocorrelation(&mut self, values: &[f64], length: usize, out: &mut Vec<f64>) {
        let length = length.max(values.len() * 3 / 2 + 1);
        self.transform(values, length);
        self.output.iter_mut().for_each(|value| *value = Complex::new(value.norm_sqr(), 0.0));
        let plan = self.planner.plan_fft_inverse(length);
        self.scratch.resize(plan.get_scratch_len(), Complex::default());
        // Buffers of the plan's own lengths, and a real spectrum: this cannot fail.
        let _ = plan.process_with_scratch(&mut self.output, &mut self.input, &mut self.scratch);
        out.clear();
        let mean = |(lag, &sum): (usize, &f64)| sum / (length * (values.len() - lag)) as f64;
        out.extend(self.input[..values.len() / 2].iter().enumerate().map(mean));
    }

    fn transform(&mut self, values: &[f64], length: usize) {
        let plan = self.planner.plan_fft_forward(length);
        self.input.clear();
        self.input.extend_from_slice(values);
        self.input.resize(length, 0.0);
        self.output.resize(length / 2 + 1, Complex::default());
        self.scratch.resize(plan.get_scratch_len(), Complex::default());
        // Buffers of the plan's own lengths: this cannot fail.
        let _ = plan.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
    }
}

/// Indices of strict local maxima, the first and last index excluded.
pub(crate) fn peaks(values: &[f64]) -> Vec<usize> {
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
    fn an_autocorrelation_is_the_mean_over_pairs() {
        let values: Vec<f64> = (0..61).map(|k| (f64::from(k) * 0.9).cos() + f64::from(k % 5) - 2.0).collect();
        let mut found = Vec::new();
        for length in [0, 128] {
            Spectrum::new().autocorrelation(&values, length, &mut found);
            assert_eq!(found.len(), 30);
            for (lag, found) in found.iter().enumerate() {
                let sum: f64 = values.iter().zip(&values[lag..]).map(|(a, b)| a * b).sum();
                assert!((sum / (61 - lag) as f64 - found).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_plateau_and_an_end_are_no_peaks() {
        assert_eq!(peaks(&[5.0, 1.0, 2.0, 1.0, 3.0, 3.0, 1.0, 4.0]), [2]);
        assert!(peaks(&[1.0]).is_empty());
    }
}
