//! The best mix of settings: the bound of every schedule that knows nothing about the single iteration.
//!
//! A schedule that does a share `a` of the *work* (of the iterations, not of the time) at one setting and the rest at
//! another costs the weighted mean of both in time and in energy per unit of work. So all schedules together are the
//! convex hull of the settings' (time, energy), and the best ones lie on its lower left edge. Between two corners of it
//! every objective of the core is best at a corner or where the limit cuts the edge: energy and time are linear along
//! it, and the logarithms of EDP and ED²P are concave. Cost: a sort of the settings.

use gpoeo_core::{ClockPair, Objective, RelativeCost};

use crate::dvfs::DvfsCurve;

/// Work shared between two settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mix {
    /// The setting that costs more energy.
    pub fast: ClockPair,
    /// The setting that costs more time; equal to `fast` if one setting is best alone.
    pub slow: ClockPair,
    /// Share of the work (of the iterations) done at `slow`, 0..1.
    pub slow_share: f64,
    /// Cost of the mix.
    pub cost: RelativeCost,
}

/// The lower left edge of the hull: from the fastest setting to the one with least energy, time rising and energy
/// falling strictly, slopes falling in size; at least one setting.
#[must_use]
pub fn lower_hull(curve: &DvfsCurve) -> Vec<(ClockPair, RelativeCost)> {
    let mut settings: Vec<_> = curve.settings().collect();
    settings.sort_by(|a, b| a.1.time.total_cmp(&b.1.time).then(a.1.energy.total_cmp(&b.1.energy)));
    let mut hull: Vec<(ClockPair, RelativeCost)> = Vec::new();
    for setting in settings {
        if hull.last().is_some_and(|last| setting.1.energy >= last.1.energy) {
            continue;
        }
        while let [.., a, b] = hull[..] {
            if !is_above(b.1, a.1, setting.1) {
                break;
            }
            hull.pop();
        }
        hull.push(setting);
    }
    hull
}

/// Whether `middle` lies on or above the line from `left` to `right`.
fn is_above(middle: RelativeCost, left: RelativeCost, right: RelativeCost) -> bool {
    (middle.energy - left.energy) * (right.time - left.time) >= (right.energy - left.energy) * (middle.time - left.time)
}

/// The mix of at most two settings with the best score; `None` if none keeps the objective's limit.
///
/// ```
/// use gpoeo_core::Objective;
/// use gpoeo_sim::{DvfsCurve, DvfsTable, best_mix};
///
/// let text = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1410,,1,400\n1400,,1.1,320\n";
/// let curve = DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "demo")?[0])?;
/// let mix = best_mix(&curve, Objective::MinEnergy { max_slowdown: 0.05 }).unwrap();
/// assert!((mix.slow_share - 0.5).abs() < 1e-12);
/// assert!((mix.cost.saving() - 0.1).abs() < 1e-12);
/// # Ok::<(), gpoeo_sim::TableError>(())
/// ```
#[must_use]
pub fn best_mix(curve: &DvfsCurve, objective: Objective) -> Option<Mix> {
    let hull = lower_hull(curve);
    let corners = hull.iter().map(|&(clocks, cost)| Mix { fast: clocks, slow: clocks, slow_share: 0.0, cost });
    let cuts = hull.windows(2).filter_map(|edge| cut(edge[0], edge[1], objective));
    // A cut lies on the limit but for rounding, so it is not asked again whether it keeps it.
    let allowed = corners.filter(|mix| objective.score(mix.cost).is_some()).chain(cuts);
    allowed.min_by(|a, b| {
        objective.cost(a.cost).total_cmp(&objective.cost(b.cost)).then(a.cost.time.total_cmp(&b.cost.time))
    })
}

