//! What a setting costs by one measurement, and which of two is better (§7 of the description).

/// The objective "energy" of the published code: least energy · time² within the limit.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct Goal {
    /// Largest slowdown that it accepts.
    pub(in crate::policy) limit: f64,
}

/// One measured setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::policy) struct Trial {
    /// Time of an iteration, or of a fixed amount of work, s.
    pub(in crate::policy) time_s: f64,
    /// Energy of it above static power, J.
    pub(in crate::policy) energy_j: f64,
    /// Slowdown against the baseline.
    pub(in crate::policy) slowdown: f64,
}

impl Trial {
    pub(in crate::policy) fn new(time_s: f64, energy_j: f64, default_s: f64) -> Self {
        Self { time_s, energy_j, slowdown: time_s / default_s - 1.0 }
    }

    pub(in crate::policy) fn reward(&self) -> f64 {
        self.energy_j * self.time_s * self.time_s
    }
}

impl Goal {
    /// Whether `a` is better than `b`.
    pub(in crate::policy) fn prefers(&self, a: &Trial, b: &Trial) -> bool {
        match (a.slowdown <= self.limit, b.slowdown <= self.limit) {
            (true, true) => a.reward() < b.reward(),
            (false, false) => a.slowdown < b.slowdown,
            (a_keeps, _) => a_keeps,
        }
    }

    /// The best of a list in the order of clocks: least reward within the limit; none within: the highest clock.
    pub(in crate::policy) fn choose(&self, trials: &[(usize, Trial)]) -> Option<usize> {
        let within = trials.iter().filter(|(_, trial)| trial.slowdown <= self.limit);
        let best = within.min_by(|(_, a), (_, b)| a.reward().total_cmp(&b.reward()));
        best.or_else(|| trials.iter().max_by_key(|(gear, _)| *gear)).map(|(gear, _)| *gear)
    }
}

/// The polynomial of up to the third degree that fits best, at `x`; points are (x, y).
pub(super) fn cubic_at(points: &[(f64, f64)], x: f64) -> f64 {
    let order = points.len().min(4);
    let (low, high) = points.iter().fold((f64::MAX, f64::MIN), |(low, high), (x, _)| (low.min(*x), high.max(*x)));
    let width = if high > low { high - low } else { 1.0 };
    let unit = |x: f64| (x - low) / width;
    // Normal equations, augmented.
    let mut rows = [[0.0_f64; 5]; 4];
    for &(x, y) in points {
        let powers: [f64; 4] = std::array::from_fn(|power| unit(x).powi(power as i32));
        for (row, of_row) in rows.iter_mut().zip(powers).take(order) {
            row.iter_mut().zip(powers).take(order).for_each(|(cell, power)| *cell += of_row * power);
            row[4] += of_row * y;
        }
    }
    let mut factors = [0.0; 4];
    for pivot in 0..order {
        let largest = (pivot..order).max_by(|&a, &b| rows[a][pivot].abs().total_cmp(&rows[b][pivot].abs()));
        rows.swap(pivot, largest.unwrap_or(pivot));
        if rows[pivot][pivot].abs() < 1e-12 {
            continue;
        }
        let from = rows[pivot];
        for (_, row) in rows.iter_mut().enumerate().take(order).filter(|(index, _)| *index != pivot) {
            let share = row[pivot] / from[pivot];
            row.iter_mut().zip(from).for_each(|(cell, other)| *cell -= share * other);
        }
    }
    for (index, factor) in factors.iter_mut().enumerate().take(order) {
        if rows[index][index].abs() >= 1e-12 {
            *factor = rows[index][4] / rows[index][index];
        }
    }
    factors.iter().rev().fold(0.0, |sum, factor| sum * unit(x) + factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_goes_through_its_points() {
        let law = |x: f64| 3.0 - 0.2 * x + 0.01 * x * x - 0.0001 * x.powi(3);
        let points: Vec<(f64, f64)> =
            (0..8).map(|gear| (40.0 + 7.0 * f64::from(gear), law(40.0 + 7.0 * f64::from(gear)))).collect();
        assert!((cubic_at(&points, 66.0) - law(66.0)).abs() < 1e-6);
        assert!((cubic_at(&points[..2], 43.5) - 0.5 * (points[0].1 + points[1].1)).abs() < 1e-9);
        assert!((cubic_at(&points[..1], 50.0) - points[0].1).abs() < 1e-9);
    }

    #[test]
    fn the_limit_comes_before_the_reward() {
        let goal = Goal { limit: 0.045 };
        let [inside, better, outside, worse] =
            [(1.0, 10.0), (1.02, 9.0), (1.06, 5.0), (1.1, 1.0)].map(|(time, energy)| Trial::new(time, energy, 1.0));
        assert!(goal.prefers(&better, &inside) && goal.prefers(&inside, &outside) && goal.prefers(&outside, &worse));
        assert_eq!(goal.choose(&[(3, worse), (5, better), (8, inside)]), Some(5));
        assert_eq!(goal.choose(&[(3, worse), (5, outside)]), Some(5));
    }
}
