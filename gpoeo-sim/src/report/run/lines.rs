//! The story of a run, one line for each event that matters.

use gpoeo_core::{Estimate, Event, HoldReport, Outcome};

use crate::report::words::{SettingNames, clock, percent};
use crate::workload::Workload;

/// Tells events as lines for people: `[ 0:13] tried 1185 MHz: …`, with the virtual time since the job began.
#[derive(Clone, Debug)]
pub struct Narrator {
    names: SettingNames,
    baseline: Option<Estimate>,
    last: Option<Outcome>,
}

impl Narrator {
    /// For a job.
    #[must_use]
    pub fn new(workload: &Workload) -> Self {
        Self { names: SettingNames::of(workload), baseline: None, last: None }
    }

    /// The line of an event; `None` for one that says nothing new. `hold`: what is held now.
    pub fn line(&mut self, at_s: f64, event: &Event, hold: Option<HoldReport>) -> Option<String> {
        let text = match *event {
            Event::Detected { outcome } => {
                let is_news = self.last.replace(outcome).map(|last| last.period()) != Some(outcome.period());
                is_news.then(|| found(outcome))?
            }
            Event::BaselineMeasured { baseline } => {
                self.baseline = Some(baseline);
                format!(
                    "baseline: {:.4} s ± {} % and {:.1} J ± {} % per period, {:.0} W",
                    baseline.time_s,
                    percent(baseline.time_stderr_ratio()),
                    baseline.energy_j,
                    percent(baseline.energy_stderr_ratio()),
                    baseline.power_w(),
                )
            }
            Event::Predicted { variant, best, cost, time_stderr, energy_stderr } => format!(
                "predicted from {variant}: best at {}, time {:+.1} % ± {} %, energy {:+.1} % ± {} %",
                self.names.name(best),
                100.0 * cost.slowdown(),
                percent(time_stderr),
                -100.0 * cost.saving(),
                percent(energy_stderr)
            ),
            Event::NotPredicted { reason } => format!("no prediction: {reason}"),
            Event::Tried { clocks, measured } => format!("tried {}: {}", self.names.name(clocks), self.cost(&measured)),
            Event::Settled { saving, slowdown, .. } => format!(
                "settled on {}: expects {} % saved for {} % more time",
                self.held(hold),
                percent(saving),
                percent(slowdown)
            ),
            Event::LimitBroken { slowdown } => {
                format!("over the limit: {} % slower so far; the clocks go up", percent(slowdown))
            }
            Event::WorkloadChanged { .. } => "the job has changed: starting again".to_owned(),
            Event::ClockNotReached { wanted, seen } => {
                format!("asked for {}, but {seen} is in force", self.names.name(wanted))
            }
            Event::ActionFailed { fault } => format!("the GPU did not do what it was asked to: {fault}"),
            Event::Stopped { reason } => format!("stopped: {reason:?}"),
            _ => return None,
        };
        Some(format!("[{:>5}] {text}", clock(at_s)))
    }

    fn cost(&self, measured: &Estimate) -> String {
        let Some(base) = self.baseline else {
            return format!("{:.4} s and {:.1} J per period", measured.time_s, measured.energy_j);
        };
        let change = |ratio: f64, stderr: f64| format!("{:+.1} % ± {} %", 100.0 * (ratio - 1.0), percent(stderr));
        let (time, energy) = (measured.time_s / base.time_s, measured.energy_j / base.energy_j);
        format!(
            "time {}, energy {}",
            change(time, measured.time_stderr_s / base.time_s),
            change(energy, measured.energy_stderr_j / base.energy_j)
        )
    }

    fn held(&self, hold: Option<HoldReport>) -> String {
        let name = |clocks| match clocks {
            Some(clocks) => self.names.name(clocks),
            None => "the default clocks".to_owned(),
        };
        match hold {
            Some(hold) if hold.within != hold.beyond => {
                let share = 100.0 * hold.beyond_share;
                let within = hold.within.map_or_else(|| "default".to_owned(), |clocks| self.names.number(clocks));
                format!("{within} and {} in turns ({:.0}:{share:.0})", name(hold.beyond), 100.0 - share)
            }
            Some(hold) => name(hold.within),
            None => "what was found best".to_owned(),
        }
    }
}

fn found(outcome: Outcome) -> String {
    match outcome {
        Outcome::Periodic { period, confidence } => {
            format!("found a period of {:.4} s (confidence {confidence:.2})", period.as_secs_f64())
        }
        Outcome::Aperiodic => "no period: the job does not repeat itself".to_owned(),
        _ => "no period found so far".to_owned(),
    }
}
