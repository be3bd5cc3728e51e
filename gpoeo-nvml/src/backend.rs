//! [`NvmlBackend`]: one NVIDIA GPU as the core sees it.

use core::time::Duration;

use gpoeo_core::{BackendError, Capabilities, ClockPair, CounterSet, Fault, GpuBackend, Sample, Timestamp};

use crate::api::NvmlApi;
use crate::caps::{self, MemoryClocks};
use crate::clock::{HostClock, SystemClock};
use crate::locks::{FoundLocks, Locks, MemoryTarget};
use crate::samples::{ReadCost, SampleReader, Telemetry};

/// Whether clocks may be set at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// The core may set clocks. Locks outlive this process if it is killed (`kill -9`): the embedder answers for that.
    Clocks,
    /// No call that changes the GPU is ever made.
    #[default]
    Observe,
}

/// How to use a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendOptions {
    /// Whether clocks may be set; by default not.
    pub control: Control,
    /// Which memory clocks to offer; by default only the highest, which leaves memory alone.
    pub memory_clocks: MemoryClocks,
    /// The locks in force before us; by default none, so that restoring is a reset.
    pub found: FoundLocks,
}

/// One NVIDIA GPU behind its driver's NVML library.
///
/// It neither tries again, nor filters, nor decides: a call that fails comes back as a [`BackendError`] with the
/// [`Fault`] that the core acts on. Time is the host's monotonic clock. Counters are not read yet.
///
/// Dropping it restores the clocks, best effort; nothing can do so for a process that is killed with `SIGKILL`.
#[derive(Debug)]
pub struct NvmlBackend<A: NvmlApi, C: HostClock = SystemClock> {
    api: A,
    host: C,
    gpu: String,
    name: Option<String>,
    options: BackendOptions,
    reader: SampleReader,
    locks: Locks,
    /// Memory clocks named in `capabilities`; 1 leaves memory alone.
    mem_gears: u16,
}

impl<A: NvmlApi> NvmlBackend<A> {
    /// Probes the GPU's telemetry. `gpu` names it in errors, for example by index and UUID.
    ///
    /// # Errors
    /// [`BackendError`] if no source of power answers or the GPU is lost.
    pub fn new(api: A, gpu: impl Into<String>, options: BackendOptions) -> Result<Self, BackendError> {
        Self::with_clock(api, SystemClock, gpu, options)
    }
}

impl<A: NvmlApi, C: HostClock> NvmlBackend<A, C> {
    /// The same with another clock.
    ///
    /// # Errors
    /// As [`NvmlBackend::new`].
    pub fn with_clock(
        mut api: A,
        mut host: C,
        gpu: impl Into<String>,
        options: BackendOptions,
    ) -> Result<Self, BackendError> {
        let gpu = gpu.into();
        let telemetry =
            Telemetry::probe(&mut api).map_err(|status| status.reading(&gpu, "finding a source of power"))?;
        let start = Timestamp::from_nanos(host.times().monotonic_ns);
        let reader = SampleReader::new(telemetry, start);
        Ok(Self { api, host, gpu, name: None, options, reader, locks: Locks::new(options.found), mem_gears: 1 })
    }

    /// The product name, which becomes part of the capabilities: models are used only on the GPUs that they are for.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What the GPU tells about itself.
    #[must_use]
    pub fn telemetry(&self) -> Telemetry {
        self.reader.telemetry()
    }

    /// Samples that were dropped because they came late, twice or from the future.
    #[must_use]
    pub fn dropped_samples(&self) -> u64 {
        self.reader.dropped()
    }

    /// What reading samples has cost so far.
    #[must_use]
    pub fn read_cost(&self) -> ReadCost {
        self.reader.cost()
    }

    fn refuse(&self, what: &'static str, fix: &'static str) -> BackendError {
        BackendError::new(Fault::NotSupported, self.gpu.clone(), what, fix)
    }
}

impl<A: NvmlApi, C: HostClock> GpuBackend for NvmlBackend<A, C> {
    fn now(&mut self) -> Timestamp {
        Timestamp::from_nanos(self.host.times().monotonic_ns)
    }

    fn sleep_until(&mut self, deadline: Timestamp) {
        let span = deadline.saturating_since(self.now());
        if span > Duration::ZERO {
            self.host.wait(span);
        }
    }

    fn capabilities(&mut self) -> Result<Capabilities, BackendError> {
        let list =
            caps::list_clocks(&mut self.api).map_err(|status| status.reading(&self.gpu, "listing the clocks"))?;
        let caps = caps::capabilities(list, self.options.memory_clocks, &self.gpu)?;
        self.mem_gears = caps.mem_gears();
        let mut caps = caps.with_sensor_lag(self.telemetry().power.lag());
        if let Some(name) = &self.name {
            caps = caps.with_gpu_name(name);
            // Only models ask for it, and they need the name.
            if let Ok(limits) = self.api.power_limits() {
                caps = caps.with_power_limit_w(limits.enforced_w.unwrap_or(limits.set_w));
            }
        }
        // The clocks of a GPU in MIG mode belong to all its instances, and so to other jobs.
        let is_shared = self.api.is_mig_enabled().unwrap_or(false);
        Ok(if self.options.control == Control::Observe || is_shared { caps.read_only() } else { caps })
    }

    fn read_samples(&mut self, out: &mut Vec<Sample>) -> Result<(), BackendError> {
        self.reader.read(&mut self.api, &mut self.host, &self.gpu, out)
    }

    fn set_clocks(&mut self, clocks: ClockPair) -> Result<(), BackendError> {
        if self.options.control == Control::Observe {
            return Err(self.refuse("locking clocks", "it was opened to be observed only"));
        }
        let top = self.mem_gears.saturating_sub(1);
        let memory = match self.mem_gears {
            0 | 1 => None,
            _ if clocks.mem_gear().0 == top => Some(MemoryTarget::Found),
            _ => Some(MemoryTarget::Lock),
        };
        self.locks.set(&mut self.api, &self.gpu, clocks, memory)
    }

    fn restore_clocks(&mut self) -> Result<(), BackendError> {
        self.locks.restore(&mut self.api, &self.gpu)
    }

    fn open_counters(&mut self, _pass: u8) -> Result<(), BackendError> {
        Err(self.refuse("opening counters", "this backend reads none yet"))
    }

    fn close_counters(&mut self) -> Result<CounterSet, BackendError> {
        Err(self.refuse("closing counters", "this backend reads none yet"))
    }

    /// The driver fills its ring at its own pace, and the other sources are read once a call: nothing to set.
    fn set_sample_interval(&mut self, _interval: Duration) -> Result<(), BackendError> {
        Ok(())
    }
}

impl<A: NvmlApi, C: HostClock> Drop for NvmlBackend<A, C> {
    fn drop(&mut self) {
        if self.locks.is_touched() {
            // Nobody is left to tell; a later `gpoeo reset` does the same again.
            let _ = self.restore_clocks();
        }
    }
}

#[cfg(test)]
mod tests;
