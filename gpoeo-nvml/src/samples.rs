//! From readings of the driver to [`Sample`]s: which source of power, in which order, with which time.
//!
//! The ring gives many samples a read, each with its own time; what is read once a poll (energy, clocks, utilisation)
//! belongs to the newest of them and is absent from the others. The other sources give one sample a poll.

use core::time::Duration;

use gpoeo_core::{BackendError, Mhz, Sample, Timestamp};

use crate::api::{Domain, NvmlApi};
use crate::clock::{DriverClock, HostClock};
use crate::error::NvmlStatus;

/// Where power readings come from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PowerSource {
    /// The driver's ring buffer: 20 ms samples with their own time stamps.
    Ring,
    /// Field 186, instantaneous, renewed every 100 ms.
    InstantField,
    /// `nvmlDeviceGetPowerUsage` where it is instantaneous (GA100 and older).
    UsageInstant,
    /// `nvmlDeviceGetPowerUsage` where it is an average over one second.
    UsageAverage,
}

impl PowerSource {
    /// The span that one reading averages over or lags behind.
    #[must_use]
    pub const fn lag(self) -> Duration {
        match self {
            Self::Ring => Duration::from_millis(20),
            Self::InstantField | Self::UsageInstant => Duration::from_millis(100),
            Self::UsageAverage => Duration::from_secs(1),
        }
    }

    /// How often the source has something new (where it is busy).
    #[must_use]
    pub const fn interval(self) -> Duration {
        match self {
            Self::Ring => Duration::from_millis(20),
            Self::InstantField | Self::UsageInstant | Self::UsageAverage => Duration::from_millis(100),
        }
    }

    /// Tries the sources in order and takes the first that answers. A ring that is empty does not count: an active
    /// ring always holds samples, and waiting for one that never fills would be a run without readings.
    fn probe(api: &mut impl NvmlApi) -> Result<Self, NvmlStatus> {
        match api.power_samples(0) {
            Ok(samples) if !samples.is_empty() => return Ok(Self::Ring),
            Err(status) if status.is_loss() => return Err(status),
            Ok(_) | Err(_) => {}
        }
        match api.instant_power_w() {
            Ok(_) => return Ok(Self::InstantField),
            Err(status) if status.is_loss() => return Err(status),
            Err(_) => {}
        }
        api.power_usage_w()?;
        // Unknown is taken for new: an instantaneous reading that is believed to be an average does less harm.
        let is_instant = api.compute_capability().is_ok_and(|capability| capability <= (8, 0));
        Ok(if is_instant { Self::UsageInstant } else { Self::UsageAverage })
    }
}

/// What a GPU can tell about itself, as probed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// Where power comes from.
    pub power: PowerSource,
    /// Whether there is an energy counter.
    pub has_energy: bool,
    /// Whether utilisation can be read (not on a GPU in MIG mode).
    pub has_utilization: bool,
}

impl Telemetry {
    /// Asks the GPU.
    ///
    /// # Errors
    /// The code of the last source of power tried, or of a lost GPU.
    pub fn probe(api: &mut impl NvmlApi) -> Result<Self, NvmlStatus> {
        let power = PowerSource::probe(api)?;
        Ok(Self { power, has_energy: api.energy_j().is_ok(), has_utilization: api.utilization().is_ok() })
    }
}

/// What is read once a poll.
#[derive(Clone, Copy, Debug, Default)]
struct Slow {
    energy_j: Option<f64>,
    sm_util: Option<f32>,
    mem_util: Option<f32>,
    sm_clock: Option<Mhz>,
    mem_clock: Option<Mhz>,
}

impl Slow {
    fn put_into(self, mut sample: Sample) -> Sample {
        sample.energy_j = self.energy_j;
        sample.sm_util = self.sm_util;
        sample.mem_util = self.mem_util;
        sample.sm_clock = self.sm_clock;
        sample.mem_clock = self.mem_clock;
        sample
    }
}

/// Reads all that is new, once a call.
#[derive(Debug)]
pub(crate) struct SampleReader {
    telemetry: Telemetry,
    clock: DriverClock,
    /// Newest driver stamp believed, µs.
    cursor_us: u64,
    /// Time of the last sample given out; at first the time from which on samples are wanted.
    last: Timestamp,
    cost: ReadCost,
    dropped: u64,
}

/// What reading has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCost {
    /// Reads, each of all that is new.
    pub reads: u64,
    /// Time spent in them.
    pub time: Duration,
}

impl SampleReader {
    /// Samples at or before `start` will be dropped.
    pub(crate) fn new(telemetry: Telemetry, start: Timestamp) -> Self {
        Self {
            telemetry,
            clock: DriverClock::default(),
            cursor_us: 0,
            last: start,
            cost: ReadCost::default(),
            dropped: 0,
        }
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        self.telemetry
    }

