//! Records the inputs of a run and plays them again.
//!
//! The machine is deterministic, so a list of inputs, with the configuration and the capabilities, *is* the run: it can be
//! replayed in a debugger, or against a changed machine. With the feature `serde` an [`Input`] is one JSON line.

use crate::action::Action;
use crate::event::Event;
use crate::input::{Input, InputError};
use crate::optimizer::Optimizer;

/// Inputs in the order in which a machine took them in.
///
/// ```
/// use gpoeo_core::{Capabilities, Input, Mhz, Optimizer, OptimizerConfig, Recording, Sample, Timestamp};
///
/// let caps = Capabilities::new([(Mhz(1593), vec![Mhz(1200), Mhz(1410)])])?;
/// let mut recording = Recording::default();
/// for k in 0..100 {
///     recording.push(Input::Sample(Sample::new(Timestamp::from_nanos(20_000_000 * k), 300.0)));
/// }
/// let mut machine = Optimizer::new(OptimizerConfig::default(), caps);
/// let outputs = recording.replay(&mut machine)?;
/// assert_eq!(outputs.actions.len(), 1, "it asks for its sampling interval");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Recording {
    inputs: Vec<Input>,
}

/// What a machine gave out during a replay.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Outputs {
    /// Its actions, in order.
    pub actions: Vec<Action>,
    /// Its events, in order.
    pub events: Vec<Event>,
}

impl Recording {
    /// Adds an input. Grows with the run: for tests and bug reports, not for production.
    pub fn push(&mut self, input: Input) {
        self.inputs.push(input);
    }

    /// The inputs.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Feeds all inputs to a machine and collects what it gives out, polling after each input.
    ///
    /// # Errors
    /// The first [`InputError`]: the machine is not the one that was recorded (other configuration, capabilities or
    /// version).
    pub fn replay(&self, machine: &mut Optimizer) -> Result<Outputs, InputError> {
        let mut outputs = Outputs::default();
        for &input in &self.inputs {
            machine.handle(input)?;
            outputs.actions.extend(core::iter::from_fn(|| machine.poll_action()));
            outputs.events.extend(core::iter::from_fn(|| machine.poll_event()));
        }
        Ok(outputs)
    }
}

impl FromIterator<Input> for Recording {
    fn from_iter<I: IntoIterator<Item = Input>>(inputs: I) -> Self {
        Self { inputs: inputs.into_iter().collect() }
    }
}
