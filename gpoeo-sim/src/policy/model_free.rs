//! Ours: the core's machine, driven over the simulated GPU.

use gpoeo_core::{Driver, Event, OptimizerConfig};

use super::{RunOptions, RunOutcome, best_constant, last_setting};
use crate::gpu::SimGpu;
use crate::workload::Workload;

/// Runs the job with the machine on it until the time is over.
pub(super) fn run(workload: &Workload, options: &RunOptions) -> RunOutcome {
    let gpu = SimGpu::new(workload.clone(), options.sim.clone(), options.length);
    let begin = gpu.job_begin();
    let config = OptimizerConfig::builder()
        .objective(options.objective)
        .build()
        .expect("the command line has checked the objective");
    let mut driver = Driver::new(gpu, config).expect("a simulated GPU says what it can do");
    let mut settled = None;
    while !driver.backend().is_over() {
        let mut has_settled = false;
        let mut observer = |event: &Event| has_settled |= matches!(event, Event::Settled { .. });
        driver.step(&mut observer).expect("a simulated GPU keeps its samples in order");
        if has_settled && settled.is_none() {
            settled = Some(driver.backend().time());
        }
    }
    let report = driver.report();
    let gpu = driver.backend();
    let (oracle_clocks, oracle_cost) = best_constant(workload, options.objective);
    let (last_clocks, last_cost) = last_setting(gpu);
    RunOutcome {
        account: gpu.account(),
        last_clocks,
        last_cost,
        oracle_clocks,
        oracle_cost,
        settled_s: settled.map(|at| at.seconds_since(begin)),
        settings_tried: report.settings_tried,
        outcome: Some(report.outcome),
    }
}
