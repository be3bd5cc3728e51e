//! What a GPU can do: its clock pairs, its counters, the lag of its sensors.

use core::fmt;
use core::time::Duration;

use crate::units::{MemGear, Mhz, SmGear};

/// Most clocks of one domain that [`Capabilities`] takes; NVML lists at most about 250.
const MAX_CLOCKS: usize = 4096;

/// One memory clock together with one SM clock that the GPU supports with it.
///
/// Only [`Capabilities`] makes one, so an unsupported pair cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ClockPair {
    mem_gear: MemGear,
    sm_gear: SmGear,
    mem: Mhz,
    sm: Mhz,
}

impl ClockPair {
    /// Index of the memory clock among the GPU's memory clocks, ascending.
    #[must_use]
    pub const fn mem_gear(self) -> MemGear {
        self.mem_gear
    }

    /// Index of the SM clock among the SM clocks of this memory clock, ascending.
    #[must_use]
    pub const fn sm_gear(self) -> SmGear {
        self.sm_gear
    }

    /// Memory clock.
    #[must_use]
    pub const fn mem(self) -> Mhz {
        self.mem
    }

    /// SM clock.
    #[must_use]
    pub const fn sm(self) -> Mhz {
        self.sm
    }
}

impl fmt::Display for ClockPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SM {}, memory {}", self.sm, self.mem)
    }
}

/// Why a list of clocks is no [`Capabilities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilitiesError {
    /// The list of memory clocks is empty.
    #[error(
        "no memory clock given; list each memory clock with its SM clocks (the current one if the GPU cannot tell)"
    )]
    NoMemoryClock,
    /// A memory clock came without SM clocks.
    #[error("memory clock {mem} has no SM clock; leave the memory clock out or list its SM clocks")]
    NoSmClock {
        /// The memory clock.
        mem: Mhz,
    },
    /// More clocks than a GPU can have.
    #[error("{count} clocks given for one domain, at most {MAX_CLOCKS} are possible; check the list")]
    TooManyClocks {
        /// Number of clocks in the list.
        count: usize,
    },
    /// A clock of 0 MHz.
    #[error("a clock of 0 MHz was listed; leave it out")]
    ZeroClock,
}

#[derive(Clone, Debug, PartialEq)]
struct MemoryClock {
    mem: Mhz,
    sm: Vec<Mhz>,
}

/// What one GPU offers: clock pairs, counter passes, and how slow its sensors are.
///
/// ```
/// use gpoeo_core::{Capabilities, MemGear, Mhz, SmGear};
///
/// let caps = Capabilities::new([(Mhz(1593), vec![Mhz(1410), Mhz(1305), Mhz(1200)])])?;
/// let top = caps.default_pair();
/// assert_eq!((top.sm(), top.mem()), (Mhz(1410), Mhz(1593)));
/// assert_eq!(caps.pair(MemGear(0), SmGear(0)).map(|pair| pair.sm()), Some(Mhz(1200)));
/// # Ok::<(), gpoeo_core::CapabilitiesError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    memory: Vec<MemoryClock>,
    counter_passes: u8,
    read_only: bool,
    sample_interval: Duration,
    sensor_lag: Duration,
    settle_time: Duration,
    power_limit_w: Option<f64>,
    gpu_name: Option<Box<str>>,
    gpus: u16,
}

