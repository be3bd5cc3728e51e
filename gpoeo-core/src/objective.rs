//! What "best" means: an objective scores the relative cost of a setting.

/// Time and energy of one iteration at a setting, relative to default clocks (both 1.0 there).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RelativeCost {
    /// Time per iteration / time per iteration at default clocks.
    pub time: f64,
    /// Energy per iteration / energy per iteration at default clocks.
    pub energy: f64,
}

impl RelativeCost {
    /// The cost of default clocks.
    pub const DEFAULT: Self = Self { time: 1.0, energy: 1.0 };

    /// `time - 1`.
    #[must_use]
    pub fn slowdown(self) -> f64 {
        self.time - 1.0
    }

    /// `1 - energy`.
    #[must_use]
    pub fn saving(self) -> f64 {
        1.0 - self.energy
    }
}

/// What to optimise, and within which limit. All limits are ratios (0.05 is 5 %).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Objective {
    /// Least energy · time² (no limit).
    Ed2p,
    /// Least energy · time² within a slowdown limit: the paper's objective (GPOEO, `Energy`).
    Ed2pWithin {
        /// Largest slowdown over the run.
        max_slowdown: f64,
    },
    /// Least energy · time (no limit).
    Edp,
    /// Least energy within a slowdown limit.
    MinEnergy {
        /// Largest slowdown over the run.
        max_slowdown: f64,
    },
    /// Least time among the settings that save at least this much.
    MinTime {
        /// Smallest saving.
        min_saving: f64,
    },
}

impl Default for Objective {
    /// Least energy within 5 % slowdown.
    fn default() -> Self {
        Self::MinEnergy { max_slowdown: 0.05 }
    }
}

impl Objective {
    /// Score of a cost, lower is better; `None` if it breaks the limit.
    ///
    /// ```
    /// use gpoeo_core::{Objective, RelativeCost};
    ///
    /// let objective = Objective::MinEnergy { max_slowdown: 0.05 };
    /// assert_eq!(objective.score(RelativeCost { time: 1.04, energy: 0.88 }), Some(0.88));
    /// assert_eq!(objective.score(RelativeCost { time: 1.06, energy: 0.80 }), None);
    /// ```
    #[must_use]
    pub fn score(&self, cost: RelativeCost) -> Option<f64> {
        let within = match *self {
            Self::Ed2pWithin { max_slowdown } | Self::MinEnergy { max_slowdown } => cost.slowdown() <= max_slowdown,
            Self::MinTime { min_saving } => cost.saving() >= min_saving,
            Self::Ed2p | Self::Edp => true,
        };
        within.then(|| self.cost(cost))
    }

    /// Score of a cost without regard to the limit, lower is better.
    #[must_use]
    pub fn cost(&self, cost: RelativeCost) -> f64 {
        match self {
            Self::Ed2p | Self::Ed2pWithin { .. } => cost.energy * cost.time * cost.time,
            Self::Edp => cost.energy * cost.time,
            Self::MinEnergy { .. } => cost.energy,
            Self::MinTime { .. } => cost.time,
        }
    }

    /// The largest slowdown that the objective allows over the run, if it has such a limit.
    #[must_use]
    pub fn max_slowdown(&self) -> Option<f64> {
        match *self {
            Self::Ed2pWithin { max_slowdown } | Self::MinEnergy { max_slowdown } => Some(max_slowdown),
            Self::Ed2p | Self::Edp | Self::MinTime { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_objective_ranks_by_its_own_product() {
        let cost = RelativeCost { time: 1.1, energy: 0.8 };
        assert_eq!(Objective::Edp.score(cost), Some(0.8 * 1.1));
        assert_eq!(Objective::Ed2p.score(cost), Some(0.8 * 1.1 * 1.1));
        assert_eq!(Objective::MinTime { min_saving: 0.1 }.score(cost), Some(1.1));
        assert_eq!(Objective::MinTime { min_saving: 0.3 }.score(cost), None);
        assert_eq!(Objective::Ed2pWithin { max_slowdown: 0.05 }.score(cost), None);
    }
}
