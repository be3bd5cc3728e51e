//! From looks that agree to an answer that lasts.
//!
//! Every look votes for the period it saw, or for nothing. Votes fade; those close to each other add up, and those
//! for small multiples lend a part. The answer is claimed while its family (multiples and parts of it) holds most of
//! the weight that all looks could have given. Ours. A bounded list of votes; O(votes²) a look.

use core::time::Duration;

use crate::config::VoteConfig;
use crate::time::Timestamp;

use super::analyzer::Seen;
use super::rhythms::{PeriodCandidate, Relation};

/// Votes kept: two short windows at every look, the longer ones at every second and fourth, for 12 s, and some more.
const MOST_VOTES: usize = 80;

/// What one look says about the period.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vote {
    time: Timestamp,
    /// s; 0 if the look saw nothing.
    period_s: f32,
    weight: f32,
    /// The period that was seen even if it is too weak to count, s.
    hint_s: f32,
    /// The shortest part of it that repeats, s.
    part_s: f32,
    /// The weight that the look could have had.
    potential: f32,
    /// What the look could see, s.
    span_s: f32,
}

impl Vote {
    /// What a look over the last `window_s` is worth.
    #[must_use]
    pub fn new(time: Timestamp, seen: &Seen, window_s: f64, config: &VoteConfig) -> Self {
        let potential = (window_s / 3.0).sqrt() as f32;
        let nothing = Self { time, potential, span_s: window_s as f32, ..Self::default() };
        let Some(found) = seen.found else { return nothing };
        let hint_s = found.period_s as f32;
        let significance = found.correlation * (seen.points as f32).sqrt();
        let counts = significance >= config.least_significance
            && found.correlation >= config.least_correlation
            && found.regularity.is_some_and(|regularity| regularity >= config.least_regularity);
        if !counts {
            return Self { hint_s, ..nothing };
        }
        let weight = ((significance - 4.0) / 6.0).min(1.0) * (found.correlation / 0.3).min(1.0) * potential;
        Self { period_s: hint_s, part_s: found.part_s as f32, hint_s, weight, ..nothing }
    }

    /// What the look could see, s.
    pub(super) fn span_s(&self) -> f64 {
        f64::from(self.span_s)
    }

    /// The period voted for, s; `None` if what was seen is too weak to count.
    #[must_use]
    pub fn period_s(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(f64::from(self.period_s))
    }
}

/// The answer that the votes give.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// s.
    pub period_s: f64,
    /// Share of all weight that the period and its parts and multiples hold, 0..1.
    pub share: f64,
}

/// The votes of the last while, and what they agree on.
///
/// ```
/// use gpoeo_core::period::{Analyzer, Tracker, Vote};
/// use gpoeo_core::{DetectorConfig, Timestamp};
///
/// let config = DetectorConfig::default();
/// let (mut analyzer, mut tracker) = (Analyzer::new(1200), Tracker::default());
/// let mut now = Timestamp::ZERO;
/// for look in 0..4_u32 {
///     // The last 3 s of a job with iterations of 0.31 s, as seen every half second.
///     let at = |k: u32| f64::from(k) * 0.02 + f64::from(look) * 0.5;
///     let mut values: Vec<f32> = (0..150).map(|k| if at(k) % 0.31 < 0.24 { 550.0 } else { 200.0 }).collect();
///     let seen = analyzer.analyze(&mut values, 0.02, &config);
///     now = Timestamp::from_secs_f64(at(150));
///     tracker.add(Vote::new(now, &seen, 3.0, &config.vote), &config.vote);
/// }
/// let answer = tracker.answer(now, None, &config.vote).unwrap();
/// assert!((answer.period_s / 0.31 - 1.0).abs() < 0.01 && answer.share > 0.7);
/// ```
#[derive(Clone, Debug)]
pub struct Tracker {
    votes: Box<[Vote; MOST_VOTES]>,
    len: usize,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { votes: Box::new([Vote::default(); MOST_VOTES]), len: 0 }
    }
}

