//! The machine: takes inputs in, knows the phases, gives actions and events out.
//!
//! One file a phase ([`detect`], [`baseline`], [`profile`], [`explore`], [`hold`], [`restore`]), all made of [`segment`]s: stretches of
//! time at one setting, measured from the period or, by [`work_meter`], from the rate of instructions. [`job`] is what is
//! known about the job, [`account`] the limit over the whole run, [`monitor`] notices that the job has changed.

mod account;
mod baseline;
mod change;
mod context;
mod detect;
mod explore;
mod hold;
mod job;
mod memory;
mod models;
mod monitor;
mod outbox;
mod overruled;
mod phase;
mod profile;
mod reporting;
mod restore;
mod segment;
mod telemetry;
mod window_noise;
mod work_meter;

use core::time::Duration;
use std::sync::Arc;

use crate::action::{Action, ActionId, Command, Fault};
use crate::caps::Capabilities;
use crate::config::OptimizerConfig;
use crate::counters::CounterSet;
use crate::event::{Event, Phase, StopReason};
use crate::input::{Input, InputError};
use crate::models::ModelSet;
use crate::objective::Objective;
use crate::report::{Report, SettingCost};
use crate::sample::Sample;
use crate::time::Timestamp;

use context::Context;
use detect::Detect;
use models::Models;
use phase::State;
use restore::Restore;

/// Without anything else to wait for, the machine wants to know the time this often.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A deadline that has passed is due this much after the last known time: it must lie ahead.
const SHORTLY: Duration = Duration::from_millis(1);

/// Finds the best clocks of one GPU for the job that runs on it, without I/O, clock or thread of its own.
///
/// The loop contract:
/// 1. Feed **one** input (`handle_*`).
/// 2. Drain [`Optimizer::poll_action`]; carry each action out and answer it **once** with
///    [`Optimizer::handle_applied`] or [`Optimizer::handle_failed`] (inputs too; for `CloseCounters`
///    [`Optimizer::handle_counters`] first).
/// 3. Drain [`Optimizer::poll_event`].
/// 4. Wait for data, at most until [`Optimizer::poll_timeout`]; then feed it, or [`Optimizer::handle_timeout`].
/// 5. Again from 1, until [`Optimizer::is_stopped`].
///
/// Two times: `now`, when the embedder speaks, and [`Sample::time`], when the device measured. Samples may come seconds
/// late; each stream must be in order within itself, and `Sample::time` never lies after `now`. A sample counts for the
/// clocks that were in force when it was measured.
///
/// Equal configuration, capabilities and inputs give equal outputs, bit for bit; a refused input changes nothing; memory
/// is bounded. See the crate's documentation for a whole loop.
#[derive(Debug)]
pub struct Optimizer {
    ctx: Context,
    state: State,
    started: bool,
    /// Latest time of the embedder's own stream and of the counters.
    last_spoken: Option<Timestamp>,
    last_counters: Option<Timestamp>,
    last_mark: Option<Timestamp>,
}

impl Optimizer {
    /// A machine that has seen nothing yet, without models.
    #[must_use]
    pub fn new(config: OptimizerConfig, caps: Capabilities) -> Self {
        let mut ctx = Context::new(config, caps);
        let state = Detect::first(&mut ctx);
        Self { ctx, state, started: false, last_spoken: None, last_counters: None, last_mark: None }
    }

    /// The same with trained models, from which the search starts. One set serves any number of machines. To be said before
    /// the first input.
    #[must_use]
    pub fn with_models(mut self, set: Arc<ModelSet>) -> Self {
        self.ctx.models = Some(Models::new(set, &self.ctx.caps));
        self
    }

