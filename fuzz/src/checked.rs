//! An optimizer that is watched: every promise of its documentation is an assertion after every input.

use gpoeo_core::{
    Action, ActionId, Capabilities, Command, Estimate, Event, Fault, Input, InputError, Optimizer, OptimizerConfig,
    Phase, Report, StopReason, Timestamp,
};

/// Most events that one input may lead to: the ring that keeps them.
const MOST_EVENTS: usize = 64;

/// A machine, and a twin that never sees what the first one refused.
pub(crate) struct Checked {
    machine: Optimizer,
    twin: Optimizer,
    caps: Capabilities,
    /// Latest time of any accepted input.
    now: Timestamp,
    /// Latest time of the embedder's own stream.
    spoken: Timestamp,
    open: Option<Action>,
    last_id: Option<ActionId>,
    lock: Lock,
    phase: Phase,
    stopped: Option<StopReason>,
}

/// What is known about the lock that the machine's commands may have left on the GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lock {
    /// No set was asked for since the last restore.
    None,
    /// Every set since the last restore was answered with a failure.
    Failed,
    /// A set was accepted or has an unknown end.
    Maybe,
}

impl Checked {
    pub(crate) fn new(config: OptimizerConfig, caps: Capabilities) -> Self {
        Self {
            machine: Optimizer::new(config.clone(), caps.clone()),
            twin: Optimizer::new(config, caps.clone()),
            caps,
            now: Timestamp::ZERO,
            spoken: Timestamp::ZERO,
            open: None,
            last_id: None,
            lock: Lock::None,
            phase: Phase::Detect,
            stopped: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn spoken(&self) -> Timestamp {
        self.spoken
    }

    /// The action that was polled and not answered yet. It may have timed out.
    pub(crate) fn open(&self) -> Option<Action> {
        self.open
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.machine.is_stopped()
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        self.machine.poll_timeout()
    }

    /// Feeds one input, and checks all that can be seen from outside.
    pub(crate) fn feed(&mut self, input: Input) -> Result<(), InputError> {
        let result = self.machine.handle(input);
        match &result {
            Ok(()) => self.accepted(&input),
            Err(error) => self.refused(&input, error),
        }
        self.tell_events();
        let timeout = self.machine.poll_timeout();
        assert_eq!(timeout, self.twin.poll_timeout(), "a refused input was seen");
        match timeout {
            // At the end of time nothing lies ahead.
            Some(at) => assert!(at > self.now || self.now.as_nanos() == u64::MAX, "{at} is not after {}", self.now),
            None => assert!(self.machine.is_stopped(), "no timeout in {}", self.machine.phase()),
        }
        assert_eq!(self.machine.phase(), self.twin.phase());
        result
    }

    fn accepted(&mut self, input: &Input) {
        assert_eq!(self.twin.handle(*input), Ok(()), "a refused input was seen");
        if self.stopped.is_some() {
            return;
        }
        match *input {
            Input::Applied { now, .. }
            | Input::Failed { now, .. }
            | Input::Fault { now, .. }
            | Input::Objective { now, .. }
            | Input::Stop { now }
            | Input::Timeout { now } => {
                assert!(now >= self.spoken, "time went back and nobody minded");
                self.spoken = now;
                self.now = self.now.max(now);
            }
            Input::Counters(set) => self.now = self.now.max(set.end()),
            Input::Mark { time } => self.now = self.now.max(time),
            Input::Sample(sample) => {
                assert_eq!(sample.non_finite_field(), None);
                self.now = self.now.max(sample.time);
            }
            _ => {}
        }
        if let Input::Applied { id, .. } | Input::Failed { id, .. } = *input {
            let open = self.open.take().expect("only an open action can be answered");
            assert_eq!(open.id, id, "only the open action can be answered");
            self.answered(open.command, matches!(input, Input::Applied { .. }));
        }
    }

    fn refused(&self, input: &Input, error: &InputError) {
        match *error {
            InputError::TimeWentBack { last, got } => assert!(got <= last),
            InputError::UnknownAction { id } => {
                assert!(
                    matches!(*input, Input::Applied { id: given, .. } | Input::Failed { id: given, .. } if given == id)
                );
            }
            _ => assert!(matches!(input, Input::Objective { .. } | Input::Sample(_)), "{error}"),
        }
        assert!(!error.to_string().contains('\n'));
    }

    fn answered(&mut self, command: Command, is_applied: bool) {
        match command {
            Command::RestoreClocks if is_applied => self.lock = Lock::None,
            Command::SetClocks(_) if is_applied => self.lock = Lock::Maybe,
            _ => {}
        }
    }

    /// The next action, if one is due; the last one, if it was not answered, has timed out then.
    pub(crate) fn poll(&mut self) -> Option<Action> {
        let action = self.machine.poll_action();
        assert_eq!(action, self.twin.poll_action(), "a refused input was seen");
        let action = action?;
        assert_eq!(self.machine.poll_action(), None, "one action is open at a time");
        assert!(self.last_id.is_none_or(|last| action.id > last), "ids ascend");
        assert!(self.stopped.is_none(), "{action:?} after the stop");
        self.last_id = Some(action.id);
        if let Some(Action { command: Command::SetClocks(_), .. }) = self.open {
            self.lock = Lock::Maybe; // nobody knows whether it was carried out
        }
        let phase = self.machine.phase();
        match action.command {
            Command::SetClocks(pair) => {
                assert!(self.caps.contains(pair), "{pair} is not supported");
                assert!(!self.caps.is_read_only(), "{pair} although the clocks must not be set");
                assert!(matches!(phase, Phase::Hold | Phase::Search), "{pair} in {phase}");
                if self.lock == Lock::None {
                    self.lock = Lock::Failed;
                }
            }
            Command::RestoreClocks => assert!(!self.caps.is_read_only(), "a restore although nothing was set"),
            Command::CloseCounters | Command::OpenCounters { .. } => assert!(self.caps.counter_passes() > 0),
            _ => {}
        }
        self.open = Some(action);
        Some(action)
    }

    fn tell_events(&mut self) {
        let mut count = 0;
        while let Some(event) = self.machine.poll_event() {
            assert_eq!(Some(event), self.twin.poll_event(), "a refused input was seen");
            count += 1;
            assert!(count <= MOST_EVENTS, "events without end");
            assert_eq!(self.stopped, None, "{event:?} after the stop");
            self.check_event(&event);
        }
        assert_eq!(self.twin.poll_event(), None);
    }

    fn check_event(&mut self, event: &Event) {
        match *event {
            Event::PhaseChanged { from, to } => {
                assert_eq!(from, self.phase);
                assert!(from != to);
                self.phase = to;
            }
            Event::BaselineMeasured { baseline } => check_estimate(&baseline),
            Event::Tried { clocks, measured } => {
                assert!(self.caps.contains(clocks));
                check_estimate(&measured);
            }
            Event::LimitBroken { slowdown } => assert!(slowdown.is_finite() && slowdown > 0.0, "{event:?}"),
            Event::Settled { clocks, saving, slowdown } => {
                assert!(clocks.is_none_or(|pair| self.caps.contains(pair)));
                assert!(saving.is_finite() && slowdown.is_finite(), "{event:?}");
            }
            Event::Stopped { reason } => {
                self.stopped = Some(reason);
                assert!(self.machine.is_stopped());
                self.check_lock(reason);
            }
            _ => {}
        }
    }

    /// What the reason of the stop says about the clocks must be so.
    fn check_lock(&self, reason: StopReason) {
        match reason {
            StopReason::Requested => assert_ne!(self.lock, Lock::Maybe, "stopped with a lock of ours in force"),
            StopReason::ClocksRefused => assert_ne!(self.lock, Lock::Maybe, "clocks are not as they were found"),
            _ => {}
        }
    }

    /// Checks the report of now.
    pub(crate) fn check_report(&self) {
        let report = self.machine.report();
        assert_eq!(report, self.twin.report(), "a refused input was seen");
        check_report(&report, &self.caps);
        for known in self.machine.costs() {
            assert!(self.caps.contains(known.clocks));
            let numbers = [known.cost.time, known.cost.energy, known.time_stderr, known.energy_stderr];
            assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0), "{known:?}");
        }
        assert_eq!(report.phase, self.phase);
        assert_eq!(report.stop_reason, self.stopped);
    }

