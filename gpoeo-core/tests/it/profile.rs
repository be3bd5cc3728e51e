//! The counter window after the baseline, and the search that starts from a prediction.

use std::sync::Arc;

use gpoeo_core::{
    Capabilities, ClockPair, Command, Event, Fault, Mhz, ModelSet, NoPrediction, Objective, OptimizerConfig, Phase,
    Variant,
};
use proptest::prelude::*;

use crate::hand_made;
use crate::world::{Answer, World, caps, caps_with_memory};

/// Time in this world, and its energy as far as it follows from that: the prediction is off by some per cent.
fn time(x: f64) -> f64 {
    0.5 + 0.5 / x
}

fn energy(x: f64) -> f64 {
    (0.27 + 0.73 * x.powi(3)) * time(x)
}

fn right(variant: Variant) -> Arc<ModelSet> {
    hand_made::set(variant, [&time, &energy, &|x| if x < 0.9 { 1.5 } else { 1.0 }, &|_| 1.0], 0.05)
}

fn world(caps: Capabilities, set: Arc<ModelSet>) -> World {
    World::new(OptimizerConfig::default(), caps).with_models(set)
}

fn counter_commands(world: &World) -> Vec<Command> {
    let is_counter = |command: &&Command| matches!(command, Command::OpenCounters { .. } | Command::CloseCounters);
    world.commands.iter().filter(is_counter).copied().collect()
}

fn first_tried(world: &World) -> ClockPair {
    let tried = world.events.iter().find_map(|event| match event {
        Event::Tried { clocks, .. } => Some(*clocks),
        _ => None,
    });
    tried.expect("something was tried")
}

#[test]
fn counters_are_read_once_after_the_baseline_and_the_search_starts_at_the_prediction() {
    let mut world = world(caps().with_counters(1), right(Variant::Counters));
    while world.machine.phase() != Phase::Profile {
        assert!(world.elapsed_s() < 60.0, "{:?}", world.machine.phase());
        world.step();
    }
    assert_eq!(world.locked, None, "at the found clocks");
    world.run(300.0);
    assert_eq!(counter_commands(&world), [Command::OpenCounters { pass: 0 }, Command::CloseCounters]);
    let place = |wanted: fn(&Event) -> bool| world.events.iter().position(wanted).expect("it was told");
    let predicted = place(|event| matches!(event, Event::Predicted { variant: Variant::Counters, .. }));
    assert!(place(|event| matches!(event, Event::BaselineMeasured { .. })) < predicted);
    assert!(predicted < place(|event| matches!(event, Event::Tried { .. })));
    // 1.05 = 0.5 + 0.5 · 1410 / sm is reached at 1282 MHz.
    assert!(first_tried(&world).sm().0.abs_diff(1282) <= 45, "{}", first_tried(&world));
    let report = world.machine.report();
    let told = report.prediction.expect("there are models");
    assert_eq!((told.variant, told.reason), (Some(Variant::Counters), None));
    assert!((1.03..1.05).contains(&told.best.expect("a best pair").cost.time), "{told:?}");
    assert!(report.counters_share > 0.001 && report.counters_share < 0.02, "{}", report.counters_share);
}

#[test]
fn every_pass_gets_a_window_of_its_own() {
    let mut world = world(caps().with_counters(3), right(Variant::Gpm));
    world.run(60.0);
    let opened = |pass| Command::OpenCounters { pass };
    let close = Command::CloseCounters;
    assert_eq!(counter_commands(&world), [opened(0), close, opened(1), close, opened(2), close]);
    assert_eq!(world.machine.report().prediction.and_then(|told| told.variant), Some(Variant::Gpm));
}

#[test]
fn models_that_need_no_counters_leave_them_closed() {
    let mut world = world(caps().with_counters(1), right(Variant::Nvml));
    world.run(60.0);
    assert_eq!(counter_commands(&world), []);
    let report = world.machine.report();
    assert_eq!(report.prediction.and_then(|told| told.variant), Some(Variant::Nvml));
    assert!(report.counters_share.abs() < 1e-12);
}

#[test]
fn counters_that_cannot_be_read_stop_nothing() {
    for fault in [Fault::NoPermission, Fault::NotSupported, Fault::Transient] {
        let mut world = world(caps().with_counters(1), right(Variant::Counters));
        world.answer = match fault {
            Fault::NoPermission => |command, _| refuse_counters(command, Fault::NoPermission),
            Fault::NotSupported => |command, _| refuse_counters(command, Fault::NotSupported),
            _ => |command, _| refuse_counters(command, Fault::Transient),
        };
        world.run(200.0);
        assert_eq!(world.machine.phase(), Phase::Hold, "{fault}");
        assert!(world.machine.report().settings_tried > 0, "{fault}");
    }
}

