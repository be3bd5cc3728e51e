//! A GPU and a job without noise: time follows the SM clock by a law, power by another; commands act at once.

use core::time::Duration;
use std::sync::Arc;

use gpoeo_core::{
    Capabilities, ClockPair, Command, Counter, CounterSet, Event, Fault, Input, Mhz, ModelSet, Optimizer,
    OptimizerConfig, Recording, Sample, Timestamp,
};

const STEP: Duration = Duration::from_millis(20);

/// How the world answers clock commands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Apply,
    Fail(Fault),
    /// Carried out, but nobody says so.
    Forget,
    /// Not at all.
    Ignore,
}

pub(crate) fn caps() -> Capabilities {
    let sm = (0..38).map(|gear| Mhz(855 + 15 * gear)).collect();
    Capabilities::new([(Mhz(1593), sm)]).expect("clocks of a GPU")
}

/// With a second memory clock, at which everything takes half as long again.
pub(crate) fn caps_with_memory() -> Capabilities {
    let sm: Vec<Mhz> = (0..38).map(|gear| Mhz(855 + 15 * gear)).collect();
    Capabilities::new([(Mhz(1593), sm.clone()), (Mhz(810), sm)]).expect("clocks of a GPU")
}

pub(crate) struct World {
    pub(crate) machine: Optimizer,
    pub(crate) now: Timestamp,
    pub(crate) origin: Timestamp,
    /// `None`: as found.
    pub(crate) locked: Option<ClockPair>,
    /// The last clock command that the world accepted.
    pub(crate) last_accepted: Option<Command>,
    pub(crate) commands: Vec<Command>,
    pub(crate) events: Vec<Event>,
    pub(crate) recording: Recording,
    /// Iterations done.
    pub(crate) work: f64,
    pub(crate) energy_j: f64,
    /// Length of an iteration at the found clocks, s; 0: idle.
    pub(crate) period_s: f64,
    /// Share of an iteration at the found clocks that follows the SM clock.
    pub(crate) compute_share: f64,
    /// Power changes at random: nothing repeats, though the work goes on as ever.
    pub(crate) is_aperiodic: bool,
    /// The embedder tells when an iteration ends.
    pub(crate) gives_marks: bool,
    marked: f64,
    is_high: bool,
    steps_left: u64,
    random: u64,
    pub(crate) counter_start: Option<(Timestamp, f64)>,
    pub(crate) answer: fn(&Command, usize) -> Answer,
    answered: usize,
}

impl World {
    pub(crate) fn new(config: OptimizerConfig, caps: Capabilities) -> Self {
        Self::at(Timestamp::from_secs_f64(100.0), config, caps)
    }

    pub(crate) fn at(origin: Timestamp, config: OptimizerConfig, caps: Capabilities) -> Self {
        Self {
            machine: Optimizer::new(config, caps),
            now: origin,
            origin,
            locked: None,
            last_accepted: None,
            commands: Vec::new(),
            events: Vec::new(),
            recording: Recording::default(),
            work: 0.0,
            energy_j: 0.0,
            period_s: 0.33,
            compute_share: 0.5,
            is_aperiodic: false,
            gives_marks: false,
            marked: 0.0,
            is_high: true,
            steps_left: 0,
            random: 1,
            counter_start: None,
            answer: |_, _| Answer::Apply,
            answered: 0,
        }
    }

    /// With trained models.
    pub(crate) fn with_models(mut self, set: Arc<ModelSet>) -> Self {
        let (config, caps) = (self.machine.config().clone(), self.machine.capabilities().clone());
        self.machine = Optimizer::new(config, caps).with_models(set);
        self
    }

    /// Relative time per iteration at the clocks in force.
    pub(crate) fn time_ratio(&self) -> f64 {
        self.locked.map_or(1.0, |pair| {
            let memory = if pair.mem() < Mhz(1593) { 1.5 } else { 1.0 };
            memory * (1.0 - self.compute_share + self.compute_share * 1410.0 / f64::from(pair.sm().0))
        })
    }

