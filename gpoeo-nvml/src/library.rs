//! The driver's NVML library, loaded at run time, and its GPUs.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nvml_wrapper::enum_wrappers::device::{Clock, Sampling};
use nvml_wrapper::enums::device::{GpuLockedClocksSetting, SampleValue};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id::NVML_FI_DEV_POWER_INSTANT;
use nvml_wrapper::{Device, Nvml};

use crate::api::{ClockRange, Domain, NvmlApi, PowerLimits, PowerSample, Utilization};
use crate::error::NvmlStatus;
use crate::select::GpuIdentity;

/// Where drivers put the library: the loader's search path, then Debian's alternative and WSL's own folder.
const NAMES: [&str; 3] = [
    "libnvidia-ml.so.1",
    "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1",
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
];

/// Why the NVML library could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no such library.
    #[error(
        "no NVIDIA driver found: {name} cannot be loaded; install the driver, or name its NVML library with \
         --nvml-lib PATH"
    )]
    Missing {
        /// The library asked for.
        name: String,
        /// What the loader says.
        source: NvmlError,
    },
    /// The file is another library.
    #[error("{name} is not an NVML library; name libnvidia-ml.so.1 of the driver")]
    NotNvml {
        /// The library asked for.
        name: String,
        /// What is missing in it.
        source: NvmlError,
    },
    /// The library does not start.
    #[error("the NVML library {name} does not start; {}", source.fix())]
    Refused {
        /// The library asked for.
        name: String,
        /// NVML's code.
        source: NvmlStatus,
    },
}

/// A started NVML library. Clones and [`Gpu`]s share it; the last one to go shuts it down.
#[derive(Clone, Debug)]
pub struct Library {
    nvml: Arc<Nvml>,
}

/// A GPU in the list of the library: who it is, or why it cannot be asked.
pub type Listed = Result<GpuIdentity, (u32, NvmlStatus)>;

impl Library {
    /// Loads and starts the library at `path`, or the driver's own.
    ///
    /// # Errors
    /// [`LoadError`], by what is wrong with it.
    pub fn load(path: Option<&Path>) -> Result<Self, LoadError> {
        if let Some(path) = path {
            return load(path.as_os_str()).map_err(|error| explain(error, &path.display().to_string()));
        }
        let (first, others) = (NAMES[0], &NAMES[1..]);
        match load(OsStr::new(first)) {
            Err(error @ NvmlError::LibloadingError(_)) => {
                others.iter().find_map(|name| load(OsStr::new(name)).ok()).ok_or_else(|| explain(error, first))
            }
            result => result.map_err(|error| explain(error, first)),
        }
    }

    /// The driver's version, if it tells.
    #[must_use]
    pub fn driver_version(&self) -> Option<String> {
        self.nvml.sys_driver_version().ok()
    }

    /// NVML's version, if it tells.
    #[must_use]
    pub fn nvml_version(&self) -> Option<String> {
        self.nvml.sys_nvml_version().ok()
    }

    /// All GPUs, by index. One that is lost or may not be opened does not hide the others.
    ///
    /// # Errors
    /// NVML's code if it cannot even count them.
    pub fn list(&self) -> Result<Vec<Listed>, NvmlStatus> {
        let count = self.nvml.device_count().map_err(status)?;
        Ok((0..count).map(|index| self.identify(index).map_err(|error| (index, status(error)))).collect())
    }

    /// The GPU of this UUID. It is looked up at each call, so nothing fails here.
    #[must_use]
    pub fn gpu(&self, uuid: impl Into<String>) -> Gpu {
        Gpu { nvml: Arc::clone(&self.nvml), uuid: uuid.into(), calls: Arc::default() }
    }

    fn identify(&self, index: u32) -> Result<GpuIdentity, NvmlError> {
        let device = self.nvml.device_by_index(index)?;
        let pci_bus_id = device.pci_info().ok().map(|pci| pci.bus_id);
        Ok(GpuIdentity { index, uuid: device.uuid()?, name: device.name().ok(), pci_bus_id })
    }
}

fn load(path: &OsStr) -> Result<Library, NvmlError> {
    Nvml::builder().lib_path(path).init().map(|nvml| Library { nvml: Arc::new(nvml) })
}

fn explain(error: NvmlError, name: &str) -> LoadError {
    let name = name.to_owned();
    match error {
        NvmlError::LibloadingError(_) => LoadError::Missing { name, source: error },
        NvmlError::FailedToLoadSymbol(_) => LoadError::NotNvml { name, source: error },
        error => LoadError::Refused { name, source: status(error) },
    }
}

/// One GPU of a [`Library`], by UUID.
///
/// The handle is looked up anew at each call (a search in NVML's own list): an index or a handle kept from earlier
/// may mean another GPU, or none, after a reset.
#[derive(Clone, Debug)]
pub struct Gpu {
    nvml: Arc<Nvml>,
    uuid: String,
    calls: Arc<AtomicU64>,
}

impl Gpu {
    /// Calls of library functions so far, lookups included, by this value and its clones.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn call<T>(&self, call: impl FnOnce(&mut Device<'_>) -> Result<T, NvmlError>) -> Result<T, NvmlStatus> {
        // The lookup and the call itself.
        self.calls.fetch_add(2, Ordering::Relaxed);
        let mut device = self.nvml.device_by_uuid(self.uuid.as_str()).map_err(|error| match error {
            // The UUID was in the list once.
            NvmlError::NotFound => NvmlStatus::GPU_IS_LOST,
            error => status(error),
        })?;
        call(&mut device).map_err(status)
    }
}

