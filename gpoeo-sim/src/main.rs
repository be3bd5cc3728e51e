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
    /// Print what an XGBoost model makes of rows of features
    Predict(cmd::predict::Predict),
    /// Run one job with the optimizer on it, in virtual time, and say what it saved
    Run(cmd::run::Run),
    /// Write recordings of jobs that never ran, with their truth
    Synth(cmd::synth::Synth),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Calibrate(calibrate) => calibrate.run(),
        Command::Detect(detect) => detect.run(),
        Command::Evaluate(evaluate) => evaluate.run(),
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
