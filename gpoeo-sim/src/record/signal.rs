//! The signal that the period was found in: the last minute of power before the baseline was known.

use std::collections::VecDeque;

use gpoeo_core::{Estimate, Event, Outcome, Phase};

/// Samples that are kept: a minute of the driver's ring.
const KEPT: usize = 3000;

/// Power at default clocks while the iteration was looked for and measured.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SeenSignal {
    /// Time since the job began, s, and power, W; not before the job.
    pub samples: Vec<(f64, f64)>,
    /// What the detection said.
    pub outcome: Outcome,
    /// What was measured from it.
    pub baseline: Estimate,
}

/// Gathers it.
#[derive(Clone, Debug, Default)]
pub(super) struct SignalLog {
    recent: VecDeque<(f64, f64)>,
    outcome: Outcome,
    is_after_detection: bool,
    found: Option<SeenSignal>,
}

impl SignalLog {
    pub(super) fn sample(&mut self, at_s: f64, power_w: f64) {
        if at_s <= 0.0 {
            return;
        }
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back((at_s, power_w));
    }

    pub(super) fn event(&mut self, event: &Event) {
        match *event {
            Event::Detected { outcome } => {
                self.outcome = outcome;
                self.is_after_detection = true;
            }
            Event::PhaseChanged { to: Phase::Detect, .. } => self.recent.clear(),
            // A baseline that is measured again later follows upon other clocks.
            Event::BaselineMeasured { baseline } if self.is_after_detection => {
                self.is_after_detection = false;
                let samples = self.recent.iter().copied().collect();
                self.found = Some(SeenSignal { samples, outcome: self.outcome, baseline });
            }
            _ => {}
        }
    }

    pub(super) fn finish(self) -> Option<SeenSignal> {
        self.found
    }
}
