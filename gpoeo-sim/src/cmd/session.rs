//! An evaluation that can be stopped: what is done is kept, and done once only.

use std::hash::{DefaultHasher, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gpoeo_sim::report::{read_saved, write_json};
use gpoeo_sim::{Evaluation, Plan, Run, Saved};
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Failure;
use super::output::Output;

/// Real time between two writings of what is done: no more than this is lost to a power cut.
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// Where the JSON document goes.
#[derive(Debug)]
pub(crate) enum Json {
    /// Into a file.
    File(Output),
    /// Nowhere.
    None,
    /// To standard output.
    Stdout,
}

/// Carries out a plan, keeps what is done in the JSON file, and takes from there what an earlier call has done.
pub(crate) struct Session<'a> {
    plan: &'a Plan<'a>,
    json: Json,
    /// Names the build of this program.
    program: String,
    bar: ProgressBar,
    done: Mutex<Done>,
}

struct Done {
    runs: Vec<Run>,
    kept: Instant,
    /// Whether the whole document was written.
    is_written: bool,
}

impl<'a> Session<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, json: Json) -> Self {
        let program = program();
        let found = match &json {
            Json::File(output) => found(output, plan, &program),
            Json::None | Json::Stdout => Vec::new(),
        };
        // Drawn on standard error, and only where that is a terminal.
        let bar = ProgressBar::new(plan.len() as u64).with_style(style()).with_position(found.len() as u64);
        bar.reset_eta();
        let done = Mutex::new(Done { runs: found, kept: Instant::now(), is_written: false });
        Self { plan, json, program, bar, done }
    }

    /// Does all runs that are not done yet, writes the document, and lets `finish` do the rest. A signal ends the program,
    /// with what is done written down.
    ///
    /// # Errors
    /// If a policy refuses the objective, signals cannot be listened to, or something cannot be written.
    pub(crate) fn carry_out(&self, finish: impl FnOnce(&Evaluation) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let listener = signals.handle();
        let found = self.lock().runs.clone();
        thread::scope(|scope| {
            scope.spawn(move || {
                if let Some(signal) = signals.forever().next() {
                    self.stop(signal);
                }
            });
            let evaluation = self.plan.carry_out(found, |run| self.finished(run));
            let result = evaluation.map_err(Failure::from).and_then(|evaluation| {
                let written = self.write_whole(&evaluation);
                // Hours of work are to be seen even where the file could not be written.
                finish(&evaluation).and(written)
            });
            listener.close();
            result
        })
    }

    fn write_whole(&self, evaluation: &Evaluation) -> Result<(), Failure> {
        let mut done = self.lock();
        self.bar.finish_and_clear();
        self.write(evaluation, None)?;
        done.is_written = true;
        Ok(())
    }

    fn finished(&self, run: &Run) {
        let mut done = self.lock();
        done.runs.push(run.clone());
        self.bar.inc(1);
        self.bar.set_message(run.workload.clone());
        let is_file = matches!(&self.json, Json::File(output) if output.is_file());
        if is_file && done.kept.elapsed() > KEEP_EVERY && done.runs.len() < self.plan.len() {
            done.kept = Instant::now();
            // A full disk may be empty again by the end, which is when it counts.
            let _later = self.keep(&done.runs);
        }
    }

    /// Ends the program as the signal would have done, but for the results.
    fn stop(&self, signal: i32) {
        let done = self.lock();
        self.bar.finish_and_clear();
        let state = format!("stopped after {} of {} runs", done.runs.len(), self.plan.len());
        let result = if done.is_written { Ok(()) } else { self.keep(&done.runs) };
        let kept = match (&self.json, result) {
            (_, Err(failure)) => failure.line,
            (Json::File(_) | Json::Stdout, Ok(())) if done.runs.len() == self.plan.len() => {
                "all are written".to_owned()
            }
            (Json::File(output), Ok(())) if output.is_file() => {
                format!("{} has them; the same command goes on from there", output.path().display())
            }
            (Json::File(_) | Json::Stdout, Ok(())) => "they are in the document, which says what is missing".to_owned(),
            (Json::None, Ok(())) => "nothing was written; with --json FILE they would be kept".to_owned(),
        };
        eprintln!("gpoeo-sim: {state}: {kept}");
        std::process::exit(128 + signal);
    }

    fn keep(&self, runs: &[Run]) -> Result<(), Failure> {
        let saved = Saved::new(self.plan, &self.program, runs);
        self.write(&self.plan.sum_up(runs.to_vec()), Some(&saved))
    }

    fn write(&self, evaluation: &Evaluation, saved: Option<&Saved>) -> Result<(), Failure> {
        match &self.json {
            Json::File(output) => output.write(|file| write_json(evaluation, saved, file)),
            Json::None => Ok(()),
            Json::Stdout => Ok(write_json(evaluation, saved, std::io::stdout().lock())?),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runs that are in the file already.
fn found(output: &Output, plan: &Plan<'_>, program: &str) -> Vec<Run> {
    let Some(saved) = output.read().and_then(|text| read_saved(&text)) else { return Vec::new() };
    let runs = saved.runs(plan, program);
    let path = output.path().display();
    if runs.is_empty() {
        eprintln!(
            "gpoeo-sim: {path} has a part of another evaluation (other options or jobs, or by another build); starting anew"
        );
    } else {
        eprintln!(
            "gpoeo-sim: {path} has {} of {} runs of this evaluation; going on from there",
            runs.len(),
            plan.len()
        );
    }
    runs
}

/// Differs between builds: another build may come to other results.
fn program() -> String {
    let mut hash = DefaultHasher::new();
    if let Ok(bytes) = std::env::current_exe().and_then(std::fs::read) {
        hash.write(&bytes);
    }
    format!("gpoeo-sim {} {:016x}", env!("CARGO_PKG_VERSION"), hash.finish())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {eta} to go  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