    /// Samples that came late, twice, out of order or from the future, so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn cost(&self) -> ReadCost {
        self.cost
    }

    /// Appends all samples that are new, oldest first.
    pub(crate) fn read(
        &mut self,
        api: &mut impl NvmlApi,
        host: &mut impl HostClock,
        gpu: &str,
        out: &mut Vec<Sample>,
    ) -> Result<(), BackendError> {
        let start_ns = host.times().monotonic_ns;
        let result = self.read_all(api, host, gpu, out);
        self.cost.reads += 1;
        self.cost.time += Duration::from_nanos(host.times().monotonic_ns.saturating_sub(start_ns));
        result
    }

    fn read_all(
        &mut self,
        api: &mut impl NvmlApi,
        host: &mut impl HostClock,
        gpu: &str,
        out: &mut Vec<Sample>,
    ) -> Result<(), BackendError> {
        let already = out.len();
        if self.telemetry.power == PowerSource::Ring {
            self.read_ring(api, host, gpu, out)?;
        } else {
            let power_w = self.poll_power(api).map_err(|status| status.reading(gpu, "reading power"))?;
            let time = Timestamp::from_nanos(host.times().monotonic_ns);
            if time > self.last {
                self.last = time;
                out.push(Sample::new(time, power_w));
            }
        }
        if let Some(newest) = out[already..].last_mut() {
            let slow = self.read_slow(api).map_err(|status| status.reading(gpu, "reading clocks and energy"))?;
            *newest = slow.put_into(*newest);
        }
        Ok(())
    }

    fn read_ring(
        &mut self,
        api: &mut impl NvmlApi,
        host: &mut impl HostClock,
        gpu: &str,
        out: &mut Vec<Sample>,
    ) -> Result<(), BackendError> {
        // After a step the cursor may lie in the driver's future, and nothing would ever be newer.
        if self.clock.stepped(host.times()) {
            self.cursor_us = 0;
        }
        let mut samples = match api.power_samples(self.cursor_us) {
            Ok(samples) => samples,
            // No news is no failure.
            Err(NvmlStatus::NOT_FOUND | NvmlStatus::NO_DATA) => return Ok(()),
            Err(status) => return Err(status.reading(gpu, "reading the ring of power samples")),
        };
        let now = host.times();
        // The header promises no order.
        samples.sort_by_key(|sample| sample.time_us);
        if let Some(newest) = samples.last() {
            self.clock.learn(newest.time_us, now);
        }
        // Read from its beginning, the ring holds what was given out already, or what nobody wants.
        let is_whole_ring = self.cursor_us == 0;
        for sample in samples {
            match self.clock.timestamp(sample.time_us, now) {
                Some(time) if time > self.last => {
                    self.last = time;
                    self.cursor_us = sample.time_us;
                    out.push(Sample::new(time, sample.power_w));
                }
                Some(_) => {
                    self.dropped += u64::from(!is_whole_ring);
                    self.cursor_us = self.cursor_us.max(sample.time_us);
                }
                None => self.dropped += 1,
            }
        }
        Ok(())
    }

    fn poll_power(&self, api: &mut impl NvmlApi) -> Result<f64, NvmlStatus> {
        match self.telemetry.power {
            PowerSource::InstantField => api.instant_power_w(),
            PowerSource::Ring | PowerSource::UsageInstant | PowerSource::UsageAverage => api.power_usage_w(),
        }
    }

    /// A field that fails is absent; only a lost GPU is a failure of the whole read.
    fn read_slow(&self, api: &mut impl NvmlApi) -> Result<Slow, NvmlStatus> {
        let mut slow = Slow::default();
        if self.telemetry.has_energy {
            slow.energy_j = optional(api.energy_j())?;
        }
        slow.sm_clock = optional(api.clock_mhz(Domain::Sm))?.map(Mhz);
        slow.mem_clock = optional(api.clock_mhz(Domain::Memory))?.map(Mhz);
        if self.telemetry.has_utilization {
            if let Some(utilization) = optional(api.utilization())? {
                slow.sm_util = ratio(utilization.sm_pct);
                slow.mem_util = ratio(utilization.memory_pct);
            }
        }
        Ok(slow)
    }
}

fn optional<T>(result: Result<T, NvmlStatus>) -> Result<Option<T>, NvmlStatus> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.is_loss() => Err(status),
        Err(_) => Ok(None),
    }
}

/// Drivers are known to report utilisations far above 100 (nvtop filters them too).
fn ratio(pct: u32) -> Option<f32> {
    (pct <= 100).then_some(pct as f32 / 100.0)
}

#[cfg(test)]
mod tests;
