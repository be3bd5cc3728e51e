//! `gpoeo-sim detect`: the online detection over recordings.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use gpoeo_core::{Outcome, Timestamp};
use gpoeo_sim::report::{write_detection_html, write_detection_svg, write_detection_text};
use gpoeo_sim::{
    Accuracy, Detection, DetectionRecord, DetectionSignal, Family, Judged, RateTrace, Reliability, SyntheticRecording,
    Trace, Truth, Verdict,
};
use rayon::prelude::*;
use serde::Serialize;

use super::Failure;
use super::options::families;

/// Arguments of `detect`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  gpoeo-sim detect job.trace.csv\n  gpoeo-sim detect --score recordings/*.trace.csv\n  \
                        gpoeo-sim detect --synthetic 2000 --seed 7 --score"
)]
pub(crate) struct Detect {
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,

    /// Compare with the true iteration times: in NAME.truth.csv beside each file, or those of synthetic recordings
    #[arg(long)]
    score: bool,

    /// What to look at: the power of each FILE, or the rate of instructions in NAME.pm.csv beside it
    #[arg(long, value_name = "SIGNAL", value_enum, default_value_t = SignalOption::Power)]
    signal: SignalOption,

    /// Detect in N recordings that are made up, all families in turn, without writing files; with --score: the share right
    /// by family, and whether the confidence holds
    #[arg(long, value_name = "N", conflicts_with = "files")]
    synthetic: Option<usize>,

    /// Seed of the synthetic recordings; sets of different seeds share none
    #[arg(long, value_name = "K", default_value_t = 0, requires = "synthetic", allow_negative_numbers = true)]
    seed: u64,

    /// Only this family of synthetic recordings
    #[arg(long, value_name = "NAME", requires = "synthetic", value_parser = families())]
    family: Option<Family>,

    /// Write a page about the recordings: the signal, folded at the answer, autocorrelation and spectrum with the
    /// candidates, and the answer over time
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write the same as one picture a recording, NAME.svg in this folder; made if it is not there
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,

    /// Recordings (CSV with the columns t_s and power_w)
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SignalOption {
    Counters,
    Power,
}

/// What the detection made of one recording.
#[derive(Debug, Serialize)]
struct Finding {
    trace: String,
    outcome: &'static str,
    period_s: Option<f64>,
    confidence: f64,
    first_decided_s: Option<f64>,
    busy_from_s: Option<f64>,
    samples: usize,
    cpu_us: u64,
    signal: DetectionSignal,
    #[serde(flatten)]
    score: Option<Score>,
    #[serde(skip)]
    family: Option<Family>,
    #[serde(skip)]
    judged: Option<Judged>,
}

/// What the truth file says about it.
#[derive(Debug, Serialize)]
struct Score {
    iteration_s: Option<f64>,
    counted: bool,
    verdict: Verdict,
}

/// One recording's line, and what a page about it needs.
struct Seen {
    finding: Finding,
    record: Option<DetectionRecord>,
}

impl Detect {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if self.signal == SignalOption::Counters && self.synthetic.is_some() {
            let line = "synthetic recordings have no counters; leave out --signal counters, or name recordings";
            return Err(Failure { code: super::BAD_INPUT, line: line.to_owned() });
        }
        if self.files.is_empty() && self.synthetic.is_none() {
            let line = "name one recording or more (NAME.trace.csv with the columns t_s and power_w), or ask for made-up \
                        ones with --synthetic N; `gpoeo-sim synth FOLDER` writes such files";
            return Err(Failure { code: super::BAD_INPUT, line: line.to_owned() });
        }
        let mut out = std::io::stdout().lock();
        let mut all = Vec::new();
        match self.synthetic {
            Some(count) => all = self.find_in_synthetic(count),
            None => {
                for file in &self.files {
                    let seen = self.find_in(file)?;
                    // The first line is there before the last file is read.
                    if self.json {
                        print_json(&mut out, &seen.finding)?;
                    }
                    all.push(seen);
                }
            }
        }
        let (findings, records): (Vec<_>, Vec<_>) = all.into_iter().map(|seen| (seen.finding, seen.record)).unzip();
        if self.json {
            if self.synthetic.is_some() {
                findings.iter().try_for_each(|finding| print_json(&mut out, finding))?;
            }
        } else {
            if self.synthetic.is_none() || !self.score {
                print_table(&mut out, &findings)?;
            }
            if self.score {
                print_score(&mut out, &findings)?;
            }
        }
        let records: Vec<DetectionRecord> = records.into_iter().flatten().collect();
        if let Some(path) = &self.html {
            write_file(path, |out| write_detection_html(&records, out))?;
        }
        if let Some(folder) = &self.svg {
            std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
            for record in &records {
                write_file(&folder.join(format!("{}.svg", record.name)), |out| write_detection_svg(record, out))?;
            }
        }
        Ok(())
    }

    fn draws(&self) -> bool {
        self.html.is_some() || self.svg.is_some()
    }