impl Tracker {
    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.votes)
    }

    /// Forgets all votes.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes a vote; drops those that are too old, and the oldest if there are too many.
    pub fn add(&mut self, vote: Vote, config: &VoteConfig) {
        let is_old = |old: &Vote| vote.time.seconds_since(old.time) > config.memory_s;
        let stale = self.votes[..self.len].iter().take_while(|old| is_old(old)).count();
        let drop = stale.max((self.len + 1).saturating_sub(MOST_VOTES));
        self.votes.copy_within(drop..self.len, 0);
        self.len -= drop;
        self.votes[self.len] = vote;
        self.len += 1;
    }

    /// What the votes say at `now`, if they agree; `held_s` is the answer so far, which needs less.
    #[must_use]
    pub fn answer(&self, now: Timestamp, held_s: Option<f64>, config: &VoteConfig) -> Option<Answer> {
        let mut faded = [Faded::default(); MOST_VOTES];
        let faded = &mut faded[..self.len];
        for (slot, vote) in faded.iter_mut().zip(self.votes.iter()) {
            let fade = (-now.seconds_since(vote.time) / config.half_life_s).exp2();
            slot.period = f64::from(vote.period_s);
            slot.weight = fade * f64::from(vote.weight);
            slot.potential = fade * f64::from(vote.potential);
        }

        let own = |period: f64| {
            faded.iter().filter(|vote| is_multiple(vote.period, period, 1, config)).map(|vote| vote.weight).sum::<f64>()
        };
        let lent = |period: f64| {
            let multiples = faded.iter().filter(|vote| (2..=4).any(|k| is_multiple(vote.period, period, k, config)));
            config.lend * multiples.map(|vote| vote.weight).sum::<f64>()
        };
        let support = |period: f64| own(period) + lent(period);
        let periods = || faded.iter().filter(|vote| vote.weight > 0.0).map(|vote| vote.period);
        let best = periods().map(|period| (period, support(period))).max_by(|a, b| a.1.total_cmp(&b.1))?;

        // A short window cannot know of a long period: it is asked only about what it could see.
        let longest = self.votes[..self.len].iter().map(|vote| f64::from(vote.span_s)).fold(0.0, f64::max);
        let able = |spans: f64, period: f64| {
            let least = (spans * period).min(0.9 * longest);
            self.votes.iter().zip(faded.iter()).filter(move |(vote, _)| f64::from(vote.span_s) >= least)
        };
        // The longest period that enough of those looks saw: the iteration rather than its micro-batch. It need not be a
        // multiple, because the optimizer step takes a time of its own; but then more of them must have seen it.
        let is_kept = |period: f64| {
            let parts = (period / best.0).round() as u32;
            if parts < 2 {
                return false;
            }
            let all: f64 = able(config.able_spans, period).map(|(_, faded)| faded.weight).sum();
            let own = able(config.able_spans, period).filter(|(_, faded)| is_multiple(faded.period, period, 1, config));
            let is_seen_by_several = config.able_spans * period <= config.several_share * longest;
            let mut least = if is_seen_by_several { config.keep_multiple } else { config.keep_longest };
            if !is_multiple(period, best.0, parts, config) {
                least = least.max(config.keep_other);
            }
            all > 0.0 && own.map(|(_, faded)| faded.weight).sum::<f64>() >= least * all
        };
        let chosen = periods().filter(|&period| is_kept(period)).max_by(f64::total_cmp).unwrap_or(best.0);

        let claim = |period: f64| {
            let cluster =
                || faded.iter().filter(|vote| vote.weight > 0.0 && is_multiple(vote.period, period, 1, config));
            if cluster().count() < config.least_votes {
                return None;
            }
            let weight = cluster().map(|vote| vote.weight).sum::<f64>();
            let period_s = cluster().map(|vote| vote.period * vote.weight).sum::<f64>() / weight;
            let is_family = |period: f64| {
                let (long, short) = if period > period_s { (period, period_s) } else { (period_s, period) };
                let parts = (long / short).round() as u32;
                parts <= 8 && is_multiple(long, short, parts, config)
            };
            let (mut agree, mut against) = (0.0, config.doubt);
            for (vote, faded) in able(config.judge_spans, period_s) {
                if faded.weight > 0.0 && is_family(faded.period) {
                    agree += faded.weight;
                    against += config.weak * (faded.potential - faded.weight);
                } else if !is_multiple(f64::from(vote.hint_s), period_s, 1, config) {
                    against += faded.potential;
                }
            }
            let share = agree / (agree + against);
            let is_held = held_s.is_some_and(|held_s| is_multiple(period_s, held_s, 1, config));
            let least = if is_held { config.keep_share } else { config.claim_share };
            (share >= least).then_some(Answer { period_s, share })
        };
        claim(chosen).or_else(|| claim(best.0))
    }
}

