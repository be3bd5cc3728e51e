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
    /// The weight that the look could have had.
    potential: f32,
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
        let nothing = Self { time, period_s: 0.0, weight: 0.0, potential };
        let Some(candidate) = candidate else { return nothing };
        let once = candidate.once;
        let significance = once * (points as f32).sqrt();
        let keeps = |value: Option<f32>, share: f32| value.is_none_or(|value| value >= share * once);
        let counts = significance >= config.least_significance
            && once >= config.least_correlation
            && keeps(candidate.twice, config.keep_at_2)
            && keeps(candidate.thrice, config.keep_at_3);
        if !counts {
            return nothing;
        }
        let weight = ((significance - 4.0) / 6.0).min(1.0) * (once / 0.3).min(1.0) * potential;
        Self { time, period_s: candidate.lag * step_s as f32, weight, potential }
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

    /// What the votes say at `now`, if they agree.
    pub(super) fn answer(&self, now: Timestamp, config: &VoteConfig) -> Option<Answer> {
        let fade = |vote: &Vote| (-now.seconds_since(vote.time) / config.half_life_s).exp2();
        let mut faded = [(0.0_f64, 0.0_f64); MOST_VOTES];
        let faded = &mut faded[..self.len];
        let mut possible = 0.0;
        for (slot, vote) in faded.iter_mut().zip(&self.votes) {
            let fade = fade(vote);
            possible += fade * f64::from(vote.potential);
            *slot = (f64::from(vote.period_s), fade * f64::from(vote.weight));
        }

        let own = |period: f64| {
            faded.iter().filter(|vote| is_multiple(vote.0, period, 1, config)).map(|vote| vote.1).sum::<f64>()
        };
        let lent = |period: f64| {
            let multiples = faded.iter().filter(|vote| (2..=4).any(|k| is_multiple(vote.0, period, k, config)));
            config.lend * multiples.map(|vote| vote.1).sum::<f64>()
        };
        let support = |period: f64| own(period) + lent(period);
        let periods = || faded.iter().filter(|vote| vote.1 > 0.0).map(|vote| vote.0);
        let best = periods().map(|period| (period, support(period))).max_by(|a, b| a.1.total_cmp(&b.1))?;

        // The longest multiple with enough support of its own: the iteration rather than its micro-batch.
        let is_kept = |period: f64| {
            let parts = (period / best.0).round() as u32;
            parts >= 2 && is_multiple(period, best.0, parts, config) && support(period) >= config.keep_multiple * best.1
        };
        let chosen = periods().filter(|&period| is_kept(period)).max_by(f64::total_cmp).unwrap_or(best.0);

        let cluster = || faded.iter().filter(|vote| is_multiple(vote.0, chosen, 1, config));
        let weight = cluster().map(|vote| vote.1).sum::<f64>();
        let period_s = cluster().map(|vote| vote.0 * vote.1).sum::<f64>() / weight;
        let is_family = |period: f64| {
            let (long, short) = if period > period_s { (period, period_s) } else { (period_s, period) };
            let parts = (long / short).round() as u32;
            parts <= 8 && is_multiple(long, short, parts, config)
        };
        let family = faded.iter().filter(|vote| vote.1 > 0.0 && is_family(vote.0)).map(|vote| vote.1).sum::<f64>();
        let share = family / possible;
        (share >= config.claim_share).then_some(Answer { period_s, share })
    }
}

/// Whether `long` is `parts` times `short`, as precisely as votes are.
fn is_multiple(long: f64, short: f64, parts: u32, config: &VoteConfig) -> bool {
    let expected = f64::from(parts) * short;
    short > 0.0 && (long - expected).abs() <= config.same * expected
}
