//! The simulated GPU: a job in virtual time behind the sensors of a driver.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use gpoeo_core::{
    BackendError, Capabilities, ClockPair, Counter, CounterKind, CounterSet, Fault, GpuBackend, Mhz, Sample, Timestamp,
};

use crate::counters;
use crate::noise::{Noise, Stream};
use crate::physics::{CounterWindow, Physics, State};
use crate::sensor::{Rest, SensorConfig, Sensors, TICK, Tick};
use crate::waveform::Totals;
use crate::workload::{CostLaw, WorkCounters, Workload};

/// Instructions of one second of work of a recording at default clocks; of the order of an H100's.
const INSTRUCTIONS_PER_S: f64 = 2e11;

/// How a [`SimGpu`] behaves.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SimConfig {
    /// Time before the job begins (idle, model set-up), played from the recording; shorter if the recording is. Five
    /// seconds unless set.
    pub lead_in: Duration,
    /// Shortest and longest time from an accepted clock command until the clocks are in force.
    pub clock_latency: (Duration, Duration),
    /// The sensors; `None`: those of the card where the job is modelled, else those of an H100.
    pub sensors: Option<SensorConfig>,
    /// Whether a modelled card drifts.
    pub drift: Drift,
    /// Who may read hardware counters.
    pub counters: CounterAccess,
    /// Seed of all noise.
    pub seed: u64,
}

/// Whether heat and the clocks of a modelled card move by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// The card is as warm as its load makes it from the start, and clocks stay where they are held.
    Absent,
    /// The card starts cold and warms up, and the clock wanders where the driver chooses it.
    #[default]
    Present,
}

/// Who may read hardware counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterAccess {
    /// Counters can be read of the jobs that have them.
    #[default]
    Allowed,
    /// Nobody: the driver restricts them to administrators.
    Denied,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            lead_in: Duration::from_secs(5),
            clock_latency: (Duration::from_millis(50), Duration::from_millis(100)),
            sensors: None,
            drift: Drift::Present,
            counters: CounterAccess::Allowed,
            seed: 0,
        }
    }
}

impl SimConfig {
    /// Sets the seed of all noise.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the time before the job begins.
    #[must_use]
    pub fn with_lead_in(mut self, lead_in: Duration) -> Self {
        self.lead_in = lead_in;
        self
    }

    /// Sets the sensors.
    #[must_use]
    pub fn with_sensors(mut self, sensors: SensorConfig) -> Self {
        self.sensors = Some(sensors);
        self
    }

    /// Says whether a modelled card drifts.
    #[must_use]
    pub fn with_drift(mut self, drift: Drift) -> Self {
        self.drift = drift;
        self
    }

    /// Says who may read hardware counters.
    #[must_use]
    pub fn with_counters(mut self, counters: CounterAccess) -> Self {
        self.counters = counters;
        self
    }

    /// Clock commands take effect at once.
    #[must_use]
    pub fn with_instant_clocks(mut self) -> Self {
        self.clock_latency = (Duration::ZERO, Duration::ZERO);
        self
    }
}

/// A GPU in virtual time that runs one job: time moves only by [`GpuBackend::sleep_until`], and stops at the end.
///
/// What it does depends on the seed and on the moments of the clock and counter commands, not on how often it is read.
///
/// ```
/// use std::time::Duration;
/// use gpoeo_core::{GpuBackend, Timestamp};
/// use gpoeo_sim::{DvfsCurve, DvfsTable, SimConfig, SimGpu, Waveform, Workload};
///
/// let table = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1.1,330\n1410,,1,400\n";
/// let curve = DvfsCurve::new(&DvfsTable::parse(table.as_bytes(), "demo")?[0])?;
/// let workload = Workload::new("demo", curve, Waveform::built_in(400.0));
/// let mut gpu = SimGpu::new(workload, SimConfig::default(), Duration::from_secs(60));
///
/// let low = gpu.capabilities()?.pairs().next().unwrap();
/// gpu.set_clocks(low)?;
/// gpu.sleep_until(Timestamp::from_secs_f64(2.0));
/// let mut samples = Vec::new();
/// gpu.read_samples(&mut samples)?;
/// assert!(samples.len() > 90);
///
/// gpu.sleep_until(Timestamp::from_secs_f64(1e6));
/// assert!(gpu.is_over());
/// assert!((gpu.account().slowdown() - 0.1).abs() < 1e-9);
/// assert!((gpu.account().saving() - 0.175).abs() < 0.003);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimGpu {
    workload: Arc<Workload>,
    config: SimConfig,
    capabilities: Capabilities,
    now: Timestamp,
    job_begin: Timestamp,
    end: Timestamp,
    next_tick: Timestamp,
    /// State at the last tick.
    last: State,
    physics: Physics,
    /// Changes still to come, in order of time.
    changes: VecDeque<(Timestamp, Change)>,
    /// The clocks of the last accepted command.
    asked: ClockPair,
    window: Option<Window>,
    sensors: Sensors,
    latency: Noise,
    counting: Noise,
    ripple: Noise,
}

