//! What a GPU can do, as C lists it.

use std::time::Duration;

use gpoeo_core::{Capabilities, ClockPair, Mhz};

use crate::handle::{InSlice, Out, Plain};
use crate::panic::call_without_handle;
use crate::status::{Failure, gpoeo_status};
use crate::time::nanos;

/// Longest list that is read: a wild count must not become a wild read. The core takes up to 4096 different clocks.
const MOST_CLOCKS: usize = 65_536;

/// One memory clock with the SM clocks that the GPU supports with it, in any order. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_memory_clock {
    /// Memory clock, MHz.
    pub mem_mhz: u32,
    /// SM clocks, MHz.
    pub sm_mhz: *const u32,
    /// Number of them.
    pub sm_count: usize,
}

/// What a GPU offers. Get the defaults from gpoeo_capabilities_init(), then list the clocks.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_capabilities {
    /// Memory clocks, each with its SM clocks; at least one. A GPU that cannot tell has its current clocks only.
    pub memory: *const gpoeo_memory_clock,
    /// Number of them.
    pub memory_count: usize,
    /// Not 0: only observe. No clock action will be asked for.
    pub read_only: u32,
    /// Passes that it takes to read the counters, up to 255; 0: they cannot be read.
    pub counter_passes: u32,
    /// Span that one power reading averages over: 20 ms for the driver's ring of samples, 1 s for
    /// nvmlDeviceGetPowerUsage() on many cards.
    pub sensor_lag_ns: u64,
    /// How long after an accepted clock command the new clock is certainly in force; 150 ms by default.
    pub settle_time_ns: u64,
}

/// A memory clock with an SM clock, MHz. Both 0: no lock of ours, the clocks are as they were found.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct gpoeo_clocks {
    /// SM clock, MHz.
    pub sm_mhz: u32,
    /// Memory clock, MHz.
    pub mem_mhz: u32,
}

// SAFETY: integers and raw pointers only; a raw pointer may be anything.
unsafe impl Plain for gpoeo_memory_clock {
    const NAME: &'static str = "gpoeo_memory_clock";
}

// SAFETY: integers and raw pointers only; a raw pointer may be anything.
unsafe impl Plain for gpoeo_capabilities {
    const NAME: &'static str = "gpoeo_capabilities";
}

/// An element of a list of clocks.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Clock(u32);

// SAFETY: an integer.
unsafe impl Plain for Clock {
    const NAME: &'static str = "a list of SM clocks";
}

impl gpoeo_clocks {
    /// `None`: the found clocks.
    pub(crate) fn of(pair: Option<ClockPair>) -> Self {
        pair.map_or_else(Self::default, |pair| Self { sm_mhz: pair.sm().0, mem_mhz: pair.mem().0 })
    }
}

impl gpoeo_capabilities {
    /// Everything but the lists.
    fn defaults() -> Result<Self, Failure> {
        // The core has its defaults only together with clocks.
        let any = Capabilities::new([(Mhz(1), vec![Mhz(1)])])?;
        Ok(Self::of(&any, std::ptr::null(), 0))
    }

    /// What the core knows, with lists that the caller keeps alive.
    pub(crate) fn of(caps: &Capabilities, memory: *const gpoeo_memory_clock, memory_count: usize) -> Self {
        Self {
            memory,
            memory_count,
            read_only: u32::from(caps.is_read_only()),
            counter_passes: u32::from(caps.counter_passes()),
            sensor_lag_ns: nanos(caps.sensor_lag()),
            settle_time_ns: nanos(caps.settle_time()),
        }
    }

    /// # Safety
    /// The lists of the struct can be read as long as they say.
    pub(crate) unsafe fn check(&self) -> Result<Capabilities, Failure> {
        let passes = u8::try_from(self.counter_passes)
            .map_err(|_| Failure::invalid("counter_passes", self.counter_passes, "at most 255 are possible"))?;
        // SAFETY: the promise of this function.
        let memory = unsafe { list(self.memory, self.memory_count)? };
        let mut clocks = Vec::new();
        for entry in memory.iter() {
            // SAFETY: the promise of this function.
            let sm = unsafe { list(entry.sm_mhz.cast::<Clock>(), entry.sm_count)? };
            clocks.push((Mhz(entry.mem_mhz), sm.iter().map(|clock| Mhz(clock.0)).collect()));
        }
        let mut caps = Capabilities::new(clocks)?
            .with_counters(passes)
            .with_sensor_lag(Duration::from_nanos(self.sensor_lag_ns))
            .with_settle_time(Duration::from_nanos(self.settle_time_ns));
        if self.read_only != 0 {
            caps = caps.read_only();
        }
        Ok(caps)
    }
}

/// # Safety
/// As for [`InSlice::new`].
unsafe fn list<'a, T: Plain>(pointer: *const T, count: usize) -> Result<InSlice<'a, T>, Failure> {
    if count > MOST_CLOCKS {
        return Err(Failure::invalid("a count of clocks", count, "no GPU has that many"));
    }
    // SAFETY: the promise of this function.
    unsafe { InSlice::new(pointer, count, size_of::<T>()) }
}

/// Fills in the defaults: no clocks yet, clocks may be set, no counters, the driver's ring of samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_capabilities_init(
    capabilities: *mut gpoeo_capabilities,
    capabilities_size: usize,
) -> gpoeo_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(capabilities, capabilities_size) };
    call_without_handle(None, || {
        out?.write(gpoeo_capabilities::defaults()?);
        Ok(gpoeo_status::Ok)
    })
}
