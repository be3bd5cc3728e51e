//! `gpoeo-sim evaluate`: a suite under several policies.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gpoeo_sim::{EvaluateOptions, Policy, Suite, evaluate, report};
use indicatif::{ProgressBar, ProgressStyle};

use super::options::{ObjectiveOptions, minutes};
use super::{BAD_INPUT, Failure};

/// Arguments of `evaluate`.
#[derive(Args, Debug)]
pub(crate) struct Evaluate {
    /// A suite within the program (a100: measured sweeps; paper71: 71 modelled stand-ins), a folder with suite.csv, or a
    /// file of modelled jobs (TOML)
    #[arg(long, value_name = "NAME|DIR|FILE", default_value = "a100")]
    suite: String,

    /// Modelled jobs: the card to run them on (rtx3080ti, a100, h100, v100; the one that they are written for unless
    /// given); measured ones: only those measured on this GPU
    #[arg(long)]
    gpu: Option<String>,

    /// Policies to compare, separated by commas; all unless given
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    policy: Vec<Policy>,

    /// Virtual minutes of each run
    #[arg(long, value_name = "N", default_value = "20", value_parser = minutes)]
    minutes: Duration,

    /// Runs of each job under each policy, each with other noise
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,

    #[command(flatten)]
    objective: ObjectiveOptions,

    /// Write the results as JSON into this file; "-": to standard output, in the place of the tables
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Evaluate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let suite = Suite::find_on(&self.suite, self.gpu.as_deref())?;
        let mut options = EvaluateOptions::default();
        options.objective = self.objective.objective();
        options.length = self.minutes;
        options.seeds = self.seeds;
        options.gpu = self.gpu;
        if !self.policy.is_empty() {
            options.policies = self.policy;
        }
        // Before the work, so that a bad path is known at once.
        let to_stdout = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        let file = self.json.filter(|_| !to_stdout).map(create).transpose()?;

        let bar = ProgressBar::new(0).with_style(style());
        let evaluation = evaluate(&suite, &options, |total| {
            bar.set_length(total);
            bar.inc(1);
        })?;
        bar.finish_and_clear();

        let mut out = std::io::stdout().lock();
        if let Some(file) = file {
            let mut file = BufWriter::new(file);
            report::write_json(&evaluation, &mut file)?;
            file.flush()?;
        }
        if to_stdout {
            report::write_json(&evaluation, &mut out)?;
        } else {
            report::write_text(&evaluation, &mut out)?;
        }
        Ok(())
    }
}

fn create(path: PathBuf) -> Result<File, Failure> {
    File::create(&path).map_err(|error| Failure {
        code: BAD_INPUT,
        line: format!("{}: cannot write it: {error}; check the path and its permissions", path.display()),
    })
}

/// Drawn on standard error, and only where that is a terminal.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {elapsed} gone, {eta} to go")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
