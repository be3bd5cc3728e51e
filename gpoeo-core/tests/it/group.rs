//! Invariant 12: a group of one is the optimizer; the members' order of arrival within a slot changes nothing. And what a
//! group promises beside: members that fail, are late, or are lost.

use core::time::Duration;

use gpoeo_core::{
    ActionId, Capabilities, Command, Event, Fault, Group, HoldPolicy, Input, InputError, MemberId, Mhz, Objective,
    Optimizer, OptimizerConfig, Phase, Sample, StopReason, Timestamp,
};
use proptest::prelude::*;

use crate::crew::Crew;
use crate::world::{Answer, World, caps, caps_with_memory};

fn crew(members: usize) -> Crew {
    Crew::new(OptimizerConfig::default(), vec![caps(); members])
}

fn stop_reason(crew: &Crew) -> Option<StopReason> {
    let reason = crew.events.iter().find_map(|event| match event {
        Event::Stopped { reason } => Some(*reason),
        _ => None,
    });
    assert_eq!((reason, reason), (crew.group.stop_reason(), crew.group.report().stop_reason));
    reason
}

/// Feeds the inputs of a run to an optimizer and to a group of one, and compares all that can be seen.
fn compare(world: &World, config: &OptimizerConfig, caps: &Capabilities, extra: &[Input]) {
    let mut machine = Optimizer::new(config.clone(), caps.clone());
    let mut group = Group::new(config.clone(), core::slice::from_ref(caps)).expect("a group of one");
    let one = MemberId(0);
    let inputs = world.recording.inputs();
    for (index, &input) in inputs.iter().enumerate() {
        // Now and then one that must be refused, or ends it all.
        let odd = extra.get(index * extra.len() / inputs.len()).filter(|_| index % 97 == 0);
        for input in [Some(&input), odd].into_iter().flatten() {
            assert_eq!(group.handle(one, *input), machine.handle(*input), "{input:?}");
            loop {
                let action = machine.poll_action();
                assert_eq!(group.poll_action(), action.map(|action| (one, action)), "{input:?}");
                if action.is_none() {
                    break;
                }
            }
            loop {
                let event = machine.poll_event();
                assert_eq!(group.poll_event(), event, "{input:?}");
                if event.is_none() {
                    break;
                }
            }
            assert_eq!(group.poll_timeout(), machine.poll_timeout(), "{input:?}");
            assert_eq!((group.phase(), group.is_stopped()), (machine.phase(), machine.is_stopped()));
        }
    }
    assert_eq!(group.report(), machine.report());
    assert_eq!(group.stop_reason(), machine.stop_reason());
}

#[test]
fn a_group_of_one_is_the_optimizer() {
    let config = OptimizerConfig::default();
    let edp = OptimizerConfig::builder().objective(Objective::Edp).build().unwrap();
    for (config, caps) in
        [(&config, caps()), (&edp, caps()), (&config, caps_with_memory()), (&config, caps().read_only())]
    {
        let mut world = World::new(config.clone(), caps.clone());
        world.run(120.0);
        world.period_s = 0.5;
        world.run(60.0);
        world.stop();
        assert!(caps.is_read_only() || world.commands.len() > 5);
        compare(&world, config, &caps, &[]);
    }
}

#[test]
fn a_group_of_one_is_the_optimizer_for_a_job_measured_by_counters() {
    let (config, caps) = (OptimizerConfig::default(), caps().with_counters(1));
    let mut world = World::new(config.clone(), caps.clone());
    world.is_aperiodic = true;
    world.run(200.0);
    assert!(world.commands.iter().filter(|command| matches!(command, Command::CloseCounters)).count() > 3);
    compare(&world, &config, &caps, &[]);
}

#[test]
fn a_group_of_one_is_the_optimizer_for_a_job_that_gives_marks() {
    let config = OptimizerConfig::default();
    let mut world = World::new(config.clone(), caps());
    world.gives_marks = true;
    world.run(100.0);
    compare(&world, &config, &caps(), &[]);
}

/// Answers by a fixed pattern.
fn unreliable(_: &Command, count: usize) -> Answer {
    match count % 7 {
        2 => Answer::Fail(Fault::Transient),
        4 => Answer::Ignore,
        5 => Answer::Forget,
        _ => Answer::Apply,
    }
}

