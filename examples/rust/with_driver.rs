//! gpoeo with its own blocking loop: `Driver` carries out actions, waits, reads and feeds. It takes any `GpuBackend`.
//!
//! Run it: `cargo run -p gpoeo-examples --example with_driver`

use std::error::Error;
use std::time::Duration;

use gpoeo_core::{Driver, Event, Objective, OptimizerConfig, Step};
use gpoeo_sim::{SimConfig, SimGpu, Suite};

fn main() -> Result<(), Box<dyn Error>> {
    // Any backend: `gpoeo_nvml` has the one for NVIDIA GPUs. Here a simulated GPU trains for 20 virtual minutes.
    let suite = Suite::built_in();
    let job = suite.workload("vit_large").ok_or("the built-in suite has no such job")?;
    let gpu = SimGpu::new(job.clone(), SimConfig::default(), Duration::from_secs(20 * 60));

    let objective = Objective::MinEnergy { max_slowdown: 0.03 };
    let config = OptimizerConfig::builder().objective(objective).build()?;
    let mut driver = Driver::new(gpu, config)?;
    let mut print = |event: &Event| match event {
        Event::Detected { outcome } => println!("{outcome:?}"),
        Event::PhaseChanged { to, .. } => println!("phase: {to}"),
        Event::Tried { clocks, measured } => println!("{clocks}: {:.4} s, {:.1} J", measured.time_s, measured.energy_j),
        _ => {}
    };
    while !driver.backend().is_over() {
        if let Step::Stopped(reason) = driver.step(&mut print)? {
            return Err(format!("stopped early: {reason:?}").into());
        }
    }
    let report = driver.stop(&mut print)?;

    let percent = |ratio: Option<f64>| ratio.map_or_else(|| "unknown".to_owned(), |r| format!("{:.1} %", 100.0 * r));
    println!("energy saved: {} ± {}", percent(report.saving), percent(report.saving_stderr));
    println!("slowdown:     {} ± {}", percent(report.slowdown), percent(report.slowdown_stderr));
    Ok(())
}
