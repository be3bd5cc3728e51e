//! gpoeo over a backend of one's own: a device whose driver it does not know. The toy GPU below trains in virtual time;
//! put your own calls into the methods of `GpuBackend`.
//!
//! Run it: `cargo run -p gpoeo-examples --example custom_backend`

use std::error::Error;
use std::time::Duration;

use gpoeo_core::Timestamp;
use gpoeo_core::{BackendError, Capabilities, ClockPair, Driver, Event, GpuBackend, Mhz, OptimizerConfig, Sample};

const STEP: Duration = Duration::from_millis(1);
const TOP: Mhz = Mhz(1410);

/// An iteration is 0.25 s of arithmetic at the top clock, which takes longer at lower ones, and 0.15 s of memory traffic,
/// which does not.
struct ToyGpu {
    now: Timestamp,
    sm: Mhz,
    /// Work done of this iteration, s at the top clock.
    work_s: f64,
    energy_j: f64,
    /// The energy at the last sample, J.
    sampled_j: f64,
    samples: Vec<Sample>,
}

impl GpuBackend for ToyGpu {
    fn now(&mut self) -> Timestamp {
        self.now
    }

    fn sleep_until(&mut self, deadline: Timestamp) {
        while self.now < deadline {
            self.now += STEP;
            let speed = f64::from(self.sm.0) / f64::from(TOP.0);
            let is_busy = self.work_s < 0.25;
            self.work_s = (self.work_s + STEP.as_secs_f64() * if is_busy { speed } else { 1.0 }) % 0.4;
            let power_w = 90.0 + if is_busy { 260.0 * speed.powi(3) } else { 60.0 };
            self.energy_j += power_w * STEP.as_secs_f64();
            if self.now.as_nanos() % 20_000_000 == 0 {
                let mean_w = (self.energy_j - self.sampled_j) / 0.02;
                self.samples.push(Sample::new(self.now, mean_w).energy_j(self.energy_j).sm_clock(self.sm));
                self.sampled_j = self.energy_j;
            }
        }
    }

    fn capabilities(&mut self) -> Result<Capabilities, BackendError> {
        let clocks = (0..35).map(|gear| Mhz(TOP.0 - 15 * gear)).collect();
        Ok(Capabilities::new([(Mhz(1593), clocks)]).expect("a list of clocks"))
    }

    fn read_samples(&mut self, out: &mut Vec<Sample>) -> Result<(), BackendError> {
        out.append(&mut self.samples);
        Ok(())
    }

    fn set_clocks(&mut self, clocks: ClockPair) -> Result<(), BackendError> {
        self.sm = clocks.sm();
        Ok(())
    }

    fn restore_clocks(&mut self) -> Result<(), BackendError> {
        self.sm = TOP;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let gpu = ToyGpu { now: Timestamp::ZERO, sm: TOP, work_s: 0.0, energy_j: 0.0, sampled_j: 0.0, samples: Vec::new() };
    let mut driver = Driver::new(gpu, OptimizerConfig::default())?;
    let mut print = |event: &Event| println!("{event:?}");
    while driver.report().elapsed_s < 300.0 {
        driver.step(&mut print)?;
    }
    let report = driver.stop(&mut print)?;
    let (saving, slowdown) = report.saving.zip(report.slowdown).ok_or("nothing was measured")?;
    println!("energy saved: {:.1} %, slowdown: {:.1} %", 100.0 * saving, 100.0 * slowdown);
    Ok(())
}
