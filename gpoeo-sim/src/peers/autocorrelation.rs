//! The other thing that anybody would try: the highest peak of the autocorrelation.

use gpoeo_core::Sample;

use super::Finder;
use super::composite::mean;
use super::fft::{EVERY_S, LEAST_S, POINTS, WINDOW_S, summit};
use super::series::{STEP_S, Series};
use crate::spectrum::{Spectrum, peaks};

/// Shortest lag, s: below it the series cannot show a period.
const SHORTEST_S: f64 = 0.06;

/// The highest peak of the autocorrelation of the last 12 s, the mean taken off, lags up to half of them.
pub(super) struct Autocorrelation {
    series: Series,
    spectrum: Spectrum,
    values: Vec<f64>,
    correlation: Vec<f64>,
    next_s: f64,
    answer_s: Option<f64>,
}

impl Autocorrelation {
    pub(super) fn new() -> Self {
        Self {
            series: Series::new(),
            spectrum: Spectrum::new(),
            values: Vec::new(),
            correlation: Vec::new(),
            next_s: LEAST_S,
            answer_s: None,
        }
    }
}

impl Finder for Autocorrelation {
    fn push(&mut self, sample: &Sample) {
        self.series.push(sample);
        if self.series.length_s() < self.next_s {
            return;
        }
        self.next_s = self.series.length_s() + EVERY_S;
        self.series.power_w(WINDOW_S, &mut self.values);
        let level = mean(&self.values);
        self.values.iter_mut().for_each(|value| *value -= level);
        self.spectrum.autocorrelation(&self.values, POINTS, &mut self.correlation);
        let correlation = &self.correlation;
        let shortest = (SHORTEST_S / STEP_S) as usize;
        self.answer_s = peaks(correlation)
            .into_iter()
            .filter(|&lag| lag >= shortest)
            .max_by(|&a, &b| correlation[a].total_cmp(&correlation[b]))
            .map(|lag| (lag as f64 + summit(correlation, lag)) * STEP_S);
    }

    fn answer_s(&self) -> Option<f64> {
        self.answer_s
    }
}
