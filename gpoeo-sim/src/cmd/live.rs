//! What `run` shows on standard error while it runs: a live line on a terminal, and one line for each event.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use gpoeo_core::{Event, Optimizer, Outcome, Phase, Report, Sample, Timestamp};
use gpoeo_sim::report::Narrator;
use gpoeo_sim::{SimGpu, Watch, Workload};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// On a terminal a person is to see it happen: the beginning, until the first hold, goes by at this pace (virtual seconds
/// for each real second)…
const BEGINNING_PACE: f64 = 25.0;
/// …unless it takes longer than this, virtual s…
const BEGINNING_S: f64 = 90.0;
/// …and the rest in this real time, s.
const REST_S: f64 = 3.0;
/// Real time between two states of the live line.
const REFRESH: Duration = Duration::from_millis(50);
/// Samples that the shown power is a mean of: a second of them.
const POWER_SAMPLES: usize = 50;

/// How fast virtual time goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// As fast as it goes.
    Max,
    /// Virtual seconds for each real second.
    Seconds(f64),
    /// Slow first, then fast.
    Shown,
}

impl FromStr for Pace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(pace) if pace >= 0.001 && pace.is_finite() => Ok(Self::Seconds(pace)),
            _ => Err("write a number of virtual seconds for each real second, 0.001 or more, or max"),
        }
    }
}

/// Shows a run.
pub(crate) struct Live {
    bar: Option<ProgressBar>,
    narrator: Option<Narrator>,
    pace: Pace,
    length_s: f64,
    /// When the last turn should have ended in real time, and its virtual time.
    due: (Instant, Timestamp),
    drawn: Option<Instant>,
    recent: VecDeque<f64>,
    /// Told since the last turn; their lines need what is held then.
    pending: Vec<(Timestamp, Event)>,
}

impl Live {
    pub(crate) fn new(workload: &Workload, length: Duration, quiet: bool, pace: Option<Pace>) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !quiet;
        let usual = if is_terminal { Pace::Shown } else { Pace::Max };
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(length.as_secs()), ProgressDrawTarget::stderr_with_hz(20));
            bar.with_style(style())
        });
        Self {
            bar,
            narrator: (!quiet).then(|| Narrator::new(workload)),
            pace: pace.unwrap_or(usual),
            length_s: length.as_secs_f64(),
            due: (Instant::now(), Timestamp::ZERO),
            drawn: None,
            recent: VecDeque::with_capacity(POWER_SAMPLES),
            pending: Vec::new(),
        }
    }

    /// Takes the live line away; the event lines stay.
    pub(crate) fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.narrator.is_some() {
            eprintln!();
        }
    }

    fn tell(&mut self, gpu: &SimGpu, machine: Option<&Optimizer>) {
        let hold = machine.and_then(|machine| machine.report().hold);
        for (at, event) in self.pending.drain(..) {
            let at_s = at.seconds_since(gpu.job_begin());
            let line = self.narrator.as_mut().and_then(|narrator| narrator.line(at_s, &event, hold));
            match (&self.bar, line) {
                (Some(bar), Some(line)) => bar.println(line),
                (None, Some(line)) => eprintln!("{line}"),
                (_, None) => {}
            }
        }
    }

    fn draw(&mut self, gpu: &SimGpu, machine: Option<&Optimizer>) {
        let Some(bar) = &self.bar else { return };
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < REFRESH) {
            return;
        }
        self.drawn = Some(Instant::now());
        bar.set_position(gpu.time().saturating_since(gpu.job_begin()).as_secs());
        let power_w = self.recent.iter().sum::<f64>() / self.recent.len().max(1) as f64;
        let now = format!("{:>4} MHz  {power_w:>4.0} W", gpu.clocks().sm().0);
        bar.set_message(match machine.map(Optimizer::report) {
            Some(report) => format!("{:16}  {}  {now}  {}", report.phase, rhythm(&report), saving(&report)),
            None => now,
        });
    }

    /// Waits until real time has caught up with virtual time.
    fn keep_pace(&mut self, gpu: &SimGpu, machine: Option<&Optimizer>) {
        let at_s = gpu.time().seconds_since(gpu.job_begin());
        let has_settled = machine.is_none_or(|machine| machine.phase() == Phase::Hold);
        let pace = match self.pace {
            Pace::Max => return,
            Pace::Seconds(pace) => pace,
            Pace::Shown if at_s < BEGINNING_S && !has_settled => BEGINNING_PACE,
            Pace::Shown => BEGINNING_PACE.max(self.length_s / REST_S),
        };
        let (due, since) = self.due;
        let due = due + Duration::from_secs_f64(gpu.time().seconds_since(since) / pace);
        self.due = (due, gpu.time());
        let ahead = due.saturating_duration_since(Instant::now());
        // Many short sleeps would each take longer than asked for.
        if ahead > Duration::from_millis(5) {
            thread::sleep(ahead);
        }
    }
}

impl Watch for Live {
    fn sample(&mut self, sample: &Sample) {
        if self.recent.len() == POWER_SAMPLES {
            self.recent.pop_front();
        }
        self.recent.push_back(sample.power_w);
    }

    fn event(&mut self, at: Timestamp, event: &Event) {
        if self.narrator.is_some() {
            self.pending.push((at, *event));
        }
    }

    fn turn(&mut self, gpu: &SimGpu, machine: Option<&Optimizer>) {
        if !self.pending.is_empty() {
            self.tell(gpu, machine);
        }
        self.draw(gpu, machine);
        self.keep_pace(gpu, machine);
    }
}

fn rhythm(report: &Report) -> String {
    match report.outcome {
        Outcome::Periodic { period, .. } => format!("period {:>7.4} s", period.as_secs_f64()),
        Outcome::Aperiodic => "no period       ".to_owned(),
        _ => "period unknown  ".to_owned(),
    }
}

fn saving(report: &Report) -> String {
    match (report.saving, report.slowdown) {
        (Some(saving), Some(slowdown)) if report.phase != Phase::Detect => {
            format!("saved {:.1} %, {:.1} % slower", 100.0 * saving, 100.0 * slowdown)
        }
        _ => "nothing saved yet".to_owned(),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:12} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}
