//! Several GPUs of one job without noise, in lockstep: the slowest sets the pace of all.

use core::time::Duration;

use gpoeo_core::{
    Action, Capabilities, ClockPair, Command, Counter, CounterSet, Event, Fault, Group, Input, MemberId, Mhz,
    OptimizerConfig, Sample, Timestamp,
};

use crate::world::Answer;

const STEP: Duration = Duration::from_millis(20);

/// One GPU of the crew.
#[derive(Clone, Debug)]
pub(crate) struct Mate {
    pub(crate) caps: Capabilities,
    pub(crate) locked: Option<ClockPair>,
    pub(crate) energy_j: f64,
    /// Asked and not answered.
    pub(crate) open: Option<Action>,
    /// Neither samples nor answers any more.
    pub(crate) is_gone: bool,
    /// Gives no samples.
    pub(crate) is_silent: bool,
    counter_start: Option<(Timestamp, f64)>,
}

pub(crate) struct Crew {
    pub(crate) group: Group,
    pub(crate) mates: Vec<Mate>,
    pub(crate) now: Timestamp,
    pub(crate) work: f64,
    pub(crate) period_s: f64,
    pub(crate) commands: Vec<(MemberId, Command)>,
    pub(crate) events: Vec<Event>,
    /// How a member answers, by its number, the command and how many it had.
    pub(crate) answer: fn(usize, &Command, usize) -> Answer,
    answered: Vec<usize>,
    /// Order in which the members' samples of one moment come in.
    pub(crate) order: fn(u64) -> [usize; 3],
    steps: u64,
}

impl Crew {
    pub(crate) fn new(config: OptimizerConfig, caps: Vec<Capabilities>) -> Self {
        let mate = |caps: &Capabilities| Mate {
            caps: caps.clone(),
            locked: None,
            energy_j: 0.0,
            open: None,
            is_gone: false,
            is_silent: false,
            counter_start: None,
        };
        Self {
            group: Group::new(config, &caps).expect("the members have clocks in common"),
            mates: caps.iter().map(mate).collect(),
            now: Timestamp::from_secs_f64(100.0),
            work: 0.0,
            period_s: 0.33,
            commands: Vec::new(),
            events: Vec::new(),
            answer: |_, _, _| Answer::Apply,
            answered: vec![0; caps.len()],
            order: |_| [0, 1, 2],
            steps: 0,
        }
    }

    fn time_ratio(mate: &Mate) -> f64 {
        mate.locked.map_or(1.0, |pair| 0.5 + 0.5 * 1410.0 / f64::from(pair.sm().0))
    }

    fn power_w(&self, index: usize) -> f64 {
        if self.period_s == 0.0 {
            return 60.0;
        }
        let busy = if self.work.fract() < 0.6 { 1.0 } else { 0.45 };
        let clock = self.mates[index].locked.map_or(1.0, |pair| f64::from(pair.sm().0) / 1410.0);
        // No two boards are alike.
        (80.0 + 340.0 * busy * clock.powi(3)) * (1.0 + 0.05 * index as f64)
    }

    pub(crate) fn feed(&mut self, member: usize, input: Input) {
        self.group.handle(MemberId(member as u16), input).expect("the crew keeps order");
    }

    /// Carries out and answers all that the group asks for.
    pub(crate) fn drain(&mut self) {
        self.take_events();
        for _ in 0..300 {
            let Some((member, action)) = self.group.poll_action() else { return };
            let index = usize::from(member.0);
            assert!(!self.mates[index].is_gone, "{action:?} for a GPU that is lost");
            self.commands.push((member, action.command));
            if let Command::SetClocks(pair) = action.command {
                assert!(self.mates[index].caps.contains(pair), "{pair} is none of {member}");
            }
            self.mates[index].open = Some(action);
            let answer = (self.answer)(index, &action.command, self.answered[index]);
            self.answered[index] += 1;
            match answer {
                Answer::Apply => self.apply_and_answer(index, action),
                Answer::Fail(fault) => self.answer_open(index, Some(fault)),
                Answer::Forget => self.apply(index, action.command),
                Answer::Ignore => {}
            }
            self.take_events();
        }
        panic!("actions without end although no time passes");
    }