    /// Asks for the stop and answers everything: it must come.
    pub(crate) fn stop(&mut self) {
        let _ = self.feed(Input::Stop { now: self.spoken });
        for _ in 0..100 {
            while let Some(Action { id, .. }) = self.poll() {
                let _ = self.feed(Input::Applied { id, now: self.spoken });
            }
            let Some(at) = self.machine.poll_timeout() else { break };
            let _ = self.feed(Input::Timeout { now: at.max(self.spoken) });
        }
        assert!(self.is_stopped(), "not stopped although everything was answered: {:?}", self.machine);
        assert!(self.stopped.is_some(), "the last event is the stop");
        self.check_report();
        // Nothing has an effect any more.
        let now = Timestamp::from_nanos(u64::MAX);
        assert_eq!(self.feed(Input::Fault { fault: Fault::GpuLost, now }), Ok(()));
        assert_eq!(self.poll(), None);
    }
}

fn check_report(report: &Report, caps: &Capabilities) {
    assert!([report.elapsed_s, report.default_time_s].iter().all(|sum| sum.is_finite() && *sum >= 0.0), "{report:?}");
    // Power below zero is odd, but some sensors have an offset.
    assert!([report.energy_j, report.default_energy_j].iter().all(|sum| sum.is_finite()), "{report:?}");
    let ratios = [report.saving, report.saving_stderr, report.slowdown, report.slowdown_stderr];
    assert!(ratios.into_iter().flatten().all(f64::is_finite), "{report:?}");
    let errors = [report.saving_stderr, report.slowdown_stderr];
    assert!(errors.into_iter().flatten().all(|error| error >= 0.0), "{report:?}");
    if let Some(baseline) = &report.baseline {
        check_estimate(baseline);
    }
    assert!(report.clocks.is_none_or(|pair| caps.contains(pair)));
    if let Some(hold) = &report.hold {
        assert!((0.0..=1.0).contains(&hold.beyond_share), "{hold:?}");
        assert!(hold.cost.time.is_finite() && hold.cost.energy.is_finite(), "{hold:?}");
        assert!([hold.within, hold.beyond].into_iter().flatten().all(|pair| caps.contains(pair)));
    }
    for trial in &report.trials {
        assert!(caps.contains(trial.clocks));
        check_estimate(&trial.measured);
        let numbers = [trial.cost.time, trial.cost.energy, trial.time_stderr, trial.energy_stderr, trial.spent_s];
        assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0), "{trial:?}");
    }
    if let Some(period) = report.outcome.period() {
        assert!(!period.is_zero());
    }
}

fn check_estimate(estimate: &Estimate) {
    assert!(estimate.iterations > 0, "{estimate:?}");
    let Estimate { time_s, time_stderr_s, energy_j, energy_stderr_j, .. } = *estimate;
    assert!([time_s, energy_j].iter().all(|number| number.is_finite() && *number > 0.0), "{estimate:?}");
    assert!([time_stderr_s, energy_stderr_j].iter().all(|error| error.is_finite() && *error >= 0.0), "{estimate:?}");
}
