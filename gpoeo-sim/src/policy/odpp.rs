//! ODPP as it is implemented beside GPOEO: seven clocks are measured, the best by interpolation is held.
//!
//! Source: Zou, Li, Barker, Ge, "Indicator-Directed Dynamic Power Management for Iterative Workloads on GPU-Accelerated
//! Systems", CCGRID 2020, from a description of `ruixueqingyang/GPOEO`, commit `37d5a34`. It reads the plain getters every
//! 100 ms, takes the highest line of the spectrum for the period at every clock, sets SM clocks alone, and does not look at
//! what it has chosen. Its neural net starts from weights that were not published: the same seven measurements are
//! interpolated in a shape-preserving way instead, time and energy relative to the reference clock. Flaws that are merely
//! bugs are left out (the limit held against absolute seconds, the lowest clock always within it).

use std::time::Duration;

use gpoeo_core::{ClockPair, Outcome};

use super::bench::{Bench, Over, Search};
use super::paper::{Goal, SETTINGS as PAPER, Trial, gears, near, polled, static_w};
use super::{RunOptions, RunOutcome};
use crate::peers::OdppDetector;
use crate::watch::Watch;
use crate::workload::Workload;

/// The numbers of that code.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Clocks that are measured, as shares of the reference clock (1920, 450, 945, 1425, then 690, 1185, 1680 MHz).
    clocks: [f64; 7],
    /// The reference clock as a share of the highest (1920 of 2055 MHz).
    reference: f64,
    /// Movement of power that starts everything over.
    drift: f64,
    /// A monitored window is longer than the period by this.
    margin: Duration,
    /// Window of a job in which no period is found.
    window_s: f64,
}

const SETTINGS: Settings = Settings {
    clocks: [1.0, 0.234, 0.492, 0.742, 0.359, 0.617, 0.875],
    reference: 0.934,
    drift: 0.15,
    margin: Duration::from_millis(1500),
    window_s: 4.0,
};

#[derive(Default)]
struct Progress {
    search: Search,
}

/// Runs the job under it.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, polled(workload, options), watch);
    let limit = options.objective.max_slowdown().unwrap_or(PAPER.usual_limit);
    let goal = Goal { limit: PAPER.limit_share * limit };
    let mut progress = Progress { search: Search { outcome: Some(Outcome::Undecided), ..Search::default() } };
    let static_w = static_w(workload);
    let _over = (|| -> Result<(), Over> {
        bench.wait_for_the_job()?;
        bench.wait(Duration::from_secs(3))?;
        loop {
            search_and_watch(&mut bench, goal, static_w, &mut progress)?;
        }
    })();
    bench.finish(options, progress.search)
}

fn search_and_watch(
    bench: &mut Bench<'_, impl Watch>,
    goal: Goal,
    static_w: f64,
    progress: &mut Progress,
) -> Result<(), Over> {
    let default = bench.capabilities().default_pair();
    let pairs = gears(bench, default.mem_gear());
    let top = f64::from(default.sm().0);
    let mut measured: Vec<(usize, Seen)> = Vec::new();
    let mut reference = None;
    for share in SETTINGS.clocks {
        let Some(gear) = near(&pairs, share * SETTINGS.reference * top) else { return Err(Over) };
        let seen = measure(bench, pairs[gear], PAPER.settling)?;
        progress.search.settings_tried += 1;
        progress.search.outcome = Some(seen.outcome());
        reference.get_or_insert((gear, seen));
        measured.push((gear, seen));
    }
    let Some((reference_gear, reference)) = reference else { return Err(Over) };
    measured.sort_by_key(|(gear, _)| *gear);
    measured.dedup_by_key(|(gear, _)| *gear);
    let energy_of = |seen: &Seen| (seen.power_w - static_w).max(0.0) * seen.period_s;
    let points = |value: &dyn Fn(&Seen) -> f64| -> Vec<(f64, f64)> {
        measured.iter().map(|(gear, seen)| (*gear as f64, value(seen))).collect()
    };
    let (times, energies) = (points(&|seen| seen.period_s), points(&energy_of));
    let lowest = measured.first().map_or(0, |(gear, _)| *gear);
    let predicted: Vec<(usize, Trial)> = (lowest..=reference_gear)
        .map(|gear| {
            let (time_s, energy_j) = (monotone_at(&times, gear as f64), monotone_at(&energies, gear as f64));
            (gear, Trial::new(time_s, energy_j, reference.period_s))
        })
        .collect();
    let chosen = goal.choose(&predicted).unwrap_or(reference_gear);
    let held = measure(bench, pairs[chosen], PAPER.settling)?;
    progress.search.settled_s.get_or_insert(bench.job_s());

    let (mut low_w, mut high_w) = (f64::MAX, f64::MIN);
    for window in 0_u32.. {
        let (mut sum_w, mut samples) = (0.0, 0.0);
        let until = bench.now() + Duration::from_secs_f64(held.period_s) + SETTINGS.margin;
        bench.watch_until(until, |sample| {
            sum_w += sample.power_w;
            samples += 1.0;
        })?;
        let mean_w = sum_w / f64::max(samples, 1.0) - static_w;
        low_w = low_w.min(mean_w);
        high_w = high_w.max(mean_w);
        if (high_w - low_w) / (0.5 * (high_w + low_w)).abs().max(1.0) > SETTINGS.drift {
            break;
        }
        if window >= 2 {
            bench.wait(Duration::from_secs_f64(f64::from(2_u32.pow(window.min(5))) * held.period_s))?;
        }
    }
    Ok(())
}

