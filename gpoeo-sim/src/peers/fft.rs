//! What anybody would try first: the highest line of the spectrum.

use gpoeo_core::Sample;

use super::Finder;
use super::composite::mean;
use super::series::{STEP_S, Series};
use super::spectrum::{Spectrum, peaks};

/// Time between looks, s; ours looks as often.
pub(super) const EVERY_S: f64 = 0.5;
/// What a look reaches back, s: the window with the most right answers in a study of 16 recordings (3 to 24 s).
pub(super) const WINDOW_S: f64 = 12.0;
/// Least data of a look, s; ours needs as much.
pub(super) const LEAST_S: f64 = 1.2;

/// The highest line of the last 12 s under a Hann window, the mean taken off, between the bins by a parabola.
pub(super) struct Fft {
    series: Series,
    spectrum: Spectrum,
    next_s: f64,
    answer_s: Option<f64>,
}

impl Fft {
    pub(super) fn new() -> Self {
        Self { series: Series::new(), spectrum: Spectrum::new(), next_s: LEAST_S, answer_s: None }
    }
}

impl Finder for Fft {
    fn push(&mut self, sample: &Sample) {
        self.series.push(sample);
        if self.series.length_s() < self.next_s {
            return;
        }
        self.next_s = self.series.length_s() + EVERY_S;
        let mut values = self.series.power_w(WINDOW_S);
        let (level, count) = (mean(&values), values.len());
        for (index, value) in values.iter_mut().enumerate() {
            let taper = (std::f64::consts::PI * (index as f64 + 0.5) / count as f64).sin().powi(2);
            *value = (*value - level) * taper;
        }
        let magnitudes = self.spectrum.magnitudes(&values, count);
        self.answer_s = peaks(&magnitudes)
            .into_iter()
            .max_by(|&a, &b| magnitudes[a].total_cmp(&magnitudes[b]))
            .map(|bin| count as f64 * STEP_S / (bin as f64 + summit(&magnitudes, bin)));
    }

    fn answer_s(&self) -> Option<f64> {
        self.answer_s
    }
}

/// How far the top of the parabola through a peak and its neighbours lies from it, -0.5 to 0.5.
pub(super) fn summit(values: &[f64], peak: usize) -> f64 {
    let (before, at, after) = (values[peak - 1], values[peak], values[peak + 1]);
    let bend = before + after - 2.0 * at;
    if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}
