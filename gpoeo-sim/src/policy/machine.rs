//! Ours: the core's machine, driven over the simulated GPU.

use std::sync::Arc;
use std::time::Duration;

use gpoeo_core::{ConfigError, Driver, GpuBackend, ModelSet, OptimizerConfig, Phase, Step, Timestamp};

use super::bench::{Search, faulty, finish};
use super::{RunOptions, RunOutcome};
use crate::fault::{FaultInjector, Toll};
use crate::gpu::SimGpu;
use crate::watch::{Teller, Watch};
use crate::workload::Workload;

/// Turn of the loop while there is no machine at work.
const IDLE_TURN: Duration = Duration::from_secs(1);

/// Runs the job with the machine on it until the time is over.
pub(super) fn run(
    workload: &Workload,
    options: &RunOptions,
    models: Option<Arc<ModelSet>>,
    watch: &mut impl Watch,
) -> Result<RunOutcome, ConfigError> {
    let config = options.config.clone().with_objective(options.objective)?;
    let mut gpu = faulty(workload, options, options.sim.clone());
    let begin = gpu.inner().job_begin();
    let mut toll = Toll::default();
    let mut teller = Teller { watch, now: Timestamp::ZERO };
    let Some(mut driver) = driver(&mut gpu, &config) else {
        return Ok(finish(gpu.inner(), toll.lost_s(gpu.inner()), options, Search::default()));
    };
    if let Some(set) = models {
        driver = driver.with_models(set);
    }
    let mut settled_s = None;
    // A machine that stopped by itself leaves the job to the clocks that it restored.
    let is_over = |gpu: &FaultInjector<SimGpu>| gpu.inner().is_over();
    let mut step = Step::Running;
    while !is_over(driver.backend()) && step == Step::Running {
        step = driver.step(&mut teller).expect("a simulated GPU keeps its samples in order");
        if settled_s.is_none() && driver.optimizer().phase() == Phase::Hold {
            settled_s = Some(driver.backend().inner().time().seconds_since(begin));
        }
        toll.turn(driver.backend());
        teller.watch.turn(driver.backend().inner(), Some(driver.optimizer()));
    }
    let report = driver.report();
    let mut gpu = driver.backend().clone();
    while !is_over(&gpu) {
        let next = gpu.now() + IDLE_TURN;
        gpu.sleep_until(next);
        toll.turn(&gpu);
        teller.watch.turn(gpu.inner(), Some(driver.optimizer()));
    }
    let search =
        Search { settled_s, settings_tried: report.settings_tried, outcome: Some(report.outcome), last_clocks: None };
    Ok(finish(gpu.inner(), toll.lost_s(gpu.inner()), options, search))
}

/// Asks again while a fault keeps the GPU from saying what it can do; `None` if it does so to the end.
fn driver(gpu: &mut FaultInjector<SimGpu>, config: &OptimizerConfig) -> Option<Driver<FaultInjector<SimGpu>>> {
    while !gpu.inner().is_over() {
        if gpu.capabilities().is_ok() {
            if let Ok(driver) = Driver::new(gpu.clone(), config.clone()) {
                return Some(driver);
            }
        }
        let next = gpu.now() + IDLE_TURN;
        gpu.sleep_until(next);
    }
    None
}
