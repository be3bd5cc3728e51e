//! Order of calls and error paths, against a mocked backend. Behaviour is tested against the simulator.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mockall::Sequence;

use super::*;
use crate::action::Fault;
use crate::backend::MockGpuBackend;
use crate::caps::Capabilities;
use crate::event::Phase;
use crate::units::Mhz;

fn caps() -> Capabilities {
    Capabilities::new([(Mhz(1593), (0..38).map(|gear| Mhz(855 + 15 * gear)).collect())]).unwrap()
}

fn error(fault: Fault) -> BackendError {
    BackendError::new(fault, "0", "a call", "try another")
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(millis * 1_000_000)
}

/// A clock that only waiting moves.
#[derive(Clone, Default)]
struct Clock(Rc<Cell<Timestamp>>);

impl Clock {
    fn on(&self, backend: &mut MockGpuBackend) {
        let (read, wait) = (self.clone(), self.clone());
        backend.expect_now().returning_st(move || read.0.get());
        backend.expect_sleep_until().returning_st(move |deadline| wait.0.set(wait.0.get().max(deadline)));
    }
}

/// A backend with a clock, capabilities, and a sampling interval that can be set.
fn backend(clock: &Clock) -> MockGpuBackend {
    let mut backend = MockGpuBackend::new();
    clock.on(&mut backend);
    backend.expect_capabilities().times(1).returning(|| Ok(caps()));
    backend.expect_set_sample_interval().times(1).returning(|_| Ok(()));
    backend
}

/// Gives the samples of a job of 0.33 s up to now.
fn job(clock: &Clock) -> impl FnMut(&mut Vec<Sample>) -> Result<(), BackendError> + use<> {
    let (clock, mut next) = (clock.clone(), 0);
    move |out| {
        while at(20 * next) <= clock.0.get() {
            let power_w = if (0.02 * next as f64 / 0.33).fract() < 0.6 { 420.0 } else { 230.0 };
            out.push(Sample::new(at(20 * next), power_w));
            next += 1;
        }
        Ok(())
    }
}

fn quiet() -> impl FnMut(&Event) {
    |_: &Event| {}
}

/// Steps until a phase begins.
fn step_to(driver: &mut Driver<MockGpuBackend>, phase: Phase) {
    for _ in 0..2000 {
        if driver.optimizer().phase() == phase {
            return;
        }
        driver.step(&mut quiet()).unwrap();
    }
    panic!("{phase} was not reached");
}

#[test]
fn asks_once_what_the_gpu_can_do_then_sets_the_interval_then_goes_on_reading() {
    let clock = Clock::default();
    let mut order = Sequence::new();
    let mut backend = MockGpuBackend::new();
    clock.on(&mut backend);
    backend.expect_capabilities().times(1).in_sequence(&mut order).returning(|| Ok(caps()));
    // The first reading comes before the first input, and so before the first action.
    backend.expect_read_samples().times(1).in_sequence(&mut order).returning(|_| Ok(()));
    backend.expect_set_sample_interval().times(1).in_sequence(&mut order).returning(|_| Ok(()));
    backend.expect_read_samples().times(3).in_sequence(&mut order).returning(|_| Ok(()));
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    for _ in 0..4 {
        assert_eq!(driver.step(&mut quiet()).unwrap(), Step::Running);
    }
    assert_eq!(clock.0.get(), at(750), "a reading every 250 ms");
}

#[test]
fn a_backend_that_cannot_say_what_the_gpu_can_do_is_an_error() {
    let mut backend = MockGpuBackend::new();
    backend.expect_capabilities().times(1).returning(|| Err(error(Fault::NotSupported)));
    // Nothing was set: nothing is restored.
    backend.expect_restore_clocks().never();
    let failed = Driver::new(backend, OptimizerConfig::default());
    assert!(matches!(failed, Err(DriverError::Backend(BackendError { fault: Fault::NotSupported, .. }))));
}

/// Notes what it is told.
#[derive(Default)]
struct Notes {
    inputs: Vec<Input>,
    failed_readings: usize,
    failed_actions: Vec<Fault>,
    events: Vec<Event>,
}

impl Observer for Notes {
    fn event(&mut self, event: &Event) {
        self.events.push(*event);
    }

    fn input(&mut self, input: &Input) {
        self.inputs.push(*input);
    }

    fn action(&mut self, _action: &Action, result: Result<(), &BackendError>) {
        self.failed_actions.extend(result.err().map(|error| error.fault));
    }

    fn read_failed(&mut self, _error: &BackendError) {
        self.failed_readings += 1;
    }
}

#[test]
fn a_failed_reading_is_told_and_the_samples_before_it_count() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    backend.expect_read_samples().returning(|out| {
        if out.is_empty() {
            out.push(Sample::new(at(0), 100.0));
        }
        Err(error(Fault::Transient))
    });
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    let mut notes = Notes::default();
    assert_eq!(driver.step(&mut notes).unwrap(), Step::Running);
    assert_eq!(notes.failed_readings, 1);
    assert!(matches!(notes.inputs[0], Input::Sample(_)), "{:?}", notes.inputs);
    assert!(notes.inputs.contains(&Input::Fault { fault: Fault::Transient, now: at(0) }));
    assert!(notes.events.contains(&Event::ActionFailed { fault: Fault::Transient }));
}

#[test]
fn a_gpu_that_is_lost_while_it_is_read_stops_the_loop_and_is_left_alone() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    let mut readings = 0;
    let mut samples = job(&clock);
    backend.expect_read_samples().returning_st(move |out| {
        readings += 1;
        if readings > 4 { Err(error(Fault::GpuLost)) } else { samples(out) }
    });
    backend.expect_restore_clocks().never();
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    let stopped = (0..10).map(|_| driver.step(&mut quiet()).unwrap()).find(|step| *step != Step::Running);
    assert_eq!(stopped, Some(Step::Stopped(StopReason::GpuLost)));
}

