//! What an NVML return code means to the core, and what a person can do about it.
//!
//! One table (`ROWS`), from NVML's header (codes 1-29 and 999) and from what public reports say each code stands for
//! in practice. The table only maps: whether to try again is the core's business.

use gpoeo_core::{BackendError, Fault};

/// The return code of an NVML call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NvmlStatus(pub u32);

struct Row {
    code: u32,
    name: &'static str,
    fault: Fault,
    fix: &'static str,
}

const fn row(code: u32, name: &'static str, fault: Fault, fix: &'static str) -> Row {
    Row { code, name, fault, fix }
}

const DRIVER: &str = "check with nvidia-smi that the driver works";
const OLD_DRIVER: &str = "this GPU or driver does not have it; a newer driver may";
const AGAIN: &str = "it may go away by itself; look into the kernel log (dmesg) if it stays";

const ROWS: &[Row] = &[
    row(1, "uninitialized", Fault::GpuLost, "open the NVML library again"),
    row(2, "invalid argument", Fault::NotSupported, "see gpoeo devices for what this GPU accepts"),
    row(3, "not supported", Fault::NotSupported, OLD_DRIVER),
    row(4, "no permission", Fault::NoPermission, "check who may open /dev/nvidiactl and /dev/nvidia*"),
    row(6, "not found", Fault::NotSupported, "see gpoeo devices for what this GPU has"),
    row(7, "insufficient size", Fault::Transient, AGAIN),
    row(8, "insufficient power", Fault::NotSupported, "attach the GPU's external power cables"),
    row(9, "driver not loaded", Fault::GpuLost, "load the NVIDIA driver (modprobe nvidia)"),
    row(10, "timeout", Fault::Transient, AGAIN),
    row(11, "interrupt issue", Fault::Transient, "look into the kernel log (dmesg) for the GPU's interrupt"),
    row(12, "library not found", Fault::NotSupported, "install the complete NVIDIA driver"),
    row(13, "function not found", Fault::NotSupported, OLD_DRIVER),
    row(14, "corrupted infoROM", Fault::NotSupported, "check the GPU with nvidia-smi -q"),
    row(
        15,
        "GPU is lost",
        Fault::GpuLost,
        "look for an Xid in the kernel log (dmesg); the GPU or the machine needs a reset",
    ),
    row(16, "reset required", Fault::GpuLost, "reset the GPU (nvidia-smi --gpu-reset) once no job uses it"),
    // A container runtime took the device's cgroup rule away; the GPU itself is alive, but out of our reach.
    row(17, "blocked by the operating system", Fault::GpuLost, "give the container access to the GPU again"),
    row(
        18,
        "driver and library versions differ",
        Fault::NotSupported,
        "reboot, or reload the driver, to finish its upgrade",
    ),
    row(19, "in use", Fault::Transient, AGAIN),
    row(20, "out of memory", Fault::Transient, AGAIN),
    row(21, "no data", Fault::Transient, AGAIN),
    row(22, "not available with ECC", Fault::NotSupported, OLD_DRIVER),
    row(23, "insufficient resources", Fault::Transient, AGAIN),
    row(24, "frequency not supported", Fault::NotSupported, "see gpoeo devices for the clocks of this GPU"),
    row(25, "argument version mismatch", Fault::NotSupported, OLD_DRIVER),
    row(26, "deprecated", Fault::NotSupported, OLD_DRIVER),
    row(27, "not ready", Fault::Transient, AGAIN),
    row(28, "GPU not found", Fault::GpuLost, DRIVER),
    row(29, "invalid state", Fault::Transient, AGAIN),
    row(
        999,
        "unknown error",
        Fault::Transient,
        "if it stays, the GPU was taken from this container or needs a reset (dmesg)",
    ),
];

const NO_ROW: Row = row(0, "an unknown code", Fault::Transient, AGAIN);