/// A counter window that is open.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: Timestamp,
    pass: u8,
    /// The work done when it was opened.
    done: Totals,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Clocks(ClockPair),
    JobBegins,
    Limit(f64),
    /// The driver chooses the clock anew, and so on in steps of this length.
    Wander(Duration),
}

impl SimGpu {
    /// A GPU at default clocks at time 0, on which `workload` begins after the lead-in and runs until `length`
    /// after it began.
    #[must_use]
    pub fn new(workload: Workload, config: SimConfig, length: Duration) -> Self {
        let workload = Arc::new(workload);
        let lead_in = config.lead_in.min(Duration::from_secs_f64(workload.waveform().lead_in_s()));
        let passes = match (workload.counters(), config.counters, workload.law()) {
            (WorkCounters::Absent, _, _) | (_, CounterAccess::Denied, _) => 0,
            (WorkCounters::Instructions, CounterAccess::Allowed, CostLaw::Measured { .. }) => 1,
            (WorkCounters::Instructions, CounterAccess::Allowed, CostLaw::Physical(law)) => law.card().counters.count(),
        };
        let sensors = config.sensors.clone().unwrap_or_else(|| match workload.law() {
            CostLaw::Physical(law) => law.card().sensors.clone(),
            CostLaw::Measured { .. } => SensorConfig::default(),
        });
        let capabilities = workload
            .curve()
            .capabilities()
            .clone()
            .with_counters(passes)
            .with_sensor_lag(sensors.lag())
            .with_settle_time(config.clock_latency.1);
        let capabilities = match workload.law() {
            CostLaw::Physical(law) => capabilities.with_power_limit_w(law.card().limit_w.default),
            CostLaw::Measured { .. } => capabilities,
        };
        let capabilities = match workload.gpu_name() {
            Some(name) => capabilities.with_gpu_name(name),
            None => capabilities,
        };
        let physics =
            Physics::new(Arc::clone(&workload), lead_in.as_secs_f64(), Timestamp::ZERO, config.drift, config.seed);
        let job_begin = Timestamp::ZERO + lead_in;
        let mut changes = VecDeque::from([(job_begin, Change::JobBegins)]);
        if let (CostLaw::Physical(law), Drift::Present) = (workload.law(), config.drift) {
            let step = law.card().wander.step;
            changes.push_back((job_begin + step, Change::Wander(step)));
        }
        Self {
            capabilities,
            now: Timestamp::ZERO,
            job_begin,
            end: job_begin + length,
            next_tick: Timestamp::ZERO + TICK,
            last: physics.at(Timestamp::ZERO),
            changes,
            asked: physics.clocks(),
            window: None,
            sensors: Sensors::new(sensors, config.seed),
            latency: Noise::new(config.seed, Stream::Clocks),
            counting: Noise::new(config.seed, Stream::Counters),
            ripple: Noise::new(config.seed, Stream::Ripple),
            physics,
            workload,
            config,
        }
    }

