//! What was said over time.

use crate::score::{Rhythm, Verdict};

/// So long must an answer stay the same to be one that lasts, s.
const LASTING_S: f64 = 2.0;
/// Answers this close are the same (share).
const SAME: f64 = 0.02;

/// From this moment on, this was the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Since when, s on the clock of the recording.
    pub time_s: f64,
    /// The period, s; `None`: no claim.
    pub period_s: Option<f64>,
}

/// Answers in order of time, of which each holds until the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    changes: Vec<Answer>,
    end_s: f64,
}

impl Answers {
    /// Notes the answer at a moment; equal ones that follow each other are one.
    pub fn add(&mut self, time_s: f64, period_s: Option<f64>) {
        self.end_s = time_s;
        if self.changes.last().map(|last| last.period_s) != Some(period_s) {
            self.changes.push(Answer { time_s, period_s });
        }
    }

    /// Each answer that differs from the one before.
    #[must_use]
    pub fn changes(&self) -> &[Answer] {
        &self.changes
    }

    /// The last one, s.
    #[must_use]
    pub fn last_s(&self) -> Option<f64> {
        self.changes.last().and_then(|last| last.period_s)
    }

    /// The answer at a moment, s.
    #[must_use]
    pub fn at_s(&self, time_s: f64) -> Option<f64> {
        self.changes.iter().rev().find(|answer| answer.time_s <= time_s).and_then(|answer| answer.period_s)
    }

    /// When the first period was claimed that then stayed the same for two seconds, whether right or not.
    #[must_use]
    pub fn lasting_from_s(&self) -> Option<f64> {
        self.first_run(|first, next| match (first, next) {
            (Some(first), Some(next)) => (next / first - 1.0).abs() <= SAME,
            _ => false,
        })
    }

    /// When, after `after_s`, a right period was claimed for the first time that stayed a right one for two seconds.
    #[must_use]
    pub fn right_from_s(&self, rhythm: &Rhythm, after_s: f64) -> Option<f64> {
        let is_right = |period_s: Option<f64>| period_s.is_some() && rhythm.judge(period_s) == Verdict::Right;
        let begin = self.changes.iter().rposition(|answer| answer.time_s <= after_s).unwrap_or(0);
        let later = Self { changes: self.changes[begin..].to_vec(), end_s: self.end_s };
        later.first_run(|first, next| is_right(first) && is_right(next)).map(|at_s| at_s.max(after_s))
    }

    /// The begin of the first run of answers, each of which goes with the run's first, that is long enough.
    fn first_run(&self, goes: impl Fn(Option<f64>, Option<f64>) -> bool) -> Option<f64> {
        self.changes.iter().enumerate().filter(|(_, first)| goes(first.period_s, first.period_s)).find_map(
            |(index, first)| {
                let rest = &self.changes[index + 1..];
                let end = rest.iter().find(|next| !goes(first.period_s, next.period_s));
                let end_s = end.map_or(self.end_s, |next| next.time_s);
                (end_s - first.time_s >= LASTING_S).then_some(first.time_s)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Truth;

    fn answers(list: &[(f64, Option<f64>)]) -> Answers {
        let mut answers = Answers::default();
        list.iter().for_each(|&(time, period)| answers.add(time, period));
        answers
    }

    fn rhythm() -> Rhythm {
        let rows: String = (0..40).map(|k| format!("{},train\n", f64::from(k) * 0.2)).collect();
        Rhythm::of(&Truth::parse(format!("t_s,label\n{rows}").as_bytes(), "x").unwrap())
    }

    #[test]
    fn an_answer_lasts_once_it_has_stayed_the_same_for_two_seconds() {
        let said = [(1.0, None), (2.0, Some(0.3)), (3.0, Some(0.2)), (4.0, Some(0.201)), (5.5, None), (6.0, None)];
        assert_eq!(answers(&said).lasting_from_s(), Some(3.0));
        assert_eq!(answers(&said[..4]).lasting_from_s(), None);
        assert_eq!(answers(&said).changes().len(), 5);
        assert_eq!([0.5, 2.5, 4.5, 9.0].map(|at| answers(&said).at_s(at)), [None, Some(0.3), Some(0.201), None]);
    }

    #[test]
    fn a_right_answer_may_move_between_multiples() {
        let said = [(1.0, Some(0.15)), (4.0, Some(0.2)), (5.0, Some(0.4)), (7.0, Some(0.4))];
        assert_eq!(answers(&said).lasting_from_s(), Some(1.0));
        assert_eq!(answers(&said).right_from_s(&rhythm(), 0.0), Some(4.0));
        assert_eq!(answers(&said).right_from_s(&rhythm(), 6.0), Some(6.0));
        assert_eq!(answers(&said[..3]).right_from_s(&rhythm(), 0.0), None);
    }
}
