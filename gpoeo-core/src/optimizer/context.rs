//! What the phases share: time, configuration, telemetry, the job, the clocks in force, the outputs.

use core::time::Duration;
use std::collections::VecDeque;

use crate::action::{ActionId, Command};
use crate::caps::Capabilities;
use crate::config::OptimizerConfig;
use crate::counters::CounterSet;
use crate::estimate::Estimate;
use crate::event::{Event, Phase, StopReason};
use crate::input::Input;
use crate::objective::Objective;
use crate::sample::Sample;
use crate::search::Frontier;
use crate::time::Timestamp;

use super::account::Account;
use super::job::{FOUND, Job, Target, Totals};
use super::models::Models;
use super::outbox::Outbox;
use super::overruled::Overruled;
use super::telemetry::Telemetry;

/// The clocks as far as we know them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// What the last accepted command asked for.
    pub(super) in_force: Target,
    /// When that was accepted, and what was in force until then: samples come later than they are measured.
    changed_at: Timestamp,
    before: Target,
    /// From when on samples are of these clocks alone.
    pub(super) settled_at: Timestamp,
    /// A lock of ours may be in force: clocks must be restored before the end.
    pub(super) touched: bool,
    /// A lock of ours was accepted at least once, or was asked for and not answered.
    pub(super) accepted: bool,
    /// A clock command failed or was not answered: it may have been carried out, or half of it.
    pub(super) is_unsure: bool,
    /// Counters are open, or may be.
    pub(super) counters_open: bool,
    /// When they were opened, where that is known.
    counters_since: Option<Timestamp>,
    /// How long they were open, beside the window that is open now.
    counters_for: Duration,
}

impl Clocks {
    /// How long counters were open until `now`.
    pub(super) fn counters_time(&self, now: Timestamp) -> Duration {
        self.counters_for + self.counters_since.map_or(Duration::ZERO, |since| now.saturating_since(since))
    }

    /// Whether a window that began at `start` is one that we opened, and know when.
    pub(super) fn counters_are_ours(&self, start: Timestamp) -> bool {
        self.counters_since.is_some_and(|since| start >= since || since.saturating_since(start) <= WINDOW_TOLERANCE)
    }
}

/// A device may open its window this much before it says so.
const WINDOW_TOLERANCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: OptimizerConfig,
    pub(super) caps: Capabilities,
    pub(super) now: Timestamp,
    pub(super) phase: Phase,
    pub(super) stop_reason: Option<StopReason>,
    pub(super) telemetry: Telemetry,
    pub(super) outbox: Outbox,
    pub(super) clocks: Clocks,
    pub(super) overruled: Overruled,
    pub(super) job: Job,
    pub(super) models: Option<Models>,
    /// Runs before this job, and before its last small change.
    pub(super) closed: Totals,
    pub(super) limit_was_broken: bool,
    /// Counters were refused for good.
    counters_refused: bool,
    /// Jobs that ran before and may come back, the oldest first.
    remembered: VecDeque<Job>,
    /// Trials before those of the job.
    earlier_trials: u32,
    pub(super) began: Option<Timestamp>,
    pub(super) settled_after: Option<Duration>,
}

impl Context {
    pub(super) fn new(config: OptimizerConfig, caps: Capabilities) -> Self {
        Self {
            telemetry: Telemetry::new(config.sample_interval().max(caps.sample_interval()), caps.gpus()),
            outbox: Outbox::new(config.action_timeout()),
            now: Timestamp::ZERO,
            phase: Phase::Detect,
            stop_reason: None,
            clocks: Clocks {
                in_force: Target::Found,
                changed_at: Timestamp::ZERO,
                before: Target::Found,
                settled_at: Timestamp::ZERO,
                touched: false,
                accepted: false,
                is_unsure: false,
                counters_open: false,
                counters_since: None,
                counters_for: Duration::ZERO,
            },
            overruled: Overruled::default(),
            job: Job::new(caps.default_pair(), config.hold().max_rebaseline_gap),
            models: None,
            closed: Totals::default(),
            limit_was_broken: false,
            counters_refused: false,
            remembered: VecDeque::new(),
            earlier_trials: 0,
            began: None,
            settled_after: None,
            config,
            caps,
        }
    }

