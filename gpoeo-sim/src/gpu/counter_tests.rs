use gpoeo_core::features::{CounterWindows, Feature, Features, TelemetryWindow};

use super::*;
use crate::profile::Gpu;
use crate::suite::Suite;

const NAME: &str = "gnn_sp_mnist_gat";

fn job(gpu: Gpu) -> Workload {
    Suite::find_on("paper71", Some(gpu.key())).unwrap().workload(NAME).unwrap().clone()
}

fn gpu_of(gpu: Gpu) -> SimGpu {
    SimGpu::new(
        job(gpu),
        SimConfig::default().with_drift(Drift::Absent).with_instant_clocks(),
        Duration::from_secs(600),
    )
}

/// The counters of a window of many iterations a pass.
fn windows(gpu: &mut SimGpu) -> Vec<CounterSet> {
    (0..gpu.capabilities.counter_passes())
        .map(|pass| {
            gpu.open_counters(pass).unwrap();
            gpu.sleep_until(gpu.now + Duration::from_secs(20));
            gpu.close_counters().unwrap()
        })
        .collect()
}

fn features(sets: &[CounterSet], gpu: &SimGpu) -> Features {
    let mut windows = CounterWindows::default();
    sets.iter().for_each(|set| windows.add(set));
    Features::new(&windows, &TelemetryWindow::new(&gpu.capabilities))
}

fn at(gpu: &mut SimGpu, sm_mhz: u32) {
    let pair = gpu.capabilities.pair_of(Mhz(9251), Mhz(sm_mhz)).unwrap();
    gpu.sleep_until(gpu.job_begin + Duration::from_secs(10));
    gpu.set_clocks(pair).unwrap();
}

#[test]
fn four_passes_give_the_published_inputs_by_the_formulas_of_the_suite() {
    let mut gpu = gpu_of(Gpu::Rtx3080Ti);
    at(&mut gpu, 1800);
    let sets = windows(&mut gpu);
    let features = features(&sets, &gpu);
    let CostLaw::Physical(law) = gpu.workload.law() else { panic!("it is modelled") };
    let job = law.job();
    let cost = law.point(gpu.clocks(), 350.0).cost;
    assert_eq!(job.launch_ratio, 0.0);
    let gpu_share = 1.0 - job.host;
    let work = job.compute + 0.8 * job.balanced + 0.3 * job.memory;
    let per_busy = work * (1935.0 / 1800.0) / (cost.time - job.host);
    let issue = 0.62 * job.sm_activity * per_busy;
    let traffic = (0.12 * job.compute + 0.5 * job.balanced + 0.9 * job.memory) / gpu_share;
    let near = |feature: Feature, wanted: f64| {
        let value = f64::from(features.value(feature).unwrap());
        assert!((value / wanted - 1.0).abs() < 0.04, "{feature}: {value} instead of {wanted}");
    };
    near(Feature::IpcPct, 120.0 * issue);
    near(Feature::L2MissRatio, 0.12 + 0.75 * traffic);
    near(Feature::L1MissRatio, (0.30 + 0.55 * traffic).min(0.95));
    near(Feature::FmaPct, 200.0 * issue * 0.22);
    near(Feature::XuPct, 400.0 * issue * 0.03);
    near(Feature::CbuPct, 100.0 * issue * 0.09);
    let sectors = traffic * 870e9 * gpu_share / 32.0;
    let instructions = 320.0 * 1800e6 * issue * (cost.time - job.host);
    near(Feature::L2MissPerInst, 250.0 * sectors / instructions);
    for feature in Feature::ALL.into_iter().skip(1).take(17) {
        assert!(features.value(feature).is_some(), "{feature} is missing");
    }
}

#[test]
fn an_iteration_takes_the_same_instructions_at_any_clock() {
    let per_iteration = |sm_mhz: u32| {
        let mut gpu = gpu_of(Gpu::Rtx3080Ti);
        at(&mut gpu, sm_mhz);
        let before = gpu.iterations();
        // Before the first epoch ends.
        gpu.open_counters(0).unwrap();
        gpu.sleep_until(gpu.now + Duration::from_secs(20));
        let set = gpu.close_counters().unwrap();
        set.value(Counter::Instructions).unwrap() / (gpu.iterations() - before)
    };
    let (high, low) = (per_iteration(1800), per_iteration(900));
    assert!((high / low - 1.0).abs() < 0.01, "{high} and {low}");
}

#[test]
fn a_hopper_shows_shares_of_all_time_in_one_pass() {
    let mut gpu = gpu_of(Gpu::H100);
    gpu.sleep_until(gpu.job_begin + Duration::from_secs(10));
    let sets = windows(&mut gpu);
    assert_eq!(sets.len(), 1);
    let features = features(&sets, &gpu);
    let CostLaw::Physical(law) = gpu.workload.law() else { panic!("it is modelled") };
    let cost = law.default_point().cost;
    let near = |feature: Feature, wanted: f64| {
        let value = f64::from(features.value(feature).unwrap());
        assert!((value / wanted - 1.0).abs() < 0.05, "{feature}: {value} instead of {wanted}");
    };
    near(Feature::GraphicsUtil, cost.busy);
    near(Feature::DramUtil, cost.dram);
    assert_eq!(features.value(Feature::FmaPct), None);
}

#[test]
fn a_window_in_which_nothing_ran_counts_nothing() {
    let mut gpu = gpu_of(Gpu::Rtx3080Ti);
    gpu.open_counters(0).unwrap();
    gpu.sleep_until(Timestamp::from_secs_f64(1.0));
    let set = gpu.close_counters().unwrap();
    assert_eq!(set.value(Counter::Instructions), Some(0.0));
    assert_eq!(set.value(Counter::SmActive), Some(0.0));
}

#[test]
fn of_a_measured_sweep_only_the_work_is_counted() {
    let workload = Suite::built_in().workloads()[0].clone().with_counters(WorkCounters::Instructions);
    let mut gpu = SimGpu::new(workload, SimConfig::default(), Duration::from_secs(60));
    gpu.sleep_until(gpu.job_begin + Duration::from_secs(5));
    let set = windows(&mut gpu)[0];
    let given: Vec<Counter> = Counter::ALL.into_iter().filter(|counter| set.value(*counter).is_some()).collect();
    assert_eq!(given, [Counter::Instructions]);
}
