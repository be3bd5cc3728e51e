//! From looks that agree to an answer that lasts.
//!
//! Every look votes for the period it saw, or for nothing. Votes fade; those close to each other add up, and those
//! for small multiples lend a part. The answer is claimed while its family (multiples and parts of it) holds most of
//! the weight that all looks could have given. Ours. A bounded list of votes; O(votes²) a look.

use crate::config::VoteConfig;
use crate::time::Timestamp;

use super::candidate::Candidate;

/// Votes kept: two short windows at every look, the longer ones at every second and fourth, for 12 s, and some more.
const MOST_VOTES: usize = 80;

/// One look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vote {
    time: Timestamp,
    /// s; 0 if the look saw nothing.
    period_s: f32,
    weight: f32,
    /// Seen, but too weak to count.
    hint_s: f32,
    /// The weight that the look could have had.
    potential: f32,
    /// What the look could see, s.
    span_s: f32,
}

impl Vote {
    /// What a look over `window_s` at `points` points is worth.
    pub(super) fn new(
        time: Timestamp,
        candidate: Option<Candidate>,
        step_s: f64,
        points: usize,
        window_s: f64,
        config: &VoteConfig,
    ) -> Self {
        let potential = (window_s / 3.0).sqrt() as f32;
        let hint_s = candidate.map_or(0.0, |candidate| candidate.lag * step_s as f32);
        let nothing = Self { time, period_s: 0.0, hint_s, weight: 0.0, potential, span_s: window_s as f32 };
        let Some(candidate) = candidate else { return nothing };
        let significance = candidate.height * (points as f32).sqrt();
        let counts = significance >= config.least_significance
            && candidate.height >= config.least_correlation
            && candidate.regularity.is_some_and(|regularity| regularity >= config.least_regularity);
        if !counts {
            return nothing;
        }
        let weight = ((significance - 4.0) / 6.0).min(1.0) * (candidate.height / 0.3).min(1.0) * potential;
        Self { time, period_s: candidate.lag * step_s as f32, hint_s, weight, potential, span_s: window_s as f32 }
    }

    /// What the look could see, s.
    pub(super) fn span_s(&self) -> f64 {
        f64::from(self.span_s)
    }

    /// The period voted for, s.
    pub(super) fn period_s(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(f64::from(self.period_s))
    }
}

/// The answer that the votes give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) period_s: f64,
    /// Share of all possible weight that the answer's family holds.
    pub(super) share: f64,
}

/// The votes of the last while.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    votes: [Vote; MOST_VOTES],
    len: usize,
}

impl Tracker {
    pub(super) fn new() -> Self {
        Self { votes: [Vote::default(); MOST_VOTES], len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes a vote; drops those that are too old, and the oldest if there are too many.
    pub(super) fn add(&mut self, vote: Vote, config: &VoteConfig) {
        let is_old = |old: &Vote| vote.time.seconds_since(old.time) > config.memory_s;
        let stale = self.votes[..self.len].iter().take_while(|old| is_old(old)).count();
        let drop = stale.max((self.len + 1).saturating_sub(MOST_VOTES));
        self.votes.copy_within(drop..self.len, 0);
        self.len -= drop;
        self.votes[self.len] = vote;
        self.len += 1;
    }

    /// What the votes say at `now`, if they agree; `held_s` is the answer so far, which needs less.
    pub(super) fn answer(&self, now: Timestamp, held_s: Option<f64>, config: &VoteConfig) -> Option<Answer> {
        let mut faded = [Faded::default(); MOST_VOTES];
        let faded = &mut faded[..self.len];
        for (slot, vote) in faded.iter_mut().zip(&self.votes) {
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
                } else if !is_family(f64::from(vote.hint_s)) {
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
    use super::*;

    /// A tracker that was fed looks of `span_s` at `period_s` (0: nothing seen), one every half second.
    fn fed(looks: &[(f64, f32)]) -> Tracker {
        let config = VoteConfig::default();
        let mut tracker = Tracker::new();
        for (k, &(span_s, period_s)) in looks.iter().enumerate() {
            let candidate = Candidate { lag: period_s, height: 0.8, regularity: Some(0.9) };
            let candidate = Some(candidate).filter(|candidate| candidate.lag > 0.0);
            tracker.add(Vote::new(at(k), candidate, 1.0, 150, span_s, &config), &config);
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
        let looks = [(3.0, 0.3), (3.0, 0.0), (3.0, 0.3), (3.0, 0.0), (3.0, 0.0)];
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
        assert_eq!(Tracker::new().answer(at(0), None, &config), None);
    }
}
