//! The command `gpoeo`: arguments only; each subcommand is a module of `cmd`.
#![forbid(unsafe_code)]

mod cmd;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Saves the energy of GPU training jobs while they run.
///
/// Exit codes: 0 done, 2 usage or bad input, 3 no permission, 4 no GPU or not supported, 5 the GPU was lost; `run`
/// otherwise passes the command's own exit code on.
#[derive(Debug, Parser)]
#[command(name = "gpoeo", version, max_term_width = 100)]
struct Arguments {
    /// NVML library to load instead of the driver's (a simulator's, for example)
    #[arg(long, global = true, value_name = "PATH")]
    nvml_lib: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Devices(cmd::devices::Arguments),
    Reset(cmd::reset::Arguments),
    Run(cmd::run::Arguments),
    Watch(cmd::watch::Arguments),
}

fn main() -> ExitCode {
    let Arguments { nvml_lib, command } = Arguments::parse();
    let library = nvml_lib.as_deref();
    let result = match command {
        Command::Devices(arguments) => cmd::devices::run(&arguments, library),
        Command::Reset(arguments) => cmd::reset::run(&arguments, library),
        Command::Run(arguments) => cmd::run::run(&arguments, library),
        Command::Watch(arguments) => cmd::watch::run(&arguments, library),
    };
    match result {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            cmd::say(error.line());
            ExitCode::from(error.exit_code())
        }
    }
}
