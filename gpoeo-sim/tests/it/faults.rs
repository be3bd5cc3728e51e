//! The optimizer on a device that fails: one test a kind of fault.
//!
//! Time that a fault takes (`RunOutcome::lost_s`) is not charged; everything else is, that of a set that went elsewhere
//! included.

use std::time::Duration;

use gpoeo_core::{ClockPair, Driver, Event, OptimizerConfig, StopReason, Timestamp};
use gpoeo_sim::{FaultInjector, Policy, RunOptions, SimConfig, SimGpu, Suite, Workload, run_policy};

/// Jobs with long and short iterations.
const JOBS: [&str; 4] = ["vit_large", "gpt2_medium_accum8", "ppo", "conv_next"];
/// In the hold, both for as long as a card may take to cool down.
const WHEN_S: [f64; 2] = [200.0, 600.0];
const LASTS_S: f64 = 60.0;
/// The limit, and what faults may add to it: the account cannot know what it could not measure.
const WORST: f64 = 0.08;
const MEAN: f64 = 0.06;

fn jobs() -> Vec<Workload> {
    let suite = Suite::built_in();
    JOBS.iter().filter_map(|name| suite.workload(name).cloned()).collect()
}

/// The fault at both times.
fn plan(fault: &str) -> String {
    let (knob, rest) = fault.split_once('@').map_or((fault, String::new()), |(knob, rest)| (knob, format!("@{rest}")));
    WHEN_S.map(|from| format!("{knob}@t={from}@for={LASTS_S}{rest}")).join(",")
}

/// Runs of 20 minutes keep the limit and save something; a machine that is stopped in a hold, in the middle of a fault or
/// after one leaves no clocks behind.
fn check(fault: &str) {
    let mut options = RunOptions::default();
    options.faults = plan(fault).parse().unwrap();
    let mut slowdowns = Vec::new();
    for job in jobs() {
        let outcome = run_policy(Policy::Gpoeo, &job, &options).unwrap();
        assert!(outcome.slowdown() < WORST, "{fault}, {}: {:.4}", job.name(), outcome.slowdown());
        assert!(outcome.account.saving() > 0.01, "{fault}, {}: {:.4}", job.name(), outcome.account.saving());
        slowdowns.push(outcome.slowdown());
    }
    assert!(slowdowns.len() > 2);
    let mean = slowdowns.iter().sum::<f64>() / slowdowns.len() as f64;
    assert!(mean < MEAN, "{fault}: {mean:.4}");
    for stop_s in [150.0, 230.0, 400.0] {
        gives_the_clocks_back(fault, stop_s);
    }
}

/// A run under a fault up to a moment, stopped there, and what the device does a while after: longer than a call may
/// hang, and than the fault lasts.
fn gives_the_clocks_back(fault: &str, stop_s: f64) {
    let job = &jobs()[0];
    let mut gpu = SimGpu::new(job.clone(), SimConfig::default(), Duration::from_secs(1200));
    let (reason, clocks) = stopped_at(&mut gpu, fault, stop_s);
    let default = job.curve().default_clocks();
    match reason {
        StopReason::Requested | StopReason::GpuLost => assert_eq!(clocks, default, "{fault}, {stop_s} s: {reason:?}"),
        // It says that somebody must look.
        StopReason::RestoreFailed => assert!(fault.starts_with("noperm"), "{fault}, {stop_s} s"),
        _ => panic!("{fault}, {stop_s} s: {reason:?}"),
    }
}

fn stopped_at(gpu: &mut SimGpu, fault: &str, stop_s: f64) -> (StopReason, ClockPair) {
    use gpoeo_core::GpuBackend;
    // Through a reference, so that the device outlives the driver.
    struct Lent<'a>(&'a mut FaultInjector<SimGpu>);
    impl GpuBackend for Lent<'_> {
        fn now(&mut self) -> Timestamp {
            self.0.now()
        }
        fn sleep_until(&mut self, deadline: Timestamp) {
            self.0.sleep_until(deadline);
        }
        fn capabilities(&mut self) -> Result<gpoeo_core::Capabilities, gpoeo_core::BackendError> {
            self.0.capabilities()
        }
        fn read_samples(&mut self, out: &mut Vec<gpoeo_core::Sample>) -> Result<(), gpoeo_core::BackendError> {
            self.0.read_samples(out)
        }
        fn set_clocks(&mut self, clocks: ClockPair) -> Result<(), gpoeo_core::BackendError> {
            self.0.set_clocks(clocks)
        }
        fn restore_clocks(&mut self) -> Result<(), gpoeo_core::BackendError> {
            self.0.restore_clocks()
        }
    }
    let mut injector = FaultInjector::new(gpu.clone(), plan(fault).parse().unwrap(), 0);
    let mut driver = Driver::new(Lent(&mut injector), OptimizerConfig::default()).unwrap();
    while driver.backend().0.inner().time() < Timestamp::from_secs_f64(stop_s) && !driver.optimizer().is_stopped() {
        let _step = driver.step(&mut |_: &Event| {}).unwrap();
    }
    let report = driver.stop(&mut |_: &Event| {}).unwrap();
    injector.sleep_until(Timestamp::from_secs_f64(stop_s + 150.0));
    let clocks = injector.inner().clocks();
    (report.stop_reason.unwrap(), clocks)
}

macro_rules! faults {
    ($($name:ident: $fault:literal,)*) => {$(
        #[test]
        fn $name() {
            check($fault);
        }
    )*};
}

faults! {
    a_power_cap: "cap-power=1100",
    a_thermal_cap: "cap-thermal=1100",
    a_set_that_is_clamped: "clamp-set=1100",
    an_energy_counter_that_restarts: "counter-reset",
    an_energy_counter_that_stands_still: "counter-stuck",
    another_controller: "foreign-set=1100",
    calls_that_hang: "hang=3@p=0.2",
    a_set_that_is_ignored: "ignore-set",
    samples_that_come_twice: "ring-dup@p=0.2",
    no_samples: "ring-empty",
    gaps_in_the_samples: "ring-gap=3000",
    calls_that_fail: "transient@p=0.2",
    a_gpu_that_is_lost_and_comes_back: "lost",
}
