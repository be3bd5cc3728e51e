//! The period detection of the core, over recordings.

mod accuracy;
mod answers;
mod evidence;
mod record;

use std::time::Duration;

use cpu_time::ThreadTime;
use gpoeo_core::{DetectorConfig, Outcome, PeriodDetector, Timestamp};

use crate::rate::RateTrace;
use crate::score::{Rhythm, Verdict, as_counted_from_s};
use crate::trace::Trace;
use crate::truth::Truth;

pub use accuracy::{Accuracy, AccuracyRow, Reliability, ReliabilityBin};
pub use answers::{Answer, Answers};
pub(crate) use evidence::Evidence;
pub use record::DetectionRecord;

/// What a detection looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectionSignal {
    /// The rate of instructions, window by window.
    Counters,
    /// The power, sample by sample.
    Power,
}

impl DetectionSignal {
    /// The name on the command line and in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counters => "counters",
            Self::Power => "power",
        }
    }
}

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
    /// Which signal it looked at.
    pub signal: DetectionSignal,
    /// Number of samples, or of counter windows.
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
        let samples = trace.as_slice().iter().map(|sample| (sample.time, sample.power_w));
        Self::run(&DetectorConfig::default(), DetectionSignal::Power, samples)
    }

    /// The same over the rate of instructions: the same detector, told only that its signal is a rate.
    #[must_use]
    pub fn of_rate(rate: &RateTrace) -> Self {
        let windows = rate.windows().iter().copied();
        Self::run(&DetectorConfig::for_rate(rate.step()), DetectionSignal::Counters, windows)
    }

    fn run(
        config: &DetectorConfig,
        signal: DetectionSignal,
        samples: impl ExactSizeIterator<Item = (Timestamp, f64)>,
    ) -> Self {
        let mut detector = PeriodDetector::new(config);
        let mut answers = Answers::default();
        let count = samples.len();
        let start = ThreadTime::now();
        for (time, value) in samples {
            detector.push(time, value);
            let outcome = detector.outcome();
            answers.add(time.as_secs_f64(), outcome.period().map(|period| period.as_secs_f64()));
        }
        Self {
            cpu: start.elapsed(),
            outcome: detector.outcome(),
            first_decided: detector.decided_at(),
            busy_from: detector.busy_since(),
            signal,
            samples: count,
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
        let rhythm = match self.signal {
            DetectionSignal::Counters => Rhythm::of(truth).by_counters(),
            DetectionSignal::Power => Rhythm::of(truth),
        };
        let confidence = match self.outcome {
            Outcome::Periodic { confidence, .. } => Some(confidence),
            _ => None,
        };
        let begin_s = as_counted_from_s(truth, rhythm.iteration_s);
        Judged {
            rhythm,
            verdict: rhythm.judge(self.period_s()),
            confidence,
            delay_s: self.answers.right_from_s(&rhythm, begin_s).map(|at_s| at_s - begin_s),
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
    /// From when on a right period was claimed for at least two seconds, s after the first iteration had ended, or after the
    /// job had changed.
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