impl Capabilities {
    /// From memory clocks, each with the SM clocks that go with it, in any order; sorts and removes duplicates.
    ///
    /// # Errors
    /// [`CapabilitiesError`] if there is no clock, a clock of 0 MHz, or an absurd number of them.
    pub fn new(clocks: impl IntoIterator<Item = (Mhz, Vec<Mhz>)>) -> Result<Self, CapabilitiesError> {
        let mut memory: Vec<MemoryClock> = Vec::new();
        for (mem, sm) in clocks {
            if sm.is_empty() {
                return Err(CapabilitiesError::NoSmClock { mem });
            }
            match memory.iter_mut().find(|entry| entry.mem == mem) {
                Some(entry) => entry.sm.extend(sm),
                None => memory.push(MemoryClock { mem, sm }),
            }
        }
        if memory.is_empty() {
            return Err(CapabilitiesError::NoMemoryClock);
        }
        memory.sort_by_key(|entry| entry.mem);
        for entry in &mut memory {
            entry.sm.sort_unstable();
            entry.sm.dedup();
        }
        let longest = memory.iter().map(|entry| entry.sm.len()).chain([memory.len()]).max();
        if let Some(count) = longest.filter(|&count| count > MAX_CLOCKS) {
            return Err(CapabilitiesError::TooManyClocks { count });
        }
        if memory.iter().any(|entry| entry.mem == Mhz(0) || entry.sm.contains(&Mhz(0))) {
            return Err(CapabilitiesError::ZeroClock);
        }
        Ok(Self {
            memory,
            counter_passes: 0,
            read_only: false,
            sample_interval: Duration::ZERO,
            sensor_lag: Duration::from_millis(20),
            settle_time: Duration::from_millis(150),
            power_limit_w: None,
            gpu_name: None,
            gpus: 1,
        })
    }

    /// The GPU's counters can be read, in `passes` passes over the same work (0: they cannot).
    #[must_use]
    pub fn with_counters(mut self, passes: u8) -> Self {
        self.counter_passes = passes;
        self
    }

    /// Only observe: the core will never ask for a clock action.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The device gives a sample no more often than this (0, no bound, unless said otherwise).
    #[must_use]
    pub fn with_sample_interval(mut self, interval: Duration) -> Self {
        self.sample_interval = interval;
        self
    }

    /// Span of time that one power reading averages over, ending at its time stamp (20 ms unless said otherwise;
    /// one second for `nvmlDeviceGetPowerUsage` on many cards).
    #[must_use]
    pub fn with_sensor_lag(mut self, lag: Duration) -> Self {
        self.sensor_lag = lag;
        self
    }

    /// How long after an accepted clock command the new clock is certainly in force (150 ms unless said otherwise).
    #[must_use]
    pub fn with_settle_time(mut self, settle: Duration) -> Self {
        self.settle_time = settle;
        self
    }

    /// The board's power limit in force, W (unknown unless said otherwise, or if it is not above 0). Models take the power
    /// relative to it; nothing else depends on it.
    #[must_use]
    pub fn with_power_limit_w(mut self, limit_w: f64) -> Self {
        self.power_limit_w = Some(limit_w).filter(|limit_w| *limit_w > 0.0 && limit_w.is_finite());
        self
    }

    /// The device's name as its driver gives it (unknown unless said otherwise). A set of models is used only on the GPUs
    /// that it is for; where the name is unknown, whoever gave the set is believed.
    #[must_use]
    pub fn with_gpu_name(mut self, name: &str) -> Self {
        self.gpu_name = Some(name.into());
        self
    }

    /// So many GPUs are set as one, and their readings are sums.
    pub(crate) fn with_gpus(mut self, gpus: u16) -> Self {
        self.gpus = gpus;
        self
    }

    /// Number of GPUs whose readings are added up.
    pub(crate) const fn gpus(&self) -> u16 {
        self.gpus
    }

    /// The pair of these clocks, or `None` if the GPU has no such pair.
    #[must_use]
    pub fn pair_of(&self, mem: Mhz, sm: Mhz) -> Option<ClockPair> {
        let mem_gear = self.memory.binary_search_by_key(&mem, |entry| entry.mem).ok()?;
        let sm_gear = self.memory[mem_gear].sm.binary_search(&sm).ok()?;
        self.pair(MemGear(mem_gear as u16), SmGear(sm_gear as u16))
    }

    /// The pair of these gears, or `None` if the GPU has no such gear.
    #[must_use]
    pub fn pair(&self, mem_gear: MemGear, sm_gear: SmGear) -> Option<ClockPair> {
        let entry = self.memory.get(usize::from(mem_gear.0))?;
        let sm = *entry.sm.get(usize::from(sm_gear.0))?;
        Some(ClockPair { mem_gear, sm_gear, mem: entry.mem, sm })
    }

