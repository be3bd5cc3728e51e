//! The best mix of two settings, known from the start: the bound of every policy.

use std::time::Duration;

use gpoeo_core::RelativeCost;

use super::bench::{Bench, Over, Search};
use super::{RunOptions, RunOutcome, known_sim};
use crate::hull::{Mix, best_mix};
use crate::watch::Watch;
use crate::workload::Workload;

/// Work between two clock changes, s at default clocks; so short that every part of the waveform gets both settings.
const SLICE_S: f64 = 0.5;

/// Shares the work between the settings of the best mix, with clocks that change at once.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, known_sim(options), watch);
    let begin = bench.gpu().job_begin();
    let began = bench.watch_until(begin, |_| {});
    if let (Ok(()), Some(mix)) = (began, best_mix(workload.curve(), options.objective)) {
        let _over = share(&mut bench, &mix);
    }
    bench.wait_for_the_end();
    bench.finish(options, Search::NONE)
}

fn share(bench: &mut Bench<'_, impl Watch>, mix: &Mix) -> Result<(), Over> {
    // A whole number of slices fills the run, so the shares come out exactly.
    let length_s = bench.gpu().end().seconds_since(bench.gpu().job_begin());
    let slices = (length_s / mix.cost.time / SLICE_S).ceil().max(1.0);
    let work_s = length_s / mix.cost.time / slices;
    loop {
        for (clocks, share) in [(mix.slow, mix.slow_share), (mix.fast, 1.0 - mix.slow_share)] {
            let cost = bench.gpu().workload().curve().cost(clocks).unwrap_or(RelativeCost::DEFAULT);
            let time = Duration::from_secs_f64(work_s * share * cost.time);
            if time.is_zero() {
                continue;
            }
            bench.set_clocks(clocks);
            bench.wait(time)?;
        }
    }
}