    /// Takes a sample in: signal, energy, and the account of the clocks that were in force when it was measured.
    pub(super) fn take(&mut self, sample: &Sample) {
        let last = self.telemetry.latest_time();
        let used_j = self.telemetry.push(sample);
        self.began.get_or_insert(sample.time);
        let spent_s = last.map_or(0.0, |last| sample.time.seconds_since(last));
        let target = if sample.time <= self.clocks.changed_at { self.clocks.before } else { self.clocks.in_force };
        self.job.spend(target, spent_s, used_j);
        if sample.time >= self.clocks.settled_at {
            let is_measured = self.job.settings.iter().any(|at| at.target == target && at.estimate().is_some());
            self.overruled.sample(sample, target, is_measured);
        }
        let is_undisturbed =
            target == Target::Found && sample.time >= self.clocks.settled_at && !self.clocks.counters_open;
        if let Some(models) = self.models.as_mut().filter(|_| is_undisturbed && self.phase == Phase::MeasureBaseline) {
            models.push_sample(sample);
        }
    }

    /// Takes the counters of a window in: those of a baseline by the work rate serve the models too.
    pub(super) fn take_counters(&mut self, set: &CounterSet) {
        let is_at_found = self.clocks.in_force == Target::Found && self.clocks.counters_are_ours(set.start());
        if let Some(models) = self.models.as_mut().filter(|_| is_at_found && self.phase == Phase::MeasureBaseline) {
            models.push_counters(set);
        }
    }

    /// Takes a checked objective: there may be more to win now.
    pub(super) fn take_objective(&mut self, objective: Objective) {
        if let Ok(config) = self.config.clone().with_objective(objective) {
            self.config = config;
            self.earlier_trials = self.trials();
            self.job.trials = 0;
        }
    }

