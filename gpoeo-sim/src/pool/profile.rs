//! One profile of a job at default clocks, as the optimizer makes it: a stretch of telemetry with counters closed, then a
//! counter window for each pass.

use std::time::Duration;

use gpoeo_core::GpuBackend;
use gpoeo_core::features::{CounterWindows, Features, TelemetryWindow};

use crate::gpu::{SimConfig, SimGpu};
use crate::noise::{Noise, Stream};
use crate::waveform::Rhythm;
use crate::workload::Workload;

/// Earliest and latest begin of the profile after that of the job, s: the period must have been found.
const BEGIN_S: (f64, f64) = (12.0, 60.0);
/// Shortest and longest stretch of telemetry, s, and the iterations that it holds otherwise.
const TELEMETRY_S: (f64, f64) = (4.0, 60.0);
const ITERATIONS: f64 = 6.0;
/// Length of a counter window in iterations (GPOEO §4: counters slow the job down), and its shortest and longest, s.
const WINDOW_ITERATIONS: f64 = 1.1;
const WINDOW_S: (f64, f64) = (0.5, 20.0);
/// The same of a job without a period, s.
const APERIODIC_WINDOW_S: f64 = 4.0;

/// What a profile shows; `seed` decides on noise, and when and how long it is looked at.
pub(super) fn profile(workload: &Workload, seed: u64) -> Features {
    let mut noise = Noise::new(seed, Stream::Pool);
    let mut between = |(low, high): (f64, f64)| low + (high - low) * noise.uniform();
    let iteration_s = match workload.rhythm() {
        Some(Rhythm::Periodic) => workload.waveform().iteration_s(),
        Some(Rhythm::Aperiodic) | None => None,
    };
    let begin_s = between(BEGIN_S);
    // The baseline lasts until it is certain enough: somewhat longer or shorter.
    let telemetry_s = iteration_s.unwrap_or(0.0) * ITERATIONS * between((0.8, 1.6));
    let telemetry_s = telemetry_s.clamp(TELEMETRY_S.0, TELEMETRY_S.1);
    let window_s = iteration_s
        .map_or(APERIODIC_WINDOW_S, |iteration_s| (WINDOW_ITERATIONS * iteration_s).clamp(WINDOW_S.0, WINDOW_S.1));

    let config = SimConfig::default().with_seed(seed).with_lead_in(Duration::ZERO);
    let length = Duration::from_secs_f64(begin_s + telemetry_s + 10.0 * window_s);
    let mut gpu = SimGpu::new(workload.clone(), config, length);
    // The simulated device never fails at these; what it does not give stays missing.
    let Ok(caps) = gpu.capabilities() else { return Features::default() };
    let mut samples = Vec::new();
    let mut sleep = |gpu: &mut SimGpu, length_s: f64| {
        let until = gpu.time() + Duration::from_secs_f64(length_s);
        samples.clear();
        while gpu.time() < until {
            let step = (gpu.time() + Duration::from_secs(1)).min(until);
            gpu.sleep_until(step);
            let _never_fails = gpu.read_samples(&mut samples);
        }
        samples.clone()
    };
    sleep(&mut gpu, begin_s);
    let mut telemetry = TelemetryWindow::new(&caps);
    sleep(&mut gpu, telemetry_s).iter().for_each(|sample| telemetry.push(sample));
    if let Some(iteration_s) = iteration_s {
        telemetry.set_iteration_s(iteration_s);
    }
    let mut counters = CounterWindows::default();
    for pass in 0..caps.counter_passes() {
        if gpu.open_counters(pass).is_ok() {
            sleep(&mut gpu, window_s);
            if let Ok(set) = gpu.close_counters() {
                counters.add(&set);
            }
        }
    }
    Features::new(&counters, &telemetry)
}
