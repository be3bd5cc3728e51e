//! The GPUs of one synchronous job, set and measured as one.
//!
//! [`common`] is what all members can do, [`merge`] makes one stream of their samples, [`fan`] carries one command out on
//! all of them; between these stands one [`Optimizer`]. What is left for this file: a member that fails, and one that is
//! lost.

mod common;
mod fan;
mod member;
mod mend;
mod merge;

use core::time::Duration;
use std::sync::Arc;

use crate::action::{Action, ActionId, Fault, MemberId};
use crate::caps::{Capabilities, ClockPair};
use crate::config::{OptimizerConfig, SignalConfig};
use crate::counters::CounterSet;
use crate::event::{Event, Phase, StopReason};
use crate::input::{Input, InputError};
use crate::models::ModelSet;
use crate::objective::Objective;
use crate::optimizer::Optimizer;
use crate::report::{Report, SettingCost};
use crate::sample::Sample;
use crate::time::Timestamp;

pub use common::GroupError;
use fan::{FanOut, Part};
use member::Member;
use mend::Mend;
use merge::Merge;

/// A deadline that has passed is due this much after the last known time: it must lie ahead.
const SHORTLY: Duration = Duration::from_millis(1);

/// Finds the best clocks for the GPUs of one synchronous job (data-parallel training: all move in step, and the slowest
/// sets the pace). One [`Optimizer`] over the clock pairs that all members have; one decision for all.
///
/// The loop is that of an [`Optimizer`] with a [`MemberId`] in front of everything that concerns one GPU: feed one input,
/// drain [`Group::poll_action`] (each goes to its member, and is answered once), drain [`Group::poll_event`], wait until
/// [`Group::poll_timeout`]. All times of all members are on one clock.
///
/// * *Samples* are merged into one stream: power and energy add up, utilisation is the mean, the SM clock is that of the
///   member that strays farthest from what was asked for (the lowest, where nothing was). A slot waits for a member
///   until it is late, four reading intervals and at least a second by the time stamps; then the member counts as the
///   mean of the others.
/// * *A command* goes to all members at once; the machine hears of it when all have answered. If one fails, those that
///   have carried it out go back to the last setting that all had in common, until they are there.
/// * *A lost member* ends the run: the clocks of the others are restored, and the reason is [`StopReason::GpuLost`].
/// * *Counters* add up; a window counts only if all members have reported theirs.
/// * *Hold*: one setting unless the configuration says otherwise, for each change of clocks delays the collectives.
///
/// A group of one is an [`Optimizer`]: the same inputs give the same commands and events. Samples of several members may
/// arrive in any order within the time that a slot waits.
///
/// ```
/// use gpoeo_core::{Capabilities, Command, Group, MemberId, Mhz, OptimizerConfig, Sample, Timestamp};
///
/// let caps = Capabilities::new([(Mhz(2619), (0..60).map(|gear| Mhz(1095 + 15 * gear)).collect())])?;
/// let mut group = Group::new(OptimizerConfig::default(), &[caps.clone(), caps])?;
/// for k in 0..500 {
///     let now = Timestamp::from_nanos(20_000_000 * k);
///     for member in group.members() {
///         group.handle_sample(member, Sample::new(now, if k % 11 < 7 { 600.0 } else { 200.0 }))?;
///     }
///     while let Some((member, action)) = group.poll_action() {
///         // Yours: carry `action.command` out on the GPU of this member.
///         group.handle_applied(member, action.id, now)?;
///     }
/// }
/// assert!(group.report().outcome.period().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Group {
    machine: Optimizer,
    members: Vec<Member>,
    merge: Merge,
    fan: Option<FanOut>,
    mend: Mend,
    /// The last setting that all members had; `None`: as found.
    common: Option<ClockPair>,
    /// Latest time of any input.
    now: Timestamp,
    /// Why the group was stopped, where the machine inside does not know.
    cause: Option<StopReason>,
}