    fn take_events(&mut self) {
        self.events.extend(core::iter::from_fn(|| self.group.poll_event()));
    }

    fn apply_and_answer(&mut self, index: usize, action: Action) {
        self.apply(index, action.command);
        self.answer_open(index, None);
    }

    /// Answers a member's open action now.
    pub(crate) fn answer_open(&mut self, index: usize, fault: Option<Fault>) {
        let Some(Action { id, .. }) = self.mates[index].open.take() else { return };
        let now = self.now;
        let input = match fault {
            None => Input::Applied { id, now },
            Some(fault) => Input::Failed { id, fault, now },
        };
        self.mates[index].is_gone |= fault == Some(Fault::GpuLost);
        self.feed(index, input);
    }

    fn apply(&mut self, index: usize, command: Command) {
        match command {
            Command::SetClocks(pair) => self.mates[index].locked = Some(pair),
            Command::RestoreClocks => self.mates[index].locked = None,
            Command::OpenCounters { .. } => self.mates[index].counter_start = Some((self.now, self.work)),
            Command::CloseCounters => {
                let (start, work) = self.mates[index].counter_start.take().expect("closed only when open");
                let count = CounterSet::new(start, self.now).with(Counter::Instructions, 1e12 * (self.work - work));
                self.feed(index, Input::Counters(count));
            }
            _ => {}
        }
    }

    /// The GPU falls off the bus.
    pub(crate) fn lose(&mut self, index: usize) {
        self.mates[index].is_gone = true;
        self.feed(index, Input::Fault { fault: Fault::GpuLost, now: self.now });
        self.drain();
    }

    /// One sample of each member later.
    pub(crate) fn step(&mut self) {
        self.steps += 1;
        let step_s = STEP.as_secs_f64();
        self.now += STEP;
        let powers: Vec<f64> = (0..self.mates.len()).map(|index| self.power_w(index)).collect();
        for index in (self.order)(self.steps) {
            let Some(mate) = self.mates.get_mut(index) else { continue };
            mate.energy_j += powers[index] * step_s;
            if mate.is_gone || mate.is_silent {
                continue;
            }
            let clock = mate.locked.map_or(Mhz(1410), ClockPair::sm);
            let sample = Sample::new(self.now, powers[index]).energy_j(mate.energy_j).sm_clock(clock);
            self.feed(index, Input::Sample(sample));
        }
        self.group.handle_timeout(self.now).expect("time goes on");
        self.drain();
        if self.period_s > 0.0 {
            let slowest = self.mates.iter().map(Self::time_ratio).fold(1.0, f64::max);
            self.work += step_s / (self.period_s * slowest);
        }
    }

    pub(crate) fn run(&mut self, seconds: f64) {
        for _ in 0..(seconds / STEP.as_secs_f64()).round() as usize {
            self.step();
        }
    }

    /// Asks for the stop and goes on until it is done.
    pub(crate) fn stop(&mut self) {
        self.group.stop(self.now).expect("time goes on");
        self.drain();
        for _ in 0..6000 {
            if self.group.is_stopped() {
                return;
            }
            self.step();
        }
        panic!("not stopped after two minutes: {:?}", self.group);
    }

    pub(crate) fn locks(&self) -> Vec<Option<ClockPair>> {
        self.mates.iter().map(|mate| mate.locked).collect()
    }

    /// The SM clocks of all members; 0: as found.
    pub(crate) fn sm_clocks(&self) -> Vec<u32> {
        self.locks().into_iter().map(|lock| lock.map_or(0, |pair| pair.sm().0)).collect()
    }
}
