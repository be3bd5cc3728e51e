//! The kinds of job.

use std::fmt;
use std::str::FromStr;

/// A kind of job, or of sensor, that a [`SyntheticRecording`](super::SyntheticRecording) is drawn from.
///
/// Whatever the family does not fix is drawn anew for each recording: the card (70 to 700 W), the shape of the
/// iteration (layers, stages, recurrent, alternating networks), its length, how much the power moves, jitter, set-up
/// phase, noise, stamps, losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Pieces of work of random size or kind: no period.
    Aperiodic,
    /// Power as a mean over one second, every 100 ms, as the plain getter of many cards gives it; 2.5 to 8 s.
    AveragedSensor,
    /// Work in bursts, idle between them: rollouts, small models, slow hosts.
    Bursts,
    /// Midway the batch size changes, or another job starts; the last quarter counts.
    Change,
    /// Pauses of 0.5 to 8 s to write checkpoints.
    Checkpoints,
    /// Every 8 to 20 s another clock: iterations and power change, by up to a third.
    ClockChanges,
    /// Power in steps of 1 to 10 W.
    CoarseSensor,
    /// Iterations become longer or shorter by up to 2 %, while the card warms up.
    Drift,
    /// The job stops for 3 to 20 s and goes on.
    IdleGaps,
    /// Iterations whose lengths spread by 1.5 to 5 %.
    Jitter,
    /// A data loader that stalls now and then, for 0.2 to 1.5 s.
    LoaderStalls,
    /// Up to 15 % of samples lost, many in a row, stamps up to 16 ms off, a gap of 2 s.
    LostSamples,
    /// 2 to 32 micro-batches an iteration, then an optimizer step of a tenth of one of them or more.
    MicroBatches,
    /// The same job all along, nothing else.
    Plain,
    /// More work than the power limit allows: the regulator keeps the power nearly constant.
    PowerLimit,
    /// The level of power rises or falls by up to a half over the recording.
    PowerRamp,
    /// Lengths of iterations drawn at random over a factor of two: no exact period.
    Ragged,
    /// Iterations of 25 to 80 ms, which 20 ms samples cannot show.
    Short,
    /// A second, smaller job on the same card, with a rhythm of its own.
    TwoJobs,
    /// Iterations of several unlike steps, such as the critic's and the generator's of a GAN.
    UnlikeSteps,
    /// Validation passes every 15 to 60 iterations.
    Validation,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Aperiodic,
        Self::AveragedSensor,
        Self::Bursts,
        Self::Change,
        Self::Checkpoints,
        Self::ClockChanges,
        Self::CoarseSensor,
        Self::Drift,
        Self::IdleGaps,
        Self::Jitter,
        Self::LoaderStalls,
        Self::LostSamples,
        Self::MicroBatches,
        Self::Plain,
        Self::PowerLimit,
        Self::PowerRamp,
        Self::Ragged,
        Self::Short,
        Self::TwoJobs,
        Self::UnlikeSteps,
        Self::Validation,
    ];

    /// The name on the command line, in tables and in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aperiodic => "aperiodic",
            Self::AveragedSensor => "averaged-sensor",
            Self::Bursts => "bursts",
            Self::Change => "change",
            Self::Checkpoints => "checkpoints",
            Self::ClockChanges => "clock-changes",
            Self::CoarseSensor => "coarse-sensor",
            Self::Drift => "drift",
            Self::IdleGaps => "idle-gaps",
            Self::Jitter => "jitter",
            Self::LoaderStalls => "loader-stalls",
            Self::LostSamples => "lost-samples",
            Self::MicroBatches => "micro-batches",
            Self::Plain => "plain",
            Self::PowerLimit => "power-limit",
            Self::PowerRamp => "power-ramp",
            Self::Ragged => "ragged",
            Self::Short => "short",
            Self::TwoJobs => "two-jobs",
            Self::UnlikeSteps => "unlike-steps",
            Self::Validation => "validation",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A family that there is not.
#[derive(Debug, thiserror::Error)]
#[error("there is no family {name:?}; choose one of {}", Family::ALL.map(Family::name).join(", "))]
pub struct UnknownFamily {
    /// The name as it was given.
    pub name: String,
}

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(name: &str) -> Result<Self, UnknownFamily> {
        Self::ALL
            .into_iter()
            .find(|family| family.name() == name)
            .ok_or_else(|| UnknownFamily { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for family in Family::ALL {
            assert_eq!(family.name().parse::<Family>().unwrap(), family);
        }
        assert!("x".parse::<Family>().unwrap_err().to_string().contains("two-jobs"));
    }

    #[test]
    fn all_are_listed_in_order() {
        assert!(Family::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Family::ALL.last().map(|&last| last as usize), Some(Family::ALL.len() - 1));
    }
}