impl Group {
    /// A group that has seen nothing, of one GPU for each entry, which is what that GPU can do. The clock pairs that all
    /// have in common are searched.
    ///
    /// # Errors
    /// [`GroupError`] if there is no GPU or no common pair.
    pub fn new(config: OptimizerConfig, members: &[Capabilities]) -> Result<Self, GroupError> {
        let caps = common::common(members)?;
        let interval = config.sample_interval().max(caps.sample_interval());
        let late = (4 * config.read_interval()).max(Duration::from_secs(1));
        let bridge = SignalConfig::default().longest_bridge(interval);
        let config = if members.len() > 1 { config.for_group() } else { config };
        Ok(Self {
            machine: Optimizer::new(config, caps),
            members: members.iter().cloned().map(Member::new).collect(),
            merge: Merge::new(members.len(), interval, late, bridge),
            fan: None,
            mend: Mend::default(),
            common: None,
            now: Timestamp::ZERO,
            cause: None,
        })
    }

    /// The same with trained models, see [`Optimizer::with_models`]; to be said before the first input.
    #[must_use]
    pub fn with_models(mut self, set: Arc<ModelSet>) -> Self {
        let (config, caps) = (self.machine.config().clone(), self.machine.capabilities().clone());
        self.machine = Optimizer::new(config, caps).with_models(set);
        self
    }

    /// The members, lost ones included.
    pub fn members(&self) -> impl ExactSizeIterator<Item = MemberId> + use<> {
        (0..self.members.len() as u16).map(MemberId)
    }

    /// Takes one input in: the one way in; the other `handle_*` are names for it. What concerns the whole job (`Mark`,
    /// `Objective`, `Stop`, `Timeout`) may come from any member. After the stop, and from a lost member, inputs have no
    /// effect.
    ///
    /// # Errors
    /// [`InputError`] as for [`Optimizer::handle`], and [`InputError::UnknownMember`]. Samples and counters must be in
    /// order within each member; all that the embedder says (`now`) is one stream. The group is unchanged then.
    pub fn handle(&mut self, member: MemberId, input: Input) -> Result<(), InputError> {
        let index = usize::from(member.0);
        let is_lost = match self.members.get(index) {
            Some(member) => member.is_lost,
            None => return Err(InputError::UnknownMember { member, members: self.members.len() }),
        };
        if is_lost || self.is_stopped() {
            return Ok(());
        }
        match input {
            Input::Applied { id, now } => self.answer(index, (id, Part::Applied), now, input),
            Input::Failed { id, fault, now } => self.answer(index, (id, Part::Failed(fault)), now, input),
            Input::Counters(set) => self.take_counters(index, set),
            Input::Fault { fault: Fault::GpuLost, now } => {
                self.machine.check_spoken(now)?;
                self.lose(index, now, input);
                Ok(())
            }
            Input::Sample(sample) => self.take_sample(index, &sample),
            Input::Fault { .. }
            | Input::Mark { .. }
            | Input::Objective { .. }
            | Input::Stop { .. }
            | Input::Timeout { .. } => self.pass(input),
        }
    }

    /// See [`Optimizer::handle_sample`].
    ///
    /// # Errors
    /// [`InputError::Absurd`], [`InputError::NotFinite`], [`InputError::TimeWentBack`], [`InputError::UnknownMember`].
    pub fn handle_sample(&mut self, member: MemberId, sample: Sample) -> Result<(), InputError> {
        self.handle(member, Input::Sample(sample))
    }

