//! `gpoeo-sim run`: one job with the optimizer on it.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gpoeo_sim::report::{Paint, write_run_html, write_run_json, write_run_svg, write_run_text};
use gpoeo_sim::{EvaluateOptions, Gpu, Plan, Policy, Suite, Workload, nearest, record_run, workloads_on};

use super::live::{Live, Pace};
use super::options::{FaultOptions, ModelOptions, ObjectiveOptions, minutes, policies};
use super::output::Output;
use super::{BAD_INPUT, Failure};

/// Arguments of `run`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  gpoeo-sim run\n  gpoeo-sim run ppo --minutes 60 --html ppo.html\n  \
                        gpoeo-sim run path/to/suite/my_job --max-slowdown 0.02 --json -")]
pub(crate) struct Run {
    /// A job of a suite within the program (a100: measured sweeps; paper71: modelled stand-ins), or a suite (its name, its
    /// folder, or a TOML file of modelled jobs) and a job of it; the first job unless given
    #[arg(value_name = "WORKLOAD|SUITE/NAME")]
    job: Option<String>,

    /// Modelled jobs: the card to run them on (rtx3080ti, a100, h100, v100); measured ones: the GPU that they must have
    /// been measured on
    #[arg(long)]
    gpu: Option<String>,

    /// Virtual minutes from the begin of the job
    #[arg(long, value_name = "N", default_value = "20", value_parser = minutes, allow_negative_numbers = true)]
    minutes: Duration,

    /// Who controls the clocks
    #[arg(long, value_name = "P", default_value = "gpoeo", value_parser = policies())]
    policy: Policy,

    /// Seed of all noise; the run is that of seed K of `evaluate` on the same suite with the same options
    #[arg(long, value_name = "K", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,

    #[command(flatten)]
    objective: ObjectiveOptions,

    #[command(flatten)]
    models: ModelOptions,

    #[command(flatten)]
    faults: FaultOptions,

    /// Virtual seconds for each real second, or "max"; on a terminal a run takes some five real seconds unless given
    #[arg(long, value_name = "X|max", allow_negative_numbers = true)]
    pace: Option<Pace>,

    /// Write the account as JSON into this file; "-": to standard output, in the place of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write a page with charts into this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write the chart of power and clock over time into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Print nothing but the account
    #[arg(short, long)]
    quiet: bool,
}

impl Run {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (suite, name) = suite_and_name(self.job.as_deref(), self.gpu.as_deref())?;
        let workload = choose(&suite, name, self.gpu.as_deref())?;
        // Before the work, so that a bad path is known at once.
        let json_to_stdout = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        let json = self.json.filter(|_| !json_to_stdout).map(Output::claim).transpose()?;
        let html = self.html.map(Output::claim).transpose()?;
        let svg = self.svg.map(Output::claim).transpose()?;

        // The same run as that of `evaluate` with this seed.
        let mut options = EvaluateOptions::default();
        options.objective = self.objective.objective();
        options.length = self.minutes;
        options.gpu = self.gpu.clone();
        options.models = self.models.models()?;
        options.faults = self.faults.faults()?;
        let options = Plan::new(&suite, options)?.run_options(workload, self.seed);
        let mut live = Live::new(workload, options.length, self.quiet, self.pace);
        let record = record_run(self.policy, workload, &options, &mut live)?;
        let record = record.with_suite(suite.name()).with_seed(self.seed);
        live.finish();

        if let Some(output) = json {
            output.write(|file| write_run_json(&record, file))?;
        }
        if let Some(output) = html {
            output.write(|file| write_run_html(&record, file))?;
        }
        if let Some(output) = svg {
            output.write(|file| write_run_svg(&record, file))?;
        }
        let mut out = std::io::stdout().lock();
        if json_to_stdout {
            write_run_json(&record, &mut out)?;
        } else {
            write_run_text(&record, paint(), &mut out)?;
        }
        Ok(())
    }
}

/// The suite of `SUITE/NAME` or the built-in one that has the job, and the name.
fn suite_and_name<'a>(job: Option<&'a str>, gpu: Option<&str>) -> Result<(Suite, Option<&'a str>), Failure> {
    match job.map(|job| job.rsplit_once('/').ok_or(job)) {
        None if gpu.is_some_and(|gpu| gpu.parse::<Gpu>().is_ok()) => Ok((Suite::find_on("paper71", gpu)?, None)),
        None => Ok((Suite::built_in(), None)),
        Some(Err(name)) => {
            let measured = Suite::built_in();
            if measured.workload(name).is_some() {
                return Ok((measured, Some(name)));
            }
            let modelled = Suite::find_on("paper71", gpu.filter(|gpu| gpu.parse::<Gpu>().is_ok()))?;
            Ok((if modelled.workload(name).is_some() { modelled } else { measured }, Some(name)))
        }
        Some(Ok((suite, name))) => Ok((Suite::find_on(suite, gpu)?, Some(name))),
    }
}

fn choose<'a>(suite: &'a Suite, name: Option<&str>, gpu: Option<&str>) -> Result<&'a Workload, Failure> {
    let fitting = workloads_on(suite, gpu)?;
    let chosen = match name {
        None => fitting.first(),
        Some(name) => fitting.iter().find(|workload| workload.name() == name),
    };
    chosen.copied().ok_or_else(|| no_such_job(suite, name.unwrap_or_default(), gpu, &fitting))
}

fn no_such_job(suite: &Suite, name: &str, gpu: Option<&str>, fitting: &[&Workload]) -> Failure {
    /// So many names are listed.
    const SHOWN: usize = 16;
    let known: Vec<&str> = fitting.iter().map(|workload| workload.name()).collect();
    let more = known.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed = known.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let on_gpu = gpu.map(|gpu| format!(" measured on gpu {gpu}")).unwrap_or_default();
    // A bare name may have been meant to be of either suite.
    let (measured, modelled) = (Suite::built_in(), Suite::paper71());
    let others = [&measured, &modelled].into_iter().flat_map(Suite::workloads).map(Workload::name);
    let suggestion = nearest(name, known.iter().copied().chain(others));
    let suggestion = suggestion.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    let line = format!("suite {} has no job {name}{on_gpu}; it has {listed}{more}{suggestion}", suite.name());
    Failure { code: BAD_INPUT, line }
}

/// Colour on a terminal that can, unless <https://no-color.org> says no.
fn paint() -> Paint {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let can = std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    if can && !refused { Paint::Colour } else { Paint::Plain }
}
