//! `gpoeo reset`: removes clock locks, whoever left them.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use gpoeo_nvml::reset_locks;
use serde_json::json;

use super::error::{CliError, code_of};
use super::{GpuChoice, Node, say};

/// Remove the clock locks of all GPUs, or of those named
///
/// Locks outlive the process that set them. The clocks become the driver's default; power limits, persistence and
/// everything else stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "Example: gpoeo reset -i 0")]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: GpuChoice,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, library: Option<&Path>) -> Result<ExitCode, CliError> {
    let node = Node::open(library)?;
    let mut out = io::stdout().lock();
    let (mut entries, mut code) = (Vec::new(), 0);
    for identity in node.choose(&arguments.choice)? {
        let name = identity.to_string();
        let failed = match arguments.dry_run {
            true => Vec::new(),
            false => reset_locks(&mut node.library.gpu(&identity.uuid), &name),
        };
        for error in failed.iter().rev() {
            code = code_of(error.fault);
        }
        let errors: Vec<String> = failed.into_iter().map(|error| CliError::from(error).line()).collect();
        match (arguments.dry_run, errors.is_empty()) {
            _ if arguments.json => {}
            (true, _) => writeln!(out, "GPU {name}: would reset the locks of SM and memory clock")?,
            (false, true) => writeln!(out, "GPU {name}: SM and memory clock are at the driver's default")?,
            (false, false) => errors.iter().for_each(say),
        }
        let done = !arguments.dry_run && errors.is_empty();
        entries.push(json!({"index": identity.index, "uuid": identity.uuid, "reset": done, "errors": errors}));
    }
    if arguments.json {
        writeln!(out, "{}", json!({"schema": "gpoeo.reset.v1", "dry_run": arguments.dry_run, "gpus": entries}))?;
    }
    Ok(ExitCode::from(code))
}