/// The point where the objective's limit cuts the edge between two corners.
fn cut(fast: (ClockPair, RelativeCost), slow: (ClockPair, RelativeCost), objective: Objective) -> Option<Mix> {
    let share_at = |from: f64, to: f64, limit: f64| (limit - from) / (to - from);
    let share = match objective {
        Objective::MinTime { min_saving } => share_at(fast.1.energy, slow.1.energy, 1.0 - min_saving),
        _ => share_at(fast.1.time, slow.1.time, 1.0 + objective.max_slowdown()?),
    };
    (0.0 < share && share < 1.0).then_some(Mix {
        fast: fast.0,
        slow: slow.0,
        slow_share: share,
        cost: RelativeCost {
            time: fast.1.time + share * (slow.1.time - fast.1.time),
            energy: fast.1.energy + share * (slow.1.energy - fast.1.energy),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dvfs::DvfsTable;
    use crate::oracle::oracle;

    fn curve(rows: &[(f64, f64)]) -> DvfsCurve {
        let rows: String = rows
            .iter()
            .enumerate()
            .map(|(index, (time, energy))| format!("{},,{time},{energy}\n", 300 + 15 * index))
            .collect();
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]).unwrap()
    }

    fn sweep() -> impl Strategy<Value = DvfsCurve> {
        prop::collection::vec((1.0..2.0_f64, 0.5..1.5_f64), 2..30).prop_map(|rows| curve(&rows))
    }

    fn objectives() -> impl Strategy<Value = Objective> {
        prop_oneof![
            (0.0..0.5_f64).prop_map(|max_slowdown| Objective::MinEnergy { max_slowdown }),
            (0.0..0.5_f64).prop_map(|max_slowdown| Objective::Ed2pWithin { max_slowdown }),
            (0.0..0.3_f64).prop_map(|min_saving| Objective::MinTime { min_saving }),
            Just(Objective::Edp),
            Just(Objective::Ed2p),
        ]
    }

    /// All mixes of any two settings, 100 shares each: the slow obvious way.
    fn mixes(curve: &DvfsCurve) -> Vec<RelativeCost> {
        let costs: Vec<_> = curve.settings().map(|(_, cost)| cost).collect();
        let mut all = Vec::new();
        for a in &costs {
            for b in &costs {
                for percent in 0..=100 {
                    let share = f64::from(percent) / 100.0;
                    all.push(RelativeCost {
                        time: a.time + share * (b.time - a.time),
                        energy: a.energy + share * (b.energy - a.energy),
                    });
                }
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_mix_of_two_settings_beats_the_best_one(curve in sweep(), objective in objectives()) {
            let best = best_mix(&curve, objective).map(|mix| objective.cost(mix.cost));
            for cost in mixes(&curve) {
                if let Some(score) = objective.score(cost) {
                    prop_assert!(best.is_some_and(|best| best <= score + 1e-9), "{cost:?} scores {score}, best is {best:?}");
                }
            }
        }

        #[test]
        fn a_mix_is_what_its_parts_cost(curve in sweep(), objective in objectives()) {
            if let Some(mix) = best_mix(&curve, objective) {
                let (fast, slow) = (curve.cost(mix.fast).unwrap(), curve.cost(mix.slow).unwrap());
                let time = (1.0 - mix.slow_share) * fast.time + mix.slow_share * slow.time;
                let energy = (1.0 - mix.slow_share) * fast.energy + mix.slow_share * slow.energy;
                prop_assert!((mix.cost.time - time).abs() < 1e-12 && (mix.cost.energy - energy).abs() < 1e-12);
                if let Some(limit) = objective.max_slowdown() {
                    prop_assert!(mix.cost.slowdown() <= limit + 1e-12);
                }
            }
        }

        #[test]
        fn no_single_setting_beats_the_mix_and_the_oracle_is_the_best_of_them(curve in sweep(), objective in objectives()) {
            let scores = curve.settings().filter_map(|(_, cost)| objective.score(cost));
            let exhaustive = scores.min_by(f64::total_cmp);
            let (clocks, cost) = match oracle(&curve, objective) {
                Some(found) => found,
                None => { prop_assert!(exhaustive.is_none()); return Ok(()); }
            };
            prop_assert_eq!(curve.cost(clocks), Some(cost));
            prop_assert_eq!(objective.score(cost), exhaustive);
            let mix = best_mix(&curve, objective).unwrap();
            prop_assert!(objective.cost(mix.cost) <= objective.cost(cost) + 1e-12);
        }

        #[test]
        fn the_hull_falls_ever_less_steeply(curve in sweep()) {
            let hull = lower_hull(&curve);
            let slope = |a: RelativeCost, b: RelativeCost| (b.energy - a.energy) / (b.time - a.time);
            for edge in hull.windows(2) {
                prop_assert!(edge[0].1.time < edge[1].1.time && edge[0].1.energy > edge[1].1.energy);
            }
            for corner in hull.windows(3) {
                prop_assert!(slope(corner[0].1, corner[1].1) <= slope(corner[1].1, corner[2].1) + 1e-12);
            }
        }
    }
}