impl Tracker {
    /// All periods voted for, and their parts, beside the one that is reported.
    pub(super) fn candidates(&self, now: Timestamp, reported_s: f64, config: &VoteConfig) -> Vec<PeriodCandidate> {
        let votes = || self.votes[..self.len].iter().filter(|vote| vote.weight > 0.0);
        let fade = |vote: &Vote| (-now.seconds_since(vote.time) / config.half_life_s).exp2();
        let mut periods_s = vec![reported_s];
        periods_s.extend(votes().flat_map(|vote| [f64::from(vote.period_s), f64::from(vote.part_s)]));
        let mut candidates: Vec<PeriodCandidate> = Vec::new();
        for period_s in periods_s {
            let is_same = |other_s: f64| (other_s / period_s - 1.0).abs() <= 2.0 * config.same;
            if candidates.iter().any(|known| is_same(known.period.as_secs_f64())) {
                continue;
            }
            let sees = |vote: &&Vote| is_same(f64::from(vote.period_s)) || is_same(f64::from(vote.part_s));
            let for_it: f64 = votes().filter(sees).map(|vote| fade(vote) * f64::from(vote.weight)).sum();
            let is_able = |vote: &&Vote| vote.span_s() >= config.judge_spans * period_s || sees(vote);
            let able = self.votes[..self.len].iter().filter(is_able);
            let all: f64 = able.map(|vote| fade(vote) * f64::from(vote.potential)).sum();
            let score = if all > 0.0 { (for_it / all).min(1.0) } else { 0.0 };
            let relation = Relation::of(period_s, reported_s, 2.0 * config.same);
            candidates.push(PeriodCandidate { period: Duration::from_secs_f64(period_s), score, relation });
        }
        candidates
    }
}

/// A vote as much as it counts now.
#[derive(Clone, Copy, Debug, Default)]
struct Faded {
    period: f64,
    weight: f64,
    potential: f64,
}

/// Whether `long` is `parts` times `short`, as precisely as votes are.
fn is_multiple(long: f64, short: f64, parts: u32, config: &VoteConfig) -> bool {
    let expected = f64::from(parts) * short;
    short > 0.0 && (long - expected).abs() <= config.same * expected
}

#[cfg(test)]
mod tests {
    use super::super::analyzer::Found;
    use super::*;

    /// A tracker that was fed looks of `span_s` at `period_s` (0: nothing seen), one every half second.
    fn fed(looks: &[(f64, f32)]) -> Tracker {
        let config = VoteConfig::default();
        let mut tracker = Tracker::default();
        for (k, &(span_s, period_s)) in looks.iter().enumerate() {
            let found =
                Found { period_s: period_s.into(), part_s: period_s.into(), correlation: 0.8, regularity: Some(0.9) };
            let found = Some(found).filter(|found| found.period_s > 0.0);
            tracker.add(Vote::new(at(k), &Seen { found, split: None, points: 150 }, span_s, &config), &config);
        }
        tracker
    }

    fn at(look: usize) -> Timestamp {
        Timestamp::from_secs_f64(100.0 + 0.5 * look as f64)
    }

    fn answer(looks: &[(f64, f32)], held_s: Option<f64>) -> Option<f64> {
        fed(looks).answer(at(looks.len()), held_s, &VoteConfig::default()).map(|answer| answer.period_s)
    }

    #[test]
    fn looks_that_agree_are_an_answer_and_one_alone_is_not() {
        assert_eq!(answer(&[(3.0, 0.3)], None), None);
        let period = answer(&[(3.0, 0.3), (3.0, 0.302), (3.0, 0.301)], None).unwrap();
        assert!((period - 0.301).abs() < 1e-3);
    }

    #[test]
    fn looks_that_see_nothing_count_against_an_answer_but_less_against_one_that_is_held() {
        let looks = [0.3, 0.0, 0.3, 0.0, 0.3, 0.3, 0.0, 0.0].map(|period_s| (3.0, period_s));
        assert_eq!(answer(&looks, None), None);
        assert!(answer(&looks, Some(0.3)).is_some());
    }

    #[test]
    fn short_windows_do_not_outvote_long_ones_about_a_long_period() {
        let looks = [(3.0, 0.1), (3.0, 0.1), (12.0, 1.2), (3.0, 0.1), (3.0, 0.1), (12.0, 1.2), (3.0, 0.1)];
        assert!((answer(&looks, None).unwrap() - 1.2).abs() < 1e-3);
    }

    #[test]
    fn a_multiple_that_few_long_windows_saw_is_not_the_answer() {
        let looks = [(12.0, 0.3), (12.0, 1.2), (12.0, 0.3), (12.0, 0.3), (12.0, 0.3)];
        assert!((answer(&looks, None).unwrap() - 0.3).abs() < 1e-3);
    }

    #[test]
    fn forgets_what_is_old_and_never_overflows() {
        let config = VoteConfig::default();
        let tracker = fed(&[(3.0, 0.3); 300]);
        assert!(tracker.len <= MOST_VOTES);
        assert!((tracker.len as f64) * 0.5 <= config.memory_s + 1.0);
        assert_eq!(Tracker::default().answer(at(0), None, &config), None);
    }
}
