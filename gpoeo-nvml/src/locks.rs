//! What we did to the clocks of one GPU, and how it is undone.
//!
//! NVML cannot tell which lock was in force before ours, so what was found must be told (`--found-sm`) or is taken to
//! be none. Only a domain that we touched is restored, each on its own: one that fails does not keep the other.

use gpoeo_core::{BackendError, ClockPair, Fault, Mhz};

use crate::api::{ClockRange, Domain, NvmlApi};
use crate::error::NvmlStatus;

/// The locks that were in force before us, as far as somebody knows; `None`: no lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoundLocks {
    /// SM clock.
    pub sm: Option<ClockRange>,
    /// Memory clock.
    pub memory: Option<ClockRange>,
}

/// What we know of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As found.
    Found,
    /// Locked by us at this clock.
    Ours(Mhz),
    /// A set failed in a way that says nothing about whether it took effect.
    Unsure,
}

/// Sets and restores the locks of one GPU.
#[derive(Debug)]
pub(crate) struct Locks {
    found: FoundLocks,
    sm: State,
    memory: State,
}

impl Locks {
    pub(crate) fn new(found: FoundLocks) -> Self {
        Self { found, sm: State::Found, memory: State::Found }
    }

    pub(crate) fn is_touched(&self) -> bool {
        self.sm != State::Found || self.memory != State::Found
    }

    /// Locks the SM clock, and the memory clock if `memory` is given, memory first: the SM clocks of the pair are
    /// those of its memory clock.
    pub(crate) fn set(
        &mut self,
        api: &mut impl NvmlApi,
        gpu: &str,
        pair: ClockPair,
        memory: Option<MemoryTarget>,
    ) -> Result<(), BackendError> {
        match memory {
            Some(MemoryTarget::Lock) => {
                lock(api, Domain::Memory, &mut self.memory, pair.mem())
                    .map_err(|status| status.setting(gpu, "locking the memory clock"))?;
            }
            Some(MemoryTarget::Found) => self.release(api, Domain::Memory, gpu)?,
            None => {}
        }
        lock(api, Domain::Sm, &mut self.sm, pair.sm()).map_err(|status| status.setting(gpu, "locking the SM clock"))
    }

    /// Puts back what was found in every domain that was touched.
    pub(crate) fn restore(&mut self, api: &mut impl NvmlApi, gpu: &str) -> Result<(), BackendError> {
        let memory = self.release(api, Domain::Memory, gpu);
        self.release(api, Domain::Sm, gpu).and(memory)
    }

    fn release(&mut self, api: &mut impl NvmlApi, domain: Domain, gpu: &str) -> Result<(), BackendError> {
        let (state, found, what) = match domain {
            Domain::Memory => (&mut self.memory, self.found.memory, "restoring the memory clock"),
            Domain::Sm => (&mut self.sm, self.found.sm, "restoring the SM clock"),
        };
        if *state == State::Found {
            return Ok(());
        }
        let done = match found {
            Some(range) => api.lock_clock(domain, range),
            None => api.reset_clock(domain),
        };
        done.map_err(|status| status.setting(gpu, what))?;
        *state = State::Found;
        Ok(())
    }
}

/// Where the memory clock shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryTarget {
    /// Back to what was found. Asked for instead of a lock at the highest clock: on some cards (Blackwell GeForce,
    /// open-gpu-kernel-modules#1265) a finite maximum slows the whole chip.
    Found,
    /// To the pair's memory clock.
    Lock,
}

fn lock(api: &mut impl NvmlApi, domain: Domain, state: &mut State, clock: Mhz) -> Result<(), NvmlStatus> {
    if *state == State::Ours(clock) {
        return Ok(());
    }
    let result = api.lock_clock(domain, ClockRange { min_mhz: clock.0, max_mhz: clock.0 });
    match result {
        Ok(()) => *state = State::Ours(clock),
        // Refused: nothing changed.
        Err(status) if matches!(status.fault(), Fault::NoPermission | Fault::NotSupported) => {}
        Err(_) => *state = State::Unsure,
    }
    result
}

/// Removes whatever lock is in force, in both domains; one that fails does not keep the other. A GPU whose memory
/// clock cannot be locked (before Ampere) has nothing to remove there, which is no failure.
///
/// # Errors
/// The failure of each domain, memory first; empty if none failed.
pub fn reset_locks(api: &mut impl NvmlApi, gpu: &str) -> Vec<BackendError> {
    let memory = match api.reset_clock(Domain::Memory) {
        Err(status) if status.fault() == Fault::NotSupported => None,
        result => result.err().map(|status| status.setting(gpu, "resetting the memory clock")),
    };
    let sm = api.reset_clock(Domain::Sm).err().map(|status| status.setting(gpu, "resetting the SM clock"));
    memory.into_iter().chain(sm).collect()
}

#[cfg(test)]
mod tests;