    /// All pairs, memory clock and then SM clock ascending.
    pub fn pairs(&self) -> impl Iterator<Item = ClockPair> + '_ {
        (0..self.memory.len() as u16).flat_map(|mem| self.pairs_at(MemGear(mem)))
    }

    /// The pairs of one memory clock, SM clock ascending; empty if there is no such gear.
    pub fn pairs_at(&self, mem_gear: MemGear) -> impl DoubleEndedIterator<Item = ClockPair> + '_ {
        let count = self.memory.get(usize::from(mem_gear.0)).map_or(0, |entry| entry.sm.len());
        (0..count as u16).filter_map(move |sm| self.pair(mem_gear, SmGear(sm)))
    }

    /// Whether `pair` is one of this GPU's.
    #[must_use]
    pub fn contains(&self, pair: ClockPair) -> bool {
        self.pair(pair.mem_gear, pair.sm_gear) == Some(pair)
    }

    /// The highest memory clock with its highest SM clock: what the driver asks for when nothing is locked.
    #[must_use]
    pub fn default_pair(&self) -> ClockPair {
        let mem_gear = MemGear(self.memory.len().saturating_sub(1) as u16);
        self.pairs_at(mem_gear).next_back().expect("`new` refuses a memory clock without SM clocks")
    }

    /// Number of memory clocks, at least 1.
    #[must_use]
    pub fn mem_gears(&self) -> u16 {
        self.memory.len() as u16
    }

    /// Number of counter passes; 0 if counters cannot be read.
    #[must_use]
    pub const fn counter_passes(&self) -> u8 {
        self.counter_passes
    }

    /// Whether the core must not ask for clock actions.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// See [`Capabilities::with_sample_interval`].
    #[must_use]
    pub const fn sample_interval(&self) -> Duration {
        self.sample_interval
    }

    /// See [`Capabilities::with_sensor_lag`].
    #[must_use]
    pub const fn sensor_lag(&self) -> Duration {
        self.sensor_lag
    }

    /// See [`Capabilities::with_power_limit_w`]; of a group, the sum.
    #[must_use]
    pub const fn power_limit_w(&self) -> Option<f64> {
        self.power_limit_w
    }

    /// See [`Capabilities::with_gpu_name`].
    #[must_use]
    pub fn gpu_name(&self) -> Option<&str> {
        self.gpu_name.as_deref()
    }

    /// See [`Capabilities::with_settle_time`].
    #[must_use]
    pub const fn settle_time(&self) -> Duration {
        self.settle_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repeats_of_the_list_do_not_matter() {
        let a = Capabilities::new([(Mhz(9501), vec![Mhz(300), Mhz(210)]), (Mhz(810), vec![Mhz(210)])]);
        let b = Capabilities::new([
            (Mhz(810), vec![Mhz(210), Mhz(210)]),
            (Mhz(9501), vec![Mhz(210)]),
            (Mhz(9501), vec![Mhz(300)]),
        ]);
        assert_eq!(a, b);
        let caps = a.unwrap();
        assert_eq!(caps.pairs().count(), 3);
        assert!(caps.pairs().all(|pair| caps.contains(pair)));
        assert!(caps.pairs().all(|pair| caps.pair_of(pair.mem(), pair.sm()) == Some(pair)));
        assert_eq!(caps.pair_of(Mhz(810), Mhz(300)), None);
    }

    #[test]
    fn refuses_lists_that_are_no_gpu() {
        assert_eq!(Capabilities::new([]), Err(CapabilitiesError::NoMemoryClock));
        assert_eq!(Capabilities::new([(Mhz(1), vec![])]), Err(CapabilitiesError::NoSmClock { mem: Mhz(1) }));
        assert_eq!(Capabilities::new([(Mhz(0), vec![Mhz(1)])]), Err(CapabilitiesError::ZeroClock));
        let many = (1..=5000).map(Mhz).collect();
        assert_eq!(Capabilities::new([(Mhz(1), many)]), Err(CapabilitiesError::TooManyClocks { count: 5000 }));
    }

    #[test]
    fn a_pair_of_another_gpu_is_not_contained() {
        let one = Capabilities::new([(Mhz(1000), vec![Mhz(500), Mhz(600)])]).unwrap();
        let other = Capabilities::new([(Mhz(1000), vec![Mhz(500), Mhz(610)])]).unwrap();
        assert!(!one.contains(other.default_pair()));
    }
}
