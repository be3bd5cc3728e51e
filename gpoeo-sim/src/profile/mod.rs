//! What a graphics card is, as data: clocks, voltage, power, limits, heat, idle states, sensors.
//!
//! One home for each constant, with its unit; where it comes from stands beside it in `cards.rs`. The laws that use
//! them are in the module `model`.

mod cards;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gpoeo_core::{Capabilities, Mhz};

use crate::counters::CounterPasses;
use crate::sensor::SensorConfig;

/// A graphics card.
///
/// ```
/// use gpoeo_sim::GpuProfile;
///
/// let card: &GpuProfile = "rtx3080ti".parse::<gpoeo_sim::Gpu>()?.profile();
/// assert_eq!(card.sm_clocks().len(), 124);
/// assert_eq!(card.limit_w.default, 350.0);
/// # Ok::<(), gpoeo_sim::UnknownGpu>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GpuProfile {
    /// The name on the command line and in results.
    pub key: &'static str,
    /// As NVML calls it.
    pub name: &'static str,
    /// The SM clocks that can be asked for.
    pub sm: SmClocks,
    /// The memory clocks, ascending.
    pub memory: Cow<'static, [MemoryClock]>,
    /// Highest memory clock that runs under CUDA (GeForce: P-state 2), MHz. Higher ones give the same point.
    pub compute_memory_mhz: u32,
    /// Core voltage over the SM clock.
    pub voltage: Voltage,
    /// Power by cause.
    pub power: PowerLaw,
    /// The board power limit.
    pub limit_w: PowerLimit,
    /// Work done in the same time as on the RTX 3080 Ti at its top clock by kernels that the SMs limit, ratio: SMs ×
    /// top clock. The memory's speed is in its bandwidth.
    pub compute_speed: f64,
    /// Share of the top SM clock below which the SMs can no longer keep the memory busy at its highest clock, 0..1.
    pub stream_corner: f64,
    /// Heat.
    pub thermal: Thermal,
    /// What the card does without work.
    pub idle: Idle,
    /// How the clock moves around where the driver holds it.
    pub wander: Wander,
    /// What low requests really give.
    pub low_gears: LowGears,
    /// How far the clock that runs is from the request at one gear in eight, ratio: up at some, down at others. 0 on all
    /// profiles; A40 boards have such gears, a step of 2 % in time at some.
    pub odd_gears: f64,
    /// The sensors.
    pub sensors: SensorConfig,
    /// How its counters can be read.
    pub counters: CounterPasses,
}

/// The SM clocks that can be asked for, evenly spaced.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SmClocks {
    /// Lowest, MHz.
    pub low_mhz: u32,
    /// Highest, MHz.
    pub high_mhz: u32,
    /// Distance between two, MHz; where it is not whole, clocks are rounded down, as the driver lists them.
    pub step_mhz: f64,
}

/// One memory clock.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MemoryClock {
    /// The clock, MHz.
    pub mhz: u32,
    /// What kernels can get out of it, GB/s.
    pub bandwidth_gb_s: f64,
    /// Power of the memory and its interface without any traffic, W.
    pub standby_w: f64,
    /// Highest SM clock that can be asked for beside it, MHz.
    pub highest_sm_mhz: u32,
}

/// Core voltage relative to its floor: flat up to a knee, then a line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Voltage {
    /// Where the floor ends, MHz.
    pub knee_mhz: f64,
    /// Rise above the knee, 1/MHz.
    pub slope_per_mhz: f64,
    /// Half width of the soft corner at the knee, MHz.
    pub corner_mhz: f64,
    /// Highest clock that the voltage limit allows, MHz: the clock that every higher request gives.
    pub highest_mhz: f64,
}

/// Power by cause. Voltages `v` are relative to the floor, `F` is the SM clock in GHz.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PowerLaw {
    /// Fans, converters and what else no clock changes, W.
    pub board_w: f64,
    /// Leakage at floor voltage and the temperature that the load brings about, W; grows with `v²`.
    pub leakage_w: f64,
    /// Clock tree with all SMs at work, W per GHz at floor voltage; grows with `v²`.
    pub clock_tree_w_per_ghz: f64,
    /// Share of the clock tree that runs while no kernel does, 0..1.
    pub clock_tree_idle: f64,
    /// SMs at full activity, W per GHz at floor voltage; grows with `v²`.
    pub sm_w_per_ghz: f64,
    /// Tensor cores at full activity, W per GHz at floor voltage; grows with `v²`.
    pub tensor_w_per_ghz: f64,
    /// Energy of a byte to or from DRAM in the memory and its interface, J.
    pub dram_j_per_byte: f64,
    /// Energy of a byte to or from DRAM on its way through the chip, J at floor voltage; grows with `v²`.
    pub path_j_per_byte: f64,
}

