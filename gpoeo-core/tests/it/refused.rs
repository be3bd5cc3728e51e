//! Invariant 4: an input that was refused changes no later output.

use core::time::Duration;

use gpoeo_core::{ActionId, Fault, Input, InputError, Objective, Optimizer, OptimizerConfig, Sample, Timestamp};
use proptest::prelude::*;

use crate::world::{World, caps};

fn bad_input(kind: u8, now: Timestamp) -> Input {
    let before = now.saturating_sub(Duration::from_secs(1));
    match kind % 9 {
        0 => Input::Sample(Sample::new(now + Duration::from_secs(1), f64::NAN)),
        1 => Input::Sample(Sample::new(before, 100.0)),
        2 => Input::Applied { id: ActionId(u64::MAX), now },
        3 => Input::Timeout { now: before },
        4 => Input::Failed { id: ActionId(u64::MAX), fault: Fault::GpuLost, now },
        5 => Input::Sample(Sample::new(now + Duration::from_secs(1), 1e308)),
        6 => Input::Objective { objective: Objective::MinEnergy { max_slowdown: -1.0 }, now },
        7 => Input::Stop { now: before },
        _ => Input::Sample(Sample::new(now + Duration::from_secs(1), 100.0).energy_j(f64::INFINITY)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn refused_is_unseen(bad in prop::collection::vec((0usize..6000, 0u8..9), 1..40)) {
        let mut world = World::new(OptimizerConfig::default(), caps());
        world.run(60.0);
        let mut machine = Optimizer::new(OptimizerConfig::default(), caps());
        let (mut events, mut commands) = (Vec::new(), Vec::new());
        let mut now = Timestamp::ZERO;
        for (index, &input) in world.recording.inputs().iter().enumerate() {
            machine.handle(input).unwrap();
            if let Input::Timeout { now: at } = input {
                now = at;
            }
            if now > Timestamp::ZERO {
                for &(_, kind) in bad.iter().filter(|&&(at, _)| at == index) {
                    prop_assert!(machine.handle(bad_input(kind, now)).is_err());
                }
            }
            commands.extend(machine.poll_action().map(|action| action.command));
            events.extend(core::iter::from_fn(|| machine.poll_event()));
        }
        prop_assert_eq!(events, world.events);
        prop_assert_eq!(commands, world.commands);
        prop_assert_eq!(machine.report(), world.machine.report());
    }
}

#[test]
fn says_what_is_wrong() {
    let mut machine = Optimizer::new(OptimizerConfig::default(), caps());
    let at = Timestamp::from_secs_f64;
    machine.handle_sample(Sample::new(at(2.0), 100.0)).unwrap();
    let error = machine.handle_sample(Sample::new(at(1.0), 100.0)).unwrap_err();
    assert_eq!(error, InputError::TimeWentBack { last: at(2.0), got: at(1.0) });
    assert_eq!(
        error.to_string(),
        "time went back from 2.000 s to 1.000 s; feed each stream in order, and drop duplicates"
    );
    let error = machine.handle_sample(Sample::new(at(3.0), f64::NAN)).unwrap_err();
    assert_eq!(error, InputError::NotFinite { field: "power_w" });
}

#[test]
fn refuses_numbers_that_no_device_measures() {
    // The sum of a few such numbers, or the square of one, is no finite number any more.
    let mut machine = Optimizer::new(OptimizerConfig::default(), caps());
    let at = Timestamp::from_secs_f64(1.0);
    for power_w in [1e308, -1e308] {
        let error = machine.handle_sample(Sample::new(at, power_w)).unwrap_err();
        assert!(matches!(error, InputError::Absurd { field: "power_w", .. }), "{error}");
    }
    let error = machine.handle_sample(Sample::new(at, 100.0).energy_j(1e308)).unwrap_err();
    assert!(matches!(error, InputError::Absurd { field: "energy_j", .. }), "{error}");
}
