//! Invariant 6: at most one action is open; an unanswered one counts as a passing failure after the action timeout.

use core::time::Duration;

use gpoeo_core::{Command, Event, Fault, OptimizerConfig};

use crate::world::{Answer, World, caps};

#[test]
fn an_unanswered_action_counts_as_failed() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.answer = |command, _| match command {
        Command::SetClocks(_) => Answer::Ignore,
        _ => Answer::Apply,
    };
    let mut failures = 0;
    let mut asked = 0;
    for _ in 0..6000 {
        world.step();
        let sets = world.commands.iter().filter(|command| matches!(command, Command::SetClocks(_))).count();
        failures = world
            .events
            .iter()
            .filter(|event| matches!(event, Event::ActionFailed { fault: Fault::Transient }))
            .count();
        assert!(sets <= failures + 1, "a second action while one is open");
        asked = sets;
    }
    assert!(asked >= 3 && failures >= 3, "{asked} {failures}");
    world.stop();
    assert!(matches!(world.last_accepted, Some(Command::RestoreClocks)), "an unanswered set may have been done");
}

#[test]
fn an_unanswered_action_fails_after_its_time_and_not_before() {
    for timeout_s in [1.0, 5.0, 20.0] {
        let timeout = Duration::from_secs_f64(timeout_s);
        let config = OptimizerConfig::builder().action_timeout(timeout).build().unwrap();
        let mut world = World::new(config, caps());
        world.answer = |command, _| match command {
            Command::SetClocks(_) => Answer::Ignore,
            _ => Answer::Apply,
        };
        let is_set = |command: &Command| matches!(command, Command::SetClocks(_));
        while !world.commands.iter().any(is_set) {
            world.step();
        }
        let asked = world.now;
        let has_failed = |world: &World| world.events.iter().any(|event| matches!(event, Event::ActionFailed { .. }));
        while !has_failed(&world) {
            assert_eq!(world.machine.poll_action(), None, "one is open");
            world.step();
        }
        let waited_s = world.now.seconds_since(asked);
        assert!((timeout_s..timeout_s + 0.05).contains(&waited_s), "{waited_s} instead of {timeout_s}");
    }
}
