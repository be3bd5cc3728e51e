//! Bytes as an embedder, a GPU and a job: what they do is up to the bytes.
//!
//! Random samples alone never get past detection, so one kind of step is a stretch of a job that is really there.

use core::time::Duration;

use arbitrary::Unstructured;
use gpoeo_core::{
    ActionId, Capabilities, ClockPair, Command, Counter, CounterSet, Fault, HoldPolicy, Input, Mhz, Objective,
    OptimizerConfig, Sample, Timestamp,
};

use crate::checked::Checked;

/// Samples of one scenario: enough for a search and some holding.
const MOST_SAMPLES: u32 = 6_000;
/// Steps of one scenario.
const MOST_STEPS: usize = 400;

/// Runs one scenario; panics where the machine breaks a promise.
pub(crate) fn run(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let caps = capabilities(&mut bytes);
    let config = configuration(&mut bytes);
    let mut scenario = Scenario::new(Checked::new(config, caps), origin(&mut bytes));
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        scenario.step(&mut bytes);
    }
    scenario.machine.check_report();
    scenario.machine.stop();
}

/// How the embedder answers actions by itself.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Apply,
    Fail(Fault),
    /// Every so many actions one fails, and one is forgotten.
    Unreliable(u8),
    /// Polls, carries out, does not answer.
    Silent,
    /// Does not even poll.
    Deaf,
}

struct Scenario {
    machine: Checked,
    manner: Manner,
    polled: u32,
    locked: Option<ClockPair>,
    counters_from: Timestamp,
    job: Job,
    /// Time of the last sample.
    sampled: Timestamp,
    samples_left: u32,
}

impl Scenario {
    fn new(machine: Checked, origin: Timestamp) -> Self {
        Self {
            machine,
            manner: Manner::Apply,
            polled: 0,
            locked: None,
            counters_from: origin,
            job: Job::default(),
            sampled: origin,
            samples_left: MOST_SAMPLES,
        }
    }

    fn step(&mut self, bytes: &mut Unstructured<'_>) {
        match byte(bytes) % 18 {
            0..=3 => self.run_job(bytes),
            4 => {
                self.job = Job::from_bytes(self.job, bytes);
            }
            5 => self.wait(byte(bytes)),
            6 | 7 => self.odd_sample(bytes),
            8 => {
                let now = moment(self.machine.spoken(), bytes);
                self.feed(Input::Timeout { now });
            }
            9 => self.answer(bytes),
            10 => {
                let (fault, now) = (fault(bytes), moment(self.machine.spoken(), bytes));
                self.feed(Input::Fault { fault, now });
            }
            11 => {
                let (start, end) = (moment(self.machine.now(), bytes), moment(self.machine.now(), bytes));
                let set = CounterSet::new(start, end).with(Counter::Instructions, odd_number(bytes));
                self.feed(Input::Counters(set));
            }
            12 => {
                let now = moment(self.machine.spoken(), bytes);
                self.feed(Input::Stop { now });
            }
            13 => {
                self.manner = match byte(bytes) % 8 {
                    0..=2 => Manner::Apply,
                    3 => Manner::Fail(fault(bytes)),
                    4 | 5 => Manner::Unreliable(byte(bytes)),
                    6 => Manner::Silent,
                    _ => Manner::Deaf,
                };
            }
            14 => self.machine.check_report(),
            15 => {
                let (objective, now) = (odd_objective(bytes), moment(self.machine.spoken(), bytes));
                self.feed(Input::Objective { objective, now });
            }
            16 => {
                let time = moment(self.machine.now(), bytes);
                self.feed(Input::Mark { time });
            }
            _ => self.drain(),
        }
    }

    fn feed(&mut self, input: Input) {
        let _ = self.machine.feed(input);
        self.drain();
    }