fn odd_input(kind: u8) -> Input {
    let late = Timestamp::from_secs_f64(1e6);
    match kind % 8 {
        0 => Input::Sample(Sample::new(late, f64::NAN)),
        1 => Input::Sample(Sample::new(Timestamp::ZERO, 100.0)),
        2 => Input::Sample(Sample::new(late, 1e12)),
        3 => Input::Applied { id: ActionId(u64::MAX), now: late },
        4 => Input::Failed { id: ActionId(3), fault: Fault::GpuLost, now: late },
        5 => Input::Timeout { now: Timestamp::ZERO },
        6 => Input::Objective { objective: Objective::MinEnergy { max_slowdown: 7.0 }, now: late },
        _ => Input::Fault { fault: Fault::GpuLost, now: Timestamp::ZERO },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_group_of_one_is_the_optimizer_whatever_happens(
        seconds in 1.0..140.0f64,
        is_unreliable: bool,
        is_lost: bool,
        odd in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let config = OptimizerConfig::default();
        let mut world = World::new(config.clone(), caps());
        if is_unreliable {
            world.answer = unreliable;
        }
        world.run(seconds);
        if is_lost {
            let now = world.now;
            world.feed(Input::Fault { fault: Fault::GpuLost, now });
        } else {
            world.stop();
        }
        let odd: Vec<Input> = odd.into_iter().map(odd_input).collect();
        compare(&world, &config, &caps(), &odd);
    }
}

#[test]
fn the_order_in_which_members_report_a_moment_changes_nothing() {
    let run = |order: fn(u64) -> [usize; 3]| {
        let mut crew = crew(3);
        crew.order = order;
        crew.run(150.0);
        crew.stop();
        (crew.commands, crew.events, crew.group.report())
    };
    let straight = run(|_| [0, 1, 2]);
    assert!(straight.0.len() > 15, "{:?}", straight.0);
    assert!(straight == run(|_| [2, 1, 0]), "backwards");
    assert!(straight == run(|step| [[0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 0, 2]][(step * 7 / 3 % 4) as usize]), "mixed");
}

#[test]
fn a_group_saves_within_its_limit_and_holds_one_setting() {
    let mut crew = crew(3);
    let start = crew.now;
    crew.run(600.0);
    let report = crew.group.report();
    let elapsed_s = crew.now.seconds_since(start);
    let slowdown = elapsed_s / (crew.work * crew.period_s) - 1.0;
    assert_eq!(crew.group.phase(), Phase::Hold);
    assert!(slowdown < 0.053 && slowdown > 0.01, "{slowdown}");
    assert!((report.slowdown.unwrap() - slowdown).abs() < 0.004, "{:?} {slowdown}", report.slowdown);
    let used_j: f64 = crew.mates.iter().map(|mate| mate.energy_j).sum();
    assert!((report.energy_j - used_j).abs() < 1e-3 * used_j, "{} {used_j}", report.energy_j);
    assert!(report.saving.unwrap() > 0.05, "{report:?}");
    let hold = report.hold.unwrap();
    assert_eq!(hold.within, hold.beyond, "one setting");
    // After settling changes are rare: a new baseline now and then, or the next gear. In turns there would be 60 of them.
    let settled = crew.commands.len();
    crew.run(600.0);
    let changes = (crew.commands.len() - settled) / 3;
    assert!(changes <= 12, "{changes} {:?}", &crew.commands[settled..]);
    assert!(crew.sm_clocks().windows(2).all(|pair| pair[0] == pair[1]), "{:?}", crew.sm_clocks());
}

#[test]
fn a_group_takes_turns_between_two_settings_only_when_asked_to() {
    let one = Group::new(OptimizerConfig::default(), &[caps(), caps()]).unwrap();
    assert_eq!(one.config().hold_policy(), HoldPolicy::One);
    let asked = OptimizerConfig::builder().hold_policy(HoldPolicy::Two).build().unwrap();
    assert_eq!(Group::new(asked, &[caps(), caps()]).unwrap().config().hold_policy(), HoldPolicy::Two);
    let single = Group::new(OptimizerConfig::default(), &[caps()]).unwrap();
    assert_eq!(single.config().hold_policy(), HoldPolicy::Two);
}

#[test]
fn members_with_other_lists_of_clocks_get_clocks_of_their_own_lists() {
    let few = Capabilities::new([(Mhz(1593), (0..19).map(|gear| Mhz(870 + 30 * gear)).collect())]).unwrap();
    let mut crew = Crew::new(OptimizerConfig::default(), vec![caps(), few.clone(), caps_with_memory()]);
    assert_eq!(crew.group.capabilities().pairs().count(), few.pairs().count());
    // Checks each pair against the list of its member.
    crew.run(120.0);
    let sets = crew.commands.iter().filter(|(_, command)| matches!(command, Command::SetClocks(_))).count();
    assert!(sets >= 6, "{:?}", crew.commands);
}

#[test]
fn a_failure_of_one_brings_all_back_to_what_they_had_in_common() {
    let mut crew = crew(3);
    crew.answer = |member, command, count| match command {
        // The third set fails for good on one member.
        Command::SetClocks(_) if member == 1 && count > 3 => Answer::Fail(Fault::Transient),
        _ => Answer::Apply,
    };
    let mut differ = 0;
    let mut held = Vec::new();
    for _ in 0..6000 {
        crew.step();
        let clocks = crew.sm_clocks();
        differ += usize::from(clocks.iter().any(|&clock| clock != clocks[0]));
        held.push(clocks[0]);
    }
    held.dedup();
    assert!(held.len() > 2, "others had something to go back from: {held:?}");
    assert_eq!(differ, 0, "brought back within the same moment");
    crew.stop();
    assert_eq!(stop_reason(&crew), Some(StopReason::Requested));
    assert_eq!(crew.sm_clocks(), [0, 0, 0]);
}

#[test]
fn a_member_that_cannot_be_brought_back_at_once_is_tried_again() {
    let mut crew = crew(3);
    // Member 2 never sets the third pair, and member 0 does not go back from it for a while.
    crew.answer = |member, command, count| match (member, command) {
        (2, Command::SetClocks(_)) if count == 3 || count == 4 || count == 5 => Answer::Fail(Fault::Transient),
        (0, Command::SetClocks(_)) if count % 2 == 0 && count < 12 => Answer::Fail(Fault::Transient),
        _ => Answer::Apply,
    };
    let mut apart = 0;
    let mut longest = 0;
    for _ in 0..6000 {
        crew.step();
        let clocks = crew.sm_clocks();
        apart = if clocks.iter().any(|&clock| clock != clocks[0]) { apart + 1 } else { 0 };
        longest = longest.max(apart);
    }
    assert!(longest > 0 && longest <= 4 * 50, "apart for {longest} samples");
    assert_eq!(apart, 0);
    crew.stop();
    assert_eq!(crew.sm_clocks(), [0, 0, 0]);
}

#[test]
fn an_answer_that_never_comes_counts_as_a_failure_of_all() {
    let mut crew = crew(2);
    crew.answer = |member, command, _| match command {
        Command::SetClocks(_) if member == 1 => Answer::Forget,
        _ => Answer::Apply,
    };
    crew.run(120.0);
    assert!(crew.events.iter().any(|event| matches!(event, Event::ActionFailed { fault: Fault::Transient })));
    let tried = crew.events.iter().filter(|event| matches!(event, Event::Tried { .. })).count();
    assert_eq!(tried, 0, "a setting that not all have is not measured");
    crew.stop();
    assert_eq!(stop_reason(&crew), Some(StopReason::Requested));
    assert_eq!(crew.sm_clocks(), [0, 0]);
}

#[test]
fn a_refusal_by_one_restores_all() {
    let mut crew = crew(3);
    crew.answer = |member, command, _| match command {
        Command::SetClocks(_) if member == 2 => Answer::Fail(Fault::NoPermission),
        _ => Answer::Apply,
    };
    crew.run(120.0);
    assert_eq!(stop_reason(&crew), Some(StopReason::ClocksRefused));
    assert_eq!(crew.sm_clocks(), [0, 0, 0]);
}

#[test]
fn says_that_one_member_could_not_be_restored() {
    // The machine inside takes the first set for refused, but one member has carried it out.
    let mut crew = crew(2);
    crew.answer = |member, command, _| match (member, command) {
        (1, Command::SetClocks(_)) | (0, Command::RestoreClocks) => Answer::Fail(Fault::NoPermission),
        _ => Answer::Apply,
    };
    crew.run(120.0);
    assert!(crew.mates[0].locked.is_some());
    assert_eq!(stop_reason(&crew), Some(StopReason::RestoreFailed));
}

#[test]
fn a_lost_member_restores_the_others() {
    // While it searches, and while it holds.
    for seconds in [2.0, 40.0, 150.0] {
        for lost in [0, 2] {
            let mut crew = crew(3);
            crew.run(seconds);
            crew.lose(lost);
            crew.run(10.0);
            assert_eq!(stop_reason(&crew), Some(StopReason::GpuLost), "after {seconds} s");
            assert!(crew.mates.iter().all(|mate| mate.is_gone || mate.locked.is_none()), "{:?}", crew.sm_clocks());
            assert!(crew.events.contains(&Event::ActionFailed { fault: Fault::GpuLost }));
        }
    }
}

#[test]
fn a_member_lost_while_it_sets_its_clocks_restores_the_others() {
    let mut crew = crew(3);
    crew.answer = |member, command, count| match command {
        Command::SetClocks(_) if member == 1 && count > 2 => Answer::Fail(Fault::GpuLost),
        _ => Answer::Apply,
    };
    crew.run(120.0);
    assert_eq!(stop_reason(&crew), Some(StopReason::GpuLost));
    assert!(crew.mates[1].is_gone && crew.mates[0].locked.is_none() && crew.mates[2].locked.is_none());
}

#[test]
fn when_all_are_lost_it_stops_at_once() {
    let mut crew = crew(2);
    crew.run(60.0);
    crew.answer = |_, _, _| Answer::Ignore;
    crew.lose(0);
    assert!(!crew.group.is_stopped(), "one is still to be restored");
    crew.lose(1);
    assert_eq!(stop_reason(&crew), Some(StopReason::GpuLost));
}

#[test]
fn a_member_that_is_late_is_not_waited_for() {
    for silent in [0, 1] {
        let mut crew = crew(3);
        crew.run(5.0);
        crew.mates[silent].is_silent = true;
        let start = crew.now;
        crew.run(300.0);
        assert_eq!(crew.group.phase(), Phase::Hold);
        let report = crew.group.report();
        assert!(report.elapsed_s > 300.0, "{report:?}");
        // All get their clocks, also the one that is not heard of.
        assert!(crew.sm_clocks().iter().all(|&clock| clock == crew.sm_clocks()[0] && clock > 0));
        let slowdown = crew.now.seconds_since(start) / ((crew.work - 15.0) * crew.period_s) - 1.0;
        assert!((report.slowdown.unwrap() - slowdown).abs() < 0.01, "{:?} {slowdown}", report.slowdown);
        // It speaks again: its energy counts.
        crew.mates[silent].is_silent = false;
        crew.run(60.0);
        let used_j: f64 = crew.mates.iter().map(|mate| mate.energy_j).sum();
        let error = crew.group.report().energy_j / used_j - 1.0;
        assert!(error.abs() < 0.02, "{error}");
    }
}

#[test]
fn the_sum_of_many_idle_gpus_is_no_job() {
    // Eight times 70 W is more than an idle GPU ever draws; a busy one would be measured by its work rate after 30 s.
    let mut group = Group::new(OptimizerConfig::default(), &vec![caps().with_counters(1); 8]).unwrap();
    for k in 0..5000_u64 {
        let now = Timestamp::from_nanos(20_000_000 * k);
        for member in group.members() {
            let ripple = if (k + u64::from(member.0)) % 3 == 0 { 1.0 } else { 0.0 };
            group.handle_sample(member, Sample::new(now, 70.0 + ripple)).unwrap();
        }
        while let Some((member, action)) = group.poll_action() {
            group.handle_applied(member, action.id, now).unwrap();
        }
        assert_eq!(group.phase(), Phase::Detect, "after {now}");
    }
}

#[test]
fn refuses_what_no_member_can_say() {
    let mut group = Group::new(OptimizerConfig::default(), &[caps(), caps()]).unwrap();
    let at = Timestamp::from_secs_f64(10.0);
    let error = group.handle_sample(MemberId(2), Sample::new(at, 1.0)).unwrap_err();
    assert_eq!(error.to_string(), "there is no member 2 in a group of 2; members are counted from 0");
    group.handle_sample(MemberId(0), Sample::new(at, 1.0)).unwrap();
    group.handle_sample(MemberId(1), Sample::new(at, 1.0)).unwrap();
    let back = group.handle_sample(MemberId(1), Sample::new(at, 1.0)).unwrap_err();
    assert_eq!(back, InputError::TimeWentBack { last: at, got: at });
    let (first, action) = group.poll_action().expect("the sampling interval");
    let answer = Input::Applied { id: action.id, now: at };
    assert_eq!(
        (first, group.handle(MemberId(1), answer)),
        (MemberId(0), Err(InputError::UnknownAction { id: action.id }))
    );
    let (second, same) = group.poll_action().expect("for the other, too");
    assert_eq!((second, same), (MemberId(1), action));
    group.handle(first, answer).unwrap();
    assert_eq!(group.handle(first, answer), Err(InputError::UnknownAction { id: action.id }), "answered once");
    group.handle(second, answer).unwrap();
    assert_eq!(group.poll_action(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever the members answer: contained (the crew checks it), one open action a member, restored after the stop.
    #[test]
    fn all_go_back_at_whatever_moment_it_is_stopped(seconds in 1.0..120.0f64, pattern in 0usize..6, is_lost: bool) {
        let answers: [fn(usize, &Command, usize) -> Answer; 6] = [
            |_, _, _| Answer::Apply,
            |member, command, count| unreliable(command, member + count),
            |member, command, count| if member == 1 { unreliable(command, count) } else { Answer::Apply },
            |member, _, count| if (member + count) % 3 == 0 { Answer::Fail(Fault::Transient) } else { Answer::Apply },
            |member, _, count| if member == 0 && count % 4 == 3 { Answer::Forget } else { Answer::Apply },
            |member, command, count| match command {
                Command::SetClocks(_) if member == 2 && count > 4 => Answer::Fail(Fault::NotSupported),
                _ => Answer::Apply,
            },
        ];
        let mut crew = crew(3);
        crew.answer = answers[pattern];
        crew.run(seconds);
        if is_lost && !crew.group.is_stopped() {
            crew.lose(1);
        }
        crew.stop();
        let reason = stop_reason(&crew).expect("it says that it stopped");
        let are_free = crew.mates.iter().all(|mate| mate.is_gone || mate.locked.is_none());
        prop_assert!(are_free || reason == StopReason::RestoreFailed, "{reason:?} {:?}", crew.sm_clocks());
        prop_assert_eq!(crew.group.poll_timeout(), None);
        prop_assert_eq!(crew.group.poll_action(), None);
    }
}

#[test]
fn samples_in_batches_and_out_of_phase_make_the_same_of_it() {
    // Each member reads by itself: other moments within the 20 ms, twelve at a time, one member after the other.
    let mut group = Group::new(OptimizerConfig::default(), &[caps(), caps(), caps()]).unwrap();
    let mut waiting: [Vec<Sample>; 3] = Default::default();
    for k in 0..2000_u64 {
        for (member, samples) in waiting.iter_mut().enumerate() {
            let at = Timestamp::from_nanos(20_000_000 * k + 6_000_000 * member as u64);
            let busy = if (at.as_secs_f64() / 0.33).fract() < 0.6 { 420.0 } else { 230.0 };
            samples.push(Sample::new(at, busy));
        }
        if k % 12 == 11 {
            for (member, samples) in waiting.iter_mut().enumerate() {
                for sample in samples.drain(..) {
                    group.handle_sample(MemberId(member as u16), sample).unwrap();
                }
            }
        }
        if let Some(period) = group.report().outcome.period() {
            assert!((period.as_secs_f64() / 0.33 - 1.0).abs() < 0.01, "{period:?}");
            assert!(k < 600);
            return;
        }
    }
    panic!("no period found: {:?}", group.report());
}

#[test]
fn a_sample_in_steady_state_allocates_nothing() {
    let mut crew = crew(2);
    crew.run(200.0);
    let mut quiet = 0;
    for _ in 0..1000 {
        crew.now += Duration::from_millis(20);
        let now = crew.now;
        for member in crew.group.members() {
            let info = allocation_counter::measure(|| {
                crew.group.handle_sample(member, Sample::new(now, 300.0)).unwrap();
            });
            quiet += usize::from(info.count_total == 0);
        }
        crew.drain();
    }
    assert!(quiet >= 1980, "{quiet} of 2000 samples without an allocation");
}
