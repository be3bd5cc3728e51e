use super::*;
use crate::api::MockNvmlApi;
use gpoeo_core::{Capabilities, MemGear, SmGear};
use mockall::Sequence;
use mockall::predicate::eq;

const GPU: &str = "0";

fn caps() -> Capabilities {
    let sm = vec![Mhz(1410), Mhz(1200)];
    Capabilities::new([(Mhz(9501), sm.clone()), (Mhz(5001), sm)]).unwrap()
}

fn pair(mem: u16, sm: u16) -> ClockPair {
    caps().pair(MemGear(mem), SmGear(sm)).unwrap()
}

fn exactly(mhz: u32) -> ClockRange {
    ClockRange { min_mhz: mhz, max_mhz: mhz }
}

fn refusal() -> Vec<u32> {
    (1..=29).chain([999]).filter(|&code| NvmlStatus(code).fault() != Fault::GpuLost).collect()
}

#[test]
fn memory_is_locked_before_the_sm_clock_and_both_are_reset_at_the_end() {
    let mut api = MockNvmlApi::new();
    let mut order = Sequence::new();
    api.expect_lock_clock()
        .with(eq(Domain::Memory), eq(exactly(5001)))
        .once()
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    api.expect_lock_clock()
        .with(eq(Domain::Sm), eq(exactly(1200)))
        .once()
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Memory)).once().in_sequence(&mut order).returning(|_| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Sm)).once().in_sequence(&mut order).returning(|_| Ok(()));
    let mut locks = Locks::new(FoundLocks::default());
    locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap();
    locks.restore(&mut api, GPU).unwrap();
    locks.restore(&mut api, GPU).unwrap();
    assert!(!locks.is_touched());
}

#[test]
fn a_domain_that_has_the_asked_clock_is_skipped() {
    let mut api = MockNvmlApi::new();
    api.expect_lock_clock().with(eq(Domain::Sm), eq(exactly(1200))).once().returning(|_, _| Ok(()));
    api.expect_lock_clock().with(eq(Domain::Sm), eq(exactly(1410))).once().returning(|_, _| Ok(()));
    api.expect_lock_clock().with(eq(Domain::Memory), eq(exactly(5001))).once().returning(|_, _| Ok(()));
    let mut locks = Locks::new(FoundLocks::default());
    locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap();
    locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap();
    locks.set(&mut api, GPU, pair(0, 1), Some(MemoryTarget::Lock)).unwrap();
}

#[test]
fn an_untouched_domain_is_never_restored() {
    let mut api = MockNvmlApi::new();
    api.expect_lock_clock().with(eq(Domain::Sm), eq(exactly(1200))).once().returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Sm)).once().returning(|_| Ok(()));
    let mut locks = Locks::new(FoundLocks::default());
    locks.restore(&mut api, GPU).unwrap();
    locks.set(&mut api, GPU, pair(1, 0), None).unwrap();
    locks.restore(&mut api, GPU).unwrap();
}

#[test]
fn the_highest_memory_clock_is_no_lock() {
    let mut api = MockNvmlApi::new();
    api.expect_lock_clock().returning(|_, _| Ok(()));
    api.expect_reset_clock().with(eq(Domain::Memory)).once().returning(|_| Ok(()));
    let mut locks = Locks::new(FoundLocks::default());
    locks.set(&mut api, GPU, pair(1, 0), Some(MemoryTarget::Found)).unwrap();
    locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap();
    locks.set(&mut api, GPU, pair(1, 0), Some(MemoryTarget::Found)).unwrap();
}

#[test]
fn an_admins_lock_is_put_back_as_it_was_told() {
    let found = FoundLocks { sm: Some(ClockRange { min_mhz: 300, max_mhz: 1500 }), memory: None };
    let mut api = MockNvmlApi::new();
    let mut order = Sequence::new();
    api.expect_lock_clock()
        .with(eq(Domain::Sm), eq(exactly(1200)))
        .once()
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    let range = ClockRange { min_mhz: 300, max_mhz: 1500 };
    api.expect_lock_clock().with(eq(Domain::Sm), eq(range)).once().in_sequence(&mut order).returning(|_, _| Ok(()));
    let mut locks = Locks::new(found);
    locks.set(&mut api, GPU, pair(1, 0), None).unwrap();
    locks.restore(&mut api, GPU).unwrap();
}