/// Locking and resetting clocks is checked against the capability, never against the user id
/// (`NV_IS_SUSER()` in NVIDIA's open kernel module).
const MAY_NOT_SET: &str = "clocks need CAP_SYS_ADMIN of the host: run as root (sudo), as a service with that one \
                           capability, or with --dry-run to only observe";

impl NvmlStatus {
    /// A name or value that is none of the GPU's; for samples: nothing newer.
    pub const NOT_FOUND: Self = Self(6);
    /// The GPU or driver cannot do it.
    pub const NOT_SUPPORTED: Self = Self(3);
    /// The library is older than the call.
    pub const FUNCTION_NOT_FOUND: Self = Self(13);
    /// Nothing to give yet.
    pub const NO_DATA: Self = Self(21);
    /// The GPU is gone.
    pub const GPU_IS_LOST: Self = Self(15);
    /// Anything else.
    pub const UNKNOWN: Self = Self(999);

    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.code == self.0).unwrap_or(&NO_ROW)
    }

    /// What the core must know of it.
    #[must_use]
    pub fn fault(self) -> Fault {
        self.row().fault
    }

    /// What a person can do about it.
    #[must_use]
    pub fn fix(self) -> &'static str {
        self.row().fix
    }

    /// Whether further calls make no sense: the GPU or the way to it is gone.
    pub(crate) fn is_loss(self) -> bool {
        self.fault() == Fault::GpuLost
    }

    /// The error of a reading.
    pub(crate) fn reading(self, gpu: &str, what: &'static str) -> BackendError {
        BackendError::new(self.fault(), gpu, what, self.fix()).with_source(self)
    }

    /// The error of a call that changes clocks: a refusal has another remedy than one of a reading.
    pub(crate) fn setting(self, gpu: &str, what: &'static str) -> BackendError {
        let fix = if self.fault() == Fault::NoPermission { MAY_NOT_SET } else { self.fix() };
        BackendError::new(self.fault(), gpu, what, fix).with_source(self)
    }
}

impl core::fmt::Display for NvmlStatus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NVML error {} ({})", self.0, self.row().name)
    }
}

impl core::error::Error for NvmlStatus {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_header_has_a_row_of_its_own() {
        for code in (1..=29).filter(|&code| code != 5).chain([999]) {
            assert_eq!(NvmlStatus(code).row().code, code);
        }
        let mut codes: Vec<u32> = ROWS.iter().map(|row| row.code).collect();
        codes.dedup();
        assert_eq!(codes.len(), ROWS.len());
    }

    #[test]
    fn each_code_becomes_the_fault_that_the_core_acts_on() {
        let of = |fault| -> Vec<u32> { ROWS.iter().filter(|row| row.fault == fault).map(|row| row.code).collect() };
        assert_eq!(of(Fault::NoPermission), [4]);
        assert_eq!(of(Fault::GpuLost), [1, 9, 15, 16, 17, 28]);
        assert_eq!(of(Fault::NotSupported), [2, 3, 6, 8, 12, 13, 14, 18, 22, 24, 25, 26]);
        assert_eq!(of(Fault::Transient), [7, 10, 11, 19, 20, 21, 23, 27, 29, 999]);
    }

    #[test]
    fn a_code_of_a_newer_driver_is_a_passing_failure_and_shows_its_number() {
        assert_eq!(NvmlStatus(77).fault(), Fault::Transient);
        assert_eq!(NvmlStatus(77).to_string(), "NVML error 77 (an unknown code)");
    }

    #[test]
    fn a_refused_set_names_the_capability_and_a_refused_reading_the_device_node() {
        let set = NvmlStatus(4).setting("0", "locking the SM clock");
        assert!(set.to_string().contains("CAP_SYS_ADMIN"), "{set}");
        let read = NvmlStatus(4).reading("0", "reading power");
        assert!(read.to_string().contains("/dev/nvidiactl"), "{read}");
    }
}
