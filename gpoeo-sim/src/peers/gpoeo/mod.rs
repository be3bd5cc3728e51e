//! GPOEO's detector (§2 and §3 of the description): looks at everything since the start, more of it until nested windows
//! agree.
//!
//! Three layers, one file each: the candidates of one window and the best of them (`analysis`, scored by `score` over
//! levels from `cluster`), and whether nested windows agree (`stability`). Here is the loop around them (§3.7).
//!
//! Where the authors' code would crash, it does not (§11, 4 and 6: a flat region is one level, the spectrum can be
//! padded), and samples stand at their stamps, not at their numbers (35). Everything else is as published, and one slip
//! can be mended ([`Regions::AtPeriods`]) to see what it costs: no trend is taken off, periods begin at 0.4 s and end at
//! 15 s, all that was recorded since the measurement began is analysed at every look, "stable" means that nested windows
//! agree.
//!
//! The original measures again and again: at each clock that it tries, and for its monitor. So does this: after an answer
//! the next measurement begins, whose first look comes after `max(10 s, 3 T)`.

mod analysis;
mod cluster;
mod score;
mod stability;

use gpoeo_core::Sample;

use super::Finder;
use super::composite::composite;
use super::fft::{EVERY_S as OFTEN_S, LEAST_S as OFTEN_LEAST_S};
use super::series::Series;
use crate::spectrum::Spectrum;

pub(super) use score::Regions;
use stability::{Judgement, judge};

/// Power limit of the cards of the recordings, W: it only weighs power against utilisation.
pub(super) const LIMIT_W: f64 = 700.0;
/// First look, s.
pub(super) const FIRST_LOOK_S: f64 = 25.0;
/// Least time between looks, s.
pub(super) const MARGIN_S: f64 = 4.0;
/// Shorter recordings are not looked at, s.
const LEAST_S: f64 = 2.0;
/// Longest period that is considered at first, s.
const LONGEST_S: f64 = 15.0;
/// A measurement ends after so many times the longest period.
const MOST: f64 = 5.5;
/// Nested windows that differ by less agree ("strict", as the first detection of a job has it).
const AGREE: f64 = 0.1;
/// First look of a measurement after an answer: after so many seconds …
const AGAIN_S: f64 = 10.0;
/// … and so many periods.
const AGAIN_PERIODS: f64 = 3.0;

/// The detector of the paper.
pub(crate) struct Gpoeo {
    regions: Regions,
    series: Series,
    spectrum: Spectrum,
    /// Longest period that is considered now, s; adapts.
    longest_s: f64,
    /// Least time between looks of a measurement, s: the window of an aperiodic job.
    fixed_s: f64,
    /// Length of the measurement at the next look, s.
    next_s: f64,
    answer_s: Option<f64>,
    pace: Pace,
    /// Power limit of the card, W.
    limit_w: f64,
    /// Spread that nested windows may have.
    agree: f64,
    ended: Option<Ended>,
}

/// How a measurement has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ended {
    /// The period, or the window that an aperiodic job gets, s.
    pub(crate) period_s: f64,
    /// Whether nested windows agree.
    pub(crate) is_stable: bool,
}

/// When it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// First after 25 s.
    AsPublished,
    /// As soon and as often as ours, always at all that was recorded since the measurement began.
    AsOurs,
}

impl Gpoeo {
    pub(super) fn new(regions: Regions, pace: Pace) -> Self {
        Self {
            regions,
            pace,
            series: Series::new(),
            spectrum: Spectrum::new(),
            longest_s: LONGEST_S,
            fixed_s: MARGIN_S,
            next_s: if pace == Pace::AsOurs { OFTEN_LEAST_S } else { FIRST_LOOK_S },
            answer_s: None,
            limit_w: LIMIT_W,
            agree: AGREE,
            ended: None,
        }
    }

    /// As published, on a card with this power limit, W.
    pub(crate) fn published(limit_w: f64) -> Self {
        Self { limit_w, ..Self::new(Regions::BackToBack, Pace::AsPublished) }
    }

    /// A measurement begins; `agree`: the spread that nested windows may have.
    pub(crate) fn begin(&mut self, agree: f64) {
        self.series.clear();
        self.agree = agree;
        self.ended = None;
    }

    /// Takes a sample of a measurement; says when and how it has ended.
    pub(crate) fn take(&mut self, sample: &Sample) -> Option<Ended> {
        if self.ended.is_none() {
            self.push(sample);
        }
        self.ended
    }

    fn look(&mut self) -> Judgement {
        let signal = composite(&self.series.inputs(self.limit_w));
        judge(&signal, self.longest_s, self.agree, self.regions, &mut self.spectrum)
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
        if length_s < self.next_s {
            return;
        }
        let found = self.look();
        if self.pace == Pace::AsOurs {
            if found.is_stable {
                self.answer_s = Some(found.period_s);
            }
            self.next_s = length_s + OFTEN_S;
            if length_s >= MOST * LONGEST_S {
                self.series.clear();
                self.next_s = OFTEN_LEAST_S;
            }
            return;
        }
        let is_over = found.is_stable || found.more_s <= 0.0 || length_s >= MOST * self.longest_s;
        if !is_over {
            self.next_s = length_s + found.more_s.max(self.fixed_s);
            return;
        }
        self.ended = Some(Ended { period_s: found.period_s, is_stable: found.is_stable });
        self.adapt(found.period_s);
        // Unstable at the end: the job is aperiodic, which claims no period.
        self.answer_s = found.is_stable.then_some(found.period_s);
        if !found.is_stable {
            self.fixed_s = found.period_s;
        }
        self.next_s = if found.is_stable { AGAIN_S.max(AGAIN_PERIODS * found.period_s) } else { FIRST_LOOK_S };
        self.series.clear();
    }

    fn answer_s(&self) -> Option<f64> {
        self.answer_s
    }

    /// A recording that ends before there was any answer: what it would have said by now.
    fn finish(&mut self) {
        if self.answer_s.is_none() && self.series.length_s() >= LEAST_S {
            let found = self.look();
            self.answer_s = found.is_stable.then_some(found.period_s);
        }
    }
}
