//! C5-C8 and C10-C12: what the suite as a whole offers.

use gpoeo_core::{MemGear, RelativeCost};

use crate::model::Law;
use crate::profile::GpuProfile;
use crate::suite::Suite;
use crate::workload::{CostLaw, Workload};

use super::targets::Targets;
use super::{Band, Check, Figure};

/// Elasticities of the training mix.
const TRAINING: Band = Band::new(0.35, 0.7);
/// Slowdown limits at which the oracle is compared, ratio.
const LIMITS: [f64; 5] = [0.01, 0.02, 0.05, 0.10, 0.20];

pub(super) fn checks(card: &GpuProfile, suite: &Suite, targets: &Targets) -> Vec<Check> {
    let jobs: Vec<&Workload> = suite.workloads().iter().collect();
    // As elastic as measured training: 0.52 [0.41, 0.55] on an A100.
    let mix: Vec<&Workload> = jobs.iter().copied().filter(|job| TRAINING.contains(elasticity(job))).collect();
    let mut checks = vec![least_energy(&mix, targets)];
    checks.extend(oracles(&jobs, &mix, targets));
    checks.extend(elasticities(&jobs, targets));
    checks.extend(power_limit(card, &jobs, targets));
    checks.extend(memory_clocks(card, &jobs, targets));
    checks
}

fn law(job: &Workload) -> &Law {
    match job.law() {
        CostLaw::Physical(law) => law,
        CostLaw::Measured { .. } => unreachable!("the suite is modelled"),
    }
}

/// All settings of a job, for one iteration.
fn costs(job: &Workload) -> Vec<RelativeCost> {
    job.curve().settings().filter_map(|(clocks, _)| job.iteration_cost(clocks)).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Share of the jobs for which something holds, %.
fn percent_of(jobs: &[&Workload], holds: impl Fn(&Workload) -> bool) -> f64 {
    100.0 * jobs.iter().filter(|job| holds(job)).count() as f64 / jobs.len() as f64
}

fn least_energy(mix: &[&Workload], targets: &Targets) -> Check {
    let least = |job: &Workload| {
        let home = job.curve().default_clocks().mem_gear();
        let settings = job.curve().capabilities().pairs_at(home);
        settings.filter_map(|clocks| job.iteration_cost(clocks)).min_by(|a, b| a.energy.total_cmp(&b.energy))
    };
    let costs: Vec<RelativeCost> = mix.iter().filter_map(|job| least(job)).collect();
    Check::new(
        "C5",
        "least energy of the training mix: saving %, slowdown %",
        &[
            Figure {
                value: 100.0 * mean(costs.iter().map(|cost| cost.saving())),
                band: targets.least_energy.map(|bands| bands.0),
            },
            Figure {
                value: 100.0 * mean(costs.iter().map(|cost| cost.slowdown())),
                band: targets.least_energy.map(|bands| bands.1),
            },
        ],
        "",
    )
}

/// Largest saving within a slowdown, %.
fn oracle(job: &Workload, limit: f64) -> f64 {
    let allowed = costs(job).into_iter().filter(|cost| cost.slowdown() <= limit);
    100.0 * allowed.map(|cost| cost.saving()).fold(0.0, f64::max)
}

fn oracles(jobs: &[&Workload], mix: &[&Workload], targets: &Targets) -> [Check; 3] {
    let at_5: Vec<f64> = jobs.iter().map(|job| oracle(job, 0.05)).collect();
    let (low, high) = at_5.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &v| (low.min(v), high.max(v)));
    let by_limit: Vec<Figure> = LIMITS
        .iter()
        .enumerate()
        .map(|(index, &limit)| Figure {
            value: mean(mix.iter().map(|job| oracle(job, limit))),
            band: targets.by_limit.map(|bands| bands[index]),
        })
        .collect();
    [
        Check::new("C6", "oracle at 5 %, mean saving %", &[Figure { value: mean(at_5), band: targets.oracle }], ""),
        Check::new(
            "C6",
            "spread of the oracle: smallest, largest saving %",
            &[
                Figure { value: low, band: targets.spread.map(|bands| bands.0) },
                Figure { value: high, band: targets.spread.map(|bands| bands.1) },
            ],
            "no job here is throttled below the voltage knee, where nothing is left to save",
        ),
        Check::new("C7", "oracle of the training mix at 1, 2, 5, 10, 20 %, mean saving %", &by_limit, ""),
    ]
}