    /// See [`Optimizer::handle_counters`].
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`], [`InputError::UnknownMember`].
    pub fn handle_counters(&mut self, member: MemberId, counters: CounterSet) -> Result<(), InputError> {
        self.handle(member, Input::Counters(counters))
    }

    /// An action was carried out on its member.
    ///
    /// # Errors
    /// [`InputError::UnknownAction`], [`InputError::TimeWentBack`], [`InputError::UnknownMember`].
    pub fn handle_applied(&mut self, member: MemberId, id: ActionId, now: Timestamp) -> Result<(), InputError> {
        self.handle(member, Input::Applied { id, now })
    }

    /// An action failed on its member.
    ///
    /// # Errors
    /// [`InputError::UnknownAction`], [`InputError::TimeWentBack`], [`InputError::UnknownMember`].
    pub fn handle_failed(
        &mut self,
        member: MemberId,
        id: ActionId,
        fault: Fault,
        now: Timestamp,
    ) -> Result<(), InputError> {
        self.handle(member, Input::Failed { id, fault, now })
    }

    /// A member failed outside an action, for example when it was read.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`], [`InputError::UnknownMember`].
    pub fn handle_fault(&mut self, member: MemberId, fault: Fault, now: Timestamp) -> Result<(), InputError> {
        self.handle(member, Input::Fault { fault, now })
    }

    /// An iteration of the job has ended; give the marks of one member. See [`Optimizer::handle_mark`].
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn handle_mark(&mut self, time: Timestamp) -> Result<(), InputError> {
        self.pass(Input::Mark { time })
    }

    /// Time has passed.
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn handle_timeout(&mut self, now: Timestamp) -> Result<(), InputError> {
        self.pass(Input::Timeout { now })
    }

    /// See [`Optimizer::set_objective`].
    ///
    /// # Errors
    /// [`InputError::BadObjective`], [`InputError::TimeWentBack`].
    pub fn set_objective(&mut self, objective: Objective, now: Timestamp) -> Result<(), InputError> {
        self.pass(Input::Objective { objective, now })
    }

    /// Asks for the clocks of all members to be put back; done when [`Group::is_stopped`].
    ///
    /// # Errors
    /// [`InputError::TimeWentBack`].
    pub fn stop(&mut self, now: Timestamp) -> Result<(), InputError> {
        self.pass(Input::Stop { now })
    }

    /// The next action to carry out, and the member to carry it out on. Each member has at most one open; the same
    /// command has the same id on all members.
    pub fn poll_action(&mut self) -> Option<(MemberId, Action)> {
        if self.fan.is_none() {
            self.fan = self.mend_next().or_else(|| self.next_of_machine());
        }
        let fan = self.fan.as_mut()?;
        let member = fan.hand_out()?;
        let Action { id, command } = fan.action();
        let own = &mut self.members[usize::from(member.0)];
        Some((member, Action { id, command: own.hand_out(command) }))
    }

    /// The next event; an embedder that does not poll loses the oldest beyond 64.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.machine.poll_event().map(|event| match event {
            Event::Stopped { reason } => Event::Stopped { reason: self.reason(reason) },
            event => event,
        })
    }

    /// When the group wants [`Group::handle_timeout`] at the latest; later than every `now` so far, `None` only when
    /// stopped.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let next = self.machine.poll_timeout()?;
        let due = self.mend_deadline().map_or(next, |deadline| deadline.min(next));
        Some(due.max(self.now + SHORTLY))
    }

    /// What the group is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.machine.phase()
    }

    /// The account of the run so far, of all members together. Allocates a list of the settings tried.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = self.machine.report();
        report.stop_reason = report.stop_reason.map(|reason| self.reason(reason));
        report
    }

    /// See [`Optimizer::costs`].
    #[must_use]
    pub fn costs(&self) -> Vec<SettingCost> {
        self.machine.costs()
    }

    /// Whether the group has finished: clocks restored, or not restorable.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.machine.is_stopped()
    }

    /// Why the group stopped, once it did.
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.machine.stop_reason().map(|reason| self.reason(reason))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &OptimizerConfig {
        self.machine.config()
    }

    /// What all members can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.machine.capabilities()
    }

    /// Whether a lock of ours may be in force on a member: who gives the group up before it has stopped must then put the
    /// clocks of all members back.
    #[must_use]
    pub fn may_hold_clocks(&self) -> bool {
        self.machine.may_hold_clocks() || self.present().any(Member::may_be_locked)
    }

    /// What the machine inside says, made true for the members.
    fn reason(&self, reason: StopReason) -> StopReason {
        let left_locked = self.members.iter().any(|member| !member.is_lost && member.may_be_locked());
        if left_locked { StopReason::RestoreFailed } else { self.cause.unwrap_or(reason) }
    }

    fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_lost)
    }

    /// Passes an input to the machine inside.
    fn pass(&mut self, input: Input) -> Result<(), InputError> {
        self.machine.handle(input)?;
        self.now = self.now.max(self.machine.now());
        self.notice_late_answers();
        Ok(())
    }

    fn take_sample(&mut self, index: usize, sample: &Sample) -> Result<(), InputError> {
        InputError::in_sample(sample, self.merge.newest(index), self.members.len())?;
        self.now = self.now.max(sample.time);
        self.merge.push(index, sample);
        while let Some(merged) = self.merge.next(self.common.map(ClockPair::sm)) {
            // In range and in order, for each part of it is.
            let _never_refused = self.pass(Input::Sample(merged));
        }
        Ok(())
    }

    fn take_counters(&mut self, index: usize, set: CounterSet) -> Result<(), InputError> {
        let member = &mut self.members[index];
        match member.last_counters {
            Some(last) if set.end() < last => return Err(InputError::TimeWentBack { last, got: set.end() }),
            Some(_) | None => member.last_counters = Some(set.end()),
        }
        member.counters = Some(set);
        self.now = self.now.max(set.end());
        if let Some(sum) = self.sum_of_counters() {
            self.members.iter_mut().for_each(|member| member.counters = None);
            // Where the members' windows overlap in the wrong order: as good as no counters.
            let _refused = self.pass(Input::Counters(sum));
        }
        Ok(())
    }

    /// The counters of all members, once all have reported: as if all had counted as long as the first.
    fn sum_of_counters(&self) -> Option<CounterSet> {
        let sets: Vec<CounterSet> = self.present().map(|member| member.counters).collect::<Option<_>>()?;
        let first = sets.first()?;
        let (span, end) = (first.end().saturating_since(first.start()), sets.iter().map(CounterSet::end).max()?);
        Some(CounterSet::together(end.saturating_sub(span), end, &sets))
    }

    fn answer(
        &mut self,
        index: usize,
        (id, part): (ActionId, Part),
        now: Timestamp,
        input: Input,
    ) -> Result<(), InputError> {
        self.machine.check_spoken(now)?;
        let Some(fan) = self.fan.as_mut().filter(|fan| fan.is_open(index, id)) else {
            return Err(InputError::UnknownAction { id });
        };
        fan.note(index, part);
        self.members[index].answered(fan.action().command, part == Part::Applied);
        if part == Part::Failed(Fault::GpuLost) {
            self.lose(index, now, input);
        } else if !self.conclude(now) {
            // The embedder has spoken: time has passed.
            self.pass(Input::Timeout { now })?;
        }
        Ok(())
    }

    /// A member is gone. The others go back to the clocks that were found, as far as there are others.
    fn lose(&mut self, index: usize, now: Timestamp, input: Input) {
        self.now = self.now.max(now);
        self.members[index].is_lost = true;
        self.merge.leave(index);
        if self.present().next().is_none() {
            // An answer that the machine does not wait for (any more) says the same as a failed reading.
            if self.pass(input).is_err() {
                let _never_refused = self.pass(Input::Fault { fault: Fault::GpuLost, now });
            }
            return;
        }
        self.cause = Some(StopReason::GpuLost);
        self.machine.tell(Event::ActionFailed { fault: Fault::GpuLost });
        if let Some(fan) = &mut self.fan {
            fan.note(index, Part::Out);
        }
        self.conclude(now);
        let _never_refused = self.pass(Input::Stop { now });
    }

    /// The next command of the machine inside, for all members.
    fn next_of_machine(&mut self) -> Option<FanOut> {
        let action = self.machine.poll_action()?;
        let members = &self.members;
        Some(FanOut::new(action, members.len(), |index| !members[index].is_lost))
    }

    /// Tells the machine how its command has ended, once nobody is waited for; false if there was nothing to tell.
    fn conclude(&mut self, now: Timestamp) -> bool {
        let Some(verdict) = self.fan.as_ref().and_then(FanOut::verdict) else { return false };
        let Some(fan) = self.fan.take() else { return false };
        self.now = self.now.max(now);
        let Action { id, command } = fan.action();
        if Mend::is_own(id) {
            self.mended(&fan);
            return false;
        }
        let input = match verdict {
            Ok(()) => {
                self.ended_alike(command);
                Input::Applied { id, now }
            }
            Err(fault) => {
                self.ended_unlike(&fan);
                Input::Failed { id, fault, now }
            }
        };
        let _never_refused = self.pass(input);
        true
    }

    /// The machine does not wait for its action any more: whoever has not answered by now will not be heard.
    fn notice_late_answers(&mut self) {
        if self.is_stopped() {
            self.fan = None;
            return;
        }
        let Some(id) = self.fan.as_ref().map(|fan| fan.action().id) else { return };
        if Mend::is_own(id) {
            if let Some(fan) = self.fan.take_if(|_| self.mend.is_over(self.now)) {
                self.mended(&fan);
            }
        } else if self.machine.open_action() != Some(id) {
            if let Some(fan) = self.fan.take() {
                self.ended_unlike(&fan);
            }
        }
    }
}