fn refuse_counters(command: &Command, fault: Fault) -> Answer {
    if matches!(command, Command::OpenCounters { .. }) { Answer::Fail(fault) } else { Answer::Apply }
}

#[test]
fn a_stop_within_the_window_closes_it() {
    let mut world = world(caps().with_counters(1), right(Variant::Counters));
    while world.counter_start.is_none() {
        assert!(world.elapsed_s() < 60.0);
        world.step();
    }
    world.stop();
    assert_eq!(world.counter_start, None);
    assert_eq!(counter_commands(&world), [Command::OpenCounters { pass: 0 }, Command::CloseCounters]);
}

#[test]
fn models_for_another_gpu_are_not_believed() {
    let set = right(Variant::Nvml);
    let mut card = set.variants()[0].card().clone();
    card.gpus = vec!["A100".to_owned()];
    let (_, files) =
        hand_made::files(Variant::Nvml, [&time, &energy, &|x| if x < 0.9 { 1.5 } else { 1.0 }, &|_| 1.0], 0.05);
    let [time_sm, energy_sm, time_mem, energy_mem] = &files;
    let files = gpoeo_core::ModelFiles { time_sm, energy_sm, time_mem: Some(time_mem), energy_mem: Some(energy_mem) };
    let set = ModelSet::new([gpoeo_core::TrainedModels::new(card, files).unwrap()]).unwrap();
    let mut world = world(caps().with_gpu_name("NVIDIA GeForce RTX 3080 Ti"), Arc::new(set));
    world.run(120.0);
    assert!(world.events.contains(&Event::NotPredicted { reason: NoPrediction::OtherGpu }));
    assert!(world.machine.report().settings_tried > 0);
}

#[test]
fn a_right_prediction_saves_trials_and_costs_no_saving() {
    let settled = |mut world: World| {
        world.run(300.0);
        let report = world.machine.report();
        (report.settings_tried, report.saving.expect("it saves"))
    };
    let (tried, saving) = settled(world(caps().with_counters(1), right(Variant::Counters)));
    let (tried_without, saving_without) = settled(World::new(OptimizerConfig::default(), caps()));
    assert!(tried < tried_without, "{tried} against {tried_without}");
    assert!(saving > saving_without - 0.005, "{saving} against {saving_without}");
}

#[test]
fn a_prediction_that_is_all_wrong_is_overcome() {
    // Lowest clocks for free, it says, and most saved at the lower memory clock.
    let wrong = hand_made::set(Variant::Nvml, [&|_| 1.0, &|x| x, &|_| 1.0, &|x| 0.5 + 0.5 * x], 0.02);
    let saving = |mut world: World| {
        world.run(900.0);
        world.machine.report().saving.expect("it saves")
    };
    let misled = saving(world(caps_with_memory(), wrong));
    let without = saving(World::new(OptimizerConfig::default(), caps_with_memory()));
    assert!(misled > without - 0.02, "{misled} against {without}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn no_models_however_wrong_break_the_limit(
        time_power in -0.5..3.0f64,
        energy_power in -1.0..3.0f64,
        memory_time in 0.7..2.0f64,
        memory_energy in 0.3..1.3f64,
        error in 0.0..0.3f64,
        max_slowdown in 0.01..0.08f64,
    ) {
        let time = move |x: f64| x.powf(-time_power);
        let energy = move |x: f64| x.powf(energy_power);
        let at_memory = |value: f64| move |x: f64| if x < 0.9 { value } else { 1.0 };
        let curves: hand_made::Curves<'_> = [&time, &energy, &at_memory(memory_time), &at_memory(memory_energy)];
        let config = OptimizerConfig::builder().objective(Objective::MinEnergy { max_slowdown }).build().unwrap();
        let set = hand_made::set(Variant::Counters, curves, error);
        let mut world = World::new(config, caps_with_memory().with_counters(1)).with_models(set);
        let mut worst_s = f64::NEG_INFINITY;
        for _ in 0..300 {
            world.run(2.0);
            worst_s = worst_s.max(world.elapsed_s() - (1.0 + max_slowdown) * world.work * world.period_s);
        }
        let slowdown = world.elapsed_s() / (world.work * world.period_s) - 1.0;
        prop_assert!(worst_s < 6.0, "{} s beyond the limit", worst_s);
        prop_assert!(slowdown < max_slowdown + 0.004, "{} over {}", slowdown, max_slowdown);
        let is_predicted = world.events.iter().any(|event| matches!(event, Event::Predicted { .. }));
        prop_assert!(is_predicted);
        prop_assert_eq!(world.locked.map_or(Mhz(1593), ClockPair::mem), Mhz(1593), "half as slow again at the other");
    }
}
