//! A detection together with what it was made from, for reports.

use crate::rate::RateTrace;
use crate::score::Rhythm;
use crate::trace::Trace;
use crate::truth::Truth;

use super::{Detection, DetectionSignal, Judged};

/// One recording, what the detection made of it, and what is true if that is known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DetectionRecord {
    /// Name of the recording.
    pub name: String,
    /// Time, s on the clock of the recording, and value: W, or instructions per second.
    pub samples: Vec<(f64, f64)>,
    /// What the detection made of it.
    pub detection: Detection,
    /// When each iteration ended.
    pub truth: Option<Truth>,
}

impl DetectionRecord {
    /// Detects in the power of a recording.
    ///
    /// ```
    /// use gpoeo_sim::{DetectionRecord, Family, SyntheticRecording};
    /// use gpoeo_sim::report::write_detection_html;
    ///
    /// let recording = SyntheticRecording::draw(Family::Bursts, 1);
    /// let record = DetectionRecord::of_power(&recording.trace, Some(recording.truth));
    /// let mut page = Vec::new();
    /// write_detection_html(&[record], &mut page)?;
    /// assert!(String::from_utf8_lossy(&page).contains("bursts-1"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn of_power(trace: &Trace, truth: Option<Truth>) -> Self {
        let samples = trace.samples().map(|sample| (sample.time.as_secs_f64(), sample.power_w)).collect();
        Self { name: trace.name().to_owned(), samples, detection: Detection::of(trace), truth }
    }

    /// Detects in the rate of instructions of a recording.
    #[must_use]
    pub fn of_rate(rate: &RateTrace, truth: Option<Truth>) -> Self {
        let samples = rate.windows().iter().map(|&(at, rate)| (at.as_secs_f64(), rate)).collect();
        Self { name: rate.name().to_owned(), samples, detection: Detection::of_rate(rate), truth }
    }

    /// The answer beside the truth.
    #[must_use]
    pub fn judged(&self) -> Option<Judged> {
        self.truth.as_ref().map(|truth| self.detection.judge(truth))
    }

    /// What is true.
    #[must_use]
    pub fn rhythm(&self) -> Option<Rhythm> {
        self.judged().map(|judged| judged.rhythm)
    }

    /// The unit in which values are shown, its name, and how many of it a value is.
    pub(crate) fn shown_unit(&self) -> (&'static str, &'static str, f64) {
        match self.detection.signal {
            DetectionSignal::Counters => ("instructions", "10⁹/s", 1e-9),
            DetectionSignal::Power => ("power", "W", 1.0),
        }
    }

    /// From where the job ran to where it ended, s: to the last iteration where that is known, else to the last value
    /// well above the lowest.
    pub(crate) fn busy_s(&self) -> (f64, f64) {
        let (first_s, last_s) =
            self.samples.first().zip(self.samples.last()).map_or((0.0, 0.0), |(first, last)| (first.0, last.0));
        let begin_s = self.detection.busy_from.map_or(first_s, |from| from.as_secs_f64());
        let end_s = match &self.truth {
            Some(truth) => truth.marks().last().map(|mark| mark.time_s),
            None => {
                let mut sorted: Vec<f64> = self.samples.iter().map(|sample| sample.1).collect();
                sorted.sort_by(f64::total_cmp);
                let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or(0.0);
                let level = at(0.0) + 0.3 * (at(0.9) - at(0.0));
                self.samples.iter().rev().find(|sample| sample.1 > level).map(|sample| sample.0)
            }
        };
        (begin_s, end_s.unwrap_or(last_s).clamp(begin_s, last_s.max(begin_s)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Family, SyntheticRecording};

    #[test]
    fn a_job_ends_where_its_last_iteration_ends_or_where_power_falls() {
        let recording = SyntheticRecording::draw(Family::Plain, 3);
        let end_s = recording.truth.marks().last().unwrap().time_s;
        let known = DetectionRecord::of_power(&recording.trace, Some(recording.truth));
        let guessed = DetectionRecord { truth: None, ..known.clone() };
        // A recording may end with the last iteration.
        assert!((known.busy_s().1 - end_s).abs() < 0.05);
        assert!((guessed.busy_s().1 - end_s).abs() < 1.5, "{:?} {end_s}", guessed.busy_s());
        assert!(known.judged().is_some() && guessed.rhythm().is_none());
    }
}
