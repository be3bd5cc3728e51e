//! Ours: the core's machine, driven over the simulated GPU.

use std::sync::Arc;

use gpoeo_core::{ConfigError, Driver, ModelSet, Phase, Step, Timestamp};

use super::{RunOptions, RunOutcome, best_constant, last_setting, watched_sleep};
use crate::gpu::SimGpu;
use crate::watch::{Teller, Watch};
use crate::workload::Workload;

/// Runs the job with the machine on it until the time is over.
pub(super) fn run(
    workload: &Workload,
    options: &RunOptions,
    models: Option<Arc<ModelSet>>,
    watch: &mut impl Watch,
) -> Result<RunOutcome, ConfigError> {
    let config = options.config.clone().with_objective(options.objective)?;
    let gpu = SimGpu::new(workload.clone(), options.sim.clone(), options.length);
    let begin = gpu.job_begin();
    let mut driver = Driver::new(gpu, config).expect("a simulated GPU says what it can do");
    if let Some(set) = models {
        driver = driver.with_models(set);
    }
    let mut teller = Teller { watch, now: Timestamp::ZERO };
    let mut settled_s = None;
    while !driver.backend().is_over() {
        let step = driver.step(&mut teller).expect("a simulated GPU keeps its samples in order");
        if settled_s.is_none() && driver.optimizer().phase() == Phase::Hold {
            settled_s = Some(driver.backend().time().seconds_since(begin));
        }
        teller.watch.turn(driver.backend(), Some(driver.optimizer()));
        if matches!(step, Step::Stopped(_)) {
            break;
        }
    }
    let report = driver.report();
    let mut gpu = driver.backend().clone();
    // A machine that stopped by itself leaves the job to the clocks that it restored.
    let end = gpu.end();
    watched_sleep(&mut gpu, end, Some(driver.optimizer()), teller.watch);
    let (oracle_clocks, oracle_cost) = best_constant(workload, options.objective);
    let (last_clocks, last_cost) = last_setting(&gpu);
    Ok(RunOutcome {
        account: gpu.account(),
        last_clocks,
        last_cost,
        oracle_clocks,
        oracle_cost,
        settled_s,
        settings_tried: report.settings_tried,
        outcome: Some(report.outcome),
    })
}
