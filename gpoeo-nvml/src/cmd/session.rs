//! One GPU under the core's [`Driver`], on a thread of its own.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread::Thread;

use gpoeo_core::{
    BackendError, Driver, DriverError, Event, Input, ModelSet, Objective, Observer, OptimizerConfig, Report, Sample,
    Step,
};
use gpoeo_nvml::{BackendOptions, Gpu, GpuIdentity, NvmlBackend, PowerSource};

use super::error::CliError;
use super::{Node, say};

pub(crate) type GpuDriver = Driver<NvmlBackend<Gpu>>;

/// A GPU ready to be driven.
pub(crate) struct Session {
    pub(crate) identity: GpuIdentity,
    pub(crate) driver: GpuDriver,
    /// The same GPU once more, to count its calls.
    pub(crate) gpu: Gpu,
}

/// How often the driver's sample ring is read: it holds 2.4 s, and one read costs 5 ms of CPU time on an H100 (measured,
/// driver 580), so that this keeps the cost below half a per cent of a core, with room for a late read.
const RING_READ_INTERVAL: Duration = Duration::from_millis(1500);

impl Session {
    /// Probes the GPU. A source that gives one sample a read is read as often as it changes; the ring, which keeps
    /// them, every [`RING_READ_INTERVAL`].
    pub(crate) fn open(
        node: &Node,
        identity: GpuIdentity,
        options: BackendOptions,
        objective: Objective,
        models: Option<Arc<ModelSet>>,
    ) -> Result<Self, CliError> {
        let gpu = node.library.gpu(&identity.uuid);
        let mut backend = NvmlBackend::new(gpu.clone(), identity.to_string(), options)?;
        if let Some(name) = &identity.name {
            backend = backend.with_name(name);
        }
        let source = backend.telemetry().power;
        let config = OptimizerConfig::builder().objective(objective).sample_interval(source.interval());
        let read_interval = if source == PowerSource::Ring { RING_READ_INTERVAL } else { source.interval() };
        let config = config.read_interval(read_interval);
        let driver = Driver::new(backend, config.build()?)?;
        let driver = match models {
            Some(set) => driver.with_models(set),
            None => driver,
        };
        Ok(Self { identity, driver, gpu })
    }
}

/// Ends the loops of all workers when it is dropped, also by a panic of the main thread: they restore the clocks.
pub(crate) struct StopGuard<'a> {
    pub(crate) stop: &'a AtomicBool,
    pub(crate) workers: Vec<Thread>,
}

impl StopGuard<'_> {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // The backend waits in `park_timeout`.
        self.workers.iter().for_each(Thread::unpark);
    }
}

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Turns the loop until it is told to stop or stops by itself, and then restores the clocks.
pub(crate) fn drive<O: Observer>(
    mut driver: GpuDriver,
    stop: &AtomicBool,
    observer: &mut O,
    mut after_step: impl FnMut(&GpuDriver, &mut O) -> Flow,
) -> Result<Report, DriverError> {
    while !stop.load(Ordering::Acquire) {
        if let Step::Stopped(_) = driver.step(observer)? {
            return Ok(driver.report());
        }
        if after_step(&driver, observer) == Flow::Enough {
            break;
        }
    }
    driver.stop(observer)
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Enough,
    More,
}

/// CPU time of this process so far, without its children.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What goes by in a session.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The GPU whose events are printed on stderr.
    verbose_gpu: Option<String>,
    /// Since [`Log::take_samples`].
    samples: u64,
    power_sum_w: f64,
    /// The newest sample with what is read once a poll.
    pub(crate) newest: Option<Sample>,
    /// The last failure of a reading or an action.
    pub(crate) failure: Option<String>,
    pub(crate) failures: u64,
}

impl Log {
    /// Prints events if it is told of which GPU.
    pub(crate) fn new(verbose_gpu: Option<String>) -> Self {
        Self { verbose_gpu, ..Self::default() }
    }

    /// Number and mean power of the samples since the last call.
    pub(crate) fn take_samples(&mut self) -> (u64, Option<f64>) {
        let (count, sum_w) = (core::mem::take(&mut self.samples), core::mem::take(&mut self.power_sum_w));
        (count, (count > 0).then(|| sum_w / count as f64))
    }

    fn fail(&mut self, error: &BackendError) {
        self.failures += 1;
        self.failure = Some(super::error::line(error));
    }
}

impl Observer for Log {
    fn event(&mut self, event: &Event) {
        if let (Some(gpu), Ok(json)) = (&self.verbose_gpu, serde_json::to_string(event)) {
            say(format_args!("GPU {gpu}: {json}"));
        }
    }

    fn input(&mut self, input: &Input) {
        if let Input::Sample(sample) = input {
            self.samples += 1;
            self.power_sum_w += sample.power_w;
            if sample.sm_clock.is_some() || sample.energy_j.is_some() {
                self.newest = Some(*sample);
            }
        }
    }

    fn action(&mut self, _action: &gpoeo_core::Action, result: Result<(), &BackendError>) {
        if let Err(error) = result {
            self.fail(error);
        }
    }

    fn read_failed(&mut self, error: &BackendError) {
        self.fail(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpoeo_core::{Fault, Mhz, Timestamp};

    #[test]
    fn a_panic_of_the_main_thread_still_stops_the_workers() {
        let stop = AtomicBool::new(false);
        let panicked = std::panic::catch_unwind(|| {
            let _guard = StopGuard { stop: &stop, workers: vec![std::thread::current()] };
            panic!("as a bug would");
        });
        assert!(panicked.is_err());
        assert!(stop.load(Ordering::Acquire));
    }

    #[test]
    fn the_log_averages_power_and_keeps_the_newest_sample_that_carries_clocks() {
        let mut log = Log::default();
        let full = Sample::new(Timestamp::ZERO, 100.0).sm_clock(Mhz(1410));
        log.input(&Input::Sample(full));
        log.input(&Input::Sample(Sample::new(Timestamp::from_nanos(1), 300.0)));
        assert_eq!(log.take_samples(), (2, Some(200.0)));
        assert_eq!(log.take_samples(), (0, None));
        assert_eq!(log.newest, Some(full));
    }

    #[test]
    fn the_log_keeps_the_last_failure_and_counts_them() {
        let mut log = Log::default();
        log.read_failed(&BackendError::new(Fault::Transient, "0", "reading power", "wait"));
        log.read_failed(&BackendError::new(Fault::GpuLost, "0", "reading power", "reset it"));
        assert_eq!(log.failures, 2);
        assert_eq!(log.failure.as_deref(), Some("GPU 0: reading power failed: the GPU is lost; reset it"));
    }
}