/// Range and default of the board power limit, W.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PowerLimit {
    /// Lowest that can be set.
    pub low: f64,
    /// In force unless another is set.
    pub default: f64,
    /// Highest that can be set.
    pub high: f64,
}

/// Heat: one thermal mass between the chip and the air.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Thermal {
    /// Air, °C.
    pub ambient_c: f64,
    /// Temperature above the air by power, K/W.
    pub resistance_k_per_w: f64,
    /// Time to come 63 % closer to the final temperature.
    pub time_constant: Duration,
    /// Change of the leakage by temperature, 1/K.
    pub leakage_per_k: f64,
}

/// What the card does without work.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Idle {
    /// Power in the idle state, W.
    pub power_w: f64,
    /// Time without work until the idle state begins.
    pub after: Duration,
    /// SM clock in the idle state, MHz.
    pub sm_mhz: u32,
    /// Memory clock in the idle state, MHz.
    pub memory_mhz: u32,
}

/// Movement of the clock while the driver chooses it (the request is above what voltage or power allow).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Wander {
    /// Time between two choices.
    pub step: Duration,
    /// Standard deviation of the clock, ratio.
    pub deviation: f64,
}

/// What low requests give.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LowGears {
    /// What was asked for.
    Reached,
    /// Stairs: below `below_mhz` the clock that runs is the lower end of a step; each is half as high as the next.
    Stairs {
        /// Where the stairs begin, MHz.
        below_mhz: f64,
    },
}

impl GpuProfile {
    /// The SM clocks, ascending.
    #[must_use]
    pub fn sm_clocks(&self) -> Vec<Mhz> {
        let steps = f64::from(self.sm.high_mhz - self.sm.low_mhz) / self.sm.step_mhz;
        let clock = |step: u32| Mhz((f64::from(self.sm.low_mhz) + f64::from(step) * self.sm.step_mhz) as u32);
        (0..=steps.round() as u32).map(clock).collect()
    }

    /// The clock pairs; nothing is said about counters and sensors.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let sm = self.sm_clocks();
        let clocks = self.memory.iter().map(|memory| {
            let sm = sm.iter().copied().filter(|clock| clock.0 <= memory.highest_sm_mhz).collect();
            (Mhz(memory.mhz), sm)
        });
        Capabilities::new(clocks).expect("a test makes the capabilities of every profile")
    }

    /// The memory clock that runs under CUDA when `asked` is asked for: index into [`GpuProfile::memory`].
    #[must_use]
    pub(crate) fn running_memory(&self, asked: Mhz) -> usize {
        let mhz = asked.0.min(self.compute_memory_mhz);
        self.memory.partition_point(|memory| memory.mhz < mhz).min(self.memory.len() - 1)
    }

    /// The memory clock at default clocks.
    pub(crate) fn default_memory(&self) -> &MemoryClock {
        &self.memory[self.running_memory(Mhz(self.compute_memory_mhz))]
    }

    /// The clock that runs when `asked` MHz (not above the voltage limit) is asked for.
    pub(crate) fn running_sm_mhz(&self, asked_mhz: f64) -> f64 {
        let gear = ((asked_mhz - f64::from(self.sm.low_mhz)) / self.sm.step_mhz).round() as i64;
        let asked_mhz = match gear.rem_euclid(16) {
            5 => asked_mhz * (1.0 - self.odd_gears),
            12 => asked_mhz * (1.0 + self.odd_gears),
            _ => asked_mhz,
        };
        match self.low_gears {
            LowGears::Stairs { below_mhz } if asked_mhz < below_mhz => {
                let mut step_mhz = below_mhz / 2.0;
                while asked_mhz < step_mhz {
                    step_mhz /= 2.0;
                }
                step_mhz
            }
            _ => asked_mhz,
        }
    }
}

impl Voltage {
    /// Voltage at a clock, relative to the floor.
    #[must_use]
    pub fn at(&self, sm_mhz: f64) -> f64 {
        let over = (sm_mhz - self.knee_mhz) / self.corner_mhz;
        // ln(1 + e^x), without overflow: the line with a soft corner.
        let soft = if over > 30.0 { over } else { over.exp().ln_1p() };
        1.0 + self.slope_per_mhz * self.corner_mhz * soft
    }
}

