//! ODPP's detector as it is implemented beside GPOEO (§14 of the description): the highest line of the spectrum of the
//! mean of power and both utilisations; a first look after 25 s, more until the window holds three periods, 180 s at most.

use gpoeo_core::Sample;

use super::Finder;
use super::gpoeo::{FIRST_LOOK_S, LIMIT_W, MARGIN_S};
use super::series::{STEP_S, Series};
use crate::spectrum::{Spectrum, peaks};

/// Periods that the window must hold.
const PERIODS: f64 = 3.0;
/// Longest window, s.
const LONGEST_S: f64 = 180.0;

/// The highest line of everything so far.
pub(crate) struct Odpp {
    series: Series,
    spectrum: Spectrum,
    /// When to look next; `None`: it is done.
    next_s: Option<f64>,
    answer_s: Option<f64>,
}

impl Odpp {
    pub(crate) fn new() -> Self {
        Self { series: Series::new(), spectrum: Spectrum::new(), next_s: Some(FIRST_LOOK_S), answer_s: None }
    }

    /// Whether it has seen enough.
    pub(crate) fn is_done(&self) -> bool {
        self.next_s.is_none()
    }

    /// Takes a sample.
    pub(crate) fn take(&mut self, sample: &Sample) {
        self.push(sample);
    }

    /// The period, s.
    pub(crate) fn period_s(&self) -> Option<f64> {
        self.answer_s
    }

    /// The period of the whole series. Its mean is not taken off in the original: bin 0 is no peak by definition.
    fn look(&mut self) -> Option<f64> {
        let [power, sm, mem] = self.series.inputs(LIMIT_W);
        let signal: Vec<f64> = power.iter().zip(&sm).zip(&mem).map(|((p, s), m)| (p + s + m) / 3.0).collect();
        let magnitudes = self.spectrum.magnitudes(&signal, signal.len());
        let highest = peaks(&magnitudes).into_iter().max_by(|&a, &b| magnitudes[a].total_cmp(&magnitudes[b]))?;
        Some(signal.len() as f64 * STEP_S / highest as f64)
    }
}

impl Finder for Odpp {
    fn push(&mut self, sample: &Sample) {
        self.series.push(sample);
        let length_s = self.series.length_s();
        if self.next_s.is_none_or(|next_s| length_s < next_s) {
            return;
        }
        let found = self.look();
        let period_s = found.unwrap_or(length_s);
        if length_s >= PERIODS * period_s || length_s >= LONGEST_S {
            self.answer_s = found;
            self.next_s = None;
        } else {
            let more_s = (0.5 * period_s).max(PERIODS * period_s - length_s).max(MARGIN_S);
            self.next_s = Some((length_s + more_s).min(LONGEST_S));
        }
    }

    fn answer_s(&self) -> Option<f64> {
        self.answer_s
    }

    fn finish(&mut self) {
        if self.next_s.is_some() {
            self.answer_s = self.look();
        }
    }
}
