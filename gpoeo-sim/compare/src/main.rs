//! `gpoeo-compare`: every comparison of gpoeo with a peer, side by side in one run. What is compared, and how, stands in
//! the README beside this package.
//!
//! One part a file: each takes the options that concern it, runs, prints its table and returns its rows of the JSON
//! object.

mod detector;
mod peers;
mod recordings;
mod sweep;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Compare gpoeo with its peers, in one run on the same data
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Examples:\n  gpoeo-compare --json compare.json\n  \
                        gpoeo-compare --part detector --recordings my-recordings --synthetic 0"
)]
struct Arguments {
    /// Write the figures as one JSON object into this file (-: standard output, in the place of the tables)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Only this part; may be given several times
    #[arg(long, value_name = "PART", value_enum)]
    part: Vec<Part>,

    #[command(flatten)]
    recordings: recordings::Recordings,
}

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The period detection with the published ones and with what anybody would try first
    Detector,
    /// Inference of a single row with XGBoost's C library and other loaders of its models
    Row,
    /// The same of a row at all gears at once
    Sweep,
}

/// All that was measured; a part that did not run is not there.
#[derive(Debug, Default, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    detector: Option<Vec<detector::Row>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep: Option<Vec<sweep::Row>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<Vec<sweep::Row>>,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
enum CompareError {
    /// An output that cannot be written.
    #[error("cannot write the output: {0}; check the path and its permissions")]
    Output(#[from] io::Error),
    /// Peers that cannot be installed or run.
    #[error(transparent)]
    Peers(#[from] peers::PeersError),
    /// A recording that cannot be read.
    #[error(transparent)]
    Recording(#[from] recordings::RecordingsError),
}

impl Arguments {
    fn runs(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    /// Runs the parts one after the other, so that none slows down another.
    fn run(&self, text: &mut dyn Write) -> Result<Report, CompareError> {
        let mut report = Report::default();
        if self.runs(Part::Detector) {
            report.detector = Some(detector::compare(&self.recordings.read()?, text)?);
        }
        if self.runs(Part::Sweep) || self.runs(Part::Row) {
            let peers = peers::Peers::install(text)?;
            if self.runs(Part::Sweep) {
                report.sweep = Some(sweep::compare(sweep::Kind::Sweep, &peers, text)?);
            }
            if self.runs(Part::Row) {
                report.row = Some(sweep::compare(sweep::Kind::Row, &peers, text)?);
            }
        }
        Ok(report)
    }

    fn is_json_only(&self) -> bool {
        self.json.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }
}

fn main() -> ExitCode {
    match compare(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gpoeo-compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(arguments: &Arguments) -> Result<(), CompareError> {
    if arguments.is_json_only() {
        let report = arguments.run(&mut io::sink())?;
        return Ok(write_json(&report, io::stdout().lock())?);
    }
    let report = arguments.run(&mut io::stdout().lock())?;
    if let Some(path) = &arguments.json {
        write_json(&report, BufWriter::new(File::create(path)?))?;
    }
    Ok(())
}

fn write_json(report: &Report, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)?;
    out.flush()
}
