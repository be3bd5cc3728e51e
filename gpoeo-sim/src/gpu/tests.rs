use std::time::Instant;

use gpoeo_core::{MemGear, Mhz, SmGear};
use proptest::prelude::*;

use super::*;
use crate::dvfs::{DvfsCurve, DvfsTable};
use crate::waveform::Waveform;

const TABLE: &str =
    "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,1593,1.1,0.8\n1305,1593,1.04,0.9\n1410,1593,1,1\n";

fn workload() -> Workload {
    let curve = DvfsCurve::new(&DvfsTable::parse(TABLE.as_bytes(), "x").unwrap()[0]).unwrap();
    Workload::new("w", curve, Waveform::built_in(400.0)).with_counters(WorkCounters::Instructions)
}

fn gpu(seed: u64, seconds: u64) -> SimGpu {
    SimGpu::new(workload(), SimConfig::default().with_seed(seed), Duration::from_secs(seconds))
}

fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_secs_f64(seconds)
}

/// All samples up to `until`, read every `step_s`, with a clock change at 7 s and another at 9.3 s.
fn play(seed: u64, step_s: f64, until_s: f64) -> (Vec<Sample>, Account) {
    let mut gpu = gpu(seed, 60);
    let mut samples = Vec::new();
    let mut commands = [(7.0, SmGear(0)), (9.3, SmGear(3))].into_iter().peekable();
    let mut now_s = 0.0;
    while now_s < until_s {
        now_s = (now_s + step_s).min(until_s);
        if let Some((at_s, gear)) = commands.next_if(|(at_s, _)| *at_s <= now_s) {
            gpu.sleep_until(seconds(at_s));
            gpu.set_clocks(gpu.capabilities.pair(MemGear(0), gear).unwrap()).unwrap();
        }
        gpu.sleep_until(seconds(now_s));
        gpu.read_samples(&mut samples).unwrap();
    }
    (samples, gpu.account())
}

#[test]
fn at_default_clocks_nothing_is_saved_and_nothing_is_slower() {
    let mut gpu = gpu(1, 600);
    gpu.sleep_until(seconds(1e9));
    assert!(gpu.is_over());
    let account = gpu.account();
    assert!((account.elapsed_s - 600.0).abs() < 1e-9);
    assert!(account.slowdown().abs() < 1e-9 && account.saving().abs() < 1e-9, "{account:?}");
}

#[test]
fn a_constant_setting_costs_what_its_table_says() {
    for (clocks, cost) in workload().curve().settings() {
        let mut gpu = SimGpu::new(workload(), SimConfig::default(), Duration::from_secs(1200));
        gpu.set_clocks(clocks).unwrap();
        gpu.sleep_until(seconds(1e9));
        assert!((gpu.account().slowdown() - cost.slowdown()).abs() < 1e-9);
        assert!((gpu.account().saving() - cost.saving()).abs() < 1e-3, "{clocks}");
    }
}

#[test]
fn clocks_are_accepted_at_once_and_in_force_later() {
    let mut gpu = gpu(1, 60);
    gpu.sleep_until(seconds(10.0));
    let low = gpu.capabilities.pair(MemGear(0), SmGear(0)).unwrap();
    gpu.set_clocks(low).unwrap();
    gpu.sleep_until(seconds(10.04));
    assert_eq!((gpu.clocks().sm(), gpu.asked_clocks()), (Mhz(1410), low));
    gpu.sleep_until(seconds(10.1));
    assert_eq!(gpu.clocks(), low);
    gpu.restore_clocks().unwrap();
    gpu.sleep_until(seconds(10.3));
    assert_eq!(gpu.clocks(), gpu.workload.curve().default_clocks());
    let mut samples = Vec::new();
    gpu.read_samples(&mut samples).unwrap();
    assert!(samples.iter().any(|sample| sample.sm_clock == Some(Mhz(1200))));
    assert!(samples.iter().all(|sample| sample.mem_clock == Some(Mhz(1593))));
}

