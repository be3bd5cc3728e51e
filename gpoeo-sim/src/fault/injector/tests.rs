use gpoeo_core::{MemGear, SmGear};

use super::*;
use crate::gpu::{SimConfig, SimGpu};
use crate::sensor::SensorConfig;
use crate::suite::Suite;

fn gpu(plan: &str) -> FaultInjector<SimGpu> {
    let job = Suite::paper71().workload("gnn_collab_gcn").unwrap().clone();
    let config = SimConfig::default()
        .with_instant_clocks()
        .with_drift(crate::gpu::Drift::Absent)
        .with_sensors(SensorConfig::ideal())
        .with_lead_in(Duration::ZERO);
    FaultInjector::new(SimGpu::new(job, config, Duration::from_secs(600)), plan.parse().unwrap(), 1)
}

fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_secs_f64(seconds)
}

fn pair(gpu: &mut FaultInjector<SimGpu>, sm_gear: u16) -> ClockPair {
    gpu.known().unwrap().pair(MemGear(3), SmGear(sm_gear)).unwrap()
}

fn read(gpu: &mut FaultInjector<SimGpu>, until_s: f64) -> Vec<Sample> {
    let mut samples = Vec::new();
    while gpu.now() < seconds(until_s) {
        let next = gpu.now() + Duration::from_millis(500);
        gpu.sleep_until(next.min(seconds(until_s)));
        gpu.read_samples(&mut samples).unwrap();
    }
    samples
}

#[test]
fn without_faults_every_call_goes_through() {
    let (mut plain, mut wrapped) = (gpu("").into_inner(), gpu(""));
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for step in 1..40_u32 {
        let at = seconds(f64::from(step));
        plain.sleep_until(at);
        wrapped.sleep_until(at);
        if step == 10 {
            let low = pair(&mut wrapped, 50);
            plain.set_clocks(low).unwrap();
            wrapped.set_clocks(low).unwrap();
        }
        plain.read_samples(&mut theirs).unwrap();
        wrapped.read_samples(&mut ours).unwrap();
    }
    assert_eq!(ours, theirs);
    assert_eq!(plain.account(), wrapped.inner().account());
}

#[test]
fn a_set_can_be_ignored_or_clamped_and_say_nothing() {
    let mut gpu = gpu("ignore-set@t=10@for=10,clamp-set=1200@t=30@for=10");
    let low = pair(&mut gpu, 60);
    let found = gpu.inner().clocks();
    gpu.sleep_until(seconds(15.0));
    gpu.set_clocks(low).unwrap();
    assert_eq!(gpu.inner().clocks(), found);
    gpu.sleep_until(seconds(25.0));
    gpu.set_clocks(low).unwrap();
    assert_eq!(gpu.inner().clocks(), low);
    gpu.sleep_until(seconds(35.0));
    gpu.set_clocks(low).unwrap();
    assert_eq!(gpu.inner().clocks().sm(), Mhz(1200));
    gpu.restore_clocks().unwrap();
    assert_eq!(gpu.inner().clocks(), found);
}

#[test]
fn a_stuck_clock_cannot_be_restored_either() {
    let mut gpu = gpu("stuck-clock@t=10@for=10");
    let low = pair(&mut gpu, 60);
    gpu.set_clocks(low).unwrap();
    gpu.sleep_until(seconds(15.0));
    gpu.restore_clocks().unwrap();
    assert_eq!(gpu.inner().clocks(), low);
    gpu.sleep_until(seconds(25.0));
    gpu.restore_clocks().unwrap();
    assert_ne!(gpu.inner().clocks(), low);
}

#[test]
fn another_controller_sets_its_clock_and_sets_it_again() {
    let mut gpu = gpu("foreign-set=900@t=10@for=100");
    let low = pair(&mut gpu, 60);
    gpu.set_clocks(low).unwrap();
    gpu.sleep_until(seconds(11.0));
    assert_eq!(gpu.inner().clocks().sm(), Mhz(900));
    gpu.set_clocks(low).unwrap();
    gpu.sleep_until(seconds(39.0));
    assert_eq!(gpu.inner().clocks(), low);
    gpu.sleep_until(seconds(41.0));
    assert_eq!(gpu.inner().clocks().sm(), Mhz(900));
}

