//! Random curves of time and energy per iteration over the SM clock, as the physics of a GPU allows them.
//!
//! Time is host time + compute-bound + balanced + memory-bound kernels (a roofline with soft corners); power is static +
//! leakage + clock tree + work, with a voltage that is flat up to a knee and rises above it; in a share of the curves the
//! power limit ends the clock below the top. The ranges span the measured GPUs from Maxwell to Ada: none is fitted to
//! one card. Source: ours, from the physics that measured sweeps of 17 GPU models show.

use crate::objective::RelativeCost;
use crate::stats::Draws;

/// One curve. `x` is the SM clock over the highest supported one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve {
    host: f64,
    compute: f64,
    balanced: f64,
    memory: f64,
    corner: f64,
    fixed_power: f64,
    leakage: f64,
    clock_tree: f64,
    work: f64,
    knee: f64,
    rise: f64,
    softness: f64,
    soft_at_top: f64,
    top: f64,
    time_at_top: f64,
    energy_at_top: f64,
}

impl Curve {
    /// Draws a curve from the prior.
    pub(super) fn draw(draws: &mut Draws) -> Self {
        let host = if draws.uniform() < 0.6 { draws.between(0.0, 0.1) } else { draws.between(0.0, 0.5) };
        // Exponentials over their sum are uniform on the simplex of the three shares; squared, one of them often
        // dominates, as in real kernels (time follows the clock fully or not at all in half of them).
        let shares = [0; 3].map(|_| (1.0 - draws.uniform()).ln().powi(2) + 1e-3);
        let total: f64 = shares.iter().sum();
        let [compute, balanced, memory] = shares.map(|share| (1.0 - host) * share / total);
        let corner = draws.between(0.15, 0.6);
        let fixed_power = draws.between(0.06, 0.45);
        let leakage = (1.0 - fixed_power) * draws.between(0.02, 0.25);
        let clock_tree = (1.0 - fixed_power - leakage) * draws.between(0.05, 0.5);
        let work = 1.0 - fixed_power - leakage - clock_tree;
        let knee = draws.between(0.45, 0.92);
        let rise = draws.between(0.04, 0.5);
        let softness = draws.between(0.01, 0.05);
        let top = if draws.uniform() < 0.3 { draws.between(0.55, 0.99) } else { 1.0 };
        let mut curve = Self {
            host,
            compute,
            balanced,
            memory,
            corner,
            fixed_power,
            leakage,
            clock_tree,
            work,
            knee,
            rise,
            softness,
            soft_at_top: softplus((1.0 - knee) / softness),
            top,
            time_at_top: 1.0,
            energy_at_top: 1.0,
        };
        let cost = curve.at(1.0);
        curve.time_at_top = cost.time;
        curve.energy_at_top = cost.energy;
        curve
    }

    /// Relative cost at `x` in 0..=1; 1 and 1 at the top.
    pub(super) fn at(&self, x: f64) -> RelativeCost {
        let x = x.min(self.top);
        let square = (1.0 / x) * (1.0 / x);
        let balanced = ((square * square + 1.0) / 2.0).sqrt().sqrt();
        let feed = (self.corner / x).powi(8);
        let memory = (1.0 + feed).sqrt().sqrt().sqrt();
        let time = self.host + self.compute / x + self.balanced * balanced + self.memory * memory;
        let voltage = self.voltage(x);
        let square = voltage * voltage;
        let power = self.fixed_power + square * (self.leakage + self.clock_tree * x + self.work / time);
        RelativeCost { time: time / self.time_at_top, energy: power * time / self.energy_at_top }
    }

    /// Voltage over its floor: softplus above the knee, `1 + rise` at the top of the range.
    fn voltage(&self, x: f64) -> f64 {
        1.0 + self.rise * softplus((x - self.knee) / self.softness) / self.soft_at_top
    }
}

fn softplus(z: f64) -> f64 {
    if z > 30.0 { z } else { z.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_one_at_the_top_and_slows_down_below() {
        let mut draws = Draws::new(1);
        for _ in 0..500 {
            let curve = Curve::draw(&mut draws);
            let top = curve.at(1.0);
            assert!((top.time - 1.0).abs() < 1e-9 && (top.energy - 1.0).abs() < 1e-9);
            let mut last = 1.0 - 1e-9;
            for gear in (10..=100).rev() {
                let cost = curve.at(f64::from(gear) / 100.0);
                assert!(cost.time >= last && cost.time.is_finite() && cost.energy > 0.0, "{curve:?}");
                last = cost.time - 1e-9;
            }
        }
    }

    #[test]
    fn the_prior_spans_what_measured_cards_do() {
        let mut draws = Draws::new(2);
        let curves: Vec<Curve> = (0..400).map(|_| Curve::draw(&mut draws)).collect();
        let share = |test: &dyn Fn(&Curve) -> bool| curves.iter().filter(|curve| test(curve)).count() as f64 / 400.0;
        // Memory-bound or plateau: flat at 0.8 of the top. Compute-bound: nearly 1/x.
        assert!(share(&|curve| curve.at(0.8).time < 1.03) > 0.1);
        assert!(share(&|curve| curve.at(0.8).time > 1.17) > 0.1);
        assert!(share(&|curve| curve.at(0.8).energy < 0.85) > 0.2);
        assert!(share(&|curve| curve.at(0.8).energy > 0.97) > 0.03);
    }
}