    fn power_w(&self) -> f64 {
        if self.period_s == 0.0 {
            return 60.0;
        }
        let phase = self.work.fract();
        let is_high = if self.is_aperiodic { self.is_high } else { phase < 0.6 };
        let busy = if is_high { 1.0 } else { 0.45 };
        let clock = self.locked.map_or(1.0, |pair| f64::from(pair.sm().0) / 1410.0);
        80.0 + 340.0 * busy * clock.powi(3)
    }

    /// Gives an input to the machine, then carries out and answers all that it asks for.
    pub(crate) fn feed(&mut self, input: Input) {
        self.recording.push(input);
        self.machine.handle(input).expect("the world keeps order");
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        self.events.extend(core::iter::from_fn(|| self.machine.poll_event()));
        for _ in 0..100 {
            let Some(action) = self.machine.poll_action() else { return };
            self.commands.push(action.command);
            let answer = (self.answer)(&action.command, self.answered);
            self.answered += 1;
            let now = self.now;
            let input = match answer {
                Answer::Ignore => continue,
                Answer::Forget => {
                    self.apply(action.command);
                    continue;
                }
                Answer::Fail(fault) => Input::Failed { id: action.id, fault, now },
                Answer::Apply => {
                    self.apply(action.command);
                    Input::Applied { id: action.id, now }
                }
            };
            self.recording.push(input);
            self.machine.handle(input).expect("each action is answered once");
            self.events.extend(core::iter::from_fn(|| self.machine.poll_event()));
        }
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::SetClocks(pair) => {
                self.locked = Some(pair);
                self.last_accepted = Some(command);
            }
            Command::RestoreClocks => {
                self.locked = None;
                self.last_accepted = Some(command);
            }
            Command::OpenCounters { .. } => self.counter_start = Some((self.now, self.work)),
            Command::CloseCounters => {
                let (start, work) = self.counter_start.take().expect("closed only when open");
                let count = CounterSet::new(start, self.now).with(Counter::Instructions, 1e12 * (self.work - work));
                let input = Input::Counters(count);
                self.recording.push(input);
                self.machine.handle(input).expect("counters in order");
            }
            _ => {}
        }
    }

    /// One sample later.
    pub(crate) fn step(&mut self) {
        if self.steps_left == 0 {
            // Stretches of 60 ms to 1.3 s, by a linear congruential generator (Knuth, MMIX).
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.steps_left = 3 + (self.random >> 33) % 64;
            self.is_high = !self.is_high;
        }
        self.steps_left -= 1;
        let step_s = STEP.as_secs_f64();
        let power_w = self.power_w();
        if self.period_s > 0.0 {
            self.work += step_s / (self.period_s * self.time_ratio());
        }
        self.energy_j += power_w * step_s;
        self.now += STEP;
        if self.gives_marks && self.work.floor() > self.marked {
            self.marked = self.work.floor();
            self.feed(Input::Mark { time: self.now });
        }
        let clock = self.locked.map_or(Mhz(1410), ClockPair::sm);
        let sample = Sample::new(self.now, power_w).energy_j(self.energy_j).sm_clock(clock);
        self.feed(Input::Sample(sample));
        self.feed(Input::Timeout { now: self.now });
    }

    pub(crate) fn run(&mut self, seconds: f64) {
        for _ in 0..(seconds / STEP.as_secs_f64()).round() as usize {
            self.step();
        }
    }

    /// Only time passes: no samples, as if the device did not answer.
    pub(crate) fn run_silent(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while let Some(timeout) = self.machine.poll_timeout().filter(|_| self.now < end) {
            assert!(timeout > self.now, "the next timeout lies ahead");
            self.now = timeout;
            self.feed(Input::Timeout { now: self.now });
        }
    }

    /// Asks for the stop and goes on until it is done.
    pub(crate) fn stop(&mut self) {
        self.feed(Input::Stop { now: self.now });
        for _ in 0..3000 {
            if self.machine.is_stopped() {
                return;
            }
            self.step();
        }
        panic!("not stopped after a minute: {:?}", self.machine);
    }

    pub(crate) fn elapsed_s(&self) -> f64 {
        self.now.seconds_since(self.origin)
    }
}
