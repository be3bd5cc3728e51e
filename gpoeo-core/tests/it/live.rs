//! Invariant 9: the next timeout lies ahead until the stop; with timeouts alone every phase but Detect and Hold ends.

use core::time::Duration;

use gpoeo_core::{Fault, Input, OptimizerConfig, Phase, StopReason, Timestamp};

use crate::world::{Answer, World, caps};

#[test]
fn no_phase_waits_for_ever_for_samples() {
    for wanted in [Phase::MeasureBaseline, Phase::Search] {
        let mut world = World::new(OptimizerConfig::default(), caps());
        for _ in 0..6000 {
            world.step();
            if world.machine.phase() == wanted {
                break;
            }
        }
        assert_eq!(world.machine.phase(), wanted);
        world.run_silent(600.0);
        assert!(matches!(world.machine.phase(), Phase::Detect | Phase::Hold), "{wanted} did not end");
    }
}

#[test]
fn the_next_timeout_always_lies_ahead() {
    let mut world = World::new(OptimizerConfig::default(), caps().with_counters(1));
    world.is_aperiodic = true;
    for _ in 0..6000 {
        world.step();
        assert!(world.machine.poll_timeout().is_some_and(|timeout| timeout > world.now));
    }
}

#[test]
fn the_end_of_time_does_not_hang_it() {
    // No deadline lies ahead of the last moment: whatever is asked then is late at once.
    let last = Timestamp::from_nanos(u64::MAX);
    for seconds in [1.0, 25.0, 35.0, 45.0, 90.0] {
        let mut world = World::at(last.saturating_sub(Duration::from_secs(100)), OptimizerConfig::default(), caps());
        world.run(seconds);
        for fault in [Fault::Transient, Fault::GpuLost] {
            for _ in 0..20 {
                world.machine.handle(Input::Timeout { now: last }).unwrap();
                let _ = world.machine.poll_action();
            }
            world.machine.handle(Input::Fault { fault, now: last }).unwrap();
        }
        assert!(world.machine.is_stopped());
    }
}

#[test]
fn actions_that_fail_at_once_are_not_asked_without_end() {
    // Within one moment: a loop that answers every action before it goes on would never get out.
    for seconds in [20.0, 25.0, 30.0, 60.0] {
        let mut world = World::new(OptimizerConfig::default(), caps());
        world.run(seconds);
        world.answer = |_, _| Answer::Fail(Fault::Transient);
        for _ in 0..6000 {
            let before = world.commands.len();
            world.step();
            assert!(world.commands.len() - before < 20, "{:?}", &world.commands[before..]);
        }
        world.answer = |_, _| Answer::Apply;
        world.run(60.0);
        world.stop();
        assert!(world.locked.is_none());
    }
}

#[test]
fn a_restore_that_nobody_answers_ends() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(60.0);
    assert!(world.locked.is_some());
    world.answer = |_, _| Answer::Ignore;
    let now = world.now;
    world.feed(Input::Stop { now });
    assert_eq!(world.machine.phase(), Phase::Restore);
    world.run_silent(600.0);
    assert_eq!(world.machine.stop_reason(), Some(StopReason::RestoreFailed));
}
