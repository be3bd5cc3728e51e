//! `gpoeo-sim evaluate`: a suite under several policies.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gpoeo_sim::{EvaluateOptions, Plan, Policy, Suite, report};

use super::Failure;
use super::options::{ObjectiveOptions, minutes};
use super::output::Output;
use super::session::{Json, Session};

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
        let plan = Plan::new(&suite, options)?;
        // Before the work, so that a bad path is known at once.
        let json = match self.json {
            None => Json::None,
            Some(path) if path.as_os_str() == "-" => Json::Stdout,
            Some(path) => Json::File(Output::claim(path)?),
        };
        let is_on_stdout = matches!(json, Json::Stdout);
        let evaluation = Session::new(&plan, json).carry_out()?;
        if !is_on_stdout {
            report::write_text(&evaluation, std::io::stdout().lock())?;
        }
        Ok(())
    }
}
