//! The other thing that anybody would try: the highest peak of the autocorrelation.

use gpoeo_core::Sample;

use super::Finder;
use super::composite::mean;
use super::fft::{EVERY_S, LEAST_S, WINDOW_S, summit};
use super::series::{STEP_S, Series};
use super::spectrum::peaks;

/// Shortest lag, s: below it the series cannot show a period.
const SHORTEST_S: f64 = 0.06;

/// The highest peak of the autocorrelation of the last 12 s, the mean taken off, lags up to half of them.
pub(super) struct Autocorrelation {
    series: Series,
    next_s: f64,
    answer_s: Option<f64>,
}

impl Autocorrelation {
    pub(super) fn new() -> Self {
        Self { series: Series::new(), next_s: LEAST_S, answer_s: None }
    }
}

impl Finder for Autocorrelation {
    fn push(&mut self, sample: &Sample) {
        self.series.push(sample);
        if self.series.length_s() < self.next_s {
            return;
        }
        self.next_s = self.series.length_s() + EVERY_S;
        let mut values = self.series.power_w(WINDOW_S);
        let level = mean(&values);
        values.iter_mut().for_each(|value| *value -= level);
        // As written in a textbook: a sum for each lag, divided by the number of its terms.
        let correlation: Vec<f64> = (0..values.len() / 2)
            .map(|lag| {
                let products = values.iter().zip(&values[lag..]).map(|(a, b)| a * b);
                products.sum::<f64>() / (values.len() - lag) as f64
            })
            .collect();
        let shortest = (SHORTEST_S / STEP_S) as usize;
        self.answer_s = peaks(&correlation)
            .into_iter()
            .filter(|&lag| lag >= shortest)
            .max_by(|&a, &b| correlation[a].total_cmp(&correlation[b]))
            .map(|lag| (lag as f64 + summit(&correlation, lag)) * STEP_S);
    }

    fn answer_s(&self) -> Option<f64> {
        self.answer_s
    }
}
