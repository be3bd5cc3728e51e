//! Whether a period found in a recording is right, by its truth file.
//!
//! A period is right if it is one iteration or a small whole number of them (up to four, or up to 0.5 s), to 2 % of
//! an iteration; or, to 5 %, a regular epoch: the distance of validation passes or checkpoints.

use crate::truth::{Label, Truth};

/// Relative error of the iteration that is still right.
const TOLERANCE: f64 = 0.02;
/// Relative error of an epoch, and of the mean iteration of a ragged job, that is still right.
const EPOCH_TOLERANCE: f64 = 0.05;
/// Most iterations that a period may hold …
const MOST_ITERATIONS: f64 = 4.0;
/// … unless it is no longer than this, s.
const SHORT_S: f64 = 0.5;
/// Iterations shorter than this cannot be told from 20 ms samples, s: to claim nothing is as good as to be right.
const TELLABLE_S: f64 = 0.08;
/// The same for the instruction rate in windows of 5 ms.
const TELLABLE_BY_COUNTERS_S: f64 = 0.04;
/// A job whose iterations spread by more than this (standard deviation over mean) has no exact period.
const RAGGED: f64 = 0.10;

/// The rhythm that a recording really has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// Median time of an iteration in the part that counts, s; `None` if the job has no iterations.
    pub iteration_s: Option<f64>,
    /// Mean time of an iteration if their lengths are drawn at random, s.
    pub ragged_mean_s: Option<f64>,
    /// Distance of validation passes or checkpoints, if it is regular, s.
    pub epoch_s: Option<f64>,
    /// Iterations shorter than this cannot be told by the signal at hand, s.
    pub tellable_s: f64,
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answer is right.
    Right,
    /// There is a period that can be told, and none was claimed.
    Missed,
    /// A period was claimed that is not there.
    Wrong,
}

impl Rhythm {
    /// Reads the rhythm off a truth file.
    ///
    /// The last half of the iterations counts, or the last quarter if the job changes midway (the medians of the
    /// second and third quarter differ by more than a fifth).
    #[must_use]
    pub fn of(truth: &Truth) -> Self {
        let distances = iterations(truth);
        let quarter = |index: usize| &distances[distances.len() * index / 4..distances.len() * (index + 1) / 4];
        let changes = match (median(quarter(1)), median(quarter(3))) {
            (Some(before), Some(after)) => (after / before - 1.0).abs() > 0.2,
            _ => false,
        };
        let counted = if changes { quarter(3) } else { &distances[distances.len() / 2..] };
        let ragged_mean_s = ragged_mean(counted);
        Self { iteration_s: median(counted), ragged_mean_s, epoch_s: epoch(truth), tellable_s: TELLABLE_S }
    }

    /// The same for a detection in counter windows, which see shorter iterations than samples of power.
    #[must_use]
    pub const fn by_counters(mut self) -> Self {
        self.tellable_s = TELLABLE_BY_COUNTERS_S;
        self
    }

    /// Whether the recording counts: its iteration can be told, or it has none and must not be called periodic.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.iteration_s.is_none_or(|iteration| iteration >= self.tellable_s)
    }

    /// Judges an answer: a period in s, or none.
    #[must_use]
    pub fn judge(&self, period_s: Option<f64>) -> Verdict {
        let Some(period_s) = period_s else {
            let is_tellable = self.iteration_s.is_some_and(|iteration| iteration >= self.tellable_s);
            let may_be_silent = !is_tellable || self.ragged_mean_s.is_some();
            return if may_be_silent { Verdict::Right } else { Verdict::Missed };
        };
        let is_iteration = self.iteration_s.is_some_and(|iteration| {
            let count = (period_s / iteration).round();
            count >= 1.0
                && (period_s / count / iteration - 1.0).abs() <= TOLERANCE
                && (count <= MOST_ITERATIONS || count * iteration <= SHORT_S)
        });
        let is_near = |truth: Option<f64>| truth.is_some_and(|truth| (period_s / truth - 1.0).abs() <= EPOCH_TOLERANCE);
        if is_iteration || is_near(self.epoch_s) || is_near(self.ragged_mean_s) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}

/// From when on the job is as it is in the part that counts, s: the first iteration, or the first after the last change of
/// their length by more than a tenth.
pub(crate) fn as_counted_from_s(truth: &Truth, iteration_s: Option<f64>) -> f64 {
    const CHANGED: f64 = 0.1;
    const NEIGHBOURS: usize = 5;
    let marks = truth.marks();
    let first_s = marks.first().map_or(0.0, |mark| mark.time_s);
    let Some(iteration_s) = iteration_s else { return first_s };
    let train: Vec<(f64, f64)> = marks
        .windows(2)
        .filter(|pair| pair.iter().all(|mark| mark.label == Label::Train))
        .map(|pair| (pair[0].time_s, pair[1].time_s - pair[0].time_s))
        .collect();
    // The median of a few: one stall is no change.
    let is_other = |near: &[(f64, f64)]| {
        let lengths: Vec<f64> = near.iter().map(|(_, length_s)| *length_s).collect();
        median(&lengths).is_some_and(|length_s| (length_s / iteration_s - 1.0).abs() > CHANGED)
    };
    let last = train.windows(NEIGHBOURS).rposition(is_other);
    last.and_then(|index| train.get(index + NEIGHBOURS / 2 + 1)).map_or(first_s, |(time_s, _)| *time_s)
}

