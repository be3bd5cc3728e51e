//! Looking at a run while it goes on.

use gpoeo_core::{Event, Input, Observer, Optimizer, Sample, Timestamp};

use crate::gpu::SimGpu;

/// Looks at a run from outside, without any effect on it. `()` looks at nothing.
///
/// Calls come in the order in which things became known: samples arrive later than they were measured.
pub trait Watch {
    /// A sample has been read.
    fn sample(&mut self, _sample: &Sample) {}

    /// The machine has told something, at virtual time `at`.
    fn event(&mut self, _at: Timestamp, _event: &Event) {}

    /// A turn of the loop is over; there are some four a virtual second. Until the next one the asked clocks stay the
    /// same. `machine` is `None` for a policy without one.
    fn turn(&mut self, _gpu: &SimGpu, _machine: Option<&Optimizer>) {}
}

impl Watch for () {}

/// Tells a [`Watch`] what goes through a [`Driver`](gpoeo_core::Driver).
pub(crate) struct Teller<'a, W> {
    pub(crate) watch: &'a mut W,
    /// The latest time that the machine has heard of.
    pub(crate) now: Timestamp,
}

impl<W: Watch> Observer for Teller<'_, W> {
    fn event(&mut self, event: &Event) {
        self.watch.event(self.now, event);
    }

    fn input(&mut self, input: &Input) {
        match *input {
            Input::Sample(sample) => {
                self.now = self.now.max(sample.time);
                self.watch.sample(&sample);
            }
            Input::Applied { now, .. }
            | Input::Failed { now, .. }
            | Input::Fault { now, .. }
            | Input::Stop { now }
            | Input::Timeout { now } => self.now = self.now.max(now),
            _ => {}
        }
    }
}
