//! Ours: the core's machine, driven over the simulated GPU.

use gpoeo_core::{ConfigError, Driver, Event, GpuBackend, OptimizerConfig, Step};

use super::{RunOptions, RunOutcome, best_constant, last_setting};
use crate::gpu::SimGpu;
use crate::workload::Workload;

/// Runs the job with the machine on it until the time is over.
pub(super) fn run(workload: &Workload, options: &RunOptions) -> Result<RunOutcome, ConfigError> {
    let config = OptimizerConfig::builder().objective(options.objective).build()?;
    let gpu = SimGpu::new(workload.clone(), options.sim.clone(), options.length);
    let begin = gpu.job_begin();
    let mut driver = Driver::new(gpu, config).expect("a simulated GPU says what it can do");
    let mut settled = None;
    while !driver.backend().is_over() {
        let mut has_settled = false;
        let mut observer = |event: &Event| has_settled |= matches!(event, Event::Settled { .. });
        let step = driver.step(&mut observer).expect("a simulated GPU keeps its samples in order");
        if has_settled && settled.is_none() {
            settled = Some(driver.backend().time());
        }
        if matches!(step, Step::Stopped(_)) {
            break;
        }
    }
    let report = driver.report();
    let mut gpu = driver.backend().clone();
    // A machine that stopped by itself leaves the job to the clocks that it restored.
    gpu.sleep_until(gpu.end());
    let (oracle_clocks, oracle_cost) = best_constant(workload, options.objective);
    let (last_clocks, last_cost) = last_setting(&gpu);
    Ok(RunOutcome {
        account: gpu.account(),
        last_clocks,
        last_cost,
        oracle_clocks,
        oracle_cost,
        settled_s: settled.map(|at| at.seconds_since(begin)),
        settings_tried: report.settings_tried,
        outcome: Some(report.outcome),
    })
}
