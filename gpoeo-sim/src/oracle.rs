//! The best constant setting, by trying them all without noise: what an ideal one-setting optimizer would hold.

use gpoeo_core::{ClockPair, Objective, RelativeCost};

use crate::dvfs::DvfsCurve;

/// The setting with the lowest score under `objective` among all gears, measured and interpolated; of equal scores the
/// faster one. `None` if no setting keeps the objective's limit (only [`Objective::MinTime`] can ask for too much).
///
/// ```
/// use gpoeo_core::{Mhz, Objective};
/// use gpoeo_sim::{DvfsCurve, DvfsTable, oracle};
///
/// let text = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1410,,1,400\n1400,,1.02,380\n1390,,1.1,350\n";
/// let curve = DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "demo")?[0])?;
/// let (clocks, cost) = oracle(&curve, Objective::MinEnergy { max_slowdown: 0.05 }).unwrap();
/// assert_eq!(clocks.sm(), Mhz(1400));
/// assert!((cost.saving() - 0.05).abs() < 1e-12);
/// # Ok::<(), gpoeo_sim::TableError>(())
/// ```
#[must_use]
pub fn oracle(curve: &DvfsCurve, objective: Objective) -> Option<(ClockPair, RelativeCost)> {
    curve
        .settings()
        .filter_map(|(clocks, cost)| Some((objective.score(cost)?, clocks, cost)))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.2.time.total_cmp(&b.2.time)))
        .map(|(_, clocks, cost)| (clocks, cost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dvfs::DvfsTable;

    fn curve(rows: &str) -> DvfsCurve {
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]).unwrap()
    }

    #[test]
    fn takes_the_faster_of_two_equal_scores() {
        let curve = curve("1000,,1,5\n985,,1.02,4\n970,,1.04,4\n");
        let (clocks, _) = oracle(&curve, Objective::MinEnergy { max_slowdown: 0.05 }).unwrap();
        assert_eq!(clocks.sm().0, 985);
    }

    #[test]
    fn counts_interpolated_gears() {
        let curve = curve("1000,,1,5\n940,,1.08,4\n");
        let (clocks, cost) = oracle(&curve, Objective::MinEnergy { max_slowdown: 0.05 }).unwrap();
        assert_eq!(clocks.sm().0, 970);
        assert!((cost.time - 1.04).abs() < 1e-12);
    }

    #[test]
    fn there_is_none_if_too_much_is_asked() {
        assert_eq!(oracle(&curve("1000,,1,5\n985,,1.02,4\n"), Objective::MinTime { min_saving: 0.5 }), None);
    }

    #[test]
    fn a_lower_memory_clock_counts() {
        let curve = curve("1000,3505,1,5\n985,3505,1.01,4.9\n1000,810,1.02,3\n985,810,1.06,2\n");
        let (clocks, _) = oracle(&curve, Objective::MinEnergy { max_slowdown: 0.05 }).unwrap();
        assert_eq!((clocks.sm().0, clocks.mem().0), (1000, 810));
    }
}