    /// Whether an input was taken in already.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.started
    }

    /// Takes one input in: the one way in; the other `handle_*` are names for it. After the stop inputs have no effect.
    ///
    /// # Errors
    /// [`InputError`]: a number that is not finite or absurd, a time that went back within its stream, an answer to an action that
    /// is not open. The machine is unchanged then.
    pub fn handle(&mut self, input: Input) -> Result<(), InputError> {
        if self.is_stopped() {
            return Ok(());
        }
        self.check(&input)?;
        let command = match input {
            Input::Applied { id, .. } | Input::Failed { id, .. } => {
                Some(self.ctx.outbox.answer(id).ok_or(InputError::UnknownAction { id })?)
            }
            _ => None,
        };
        self.advance(&input);
        if !self.started {
            self.started = true;
            self.ctx.clocks.settled_at = self.ctx.now;
            let interval = self.sample_interval();
            self.ctx.ask(Command::SetSampleInterval(interval));
        }
        match input {
            Input::Sample(sample) => self.ctx.take(&sample),
            Input::Applied { .. } => command.into_iter().for_each(|command| self.ctx.book(command)),
            Input::Failed { fault, .. } | Input::Fault { fault, .. } => {
                let is_final = matches!(fault, Fault::NoPermission | Fault::NotSupported);
                command.into_iter().for_each(|command| self.ctx.book_failure(command, is_final));
                self.fail(fault, command);
            }
            Input::Objective { objective, .. } => self.ctx.take_objective(objective),
            Input::Mark { time } => self.ctx.telemetry.marks.push(time),
            Input::Counters(set) => self.ctx.take_counters(&set),
            Input::Stop { .. } | Input::Timeout { .. } => {}
        }
        self.step(&input);
        if let Some(late) = self.ctx.outbox.expire(self.ctx.now) {
            let (id, fault) = (late.action.id, Fault::Transient);
            if late.was_polled {
                self.ctx.book_failure(late.action.command, false);
            }
            // Nobody knows whether it was carried out.
            self.ctx.clocks.accepted |= late.was_polled && matches!(late.action.command, Command::SetClocks(_));
            self.fail(fault, Some(late.action.command));
            self.step(&Input::Failed { id, fault, now: self.ctx.now });
        }
        Ok(())
    }

    /// See [`Optimizer::handle`].
    ///
    /// # Errors
    /// [`InputError::Absurd`], [`InputError::NotFinite`], [`InputError::TimeWentBack`].
    pub fn handle_sample(&mut self, sample: Sample) -> Result<(), InputError> {
        self.handle(Input::Sample(sample))
    }

    /// See [`Optimizer::handle`]; comes before the answer to `CloseCounters`.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn handle_counters(&mut self, counters: CounterSet) -> Result<(), InputError> {
        self.handle(Input::Counters(counters))
    }

    /// An iteration of the job has ended. From an embedder that knows, this is the exact source of progress, and takes the
    /// place of the period in the power signal; a stream of its own, in order within itself.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn handle_mark(&mut self, time: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Mark { time })
    }

    /// An action was carried out.
    ///
    /// # Errors
    /// [`InputError::UnknownAction`], [`InputError::TimeWentBack`].
    pub fn handle_applied(&mut self, id: ActionId, now: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Applied { id, now })
    }

    /// An action failed.
    ///
    /// # Errors
    /// [`InputError::UnknownAction`], [`InputError::TimeWentBack`].
    pub fn handle_failed(&mut self, id: ActionId, fault: Fault, now: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Failed { id, fault, now })
    }

    /// The device failed outside an action, for example when it was read.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn handle_fault(&mut self, fault: Fault, now: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Fault { fault, now })
    }

    /// Time has passed.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn handle_timeout(&mut self, now: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Timeout { now })
    }

    /// Changes the objective of a running machine; what was measured is kept, what is held changes at once.
    ///
    /// # Errors
    /// [`InputError::BadObjective`], [`InputError::TimeWentBack`].
    pub fn set_objective(&mut self, objective: Objective, now: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Objective { objective, now })
    }

    /// Asks for the clocks to be put back; done when [`Optimizer::is_stopped`]. Go on with the loop until then.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn stop(&mut self, now: Timestamp) -> Result<(), InputError> {
        self.handle(Input::Stop { now })
    }

    /// The next action to carry out; `None` while one is open.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.ctx.outbox.poll_action()
    }

    /// The next event; an embedder that does not poll loses the oldest beyond 64.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.ctx.outbox.poll_event()
    }

    /// When the machine wants [`Optimizer::handle_timeout`] at the latest; later than every `now` so far, `None` only
    /// when stopped.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.is_stopped() {
            return None;
        }
        let ctx = &self.ctx;
        let due = [ctx.outbox.deadline(), self.state.deadline(ctx)];
        let next = due.into_iter().flatten().fold(ctx.now + HEARTBEAT, Timestamp::min);
        Some(next.max(ctx.now + SHORTLY))
    }

    /// What the machine is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.ctx.phase
    }

    /// The account of the run so far. Allocates a list of the settings tried.
    #[must_use]
    pub fn report(&self) -> Report {
        reporting::report(&self.ctx)
    }

    /// What every setting of the default memory clock costs (measured, or told from the measured ones), and every measured
    /// one of other memory clocks, ascending; empty before the baseline. For embedders that decide over several GPUs.
    /// Allocates, and takes about a millisecond.
    #[must_use]
    pub fn costs(&self) -> Vec<SettingCost> {
        reporting::costs(&self.ctx)
    }

    /// Whether the machine has finished: clocks restored, or not restorable.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.ctx.phase == Phase::Stopped
    }

    /// Why the machine stopped, once it did.
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.ctx.stop_reason
    }

    /// Interval of the samples that the machine asks for: the configuration's, or the device's where that is longer.
    #[must_use]
    pub fn sample_interval(&self) -> Duration {
        self.ctx.config.sample_interval().max(self.ctx.caps.sample_interval())
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &OptimizerConfig {
        &self.ctx.config
    }

    /// What the GPU can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.ctx.caps
    }

    /// Latest time of any input.
    pub(crate) fn now(&self) -> Timestamp {
        self.ctx.now
    }

    /// Latest time of the embedder's own stream.
    pub(crate) fn spoken(&self) -> Timestamp {
        self.last_spoken.unwrap_or_default()
    }

    /// The action that is polled and not answered.
    pub(crate) fn open_action(&self) -> Option<ActionId> {
        self.ctx.outbox.open_action()
    }

    /// What waits to be polled.
    pub(crate) fn waiting_command(&self) -> Option<Command> {
        self.ctx.outbox.waiting_command()
    }

    /// Adds an event of whoever drives several GPUs as one.
    pub(crate) fn tell(&mut self, event: Event) {
        self.ctx.outbox.tell(event);
    }

    /// Whether the embedder may speak of this moment.
    pub(crate) fn check_spoken(&self, now: Timestamp) -> Result<(), InputError> {
        in_order(self.last_spoken, now)
    }

    /// Whether a lock of ours may be in force: who gives the machine up before it has stopped must then put the clocks back.
    #[must_use]
    pub fn may_hold_clocks(&self) -> bool {
        self.ctx.clocks.touched
    }

    fn check(&self, input: &Input) -> Result<(), InputError> {
        if let Some(now) = context::spoken_at(input) {
            self.check_spoken(now)?;
        }
        match input {
            Input::Counters(set) => in_order(self.last_counters, set.end()),
            Input::Mark { time } => in_order(self.last_mark, *time),
            Input::Objective { objective, .. } => Ok(self.ctx.config.clone().with_objective(*objective).map(|_| ())?),
            Input::Sample(sample) => InputError::in_sample(sample, self.ctx.telemetry.latest_time(), 1),
            _ => Ok(()),
        }
    }

    fn advance(&mut self, input: &Input) {
        let time = match input {
            Input::Sample(sample) => sample.time,
            Input::Counters(set) => {
                self.last_counters = Some(set.end());
                set.end()
            }
            Input::Mark { time } => {
                self.last_mark = Some(*time);
                *time
            }
            _ => {
                self.last_spoken = context::spoken_at(input);
                self.last_spoken.unwrap_or(self.ctx.now)
            }
        };
        self.ctx.now = self.ctx.now.max(time);
    }

    fn fail(&mut self, fault: Fault, command: Option<Command>) {
        // A sampling interval that cannot be set is no failure: the samples come as they come.
        if !matches!(command, Some(Command::SetSampleInterval(_))) {
            self.ctx.outbox.tell(Event::ActionFailed { fault });
        }
    }

    fn step(&mut self, input: &Input) {
        let state = core::mem::replace(&mut self.state, State::Stopped);
        self.state = match (input, state) {
            (Input::Failed { fault: Fault::GpuLost, .. } | Input::Fault { fault: Fault::GpuLost, .. }, _) => {
                Restore::stopped(StopReason::GpuLost, &mut self.ctx)
            }
            (_, State::Stopped) => State::Stopped,
            (Input::Stop { .. }, State::Restore(restore)) => State::Restore(restore),
            (Input::Stop { .. }, _) => Restore::begin(StopReason::Requested, &mut self.ctx),
            (_, state) => state.on(input, &mut self.ctx),
        };
    }
}

fn in_order(last: Option<Timestamp>, got: Timestamp) -> Result<(), InputError> {
    match last {
        Some(last) if got < last => Err(InputError::TimeWentBack { last, got }),
        Some(_) | None => Ok(()),
    }
}
