//! Invariant 3: equal configuration, capabilities and inputs give equal outputs; extra polls change nothing.

use gpoeo_core::{Optimizer, OptimizerConfig, Outputs};

use crate::world::{World, caps};

fn replayed(world: &World) -> (Outputs, Optimizer) {
    let mut machine = Optimizer::new(OptimizerConfig::default(), caps());
    let outputs = world.recording.replay(&mut machine).expect("it took these inputs before");
    (outputs, machine)
}

#[test]
fn a_replay_gives_the_same_outputs_and_report() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(150.0);
    let (once, machine) = replayed(&world);
    assert_eq!(once.events, world.events);
    assert_eq!(once.actions.iter().map(|action| action.command).collect::<Vec<_>>(), world.commands);
    assert_eq!(machine.report(), world.machine.report());
    assert_eq!(replayed(&world).0, once);
}

#[test]
fn extra_polls_change_nothing() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(60.0);
    let mut machine = Optimizer::new(OptimizerConfig::default(), caps());
    let mut events = Vec::new();
    for &input in world.recording.inputs() {
        machine.handle(input).unwrap();
        for _ in 0..3 {
            let _ = machine.poll_action();
            let _ = (machine.poll_timeout(), machine.report(), machine.phase());
            events.extend(machine.poll_event());
        }
        events.extend(core::iter::from_fn(|| machine.poll_event()));
    }
    assert_eq!(events, world.events);
    assert_eq!(machine.report(), world.machine.report());
}

#[cfg(feature = "serde")]
#[test]
fn a_recording_survives_json() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(30.0);
    let json = serde_json::to_string(&world.recording).unwrap();
    let back: gpoeo_core::Recording = serde_json::from_str(&json).unwrap();
    assert!(back == world.recording, "some input came back changed");
}
