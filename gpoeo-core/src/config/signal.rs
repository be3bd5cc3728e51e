//! Defaults of the signal's grid.

use core::time::Duration;

/// How a [`Signal`](crate::Signal) keeps its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SignalConfig {
    /// Distance of the grid's slots: the interval at which the source measures. Default 20 ms, the native step of
    /// the power ring of NVIDIA's drivers. Taken as 1 µs if it is shorter.
    pub step: Duration,
    /// Slots kept. Default 2400 (48 s at 20 ms, 10 KiB): the longest look of the detector is 48 s, and a setting is
    /// measured over up to 30 s. Taken as 2 if it is fewer.
    pub slots: usize,
    /// Samples farther apart than so many steps are not joined by a line: the slots between them are missing. Default 5
    /// (100 ms at 20 ms): four samples lost in a row happen once in 10⁴ when one in ten is lost, while a pause of the
    /// source stays visible as one.
    pub bridged_steps: u32,
}

impl SignalConfig {
    /// The longest distance of samples that are joined by a line.
    pub(crate) fn longest_bridge(&self, step: Duration) -> Duration {
        step.saturating_mul(self.bridged_steps)
    }
}

impl Default for SignalConfig {
    fn default() -> Self {
        Self { step: Duration::from_millis(20), slots: 2400, bridged_steps: 5 }
    }
}
