//! What comes in from a GPU all the time: telemetry samples.

use crate::time::Timestamp;
use crate::units::Mhz;

/// No GPU draws more, W; a driver's nonsense (the largest 32-bit number of milliwatts) lies below, and what is computed
/// in 32 bits has room for squares.
pub(crate) const MAX_POWER_W: f64 = 1e9;
/// No counter goes that far, J.
const MAX_ENERGY_J: f64 = 1e18;

/// One reading of a GPU's telemetry. A field that the device did not give is `None`, never 0.
///
/// ```
/// use gpoeo_core::{Mhz, Sample, Timestamp};
///
/// let sample = Sample::new(Timestamp::from_secs_f64(3.2), 412.5).energy_j(81_234.5).sm_clock(Mhz(1410));
/// assert_eq!(sample.sm_clock, Some(Mhz(1410)));
/// assert_eq!(sample.sm_util, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Sample {
    /// When the device measured it: the end of the interval that `power_w` averages over.
    pub time: Timestamp,
    /// Board power, W.
    pub power_w: f64,
    /// The running energy counter as last updated by the device, J.
    pub energy_j: Option<f64>,
    /// Share of time with a kernel on the SMs, 0..1.
    pub sm_util: Option<f32>,
    /// Share of time with the memory controller busy, 0..1.
    pub mem_util: Option<f32>,
    /// SM clock in force.
    pub sm_clock: Option<Mhz>,
    /// Memory clock in force.
    pub mem_clock: Option<Mhz>,
}

impl Sample {
    /// A sample that knows time and power only.
    #[must_use]
    pub const fn new(time: Timestamp, power_w: f64) -> Self {
        Self { time, power_w, energy_j: None, sm_util: None, mem_util: None, sm_clock: None, mem_clock: None }
    }

    /// Sets the running energy counter, J.
    #[must_use]
    pub const fn energy_j(mut self, energy_j: f64) -> Self {
        self.energy_j = Some(energy_j);
        self
    }

    /// Sets the SM utilisation, 0..1.
    #[must_use]
    pub const fn sm_util(mut self, util: f32) -> Self {
        self.sm_util = Some(util);
        self
    }

    /// Sets the memory utilisation, 0..1.
    #[must_use]
    pub const fn mem_util(mut self, util: f32) -> Self {
        self.mem_util = Some(util);
        self
    }

    /// Sets the SM clock.
    #[must_use]
    pub const fn sm_clock(mut self, clock: Mhz) -> Self {
        self.sm_clock = Some(clock);
        self
    }

    /// Sets the memory clock.
    #[must_use]
    pub const fn mem_clock(mut self, clock: Mhz) -> Self {
        self.mem_clock = Some(clock);
        self
    }

    /// The first field that is not a finite number, if any.
    #[must_use]
    pub fn non_finite_field(&self) -> Option<&'static str> {
        if !self.power_w.is_finite() {
            Some("power_w")
        } else if self.energy_j.is_some_and(|energy| !energy.is_finite()) {
            Some("energy_j")
        } else if self.sm_util.is_some_and(|util| !util.is_finite()) {
            Some("sm_util")
        } else if self.mem_util.is_some_and(|util| !util.is_finite()) {
            Some("mem_util")
        } else {
            None
        }
    }

    /// The first field that is beyond all reason, if any: its name, its value, the largest that is taken (of either
    /// sign).
    #[must_use]
    pub fn absurd_field(&self) -> Option<(&'static str, f64, f64)> {
        let fields = [("power_w", Some(self.power_w), MAX_POWER_W), ("energy_j", self.energy_j, MAX_ENERGY_J)];
        fields.into_iter().find_map(|(name, value, max)| {
            let value = value.filter(|value| value.abs() > max)?;
            Some((name, value, max))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_that_is_not_finite() {
        let sample = Sample::new(Timestamp::ZERO, 1.0).energy_j(f64::INFINITY);
        assert_eq!(sample.non_finite_field(), Some("energy_j"));
        assert_eq!(Sample::new(Timestamp::ZERO, 1.0).non_finite_field(), None);
    }

    #[test]
    fn names_the_field_that_is_absurd() {
        assert_eq!(Sample::new(Timestamp::ZERO, 1e300).absurd_field(), Some(("power_w", 1e300, MAX_POWER_W)));
        let sample = Sample::new(Timestamp::ZERO, 4_294_967.295).energy_j(-2e18);
        assert_eq!(sample.absurd_field(), Some(("energy_j", -2e18, MAX_ENERGY_J)));
    }
}
