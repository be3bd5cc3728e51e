//! The phases as one type: each owns its data, takes an input and says what comes next.

use crate::action::Fault;
use crate::event::StopReason;
use crate::input::Input;
use crate::time::Timestamp;

use super::baseline::Baseline;
use super::context::Context;
use super::detect::Detect;
use super::explore::Explore;
use super::hold::Hold;
use super::profile::Profile;
use super::restore::Restore;

#[derive(Debug)]
pub(super) enum State {
    Baseline(Baseline),
    Detect(Detect),
    Explore(Explore),
    Hold(Hold),
    Profile(Profile),
    Restore(Restore),
    Stopped,
}

impl State {
    pub(super) fn on(self, input: &Input, ctx: &mut Context) -> Self {
        match self {
            Self::Baseline(phase) => phase.on(input, ctx),
            Self::Detect(phase) => phase.on(input, ctx),
            Self::Explore(phase) => phase.on(input, ctx),
            Self::Hold(phase) => phase.on(input, ctx),
            Self::Profile(phase) => phase.on(input, ctx),
            Self::Restore(phase) => phase.on(input, ctx),
            Self::Stopped => Self::Stopped,
        }
    }

    /// When the phase wants to be woken at the latest, if it waits for more than samples.
    pub(super) fn deadline(&self, ctx: &Context) -> Option<Timestamp> {
        match self {
            Self::Baseline(phase) => phase.deadline(ctx),
            Self::Detect(_) | Self::Stopped => None,
            Self::Explore(phase) => phase.deadline(ctx),
            Self::Hold(phase) => phase.deadline(ctx),
            Self::Profile(phase) => phase.deadline(),
            Self::Restore(phase) => phase.deadline(),
        }
    }
}

/// The phase after the clocks could not be set: the end where that is final, the found clocks otherwise.
pub(super) fn after_refusal(fault: Fault, ctx: &mut Context) -> Option<State> {
    match fault {
        Fault::GpuLost => Some(Restore::stopped(StopReason::GpuLost, ctx)),
        Fault::NoPermission | Fault::NotSupported => Some(Restore::begin(StopReason::ClocksRefused, ctx)),
        Fault::Transient => None,
    }
}
