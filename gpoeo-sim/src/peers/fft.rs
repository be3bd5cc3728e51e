//! What anybody would try first: the highest line of the spectrum.

use gpoeo_core::Sample;

use super::Finder;
use super::composite::mean;
use super::series::{STEP_S, Series};
use crate::spectrum::{Spectrum, peaks};

/// Time between looks, s; ours looks as often.
pub(super) const EVERY_S: f64 = 0.5;
/// What a look reaches back, s: the window with the most right answers in a study of 16 recordings (3 to 24 s).
pub(super) const WINDOW_S: f64 = 12.0;
/// Least data of a look, s; ours needs as much.
pub(super) const LEAST_S: f64 = 1.2;

/// Length of the transform: 12 s at 20 ms are 601 points, the rest are zeros. One length has one plan.
pub(super) const POINTS: usize = 1024;

/// The highest line of the last 12 s under a Hann window, the mean taken off, between the bins by a parabola.
pub(super) struct Fft {
    series: Series,
    spectrum: Spectrum,
    values: Vec<f64>,
    magnitudes: Vec<f64>,
    next_s: f64,
    answer_s: Option<f64>,
}

impl Fft {
    pub(super) fn new() -> Self {
        Self {
            series: Series::new(),
            spectrum: Spectrum::new(),
            values: Vec::new(),
            magnitudes: Vec::new(),
            next_s: LEAST_S,
            answer_s: None,
        }
    }
}

impl Finder for Fft {
    fn push(&mut self, sample: &Sample) {
        self.series.push(sample);
        if self.series.length_s() < self.next_s {
            return;
        }
        self.next_s = self.series.length_s() + EVERY_S;
        self.series.power_w(WINDOW_S, &mut self.values);
        let (level, count) = (mean(&self.values), self.values.len());
        for (index, value) in self.values.iter_mut().enumerate() {
            let taper = (std::f64::consts::PI * (index as f64 + 0.5) / count as f64).sin().powi(2);
            *value = (*value - level) * taper;
        }
        self.spectrum.magnitudes_into(&self.values, POINTS, &mut self.magnitudes);
        let lines = &self.magnitudes;
        // Slower than half the window: what the taper leaves of drift.
        let slowest = 2 * POINTS / count;
        self.answer_s = peaks(lines)
            .into_iter()
            .filter(|&bin| bin > slowest)
            .max_by(|&a, &b| lines[a].total_cmp(&lines[b]))
            .map(|bin| POINTS as f64 * STEP_S / (bin as f64 + summit(lines, bin)));
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
