//! The period detection of the core, over recordings.

mod accuracy;
mod answers;

use std::time::Duration;

use cpu_time::ThreadTime;
use gpoeo_core::{DetectorConfig, Outcome, PeriodDetector, Timestamp};

use crate::score::{Rhythm, Verdict};
use crate::trace::Trace;
use crate::truth::Truth;

pub use accuracy::{Accuracy, AccuracyRow, Reliability, ReliabilityBin};
pub use answers::{Answer, Answers};

/// What the detector made of one recording, fed one sample at a time as the optimizer does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Detection {
    /// What it says at the end; once the job has ended, what it said last.
    pub outcome: Outcome,
    /// When it gave the first answer that lasted.
    pub first_decided: Option<Timestamp>,
    /// When the job began; the last one, if there were several.
    pub busy_from: Option<Timestamp>,
    /// Number of samples.
    pub samples: usize,
    /// CPU time that all samples took together.
    pub cpu: Duration,
    /// What it said over time.
    pub answers: Answers,
}

impl Detection {
    /// Runs a fresh detector over a recording.
    ///
    /// ```
    /// use gpoeo_sim::{Detection, Family, Rhythm, SyntheticRecording, Verdict};
    ///
    /// let recording = SyntheticRecording::draw(Family::Bursts, 1);
    /// let detection = Detection::of(&recording.trace);
    /// let rhythm = Rhythm::of(&recording.truth);
    /// assert_eq!(rhythm.judge(detection.period_s()), Verdict::Right);
    /// ```
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        let mut detector = PeriodDetector::new(&DetectorConfig::default());
        let mut answers = Answers::default();
        let start = ThreadTime::now();
        for sample in trace.as_slice() {
            detector.push(sample.time, sample.power_w);
            let outcome = detector.outcome();
            answers.add(sample.time.as_secs_f64(), outcome.period().map(|period| period.as_secs_f64()));
        }
        Self {
            cpu: start.elapsed(),
            outcome: detector.outcome(),
            first_decided: detector.decided_at(),
            busy_from: detector.busy_since(),
            samples: trace.as_slice().len(),
            answers,
        }
    }

    /// The period at the end, s.
    #[must_use]
    pub fn period_s(&self) -> Option<f64> {
        self.outcome.period().map(|period| period.as_secs_f64())
    }

    /// Compares with the truth.
    #[must_use]
    pub fn judge(&self, truth: &Truth) -> Judged {
        let rhythm = Rhythm::of(truth);
        let confidence = match self.outcome {
            Outcome::Periodic { confidence, .. } => Some(confidence),
            _ => None,
        };
        Judged {
            rhythm,
            verdict: rhythm.judge(self.period_s()),
            confidence,
            delay_s: self.answers.right_from_s(&rhythm).map(|at| (at - truth.marks()[0].time_s).max(0.0)),
        }
    }
}

/// An answer beside the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Judged {
    /// What is true.
    pub rhythm: Rhythm,
    /// What the last answer is worth.
    pub verdict: Verdict,
    /// How sure the answer was of its period; `None` if it claimed none.
    pub confidence: Option<f64>,
    /// From when on a right period was claimed for at least two seconds, s after the first iteration had ended.
    pub delay_s: Option<f64>,
}

impl Judged {
    /// The delay as a share of what is allowed: 5 s or 20 iterations, whichever is longer.
    #[must_use]
    pub fn delay_ratio(&self) -> Option<f64> {
        let allowed_s = (20.0 * self.rhythm.iteration_s?).max(5.0);
        self.delay_s.map(|delay_s| delay_s / allowed_s)
    }
}
