//! Invariant 11: a constant added to all times changes no action.

use gpoeo_core::{OptimizerConfig, Timestamp};

use crate::world::{World, caps};

#[test]
fn only_differences_of_time_matter() {
    let commands = |origin: Timestamp| {
        let mut world = World::at(origin, OptimizerConfig::default(), caps());
        world.run(150.0);
        world.commands
    };
    let here = commands(Timestamp::from_secs_f64(100.0));
    assert!(here.len() > 4);
    assert_eq!(commands(Timestamp::ZERO), here);
    assert_eq!(commands(Timestamp::from_nanos(1_900_000_000_123_456_789)), here);
}