    /// The job.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The virtual time now.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.now
    }

    /// Whether the time has run out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.now >= self.end
    }

    /// When the time runs out.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// When the job begins: the end of the lead-in.
    #[must_use]
    pub fn job_begin(&self) -> Timestamp {
        self.job_begin
    }

    /// The clocks in force now.
    #[must_use]
    pub fn clocks(&self) -> ClockPair {
        self.physics.clocks()
    }

    /// The clocks of the last accepted command, in force or soon to be.
    #[must_use]
    pub fn asked_clocks(&self) -> ClockPair {
        self.asked
    }

    /// What the job has really cost so far, without noise.
    #[must_use]
    pub fn account(&self) -> Account {
        let state = self.physics.at(self.now);
        let work_s = state.position_s.max(0.0);
        Account {
            elapsed_s: self.now.saturating_since(self.job_begin).as_secs_f64(),
            work_s,
            energy_j: state.energy_j.max(0.0),
            default_energy_j: self.physics.default_energy_j(work_s),
        }
    }

    /// Iterations that the job has done, shares of one included; 0 where nothing is known of its iterations.
    #[must_use]
    pub fn iterations(&self) -> f64 {
        self.physics.at(self.now).done.iterations.max(0.0)
    }

    fn apply_changes(&mut self, until: Timestamp) {
        while let Some(&(time, change)) = self.changes.front().filter(|(time, _)| *time <= until) {
            self.changes.pop_front();
            match change {
                Change::Clocks(clocks) => self.physics.set_clocks(time, clocks),
                Change::JobBegins => self.physics.begin_job(time),
                Change::Limit(limit_w) => self.physics.set_limit_w(time, limit_w),
                Change::Wander(step) => {
                    self.physics.wander(time);
                    self.schedule(time + step, change);
                }
            }
        }
    }

    fn tick(&mut self) {
        let time = self.next_tick;
        let state = self.physics.at(time);
        let step = state.done.since(&self.last.done);
        let setting = self.physics.setting();
        let at_rest = match self.workload.law() {
            CostLaw::Physical(law) if step.asleep_s > 0.5 * step.time_s() => Some(law.card().idle),
            _ => None,
        };
        let energy_j = state.energy_j - self.last.energy_j;
        let busy = if step.time_s() > 0.0 { step.busy_s / step.time_s() } else { 0.0 };
        self.sensors.tick(Tick {
            time,
            energy_j: energy_j * (1.0 + self.workload.waveform().ripple() * busy * self.ripple.bell()),
            busy: busy * setting.kernels,
            memory: setting.dram.map(|dram| busy * dram),
            rest: if at_rest.is_some() { Rest::Asleep } else { Rest::Awake },
            sm: at_rest.map_or(setting.sm, |idle| Mhz(idle.sm_mhz)),
            mem: at_rest.map_or(setting.mem, |idle| Some(Mhz(idle.memory_mhz))),
        });
        self.last = state;
        self.next_tick += TICK;
    }

    fn command(&mut self, clocks: ClockPair) {
        if clocks == self.asked {
            return;
        }
        let at = self.command_time();
        self.schedule(at, Change::Clocks(clocks));
        self.asked = clocks;
        self.apply_changes(self.now);
    }

    /// Sets the power limit of the board, W; in force as late as a clock command would be. Of a job with a measured
    /// sweep it takes the highest clock whose mean power is below the limit.
    ///
    /// # Errors
    /// [`Fault::NotSupported`] if it is not a number or outside of the card's range.
    pub fn set_power_limit_w(&mut self, limit_w: f64) -> Result<(), BackendError> {
        let range = self.power_limits_w();
        if !range.contains(&limit_w) {
            return Err(self.refused("setting the power limit", "choose one within the card's range"));
        }
        let at = self.command_time();
        self.schedule(at, Change::Limit(limit_w));
        self.apply_changes(self.now);
        Ok(())
    }

    /// Lowest and highest power limit that can be set, W. Of a card that is known by a measured sweep alone: 30 % to 100 %
    /// of the highest mean power in the sweep.
    #[must_use]
    pub fn power_limits_w(&self) -> RangeInclusive<f64> {
        match self.workload.law() {
            CostLaw::Physical(law) => law.card().limit_w.low..=law.card().limit_w.high,
            CostLaw::Measured { .. } => {
                let curve = self.workload.curve();
                let powers_w = curve.settings().map(|(_, cost)| cost.energy / cost.time * curve.default_power_w());
                let highest_w = powers_w.fold(0.0, f64::max);
                0.3 * highest_w..=highest_w
            }
        }
    }

    /// When a command that is accepted now is in force.
    fn command_time(&mut self) -> Timestamp {
        let (shortest, longest) = self.config.clock_latency;
        let spread = longest.saturating_sub(shortest).mul_f64(self.latency.uniform());
        // A driver carries commands out in order.
        let earlier = self.changes.iter().filter(|(_, change)| matches!(change, Change::Clocks(_) | Change::Limit(_)));
        earlier.map(|(time, _)| *time).chain([self.now + shortest + spread]).max().unwrap_or(self.now)
    }

    fn schedule(&mut self, at: Timestamp, change: Change) {
        let index = self.changes.partition_point(|(time, _)| *time <= at);
        self.changes.insert(index, (at, change));
    }

    /// What a counter really is in a window that ends now; `None` where nothing is known of it.
    fn counted(&self, window: &Window) -> impl Fn(Counter) -> Option<f64> + use<> {
        let done = self.physics.at(self.now).done.since(&window.done);
        let time_s = self.now.seconds_since(window.start);
        let setting = self.physics.setting();
        let kernels = if time_s > 0.0 { setting.kernels_s(&done) / time_s } else { 0.0 };
        let modelled = match self.workload.law() {
            CostLaw::Physical(law) => {
                // In the lead-in no kernels run, whatever they would cost.
                let cost = setting.cost.unwrap_or(law.default_point().cost);
                Some((law.counts(), law.shares(&cost, self.workload.pipes(), kernels)))
            }
            CostLaw::Measured { .. } => None,
        };
        move |counter| match (&modelled, counter.kind()) {
            (Some((counts, _)), CounterKind::Count) => {
                counters::count_of(counts, counter).map(|rate| rate * done.busy_s.max(0.0))
            }
            (Some((_, shares)), _) => shares.iter().find(|(other, _)| *other == counter).map(|(_, share)| *share),
            // Of a measured sweep no counter is known, but work is work.
            (None, _) if counter == Counter::Instructions => Some(INSTRUCTIONS_PER_S * done.time_s().max(0.0)),
            (None, _) => None,
        }
    }

    fn refused(&self, what: &'static str, fix: &'static str) -> BackendError {
        BackendError::new(Fault::NotSupported, self.workload.gpu().unwrap_or("simulated"), what, fix)
    }
}

