//! `gpoeo-sim evaluate`: a suite under several policies.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gpoeo_core::HoldPolicy;
use gpoeo_sim::{Ablation, EvaluateError, EvaluateOptions, Plan, Policy, Suite, report};

use super::Failure;
use super::options::{FaultOptions, ModelOptions, ObjectiveOptions, minutes, policies};
use super::output::Output;
use super::session::{Json, Session};

/// What the figures mean, and how they can be had.
const AFTER_HELP: &str = "\
Figures:
  saving, slowdown  over whole runs, without noise, against the same work at default clocks; the optimizer's own cost included
  over limit        runs whose slowdown is above --max-slowdown
  capture           sum of savings / sum of what the oracle would save, the best single setting known beforehand
  settled s         median time until the search was over
  in brackets       95 % confidence: how far it would move with other jobs of the kind (bootstrap over jobs)

Examples:
  gpoeo-sim evaluate
  gpoeo-sim evaluate --suite paper71 --policy gpoeo,power-limit,default,oracle --html report.html
  gpoeo-sim evaluate --suite paper71 --ablate
  gpoeo-sim evaluate --suite path/to/suite --seeds 5 --json results.json";

/// Arguments of `evaluate`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Evaluate {
    /// A suite within the program (a100: measured sweeps; paper71: 71 modelled stand-ins), a folder with suite.csv, or a
    /// file of modelled jobs (TOML)
    #[arg(long, value_name = "NAME|DIR|FILE", default_value = "a100")]
    suite: String,

    /// Modelled jobs: the card to run them on (rtx3080ti, a100, h100, v100; the one that they are written for unless
    /// given); measured ones: only those measured on this GPU
    #[arg(long)]
    gpu: Option<String>,

    /// Policies to compare, separated by commas; the page of --html is about gpoeo, or the first one
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = policies(), default_values_t = Policy::USUAL)]
    policy: Vec<Policy>,

    /// Virtual minutes of each run
    #[arg(long, value_name = "N", default_value = "20", value_parser = minutes, allow_negative_numbers = true)]
    minutes: Duration,

    /// Runs of each job under each policy, each with other noise
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000),
        allow_negative_numbers = true)]
    seeds: u64,

    #[command(flatten)]
    objective: ObjectiveOptions,

    #[command(flatten)]
    models: ModelOptions,

    #[command(flatten)]
    faults: FaultOptions,

    /// While holding: two settings in turns, or one
    #[arg(long, value_enum, default_value_t = Hold::Two)]
    hold: Hold,

    /// Show what each part of gpoeo is worth: its runs once more with each part left out
    #[arg(long, conflicts_with_all = ["policy", "json", "html"])]
    ablate: bool,

    /// Write the results as JSON into this file; "-": to standard output, in the place of the tables. With a file, Ctrl-C
    /// keeps what is done, and the same command goes on from there
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write a page with charts into this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Settings while holding.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hold {
    /// One setting: no clock changes but for another job
    One,
    /// Two settings that share the time
    Two,
}

/// Runs that the page shows over time.
const OPENED: usize = 3;

impl Evaluate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let suite = Suite::find_on(&self.suite, self.gpu.as_deref())?;
        let mut options = EvaluateOptions::default();
        options.objective = self.objective.objective();
        options.length = self.minutes;
        options.seeds = self.seeds;
        options.models = self.models.models()?;
        options.gpu = self.gpu;
        options.faults = self.faults.faults()?;
        options.policies = self.policy;
        let policy = match self.hold {
            Hold::One => HoldPolicy::One,
            Hold::Two => HoldPolicy::Two,
        };
        options.config = options.config.to_builder().hold_policy(policy).build().map_err(EvaluateError::from)?;
        if self.ablate {
            let ablation = Ablation::carry_out(&suite, &options, |_| {})?;
            report::write_ablation_text(&ablation, std::io::stdout().lock())?;
            return Ok(());
        }
        let plan = Plan::new(&suite, options)?;
        // Before the work, so that a bad path is known at once.
        let json = match self.json {
            None => Json::None,
            Some(path) if path.as_os_str() == "-" => Json::Stdout,
            Some(path) => Json::File(Output::claim(path)?),
        };
        let html = self.html.map(Output::claim).transpose()?;
        let is_on_stdout = matches!(json, Json::Stdout);
        Session::new(&plan, json).carry_out(|evaluation| {
            if !is_on_stdout {
                report::write_text(evaluation, std::io::stdout().lock())?;
            }
            if let Some(output) = &html {
                let opened = plan.open_worst(evaluation, OPENED)?;
                output.write(|file| report::write_evaluation_html(evaluation, &opened, file))?;
            }
            Ok(())
        })
    }
}