/// One clock as it was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    period_s: f64,
    power_w: f64,
    is_found: bool,
}

impl Seen {
    fn outcome(&self) -> Outcome {
        if self.is_found {
            Outcome::Periodic { period: Duration::from_secs_f64(self.period_s), confidence: 1.0 }
        } else {
            Outcome::Aperiodic
        }
    }
}

fn measure(bench: &mut Bench<'_, impl Watch>, clocks: ClockPair, settling: Duration) -> Result<Seen, Over> {
    bench.set_clocks(clocks);
    bench.wait(settling)?;
    let mut detector = OdppDetector::new();
    let (mut sum_w, mut samples) = (0.0, 0.0);
    while !detector.is_done() {
        let until = bench.now() + Duration::from_secs(1);
        bench.watch_until(until, |sample| {
            detector.take(sample);
            sum_w += sample.power_w;
            samples += 1.0;
        })?;
    }
    let found = detector.period_s();
    let period_s = found.unwrap_or(SETTINGS.window_s);
    Ok(Seen { period_s, power_w: sum_w / f64::max(samples, 1.0), is_found: found.is_some() })
}

/// Through all points and without new extremes between them (Fritsch and Carlson, 1980); points ascend in x.
fn monotone_at(points: &[(f64, f64)], x: f64) -> f64 {
    let Some(&(first_x, first_y)) = points.first() else { return 0.0 };
    let right = points.partition_point(|(at, _)| *at < x);
    if right == 0 || x <= first_x {
        return first_y;
    }
    let Some(&(x1, y1)) = points.get(right) else { return points[points.len() - 1].1 };
    let (x0, y0) = points[right - 1];
    let secant = |index: usize| {
        let (a, b) = (points.get(index)?, points.get(index + 1)?);
        Some((b.1 - a.1) / (b.0 - a.0))
    };
    let slope = |index: usize| match (index.checked_sub(1).and_then(secant), secant(index)) {
        (Some(before), Some(after)) if before * after > 0.0 => 2.0 * before * after / (before + after),
        (Some(_), Some(_)) | (None, None) => 0.0,
        (Some(only), None) | (None, Some(only)) => only,
    };
    let (width, share) = (x1 - x0, (x - x0) / (x1 - x0));
    let (m0, m1) = (slope(right - 1), slope(right));
    let (s2, s3) = (share * share, share * share * share);
    (2.0 * s3 - 3.0 * s2 + 1.0) * y0
        + (s3 - 2.0 * s2 + share) * width * m0
        + (3.0 * s2 - 2.0 * s3) * y1
        + (s3 - s2) * width * m1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolation_goes_through_its_points_and_makes_no_new_extremes() {
        let points = [(0.0, 5.0), (10.0, 3.0), (30.0, 2.9), (40.0, 1.0)];
        for (x, y) in points {
            assert!((monotone_at(&points, x) - y).abs() < 1e-9);
        }
        let values: Vec<f64> = (0..=40).map(|x| monotone_at(&points, f64::from(x))).collect();
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9), "{values:?}");
        assert_eq!((monotone_at(&points, -5.0), monotone_at(&points, 50.0)), (5.0, 1.0));
    }
}
