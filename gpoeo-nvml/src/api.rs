//! The NVML calls in use, as a narrow trait: one method a call, one GPU an object.

use crate::error::NvmlStatus;

/// One of the two clock domains that can be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Memory clock.
    Memory,
    /// SM clock.
    Sm,
}

/// A power reading of the driver's ring buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerSample {
    /// The driver's own time stamp, µs since an epoch that NVML does not specify.
    pub time_us: u64,
    /// Board power, W.
    pub power_w: f64,
}

/// A range of clocks, both ends included, MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRange {
    /// Lowest clock.
    pub min_mhz: u32,
    /// Highest clock.
    pub max_mhz: u32,
}

/// Power limits of a board, W.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct PowerLimits {
    /// In force now (the lowest of all limiters), if it can be read.
    pub enforced_w: Option<f64>,
    /// As set.
    pub set_w: f64,
    /// The board's default.
    pub default_w: f64,
    /// Lowest that may be set.
    pub min_w: f64,
    /// Highest that may be set.
    pub max_w: f64,
}

/// Share of time in percent, as NVML gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utilization {
    /// With a kernel on the SMs.
    pub sm_pct: u32,
    /// With the memory controller busy.
    pub memory_pct: u32,
}

/// The NVML calls that [`NvmlBackend`](crate::NvmlBackend) makes, for one GPU.
///
/// Implemented by [`Gpu`](crate::Gpu) over the driver's library, and by whoever wants to stand in for it. No method
/// tries again or falls back to another call.
///
/// # Errors
/// Each method returns NVML's own code.
#[cfg_attr(test, mockall::automock)]
pub trait NvmlApi {
    /// `nvmlDeviceGetSamples(NVML_TOTAL_POWER_SAMPLES)`: the ring's samples with a later stamp than `newer_than_us`
    /// (0: all), in the driver's order.
    fn power_samples(&mut self, newer_than_us: u64) -> Result<Vec<PowerSample>, NvmlStatus>;

    /// Field 186 (`NVML_FI_DEV_POWER_INSTANT`), W.
    fn instant_power_w(&mut self) -> Result<f64, NvmlStatus>;

    /// `nvmlDeviceGetPowerUsage`, W: an average over one second on most cards since GA10x.
    fn power_usage_w(&mut self) -> Result<f64, NvmlStatus>;

    /// `nvmlDeviceGetTotalEnergyConsumption`, J since the driver was loaded.
    fn energy_j(&mut self) -> Result<f64, NvmlStatus>;

    /// `nvmlDeviceGetUtilizationRates`.
    fn utilization(&mut self) -> Result<Utilization, NvmlStatus>;

    /// `nvmlDeviceGetClockInfo`: the clock now, MHz.
    fn clock_mhz(&mut self, domain: Domain) -> Result<u32, NvmlStatus>;

    /// `nvmlDeviceGetSupportedMemoryClocks`, MHz.
    fn memory_clocks_mhz(&mut self) -> Result<Vec<u32>, NvmlStatus>;

    /// `nvmlDeviceGetSupportedGraphicsClocks` at a memory clock, MHz.
    fn sm_clocks_mhz(&mut self, memory_mhz: u32) -> Result<Vec<u32>, NvmlStatus>;

    /// `nvmlDeviceSetGpuLockedClocks` or `nvmlDeviceSetMemoryLockedClocks`.
    fn lock_clock(&mut self, domain: Domain, range: ClockRange) -> Result<(), NvmlStatus>;

    /// `nvmlDeviceResetGpuLockedClocks` or `nvmlDeviceResetMemoryLockedClocks`.
    fn reset_clock(&mut self, domain: Domain) -> Result<(), NvmlStatus>;

    /// `nvmlDeviceGetCudaComputeCapability`, for example (8, 6).
    fn compute_capability(&mut self) -> Result<(i32, i32), NvmlStatus>;

    /// `nvmlDeviceGetMigMode`: whether the GPU is cut into instances now.
    fn is_mig_enabled(&mut self) -> Result<bool, NvmlStatus>;

    /// `nvmlDeviceGetPersistenceMode`.
    fn is_persistent(&mut self) -> Result<bool, NvmlStatus>;

    /// `nvmlDeviceGetPowerManagementLimit` and its default, constraints and the enforced limit.
    fn power_limits(&mut self) -> Result<PowerLimits, NvmlStatus>;
}