    fn drain(&mut self) {
        if matches!(self.manner, Manner::Deaf) {
            return;
        }
        // An action that is answered may lead to the next at once, but not without end.
        for _ in 0..32 {
            let Some(action) = self.machine.poll() else { return };
            self.polled = self.polled.wrapping_add(1);
            let now = self.machine.spoken();
            let fault = match self.manner {
                Manner::Apply => None,
                Manner::Fail(fault) => Some(fault),
                Manner::Unreliable(every) if self.polled % (u32::from(every % 16) + 2) == 1 => Some(Fault::Transient),
                Manner::Unreliable(every) if self.polled % (u32::from(every / 16) + 2) == 0 => {
                    self.carry_out(action.command);
                    return;
                }
                Manner::Unreliable(_) => None,
                Manner::Deaf | Manner::Silent => {
                    self.carry_out(action.command);
                    return;
                }
            };
            let answer = match fault {
                None => {
                    self.carry_out(action.command);
                    Input::Applied { id: action.id, now }
                }
                Some(fault) => Input::Failed { id: action.id, fault, now },
            };
            let _ = self.machine.feed(answer);
        }
        panic!("actions without end although no time passes");
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::SetClocks(pair) => self.locked = Some(pair),
            Command::RestoreClocks => self.locked = None,
            Command::OpenCounters { .. } => self.counters_from = self.sampled,
            Command::CloseCounters => {
                let count = self.job.work_rate * self.sampled.seconds_since(self.counters_from);
                let set = CounterSet::new(self.counters_from, self.sampled).with(Counter::Instructions, count);
                let _ = self.machine.feed(Input::Counters(set));
            }
            _ => {}
        }
    }

    /// A stretch of the job.
    fn run_job(&mut self, bytes: &mut Unstructured<'_>) {
        let count = (u32::from(byte(bytes)) * 8).min(self.samples_left);
        self.samples_left -= count;
        for _ in 0..count {
            let phase = self.job.phase;
            let sample = self.job.sample(self.sampled, self.locked);
            let is_late = self.job.keeps_back();
            if sample.time == self.sampled {
                return; // the end of time
            }
            self.sampled = sample.time;
            if self.job.has_marks && self.job.phase < phase {
                self.feed(Input::Mark { time: sample.time });
            }
            if !is_late {
                let _ = self.machine.feed(Input::Sample(sample));
                self.drain();
            }
            if self.job.speaks() {
                let now = self.machine.now();
                self.feed(Input::Timeout { now });
            }
        }
    }

    /// Time passes without samples.
    fn wait(&mut self, turns: u8) {
        for _ in 0..turns {
            let Some(at) = self.machine.next_timeout() else { return };
            self.feed(Input::Timeout { now: at });
            self.sampled = self.sampled.max(at);
        }
    }

    fn odd_sample(&mut self, bytes: &mut Unstructured<'_>) {
        let mut sample = Sample::new(moment(self.sampled, bytes), odd_number(bytes));
        let given = byte(bytes);
        if given & 1 != 0 {
            sample.energy_j = Some(odd_number(bytes));
        }
        if given & 2 != 0 {
            sample.sm_util = Some(odd_number(bytes) as f32);
        }
        if given & 4 != 0 {
            sample.mem_util = Some(odd_number(bytes) as f32);
        }
        if given & 8 != 0 {
            sample.sm_clock = Some(Mhz(u32::from(byte(bytes)).wrapping_mul(0x0101_0101)));
        }
        if given & 16 != 0 {
            sample.mem_clock = Some(Mhz(u32::from(byte(bytes))));
        }
        if self.machine.feed(Input::Sample(sample)).is_ok() {
            self.sampled = sample.time;
        }
        self.drain();
    }

    fn answer(&mut self, bytes: &mut Unstructured<'_>) {
        let open = self.machine.open();
        let id = match (byte(bytes) % 4, open) {
            (0..=2, Some(open)) => open.id,
            (3, Some(open)) => ActionId(open.id.0.wrapping_add(1)),
            _ => ActionId(u64::from(byte(bytes))),
        };
        let now = moment(self.machine.spoken(), bytes);
        let input = if byte(bytes) % 2 == 0 {
            if let Some(open) = open.filter(|open| open.id == id) {
                self.carry_out(open.command);
            }
            Input::Applied { id, now }
        } else {
            Input::Failed { id, fault: fault(bytes), now }
        };
        let was_open = open.is_some_and(|open| open.id == id);
        let result = self.machine.feed(input);
        assert!(was_open || result.is_err() || self.machine.is_stopped(), "{id} was never open");
        self.drain();
    }
}

/// A job as the sensors see it.
#[derive(Clone, Copy, Debug)]
struct Job {
    interval: Duration,
    /// At the found clocks, s.
    period_s: f64,
    high_w: f64,
    low_w: f64,
    duty: f64,
    /// Share of the time that follows the SM clock.
    bound: f64,
    noise: f64,
    counter: EnergyCounter,
    work_rate: f64,
    /// Every so many samples the embedder speaks, and one is lost.
    /// Whether the embedder says when an iteration ends.
    has_marks: bool,
    speaks_every: u32,
    loses_every: u32,
    phase: f64,
    count: u32,
    energy_j: f64,
    random: u64,
}

