//! `gpoeo watch`: power, clocks and period as the core sees them, and what watching costs.

use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Instant, SystemTime};

use clap::Args;
use gpoeo_core::{Objective, Outcome, StopReason};
use gpoeo_nvml::{BackendOptions, Gpu, PowerSource, ReadCost};
use serde::Serialize;

use super::error::CliError;
use super::session::{Flow, GpuDriver, Log, Session, StopGuard, cpu_time, drive};
use super::{GpuChoice, Node};

/// Watch GPUs: power, clocks, and the period of the job on them; sets nothing
#[derive(Debug, Args)]
#[command(after_help = "Example: gpoeo watch -i 0 --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: GpuChoice,
    /// Seconds between two lines
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
    /// End after so many lines for each GPU
    #[arg(short = 'n', long, value_name = "COUNT")]
    lines: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// One line of output. Counts and means are over the time since the line before.
#[derive(Debug, Serialize)]
struct Line {
    schema: &'static str,
    /// Unix time of this line, s.
    time_unix_s: f64,
    index: u32,
    gpu: String,
    power_source: PowerSource,
    /// Mean.
    power_w: Option<f64>,
    energy_j: Option<f64>,
    sm_clock_mhz: Option<u32>,
    mem_clock_mhz: Option<u32>,
    sm_util: Option<f32>,
    mem_util: Option<f32>,
    outcome: &'static str,
    period_s: Option<f64>,
    confidence: Option<f64>,
    samples_per_s: f64,
    reads_per_s: f64,
    nvml_calls_per_s: f64,
    /// Time spent in one read, ms.
    read_ms: Option<f64>,
    dropped_samples: u64,
    failures: u64,
    failure: Option<String>,
    /// CPU time of this process over the time since the line before (all GPUs).
    cpu_share: f64,
    /// CPU time of this process since its start, s.
    cpu_s: f64,
}

pub(crate) fn run(arguments: &Arguments, library: Option<&Path>) -> Result<ExitCode, CliError> {
    let node = Node::open(library)?;
    let mut sessions = Vec::new();
    for identity in node.choose(&arguments.choice)? {
        sessions.push(Session::open(&node, identity, BackendOptions::default(), Objective::default(), None)?);
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (sender, lines) = mpsc::channel();
        let workers: Vec<_> = sessions
            .into_iter()
            .map(|session| {
                let sender = sender.clone();
                scope.spawn(|| watch(session, arguments, &stop, sender))
            })
            .collect();
        drop(sender);
        let guard = StopGuard { stop: &stop, workers: workers.iter().map(|worker| worker.thread().clone()).collect() };
        let mut out = io::stdout().lock();
        for line in lines {
            if arguments.json {
                serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
                writeln!(out)?;
            } else {
                print(&mut out, &line)?;
            }
            out.flush()?;
        }
        drop(guard);
        for worker in workers {
            worker.join().map_err(|_| CliError::Panicked)??;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn watch(session: Session, arguments: &Arguments, stop: &AtomicBool, lines: Sender<Line>) -> Result<(), CliError> {
    let Session { identity, driver, gpu } = session;
    let interval = Duration::from_secs_f64(arguments.interval);
    let mut before = Counts::now(&driver, &gpu);
    let mut count = 0;
    let mut log = Log::default();
    let report = drive(driver, stop, &mut log, |driver, log| {
        if before.moment.elapsed() < interval {
            return Flow::More;
        }
        let now = Counts::now(driver, &gpu);
        let line = line(driver, log, identity.index, &identity.uuid, &before, &now);
        before = now;
        count += 1;
        let is_last = lines.send(line).is_err() || arguments.lines.is_some_and(|lines| count >= lines);
        if is_last { Flow::Enough } else { Flow::More }
    })?;
    match report.stop_reason {
        Some(StopReason::GpuLost) => Err(CliError::Lost { gpu: identity.to_string(), failure: log.failure }),
        _ => Ok(()),
    }
}

/// What is counted from the start.
struct Counts {
    moment: Instant,
    read: ReadCost,
    calls: u64,
    cpu: Duration,
}

impl Counts {
    fn now(driver: &GpuDriver, gpu: &Gpu) -> Self {
        Self { moment: Instant::now(), read: driver.backend().read_cost(), calls: gpu.calls(), cpu: cpu_time() }
    }
}

fn line(driver: &GpuDriver, log: &mut Log, index: u32, uuid: &str, before: &Counts, now: &Counts) -> Line {
    let span_s = now.moment.duration_since(before.moment).as_secs_f64();
    let (samples, power_w) = log.take_samples();
    let reads = now.read.reads.saturating_sub(before.read.reads);
    let read_s = now.read.time.saturating_sub(before.read.time).as_secs_f64();
    let outcome = driver.report().outcome;
    let (name, period_s, confidence) = match outcome {
        Outcome::Periodic { period, confidence } => ("periodic", Some(period.as_secs_f64()), Some(confidence)),
        Outcome::Aperiodic => ("aperiodic", None, None),
        _ => ("undecided", None, None),
    };
    let newest = log.newest;
    let time_unix_s = SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64());
    Line {
        schema: "gpoeo.watch.v1",
        time_unix_s,
        index,
        gpu: uuid.to_owned(),
        power_source: driver.backend().telemetry().power,
        power_w,
        energy_j: newest.and_then(|sample| sample.energy_j),
        sm_clock_mhz: newest.and_then(|sample| sample.sm_clock).map(|clock| clock.0),
        mem_clock_mhz: newest.and_then(|sample| sample.mem_clock).map(|clock| clock.0),
        sm_util: newest.and_then(|sample| sample.sm_util),
        mem_util: newest.and_then(|sample| sample.mem_util),
        outcome: name,
        period_s,
        confidence,
        samples_per_s: samples as f64 / span_s,
        reads_per_s: reads as f64 / span_s,
        nvml_calls_per_s: now.calls.saturating_sub(before.calls) as f64 / span_s,
        read_ms: (reads > 0).then(|| read_s * 1e3 / reads as f64),
        dropped_samples: driver.backend().dropped_samples(),
        failures: log.failures,
        failure: log.failure.clone(),
        cpu_share: now.cpu.saturating_sub(before.cpu).as_secs_f64() / span_s,
        cpu_s: now.cpu.as_secs_f64(),
    }
}

fn print(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let power = or_dash(line.power_w.map(|power_w| format!("{power_w:.1} W")));
    let clock = |mhz: Option<u32>| or_dash(mhz.map(|mhz| mhz.to_string()));
    let period = match line.period_s {
        Some(period_s) => format!("{period_s:.4} s ({:.2})", line.confidence.unwrap_or(0.0)),
        None => line.outcome.to_owned(),
    };
    writeln!(
        out,
        "GPU {}  {power:>9}  SM {:>4} MHz  memory {:>5} MHz  period {period}",
        line.index,
        clock(line.sm_clock_mhz),
        clock(line.mem_clock_mhz),
    )?;
    if let Some(failure) = &line.failure {
        writeln!(out, "  {} failures, the last: {failure}", line.failures)?;
    }
    Ok(())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds, for example 0.5".to_owned())?;
    if (0.05..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("give 0.05 to 3600 seconds".to_owned()) }
}