#[test]
fn caps_hold_the_clock_down_and_let_it_go() {
    let mut gpu = gpu("cap-thermal=1200@t=10@for=10,cap-power=1500@t=30@for=20");
    let high = pair(&mut gpu, 110);
    gpu.set_clocks(high).unwrap();
    gpu.sleep_until(seconds(12.0));
    assert_eq!(gpu.inner().clocks().sm(), Mhz(1200));
    let low = pair(&mut gpu, 20);
    gpu.set_clocks(low).unwrap();
    assert_eq!(gpu.inner().clocks(), low, "below the cap nothing is held");
    gpu.set_clocks(high).unwrap();
    assert_eq!(gpu.inner().clocks().sm(), Mhz(1200));
    gpu.sleep_until(seconds(21.0));
    assert_eq!(gpu.inner().clocks(), high);
    let mut seen = Vec::new();
    for second in 31..49 {
        gpu.sleep_until(seconds(f64::from(second) + 0.5));
        seen.push(gpu.inner().clocks().sm());
    }
    assert!(seen.iter().all(|sm| (Mhz(1440)..=Mhz(1500)).contains(sm)), "{seen:?}");
    seen.dedup();
    assert!(seen.len() > 3, "it wanders: {seen:?}");
    gpu.sleep_until(seconds(51.0));
    assert_eq!(gpu.inner().clocks(), high);
}

#[test]
fn a_lost_gpu_comes_back_without_its_locks() {
    let mut gpu = gpu("lost@t=10@for=20");
    let low = pair(&mut gpu, 60);
    gpu.set_clocks(low).unwrap();
    gpu.sleep_until(seconds(12.0));
    assert_eq!(gpu.read_samples(&mut Vec::new()).unwrap_err().fault, Fault::GpuLost);
    assert_eq!(gpu.set_clocks(low).unwrap_err().fault, Fault::GpuLost);
    assert_eq!(gpu.capabilities().unwrap_err().fault, Fault::GpuLost);
    gpu.sleep_until(seconds(31.0));
    assert!(gpu.read_samples(&mut Vec::new()).is_ok());
    assert_ne!(gpu.inner().clocks(), low);
}

#[test]
fn a_call_that_hangs_takes_its_time_and_fails() {
    let mut gpu = gpu("hang=5@t=10@for=1,noperm@t=30@for=1");
    let low = pair(&mut gpu, 60);
    gpu.sleep_until(seconds(10.5));
    assert_eq!(gpu.set_clocks(low).unwrap_err().fault, Fault::Transient);
    assert_eq!(gpu.now(), seconds(15.5));
    assert!(gpu.set_clocks(low).is_ok());
    gpu.sleep_until(seconds(30.5));
    assert_eq!(gpu.restore_clocks().unwrap_err().fault, Fault::NoPermission);
    assert!(gpu.read_samples(&mut Vec::new()).is_ok());
}

#[test]
fn the_ring_can_have_gaps_repeats_and_nothing() {
    let mut gpu = gpu("ring-gap=1500@t=5,ring-dup@t=10@for=5,ring-empty@t=20@for=5");
    let samples = read(&mut gpu, 30.0);
    let steps: Vec<f64> = samples.windows(2).map(|pair| pair[1].time.seconds_since(pair[0].time)).collect();
    assert!(steps.iter().all(|step| *step >= 0.0));
    let largest = |from: f64, to: f64| {
        let inside = samples.windows(2).filter(|pair| (from..to).contains(&pair[0].time.as_secs_f64()));
        inside.map(|pair| pair[1].time.seconds_since(pair[0].time)).fold(0.0, f64::max)
    };
    assert!((1.4..1.7).contains(&largest(4.0, 6.0)), "{}", largest(4.0, 6.0));
    assert!(largest(19.0, 21.0) > 4.0);
    let repeats = steps.iter().filter(|step| **step == 0.0).count();
    assert!((200..300).contains(&repeats), "{repeats} repeats");
}

#[test]
fn the_counter_can_restart_and_stand_still() {
    let mut gpu = gpu("counter-reset@t=10,counter-stuck@t=20@for=5");
    let samples = read(&mut gpu, 30.0);
    let at = |time_s: f64| {
        let sample = samples.iter().rev().find(|sample| sample.time <= seconds(time_s)).unwrap();
        sample.energy_j.unwrap()
    };
    assert!(at(9.0) > at(8.0));
    assert!(at(11.0) < 400.0, "{}", at(11.0));
    assert!((at(24.0) - at(21.0)).abs() < 1e-9);
    assert!(at(29.0) > at(24.0) + 1000.0);
}

#[test]
fn equal_seeds_fail_alike() {
    let run = |seed| {
        let mut gpu = gpu("");
        let plan = FaultPlan::random(seed, Duration::from_secs(500), Mhz(2055));
        gpu.plan = plan.faults().to_vec();
        let mut errors = 0;
        let mut samples = Vec::new();
        for step in 1..1500_u32 {
            gpu.sleep_until(seconds(0.33 * f64::from(step)));
            errors += u32::from(gpu.read_samples(&mut samples).is_err());
            if step % 100 == 0 {
                let clocks = pair(&mut gpu, (step / 14) as u16);
                errors += u32::from(gpu.set_clocks(clocks).is_err());
            }
        }
        (errors, samples, gpu.inner().account())
    };
    assert_eq!(run(2), run(2));
    assert_ne!(run(2).2, run(3).2);
}