/// `(t(0.9 f)/t(f) - 1) / (1/0.9 - 1)` at the top clock, without a power limit.
fn elasticity(job: &Workload) -> f64 {
    let law = law(job);
    let top_mhz = law.card().voltage.highest_mhz;
    let time = |mhz: f64| law.job().cost(law.card(), mhz, law.default_point().cost.memory).time;
    (time(0.9 * top_mhz) / time(top_mhz) - 1.0) / (1.0 / 0.9 - 1.0)
}

/// Largest error of `t = a/f + b`, fitted to the clocks from 60 % of the top, ratio.
fn line_error(job: &Workload) -> f64 {
    let law = law(job);
    let top_mhz = law.card().voltage.highest_mhz;
    let points: Vec<(f64, f64)> = (0..=40)
        .map(|step| 1.0 / (0.6 + 0.01 * f64::from(step)))
        .map(|x| (x, law.job().cost(law.card(), top_mhz / x, law.default_point().cost.memory).time))
        .collect();
    let (mean_x, mean_y) = (mean(points.iter().map(|point| point.0)), mean(points.iter().map(|point| point.1)));
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let slope = covariance / points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>();
    points.iter().map(|(x, y)| ((mean_y + slope * (x - mean_x)) / y - 1.0).abs()).fold(0.0, f64::max)
}

fn elasticities(jobs: &[&Workload], targets: &Targets) -> [Check; 2] {
    let share = |band: Band| percent_of(jobs, |job| band.contains(elasticity(job)));
    let bands = [Band::new(-1.0, 0.1), Band::new(0.9, 2.0), Band::new(0.4, 0.7)];
    let figures: Vec<Figure> = bands
        .iter()
        .enumerate()
        .map(|(index, &band)| Figure { value: share(band), band: targets.elasticities.map(|bands| bands[index]) })
        .collect();
    let worst = jobs.iter().map(|job| 100.0 * line_error(job)).fold(0.0, f64::max);
    [
        Check::new(
            "C8",
            "elasticity of time to the SM clock: below 0.1, above 0.9, 0.4 to 0.7, % of the suite",
            &figures,
            "the third above 0.9 comes from single kernels; whole iterations contain host and memory time",
        ),
        // About 3 % was measured; what counts is that the curve is no worse than a real one.
        Check::new(
            "C8",
            "worst error of a fitted a/f + b, %",
            &[Figure { value: worst, band: targets.elasticities.map(|_| Band::new(0.0, 3.5)) }],
            "",
        ),
    ]
}

fn power_limit(card: &GpuProfile, jobs: &[&Workload], targets: &Targets) -> [Check; 2] {
    let default_w = |job: &Workload| law(job).default_point().cost.power_w / card.limit_w.default;
    let above = percent_of(jobs, |job| default_w(job) > 0.85);
    let below = percent_of(jobs, |job| default_w(job) < 0.4);
    // Every job at the limit: the highest request must give the point of the clock that is reached.
    let limited = jobs.iter().filter(|job| default_w(job) > 0.999);
    let off = limited
        .map(|job| {
            let law = law(job);
            let point = law.default_point();
            let reached = law.shown_sm(point.cost.sm_mhz);
            let home = law.capabilities().default_pair().mem_gear();
            let above = law.capabilities().pairs_at(home).filter(|clocks| clocks.sm() > reached);
            let times =
                above.map(|clocks| (law.point(clocks, card.limit_w.default).cost.time / point.cost.time - 1.0).abs());
            100.0 * times.fold((point.cost.power_w / card.limit_w.default - 1.0).abs(), f64::max)
        })
        .fold(0.0, f64::max);
    [
        Check::new(
            "C10",
            "above 0.85 of the power limit, below 0.4 of it, % of the suite",
            &[
                Figure { value: above, band: targets.near_limit.map(|bands| bands.0) },
                Figure { value: below, band: targets.near_limit.map(|bands| bands.1) },
            ],
            "a starved job still costs 118 W here: boost voltage and memory interface in P-state 2",
        ),
        Check::new(
            "C10",
            "requests above the limit: largest difference in time and power, %",
            &[Figure { value: off, band: Some(Band::new(0.0, 1.0)) }],
            "",
        ),
    ]
}

