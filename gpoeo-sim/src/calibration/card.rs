//! C1-C4 and C9: the card itself, under work that is nothing but computing or streaming.

use crate::model::{JobModel, Law};
use crate::profile::{GpuProfile, LowGears};
use crate::suite::Suite;
use crate::workload::{CostLaw, Workload};

use super::targets::Targets;
use super::{Band, Check, Figure};

/// The class of the suite that computes nearly all the time.
const COMPUTE_BOUND: &str = "gnn_dense";
/// Work that only streams, as busy as the suite's memory-bound class.
const STREAMING: JobModel = JobModel {
    iteration_s: 1.0,
    compute: 0.0,
    balanced: 0.0,
    memory: 1.0,
    host: 0.0,
    launch_ratio: 0.0,
    sm_activity: 0.48,
    tensor_activity: 0.0,
};

pub(super) fn checks(card: &GpuProfile, suite: &Suite, targets: &Targets) -> Vec<Check> {
    let dense: Vec<&Law> = suite.workloads().iter().filter_map(|job| law_of(job, COMPUTE_BOUND)).collect();
    let mean = |value: &dyn Fn(&Law) -> f64| dense.iter().map(|law| value(law)).sum::<f64>() / dense.len() as f64;
    let highest_mhz = f64::from(card.sm.high_mhz);
    let voltage = &card.voltage;
    let (voltage_mhz, voltage_band) =
        targets.voltage.map_or((voltage.highest_mhz, None), |(mhz, band)| (mhz, Some(band)));
    // A logistic slope rises from a quarter to three quarters within 2 ln 3 of its scale.
    let corner_mhz = 2.0 * 3_f64.ln() * voltage.corner_mhz;
    let (at_third, at_bottom, power) = streaming(card);
    let streamed = targets.streaming;
    vec![
        Check::new(
            "C1",
            "voltage floor ends at, of the highest clock; corner, MHz",
            &[
                Figure { value: voltage.knee_mhz / highest_mhz, band: targets.knee },
                Figure { value: corner_mhz, band: targets.corner_mhz },
            ],
            "",
        ),
        Check::new(
            "C2",
            "voltage near the top over the floor",
            &[Figure { value: voltage.at(voltage_mhz), band: voltage_band }],
            "",
        ),
        Check::new(
            "C3",
            "static share of the power, compute-bound",
            &[Figure { value: mean(&intercept), band: targets.intercept }],
            "",
        ),
        Check::new(
            "C4",
            "clock of least energy over the top, compute-bound",
            &[Figure { value: mean(&least_energy_mhz) / voltage.highest_mhz, band: targets.least_energy_at }],
            "",
        ),
        Check::new(
            "C9",
            "streaming: time at 0.33 of the clock; power at 0.78; power at 0.98 over 0.76",
            &[
                Figure { value: at_third, band: streamed.map(|bands| bands[0]) },
                Figure { value: power.0, band: streamed.map(|bands| bands[1]) },
                Figure { value: power.1, band: streamed.map(|bands| bands[2]) },
            ],
            "",
        ),
        Check::new(
            "C9",
            "streaming: time at the lowest clock",
            &[Figure { value: at_bottom, band: streamed.map(|_| Band::new(1.5, 1.75)) }],
            "",
        ),
    ]
}

