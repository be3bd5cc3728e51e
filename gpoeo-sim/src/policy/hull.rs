//! The best mix of two settings, known from the start: the bound of every policy.

use std::time::Duration;

use gpoeo_core::{GpuBackend, RelativeCost};

use super::{RunOptions, RunOutcome, finished, known_sim, watched_sleep};
use crate::gpu::SimGpu;
use crate::hull::{Mix, best_mix};
use crate::watch::Watch;
use crate::workload::Workload;

/// Work between two clock changes, s at default clocks; so short that every part of the waveform gets both settings.
const SLICE_S: f64 = 0.5;

/// Shares the work between the settings of the best mix, with clocks that change at once.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut gpu = SimGpu::new(workload.clone(), known_sim(options), options.length);
    let begin = gpu.job_begin();
    watched_sleep(&mut gpu, begin, None, watch);
    match best_mix(workload.curve(), options.objective) {
        Some(mix) => share(&mut gpu, &mix, watch),
        None => {
            let end = gpu.end();
            watched_sleep(&mut gpu, end, None, watch);
        }
    }
    finished(&gpu, options.objective)
}

fn share(gpu: &mut SimGpu, mix: &Mix, watch: &mut impl Watch) {
    // A whole number of slices fills the run, so the shares come out exactly.
    let length_s = gpu.end().seconds_since(gpu.job_begin());
    let slices = (length_s / mix.cost.time / SLICE_S).ceil().max(1.0);
    let work_s = length_s / mix.cost.time / slices;
    while !gpu.is_over() {
        for (clocks, share) in [(mix.slow, mix.slow_share), (mix.fast, 1.0 - mix.slow_share)] {
            let cost = gpu.workload().curve().cost(clocks).unwrap_or(RelativeCost::DEFAULT);
            let time = Duration::from_secs_f64(work_s * share * cost.time);
            if time.is_zero() {
                continue;
            }
            gpu.set_clocks(clocks).expect("the setting comes from the job's own curve");
            let until = gpu.now() + time;
            watched_sleep(gpu, until, None, watch);
        }
    }
}
