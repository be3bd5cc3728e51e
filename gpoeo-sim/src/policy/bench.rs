//! Where a policy meets the GPU: hands (clocks, power limit), eyes (telemetry), a clock, and somebody who looks on.

use std::time::Duration;

use gpoeo_core::{Capabilities, ClockPair, GpuBackend, Optimizer, Outcome, RelativeCost, Sample, Timestamp};

use super::{RunOptions, RunOutcome, best_constant};
use crate::fault::{FaultInjector, Toll};
use crate::gpu::{SimConfig, SimGpu};
use crate::watch::Watch;
use crate::workload::Workload;

/// How often the telemetry is read: some four times a second, as the optimizer's own loop did first.
const TURN: Duration = Duration::from_millis(250);

/// The time of the run is over: a policy returns to its caller with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

/// One run of a policy that is written as a loop: it waits, and looks at what came in meanwhile.
pub(super) struct Bench<'a, W> {
    gpu: FaultInjector<SimGpu>,
    toll: Toll,
    watch: &'a mut W,
    fresh: Vec<Sample>,
    energy_j: f64,
}

impl<'a, W: Watch> Bench<'a, W> {
    /// At default clocks at the begin of the lead-in.
    pub(super) fn new(workload: &Workload, options: &RunOptions, sim: SimConfig, watch: &'a mut W) -> Self {
        Self { gpu: faulty(workload, options, sim), toll: Toll::default(), watch, fresh: Vec::new(), energy_j: 0.0 }
    }

    /// The GPU without faults, for what a program on it knows by itself: its steps, the time.
    pub(super) fn gpu(&self) -> &SimGpu {
        self.gpu.inner()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.gpu.inner().time()
    }

    /// Time since the job began, s; negative before.
    pub(super) fn job_s(&self) -> f64 {
        self.now().seconds_since(self.gpu().job_begin())
    }

    pub(super) fn capabilities(&self) -> &Capabilities {
        self.gpu().workload().curve().capabilities()
    }

    /// Locks clocks. A policy of the literature does not look whether that worked.
    pub(super) fn set_clocks(&mut self, clocks: ClockPair) {
        let _unheard = self.gpu.set_clocks(clocks);
    }

    /// Gives the clocks back to the driver.
    pub(super) fn restore_clocks(&mut self) {
        let _unheard = self.gpu.restore_clocks();
    }

    /// Reads hardware counters for a while, where that is possible: what it costs, not what it shows.
    pub(super) fn wait_with_counters(&mut self, time: Duration) -> Result<(), Over> {
        let is_open = self.gpu.open_counters(0).is_ok();
        let waited = self.wait(time);
        if is_open {
            let _unread = self.gpu.close_counters();
        }
        waited
    }

    /// Sets the power limit of the board, W, at the nearest one that the card has.
    pub(super) fn set_power_limit_w(&mut self, limit_w: f64) {
        let range = self.gpu().power_limits_w();
        let limit_w = limit_w.clamp(*range.start(), *range.end());
        let _unheard = self.gpu.inner_mut().set_power_limit_w(limit_w);
    }

    /// Lets time pass until a moment, and shows every sample that comes in to `see`.
    pub(super) fn watch_until(&mut self, until: Timestamp, mut see: impl FnMut(&Sample)) -> Result<(), Over> {
        while self.now() < until {
            if self.gpu().is_over() {
                return Err(Over);
            }
            let next = until.min(self.now() + TURN);
            self.gpu.sleep_until(next);
            self.fresh.clear();
            // A reading that fails brings nothing; the next one may.
            let _unheard = self.gpu.read_samples(&mut self.fresh);
            for sample in &self.fresh {
                self.watch.sample(sample);
                self.energy_j = sample.energy_j.unwrap_or(self.energy_j);
                see(sample);
            }
            self.turn(None);
        }
        if self.gpu().is_over() { Err(Over) } else { Ok(()) }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Over> {
        let until = self.now() + time;
        self.watch_until(until, |_| {})
    }

    /// Lets the lead-in pass.
    pub(super) fn wait_for_the_job(&mut self) -> Result<(), Over> {
        let begin = self.gpu().job_begin();
        self.watch_until(begin, |_| {})
    }

    /// The energy counter as it was read last, J.
    pub(super) fn energy_j(&self) -> f64 {
        self.energy_j
    }

    /// Steps that the job has done: its iterations, or seconds of work at default clocks where nothing is known of them.
    fn steps(&self) -> f64 {
        let gpu = self.gpu();
        match gpu.workload().waveform().iteration_s() {
            Some(_) => gpu.iterations(),
            None => gpu.account().work_s,
        }
    }

    /// Lets so many steps of the job pass.
    pub(super) fn wait_steps(&mut self, steps: f64) -> Result<(), Over> {
        let step_s = self.gpu().workload().waveform().iteration_s().unwrap_or(1.0);
        let until = self.steps() + steps;
        loop {
            let left = until - self.steps();
            if left <= 0.0 {
                return Ok(());
            }
            // Never much beyond the end of the step, whatever the clock.
            self.wait(Duration::from_secs_f64((0.8 * left * step_s).clamp(0.002, 0.25)))?;
        }
    }

    /// Lets all time pass that is left.
    pub(super) fn wait_for_the_end(&mut self) {
        let end = self.gpu().end();
        let _over = self.watch_until(end, |_| {});
    }

    fn turn(&mut self, machine: Option<&Optimizer>) {
        self.toll.turn(&self.gpu);
        self.watch.turn(self.gpu.inner(), machine);
    }

    /// What came of it.
    pub(super) fn finish(self, options: &RunOptions, search: Search) -> RunOutcome {
        let gpu = self.gpu.inner();
        finish(gpu, self.toll.lost_s(gpu), options, search)
    }
}

/// What a policy says about its own search.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Search {
    /// When it was over, s since the job began.
    pub(super) settled_s: Option<f64>,
    /// Settings that were measured.
    pub(super) settings_tried: u32,
    /// What the detection said at the end; `None` without one.
    pub(super) outcome: Option<Outcome>,
    /// The setting held at the end, where it is not the one asked for: that under a power limit.
    pub(super) last_clocks: Option<ClockPair>,
}

impl Search {
    /// Of a policy that knows its setting from the start.
    pub(super) const NONE: Self = Self { settled_s: Some(0.0), settings_tried: 0, outcome: None, last_clocks: None };
}

/// The GPU of a run with the faults of the run in front of it.
pub(super) fn faulty(workload: &Workload, options: &RunOptions, sim: SimConfig) -> FaultInjector<SimGpu> {
    let seed = sim.seed;
    let highest = workload.curve().default_clocks().sm();
    let plan = options.faults.plan(seed, options.length, highest);
    FaultInjector::new(SimGpu::new(workload.clone(), sim, options.length), plan, seed)
}

/// What came of a run.
pub(super) fn finish(gpu: &SimGpu, lost_s: f64, options: &RunOptions, search: Search) -> RunOutcome {
    let (oracle_clocks, oracle_cost) = best_constant(gpu.workload(), options.objective);
    let last_clocks = search.last_clocks.unwrap_or(gpu.asked_clocks());
    RunOutcome {
        account: gpu.account(),
        lost_s,
        last_clocks,
        last_cost: gpu.workload().curve().cost(last_clocks).unwrap_or(RelativeCost::DEFAULT),
        oracle_clocks,
        oracle_cost,
        settled_s: search.settled_s,
        settings_tried: search.settings_tried,
        outcome: search.outcome,
    }
}
