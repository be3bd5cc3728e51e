//! Invariant 10: saving and slowdown are unknown before another setting was measured; energy is the counter's; what the
//! report says is what happened.

use gpoeo_core::{OptimizerConfig, Phase, ProgressSource};

use crate::world::{World, caps};

#[test]
fn says_nothing_before_it_knows() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    while world.machine.phase() != Phase::Search {
        let report = world.machine.report();
        assert_eq!((report.saving, report.slowdown), (None, None));
        world.step();
    }
}

#[test]
fn the_account_is_what_happened() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(600.0);
    let report = world.machine.report();
    let slowdown = world.elapsed_s() / (world.work * world.period_s) - 1.0;
    assert!((report.slowdown.unwrap() - slowdown).abs() < 0.003, "{:?} against {slowdown}", report.slowdown);
    assert!((report.energy_j - world.energy_j).abs() < 20.0);
    let default_j = world.work * world.period_s * (80.0 + 340.0 * (0.6 + 0.4 * 0.45));
    let saving = 1.0 - world.energy_j / default_j;
    let (said, doubt) = (report.saving.unwrap(), report.saving_stderr.unwrap());
    assert!((said - saving).abs() < 3.0 * doubt, "{said} ± {doubt} against {saving}");
    assert!(saving > 0.05 && doubt > 0.0 && doubt < 0.01);
    assert_eq!(report.progress, Some(ProgressSource::Period));
    assert!(report.settled_after.unwrap().as_secs() < 120);
}

#[test]
fn a_job_without_a_period_is_measured_by_its_work_rate() {
    let mut world = World::new(OptimizerConfig::default(), caps().with_counters(1));
    world.is_aperiodic = true;
    world.run(900.0);
    let report = world.machine.report();
    assert_eq!(report.progress, Some(ProgressSource::WorkRate));
    let slowdown = world.elapsed_s() / (world.work * world.period_s) - 1.0;
    assert!((report.slowdown.unwrap() - slowdown).abs() < 0.005, "{:?} against {slowdown}", report.slowdown);
    assert!(slowdown < 0.055 && report.saving.unwrap() > 0.03, "{report:?}");
}

#[test]
fn without_counters_a_job_without_a_period_keeps_its_clocks() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.is_aperiodic = true;
    world.run(120.0);
    assert!(world.locked.is_none());
    assert_eq!(world.machine.phase(), Phase::Detect);
}

#[test]
fn says_what_was_expected_and_why_it_was_taken_or_left() {
    use gpoeo_core::Verdict;
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(400.0);
    let report = world.machine.report();
    let hold = report.hold.unwrap();
    for trial in &report.trials {
        let is_held = [hold.within, hold.beyond].contains(&Some(trial.clocks));
        assert_eq!(trial.verdict == Verdict::Held, is_held, "{trial:?}");
        if trial.verdict == Verdict::BeyondLimit {
            assert!(trial.cost.time > 1.05);
        }
        let expected = trial.expected.unwrap();
        assert!((expected.cost.time - trial.cost.time).abs() < 0.02 + 4.0 * expected.time_stderr, "{trial:?}");
    }
    assert!(report.trials.iter().any(|trial| trial.verdict == Verdict::BeyondLimit));
    assert!(report.failed.is_empty());
}

#[test]
fn marks_of_the_embedder_are_exact_where_power_shows_nothing() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    (world.is_aperiodic, world.gives_marks) = (true, true);
    world.run(900.0);
    let report = world.machine.report();
    assert_eq!(report.progress, Some(ProgressSource::Marks));
    assert_eq!(
        report.outcome.period().map(|period| (period.as_secs_f64() / world.period_s - 1.0).abs() < 0.02),
        Some(true)
    );
    let slowdown = world.elapsed_s() / (world.work * world.period_s) - 1.0;
    assert!((report.slowdown.unwrap() - slowdown).abs() < 0.003, "{:?} against {slowdown}", report.slowdown);
    assert!(slowdown > 0.03 && slowdown < 0.053 && report.saving.unwrap() > 0.05, "{slowdown} {:?}", report.saving);
    // Without marks the job is taken to have ended.
    world.gives_marks = false;
    world.run(200.0);
    assert!(world.locked.is_none());
}

#[test]
fn a_sum_of_energy_that_cannot_be_is_no_saving() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(120.0);
    assert!(world.machine.report().saving.is_some());
    // One reading with a sign of its own, from a device without an energy counter to put it right.
    world.now += core::time::Duration::from_millis(20);
    let sample = gpoeo_core::Sample::new(world.now, -9e8);
    world.feed(gpoeo_core::Input::Sample(sample));
    let report = world.machine.report();
    assert!(report.energy_j < 0.0, "{report:?}");
    assert_eq!((report.saving, report.saving_stderr), (None, None));
    assert!(report.slowdown.is_some() && report.slowdown_stderr.is_some(), "time is not concerned");
}
