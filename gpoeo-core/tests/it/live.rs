//! Invariant 9: the next timeout lies ahead until the stop; with timeouts alone every phase but Detect and Hold ends.

use gpoeo_core::{OptimizerConfig, Phase};

use crate::world::{World, caps};

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