/// C14: the oddities that a card can be given, on the class that computes.
pub(super) fn oddities(card: &GpuProfile, suite: &Suite) -> Vec<Check> {
    let Some(law) = suite.workloads().iter().find_map(|job| law_of(job, COMPUTE_BOUND)) else { return Vec::new() };
    let mut odd = card.clone();
    odd.odd_gears = 0.02;
    odd.low_gears = LowGears::Stairs { below_mhz: 0.3 * card.voltage.highest_mhz };
    let odd = Law::new(odd, *law.job());
    let home = law.capabilities().default_pair().mem_gear();
    let time = |law: &Law, clocks| law.point(clocks, f64::INFINITY).cost.time;
    let pairs = || law.capabilities().pairs_at(home);
    let off = |clocks| 100.0 * (time(&odd, clocks) / time(law, clocks) - 1.0).abs();
    let high = pairs().filter(|clocks| f64::from(clocks.sm().0) > 0.4 * card.voltage.highest_mhz);
    let step = high.map(off).fold(0.0, f64::max);
    let stairs: Vec<f64> = pairs().map(|clocks| time(&odd, clocks)).collect();
    let stair = stairs.windows(2).map(|pair| pair[0] / pair[1]).fold(0.0, f64::max);
    // A limit that holds this job well below its highest clock.
    let limit_w = 0.7 * law.default_point().cost.power_w;
    let reached_mhz = law.point(law.capabilities().default_pair(), limit_w).cost.sm_mhz;
    let plateau = pairs().filter(|clocks| f64::from(clocks.sm().0) > reached_mhz).count();
    vec![
        Check::new(
            "C14",
            "odd gears: largest step in time, %; stairs at low gears: time of a step over the next",
            &[
                Figure { value: step, band: Some(Band::new(1.5, 2.5)) },
                Figure { value: stair, band: Some(Band::new(1.8, 2.1)) },
            ],
            "",
        ),
        Check::new(
            "C14",
            "gears above what a power limit at 0.7 of the power allows: all one point",
            &[Figure { value: plateau as f64, band: Some(Band::new(10.0, f64::INFINITY)) }],
            "",
        ),
    ]
}

/// The law of a job of a class.
pub(super) fn law_of<'a>(job: &'a Workload, class: &str) -> Option<&'a Law> {
    match job.law() {
        CostLaw::Physical(law) if job.class() == Some(class) => Some(law),
        _ => None,
    }
}

/// Power at a clock of 0, by a line through the clocks below the knee, over the power at default clocks.
fn intercept(law: &Law) -> f64 {
    let card = law.card();
    let memory = law.default_point().cost.memory;
    let (low_mhz, high_mhz) = (0.4 * card.voltage.knee_mhz, 0.95 * card.voltage.knee_mhz);
    let points: Vec<(f64, f64)> = (0..=40)
        .map(|step| low_mhz + (high_mhz - low_mhz) * f64::from(step) / 40.0)
        .map(|mhz| (mhz, law.job().cost(card, mhz, memory).power_w))
        .collect();
    let count = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (mean_y - covariance / variance * mean_x) / law.default_point().cost.power_w
}

/// The SM clock at which an iteration takes the least energy, at the default memory clock.
fn least_energy_mhz(law: &Law) -> f64 {
    let default = law.capabilities().default_pair();
    let settings = law.capabilities().pairs_at(default.mem_gear());
    let energy = |mhz: f64| {
        let cost = law.job().cost(law.card(), mhz, law.default_point().cost.memory);
        cost.power_w * cost.time
    };
    let clocks = settings.map(|clocks| f64::from(clocks.sm().0)).filter(|&mhz| mhz <= law.card().voltage.highest_mhz);
    clocks.min_by(|&a, &b| energy(a).total_cmp(&energy(b))).unwrap_or_default()
}

/// Time of streaming at a third of the clock and at the lowest one; power at 0.78 of the top, and at 0.98 over 0.76.
fn streaming(card: &GpuProfile) -> (f64, f64, (f64, f64)) {
    let memory = card.running_memory(gpoeo_core::Mhz(card.compute_memory_mhz));
    let at = |mhz: f64| STREAMING.cost(card, mhz, memory);
    let top_mhz = card.voltage.highest_mhz;
    let top = at(top_mhz);
    let power = |share: f64| at(share * top_mhz).power_w;
    (
        at(0.33 * top_mhz).time / top.time,
        at(f64::from(card.sm.low_mhz)).time / top.time,
        (power(0.78) / top.power_w, power(1890.0 / 1935.0) / power(1470.0 / 1935.0)),
    )
}
