//! C13 and C14: noise of a measurement, and the oddities that can be switched on.

use std::time::Duration;

use gpoeo_core::{GpuBackend, Sample, Timestamp};

use crate::gpu::{Drift, SimConfig, SimGpu};
use crate::job::JobSpec;
use crate::model::{JobModel, PipeMix};
use crate::profile::GpuProfile;
use crate::suite::Suite;
use crate::waveform::{Phase, Rhythm};
use crate::workload::{WorkCounters, Workload};

use super::targets::Targets;
use super::{Band, Check, Figure};

/// Virtual time over which noise is measured.
const LENGTH: Duration = Duration::from_secs(1800);

pub(super) fn checks(card: &GpuProfile, suite: &Suite, targets: &Targets) -> Vec<Check> {
    let samples = samples(&even_job(card));
    // Long windows from step to step of the energy counter, as one measures; short ones cannot wait for a step.
    let steps: Vec<&Sample> =
        samples.windows(2).filter(|pair| pair[0].energy_j != pair[1].energy_j).map(|pair| &pair[1]).collect();
    let (long, short) = (energy_errors(&steps, 1.97), energy_errors(&samples.iter().collect::<Vec<_>>(), 0.45));
    vec![
        Check::new(
            "C13",
            "error of the energy of one setting, %: windows of 2 s, their worst tenth, windows of 0.45 s",
            &[
                Figure { value: quantile(&long, 0.5), band: Some(Band::new(0.25, 0.75)) },
                Figure { value: quantile(&long, 0.9), band: Some(Band::new(0.5, 2.0)) },
                Figure { value: quantile(&short, 0.5), band: Some(Band::new(3.0, 10.0)) },
            ],
            "",
        ),
        Check::new(
            "C14",
            "a cold card's first minute takes less energy, %",
            &[Figure { value: 100.0 * (1.0 - cold_over_warm(suite)), band: targets.cold }],
            "",
        ),
    ]
}

/// A job whose power is the same all the time: what its windows differ by is of the sensors.
fn even_job(card: &GpuProfile) -> Workload {
    let model = JobModel {
        iteration_s: 1.0,
        compute: 0.5,
        balanced: 0.2,
        memory: 0.3,
        host: 0.0,
        launch_ratio: 0.0,
        sm_activity: 0.5,
        tensor_activity: 0.0,
    };
    let spec = JobSpec {
        name: "even".to_owned(),
        class: None,
        model,
        rhythm: Rhythm::Periodic,
        micro_batches: 1,
        jitter: 0.0,
        epoch: None,
        phases: vec![Phase { length: 1.0, power: 1.0 }],
        counters: WorkCounters::Absent,
        pipes: PipeMix::TYPICAL,
    };
    spec.workload(card, card)
}

fn samples(job: &Workload) -> Vec<Sample> {
    let config = SimConfig::default().with_drift(Drift::Absent).with_seed(7);
    let mut gpu = SimGpu::new(job.clone(), config, LENGTH);
    let mut samples = Vec::new();
    while !gpu.is_over() {
        let next = gpu.now() + Duration::from_millis(500);
        gpu.sleep_until(next);
        gpu.read_samples(&mut samples).expect("a simulated GPU can be read");
    }
    let begin = gpu.job_begin() + Duration::from_secs(10);
    samples.retain(|sample| sample.time > begin);
    samples
}

/// Errors of the mean power by the energy counter over windows of `length_s`, sorted by size, %.
fn energy_errors(samples: &[&Sample], length_s: f64) -> Vec<f64> {
    let Some(first) = samples.first() else { return Vec::new() };
    let mut powers_w = Vec::new();
    let (mut start, mut next_s) = (*first, first.time.as_secs_f64() + length_s);
    for &sample in samples {
        if sample.time.as_secs_f64() >= next_s {
            let energy_j = sample.energy_j.zip(start.energy_j).map_or(0.0, |(end, begin)| end - begin);
            powers_w.push(energy_j / sample.time.seconds_since(start.time));
            start = sample;
            next_s = sample.time.as_secs_f64() + length_s;
        }
    }
    let mean_w = powers_w.iter().sum::<f64>() / powers_w.len() as f64;
    let mut errors: Vec<f64> = powers_w.iter().map(|power_w| 100.0 * (power_w / mean_w - 1.0).abs()).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or(f64::NAN)
}

fn cold_over_warm(suite: &Suite) -> f64 {
    let job = suite.workload("aibench_face_embedding").unwrap_or(&suite.workloads()[0]);
    let minute_j = |drift| {
        let mut gpu = SimGpu::new(job.clone(), SimConfig::default().with_drift(drift), Duration::from_secs(60));
        gpu.sleep_until(Timestamp::from_secs_f64(1e6));
        gpu.account().energy_j
    };
    minute_j(Drift::Present) / minute_j(Drift::Absent)
}
