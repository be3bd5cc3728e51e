use super::*;
use crate::api::{MockNvmlApi, PowerSample, Utilization};
use crate::clock::HostTimes;
use gpoeo_core::Fault;
use mockall::Sequence;

const SECOND: u64 = 1_000_000_000;
const UNIX_US: u64 = 1_760_000_000 * 1_000_000;

/// A host whose clocks stand still during a read.
struct Host(HostTimes);

impl HostClock for Host {
    fn times(&mut self) -> HostTimes {
        self.0
    }

    fn wait(&mut self, _span: Duration) {}
}

/// The clocks of a host that was up for 1000 s at Unix time 1.76e9, `ms` later.
fn times(ms: u64) -> HostTimes {
    let ns = 1000 * SECOND + ms * 1_000_000;
    HostTimes { monotonic_ns: ns, boottime_ns: ns, realtime_ns: UNIX_US * 1000 + ms * 1_000_000 }
}

fn at_ms(ms: u64) -> Timestamp {
    Timestamp::from_nanos(1000 * SECOND + ms * 1_000_000)
}

/// A ring sample stamped `ms` after the origin of [`times`].
fn stamped(ms: u64, power_w: f64) -> PowerSample {
    PowerSample { time_us: UNIX_US + ms * 1000, power_w }
}

fn reader(power: PowerSource) -> SampleReader {
    SampleReader::new(Telemetry { power, has_energy: true, has_utilization: true }, at_ms(0))
}

fn expect_slow(api: &mut MockNvmlApi) {
    api.expect_energy_j().returning(|| Ok(81.5));
    api.expect_clock_mhz().returning(|domain| Ok(if domain == Domain::Sm { 1410 } else { 9251 }));
    api.expect_utilization().returning(|| Ok(Utilization { sm_pct: 98, memory_pct: 40 }));
}

fn read(reader: &mut SampleReader, api: &mut MockNvmlApi, now: HostTimes) -> Vec<Sample> {
    let mut out = Vec::new();
    reader.read(api, &mut Host(now), "0", &mut out).unwrap();
    out
}

#[test]
fn ring_samples_keep_their_own_time_and_only_the_newest_carries_what_was_read_now() {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().return_once(|_| Ok(vec![stamped(20, 300.0), stamped(40, 310.0), stamped(60, 305.0)]));
    expect_slow(&mut api);
    let out = read(&mut reader(PowerSource::Ring), &mut api, times(70));
    assert_eq!(out.iter().map(|sample| sample.time).collect::<Vec<_>>(), [at_ms(20), at_ms(40), at_ms(60)]);
    assert_eq!(out[0], Sample::new(at_ms(20), 300.0));
    let newest = Sample::new(at_ms(60), 305.0).energy_j(81.5).sm_util(0.98).mem_util(0.4);
    assert_eq!(out[2], newest.sm_clock(Mhz(1410)).mem_clock(Mhz(9251)));
}

#[test]
fn one_read_is_the_ring_then_energy_then_clocks_then_utilisation() {
    let mut api = MockNvmlApi::new();
    let mut order = Sequence::new();
    api.expect_power_samples().once().in_sequence(&mut order).return_once(|_| Ok(vec![stamped(20, 300.0)]));
    api.expect_energy_j().once().in_sequence(&mut order).returning(|| Ok(1.0));
    api.expect_clock_mhz().withf(|domain| *domain == Domain::Sm).once().in_sequence(&mut order).returning(|_| Ok(1));
    api.expect_clock_mhz()
        .withf(|domain| *domain == Domain::Memory)
        .once()
        .in_sequence(&mut order)
        .returning(|_| Ok(1));
    let busy = Utilization { sm_pct: 1, memory_pct: 1 };
    api.expect_utilization().once().in_sequence(&mut order).returning(move || Ok(busy));
    let mut reader = reader(PowerSource::Ring);
    read(&mut reader, &mut api, times(30));
    assert_eq!(reader.cost().reads, 1);
}

#[test]
fn asks_only_for_what_is_newer_than_the_last_sample() {
    let mut api = MockNvmlApi::new();
    let mut order = Sequence::new();
    for (asked, given) in [(0, 20), (UNIX_US + 20_000, 40), (UNIX_US + 40_000, 60)] {
        api.expect_power_samples()
            .withf(move |newer_than_us| *newer_than_us == asked)
            .once()
            .in_sequence(&mut order)
            .return_once(move |_| Ok(vec![stamped(given, 300.0)]));
    }
    expect_slow(&mut api);
    let mut reader = reader(PowerSource::Ring);
    let samples = [30, 50, 70].map(|ms| read(&mut reader, &mut api, times(ms))[0].time);
    assert_eq!(samples, [at_ms(20), at_ms(40), at_ms(60)]);
}

