//! Invariant 8: in Detect and MeasureBaseline none of our locks is in force.

use gpoeo_core::{Command, Event, Fault, OptimizerConfig, Phase};

use crate::world::{Answer, World, caps};

#[test]
fn detects_and_measures_the_baseline_at_the_found_clocks() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    let mut phases = Vec::new();
    for second in 0..400 {
        if second == 200 {
            world.period_s *= 1.7; // another job
        }
        for _ in 0..50 {
            world.step();
            let phase = world.machine.phase();
            if phases.last() != Some(&phase) {
                phases.push(phase);
            }
            if matches!(phase, Phase::Detect | Phase::MeasureBaseline) {
                assert!(world.locked.is_none(), "locked in {phase}");
            }
        }
    }
    let detections = phases.iter().filter(|&&phase| phase == Phase::Detect).count();
    assert_eq!(detections, 2, "the other job was noticed: {phases:?}");
    assert_eq!(phases.last(), Some(&Phase::Hold));
}

#[test]
fn gives_the_clocks_back_when_the_job_ends() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(120.0);
    assert!(world.locked.is_some());
    world.period_s = 0.0;
    world.run(120.0);
    assert!(world.locked.is_none());
    assert_eq!(world.machine.phase(), Phase::Detect);
}

#[test]
fn no_job_is_detected_before_the_clocks_are_back() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(120.0);
    assert!(world.locked.is_some());
    world.period_s *= 1.7;
    world.answer = |command, _| match command {
        Command::RestoreClocks => Answer::Fail(Fault::Transient),
        _ => Answer::Apply,
    };
    world.run(120.0);
    assert_eq!(world.machine.phase(), Phase::Detect);
    assert!(world.locked.is_some(), "it cannot be restored");
    let told = world.events.len();
    world.run(60.0);
    let detected = |event: &Event| matches!(event, Event::Detected { .. } | Event::BaselineMeasured { .. });
    assert!(!world.events[told..].iter().any(detected), "{:?}", &world.events[told..]);
    world.answer = |_, _| Answer::Apply;
    world.run(60.0);
    assert!(world.events[told..].iter().any(detected));
}
