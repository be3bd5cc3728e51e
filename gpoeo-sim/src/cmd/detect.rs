//! `gpoeo-sim detect`: the online detection over recordings.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use gpoeo_core::{DetectorConfig, Outcome, PeriodDetector, Timestamp};
use gpoeo_sim::{Rhythm, Trace, Truth, Verdict};
use serde::Serialize;

use super::Failure;

/// Arguments of `detect`.
#[derive(Args, Debug)]
pub(crate) struct Detect {
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,

    /// Compare with the true iteration times in NAME.truth.csv beside each file
    #[arg(long)]
    score: bool,

    /// Recordings (CSV with the columns t_s and power_w)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
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
    #[serde(flatten)]
    score: Option<Score>,
}

/// What the truth file says about it.
#[derive(Debug, Serialize)]
struct Score {
    iteration_s: Option<f64>,
    counted: bool,
    verdict: Verdict,
}

impl Detect {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let mut findings = Vec::new();
        for file in &self.files {
            let mut finding = find(&Trace::read(file)?);
            if self.score {
                finding.score = Some(judge(&Truth::read(Truth::path_beside(file))?, &finding));
            }
            if self.json {
                let line = serde_json::to_string(&finding).map_err(std::io::Error::from)?;
                writeln!(out, "{line}")?;
            } else {
                findings.push(finding);
            }
        }
        if !self.json {
            print_table(&mut out, &findings)?;
        }
        Ok(())
    }
}

/// Feeds a recording to a fresh detector.
fn find(trace: &Trace) -> Finding {
    let mut detector = PeriodDetector::new(&DetectorConfig::default());
    let start = cpu_time::ProcessTime::now();
    for sample in trace.samples() {
        detector.push(sample.time, sample.power_w);
    }
    let cpu_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (outcome, period_s, confidence) = match detector.outcome() {
        Outcome::Periodic { period, confidence } => ("periodic", Some(period.as_secs_f64()), confidence),
        Outcome::Aperiodic => ("aperiodic", None, 0.0),
        _ => ("undecided", None, 0.0),
    };
    let seconds = |time: Option<Timestamp>| time.map(|time| rounded(time.as_secs_f64()));
    Finding {
        trace: trace.name().to_owned(),
        outcome,
        period_s: period_s.map(rounded),
        confidence: rounded(confidence),
        first_decided_s: seconds(detector.decided_at()),
        busy_from_s: seconds(detector.busy_since()),
        samples: trace.as_slice().len(),
        cpu_us,
        score: None,
    }
}

fn judge(truth: &Truth, finding: &Finding) -> Score {
    let rhythm = Rhythm::of(truth);
    Score {
        iteration_s: rhythm.iteration_s.map(rounded),
        counted: rhythm.is_counted(),
        verdict: rhythm.judge(finding.period_s),
    }
}

/// To the microsecond: what is beyond is noise that differs between machines.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() * 1e-6
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
    if has_score {
        let scores = || findings.iter().filter_map(|finding| finding.score.as_ref());
        let count = |counted: bool, verdict: Verdict| {
            scores().filter(|score| score.counted == counted && score.verdict == verdict).count()
        };
        let total = |counted: bool| scores().filter(|score| score.counted == counted).count();
        writeln!(out, "\ncounted: {} of {} right", count(true, Verdict::Right), total(true))?;
        writeln!(out, "too short to tell: {} of {} wrong", count(false, Verdict::Wrong), total(false))?;
    }
    Ok(())
}