#[test]
fn the_energy_counter_tells_the_truth_but_for_its_noise() {
    let config = SimConfig::default().with_sensors(SensorConfig::ideal());
    let mut gpu = SimGpu::new(workload(), config, Duration::from_secs(100));
    let read = |gpu: &mut SimGpu, until_s: f64| {
        let mut samples = Vec::new();
        gpu.sleep_until(seconds(until_s));
        gpu.read_samples(&mut samples).unwrap();
        (samples.last().and_then(|sample| sample.energy_j).unwrap(), gpu.account().energy_j)
    };
    let start = read(&mut gpu, 6.0);
    gpu.set_clocks(gpu.capabilities.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
    let end = read(&mut gpu, 100.0);
    // The counter is behind by up to 100 ms at both ends.
    assert!((end.0 - start.0 - (end.1 - start.1)).abs() < 80.0, "{start:?} {end:?}");
}

#[test]
fn ring_power_adds_up_to_the_energy_that_was_used() {
    let config = SimConfig::default().with_sensors(SensorConfig::ideal()).with_lead_in(Duration::ZERO);
    let mut gpu = SimGpu::new(workload(), config, Duration::from_secs(60));
    let mut samples = Vec::new();
    for step in 1..=60 {
        gpu.sleep_until(seconds(f64::from(step)));
        gpu.read_samples(&mut samples).unwrap();
        if step == 20 {
            gpu.set_clocks(gpu.capabilities.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
        }
    }
    let sum: f64 = samples.iter().map(|sample| sample.power_w * 0.02).sum();
    assert!((sum - gpu.account().energy_j).abs() < 0.1, "{sum} and {}", gpu.account().energy_j);
}

#[test]
fn the_lead_in_is_no_part_of_the_account() {
    let mut gpu = gpu(1, 60);
    gpu.set_clocks(gpu.capabilities.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
    gpu.sleep_until(seconds(5.0));
    assert_eq!(gpu.account(), Account { elapsed_s: 0.0, work_s: 0.0, energy_j: 0.0, default_energy_j: 0.0 });
    assert_eq!(gpu.account().slowdown(), 0.0);
    gpu.sleep_until(seconds(6.1));
    assert!((gpu.account().work_s - 1.0).abs() < 1e-9);
}

#[test]
fn instructions_measure_the_work_whatever_the_clocks() {
    let mut gpu = gpu(1, 600);
    let rate_at = |gpu: &mut SimGpu, from_s: f64| {
        gpu.sleep_until(seconds(from_s));
        gpu.open_counters(0).unwrap();
        gpu.sleep_until(seconds(from_s + 2.0));
        let set = gpu.close_counters().unwrap();
        set.value(Counter::Instructions).unwrap() / set.end().seconds_since(set.start())
    };
    let fast = rate_at(&mut gpu, 10.0);
    gpu.set_clocks(gpu.capabilities.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
    let slow = rate_at(&mut gpu, 20.0);
    assert!((fast / slow - 1.1).abs() < 0.003, "{}", fast / slow);
    assert!(gpu.account().slowdown() > 0.0);
}

#[test]
fn refuses_what_it_cannot_do() {
    let curve = DvfsCurve::new(&DvfsTable::parse(TABLE.as_bytes(), "x").unwrap()[0]).unwrap();
    let plain = Workload::new("w", curve, Waveform::built_in(400.0));
    let mut plain = SimGpu::new(plain, SimConfig::default(), Duration::from_secs(60));
    assert_eq!(plain.open_counters(0).unwrap_err().fault, Fault::NotSupported);
    assert_eq!(plain.capabilities().unwrap().counter_passes(), 0);
    let mut gpu = gpu(1, 60);
    assert_eq!(gpu.open_counters(1).unwrap_err().fault, Fault::NotSupported);
    assert_eq!(gpu.close_counters().unwrap_err().fault, Fault::NotSupported);
    let foreign = Capabilities::new([(Mhz(1593), vec![Mhz(5)])]).unwrap().default_pair();
    assert_eq!(gpu.set_clocks(foreign).unwrap_err().fault, Fault::NotSupported);
}

#[test]
fn how_often_it_is_read_changes_nothing() {
    let (often, account) = play(3, 0.011, 20.0);
    for step_s in [0.1, 0.37, 1.9] {
        let (rarely, same) = play(3, step_s, 20.0);
        // The last batch may still be on its way.
        let common = often.len().min(rarely.len());
        assert!(common > 980);
        assert_eq!(often[..common], rarely[..common]);
        assert_eq!(account, same);
    }
    assert_ne!(often, play(4, 0.011, 20.0).0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn accounts_add_up_over_any_schedule(
        gears in prop::collection::vec((0_u16..15, 0.0..20.0_f64), 1..40), seed in any::<u64>(),
    ) {
        let config = SimConfig::default().with_seed(seed).with_instant_clocks().with_lead_in(Duration::ZERO);
        let mut gpu = SimGpu::new(workload(), config, Duration::from_secs(3600));
        let (mut work_s, mut energy_j, mut default_j) = (0.0, 0.0, 0.0);
        let mean_w = gpu.workload.waveform().mean_power_w();
        for (gear, length_s) in gears {
            let clocks = gpu.capabilities.pair(MemGear(0), SmGear(gear)).unwrap();
            let cost = gpu.workload.curve().cost(clocks).unwrap();
            gpu.set_clocks(clocks).unwrap();
            let until = seconds(gpu.now.as_secs_f64() + length_s);
            let step_s = until.seconds_since(gpu.now);
            gpu.sleep_until(until);
            work_s += step_s / cost.time;
            default_j += mean_w * step_s / cost.time;
            energy_j += mean_w * step_s / cost.time * cost.energy;
        }
        let account = gpu.account();
        prop_assert!((account.work_s - work_s).abs() < 1e-6);
        // Within a loop the power is not the mean one.
        prop_assert!((account.energy_j - energy_j).abs() <= 0.02 * energy_j + 100.0);
        prop_assert!((account.default_energy_j - default_j).abs() <= 0.02 * default_j + 100.0);
    }
}

#[test]
fn an_hour_takes_well_under_a_second() {
    let mut gpu = gpu(1, 3600);
    let mut samples = Vec::new();
    let begin = Instant::now();
    while !gpu.is_over() {
        let next = gpu.now + Duration::from_millis(250);
        gpu.sleep_until(next);
        gpu.read_samples(&mut samples).unwrap();
        samples.clear();
    }
    // 0.06 s on one core of 2023; the bound is that of the whole simulation, optimizer included.
    assert!(begin.elapsed() < Duration::from_secs(5));
}