fn memory_clocks(card: &GpuProfile, jobs: &[&Workload], targets: &Targets) -> Vec<Check> {
    if card.memory.len() < 3 {
        return Vec::new();
    }
    let top_mhz = card.voltage.highest_mhz;
    let at = |job: &Workload, memory: usize| law(job).job().cost(card, top_mhz, memory);
    let home = card.running_memory(gpoeo_core::Mhz(card.compute_memory_mhz));
    let range = |value: &dyn Fn(&Workload) -> f64| {
        jobs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), job| {
            let value = value(job);
            (low.min(value), high.max(value))
        })
    };
    let power = range(&|job| at(job, home).power_w - at(job, home - 1).power_w);
    let time = range(&|job| at(job, home - 1).time / at(job, home).time);
    let low = range(&|job| at(job, home - 2).time / at(job, home).time);
    let half = targets.half_memory;
    let top_two = range(&|job| {
        let capabilities = law(job).capabilities();
        let of = |mem: usize| {
            let clocks = capabilities.pairs_at(MemGear(mem as u16)).next_back();
            clocks.and_then(|clocks| job.iteration_cost(clocks)).map_or(0.0, |cost| cost.energy)
        };
        100.0 * (of(card.memory.len() - 1) - of(home)).abs()
    });
    let (cnn_time, cnn_energy) = cnn_at_70(card, jobs);
    vec![
        Check::new(
            "C11",
            "half the memory clock: power lost, least and most W; time, least and most",
            &[
                Figure { value: power.0, band: half.map(|bands| bands[0]) },
                Figure { value: power.1, band: half.map(|bands| bands[1]) },
                Figure { value: time.0, band: half.map(|bands| bands[2]) },
                Figure { value: time.1, band: half.map(|bands| bands[3]) },
            ],
            "",
        ),
        Check::new(
            "C11",
            "a tenth of the memory clock: time, least and most; top two clocks apart, %",
            &[
                Figure { value: low.0, band: half.map(|_| Band::new(1.0, 3.0)) },
                Figure { value: low.1, band: half.map(|_| Band::new(5.0, 13.0)) },
                Figure { value: top_two.1, band: half.map(|_| Band::new(0.0, 1.0)) },
            ],
            "",
        ),
        Check::new(
            "C12",
            "CNN training at 0.7 of the memory clock: time, energy",
            &[
                Figure { value: cnn_time, band: targets.cnn_memory.map(|bands| bands.0) },
                Figure { value: cnn_energy, band: targets.cnn_memory.map(|bands| bands.1) },
            ],
            "",
        ),
    ]
}

/// Mean relative time and energy of the CNNs on a card whose default memory clock is at 70 %.
fn cnn_at_70(card: &GpuProfile, jobs: &[&Workload]) -> (f64, f64) {
    let home = card.running_memory(gpoeo_core::Mhz(card.compute_memory_mhz));
    let (low, high) = (card.memory[home - 1], card.memory[home]);
    let mut at_70 = card.clone();
    // Between two clocks of the card, bandwidth and power at rest on a line.
    let bandwidth_gb_s = 0.7 * high.bandwidth_gb_s;
    let share = (bandwidth_gb_s - low.bandwidth_gb_s) / (high.bandwidth_gb_s - low.bandwidth_gb_s);
    let memory = &mut at_70.memory.to_mut()[home - 1];
    memory.bandwidth_gb_s = bandwidth_gb_s;
    memory.standby_w = low.standby_w + share * (high.standby_w - low.standby_w);
    let is_cnn = |job: &&&Workload| job.class().is_some_and(|class| class.starts_with("cnn"));
    let costs = jobs.iter().filter(is_cnn).map(|job| law(job)).map(|law| {
        // Both under the power limit.
        let law = Law::new(at_70.clone(), *law.job());
        let pair = law.capabilities().pairs_at(MemGear(home as u16 - 1)).next_back();
        pair.map(|pair| law.relative(&law.point(pair, card.limit_w.default)))
    });
    let costs: Vec<RelativeCost> = costs.flatten().collect();
    (mean(costs.iter().map(|cost| cost.time)), mean(costs.iter().map(|cost| cost.energy)))
}
