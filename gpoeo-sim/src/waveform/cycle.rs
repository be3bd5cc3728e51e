//! A loop of stretches, each repeated some times: the iterations of an epoch need not be stored one by one.

use super::stretch::Stretch;
use super::totals::{Totals, Weights};

/// What a job does again and again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cycle {
    blocks: Vec<Block>,
    whole: Totals,
}

#[derive(Clone, Debug, PartialEq)]
struct Block {
    stretch: Stretch,
    repeats: u32,
    /// From the begin of the loop.
    begin: Totals,
}

impl Cycle {
    /// From stretches and how often each is repeated; those without length are left out.
    pub(super) fn new(stretches: impl IntoIterator<Item = (Stretch, u32)>) -> Self {
        let mut whole = Totals::default();
        let blocks = stretches
            .into_iter()
            .filter(|(stretch, repeats)| stretch.length_s() > 0.0 && *repeats > 0)
            .map(|(stretch, repeats)| {
                let begin = whole;
                whole = whole.plus(&stretch.whole(), f64::from(repeats));
                Block { stretch, repeats, begin }
            })
            .collect();
        Self { blocks, whole }
    }

    /// One turn.
    pub(super) fn whole(&self) -> &Totals {
        &self.whole
    }

    /// From the begin of the first turn to where `weights` add up to `amount`, after any number of turns.
    pub(super) fn reach(&self, weights: &Weights, amount: f64) -> Totals {
        let turn = self.whole.measure(weights);
        if turn <= 0.0 {
            return Totals::default();
        }
        let turns = (amount / turn).floor();
        let rest = amount - turns * turn;
        let index = self.blocks.partition_point(|block| block.begin.measure(weights) <= rest).saturating_sub(1);
        let Some(block) = self.blocks.get(index) else { return Totals::default() };
        let once = block.stretch.whole();
        let in_block = rest - block.begin.measure(weights);
        let length = once.measure(weights);
        let repeats = if length > 0.0 { (in_block / length).floor().min(f64::from(block.repeats - 1)) } else { 0.0 };
        let inner = block.stretch.reach(weights, in_block - repeats * length);
        block.begin.plus(&once, repeats).plus(&inner, 1.0).plus(&self.whole, turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waveform::stretch::Step;
    use crate::waveform::totals::Kind;

    fn stretch(lengths_s: &[f64]) -> Stretch {
        let step = |&length_s: &f64| Step { kind: Kind::Busy, length_s, power_w: 10.0 * length_s, iterations: 1.0 };
        Stretch::new(lengths_s.iter().map(step))
    }

    #[test]
    fn is_the_same_as_its_stretches_one_after_the_other() {
        let cycle = Cycle::new([(stretch(&[1.0, 2.0]), 3), (stretch(&[]), 7), (stretch(&[0.5]), 1)]);
        let flat = stretch(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 0.5, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 0.5]);
        assert_eq!(cycle.whole().time_s(), 9.5);
        for tenth in 0..190 {
            let amount = 0.1 * f64::from(tenth);
            for weights in [Weights::TIME, Weights::ITERATIONS] {
                let (a, b) = (cycle.reach(&weights, amount), flat.reach(&weights, amount));
                if weights.iterations == 0.0 || amount < 14.0 {
                    assert!((a.energy_j() - b.energy_j()).abs() < 1e-9, "{amount}: {a:?} {b:?}");
                    assert!((a.iterations - b.iterations).abs() < 1e-9);
                }
            }
        }
    }
}