    /// Time and energy of the run so far, with what it would have been without us.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.closed;
        totals.add(&self.job.totals());
        totals
    }

    pub(super) fn account(&self) -> Option<Account> {
        let doubt = self.job.baseline().map_or(0.0, |base| base.time_stderr_ratio());
        Account::new(&self.config, &self.totals(), doubt)
    }

    /// The objective with the time that is allowed from now on.
    pub(super) fn frontier(&self) -> Frontier {
        let allowed_time = self.account().map_or(f64::INFINITY, |account| account.allowed_time(self.config.hold()));
        Frontier { objective: self.config.objective(), policy: self.config.hold_policy(), allowed_time }
    }

    /// Says so once when the limit is broken, and again only after it was kept in between.
    pub(super) fn watch_limit(&mut self) {
        let Some(account) = self.account() else { return };
        let is_broken = account.is_broken(self.config.search());
        if is_broken && !self.limit_was_broken {
            self.outbox.tell(Event::LimitBroken { slowdown: account.slowdown() });
        }
        self.limit_was_broken = is_broken;
    }

    /// Trials of the whole run.
    pub(super) fn trials(&self) -> u32 {
        self.earlier_trials.saturating_add(self.job.trials)
    }

    /// Keeps what is known about the job, in case that it comes back.
    pub(super) fn remember_job(&mut self) {
        let most = self.config.hold().remembered_jobs;
        if most == 0 || self.job.baseline().is_none() || self.job.trials == 0 {
            return;
        }
        if self.remembered.len() >= most {
            self.remembered.pop_front();
        }
        self.remembered.push_back(self.job.without_account());
    }

    /// Takes a remembered job up again if its baseline is like the one that was measured just now.
    pub(super) fn recall_job(&mut self, seen: &Estimate) -> bool {
        let hold = self.config.hold();
        let (alike, source) = ((hold.recall_time_ratio, hold.recall_power_ratio), self.job.source);
        let Some(index) = self.remembered.iter().rposition(|job| job.is_like(source, seen, alike)) else {
            return false;
        };
        let Some(mut job) = self.remembered.remove(index) else { return false };
        job.take_account(&self.job);
        // Its trials were counted.
        job.trials = 0;
        job.record(FOUND, seen);
        self.job = job;
        true
    }

    /// Whether the rate of instructions can be read.
    pub(super) fn has_counters(&self) -> bool {
        self.caps.counter_passes() > 0 && !self.counters_refused
    }

    /// Tells that another phase has begun.
    pub(super) fn enter(&mut self, phase: Phase) {
        if phase == Phase::MeasureBaseline && self.phase != phase {
            self.models.iter_mut().for_each(Models::restart);
        }
        if self.phase != phase {
            self.outbox.tell(Event::PhaseChanged { from: self.phase, to: phase });
            self.phase = phase;
        }
    }

    pub(super) fn ask(&mut self, command: Command) -> ActionId {
        self.outbox.ask(command, self.now)
    }

    /// Books a clock or counter command that was carried out.
    pub(super) fn book(&mut self, command: Command) {
        match command {
            Command::SetClocks(pair) => {
                self.clocks.accepted = true;
                self.came_into_force(Target::Pair(pair));
            }
            Command::RestoreClocks => {
                self.clocks.touched = false;
                self.came_into_force(Target::Found);
            }
            Command::OpenCounters { .. } => {
                self.clocks.counters_open = true;
                self.clocks.counters_since = Some(self.now);
            }
            Command::CloseCounters => {
                self.clocks.counters_open = false;
                self.clocks.counters_for = self.clocks.counters_time(self.now);
                self.clocks.counters_since = None;
            }
            Command::SetSampleInterval(_) => {}
        }
    }

    /// Books a command that failed, or was not answered in time.
    pub(super) fn book_failure(&mut self, command: Command, is_final: bool) {
        match command {
            Command::SetClocks(_) | Command::RestoreClocks => self.clocks.is_unsure = true,
            // Refused for good: they were not opened.
            Command::OpenCounters { .. } => {
                self.clocks.counters_open = !is_final;
                self.counters_refused |= is_final;
            }
            Command::CloseCounters | Command::SetSampleInterval(_) => {}
        }
    }

    fn came_into_force(&mut self, target: Target) {
        (self.clocks.before, self.clocks.changed_at) = (self.clocks.in_force, self.now);
        self.clocks.in_force = target;
        self.clocks.is_unsure = false;
        self.clocks.settled_at = self.now + self.caps.settle_time() + self.caps.sensor_lag();
        self.job.in_force = match target {
            Target::Found => super::job::FOUND,
            Target::Pair(pair) => self.job.index_of(pair, 1.0),
        };
    }

    /// The job has changed a little: what was measured is out of date, what was spent is not.
    pub(super) fn job_has_drifted(&mut self) {
        self.earlier_trials = self.trials();
        let totals = self.job.close_measurements();
        self.closed.add(&totals);
    }

    /// The job is another one: what was spent is kept, what was known is not.
    pub(super) fn start_new_job(&mut self) {
        self.overruled.forget();
        self.closed.add(&self.job.totals());
        self.earlier_trials = self.trials();
        let in_force = self.job.settings[self.job.in_force].target;
        self.job = Job::new(self.caps.default_pair(), self.config.hold().max_rebaseline_gap);
        if let Target::Pair(pair) = in_force {
            self.job.in_force = self.job.index_of(pair, 1.0);
        }
        self.settled_after = None;
    }
}

/// The time that an input speaks of, if it is of the embedder's own stream.
pub(super) fn spoken_at(input: &Input) -> Option<Timestamp> {
    match input {
        Input::Applied { now, .. }
        | Input::Failed { now, .. }
        | Input::Fault { now, .. }
        | Input::Objective { now, .. }
        | Input::Stop { now }
        | Input::Timeout { now } => Some(*now),
        Input::Counters(_) | Input::Mark { .. } | Input::Sample(_) => None,
    }
}
