//! The subcommands, and what they share.

mod account;
pub(crate) mod devices;
mod error;
mod job;
mod procfs;
pub(crate) mod reset;
pub(crate) mod run;
mod session;
pub(crate) mod watch;

use core::fmt;
use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use gpoeo_nvml::{GpuIdentity, Library, NvmlStatus, select};

use error::CliError;

/// One line on stderr. That nobody reads it is no reason to end, least of all beside somebody's command.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "gpoeo: {line}");
}

/// Choice of GPUs, as `nvidia-smi` has it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GpuChoice {
    /// GPUs by index, UUID, unique start of a UUID or PCI bus id, comma separated
    #[arg(short = 'i', long = "id", value_name = "ID", value_delimiter = ',')]
    ids: Vec<String>,
}

/// A started library, its GPUs that answer, and those that do not.
pub(crate) struct Node {
    pub(crate) library: Library,
    pub(crate) gpus: Vec<GpuIdentity>,
    pub(crate) unreachable: Vec<(u32, NvmlStatus)>,
}

impl Node {
    /// Fails if there is no GPU at all.
    fn open(library: Option<&Path>) -> Result<Self, CliError> {
        let library = Library::load(library)?;
        let listed = library.list().map_err(CliError::Listing)?;
        let (mut gpus, mut unreachable) = (Vec::new(), Vec::new());
        for entry in listed {
            match entry {
                Ok(gpu) => gpus.push(gpu),
                Err(error) => unreachable.push(error),
            }
        }
        match (gpus.is_empty(), unreachable.first()) {
            (false, _) => Ok(Self { library, gpus, unreachable }),
            (true, Some(&(index, status))) => Err(CliError::Unreachable { index, status }),
            (true, None) => Err(CliError::NoGpu),
        }
    }

    /// The GPUs named, or all.
    fn choose(&self, choice: &GpuChoice) -> Result<Vec<GpuIdentity>, CliError> {
        if choice.ids.is_empty() {
            return Ok(self.gpus.clone());
        }
        Ok(select(&self.gpus, &choice.ids)?.into_iter().cloned().collect())
    }
}
