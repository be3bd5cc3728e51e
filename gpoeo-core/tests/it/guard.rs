//! Invariant 7: without noise the slowdown over the run, all overheads included, stays within the limit plus one trial's
//! cost.

use gpoeo_core::{Objective, OptimizerConfig, Phase};

use crate::world::{World, caps};

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
