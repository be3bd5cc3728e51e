//! What ends a command early, and the exit code of each: the one place that knows the codes.

use core::error::Error;
use std::io;

use gpoeo_core::{BackendError, Fault};
use gpoeo_nvml::{LoadError, NvmlStatus, SelectError};

/// Why a command ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("the GPUs cannot be listed; {}", .0.fix())]
    Listing(#[source] NvmlStatus),
    #[error("the driver works but there is no GPU; check with nvidia-smi -L that this machine or container has one")]
    NoGpu,
    #[error("writing the output failed; check where it goes")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error("GPU {index} cannot be opened; {}", .status.fix())]
    Unreachable {
        index: u32,
        #[source]
        status: NvmlStatus,
    },
}

impl CliError {
    /// The exit code, as `design.md` promises them to scripts.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Select(_) => 2,
            Self::Backend(error) => code_of(error.fault),
            // Nothing of the GPU was in use yet that could have been lost.
            Self::Load(LoadError::Refused { source: status, .. }) | Self::Listing(status)
                if status.fault() == Fault::NoPermission =>
            {
                3
            }
            Self::Load(_) | Self::Listing(_) | Self::NoGpu => 4,
            Self::Unreachable { status, .. } => code_of(status.fault()),
        }
    }

    /// The error and its causes, on one line.
    pub(crate) fn line(&self) -> String {
        let causes = core::iter::successors(self.source(), |&error| error.source());
        let line = causes.map(ToString::to_string).fold(self.to_string(), |line, cause| {
            // Some libraries repeat their source in their own message.
            if line.contains(&cause) { line } else { format!("{line} ({cause})") }
        });
        line.replace('\n', " ")
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The exit code of a device's failure.
pub(crate) fn code_of(fault: Fault) -> u8 {
    match fault {
        Fault::GpuLost => 5,
        Fault::NoPermission => 3,
        // A passing failure at the start leaves nothing to work with either.
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(fault: Fault) -> CliError {
        BackendError::new(fault, "0", "reading power", "mend it").into()
    }

    fn refused(code: u32) -> CliError {
        LoadError::Refused { name: "libnvidia-ml.so.1".into(), source: NvmlStatus(code) }.into()
    }

    #[test]
    fn each_kind_of_error_has_the_code_of_the_contract() {
        let unknown = SelectError::Unknown { id: "9".into(), known: "0".into() };
        let cases = [
            (CliError::Select(unknown), 2),
            (backend(Fault::NoPermission), 3),
            (backend(Fault::NotSupported), 4),
            (backend(Fault::Transient), 4),
            (backend(Fault::GpuLost), 5),
            (refused(4), 3),
            (refused(9), 4),
            (refused(18), 4),
            (CliError::Listing(NvmlStatus(4)), 3),
            (CliError::Listing(NvmlStatus(999)), 4),
            (CliError::NoGpu, 4),
            (CliError::Unreachable { index: 0, status: NvmlStatus(15) }, 5),
            (CliError::Unreachable { index: 0, status: NvmlStatus(4) }, 3),
        ];
        for (error, code) in cases {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }

    #[test]
    fn the_line_names_the_cause_once() {
        assert_eq!(
            refused(18).line(),
            "the NVML library libnvidia-ml.so.1 does not start; reboot, or reload the driver, to finish its upgrade \
             (NVML error 18 (driver and library versions differ))"
        );
    }
}
