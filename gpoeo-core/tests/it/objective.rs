//! The objective can be changed while the machine runs, and the cost of every setting can be read.

use gpoeo_core::{Command, InputError, Objective, OptimizerConfig, Phase};

use crate::world::{World, caps};

#[test]
fn another_objective_is_followed_at_once_and_nothing_is_measured_twice() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(200.0);
    let tried = world.machine.report().trials.len();
    let now = world.now;
    world.machine.set_objective(Objective::MinEnergy { max_slowdown: 0.0 }, now).unwrap();
    world.drain();
    world.run(5.0);
    assert!(world.locked.is_none(), "no slowdown allowed: default clocks");
    assert!(matches!(world.commands.last(), Some(Command::RestoreClocks)));
    world.machine.set_objective(Objective::Edp, world.now).unwrap();
    world.drain();
    world.run(300.0);
    assert_eq!(world.machine.phase(), Phase::Hold);
    let report = world.machine.report();
    assert!(report.trials.len() >= tried);
    assert!(report.hold.unwrap().cost.time > 1.1, "the least energy-delay product lies lower: {:?}", report.hold);
}

#[test]
fn an_objective_out_of_range_is_refused() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    let error = world.machine.set_objective(Objective::MinEnergy { max_slowdown: -0.1 }, world.now).unwrap_err();
    assert!(matches!(error, InputError::BadObjective(_)));
    assert!(error.to_string().starts_with("objective.max_slowdown is -0.1"), "{error}");
}

#[test]
fn the_whole_curve_can_be_read() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    assert!(world.machine.costs().is_empty(), "nothing is known yet");
    world.run(300.0);
    let costs = world.machine.costs();
    assert_eq!(costs.len(), caps().pairs().count());
    assert!(costs.is_sorted_by_key(|cost| cost.clocks));
    for cost in costs.iter().filter(|cost| cost.clocks.sm().0 >= 1170) {
        let truth = 0.5 + 0.5 * 1410.0 / f64::from(cost.clocks.sm().0);
        let error = (cost.cost.time - truth).abs();
        assert!(
            error < 0.004 + 3.0 * cost.time_stderr,
            "{}: {} ± {} against {truth}",
            cost.clocks,
            cost.cost.time,
            cost.time_stderr
        );
    }
    assert!(costs.iter().filter(|cost| cost.is_measured).count() >= 3);
}

#[test]
fn a_saving_floor_is_searched_for_and_held_in_the_least_time() {
    let config = OptimizerConfig::builder().objective(Objective::MinTime { min_saving: 0.1 }).build().unwrap();
    let mut world = World::new(config, caps());
    world.run(400.0);
    let report = world.machine.report();
    assert!(report.settings_tried >= 2, "{report:?}");
    let hold = report.hold.unwrap().cost;
    assert!((hold.energy - 0.9).abs() < 0.01 && hold.time < 1.06, "{hold:?}");
}