#[test]
fn a_sample_out_of_order_is_an_error_that_says_so() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    backend.expect_read_samples().returning(|out| {
        out.extend([Sample::new(at(40), 100.0), Sample::new(at(20), 100.0)]);
        Ok(())
    });
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    let failed = driver.step(&mut quiet()).unwrap_err();
    let DriverError::Input(InputError::TimeWentBack { last, got }) = failed else { panic!("{failed:?}") };
    assert_eq!((last, got), (at(40), at(20)));
}

#[test]
fn a_sample_that_comes_twice_counts_once() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    let mut samples = job(&clock);
    backend.expect_read_samples().returning_st(move |out| {
        let first = out.len();
        samples(out)?;
        let once = out.split_off(first);
        out.extend(once.into_iter().flat_map(|sample| [sample, sample]));
        Ok(())
    });
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    let mut notes = Notes::default();
    for _ in 0..50 {
        driver.step(&mut notes).unwrap();
    }
    let times: Vec<Timestamp> = notes
        .inputs
        .iter()
        .filter_map(|input| if let Input::Sample(sample) = input { Some(sample.time) } else { None })
        .collect();
    assert!(times.len() > 100, "{}", times.len());
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_refused_set_restores_the_clocks_and_ends_the_run() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    backend.expect_read_samples().returning_st(job(&clock));
    let mut order = Sequence::new();
    backend.expect_set_clocks().times(1).in_sequence(&mut order).returning(|_| Err(error(Fault::NoPermission)));
    backend.expect_restore_clocks().times(1).in_sequence(&mut order).returning(|| Ok(()));
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    let mut notes = Notes::default();
    let stopped = (0..2000).map(|_| driver.step(&mut notes).unwrap()).find(|step| *step != Step::Running);
    assert_eq!(stopped, Some(Step::Stopped(StopReason::ClocksRefused)));
    assert_eq!(notes.failed_actions, [Fault::NoPermission]);
    assert_eq!(driver.report().stop_reason, Some(StopReason::ClocksRefused));
}

#[test]
fn a_set_that_fails_in_passing_is_tried_again_a_second_later() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    backend.expect_read_samples().returning_st(job(&clock));
    let sets = Rc::new(RefCell::new(Vec::new()));
    let (asked, time) = (sets.clone(), clock.clone());
    backend.expect_set_clocks().returning_st(move |clocks| {
        asked.borrow_mut().push((time.0.get(), clocks));
        if asked.borrow().len() == 1 { Err(error(Fault::Transient)) } else { Ok(()) }
    });
    backend.expect_restore_clocks().returning(|| Ok(()));
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    while sets.borrow().len() < 2 {
        driver.step(&mut quiet()).unwrap();
    }
    let sets = sets.borrow();
    assert_eq!(sets[0].1, sets[1].1, "the same pair");
    let gap_s = sets[1].0.seconds_since(sets[0].0);
    assert!((1.0..1.6).contains(&gap_s), "{gap_s}");
}

#[test]
fn stopping_restores_once_and_returns_the_account() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    backend.expect_read_samples().returning_st(job(&clock));
    backend.expect_set_clocks().times(1..).returning(|_| Ok(()));
    // Not a second time when the driver goes.
    backend.expect_restore_clocks().times(1).returning(|| Ok(()));
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    step_to(&mut driver, Phase::Search);
    let report = driver.stop(&mut quiet()).unwrap();
    assert_eq!(report.stop_reason, Some(StopReason::Requested));
}

#[test]
fn a_driver_that_is_dropped_restores_what_it_may_have_set() {
    for outcome in [Ok(()), Err(Fault::Transient)] {
        let clock = Clock::default();
        let mut backend = backend(&clock);
        backend.expect_read_samples().returning_st(job(&clock));
        backend.expect_set_clocks().times(1..).returning(move |_| outcome.map_err(error));
        let restored = Rc::new(Cell::new(0));
        let count = restored.clone();
        backend.expect_restore_clocks().returning_st(move || {
            count.set(count.get() + 1);
            Err(error(Fault::Transient)) // nobody is left to hear of it
        });
        let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
        step_to(&mut driver, Phase::Search);
        assert_eq!(restored.get(), 0);
        drop(driver);
        assert_eq!(restored.get(), 1, "after {outcome:?}");
    }
}

#[test]
fn a_driver_that_is_dropped_before_it_set_anything_touches_nothing() {
    let clock = Clock::default();
    let mut backend = backend(&clock);
    backend.expect_read_samples().returning_st(job(&clock));
    backend.expect_set_clocks().never();
    backend.expect_restore_clocks().never();
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    driver.step(&mut quiet()).unwrap();
}

#[test]
fn an_answer_that_comes_too_late_is_no_error() {
    let clock = Clock::default();
    let mut backend = MockGpuBackend::new();
    clock.on(&mut backend);
    backend.expect_capabilities().returning(|| Ok(caps()));
    let slow = clock.clone();
    // Longer than the action timeout.
    backend.expect_set_sample_interval().returning_st(move |_| {
        slow.0.set(slow.0.get() + core::time::Duration::from_secs(20));
        Ok(())
    });
    backend.expect_read_samples().returning_st(job(&clock));
    let mut driver = Driver::new(backend, OptimizerConfig::default()).unwrap();
    for _ in 0..4 {
        assert_eq!(driver.step(&mut quiet()).unwrap(), Step::Running);
    }
}