/// Times between neighbouring training marks with no other mark between them, s.
fn iterations(truth: &Truth) -> Vec<f64> {
    let pairs = truth.marks().windows(2);
    let both_train = pairs.filter(|pair| pair.iter().all(|mark| mark.label == Label::Train));
    both_train.map(|pair| pair[1].time_s - pair[0].time_s).collect()
}

/// The mean, if the iterations' lengths are drawn at random: spread, and not merely by a few outliers.
fn ragged_mean(distances: &[f64]) -> Option<f64> {
    let middle = median(distances)?;
    let mut off: Vec<f64> = distances.iter().map(|distance| (distance / middle - 1.0).abs()).collect();
    off.sort_by(f64::total_cmp);
    let typical = median(&off)?;
    (1.4826 * typical > RAGGED).then(|| distances.iter().sum::<f64>() / distances.len() as f64)
}

/// The distance of pauses, each a block of marks that are no training, if there are three or more and it is regular.
fn epoch(truth: &Truth) -> Option<f64> {
    let marks = truth.marks();
    let is_pause = |label| matches!(label, Label::Val | Label::Checkpoint);
    let starts: Vec<f64> = (0..marks.len())
        .filter(|&index| is_pause(marks[index].label) && (index == 0 || !is_pause(marks[index - 1].label)))
        .map(|index| marks[index].time_s)
        .collect();
    let distances: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = median(&distances)?;
    let is_regular = distances.iter().all(|distance| (distance / middle - 1.0).abs() <= EPOCH_TOLERANCE);
    (distances.len() >= 2 && is_regular).then_some(middle)
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len() % 2 == 1 { upper } else { 0.5 * (sorted[sorted.len() / 2 - 1] + upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(times: impl IntoIterator<Item = (f64, &'static str)>) -> Rhythm {
        let rows: String = times.into_iter().map(|(time, label)| format!("{time},{label}\n")).collect();
        Rhythm::of(&Truth::parse(format!("t_s,label\n{rows}").as_bytes(), "x").unwrap())
    }

    #[test]
    fn a_small_whole_number_of_iterations_is_right() {
        let found = rhythm((0..40).map(|k| (f64::from(k) * 0.2, "train")));
        assert_eq!(found.judge(Some(0.2005)), Verdict::Right);
        assert_eq!(found.judge(Some(0.8)), Verdict::Right);
        assert_eq!(found.judge(Some(1.0)), Verdict::Wrong);
        assert_eq!(found.judge(Some(0.1)), Verdict::Wrong);
        assert_eq!(found.judge(None), Verdict::Missed);
    }

    #[test]
    fn a_short_iteration_may_be_left_alone() {
        let found = rhythm((0..100).map(|k| (f64::from(k) * 0.05, "train")));
        assert_eq!(found.judge(None), Verdict::Right);
        assert_eq!(found.judge(Some(0.45)), Verdict::Right);
        assert_eq!(found.judge(Some(0.55)), Verdict::Wrong);
    }

    #[test]
    fn counters_tell_what_power_does_not() {
        let found = rhythm((0..100).map(|k| (f64::from(k) * 0.05, "train")));
        assert!(!found.is_counted() && found.by_counters().is_counted());
        assert_eq!(found.by_counters().judge(None), Verdict::Missed);
    }

    #[test]
    fn the_last_quarter_counts_after_a_change() {
        let times = (0..100).scan(0.0, |time, k| {
            *time += if k < 60 { 0.1 } else { 0.2 };
            Some((*time, "train"))
        });
        assert_eq!(rhythm(times).iteration_s.map(|s| (s * 1e3).round()), Some(200.0));
    }

    #[test]
    fn after_a_change_time_counts_from_it() {
        let truth = |lengths: &[f64]| {
            let mut time_s = 1.0;
            let rows = lengths.iter().map(|length_s| {
                time_s += length_s;
                format!("{time_s},train\n")
            });
            Truth::parse(format!("t_s,label\n{}", rows.collect::<String>()).as_bytes(), "x").unwrap()
        };
        let changed = truth(&[[0.1; 60].as_slice(), &[0.2; 40]].concat());
        assert!((as_counted_from_s(&changed, Some(0.2)) - 7.0).abs() < 0.3);
        let mut stalled = [0.1; 60];
        stalled[30] = 2.0;
        assert!((as_counted_from_s(&truth(&stalled), Some(0.1)) - 1.1).abs() < 1e-9);
    }

    #[test]
    fn an_epoch_is_right_to_a_twentieth() {
        let epochs = (0..5).flat_map(|epoch| {
            let start = f64::from(epoch) * 3.0;
            (1..=10)
                .map(move |k| (start + f64::from(k) * 0.27, "train"))
                .chain([(start + 2.9, "val"), (start + 3.0, "val")])
        });
        let found = rhythm(epochs);
        assert_eq!(found.judge(Some(3.1)), Verdict::Right);
        assert_eq!(found.judge(Some(3.2)), Verdict::Wrong);
    }

    #[test]
    fn a_job_without_iterations_must_not_be_called_periodic() {
        let found = rhythm((0..30).map(|k| (f64::from(k * k) * 0.01, "chunk")));
        assert_eq!(found.judge(None), Verdict::Right);
        assert_eq!(found.judge(Some(0.3)), Verdict::Wrong);
    }
}
