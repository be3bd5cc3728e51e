//! What the period detection says about a job.

use core::time::Duration;

/// Whether a job repeats itself, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "outcome", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// It was watched for long enough, and does not.
    Aperiodic,
    /// It does.
    Periodic {
        /// The time after which it repeats: one training iteration, or a small whole number of them.
        #[cfg_attr(feature = "serde", serde(rename = "period_s", with = "crate::time::seconds"))]
        period: Duration,
        /// How sure that is, 0..1.
        confidence: f64,
    },
    /// Too little was seen so far, or what was seen does not agree.
    #[default]
    Undecided,
}

impl Outcome {
    /// Periodic, as the embedder itself says.
    pub(crate) fn exact(period_s: f64) -> Self {
        let period = Duration::try_from_secs_f64(period_s).unwrap_or(Duration::MAX);
        Self::Periodic { period, confidence: 1.0 }
    }

    /// The period, if there is one.
    #[must_use]
    pub const fn period(&self) -> Option<Duration> {
        match self {
            Self::Periodic { period, .. } => Some(*period),
            Self::Aperiodic | Self::Undecided => None,
        }
    }
}
