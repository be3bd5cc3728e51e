//! The command `gpoeo-sim`.

mod cmd;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A simulated GPU in virtual time, and the tools around it.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the model of a card with what was measured on such cards
    Calibrate(cmd::calibrate::Calibrate),
    /// Find the training iteration in recorded telemetry, one sample at a time, as the optimizer does
    Detect(cmd::detect::Detect),
    /// Run a suite of jobs under several policies and compare what each saves
    Evaluate(cmd::evaluate::Evaluate),
    /// Print jobs to train models with: what a profile of each shows, and what it costs at each setting
    Pool(cmd::pool::Pool),
    /// Print what an XGBoost model makes of rows of features
    Predict(cmd::predict::Predict),
    /// Run one job with the optimizer on it, in virtual time, and say what it saved
    Run(cmd::run::Run),
    /// Write recordings of jobs that never ran, with their truth
    Synth(cmd::synth::Synth),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            eprintln!("gpoeo-sim: {}", cmd::usage::in_short(&error, std::env::args().nth(1).as_deref()));
            return ExitCode::from(cmd::BAD_INPUT);
        }
    };
    let result = match arguments.command {
        Command::Calibrate(calibrate) => calibrate.run(),
        Command::Detect(detect) => detect.run(),
        Command::Evaluate(evaluate) => evaluate.run(),
        Command::Pool(pool) => pool.run(),
        Command::Predict(predict) => predict.run(),
        Command::Run(run) => run.run(),
        Command::Synth(synth) => synth.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.line.is_empty() {
                eprintln!("gpoeo-sim: {}", failure.line);
            }
            ExitCode::from(failure.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_option_of_every_subcommand_is_in_its_part_of_the_docs() {
        const DOCS: &str = include_str!("../../docs/gpoeo-sim.md");
        for command in Arguments::command().get_subcommands() {
            let head = format!("`gpoeo-sim {}", command.get_name());
            let part = DOCS.split("\n## ").find(|part| part.starts_with(&head));
            let part = part.unwrap_or_else(|| panic!("docs/gpoeo-sim.md has no part {head}"));
            for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                let is_end = |rest: &str| !rest.starts_with(|next: char| next == '-' || next.is_alphanumeric());
                let option = format!("--{long}");
                let is_there = part.split(&option).skip(1).any(is_end);
                assert!(is_there, "docs/gpoeo-sim.md does not say what {option} of {} does", command.get_name());
            }
        }
    }
}