impl NvmlApi for Gpu {
    fn power_samples(&mut self, newer_than_us: u64) -> Result<Vec<PowerSample>, NvmlStatus> {
        // The wrapper asks for the size first.
        self.calls.fetch_add(1, Ordering::Relaxed);
        let samples = self.call(|device| device.samples(Sampling::Power, newer_than_us))?;
        let convert = |sample: nvml_wrapper::struct_wrappers::device::Sample| PowerSample {
            time_us: sample.timestamp,
            power_w: number(&sample.value) / 1000.0,
        };
        Ok(samples.into_iter().map(convert).collect())
    }

    fn instant_power_w(&mut self) -> Result<f64, NvmlStatus> {
        let values = self.call(|device| device.field_values_for(&[FieldId(NVML_FI_DEV_POWER_INSTANT)]))?;
        // The call succeeds even when the field does not: its own code counts.
        let value = values.into_iter().next().ok_or(NvmlStatus::NO_DATA)?.and_then(|sample| sample.value);
        value.map(|value| number(&value) / 1000.0).map_err(status)
    }

    fn power_usage_w(&mut self) -> Result<f64, NvmlStatus> {
        self.call(|device| device.power_usage()).map(watts)
    }

    fn energy_j(&mut self) -> Result<f64, NvmlStatus> {
        self.call(|device| device.total_energy_consumption()).map(|energy_mj| energy_mj as f64 / 1000.0)
    }

    fn utilization(&mut self) -> Result<Utilization, NvmlStatus> {
        let rates = self.call(|device| device.utilization_rates())?;
        Ok(Utilization { sm_pct: rates.gpu, memory_pct: rates.memory })
    }

    fn clock_mhz(&mut self, domain: Domain) -> Result<u32, NvmlStatus> {
        self.call(|device| device.clock_info(if domain == Domain::Sm { Clock::SM } else { Clock::Memory }))
    }

    fn memory_clocks_mhz(&mut self) -> Result<Vec<u32>, NvmlStatus> {
        self.call(|device| device.supported_memory_clocks())
    }

    fn sm_clocks_mhz(&mut self, memory_mhz: u32) -> Result<Vec<u32>, NvmlStatus> {
        self.call(|device| device.supported_graphics_clocks(memory_mhz))
    }

    fn lock_clock(&mut self, domain: Domain, range: ClockRange) -> Result<(), NvmlStatus> {
        let ClockRange { min_mhz: min_clock_mhz, max_mhz: max_clock_mhz } = range;
        self.call(|device| match domain {
            Domain::Memory => device.set_mem_locked_clocks(min_clock_mhz, max_clock_mhz),
            Domain::Sm => {
                device.set_gpu_locked_clocks(GpuLockedClocksSetting::Numeric { min_clock_mhz, max_clock_mhz })
            }
        })
    }

    fn reset_clock(&mut self, domain: Domain) -> Result<(), NvmlStatus> {
        self.call(|device| match domain {
            Domain::Memory => device.reset_mem_locked_clocks(),
            Domain::Sm => device.reset_gpu_locked_clocks(),
        })
    }

    fn compute_capability(&mut self) -> Result<(i32, i32), NvmlStatus> {
        self.call(|device| device.cuda_compute_capability()).map(|capability| (capability.major, capability.minor))
    }

    fn is_mig_enabled(&mut self) -> Result<bool, NvmlStatus> {
        self.call(|device| device.mig_mode()).map(|mode| mode.current != 0)
    }

    fn is_persistent(&mut self) -> Result<bool, NvmlStatus> {
        self.call(|device| device.is_in_persistent_mode())
    }

    fn power_limits(&mut self) -> Result<PowerLimits, NvmlStatus> {
        let enforced_w = self.call(|device| device.enforced_power_limit()).ok().map(watts);
        let (set, default, range) = self.call(|device| {
            let range = device.power_management_limit_constraints()?;
            Ok((device.power_management_limit()?, device.power_management_limit_default()?, range))
        })?;
        Ok(PowerLimits {
            enforced_w,
            set_w: watts(set),
            default_w: watts(default),
            min_w: watts(range.min_limit),
            max_w: watts(range.max_limit),
        })
    }
}

fn watts(power_mw: u32) -> f64 {
    f64::from(power_mw) / 1000.0
}

fn number(value: &SampleValue) -> f64 {
    match *value {
        SampleValue::F64(value) => value,
        SampleValue::I64(value) => value as f64,
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
    }
}

/// NVML's code of an error of the wrapper; what the wrapper itself could not make sense of is unknown.
fn status(error: NvmlError) -> NvmlStatus {
    match error {
        NvmlError::FailedToLoadSymbol(_) => NvmlStatus::FUNCTION_NOT_FOUND,
        error => NvmlStatus(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_that_an_older_library_lacks_is_a_function_not_found() {
        assert_eq!(status(NvmlError::FailedToLoadSymbol(String::new())), NvmlStatus::FUNCTION_NOT_FOUND);
    }

    #[test]
    fn every_code_survives_the_wrapper() {
        for code in (1..=29).chain([77, 999]) {
            assert_eq!(status(NvmlError::from(code)), NvmlStatus(code));
        }
    }

    #[test]
    fn a_missing_library_says_how_to_mend_it() {
        let error = Library::load(Some(Path::new("/nonexistent/libnvidia-ml.so.1"))).unwrap_err();
        assert!(matches!(error, LoadError::Missing { .. }));
        assert!(error.to_string().contains("--nvml-lib PATH"), "{error}");
    }
}
