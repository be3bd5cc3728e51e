//! The monitor of a held setting: quick where the limit is at stake, in time where more could be saved, quiet otherwise.

use gpoeo_core::{Event, OptimizerConfig, Phase};

use crate::world::{World, caps};

/// A job that is held at clocks of ours.
fn held() -> World {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(200.0);
    while world.locked.is_none() || world.machine.phase() != Phase::Hold {
        world.step();
        assert!(world.elapsed_s() < 400.0, "held by then");
    }
    world.run(20.0);
    world
}

#[test]
fn a_job_that_becomes_slower_gets_its_own_clocks_back_within_fifteen_iterations() {
    for delay_s in [0.0, 0.3, 0.7, 1.3] {
        let mut world = held();
        world.run(delay_s);
        // From now on all of it follows the SM clock: the held setting breaks the limit.
        world.compute_share = 1.0;
        let work = world.work;
        while world.locked.is_some() {
            world.step();
            // Ten, but for a change at the very begin of a segment.
            assert!(world.work < work + 15.0, "after {delay_s} s");
        }
    }
}

#[test]
fn a_job_that_leaves_more_unused_is_measured_anew_within_a_minute() {
    let mut world = held();
    // From now on none of it does: lower clocks cost no time at all.
    world.compute_share = 0.0;
    let from = world.now;
    while world.machine.phase() == Phase::Hold {
        world.step();
        assert!(world.now.seconds_since(from) < 60.0);
    }
    world.run(200.0);
    let saving = world.machine.report().hold.map_or(0.0, |hold| hold.cost.saving());
    assert!(saving > 0.3, "{saving}");
}

#[test]
fn a_job_that_stays_as_it_is_is_left_alone() {
    let mut world = held();
    let told = world.events.len();
    world.run(7200.0);
    let changed = |event: &Event| matches!(event, Event::WorkloadChanged { .. } | Event::BaselineMeasured { .. });
    assert_eq!(world.events[told..].iter().filter(|event| changed(event)).count(), 0);
}
