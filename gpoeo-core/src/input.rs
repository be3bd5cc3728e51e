//! Everything that can be fed into the machine, as one type.

use crate::action::{ActionId, Fault, MemberId};
use crate::config::ConfigError;
use crate::counters::CounterSet;
use crate::objective::Objective;
use crate::sample::Sample;
use crate::time::Timestamp;

/// One input to [`Optimizer::handle`](crate::Input). A list of them replays a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Input {
    /// An action was carried out.
    Applied {
        /// Which one.
        id: ActionId,
        /// When.
        now: Timestamp,
    },
    /// The counters of a window.
    Counters(CounterSet),
    /// An action failed.
    Failed {
        /// Which one.
        id: ActionId,
        /// How.
        fault: Fault,
        /// When.
        now: Timestamp,
    },
    /// The device failed outside an action, for example when it was read.
    Fault {
        /// How.
        fault: Fault,
        /// When.
        now: Timestamp,
    },
    /// An iteration of the job has ended, says an embedder that knows.
    Mark {
        /// When.
        time: Timestamp,
    },
    /// From now on another objective; everything that was measured is kept.
    Objective {
        /// What to optimise.
        objective: Objective,
        /// When.
        now: Timestamp,
    },
    /// A telemetry sample.
    Sample(Sample),
    /// The embedder wants the clocks restored and the machine stopped.
    Stop {
        /// When.
        now: Timestamp,
    },
    /// Time has passed.
    Timeout {
        /// The time now.
        now: Timestamp,
    },
}

/// Why an input was refused. The machine is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A number that is beyond all reason.
    #[error("{field} is {value}, more than the {max} that any device can show; leave the sample out")]
    Absurd {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The largest that is taken, of either sign.
        max: f64,
    },
    /// An objective with a number outside its range.
    #[error(transparent)]
    BadObjective(#[from] ConfigError),
    /// A number that is NaN or infinite.
    #[error("{field} is not a finite number; leave the field out if the device did not give it")]
    NotFinite {
        /// The field.
        field: &'static str,
    },
    /// A time before one of the same stream that was seen already.
    #[error("time went back from {last} to {got}; feed each stream in order, and drop duplicates")]
    TimeWentBack {
        /// Latest time of that stream so far.
        last: Timestamp,
        /// The time refused.
        got: Timestamp,
    },
    /// An answer to an action that is not open (answered already, timed out, or never asked).
    #[error("action {id} is not open; answer each action once")]
    UnknownAction {
        /// The action.
        id: ActionId,
    },
    /// A GPU that the group does not have.
    #[error("there is no {member} in a group of {members}; members are counted from 0")]
    UnknownMember {
        /// The member.
        member: MemberId,
        /// Number of members.
        members: usize,
    },
}

impl InputError {
    /// What is wrong with a sample of one of `gpus` GPUs whose readings are added up, when its last one was at `last`.
    pub(crate) fn in_sample(sample: &Sample, last: Option<Timestamp>, gpus: usize) -> Result<(), Self> {
        if let Some(field) = sample.non_finite_field() {
            return Err(Self::NotFinite { field });
        }
        if let Some((field, value, max)) = sample.absurd_field() {
            return Err(Self::Absurd { field, value, max });
        }
        let gpus = gpus.max(1) as f64;
        let mut sum = Sample::new(sample.time, gpus * sample.power_w);
        sum.energy_j = sample.energy_j.map(|energy_j| gpus * energy_j);
        if let Some((field, value, max)) = sum.absurd_field() {
            return Err(Self::Absurd { field, value: value / gpus, max: max / gpus });
        }
        match last {
            Some(last) if sample.time <= last => Err(Self::TimeWentBack { last, got: sample.time }),
            Some(_) | None => Ok(()),
        }
    }
}