/// A card that there is a profile of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Gpu {
    /// NVIDIA A100-SXM4-80GB.
    A100,
    /// NVIDIA H100 80GB HBM3 (SXM).
    H100,
    /// NVIDIA GeForce RTX 3080 Ti.
    #[default]
    Rtx3080Ti,
    /// Tesla V100-SXM2-16GB.
    V100,
}

impl Gpu {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::Rtx3080Ti, Self::A100, Self::H100, Self::V100];

    /// Its data.
    #[must_use]
    pub const fn profile(self) -> &'static GpuProfile {
        match self {
            Self::A100 => &cards::A100,
            Self::H100 => &cards::H100,
            Self::Rtx3080Ti => &cards::RTX_3080_TI,
            Self::V100 => &cards::V100,
        }
    }

    /// The name on the command line.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.profile().key
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// A name that is no card with a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such profile; the profiles are rtx3080ti, a100, h100 and v100")]
#[non_exhaustive]
pub struct UnknownGpu;

impl FromStr for Gpu {
    type Err = UnknownGpu;

    fn from_str(key: &str) -> Result<Self, UnknownGpu> {
        Self::ALL.into_iter().find(|gpu| gpu.key() == key).ok_or(UnknownGpu)
    }
}

#[cfg(test)]
mod tests {
    use gpoeo_core::{MemGear, SmGear};

    use super::*;

    #[test]
    fn every_profile_is_a_gpu() {
        for gpu in Gpu::ALL {
            let card = gpu.profile();
            assert_eq!(gpu.key().parse(), Ok(gpu));
            assert!(UnknownGpu.to_string().contains(gpu.key()));
            let capabilities = card.capabilities();
            assert_eq!(capabilities.default_pair().sm().0, card.sm.high_mhz);
            assert!(card.memory.windows(2).all(|pair| pair[0].mhz < pair[1].mhz));
            assert!(card.memory.windows(2).all(|pair| pair[0].bandwidth_gb_s <= pair[1].bandwidth_gb_s));
            assert!(card.limit_w.low < card.limit_w.default && card.limit_w.default <= card.limit_w.high);
            assert!(card.voltage.highest_mhz <= f64::from(card.sm.high_mhz));
        }
        assert_eq!("rtx4090".parse::<Gpu>(), Err(UnknownGpu));
    }

    #[test]
    fn the_3080_ti_has_the_clocks_that_its_driver_lists() {
        let card = Gpu::Rtx3080Ti.profile();
        let clocks = card.sm_clocks();
        assert_eq!((clocks[0], clocks[1], clocks[123], clocks.len()), (Mhz(210), Mhz(225), Mhz(2055), 124));
        let capabilities = card.capabilities();
        assert_eq!(capabilities.pair(MemGear(0), SmGear(14)).map(|pair| pair.sm()), Some(Mhz(420)));
        assert_eq!(capabilities.pair(MemGear(0), SmGear(15)), None);
    }

    #[test]
    fn the_v100_has_clocks_of_seven_and_a_half_mhz() {
        let clocks = Gpu::V100.profile().sm_clocks();
        assert_eq!((clocks.len(), &clocks[..4]), (187, &[Mhz(135), Mhz(142), Mhz(150), Mhz(157)][..]));
        assert_eq!(clocks.last(), Some(&Mhz(1530)));
    }

    #[test]
    fn cuda_does_not_get_the_highest_memory_clock_of_a_geforce() {
        let card = Gpu::Rtx3080Ti.profile();
        assert_eq!(card.memory[card.running_memory(Mhz(9501))].mhz, 9251);
        assert_eq!(card.memory[card.running_memory(Mhz(5001))].mhz, 5001);
        assert_eq!(card.default_memory().bandwidth_gb_s, 870.0);
    }

    #[test]
    fn low_requests_of_a_v100_are_stairs() {
        let card = Gpu::V100.profile();
        let running: Vec<f64> = [135.0, 232.0, 247.0, 465.0, 487.0].map(|mhz| card.running_sm_mhz(mhz)).to_vec();
        assert_eq!(running, [120.0, 120.0, 240.0, 240.0, 487.0]);
    }

    #[test]
    fn voltage_is_flat_then_a_line() {
        let voltage = Gpu::Rtx3080Ti.profile().voltage;
        assert!(voltage.at(210.0) < 1.0 + 1e-9 && voltage.at(1400.0) < 1.001);
        assert!((voltage.at(1890.0) - 1.396).abs() < 0.001, "{}", voltage.at(1890.0));
        assert!((voltage.at(voltage.highest_mhz) - 1.44).abs() < 1e-9);
    }
}
