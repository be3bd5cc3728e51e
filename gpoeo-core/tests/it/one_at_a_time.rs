//! Invariant 6: at most one action is open; an unanswered one counts as a passing failure after the action timeout.

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