impl GpuBackend for SimGpu {
    fn now(&mut self) -> Timestamp {
        self.now
    }

    fn sleep_until(&mut self, deadline: Timestamp) {
        let target = deadline.min(self.end).max(self.now);
        while self.next_tick <= target {
            self.apply_changes(self.next_tick);
            self.tick();
        }
        self.apply_changes(target);
        self.now = target;
    }

    fn capabilities(&mut self) -> Result<Capabilities, BackendError> {
        Ok(self.capabilities.clone())
    }

    fn read_samples(&mut self, out: &mut Vec<Sample>) -> Result<(), BackendError> {
        self.sensors.drain(self.now, out);
        Ok(())
    }

    fn set_clocks(&mut self, clocks: ClockPair) -> Result<(), BackendError> {
        if !self.capabilities.contains(clocks) {
            return Err(self.refused("setting clocks", "take the pair from this GPU's capabilities"));
        }
        self.command(clocks);
        Ok(())
    }

    fn restore_clocks(&mut self) -> Result<(), BackendError> {
        self.command(self.workload.curve().default_clocks());
        Ok(())
    }

    fn open_counters(&mut self, pass: u8) -> Result<(), BackendError> {
        if pass >= self.capabilities.counter_passes() {
            return Err(self.refused("opening counters", "ask for a pass below the number in the capabilities"));
        }
        if self.window.is_none() {
            self.physics.set_window(self.now, CounterWindow::Open);
        }
        self.window = Some(Window { start: self.now, pass, done: self.physics.at(self.now).done });
        Ok(())
    }

    fn close_counters(&mut self) -> Result<CounterSet, BackendError> {
        let Some(window) = self.window.take() else {
            return Err(self.refused("closing counters", "open them first"));
        };
        self.physics.set_window(self.now, CounterWindow::Closed);
        let pass = match self.workload.law() {
            CostLaw::Measured { .. } => &[Counter::Instructions],
            CostLaw::Physical(law) => law.card().counters.passes()[usize::from(window.pass)],
        };
        let truth = self.counted(&window);
        Ok(counters::seen((window.start, self.now), pass, truth, &mut self.counting))
    }

    fn set_sample_interval(&mut self, interval: Duration) -> Result<(), BackendError> {
        self.sensors.set_interval(interval);
        Ok(())
    }
}

/// What a job has cost since it began, without noise, beside what the same work costs at default clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Account {
    /// Time since the job began, s.
    pub elapsed_s: f64,
    /// Work done: the time that it takes at default clocks, s.
    pub work_s: f64,
    /// Energy used, J.
    pub energy_j: f64,
    /// Energy of the same work (of the same positions in the waveform) at default clocks, J.
    pub default_energy_j: f64,
}

impl Account {
    /// Slowdown over the whole job; 0 before any work was done.
    #[must_use]
    pub fn slowdown(&self) -> f64 {
        if self.work_s > 0.0 { self.elapsed_s / self.work_s - 1.0 } else { 0.0 }
    }

    /// Saving over the whole job; 0 before any work was done.
    #[must_use]
    pub fn saving(&self) -> f64 {
        if self.default_energy_j > 0.0 { 1.0 - self.energy_j / self.default_energy_j } else { 0.0 }
    }
}

#[cfg(test)]
mod counter_tests;
#[cfg(test)]
mod modelled_tests;
#[cfg(test)]
mod tests;
