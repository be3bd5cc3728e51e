use super::*;
use crate::api::{ClockRange, Domain, MockNvmlApi, PowerSample};
use crate::clock::HostTimes;
use crate::error::NvmlStatus;
use crate::samples::PowerSource;
use gpoeo_core::{MemGear, Mhz, SmGear};
use mockall::Sequence;
use mockall::predicate::eq;

/// A clock that moves only when somebody waits.
#[derive(Debug, Default)]
struct VirtualClock {
    now_ns: u64,
}

impl HostClock for VirtualClock {
    fn times(&mut self) -> HostTimes {
        HostTimes { monotonic_ns: self.now_ns, boottime_ns: self.now_ns, realtime_ns: self.now_ns }
    }

    fn wait(&mut self, span: Duration) {
        self.now_ns += span.as_nanos() as u64;
    }
}

/// A GPU with two memory clocks, a ring, and no energy counter.
fn api() -> MockNvmlApi {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().returning(|_| Ok(vec![PowerSample { time_us: 0, power_w: 50.0 }]));
    api.expect_energy_j().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_utilization().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_memory_clocks_mhz().returning(|| Ok(vec![9501, 5001]));
    api.expect_sm_clocks_mhz().returning(|_| Ok(vec![1410, 1200]));
    api.expect_is_mig_enabled().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api
}

fn backend(api: MockNvmlApi, options: BackendOptions) -> NvmlBackend<MockNvmlApi, VirtualClock> {
    NvmlBackend::with_clock(api, VirtualClock::default(), "0 (GPU-1)", options).unwrap()
}

fn control(memory_clocks: MemoryClocks) -> BackendOptions {
    BackendOptions { control: Control::Clocks, memory_clocks, ..BackendOptions::default() }
}

fn exactly(mhz: u32) -> ClockRange {
    ClockRange { min_mhz: mhz, max_mhz: mhz }
}

#[test]
fn by_default_it_observes_and_makes_no_call_that_sets_anything() {
    let mut api = api();
    api.expect_lock_clock().never();
    api.expect_reset_clock().never();
    let mut backend = backend(api, BackendOptions::default());
    let caps = backend.capabilities().unwrap();
    assert!(caps.is_read_only());
    assert_eq!(backend.set_clocks(caps.default_pair()).unwrap_err().fault, Fault::NotSupported);
    backend.restore_clocks().unwrap();
}

#[test]
fn with_one_memory_clock_named_memory_is_left_alone() {
    let mut api = api();
    api.expect_lock_clock().with(eq(Domain::Sm), eq(exactly(1200))).once().returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Sm)).once().returning(|_| Ok(()));
    let mut backend = backend(api, control(MemoryClocks::Highest));
    let caps = backend.capabilities().unwrap();
    assert_eq!(caps.mem_gears(), 1);
    backend.set_clocks(caps.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
    backend.restore_clocks().unwrap();
}

#[test]
fn with_several_memory_clocks_a_lower_one_is_locked_and_the_highest_released() {
    let mut api = api();
    let mut order = Sequence::new();
    let mut lock = |domain, mhz| {
        api.expect_lock_clock()
            .with(eq(domain), eq(exactly(mhz)))
            .once()
            .in_sequence(&mut order)
            .returning(|_, _| Ok(()));
    };
    lock(Domain::Memory, 5001);
    lock(Domain::Sm, 1200);
    api.expect_reset_clock().with(eq(Domain::Memory)).once().in_sequence(&mut order).returning(|_| Ok(()));
    api.expect_lock_clock()
        .with(eq(Domain::Sm), eq(exactly(1410)))
        .once()
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Sm)).once().in_sequence(&mut order).returning(|_| Ok(()));
    let mut backend = backend(api, control(MemoryClocks::All));
    let caps = backend.capabilities().unwrap();
    backend.set_clocks(caps.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
    backend.set_clocks(caps.pair(MemGear(1), SmGear(1)).unwrap()).unwrap();
    backend.restore_clocks().unwrap();
}

