//! A blocking loop around [`Optimizer`] and a [`GpuBackend`], for embedders without a loop of their own.

use std::sync::Arc;

use crate::action::{Action, Command};
use crate::backend::{BackendError, GpuBackend};
use crate::config::OptimizerConfig;
use crate::event::{Event, StopReason};
use crate::input::{Input, InputError};
use crate::models::ModelSet;
use crate::optimizer::Optimizer;
use crate::report::Report;
use crate::sample::Sample;
use crate::time::Timestamp;

/// Watches what goes through a [`Driver`]. A closure `FnMut(&Event)` is one.
pub trait Observer {
    /// An event of the machine.
    fn event(&mut self, event: &Event);

    /// An input that the machine is about to take in; a list of all of them replays the run.
    fn input(&mut self, _input: &Input) {}

    /// An action that the backend has carried out or failed to.
    fn action(&mut self, _action: &Action, _result: Result<(), &BackendError>) {}

    /// A reading that failed; the machine goes on.
    fn read_failed(&mut self, _error: &BackendError) {}
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call [`Driver::step`] again.
    Running,
    /// The machine has stopped by itself.
    Stopped(StopReason),
}

/// Why a [`Driver`] cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The backend could not say what the GPU can do.
    #[error("the GPU cannot be used")]
    Backend(#[from] BackendError),
    /// The backend gave something that the machine refuses: a bug of the backend.
    #[error("the backend gave a bad input")]
    Input(#[from] InputError),
}

/// Drives one GPU: carries out the machine's actions, waits, reads samples, feeds them in. No thread, no global state. A
/// sample that comes twice in a row counts once.
///
/// Dropped without [`Driver::stop`], it restores the clocks as well as one call can. It cannot do so when the process is
/// killed: that takes a guard outside of it.
#[derive(Debug)]
pub struct Driver<B: GpuBackend> {
    backend: B,
    optimizer: Optimizer,
    samples: Vec<Sample>,
    last_sample: Option<Timestamp>,
    next_read: Timestamp,
}

impl<B: GpuBackend> Driver<B> {
    /// Asks the backend what the GPU can do.
    ///
    /// # Errors
    /// [`DriverError::Backend`] if it does not answer.
    pub fn new(mut backend: B, config: OptimizerConfig) -> Result<Self, DriverError> {
        let caps = backend.capabilities()?;
        let next_read = backend.now();
        Ok(Self { backend, optimizer: Optimizer::new(config, caps), samples: Vec::new(), last_sample: None, next_read })
    }

    /// The same with trained models, see [`Optimizer::with_models`]; to be said before the first step.
    #[must_use]
    pub fn with_models(mut self, set: Arc<ModelSet>) -> Self {
        let (config, caps) = (self.optimizer.config().clone(), self.optimizer.capabilities().clone());
        self.optimizer = Optimizer::new(config, caps).with_models(set);
        self
    }

    /// One turn of the loop: carry out what was asked, wait, read, feed.
    ///
    /// # Errors
    /// [`DriverError::Input`] if the backend's samples or times are out of order.
    pub fn step(&mut self, observer: &mut impl Observer) -> Result<Step, DriverError> {
        if let Some(timeout) = self.optimizer.poll_timeout() {
            self.backend.sleep_until(timeout.min(self.next_read));
        }
        if self.backend.now() >= self.next_read {
            self.read(observer)?;
        }
        let now = self.backend.now();
        self.feed(Input::Timeout { now }, observer)?;
        Ok(self.optimizer.stop_reason().map_or(Step::Running, Step::Stopped))
    }

    /// Steps until the clocks are restored, and returns the account.
    ///
    /// # Errors
    /// [`DriverError::Input`] as in [`Driver::step`].
    pub fn stop(mut self, observer: &mut impl Observer) -> Result<Report, DriverError> {
        let now = self.backend.now();
        self.feed(Input::Stop { now }, observer)?;
        while !self.optimizer.is_stopped() {
            self.step(observer)?;
        }
        Ok(self.optimizer.report())
    }

    /// The account so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.optimizer.report()
    }

    /// The machine.
    #[must_use]
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }

    fn read(&mut self, observer: &mut impl Observer) -> Result<(), DriverError> {
        self.samples.clear();
        let result = self.backend.read_samples(&mut self.samples);
        let now = self.backend.now();
        // From now on, not from when it was due: a late loop must not catch up with a burst of readings.
        self.next_read = now + self.optimizer.config().read_interval().max(self.optimizer.sample_interval());
        for index in 0..self.samples.len() {
            let sample = self.samples[index];
            // A ring that is read anew may give its newest sample once more.
            if self.last_sample == Some(sample.time) {
                continue;
            }
            self.last_sample = Some(sample.time);
            self.feed(Input::Sample(sample), observer)?;
        }
        if let Err(error) = result {
            observer.read_failed(&error);
            self.feed(Input::Fault { fault: error.fault, now }, observer)?;
        }
        Ok(())
    }

    /// Feeds one input, then carries out and answers every action that it led to.
    fn feed(&mut self, input: Input, observer: &mut impl Observer) -> Result<(), DriverError> {
        observer.input(&input);
        self.optimizer.handle(input)?;
        self.tell(observer);
        while let Some(action) = self.optimizer.poll_action() {
            let result = self.carry_out(action, observer);
            observer.action(&action, result.as_ref().map(|&()| ()));
            let now = self.backend.now();
            let answer = match result {
                Ok(()) => Input::Applied { id: action.id, now },
                Err(error) => Input::Failed { id: action.id, fault: error.fault, now },
            };
            observer.input(&answer);
            match self.optimizer.handle(answer) {
                // The call took longer than the machine waits for an answer; it has gone on without it.
                Ok(()) | Err(InputError::UnknownAction { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            self.tell(observer);
        }
        Ok(())
    }

    fn carry_out(&mut self, action: Action, observer: &mut impl Observer) -> Result<(), BackendError> {
        match action.command {
            Command::CloseCounters => {
                let counters = self.backend.close_counters()?;
                let input = Input::Counters(counters);
                observer.input(&input);
                // Out of order: as good as no counters, and the answer says so to the machine.
                let _refused = self.optimizer.handle(input);
                Ok(())
            }
            Command::OpenCounters { pass } => self.backend.open_counters(pass),
            Command::RestoreClocks => self.backend.restore_clocks(),
            Command::SetClocks(clocks) => self.backend.set_clocks(clocks),
            Command::SetSampleInterval(interval) => self.backend.set_sample_interval(interval),
        }
    }

    fn tell(&mut self, observer: &mut impl Observer) {
        while let Some(event) = self.optimizer.poll_event() {
            observer.event(&event);
        }
    }
}

impl<B: GpuBackend> Drop for Driver<B> {
    fn drop(&mut self) {
        if self.optimizer.may_hold_clocks() {
            // Nobody is left to hear of a failure.
            let _best_effort = self.backend.restore_clocks();
        }
    }
}

#[cfg(test)]
mod tests;
