//! Invariant 5: memory after 10⁶ samples is that after 10⁴, at most 64 KiB a GPU; no allocation per sample once warm.

use gpoeo_core::{Input, Optimizer, OptimizerConfig, Phase, Sample, Timestamp};

use crate::world::{World, caps};

#[test]
fn a_sample_in_steady_state_allocates_nothing() {
    let mut world = World::new(OptimizerConfig::default(), caps());
    world.run(300.0);
    assert_eq!(world.machine.phase(), Phase::Hold);
    // Most samples end no segment; none of those may allocate.
    let mut quiet = 0;
    for _ in 0..2000 {
        let info = allocation_counter::measure(|| {
            let power_w = 300.0;
            let sample = Sample::new(world.now + core::time::Duration::from_millis(20), power_w);
            world.machine.handle_sample(sample).unwrap();
        });
        world.now += core::time::Duration::from_millis(20);
        world.drain();
        quiet += usize::from(info.count_total == 0);
    }
    assert!(quiet >= 1980, "{quiet} of 2000 samples without an allocation");
}

#[test]
fn memory_is_bounded() {
    let run = |samples: u64| {
        let info = allocation_counter::measure(|| {
            let mut machine = Optimizer::new(OptimizerConfig::default(), caps());
            for k in 0..samples {
                let at = Timestamp::from_nanos(20_000_000 * k);
                let power_w = if k % 17 < 9 { 400.0 } else { 180.0 };
                machine.handle(Input::Sample(Sample::new(at, power_w))).unwrap();
                while let Some(action) = machine.poll_action() {
                    machine.handle_applied(action.id, at).unwrap();
                }
            }
            std::hint::black_box(&machine);
        });
        info.bytes_max
    };
    let (short, long) = (run(10_000), run(1_000_000));
    assert!(long <= short + 4096, "{short} bytes, then {long}");
    let idle = allocation_counter::measure(|| {
        std::hint::black_box(&Optimizer::new(OptimizerConfig::default(), caps()));
    });
    let state = idle.bytes_max as usize + size_of::<Optimizer>();

    assert!(state <= 64 * 1024, "{state} bytes of state");
}
