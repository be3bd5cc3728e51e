//! The best setting, or the best mix of two, among settings with known costs.
//!
//! Two settings that share the iterations reach every point on the line between their costs, hence the lower convex hull
//! of (time, energy); the best point within a limit lies on it, and is one setting or a mix of two. Cost: O(n²) for n
//! settings. Source: ours ("hull" in the glossary of the documentation).

use crate::config::HoldPolicy;
use crate::objective::{Objective, RelativeCost};

/// A share of the iterations at one setting, the rest at another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mix {
    /// Index of the setting that keeps the limit by itself.
    pub(crate) within: usize,
    /// Index of the other one; the same where one setting is held.
    pub(crate) beyond: usize,
    /// Share of the iterations at `beyond`, 0..1.
    pub(crate) beyond_share: f64,
    /// Mean cost of an iteration.
    pub(crate) cost: RelativeCost,
}

/// An objective at a moment: the limit on the mean of a whole run becomes one on the time from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frontier {
    pub(crate) objective: Objective,
    pub(crate) policy: HoldPolicy,
    /// Largest mean relative time from now on, where the objective limits time.
    pub(crate) allowed_time: f64,
}

impl Frontier {
    /// The limited quantity of a cost, and its limit.
    fn limited(&self, cost: RelativeCost) -> (f64, f64) {
        match self.objective {
            Objective::MinTime { min_saving } => (cost.energy, 1.0 - min_saving),
            Objective::Ed2pWithin { .. } | Objective::MinEnergy { .. } => (cost.time, self.allowed_time),
            Objective::Ed2p | Objective::Edp => (0.0, 1.0),
        }
    }

    /// Whether a mean of two costs scores the mean of their scores, so that mixing can help.
    fn mixes(&self) -> bool {
        let linear = matches!(self.objective, Objective::MinEnergy { .. } | Objective::MinTime { .. });
        linear && self.policy == HoldPolicy::Two
    }

    /// Share of `beyond` at which the mix of the two just keeps the limit, if `a` keeps it and `b` does not.
    fn share(&self, a: RelativeCost, b: RelativeCost) -> Option<f64> {
        let (inside, limit) = self.limited(a);
        let (outside, _) = self.limited(b);
        (self.mixes() && inside <= limit && outside > limit).then(|| (limit - inside) / (outside - inside))
    }

    /// Score of one more setting `cost` when `known` are at hand: alone, or mixed with the best partner.
    /// Infinite if it can serve neither way.
    pub(super) fn score_with(&self, cost: RelativeCost, known: &[RelativeCost]) -> f64 {
        let (value, limit) = self.limited(cost);
        let alone = if value <= limit { self.objective.cost(cost) } else { f64::INFINITY };
        known.iter().fold(alone, |best, &partner| {
            let (a, b) = if value <= limit { (cost, partner) } else { (partner, cost) };
            match self.share(a, b) {
                Some(share) => best.min(self.objective.cost(mean(a, b, share))),
                None => best,
            }
        })
    }

    /// The best mix among `known`. Nothing keeps the limit: the one that comes nearest to it. `None` only if `known` is
    /// empty.
    pub(crate) fn best(&self, known: &[RelativeCost]) -> Option<Mix> {
        let single = |index: usize| Mix { within: index, beyond: index, beyond_share: 0.0, cost: known[index] };
        let singles = (0..known.len()).filter(|&index| {
            let (value, limit) = self.limited(known[index]);
            value <= limit
        });
        let pairs = (0..known.len())
            .flat_map(|within| (0..known.len()).map(move |beyond| (within, beyond)))
            .filter_map(|(within, beyond)| {
                let share = self.share(known[within], known[beyond])?;
                let cost = mean(known[within], known[beyond], share);
                Some(Mix { within, beyond, beyond_share: share, cost })
            });
        singles
            .map(single)
            .chain(pairs)
            .min_by(|a, b| self.objective.cost(a.cost).total_cmp(&self.objective.cost(b.cost)))
            .or_else(|| {
                (0..known.len())
                    .min_by(|&a, &b| self.limited(known[a]).0.total_cmp(&self.limited(known[b]).0))
                    .map(single)
            })
    }

    /// Score of a mix; what breaks the limit is worse than anything that keeps it, the more so the farther beyond it is.
    pub(super) fn score(&self, mix: &Mix) -> f64 {
        let (value, limit) = self.limited(mix.cost);
        let beyond = (value - limit).max(0.0);
        // Rounding of a mix that lies on the limit is not beyond it.
        let penalty = if beyond > 1e-9 { 1.0 + beyond } else { 0.0 };
        self.objective.cost(mix.cost) + penalty
    }

