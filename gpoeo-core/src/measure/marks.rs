//! Iterations counted by an embedder that knows when each one ends: the exact source of progress.
//!
//! Source: ours. Cost: a few operations a mark, linear in the kept points for a measurement. State: one fixed ring, 4 KiB.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::Timestamp;

/// Points kept: half a minute of them.
const POINTS: usize = 256;
/// Marks closer together than this share a point.
const SPACING: Duration = Duration::from_millis(120);
/// Fewest intervals that make a period.
const LEAST_INTERVALS: u64 = 4;
/// Without a mark for this many periods the job does not iterate any more.
const SILENT_PERIODS: f64 = 10.0;

/// A mark, and how many came before it.
#[derive(Clone, Copy, Debug)]
struct Point {
    time: Timestamp,
    count: u64,
}

/// Mean iteration over a span that begins and ends at marks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MarkedSpan {
    /// First mark of the span.
    pub from: Timestamp,
    /// Last mark of the span.
    pub to: Timestamp,
    /// Iterations between the two.
    pub iterations: u64,
    /// Mean time per iteration, s.
    pub time_s: f64,
    /// Standard error of `time_s` as an estimate of the lasting mean, s.
    pub stderr_s: f64,
}

/// The marks of the last half minute.
///
/// ```
/// use gpoeo_core::{IterationMarks, Timestamp};
///
/// let mut marks = IterationMarks::default();
/// for k in 0..40 {
///     marks.push(Timestamp::from_nanos(250_000_000 * k));
/// }
/// let span = marks.between(Timestamp::ZERO, Timestamp::from_secs_f64(9.0)).expect("enough marks");
/// assert_eq!(span.iterations, 36);
/// assert!((span.time_s - 0.25).abs() < 1e-9);
/// ```
#[derive(Clone, Debug)]
pub struct IterationMarks {
    points: VecDeque<Point>,
    last: Option<Point>,
}

impl Default for IterationMarks {
    fn default() -> Self {
        Self { points: VecDeque::with_capacity(POINTS), last: None }
    }
}

impl IterationMarks {
    /// An iteration has ended. A mark that is not later than the last is ignored.
    pub fn push(&mut self, time: Timestamp) {
        let count = match self.last {
            Some(last) if time <= last.time => return,
            Some(last) => last.count + 1,
            None => 0,
        };
        let point = Point { time, count };
        self.last = Some(point);
        if self.points.back().is_none_or(|newest| time.saturating_since(newest.time) >= SPACING) {
            if self.points.len() == POINTS {
                self.points.pop_front();
            }
            self.points.push_back(point);
        }
    }

    /// Mean time of the newest iterations, s; `None` if there are too few or the marks have stopped before `now`.
    #[must_use]
    pub fn period_s(&self, now: Timestamp) -> Option<f64> {
        let last = self.last?;
        let first = self.points.get(self.points.len().saturating_sub(POINTS / 4))?;
        let iterations = last.count.checked_sub(first.count).filter(|&iterations| iterations >= LEAST_INTERVALS)?;
        let period_s = last.time.seconds_since(first.time) / iterations as f64;
        (now.seconds_since(last.time) < SILENT_PERIODS * period_s).then_some(period_s)
    }

    /// The iterations between two moments; `None` if there are fewer than two.
    #[must_use]
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Option<MarkedSpan> {
        let within = || self.points.iter().filter(|point| point.time >= from && point.time <= to);
        let (first, last) = (within().next()?, within().next_back()?);
        let iterations = last.count.checked_sub(first.count).filter(|&iterations| iterations >= 2)?;
        let time_s = last.time.seconds_since(first.time) / iterations as f64;
        // Variance of one iteration, from how far each stretch is off what its count says.
        let (mut squares, mut stretches) = (0.0, 0.0);
        for (a, b) in within().zip(within().skip(1)) {
            let count = (b.count - a.count) as f64;
            squares += (b.time.seconds_since(a.time) - count * time_s).powi(2) / count;
            stretches += 1.0;
        }
        let variance = squares / f64::max(stretches - 1.0, 1.0);
        let stderr_s = (variance / iterations as f64).sqrt();
        Some(MarkedSpan { from: first.time, to: last.time, iterations, time_s, stderr_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_secs_f64(seconds)
    }

    #[test]
    fn short_iterations_share_points_and_are_all_counted() {
        let mut marks = IterationMarks::default();
        for k in 0..2000 {
            marks.push(at(0.02 * f64::from(k)));
        }
        let span = marks.between(at(20.0), at(40.0)).unwrap();
        assert!((span.time_s - 0.02).abs() < 1e-6 && span.iterations > 950, "{span:?}");
        assert!(marks.points.len() <= POINTS);
    }

    #[test]
    fn jitter_shows_in_the_standard_error() {
        let mut marks = IterationMarks::default();
        let mut time_s = 0.0;
        for k in 0..100u32 {
            time_s += if k % 2 == 0 { 0.9 } else { 1.1 };
            marks.push(at(time_s));
        }
        let span = marks.between(at(0.0), at(50.0)).unwrap();
        assert!((span.time_s - 1.0).abs() < 0.01);
        assert!(span.stderr_s > 0.01 && span.stderr_s < 0.02, "{span:?}");
    }

    #[test]
    fn marks_that_stop_give_no_period() {
        let mut marks = IterationMarks::default();
        for k in 0..10 {
            marks.push(at(f64::from(k)));
        }
        assert_eq!(marks.period_s(at(10.0)), Some(1.0));
        assert_eq!(marks.period_s(at(30.0)), None);
        assert_eq!(IterationMarks::default().period_s(at(0.0)), None);
    }
}
