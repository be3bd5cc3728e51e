//! The one trait between the core and a GPU.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;

use crate::action::Fault;
use crate::caps::{Capabilities, ClockPair};
use crate::counters::CounterSet;
use crate::sample::Sample;
use crate::time::Timestamp;

/// One GPU, and the clock that its samples are stamped with.
///
/// Object-safe. A backend does not retry, filter or decide: it says what happened, and the core has the policy. It
/// skips a clock domain that has the asked clock already, and leaves the memory clock alone where
/// [`GpuBackend::capabilities`] named only one. A wrapper around another backend forwards every method, also those that
/// have a default here.
#[cfg_attr(test, mockall::automock)]
pub trait GpuBackend {
    /// The time now, on the clock of the samples.
    fn now(&mut self) -> Timestamp;

    /// Waits until `deadline` (a simulator advances its virtual time); may return early, never hangs.
    fn sleep_until(&mut self, deadline: Timestamp);

    /// What the GPU can do; asked once.
    ///
    /// # Errors
    /// [`BackendError`] if the device does not answer.
    fn capabilities(&mut self) -> Result<Capabilities, BackendError>;

    /// Appends all samples that are new since the last call, oldest first, none later than `now()`.
    ///
    /// # Errors
    /// [`BackendError`] if the device does not answer; samples appended before the failure count.
    fn read_samples(&mut self, out: &mut Vec<Sample>) -> Result<(), BackendError>;

    /// Locks the clocks. `Ok` means accepted, not yet reached.
    ///
    /// # Errors
    /// [`BackendError`] if the device refuses.
    fn set_clocks(&mut self, clocks: ClockPair) -> Result<(), BackendError>;

    /// Puts the clocks back to what was found before the first set.
    ///
    /// # Errors
    /// [`BackendError`] if the device refuses.
    fn restore_clocks(&mut self) -> Result<(), BackendError>;

    /// Starts reading the counters of one pass. Not supported unless implemented.
    ///
    /// # Errors
    /// [`BackendError`] if the device refuses.
    fn open_counters(&mut self, _pass: u8) -> Result<(), BackendError> {
        Err(not_implemented("opening counters"))
    }

    /// Stops reading counters and returns what was counted. Not supported unless implemented.
    ///
    /// # Errors
    /// [`BackendError`] if the device refuses.
    fn close_counters(&mut self) -> Result<CounterSet, BackendError> {
        Err(not_implemented("closing counters"))
    }

    /// Reads telemetry at this interval from now on. Not supported unless implemented: the samples come as they come.
    ///
    /// # Errors
    /// [`BackendError`] if the device refuses.
    fn set_sample_interval(&mut self, _interval: Duration) -> Result<(), BackendError> {
        Err(not_implemented("setting the sampling interval"))
    }
}

fn not_implemented(what: &'static str) -> BackendError {
    BackendError::new(Fault::NotSupported, "of this backend", what, "implement the method, or name no counter passes")
}

/// A call to a device that failed: what was tried, on which GPU, and what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct BackendError {
    /// What the core must know of it.
    pub fault: Fault,
    /// The GPU, as the backend names it (index, UUID).
    pub gpu: String,
    /// What was tried.
    pub what: Cow<'static, str>,
    /// What to do.
    pub fix: Cow<'static, str>,
    /// The cause.
    pub source: Option<Box<dyn core::error::Error + Send + Sync>>,
}

impl BackendError {
    /// An error without a cause.
    #[must_use]
    pub fn new(
        fault: Fault,
        gpu: impl Into<String>,
        what: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { fault, gpu: gpu.into(), what: what.into(), fix: fix.into(), source: None }
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPU {}: {} failed: {}; {}", self.gpu, self.what, self.fault, self.fix)
    }
}

impl core::error::Error for BackendError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn core::error::Error + 'static))
    }
}