    /// How much the score falls per unit of the limited quantity near `mix`: the price of the limit. 0 where it does not
    /// bind.
    pub(crate) fn price(&self, mix: &Mix, known: &[RelativeCost]) -> f64 {
        if mix.within == mix.beyond {
            return 0.0;
        }
        let (a, b) = (known[mix.within], known[mix.beyond]);
        let run = self.limited(b).0 - self.limited(a).0;
        ((self.objective.cost(a) - self.objective.cost(b)) / run).max(0.0)
    }
}

fn mean(a: RelativeCost, b: RelativeCost, share: f64) -> RelativeCost {
    RelativeCost { time: a.time + share * (b.time - a.time), energy: a.energy + share * (b.energy - a.energy) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEFAULT: RelativeCost = RelativeCost::DEFAULT;

    fn frontier(objective: Objective, policy: HoldPolicy) -> Frontier {
        Frontier { objective, policy, allowed_time: 1.05 }
    }

    fn cost(time: f64, energy: f64) -> RelativeCost {
        RelativeCost { time, energy }
    }

    #[test]
    fn two_settings_share_the_time_where_that_is_better() {
        let known = [DEFAULT, cost(1.02, 0.92), cost(1.08, 0.80)];
        let energy = Objective::MinEnergy { max_slowdown: 0.05 };
        let two = frontier(energy, HoldPolicy::Two).best(&known).unwrap();
        assert_eq!((two.within, two.beyond), (1, 2));
        assert!((two.cost.time - 1.05).abs() < 1e-12 && (two.cost.energy - 0.86).abs() < 1e-12);
        let one = frontier(energy, HoldPolicy::One).best(&known).unwrap();
        assert_eq!((one.within, one.beyond), (1, 1));
        let price = frontier(energy, HoldPolicy::Two).price(&two, &known);
        assert!((price - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_saving_floor_is_reached_in_the_least_time() {
        let known = [DEFAULT, cost(1.02, 0.95), cost(1.08, 0.80)];
        let mix = frontier(Objective::MinTime { min_saving: 0.1 }, HoldPolicy::Two).best(&known).unwrap();
        assert!((mix.cost.energy - 0.9).abs() < 1e-12 && mix.cost.time < 1.05);
        let best = frontier(Objective::MinTime { min_saving: 0.5 }, HoldPolicy::Two).best(&known).unwrap();
        assert_eq!(best.within, 2, "nothing saves half: the one that saves most");
    }

    #[test]
    fn what_breaks_the_limit_scores_worse_than_whatever_keeps_it() {
        let floor = frontier(Objective::MinTime { min_saving: 0.1 }, HoldPolicy::Two);
        let default = floor.best(&[DEFAULT]).unwrap();
        assert!(floor.score(&default) > floor.score_with(cost(1.3, 0.85), &[DEFAULT]));
    }

    #[test]
    fn products_are_not_mixed() {
        let known = [DEFAULT, cost(1.02, 0.95), cost(1.5, 0.5)];
        let mix = frontier(Objective::Edp, HoldPolicy::Two).best(&known).unwrap();
        assert_eq!((mix.within, mix.beyond), (2, 2));
    }

    proptest! {
        #[test]
        fn the_best_mix_is_no_worse_than_any_setting_within_the_limit(
            points in prop::collection::vec((0.95..1.3f64, 0.6..1.1f64), 0..12)
        ) {
            let mut known = vec![DEFAULT];
            known.extend(points.iter().map(|&(time, energy)| cost(time, energy)));
            let frontier = frontier(Objective::MinEnergy { max_slowdown: 0.05 }, HoldPolicy::Two);
            let best = frontier.best(&known).unwrap();
            prop_assert!(best.cost.time <= 1.05 + 1e-12);
            for &point in known.iter().filter(|point| point.time <= 1.05) {
                prop_assert!(best.cost.energy <= point.energy + 1e-12);
            }
            // The same value comes out when any one of them is looked at as the newcomer.
            let newcomer = known.pop().unwrap();
            let base = frontier.best(&known).map_or(f64::INFINITY, |mix| mix.cost.energy);
            prop_assert!((base.min(frontier.score_with(newcomer, &known)) - best.cost.energy).abs() < 1e-9);
        }
    }
}
