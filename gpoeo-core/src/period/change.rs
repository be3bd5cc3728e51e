//! Notices that a job has changed, so that the votes for what was do not outlive it.
//!
//! Two signs. A short window sees another period, and the same one, several times in a row. Or two looks at a long
//! window find that one change of level or spread, at the same moment, explains it. Votes that merely fade would hold
//! the old answer for as long as they last. Ours.

use crate::config::ChangeConfig;
use crate::time::Timestamp;

use super::tracker::Vote;

/// Windows that are short enough to see a new period before the votes do.
const SHORT_WINDOWS: usize = 3;

/// What speaks against the present answer.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeWatch {
    contrary: [Contrary; SHORT_WINDOWS],
    split: Option<Timestamp>,
}

/// Looks at one window in a row that saw the same other period.
#[derive(Clone, Copy, Debug, Default)]
struct Contrary {
    period_s: f64,
    count: u32,
}

impl ChangeWatch {
    /// Takes a vote from a look at window number `window` while the answer was `answer_s`. True if the job seems to
    /// have another period now.
    pub(super) fn saw(&mut self, window: usize, vote: &Vote, answer_s: f64, config: &ChangeConfig) -> bool {
        let Some(contrary) = self.contrary.get_mut(window) else { return false };
        // A window that is too short for the answer has no say: it sees micro-batches at best.
        let Some(period_s) = vote.period_s().filter(|_| vote.span_s() >= config.able_spans * answer_s) else {
            return false;
        };
        if is_related(period_s, answer_s, config) {
            contrary.count = 0;
        } else if contrary.count > 0 && (period_s / contrary.period_s - 1.0).abs() <= config.same {
            contrary.count += 1;
        } else {
            *contrary = Contrary { period_s, count: 1 };
        }
        contrary.count >= config.looks
    }

    /// Takes the moment at which one change splits a window. True if a look before found the same one.
    pub(super) fn split_at(&mut self, at: Timestamp, config: &ChangeConfig) -> bool {
        let is_same = self.split.is_some_and(|split| at.seconds_since(split).abs() <= config.split_s);
        self.split = Some(at);
        is_same
    }

    /// Forgets everything: the job is looked at afresh.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether one of two periods is a whole number of the other.
fn is_related(a: f64, b: f64, config: &ChangeConfig) -> bool {
    let ratio = (a / b).max(b / a);
    let tolerance = if ratio < 1.5 { config.close } else { config.related };
    (ratio / ratio.round() - 1.0).abs() <= tolerance
}

#[cfg(test)]
mod tests {
    use super::super::analyzer::{Found, Seen};
    use super::*;
    use crate::config::VoteConfig;

    /// Feeds looks of `span_s` at these periods while the answer is 0.2 s; says whether the last made a change.
    fn see(watch: &mut ChangeWatch, span_s: f64, periods: &[f32]) -> bool {
        let config = ChangeConfig::default();
        let votes = periods.iter().map(|&lag| {
            let found = Found { period_s: lag.into(), part_s: lag.into(), correlation: 0.9, regularity: Some(0.9) };
            let seen = Seen { found: Some(found), split: None, points: 150 };
            Vote::new(Timestamp::ZERO, &seen, span_s, &VoteConfig::default())
        });
        votes.map(|vote| watch.saw(0, &vote, 0.2, &config)).last().unwrap_or(false)
    }

    #[test]
    fn three_looks_in_a_row_at_another_period_are_a_change() {
        let mut watch = ChangeWatch::default();
        assert!(!see(&mut watch, 3.0, &[0.31, 0.312]));
        assert!(see(&mut watch, 3.0, &[0.309]));
        watch.clear();
        assert!(!see(&mut watch, 3.0, &[0.31]));
    }

    #[test]
    fn multiples_and_parts_are_no_change_and_neither_are_looks_that_disagree() {
        let mut watch = ChangeWatch::default();
        assert!(!see(&mut watch, 3.0, &[0.6, 0.05, 0.4, 0.2, 0.6, 0.6]));
        assert!(!see(&mut watch, 3.0, &[0.31, 0.35, 0.31, 0.35, 0.31]));
    }

    #[test]
    fn a_window_that_cannot_see_the_answer_has_no_say() {
        assert!(!see(&mut ChangeWatch::default(), 0.7, &[0.031; 5]));
    }

    #[test]
    fn a_split_counts_when_it_is_seen_twice() {
        let config = ChangeConfig::default();
        let mut watch = ChangeWatch::default();
        assert!(!watch.split_at(Timestamp::from_secs_f64(10.0), &config));
        assert!(!watch.split_at(Timestamp::from_secs_f64(12.0), &config));
        assert!(watch.split_at(Timestamp::from_secs_f64(12.2), &config));
    }
}
