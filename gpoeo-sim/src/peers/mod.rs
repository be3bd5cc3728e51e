//! Other ways to find a period, as they were published or as anybody would try first; for comparison only.
//!
//! All of them run online: they take samples one at a time, look at what they have now and then, and say what they
//! believe. They get more than ours in one way: they are told when the job begins (the published detector is started by a
//! call in the training program), while ours finds out.
//!
//! | peer | source |
//! | --- | --- |
//! | [`Peer::Gpoeo`], [`Peer::GpoeoMended`], [`Peer::GpoeoOften`] | Wang et al., "Dynamic GPU Energy Optimization for Machine Learning Training Workloads", TPDS 2022, from a description of the authors' code (`ruixueqingyang/GPOEO`, commit `37d5a34`) |
//! | [`Peer::Odpp`] | Zou et al., "Indicator-Directed Dynamic Power Management", CCGRID 2020, as the same code has it |
//! | [`Peer::Fft`], [`Peer::Autocorrelation`] | the highest line of the spectrum, the highest peak of the autocorrelation |

mod autocorrelation;
mod composite;
mod fft;
mod gpoeo;
mod odpp;
mod series;

use std::fmt;
use std::time::Duration;

use cpu_time::ThreadTime;
use gpoeo_core::Sample;

use crate::detection::Answers;
use crate::trace::Trace;
use crate::truth::Truth;

pub(crate) use gpoeo::Gpoeo as GpoeoDetector;
pub(crate) use odpp::Odpp as OdppDetector;

/// A detector that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// The highest peak of the autocorrelation of the last 12 s of power, twice a second.
    Autocorrelation,
    /// The highest line of the spectrum of the last 12 s of power, twice a second.
    Fft,
    /// GPOEO's detector, as published.
    Gpoeo,
    /// The same with one slip mended: the published code cuts its windows at whole numbers of samples, so that what it
    /// finds is too long.
    GpoeoMended,
    /// The published one, looking as soon and as often as ours: what it costs where answers are to be as fresh.
    GpoeoOften,
    /// ODPP's detector.
    Odpp,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Autocorrelation, Self::Fft, Self::Gpoeo, Self::GpoeoMended, Self::GpoeoOften, Self::Odpp];

    /// The name in comparisons.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Autocorrelation => "autocorrelation",
            Self::Fft => "fft",
            Self::Gpoeo => "paper",
            Self::GpoeoMended => "paper-mended",
            Self::GpoeoOften => "paper-often",
            Self::Odpp => "odpp",
        }
    }

    fn build(self) -> Box<dyn Finder> {
        match self {
            Self::Autocorrelation => Box::new(autocorrelation::Autocorrelation::new()),
            Self::Fft => Box::new(fft::Fft::new()),
            Self::Gpoeo => Box::new(gpoeo::Gpoeo::new(gpoeo::Regions::BackToBack, gpoeo::Pace::AsPublished)),
            Self::GpoeoMended => Box::new(gpoeo::Gpoeo::new(gpoeo::Regions::AtPeriods, gpoeo::Pace::AsPublished)),
            Self::GpoeoOften => Box::new(gpoeo::Gpoeo::new(gpoeo::Regions::BackToBack, gpoeo::Pace::AsOurs)),
            Self::Odpp => Box::new(odpp::Odpp::new()),
        }
    }

    /// Runs it over a recording, from the first mark of `truth` on.
    ///
    /// ```
    /// use gpoeo_sim::{Family, Peer, SyntheticRecording};
    ///
    /// let recording = SyntheticRecording::draw(Family::Bursts, 1);
    /// let run = Peer::Fft.run(&recording.trace, &recording.truth);
    /// assert!(run.answers.last_s().is_some());
    /// ```
    #[must_use]
    pub fn run(self, trace: &Trace, truth: &Truth) -> PeerRun {
        let begin_s = truth.marks()[0].time_s;
        let end_s = truth.marks()[truth.marks().len() - 1].time_s;
        let is_busy = |sample: &&Sample| (begin_s..=end_s).contains(&sample.time.as_secs_f64());
        let mut finder = self.build();
        let mut answers = Answers::default();
        let start = ThreadTime::now();
        for sample in trace.as_slice().iter().filter(is_busy) {
            finder.push(sample);
            answers.add(sample.time.as_secs_f64(), finder.answer_s());
        }
        finder.finish();
        let cpu = start.elapsed();
        answers.add(end_s.max(begin_s), finder.answer_s());
        PeerRun { answers, cpu }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a peer made of one recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PeerRun {
    /// What it said over time.
    pub answers: Answers,
    /// CPU time that all samples took together.
    pub cpu: Duration,
}

/// An online detector.
trait Finder {
    /// Takes a sample; now and then looks at all that it has.
    fn push(&mut self, sample: &Sample);

    /// The period that it believes in now, s.
    fn answer_s(&self) -> Option<f64>;

    /// The job is over: one more look for those that are still waiting for more.
    fn finish(&mut self) {}
}

#[cfg(test)]
mod tests;