    fn find_in(&self, file: &Path) -> Result<Seen, Failure> {
        let truth_path = Truth::path_beside(file);
        // A page shows the truth where there is one; a score needs it.
        let is_wanted = self.score || (self.draws() && truth_path.exists());
        let truth = if is_wanted { Some(Truth::read(truth_path)?) } else { None };
        let record = match self.signal {
            SignalOption::Counters => {
                let path = RateTrace::path_beside(file);
                if !path.exists() {
                    let line = format!(
                        "{}: there is no such file; --signal counters reads NAME.pm.csv beside NAME.trace.csv",
                        path.display()
                    );
                    return Err(Failure { code: super::BAD_INPUT, line });
                }
                DetectionRecord::of_rate(&RateTrace::read(path)?, truth)
            }
            SignalOption::Power => DetectionRecord::of_power(&Trace::read(file)?, truth),
        };
        Ok(self.seen(record, None))
    }

    fn find_in_synthetic(&self, count: usize) -> Vec<Seen> {
        let all: Vec<_> = SyntheticRecording::draw_some(count, self.seed, self.family).collect();
        all.into_par_iter()
            .map(|(family, seed)| {
                let recording = SyntheticRecording::draw(family, seed);
                let truth = (self.score || self.draws()).then_some(recording.truth);
                self.seen(DetectionRecord::of_power(&recording.trace, truth), Some(family))
            })
            .collect()
    }

    fn seen(&self, record: DetectionRecord, family: Option<Family>) -> Seen {
        let judged = if self.score { record.judged() } else { None };
        let finding = Finding { family, ..Finding::new(&record.name, &record.detection, judged) };
        Seen { finding, record: self.draws().then_some(record) }
    }
}

fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<(), Failure> {
    let write = || {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    write().map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure {
        code: super::BAD_INPUT,
        line: format!("{}: cannot write it: {error}; choose a place to write in", path.display()),
    }
}

impl Finding {
    fn new(name: &str, detection: &Detection, judged: Option<Judged>) -> Self {
        let (outcome, confidence) = match detection.outcome {
            Outcome::Periodic { confidence, .. } => ("periodic", confidence),
            Outcome::Aperiodic => ("aperiodic", 0.0),
            _ => ("undecided", 0.0),
        };
        let seconds = |time: Option<Timestamp>| time.map(|time| rounded(time.as_secs_f64()));
        Self {
            trace: name.to_owned(),
            outcome,
            period_s: detection.period_s().map(rounded),
            confidence: rounded(confidence),
            first_decided_s: seconds(detection.first_decided),
            busy_from_s: seconds(detection.busy_from),
            samples: detection.samples,
            cpu_us: u64::try_from(detection.cpu.as_micros()).unwrap_or(u64::MAX),
            signal: detection.signal,
            score: judged.map(|judged| Score {
                iteration_s: judged.rhythm.iteration_s.map(rounded),
                counted: judged.rhythm.is_counted(),
                verdict: judged.verdict,
            }),
            family: None,
            judged,
        }
    }
}

/// To the microsecond: what is beyond is noise that differs between machines.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() * 1e-6
}

fn print_json(out: &mut impl Write, finding: &Finding) -> Result<(), Failure> {
    let line = serde_json::to_string(finding).map_err(std::io::Error::from)?;
    Ok(writeln!(out, "{line}")?)
}

fn print_table(out: &mut impl Write, findings: &[Finding]) -> std::io::Result<()> {
    let width = findings.iter().map(|finding| finding.trace.len()).max().unwrap_or(0).max(9);
    let has_score = findings.iter().any(|finding| finding.score.is_some());
    let score_head = if has_score { "  iteration  verdict" } else { "" };
    writeln!(out, "{:width$}  outcome      period  sure  busy from   decided  us/sample{score_head}", "recording")?;
    let seconds =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |s| format!("{s:.digits$} s"));
    for finding in findings {
        write!(
            out,
            "{:width$}  {:9}  {:>9}  {:>4.2}  {:>9}  {:>8}  {:>9.2}",
            finding.trace,
            finding.outcome,
            seconds(finding.period_s, 4),
            finding.confidence,
            seconds(finding.busy_from_s, 2),
            seconds(finding.first_decided_s, 2),
            finding.cpu_us as f64 / finding.samples as f64,
        )?;
        match &finding.score {
            Some(score) => {
                let note = if score.counted { "" } else { " (not counted: too short to tell)" };
                let verdict = format!("{:?}", score.verdict).to_lowercase();
                writeln!(out, "  {:>9}  {verdict}{note}", seconds(score.iteration_s, 4))?;
            }
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// The sums: of synthetic recordings by family, of files all together.
fn print_score(out: &mut impl Write, findings: &[Finding]) -> std::io::Result<()> {
    let (mut accuracy, mut reliability) = (Accuracy::default(), Reliability::default());
    for (finding, judged) in findings.iter().filter_map(|finding| Some((finding, finding.judged.as_ref()?))) {
        accuracy.add(finding.family.map_or("all", Family::name), judged);
        reliability.add(judged);
    }
    write_detection_text(&accuracy, &reliability, out)
}