#[test]
fn late_double_and_future_samples_are_dropped_and_counted_and_disorder_is_sorted() {
    let mut api = MockNvmlApi::new();
    let mut order = Sequence::new();
    let batches = [
        vec![stamped(40, 2.0), stamped(20, 1.0)],
        vec![stamped(40, 2.0), stamped(30, 9.0), stamped(60, 3.0), stamped(60, 3.0), stamped(900, 9.0)],
        vec![stamped(80, 4.0)],
    ];
    for batch in batches {
        api.expect_power_samples().once().in_sequence(&mut order).return_once(move |_| Ok(batch));
    }
    expect_slow(&mut api);
    let mut reader = reader(PowerSource::Ring);
    let samples = [50, 70, 90].into_iter().flat_map(|ms| read(&mut reader, &mut api, times(ms)));
    let powers: Vec<_> = samples.map(|sample| sample.power_w).collect();
    assert_eq!(powers, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(reader.dropped(), 4);
}

#[test]
fn what_the_ring_holds_from_before_the_start_is_not_given_out() {
    let mut api = MockNvmlApi::new();
    let early = PowerSample { time_us: UNIX_US - 20_000, power_w: 100.0 };
    api.expect_power_samples().return_once(move |_| Ok(vec![early, stamped(0, 101.0), stamped(20, 102.0)]));
    expect_slow(&mut api);
    let mut reader = reader(PowerSource::Ring);
    assert_eq!(read(&mut reader, &mut api, times(30)).len(), 1);
    assert_eq!(reader.dropped(), 0);
}

#[test]
fn no_news_is_no_failure_and_costs_one_call() {
    for status in [NvmlStatus::NOT_FOUND, NvmlStatus::NO_DATA] {
        let mut api = MockNvmlApi::new();
        api.expect_power_samples().once().return_once(move |_| Err(status));
        assert_eq!(read(&mut reader(PowerSource::Ring), &mut api, times(30)), []);
    }
}

#[test]
fn when_the_wall_clock_was_set_back_the_ring_is_read_from_its_beginning() {
    let mut api = MockNvmlApi::new();
    let mut order = Sequence::new();
    let step_us = 3_600_000_000;
    let back = |sample: PowerSample| PowerSample { time_us: sample.time_us - step_us, ..sample };
    for (asked, batch) in [
        (0, vec![stamped(20, 1.0)]),
        (UNIX_US + 20_000, vec![stamped(40, 2.0)]),
        (0, vec![back(stamped(60, 3.0)), stamped(20, 1.0), stamped(40, 2.0)]),
        (UNIX_US + 60_000 - step_us, vec![back(stamped(80, 4.0))]),
    ] {
        api.expect_power_samples()
            .withf(move |newer_than_us| *newer_than_us == asked)
            .once()
            .in_sequence(&mut order)
            .return_once(move |_| Ok(batch));
    }
    expect_slow(&mut api);
    let mut reader = reader(PowerSource::Ring);
    let set_back = |ms| HostTimes { realtime_ns: times(ms).realtime_ns - step_us * 1000, ..times(ms) };
    let moments = [times(30), times(50), set_back(70), set_back(90)];
    let samples: Vec<_> = moments.into_iter().flat_map(|now| read(&mut reader, &mut api, now)).collect();
    assert_eq!(samples.iter().map(|sample| sample.power_w).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
    assert!(samples.windows(2).all(|pair| pair[1].time.saturating_since(pair[0].time) == Duration::from_millis(20)));
}

#[test]
fn a_polled_source_gives_one_sample_a_read_stamped_now() {
    let mut api = MockNvmlApi::new();
    api.expect_instant_power_w().times(2).returning(|| Ok(250.0));
    expect_slow(&mut api);
    let mut reader = reader(PowerSource::InstantField);
    assert_eq!(read(&mut reader, &mut api, times(100))[0].time, at_ms(100));
    assert_eq!(read(&mut reader, &mut api, times(200))[0].time, at_ms(200));
    for source in [PowerSource::UsageInstant, PowerSource::UsageAverage] {
        let mut api = MockNvmlApi::new();
        api.expect_power_usage_w().once().returning(|| Ok(240.0));
        expect_slow(&mut api);
        assert_eq!(read(&mut super::tests::reader(source), &mut api, times(100))[0].power_w, 240.0);
    }
}

#[test]
fn a_failing_field_is_absent_and_an_absurd_utilisation_too() {
    let mut api = MockNvmlApi::new();
    api.expect_instant_power_w().returning(|| Ok(250.0));
    api.expect_energy_j().returning(|| Err(NvmlStatus::UNKNOWN));
    api.expect_clock_mhz().returning(|_| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_utilization().returning(|| Ok(Utilization { sm_pct: 4_000_000, memory_pct: 100 }));
    let out = read(&mut reader(PowerSource::InstantField), &mut api, times(100));
    assert_eq!(out, [Sample::new(at_ms(100), 250.0).mem_util(1.0)]);
}

#[test]
fn a_gpu_that_is_lost_within_a_read_still_gives_the_samples_it_had() {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().return_once(|_| Ok(vec![stamped(20, 300.0)]));
    api.expect_energy_j().returning(|| Err(NvmlStatus::GPU_IS_LOST));
    let mut out = Vec::new();
    let error = reader(PowerSource::Ring).read(&mut api, &mut Host(times(30)), "0", &mut out).unwrap_err();
    assert_eq!((error.fault, out.len()), (Fault::GpuLost, 1));
}

#[test]
fn every_code_of_a_failed_power_reading_reaches_the_core_as_its_fault() {
    for code in (1..=29).filter(|&code| code != 6 && code != 21).chain([77, 999]) {
        let mut api = MockNvmlApi::new();
        api.expect_power_samples().once().return_once(move |_| Err(NvmlStatus(code)));
        let mut out = Vec::new();
        let error = reader(PowerSource::Ring).read(&mut api, &mut Host(times(30)), "0", &mut out).unwrap_err();
        assert_eq!(error.fault, NvmlStatus(code).fault());
        assert_eq!(error.fix, NvmlStatus(code).fix());
    }
}

/// A GPU with these answers to ring, field 186 and power usage, of this compute capability.
fn gpu(
    ring: Result<usize, NvmlStatus>,
    field: Result<f64, NvmlStatus>,
    usage: Result<f64, NvmlStatus>,
    capability: Result<(i32, i32), NvmlStatus>,
) -> MockNvmlApi {
    let mut api = MockNvmlApi::new();
    api.expect_power_samples().returning(move |_| ring.map(|count| vec![stamped(0, 1.0); count]));
    api.expect_instant_power_w().returning(move || field);
    api.expect_power_usage_w().returning(move || usage);
    api.expect_compute_capability().returning(move || capability);
    api.expect_energy_j().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api.expect_utilization().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
    api
}

#[test]
fn the_best_source_that_answers_is_taken() {
    let no = NvmlStatus::NOT_SUPPORTED;
    let ampere = Ok((8, 6));
    let cases = [
        (gpu(Ok(119), Ok(1.0), Ok(1.0), ampere), PowerSource::Ring),
        (gpu(Ok(0), Ok(1.0), Ok(1.0), ampere), PowerSource::InstantField),
        (gpu(Err(NvmlStatus::NOT_FOUND), Ok(1.0), Ok(1.0), ampere), PowerSource::InstantField),
        (gpu(Err(NvmlStatus::FUNCTION_NOT_FOUND), Ok(1.0), Ok(1.0), ampere), PowerSource::InstantField),
        (gpu(Err(no), Err(no), Ok(1.0), ampere), PowerSource::UsageAverage),
        (gpu(Err(no), Err(no), Ok(1.0), Ok((8, 0))), PowerSource::UsageInstant),
        (gpu(Err(no), Err(no), Ok(1.0), Ok((7, 0))), PowerSource::UsageInstant),
        (gpu(Err(no), Err(no), Ok(1.0), Err(no)), PowerSource::UsageAverage),
    ];
    for (mut api, source) in cases {
        let found = Telemetry::probe(&mut api).unwrap();
        assert_eq!(found, Telemetry { power: source, has_energy: false, has_utilization: false });
    }
}

#[test]
fn without_any_source_the_last_code_is_told_and_a_lost_gpu_is_not_probed_on() {
    let (no, lost) = (NvmlStatus::NOT_SUPPORTED, NvmlStatus::GPU_IS_LOST);
    assert_eq!(Telemetry::probe(&mut gpu(Err(no), Err(no), Err(no), Ok((8, 6)))), Err(no));
    assert_eq!(Telemetry::probe(&mut gpu(Err(lost), Ok(1.0), Ok(1.0), Ok((8, 6)))), Err(lost));
    assert_eq!(Telemetry::probe(&mut gpu(Err(no), Err(lost), Ok(1.0), Ok((8, 6)))), Err(lost));
}

#[test]
fn an_absent_energy_counter_is_never_asked_again() {
    let mut api = MockNvmlApi::new();
    api.expect_instant_power_w().returning(|| Ok(250.0));
    api.expect_energy_j().never();
    api.expect_utilization().never();
    api.expect_clock_mhz().returning(|_| Ok(1));
    let telemetry = Telemetry { power: PowerSource::InstantField, has_energy: false, has_utilization: false };
    let mut reader = SampleReader::new(telemetry, at_ms(0));
    assert_eq!(read(&mut reader, &mut api, times(100))[0].energy_j, None);
}
