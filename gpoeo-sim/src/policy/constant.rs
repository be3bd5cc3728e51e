//! A static power limit, as admins set it: one for all jobs of a kind of GPU, from before the job begins.
//!
//! The drivers' knob is `nvmlDeviceSetPowerManagementLimit`; under it the driver lowers the SM clock until the power fits.

use gpoeo_core::{ClockPair, Objective};

use super::bench::{Bench, Search};
use super::{RunOptions, RunOutcome};
use crate::dvfs::DvfsCurve;
use crate::watch::Watch;
use crate::workload::Workload;

/// The lowest cap that is tried, in percent of the highest mean power: what admins commonly set (on a V100 80 % cost 4 %
/// of time and saved 10 %).
const LOWEST_PERCENT: u32 = 80;

/// The static cap of an admin who keeps the objective's slowdown limit on a GPU that runs these jobs, W: 80 % of the
/// highest mean power at default clocks among them, or as many percent more as it takes until no job breaks the limit.
/// `None` without jobs.
#[must_use]
pub fn power_cap_w<'a>(
    workloads: impl IntoIterator<Item = &'a Workload, IntoIter: Clone>,
    objective: Objective,
) -> Option<f64> {
    let workloads = workloads.into_iter();
    let highest_w = workloads.clone().map(|workload| workload.curve().default_power_w()).max_by(f64::total_cmp)?;
    let limit = objective.max_slowdown().unwrap_or(f64::INFINITY);
    let keeps_limit = |curve: &DvfsCurve, cap_w: f64| {
        curve.cost(under_cap(curve, cap_w)).is_some_and(|cost| cost.slowdown() <= limit)
    };
    let mut caps = (LOWEST_PERCENT..100).map(|percent| f64::from(percent) * 0.01 * highest_w);
    // No job draws more than the highest at default clocks, so 100 % slows nobody down.
    caps.find(|&cap_w| workloads.clone().all(|workload| keeps_limit(workload.curve(), cap_w))).or(Some(highest_w))
}

/// What a driver does under a cap, for a job whose power is the same all the time: the highest SM clock up to the
/// default one, at the default memory clock, whose mean power is below the cap; the lowest one if none is.
pub(super) fn under_cap(curve: &DvfsCurve, cap_w: f64) -> ClockPair {
    let default = curve.default_clocks();
    let candidates = || {
        let gears = curve.capabilities().pairs_at(default.mem_gear());
        gears.filter(|clocks| clocks.sm_gear() <= default.sm_gear())
    };
    let power_w = |clocks| curve.cost(clocks).map(|cost| cost.energy / cost.time * curve.default_power_w());
    let fitting = candidates().rev().find(|&clocks| power_w(clocks).is_some_and(|power_w| power_w <= cap_w));
    fitting.or_else(|| candidates().next()).unwrap_or(default)
}

/// Runs the job under a limit, if there is one.
pub(super) fn run(workload: &Workload, options: &RunOptions, cap_w: Option<f64>, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, options.sim.clone(), watch);
    let last_clocks = cap_w.map(|cap_w| under_cap(workload.curve(), cap_w));
    cap_w.into_iter().for_each(|cap_w| bench.set_power_limit_w(cap_w));
    bench.wait_for_the_end();
    bench.finish(options, Search { last_clocks, ..Search::NONE })
}
