//! All rhythms that a job shows, beside the one that is reported: micro-batches, several iterations, epochs.

use core::time::Duration;

use crate::time::Timestamp;

/// A rhythm that was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PeriodCandidate {
    /// The time after which it repeats.
    #[cfg_attr(feature = "serde", serde(rename = "period_s", with = "crate::time::seconds"))]
    pub period: Duration,
    /// Weight of the looks that saw it as a share of all that those could have had that could see it, 0..1. For an epoch,
    /// how regular it is.
    pub score: f64,
    /// What it is to the reported one.
    pub relation: Relation,
}

/// What a rhythm is to the one that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Relation {
    /// So many reported periods: several iterations, or an epoch.
    Multiple(u32),
    /// Neither a multiple nor a part: another job, or a mistake.
    Other,
    /// The reported one has so many of them: micro-batches, steps, layers.
    Part(u32),
    /// It is the reported one.
    Reported,
}

impl Relation {
    /// What `period_s` is to `reported_s`, with a tolerance as a share.
    pub(super) fn of(period_s: f64, reported_s: f64, tolerance: f64) -> Self {
        let (long, short) = if period_s > reported_s { (period_s, reported_s) } else { (reported_s, period_s) };
        let count = (long / short).round();
        // Micro-batches need not fill an iteration: the update takes a time of its own, up to one of theirs.
        let tolerance = if period_s < reported_s { tolerance.max(0.5 / count) } else { tolerance };
        let is_whole = (long / (count * short) - 1.0).abs() <= tolerance;
        match count as u32 {
            1 if is_whole => Self::Reported,
            count if is_whole && period_s > reported_s => Self::Multiple(count),
            count if is_whole && count > 1 => Self::Part(count),
            _ => Self::Other,
        }
    }
}

/// Pauses remembered.
const PAUSES: usize = 5;
/// A shorter one is a part of an iteration, s.
const SHORTEST_PAUSE_S: f64 = 0.3;
/// Distances of pauses that differ by more than this from their mean are no epoch.
const REGULAR: f64 = 0.05;

/// The pauses of a job, of which regular ones make epochs.
#[derive(Clone, Debug, Default)]
pub(super) struct Pauses {
    starts: [Timestamp; PAUSES],
    count: usize,
    began: Option<Timestamp>,
}

impl Pauses {
    /// Notes whether the job pauses at `time`.
    pub(super) fn note(&mut self, time: Timestamp, is_pausing: bool) {
        match self.began {
            None if is_pausing => self.began = Some(time),
            Some(began) if !is_pausing => {
                self.began = None;
                if time.seconds_since(began) >= SHORTEST_PAUSE_S {
                    self.starts.rotate_left(1);
                    self.starts[PAUSES - 1] = began;
                    self.count = (self.count + 1).min(PAUSES);
                }
            }
            _ => {}
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The distance of the last pauses, s, if there are at least three and they are regular, and how regular they are, 0..1.
    pub(super) fn epoch(&self) -> Option<(f64, f64)> {
        let starts = &self.starts[PAUSES - self.count..];
        if starts.len() < 3 {
            return None;
        }
        let distances = || starts.windows(2).map(|pair| pair[1].seconds_since(pair[0]));
        let mean_s = distances().sum::<f64>() / (starts.len() - 1) as f64;
        let off = distances().map(|distance_s| (distance_s / mean_s - 1.0).abs()).fold(0.0, f64::max);
        (off <= REGULAR).then_some((mean_s, 1.0 - off / REGULAR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_a_rhythm_is_to_the_reported_one() {
        assert_eq!(Relation::of(0.2, 0.201, 0.02), Relation::Reported);
        assert_eq!(Relation::of(0.8, 0.2, 0.02), Relation::Multiple(4));
        assert_eq!(Relation::of(0.05, 0.2, 0.02), Relation::Part(4));
        assert_eq!(Relation::of(0.122, 3.95, 0.02), Relation::Part(32));
        assert_eq!(Relation::of(0.29, 0.2, 0.02), Relation::Other);
    }

    #[test]
    fn regular_pauses_are_an_epoch_and_irregular_ones_are_not() {
        let epoch = |starts_s: &[f64]| {
            let mut pauses = Pauses::default();
            for &start_s in starts_s {
                pauses.note(Timestamp::from_secs_f64(start_s), true);
                pauses.note(Timestamp::from_secs_f64(start_s + 0.5), false);
            }
            pauses.epoch().map(|(epoch_s, _)| epoch_s)
        };
        assert!((epoch(&[3.0, 9.0, 15.1, 21.0]).unwrap() - 6.0).abs() < 0.01);
        assert_eq!(epoch(&[3.0, 9.0]), None);
        assert_eq!(epoch(&[3.0, 9.0, 13.0]), None);
    }
}
