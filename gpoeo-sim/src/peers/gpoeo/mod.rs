//! GPOEO's detector (§2 and §3 of the description): looks at everything since the start, more of it until nested windows
//! agree.
//!
//! Three layers, one file each: the candidates of one window and the best of them (`analysis`, scored by `score` over
//! levels from `cluster`), and whether nested windows agree (`stability`). Here is the loop around them (§3.7).
//!
//! What the authors' code does by mistake is left out, so that the method is judged and not the slip: samples stand at
//! their stamps and not at their numbers; regions lie at whole periods, not at whole numbers of samples; "too short" is
//! an outcome of its own, not the best of all scores; a flat region is one level, not a crash; the spectrum can be
//! padded. What belongs to the method stays: no trend is taken off, periods end at 15 s and begin at 0.4 s, all of the
//! recording is analysed at every look, "stable" means that nested windows agree.

mod analysis;
mod cluster;
mod score;
mod stability;

use gpoeo_core::Sample;

use super::Finder;
use super::composite::composite;
use super::series::Series;
use super::spectrum::Spectrum;

use stability::{Judgement, judge};

/// Power limit of the cards of the recordings, W: it only weighs power against utilisation.
pub(super) const LIMIT_W: f64 = 700.0;
/// First look, s.
pub(super) const FIRST_LOOK_S: f64 = 25.0;
/// Least time between looks, s.
pub(super) const MARGIN_S: f64 = 4.0;
/// Longest period that is considered at first, s.
const LONGEST_S: f64 = 15.0;
/// A measurement ends after so many times the longest period.
const MOST: f64 = 5.5;
/// Longer than any recording, s.
const EVERYTHING_S: f64 = 3600.0;
/// Nested windows that differ by less agree ("normal").
const AGREE: f64 = 0.15;

/// The detector of the paper.
pub(super) struct Gpoeo {
    series: Series,
    spectrum: Spectrum,
    /// Longest period that is considered now, s; adapts.
    longest_s: f64,
    /// When to look next; `None`: it is done.
    next_s: Option<f64>,
    answer_s: Option<f64>,
}

impl Gpoeo {
    pub(super) fn new() -> Self {
        Self {
            series: Series::new(),
            spectrum: Spectrum::new(),
            longest_s: LONGEST_S,
            next_s: Some(FIRST_LOOK_S),
            answer_s: None,
        }
    }

    fn look(&mut self) -> Judgement {
        let signal = composite(&self.series.inputs(LIMIT_W, EVERYTHING_S));
        judge(&signal, self.longest_s, AGREE, &mut self.spectrum)
    }

    /// The range of periods follows what was found (§3.7).
    fn adapt(&mut self, period_s: f64) {
        let share = period_s / self.longest_s;
        if share < 0.4 {
            self.longest_s *= 0.75;
        } else if share < 0.75 {
            self.longest_s = (1.2 * self.longest_s).min(LONGEST_S);
        }
    }
}

impl Finder for Gpoeo {
    fn push(&mut self, sample: &Sample) {
        self.series.push(sample);
        let length_s = self.series.length_s();
        if self.next_s.is_none_or(|next_s| length_s < next_s) {
            return;
        }
        let found = self.look();
        self.adapt(found.period_s);
        let is_over = found.is_stable || found.more_s <= 0.0 || length_s >= MOST * LONGEST_S;
        // An unstable answer at the end means "aperiodic": no period is claimed.
        self.answer_s = found.is_stable.then_some(found.period_s);
        self.next_s = (!is_over).then(|| length_s + found.more_s.max(MARGIN_S));
    }

    fn answer_s(&self) -> Option<f64> {
        self.answer_s
    }

    /// A recording that ends before the next look: what it would have said by now.
    fn finish(&mut self) {
        if self.next_s.is_some() {
            let found = self.look();
            self.answer_s = found.is_stable.then_some(found.period_s);
        }
    }
}
