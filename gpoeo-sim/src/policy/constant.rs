//! Policies that hold one setting.

use gpoeo_core::ClockPair;

use crate::dvfs::DvfsCurve;
use crate::workload::Workload;

/// The cap as a share of the highest mean power: what admins commonly set (spec: 80 % costs 4 % of time on a V100).
pub(super) const CAP_SHARE: f64 = 0.8;

/// The cap that an admin would set on a GPU that runs these jobs: 80 % of the highest mean power at default clocks among
/// them, W; `None` without jobs.
#[must_use]
pub fn power_cap_w<'a>(workloads: impl IntoIterator<Item = &'a Workload>) -> Option<f64> {
    let powers = workloads.into_iter().map(|workload| workload.curve().default_power_w());
    powers.max_by(f64::total_cmp).map(|highest_w| CAP_SHARE * highest_w)
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