#[derive(Clone, Copy, Debug)]
enum EnergyCounter {
    None,
    True,
    Still,
    Backward,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(20),
            period_s: 0.33,
            high_w: 420.0,
            low_w: 230.0,
            duty: 0.6,
            bound: 0.5,
            noise: 0.0,
            counter: EnergyCounter::True,
            work_rate: 1e12,
            has_marks: false,
            speaks_every: 12,
            loses_every: u32::MAX,
            phase: 0.0,
            count: 0,
            energy_j: 0.0,
            random: 1,
        }
    }
}

impl Job {
    /// Changes one thing about a job.
    fn from_bytes(mut job: Self, bytes: &mut Unstructured<'_>) -> Self {
        let (what, how) = (byte(bytes), byte(bytes));
        let share = f64::from(how) / 255.0;
        match what % 13 {
            0 => job.period_s = 0.02 * 500f64.powf(share),
            1 => job.high_w = 10.0 + 700.0 * share,
            2 => job.low_w = 700.0 * share,
            3 => job.duty = share,
            4 => job.bound = share,
            5 => job.noise = 0.3 * share,
            6 => {
                job.counter = match how % 4 {
                    0 => EnergyCounter::None,
                    1 => EnergyCounter::True,
                    2 => EnergyCounter::Still,
                    _ => EnergyCounter::Backward,
                };
            }
            7 => job.work_rate = odd_number(bytes),
            8 => job.speaks_every = u32::from(how).max(1),
            9 => job.loses_every = u32::from(how).max(2),
            10 => job.has_marks = how % 2 == 0,
            11 => job.interval = Duration::from_micros(100 * 10_000u64.pow(u32::from(how % 3)) / 100 + u64::from(how)),
            _ => (job.high_w, job.low_w) = (odd_number(bytes), odd_number(bytes)),
        }
        job
    }

    /// The next sample, after `last`.
    fn sample(&mut self, last: Timestamp, locked: Option<ClockPair>) -> Sample {
        self.count = self.count.wrapping_add(1);
        let clock = locked.map_or(1.0, |pair| f64::from(pair.sm().0) / 1410.0);
        let ratio = 1.0 - self.bound + self.bound / clock.max(1e-6);
        let step_s = self.interval.as_secs_f64();
        self.phase = (self.phase + step_s / (self.period_s * ratio)).fract();
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = 1.0 + self.noise * ((self.random >> 40) as f64 / f64::from(1 << 23) - 1.0);
        let busy_w = if self.phase < self.duty { self.high_w } else { self.low_w };
        let power_w = busy_w * noise * clock.min(1.0).powi(2);
        let mut sample = Sample::new(last + self.interval, power_w);
        self.energy_j += power_w * step_s;
        sample.energy_j = match self.counter {
            EnergyCounter::None => None,
            EnergyCounter::True => Some(self.energy_j),
            EnergyCounter::Still => Some(1.0),
            EnergyCounter::Backward => Some(1e6 - self.energy_j),
        };
        sample.sm_clock = locked.map(ClockPair::sm);
        sample
    }

    fn speaks(&self) -> bool {
        self.count % self.speaks_every == 0
    }

    fn keeps_back(&self) -> bool {
        self.count % self.loses_every == 0
    }
}

fn byte(bytes: &mut Unstructured<'_>) -> u8 {
    // Past the end there are zeros.
    bytes.arbitrary().unwrap_or(0)
}

fn fault(bytes: &mut Unstructured<'_>) -> Fault {
    match byte(bytes) % 8 {
        0..=4 => Fault::Transient,
        5 => Fault::NoPermission,
        6 => Fault::NotSupported,
        _ => Fault::GpuLost,
    }
}

/// A moment near another one, or far from it.
fn moment(near: Timestamp, bytes: &mut Unstructured<'_>) -> Timestamp {
    let nanos = near.as_nanos();
    let size = u64::from(byte(bytes));
    Timestamp::from_nanos(match byte(bytes) % 16 {
        0 => nanos,
        1 => nanos.saturating_add(1),
        2..=6 => nanos.saturating_add(size * 1_000_000),
        7 | 8 => nanos.saturating_add(size * 100_000_000),
        9 => nanos.saturating_add(size * 10_000_000_000),
        10 => nanos.saturating_add(size << 48),
        11 => nanos.saturating_sub(size * 1_000_000),
        12 => nanos.saturating_sub(size << 40),
        13 => u64::MAX - size * 1_000_000_000,
        14 => u64::MAX - size,
        _ => bytes.arbitrary().unwrap_or(0),
    })
}

