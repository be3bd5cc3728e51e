//! Many answers beside the truth: shares right, by group, and whether confidence means what it says.

use crate::score::Verdict;

use super::Judged;

/// Upper ends of the bins of confidence.
const BINS: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];

/// Shares right by group, in order of first appearance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accuracy {
    rows: Vec<AccuracyRow>,
}

/// What became of the recordings of one group.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AccuracyRow {
    /// Name of the group.
    pub group: String,
    /// Recordings whose iteration can be told, or that have none.
    pub counted: usize,
    /// … right.
    pub right: usize,
    /// … with a period that was not claimed.
    pub missed: usize,
    /// … with a period claimed that is not there.
    pub wrong: usize,
    /// Recordings whose iteration is too short to be told.
    pub short: usize,
    /// … with a period claimed that is not there.
    pub short_wrong: usize,
    /// How long it took to claim the right period, s, of those that did, in no order.
    pub delays_s: Vec<f64>,
    /// The same as a share of what is allowed.
    pub delay_ratios: Vec<f64>,
}

impl AccuracyRow {
    /// Share of the counted recordings that are right, 0..1; `None` if none is counted.
    #[must_use]
    pub fn share_right(&self) -> Option<f64> {
        (self.counted > 0).then(|| self.right as f64 / self.counted as f64)
    }

    fn add(&mut self, judged: &Judged) {
        if judged.rhythm.is_counted() {
            self.counted += 1;
            match judged.verdict {
                Verdict::Right => self.right += 1,
                Verdict::Missed => self.missed += 1,
                Verdict::Wrong => self.wrong += 1,
            }
        } else {
            self.short += 1;
            self.short_wrong += usize::from(judged.verdict == Verdict::Wrong);
        }
        self.delays_s.extend(judged.delay_s);
        self.delay_ratios.extend(judged.delay_ratio());
    }

    fn merge(&mut self, other: &Self) {
        self.counted += other.counted;
        self.right += other.right;
        self.missed += other.missed;
        self.wrong += other.wrong;
        self.short += other.short;
        self.short_wrong += other.short_wrong;
        self.delays_s.extend(&other.delays_s);
        self.delay_ratios.extend(&other.delay_ratios);
    }
}

impl Accuracy {
    /// Adds a recording to a group.
    pub fn add(&mut self, group: &str, judged: &Judged) {
        let index = self.rows.iter().position(|row| row.group == group).unwrap_or_else(|| {
            self.rows.push(AccuracyRow { group: group.to_owned(), ..AccuracyRow::default() });
            self.rows.len() - 1
        });
        self.rows[index].add(judged);
    }

    /// One row a group.
    #[must_use]
    pub fn rows(&self) -> &[AccuracyRow] {
        &self.rows
    }

    /// All groups together.
    #[must_use]
    pub fn total(&self) -> AccuracyRow {
        let mut total = AccuracyRow { group: "all".to_owned(), ..AccuracyRow::default() };
        self.rows.iter().for_each(|row| total.merge(row));
        total
    }
}

/// Whether of the answers given with some confidence that share is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    bins: [ReliabilityBin; BINS.len()],
}

/// Answers of about one confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// Least confidence, 0..1.
    pub from: f64,
    /// Most; belongs to the bin.
    pub to: f64,
    /// How many answers there are.
    pub answers: usize,
    /// How many of them are right.
    pub right: usize,
    /// Sum of the confidences.
    confidence: f64,
}

impl ReliabilityBin {
    /// Mean confidence.
    #[must_use]
    pub fn mean_confidence(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.confidence / self.answers as f64)
    }

    /// Share right, 0..1.
    #[must_use]
    pub fn share_right(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.right as f64 / self.answers as f64)
    }
}

impl Default for Reliability {
    fn default() -> Self {
        let bin = |index: usize| ReliabilityBin {
            from: if index == 0 { 0.0 } else { BINS[index - 1] },
            to: BINS[index],
            ..ReliabilityBin::default()
        };
        Self { bins: std::array::from_fn(bin) }
    }
}

impl Reliability {
    /// Adds an answer; one that claims no period has no confidence and does not count.
    pub fn add(&mut self, judged: &Judged) {
        let Some(confidence) = judged.confidence else { return };
        let bin = self.bins.iter_mut().find(|bin| confidence <= bin.to);
        if let Some(bin) = bin {
            bin.answers += 1;
            bin.right += usize::from(judged.verdict == Verdict::Right);
            bin.confidence += confidence;
        }
    }

    /// The bins, least confidence first.
    #[must_use]
    pub fn bins(&self) -> &[ReliabilityBin] {
        &self.bins
    }

    /// How many answers there are.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.bins.iter().map(|bin| bin.answers).sum()
    }

    /// Mean distance between confidence and share right, over answers; 0 is perfect.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        let off = |bin: &ReliabilityBin| (bin.confidence - bin.right as f64).abs();
        (self.answers() > 0).then(|| self.bins.iter().map(off).sum::<f64>() / self.answers() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Rhythm;

    fn judged(iteration_s: f64, verdict: Verdict, confidence: Option<f64>) -> Judged {
        let rhythm = Rhythm { iteration_s: Some(iteration_s), ragged_mean_s: None, epoch_s: None, tellable_s: 0.08 };
        Judged { rhythm, verdict, confidence, delay_s: Some(3.0) }
    }

    #[test]
    fn what_is_too_short_counts_only_when_it_is_wrong() {
        let mut accuracy = Accuracy::default();
        accuracy.add("a", &judged(0.2, Verdict::Right, Some(0.9)));
        accuracy.add("a", &judged(0.2, Verdict::Missed, None));
        accuracy.add("b", &judged(0.04, Verdict::Right, None));
        accuracy.add("b", &judged(0.04, Verdict::Wrong, Some(0.9)));
        let total = accuracy.total();
        assert_eq!((total.counted, total.right, total.missed, total.short, total.short_wrong), (2, 1, 1, 2, 1));
        assert_eq!(accuracy.rows()[0].share_right(), Some(0.5));
        assert_eq!(accuracy.rows()[1].share_right(), None);
        assert!(total.delay_ratios.iter().all(|ratio| (ratio - 0.6).abs() < 1e-12));
    }

    #[test]
    fn a_share_right_stands_beside_the_confidence() {
        let mut reliability = Reliability::default();
        for k in 0..10 {
            let verdict = if k < 8 { Verdict::Right } else { Verdict::Wrong };
            reliability.add(&judged(0.2, verdict, Some(0.85)));
        }
        reliability.add(&judged(0.2, Verdict::Missed, None));
        let bin = reliability.bins().iter().find(|bin| bin.answers > 0).unwrap();
        assert_eq!((bin.from, bin.to, bin.answers), (0.8, 0.9, 10));
        assert!((bin.mean_confidence().unwrap() - 0.85).abs() < 1e-12);
        assert_eq!(bin.share_right(), Some(0.8));
        assert!((reliability.error().unwrap() - 0.05).abs() < 1e-12);
    }
}
