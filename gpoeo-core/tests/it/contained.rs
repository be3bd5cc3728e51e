//! Invariant 1: every pair asked for is one that the GPU supports; none at all when it is read only.

use gpoeo_core::{Capabilities, Command, Fault, Mhz, OptimizerConfig};
use proptest::prelude::*;

use crate::world::{Answer, World, caps, caps_with_memory};

#[test]
fn asks_only_for_supported_pairs() {
    for caps in [caps(), caps_with_memory()] {
        let mut world = World::new(OptimizerConfig::default(), caps.clone());
        world.run(240.0);
        let pairs: Vec<_> = world
            .commands
            .iter()
            .filter_map(|command| match command {
                Command::SetClocks(pair) => Some(*pair),
                _ => None,
            })
            .collect();
        assert!(pairs.len() > 3, "it searched: {:?}", world.commands);
        assert!(pairs.iter().all(|&pair| caps.contains(pair)));
    }
}

#[test]
fn a_slow_memory_clock_is_tried_once_and_left_alone() {
    let mut world = World::new(OptimizerConfig::default(), caps_with_memory());
    world.run(600.0);
    let low = |command: &&Command| matches!(command, Command::SetClocks(pair) if pair.mem().0 == 810);
    assert_eq!(world.commands.iter().filter(low).count(), 1);
    assert!(world.machine.report().slowdown.unwrap() < 0.055);
}

#[test]
fn asks_for_no_clock_when_read_only() {
    let mut world = World::new(OptimizerConfig::default(), caps().read_only());
    world.run(120.0);
    world.stop();
    let clock = |command: &Command| matches!(command, Command::SetClocks(_) | Command::RestoreClocks);
    assert!(!world.commands.iter().any(clock), "{:?}", world.commands);
    let report = world.machine.report();
    assert!(report.baseline.is_some());
    assert_eq!((report.saving, report.slowdown), (None, None), "nothing to compare with");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// Whatever clocks there are and whatever is answered; also when only some pairs exist.
    #[test]
    fn asks_only_for_pairs_of_any_list(
        lists in prop::collection::vec((300u32..3000, prop::collection::vec(200u32..2000, 1..40)), 1..4),
        is_unreliable: bool,
    ) {
        let lists = lists.into_iter().map(|(mem, sm)| (Mhz(mem), sm.into_iter().map(Mhz).collect()));
        let caps = Capabilities::new(lists).unwrap();
        let mut world = World::new(OptimizerConfig::default(), caps.clone());
        if is_unreliable {
            world.answer = |_, count| if count % 3 == 2 { Answer::Fail(Fault::Transient) } else { Answer::Apply };
        }
        world.run(90.0);
        world.stop();
        for command in &world.commands {
            if let Command::SetClocks(pair) = command {
                prop_assert!(caps.contains(*pair), "{pair}");
            }
        }
    }
}
