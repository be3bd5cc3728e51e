//! Invariant 2: after a stop the last accepted clock command is a restore, or the event says why not.

use gpoeo_core::{Command, Event, Fault, Input, OptimizerConfig, Phase, StopReason};
use proptest::prelude::*;

use crate::world::{Answer, World, caps};

fn stop_reason(world: &World) -> Option<StopReason> {
    world.events.iter().find_map(|event| match event {
        Event::Stopped { reason } => Some(*reason),
        _ => None,
    })
}

/// Answers by a fixed pattern of one in seven.
fn unreliable(command: &Command, count: usize) -> Answer {
    match (command, count % 7) {
        (_, 3) => Answer::Fail(Fault::Transient),
        (_, 5) => Answer::Ignore,
        (_, 6) => Answer::Forget,
        _ => Answer::Apply,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn clocks_go_back_at_whatever_moment_it_is_stopped(seconds in 0.0..120.0f64, is_unreliable: bool) {
        let mut world = World::new(OptimizerConfig::default(), caps());
        if is_unreliable {
            world.answer = unreliable;
        }
        world.run(seconds);
        world.stop();
        let reason = stop_reason(&world).expect("it says that it stopped");
        // A restore that fails now and then is tried again: there is no excuse.
        prop_assert_eq!(reason, StopReason::Requested);
        prop_assert!(!matches!(world.last_accepted, Some(Command::SetClocks(_))));
        prop_assert!(world.locked.is_none());
        prop_assert_eq!(world.machine.phase(), Phase::Stopped);
        prop_assert_eq!(world.machine.poll_timeout(), None);
        prop_assert_eq!(world.machine.report().stop_reason, Some(reason));
    }
}

#[test]
fn a_refused_clock_ends_the_run_with_clocks_as_found() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.answer = |command, _| match command {
        Command::SetClocks(_) => Answer::Fail(Fault::NoPermission),
        _ => Answer::Apply,
    };
    world.run(120.0);
    assert_eq!(stop_reason(&world), Some(StopReason::ClocksRefused));
    assert!(world.locked.is_none());
}

#[test]
fn says_that_a_restore_failed() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.answer = |command, _| match command {
        Command::RestoreClocks => Answer::Fail(Fault::Transient),
        _ => Answer::Apply,
    };
    world.run(60.0);
    assert!(world.locked.is_some());
    world.stop();
    assert_eq!(stop_reason(&world), Some(StopReason::RestoreFailed));
}

#[test]
fn a_lost_gpu_ends_everything_at_once() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(60.0);
    let asked = world.commands.len();
    world.feed(Input::Fault { fault: Fault::GpuLost, now: world.now });
    assert_eq!(stop_reason(&world), Some(StopReason::GpuLost));
    assert!(world.machine.is_stopped());
    assert_eq!(world.commands.len(), asked);
    assert!(matches!(world.events.last(), Some(Event::Stopped { .. })), "the last event is the stop");
}

#[test]
fn an_open_counter_window_is_closed_at_the_stop() {
    let mut world = World::new(OptimizerConfig::default(), caps().with_counters(1));
    world.is_aperiodic = true;
    for _ in 0..6000 {
        world.step();
        if world.counter_start.is_some() {
            break;
        }
    }
    assert!(world.counter_start.is_some(), "work rate instead of a period");
    world.stop();
    assert!(world.counter_start.is_none());
}

#[test]
fn a_set_with_an_unknown_end_is_not_taken_for_one_that_was_refused() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    // The first set is carried out and never answered; after that nothing is permitted any more, not even a restore.
    world.answer = |command, count| match command {
        Command::SetClocks(_) if count <= 1 => Answer::Forget,
        Command::SetClocks(_) | Command::RestoreClocks => Answer::Fail(Fault::NoPermission),
        _ => Answer::Apply,
    };
    world.run(120.0);
    assert!(world.locked.is_some());
    assert_eq!(stop_reason(&world), Some(StopReason::RestoreFailed));
}
