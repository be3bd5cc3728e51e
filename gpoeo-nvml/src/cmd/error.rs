//! What ends a command early, and the exit code of each: the one place that knows the codes.

use core::error::Error;
use std::io;
use std::path::PathBuf;

use gpoeo_core::{BackendError, ConfigError, DriverError, Fault, ModelSetError};
use gpoeo_nvml::{LoadError, NvmlStatus, SelectError};

/// Why a command ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("bad configuration")]
    Config(#[from] ConfigError),
    #[error("the GPU cannot be driven")]
    Driver(#[from] DriverError),
    #[error("the GPUs cannot be listed; {}", .0.fix())]
    Listing(#[source] NvmlStatus),
    #[error("GPU {gpu} was lost: {}", .failure.as_deref().unwrap_or("it does not answer any more"))]
    Lost { gpu: String, failure: Option<String> },
    #[error("the models in {} cannot be used", .folder.display())]
    Models { folder: PathBuf, source: ModelSetError },
    #[error("the driver works but there is no GPU; check with nvidia-smi -L that this machine or container has one")]
    NoGpu,
    #[error("writing the output failed; check where it goes")]
    Output(#[from] io::Error),
    #[error("gpoeo has a bug: a thread panicked, see above")]
    Panicked,
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error(
        "the GPUs of one job need one decision for all of them, which gpoeo cannot take yet; name one GPU, or leave \
         --allow-unwatched out to observe them"
    )]
    SeveralGpus,
    #[error("cannot start {command:?}; check its name and that it may be executed")]
    Start { command: String, source: io::Error },
    #[error("the operating system refused a thread, a signal handler or a wait; check the limits of this process")]
    System(#[source] io::Error),
    #[error("GPU {index} cannot be opened; {}", .status.fix())]
    Unreachable {
        index: u32,
        #[source]
        status: NvmlStatus,
    },
    #[error("say with -i which GPU the command uses; there are: {known}")]
    WhichGpu { known: String },
}

impl CliError {
    /// The exit code, as `design.md` promises them to scripts.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Models { .. } | Self::Output(_) | Self::Select(_) | Self::SeveralGpus => 2,
            Self::Start { .. } | Self::System(_) | Self::WhichGpu { .. } => 2,
            Self::Backend(error) | Self::Driver(DriverError::Backend(error)) => code_of(error.fault),
            Self::Lost { .. } => 5,
            // Nothing of the GPU was in use yet that could have been lost.
            Self::Load(LoadError::Refused { source: status, .. }) | Self::Listing(status)
                if status.fault() == Fault::NoPermission =>
            {
                3
            }
            Self::Driver(_) | Self::Load(_) | Self::Listing(_) | Self::NoGpu | Self::Panicked => 4,
            Self::Unreachable { status, .. } => code_of(status.fault()),
        }
    }

    /// The error and its causes, on one line.
    pub(crate) fn line(&self) -> String {
        line(self)
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// An error and its causes, on one line.
pub(crate) fn line(error: &(dyn Error + 'static)) -> String {
    let causes = core::iter::successors(error.source(), |&error| error.source());
    let line = causes.map(ToString::to_string).fold(error.to_string(), |line, cause| {
        // Some libraries repeat their source in their own message.
        if line.contains(&cause) { line } else { format!("{line} ({cause})") }
    });
    line.replace('\n', " ")
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
            (CliError::SeveralGpus, 2),
            (CliError::Lost { gpu: "0".into(), failure: None }, 5),
            (DriverError::Backend(BackendError::new(Fault::NoPermission, "0", "", "")).into(), 3),
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