#[test]
fn one_domain_that_cannot_be_restored_does_not_keep_the_other() {
    for failing in [Domain::Memory, Domain::Sm] {
        let mut api = MockNvmlApi::new();
        api.expect_lock_clock().returning(|_, _| Ok(()));
        api.expect_reset_clock()
            .times(2)
            .returning(move |domain| if domain == failing { Err(NvmlStatus(10)) } else { Ok(()) });
        let mut locks = Locks::new(FoundLocks::default());
        locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap();
        let error = locks.restore(&mut api, GPU).unwrap_err();
        assert_eq!(error.fault, Fault::Transient);
        // What failed is tried again the next time, alone.
        api.checkpoint();
        api.expect_reset_clock().with(eq(failing)).once().returning(|_| Ok(()));
        locks.restore(&mut api, GPU).unwrap();
    }
}

#[test]
fn a_refused_set_leaves_nothing_to_restore_and_any_other_failure_does() {
    for code in refusal() {
        let mut api = MockNvmlApi::new();
        api.expect_lock_clock().once().returning(move |_, _| Err(NvmlStatus(code)));
        let mut locks = Locks::new(FoundLocks::default());
        let error = locks.set(&mut api, GPU, pair(1, 0), None).unwrap_err();
        assert_eq!(error.fault, NvmlStatus(code).fault());
        assert_eq!(locks.is_touched(), error.fault == Fault::Transient, "code {code}");
    }
}

#[test]
fn when_the_sm_lock_fails_the_memory_lock_is_remembered() {
    let mut api = MockNvmlApi::new();
    api.expect_lock_clock().returning(|domain, _| if domain == Domain::Memory { Ok(()) } else { Err(NvmlStatus(4)) });
    api.expect_reset_clock().with(eq(Domain::Memory)).once().returning(|_| Ok(()));
    let mut locks = Locks::new(FoundLocks::default());
    let error = locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap_err();
    assert_eq!(error.fault, Fault::NoPermission);
    locks.restore(&mut api, GPU).unwrap();
}

#[test]
fn when_memory_is_refused_the_sm_clock_is_not_touched() {
    let mut api = MockNvmlApi::new();
    api.expect_lock_clock().with(eq(Domain::Memory), eq(exactly(5001))).once().returning(|_, _| Err(NvmlStatus(3)));
    let mut locks = Locks::new(FoundLocks::default());
    let error = locks.set(&mut api, GPU, pair(0, 0), Some(MemoryTarget::Lock)).unwrap_err();
    assert_eq!((error.fault, error.what.as_ref()), (Fault::NotSupported, "locking the memory clock"));
    assert!(!locks.is_touched());
}

#[test]
fn a_reset_tries_both_domains_and_forgives_only_a_memory_clock_that_cannot_be_locked() {
    let cases = [
        (Ok(()), Ok(()), vec![]),
        (Err(NvmlStatus(3)), Ok(()), vec![]),
        (Err(NvmlStatus(4)), Err(NvmlStatus(4)), vec![Fault::NoPermission; 2]),
        (Err(NvmlStatus(999)), Ok(()), vec![Fault::Transient]),
        (Ok(()), Err(NvmlStatus(3)), vec![Fault::NotSupported]),
    ];
    for (memory, sm, faults) in cases {
        let mut api = MockNvmlApi::new();
        api.expect_reset_clock().times(2).returning(move |domain| if domain == Domain::Memory { memory } else { sm });
        let failed = reset_locks(&mut api, GPU);
        assert_eq!(failed.iter().map(|error| error.fault).collect::<Vec<_>>(), faults);
    }
}
