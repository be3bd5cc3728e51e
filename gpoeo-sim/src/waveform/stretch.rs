//! Recorded power over some time, integrated once so that any part of it costs a binary search.

use super::totals::{Kind, Totals, Weights};

/// One step: constant power of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) kind: Kind,
    /// Length at default clocks, s.
    pub(super) length_s: f64,
    /// Power at default clocks, W.
    pub(super) power_w: f64,
    /// Share of an iteration that it is.
    pub(super) iterations: f64,
}

/// A stretch of power, constant between its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stretch {
    /// From the begin to the end of each step.
    ends: Vec<Totals>,
}

impl Stretch {
    /// From its steps; those without length are left out.
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut end = Totals::default();
        let steps = steps.into_iter().filter(|step| step.length_s > 0.0);
        let ends = steps.map(|step| {
            end = end.plus(&Totals::step(step.kind, step.length_s, step.power_w, step.iterations), 1.0);
            end
        });
        Self { ends: ends.collect() }
    }

    /// Length at default clocks, s; 0 if there is no step.
    pub(super) fn length_s(&self) -> f64 {
        self.whole().time_s()
    }

    /// All of it.
    pub(super) fn whole(&self) -> Totals {
        self.ends.last().copied().unwrap_or_default()
    }

    /// From the begin to where `weights` add up to `amount`, which is clamped to the stretch.
    pub(super) fn reach(&self, weights: &Weights, amount: f64) -> Totals {
        let step = self.ends.partition_point(|end| end.measure(weights) < amount);
        let Some(end) = self.ends.get(step) else { return self.whole() };
        let begin = if step == 0 { Totals::default() } else { self.ends[step - 1] };
        let part = end.since(&begin);
        let length = part.measure(weights);
        let share = if length > 0.0 { ((amount - begin.measure(weights)) / length).clamp(0.0, 1.0) } else { 0.0 };
        begin.plus(&part, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: Kind, length_s: f64, power_w: f64) -> Step {
        Step { kind, length_s, power_w, iterations: length_s }
    }

    #[test]
    fn integrates_from_the_begin() {
        let steps = [step(Kind::Busy, 1.0, 100.0), step(Kind::Busy, 0.0, 1e9), step(Kind::Waiting, 2.0, 10.0)];
        let stretch = Stretch::new(steps);
        assert_eq!(stretch.length_s(), 3.0);
        let at = |amount: f64| {
            let totals = stretch.reach(&Weights::TIME, amount);
            (totals.energy_j(), totals.busy_s, totals.iterations)
        };
        assert_eq!(at(-1.0), (0.0, 0.0, 0.0));
        assert_eq!(at(0.5), (50.0, 0.5, 0.5));
        assert_eq!(at(1.0), (100.0, 1.0, 1.0));
        assert_eq!(at(2.0), (110.0, 1.0, 2.0));
        assert_eq!(at(9.0), (120.0, 1.0, 3.0));
    }

    #[test]
    fn reaches_by_any_measure() {
        let stretch = Stretch::new([step(Kind::Busy, 1.0, 100.0), step(Kind::Waiting, 2.0, 10.0)]);
        let stretched = Weights { busy: 2.0, waiting: 1.0, asleep: 1.0, iterations: 0.0 };
        assert_eq!(stretch.reach(&stretched, 1.0).time_s(), 0.5);
        assert_eq!(stretch.reach(&stretched, 3.0).time_s(), 2.0);
        assert_eq!(stretch.reach(&Weights::ITERATIONS, 2.5).time_s(), 2.5);
    }
}