/// A number that a device or a bug might give.
fn odd_number(bytes: &mut Unstructured<'_>) -> f64 {
    let size = f64::from(byte(bytes));
    match byte(bytes) % 12 {
        0..=3 => 4.0 * size,
        4 => -size,
        5 => 10f64.powf(1.2 * size),
        6 => 10f64.powf(-1.2 * size),
        7 => -(10f64.powf(1.2 * size)),
        8 => f64::MAX / (1.0 + size),
        9 => f64::NAN,
        10 => f64::INFINITY,
        _ => f64::from_bits(bytes.arbitrary().unwrap_or(0)),
    }
}

fn origin(bytes: &mut Unstructured<'_>) -> Timestamp {
    Timestamp::from_nanos(match byte(bytes) % 8 {
        0..=2 => 100_000_000_000,
        3 => 0,
        4 => 1_900_000_000_123_456_789,
        5 => u64::MAX - 100_000_000_000,
        6 => u64::MAX - 3_000_000_000,
        _ => bytes.arbitrary().unwrap_or(0),
    })
}

fn capabilities(bytes: &mut Unstructured<'_>) -> Capabilities {
    let ladder = |from: u32, step: u32, count: u32| (0..count).map(|gear| Mhz(from + step * gear)).collect::<Vec<_>>();
    let clocks = match byte(bytes) % 8 {
        0..=2 => vec![(Mhz(1593), ladder(855, 15, 38))],
        3 => vec![(Mhz(1593), ladder(855, 15, 38)), (Mhz(810), ladder(855, 15, 38))],
        4 => vec![(Mhz(1593), ladder(1410, 1, 1))],
        5 => {
            vec![(Mhz(1), ladder(1, 1_000_000, 2)), (Mhz(9501), ladder(210, 15, 120)), (Mhz(5001), ladder(210, 15, 90))]
        }
        6 => vec![(Mhz(u32::MAX), vec![Mhz(u32::MAX), Mhz(1)])],
        _ => vec![(Mhz(1593), ladder(1, 1, 700))],
    };
    let mut caps = Capabilities::new(clocks).expect("none of these is refused");
    let traits = byte(bytes);
    if traits & 1 != 0 {
        caps = caps.with_counters(1 + traits / 64);
    }
    if traits & 14 == 14 {
        caps = caps.read_only();
    }
    if traits & 16 != 0 {
        caps = caps.with_sensor_lag(Duration::from_millis(u64::from(traits) * 8));
    }
    if traits & 240 == 240 {
        caps = caps.with_settle_time(Duration::MAX);
    }
    caps
}

fn objective(kind: u8, share: f64) -> Objective {
    match kind % 8 {
        0..=2 => Objective::MinEnergy { max_slowdown: 0.2 * share },
        3 => Objective::Ed2p,
        4 => Objective::Ed2pWithin { max_slowdown: share },
        5 => Objective::Edp,
        6 => Objective::MinTime { min_saving: 0.9 * share },
        _ => Objective::MinEnergy { max_slowdown: 0.0 },
    }
}

fn odd_objective(bytes: &mut Unstructured<'_>) -> Objective {
    let kind = byte(bytes);
    let share = if kind < 128 { f64::from(byte(bytes)) / 255.0 } else { odd_number(bytes) };
    objective(kind, share)
}

fn configuration(bytes: &mut Unstructured<'_>) -> OptimizerConfig {
    let share = f64::from(byte(bytes)) / 255.0;
    let objective = objective(byte(bytes), share);
    let kind = byte(bytes);
    let mut builder = OptimizerConfig::builder().objective(objective);
    if kind & 1 != 0 {
        builder = builder.hold_policy(HoldPolicy::One);
    }
    if kind & 2 != 0 {
        builder = builder.limit_tolerance(0.1 * share).limit_confidence(0.5 + 0.4999 * share);
    }
    if kind & 12 == 12 {
        let interval = Duration::from_millis(1 + u64::from(byte(bytes)));
        builder = builder.sample_interval(interval).read_interval(interval);
    }
    if kind & 16 != 0 {
        builder = builder.action_timeout(Duration::from_millis(100 + 200 * u64::from(byte(bytes))));
    }
    builder.build().expect("all within their ranges")
}
