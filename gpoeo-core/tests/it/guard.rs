//! Invariant 7: without noise the slowdown over the run, all overheads included, stays within the limit plus one trial's
//! cost.

use gpoeo_core::{Objective, OptimizerConfig, Phase};

use crate::world::{World, caps, caps_with_memory};

#[test]
fn the_limit_is_kept_at_every_moment() {
    for max_slowdown in [0.01, 0.03, 0.05, 0.1] {
        let config = OptimizerConfig::builder().objective(Objective::MinEnergy { max_slowdown }).build().unwrap();
        let mut world = World::new(config, caps());
        let mut worst = f64::NEG_INFINITY;
        for _ in 0..600 {
            world.run(2.0);
            let lost_s = world.elapsed_s() - (1.0 + max_slowdown) * world.work * world.period_s;
            worst = worst.max(lost_s);
        }
        assert!(worst < 4.0, "limit {max_slowdown}: {worst} s beyond it");
        let slowdown = world.elapsed_s() / (world.work * world.period_s) - 1.0;
        assert!(slowdown < max_slowdown + 0.003, "limit {max_slowdown}: {slowdown}");
        assert!(slowdown > 0.6 * max_slowdown, "limit {max_slowdown} is used: {slowdown}");
        assert_eq!(world.machine.phase(), Phase::Hold);
    }
}

#[test]
fn no_trial_lasts_longer_than_the_longest() {
    for max_slowdown in [0.03, 0.1] {
        let config = OptimizerConfig::builder().objective(Objective::MinEnergy { max_slowdown }).build().unwrap();
        let longest_s = config.search().max_trial.as_secs_f64() + 1.0; // and a second for the change
        let mut world = World::new(config, caps_with_memory());
        let (mut changed, mut commands, mut trials) = (world.now, 0, 0);
        for _ in 0..12_000 {
            world.step();
            if world.commands.len() > commands || world.machine.phase() != Phase::Search {
                (changed, commands) = (world.now, world.commands.len());
                trials += usize::from(world.machine.phase() == Phase::Search);
            }
            let spent_s = world.now.seconds_since(changed);
            assert!(spent_s <= longest_s, "{spent_s} s at {:?}", world.locked);
        }
        assert!(trials >= 2, "{trials}");
    }
}
