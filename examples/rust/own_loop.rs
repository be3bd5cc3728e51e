//! gpoeo in a loop of one's own: the machine takes samples and answers in, and gives actions and events out.
//!
//! Run it: `cargo run -p gpoeo-examples --example own_loop`

use std::error::Error;
use std::time::Duration;

use gpoeo_core::{Command, Event, GpuBackend, Optimizer, OptimizerConfig};
use gpoeo_sim::{SimConfig, SimGpu, Suite};

fn main() -> Result<(), Box<dyn Error>> {
    // Your GPU. Here it is a simulated one that trains for 20 virtual minutes.
    let suite = Suite::built_in();
    let job = suite.workload("ppo").ok_or("the built-in suite has no such job")?;
    let mut gpu = SimGpu::new(job.clone(), SimConfig::default(), Duration::from_secs(20 * 60));

    let mut optimizer = Optimizer::new(OptimizerConfig::default(), gpu.capabilities()?);
    let mut samples = Vec::new();
    while !gpu.is_over() {
        // No longer than the machine wants to wait.
        let next_read = gpu.now() + optimizer.config().read_interval();
        gpu.sleep_until(optimizer.poll_timeout().map_or(next_read, |timeout| timeout.min(next_read)));
        samples.clear();
        gpu.read_samples(&mut samples)?;
        for &sample in &samples {
            optimizer.handle_sample(sample)?;
            serve(&mut optimizer, &mut gpu)?;
        }
        optimizer.handle_timeout(gpu.now())?;
        serve(&mut optimizer, &mut gpu)?;
    }
    optimizer.stop(gpu.now())?;
    serve(&mut optimizer, &mut gpu)?;
    let report = optimizer.report();
    println!("energy saved: {:.1} %", 100.0 * report.saving.ok_or("nothing was measured")?);
    Ok(())
}

/// Carries out what the machine asks for, answers each action once, and prints what it tells.
fn serve(optimizer: &mut Optimizer, gpu: &mut SimGpu) -> Result<(), Box<dyn Error>> {
    while let Some(action) = optimizer.poll_action() {
        let result = match action.command {
            Command::SetClocks(clocks) => gpu.set_clocks(clocks),
            Command::RestoreClocks => gpu.restore_clocks(),
            Command::SetSampleInterval(interval) => gpu.set_sample_interval(interval),
            other => return Err(format!("{other:?}, but the capabilities have no counters").into()),
        };
        match result {
            Ok(()) => optimizer.handle_applied(action.id, gpu.now())?,
            Err(error) => optimizer.handle_failed(action.id, error.fault, gpu.now())?,
        }
    }
    while let Some(event) = optimizer.poll_event() {
        if let Event::Tried { clocks, measured } = event {
            println!("{clocks}: {:.4} s, {:.1} J", measured.time_s, measured.energy_j);
        }
    }
    Ok(())
}