#[test]
fn after_a_set_the_next_read_tells_the_clock_that_really_runs() {
    let mut api = api();
    api.expect_lock_clock().returning(|_, _| Ok(()));
    api.expect_reset_clock().returning(|_| Ok(()));
    api.expect_clock_mhz().returning(|domain| Ok(if domain == Domain::Sm { 1185 } else { 9251 }));
    let mut backend = backend(api, control(MemoryClocks::Highest));
    let caps = backend.capabilities().unwrap();
    backend.set_clocks(caps.pair(MemGear(0), SmGear(0)).unwrap()).unwrap();
    let later = backend.now() + Duration::from_millis(250);
    backend.sleep_until(later);
    // The ring of this GPU holds one sample, stamped at the origin: nothing new, so nothing is told.
    let mut out = Vec::new();
    backend.read_samples(&mut out).unwrap();
    assert_eq!(out, []);
    backend.reader = SampleReader::new(backend.telemetry(), Timestamp::ZERO);
    backend.api.checkpoint();
    backend.api.expect_power_samples().returning(|_| Ok(vec![PowerSample { time_us: 200_000, power_w: 50.0 }]));
    backend.api.expect_clock_mhz().returning(|domain| Ok(if domain == Domain::Sm { 1185 } else { 9251 }));
    backend.api.expect_reset_clock().returning(|_| Ok(()));
    backend.read_samples(&mut out).unwrap();
    assert_eq!(out[0].sm_clock, Some(Mhz(1185)));
}

#[test]
fn dropping_it_with_a_lock_in_force_restores() {
    let mut api = api();
    api.expect_lock_clock().once().returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Sm)).once().returning(|_| Ok(()));
    let mut backend = backend(api, control(MemoryClocks::Highest));
    let caps = backend.capabilities().unwrap();
    backend.set_clocks(caps.default_pair()).unwrap();
    drop(backend);
}

#[test]
fn a_panic_restores() {
    let mut api = api();
    api.expect_lock_clock().once().returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Sm)).once().returning(|_| Ok(()));
    let mut backend = backend(api, control(MemoryClocks::Highest));
    let caps = backend.capabilities().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        backend.set_clocks(caps.default_pair()).unwrap();
        panic!("as an optimizer would");
    }));
    assert!(panicked.is_err());
}

#[test]
fn a_gpu_cut_into_instances_is_observed_only() {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().returning(|_| Ok(vec![PowerSample { time_us: 0, power_w: 50.0 }]));
    api.expect_energy_j().returning(|| Ok(1.0));
    api.expect_utilization().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_memory_clocks_mhz().returning(|| Ok(vec![2619]));
    api.expect_sm_clocks_mhz().returning(|_| Ok(vec![1980]));
    api.expect_is_mig_enabled().returning(|| Ok(true));
    assert!(backend(api, control(MemoryClocks::All)).capabilities().unwrap().is_read_only());
}

#[test]
fn the_lag_of_the_sensor_is_that_of_the_source() {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().returning(|_| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_instant_power_w().returning(|| Err(NvmlStatus(2)));
    api.expect_power_usage_w().returning(|| Ok(1.0));
    api.expect_compute_capability().returning(|| Ok((8, 6)));
    api.expect_energy_j().returning(|| Ok(1.0));
    api.expect_utilization().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_memory_clocks_mhz().returning(|| Ok(vec![9501]));
    api.expect_sm_clocks_mhz().returning(|_| Ok(vec![1410]));
    api.expect_is_mig_enabled().returning(|| Ok(false));
    let mut backend = backend(api, BackendOptions::default());
    assert_eq!(backend.telemetry().power, PowerSource::UsageAverage);
    assert_eq!(backend.capabilities().unwrap().sensor_lag(), Duration::from_secs(1));
}

#[test]
fn a_gpu_without_any_power_reading_is_refused_with_a_reason() {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().returning(|_| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_instant_power_w().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_power_usage_w().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    let error =
        NvmlBackend::with_clock(api, VirtualClock::default(), "0 (GPU-1)", BackendOptions::default()).unwrap_err();
    assert_eq!(error.fault, Fault::NotSupported);
    assert!(error.to_string().starts_with("GPU 0 (GPU-1): finding a source of power failed"), "{error}");
}

#[test]
fn waiting_stops_at_the_deadline_and_not_before_now() {
    let mut backend = backend(api(), BackendOptions::default());
    backend.sleep_until(Timestamp::from_nanos(500));
    backend.sleep_until(Timestamp::from_nanos(100));
    assert_eq!(backend.now(), Timestamp::from_nanos(500));
}
