//! What `gpoeo run` says at the end.

use gpoeo_core::{DriverError, Outcome, Report, StopReason};
use gpoeo_nvml::GpuIdentity;
use serde::Serialize;
use serde_json::json;

use super::error;
use super::session::Log;

/// Whether clocks may be set, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Control,
    DryRun,
    Unwatched,
}

impl Mode {
    pub(crate) fn because(self) -> &'static str {
        match self {
            Self::Control => "clocks may be set: --allow-unwatched",
            Self::DryRun => "observing only: --dry-run",
            Self::Unwatched => {
                "observing only: nothing puts the clocks back if gpoeo is killed (kill -9), as it has no watchdog yet; \
                 --allow-unwatched sets them all the same"
            }
        }
    }
}

/// Where an energy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnergySource {
    /// Difference of the device's counter, from the start of the command to its end.
    Counter,
    /// Added up from power, from the first sample to the last.
    Power,
}

/// One GPU of the account.
#[derive(Debug, Serialize)]
pub(crate) struct GpuAccount {
    #[serde(flatten)]
    pub(crate) identity: GpuIdentity,
    energy_j: Option<f64>,
    energy_source: Option<EnergySource>,
    report: Option<Report>,
    failure: Option<String>,
}

impl GpuAccount {
    pub(crate) fn new(identity: GpuIdentity, result: Result<Report, DriverError>, log: Log) -> Self {
        let unknown = Self { identity, energy_j: None, energy_source: None, report: None, failure: log.failure };
        match result {
            Ok(report) => {
                let energy_j = (report.elapsed_s > 0.0).then_some(report.energy_j);
                let energy_source = energy_j.map(|_| EnergySource::Power);
                Self { energy_j, energy_source, report: Some(report), ..unknown }
            }
            Err(error) => Self { failure: Some(error::line(&error)), ..unknown },
        }
    }

    /// The optimizer panicked; unwinding has restored the clocks.
    pub(crate) fn panicked(identity: GpuIdentity) -> Self {
        let failure = Some("gpoeo has a bug: the optimizer panicked, and the clocks were put back".to_owned());
        Self { identity, energy_j: None, energy_source: None, report: None, failure }
    }

    /// The counter knows better than the sum of samples.
    pub(crate) fn with_counter(self, energy_j: f64) -> Self {
        Self { energy_j: Some(energy_j), energy_source: Some(EnergySource::Counter), ..self }
    }

    fn stop_reason(&self) -> Option<StopReason> {
        self.report.as_ref().and_then(|report| report.stop_reason)
    }

    fn lines(&self, mode: Mode, elapsed_s: f64) -> Vec<String> {
        let energy = match (self.energy_j, self.energy_source) {
            (Some(energy_j), Some(EnergySource::Counter)) => {
                format!("{energy_j:.0} J by the counter, {:.1} W on average", energy_j / elapsed_s)
            }
            (Some(energy_j), _) => format!("{energy_j:.0} J, added up from power"),
            (None, _) => "energy unknown".to_owned(),
        };
        let mut lines = vec![format!("GPU {}: {energy}", self.identity)];
        if let Some(report) = &self.report {
            lines.push(format!("  {}", rhythm(report.outcome)));
            if mode == Mode::Control {
                lines.push(format!("  {}", saving(report)));
            }
        }
        lines.extend(self.failure.iter().map(|failure| format!("  last failure: {failure}")));
        lines
    }
}

fn rhythm(outcome: Outcome) -> String {
    match outcome {
        Outcome::Periodic { period, confidence } => {
            format!("iteration of {:.4} s (confidence {confidence:.2})", period.as_secs_f64())
        }
        Outcome::Aperiodic => "no repeating iteration".to_owned(),
        _ => "no iteration found: too little was seen, or the GPU was idle".to_owned(),
    }
}

fn saving(report: &Report) -> String {
    let Some((saving, slowdown)) = report.saving.zip(report.slowdown) else {
        return "nothing saved: no other setting was measured".to_owned();
    };
    let with_error = |ratio: f64, stderr: Option<f64>| match stderr {
        Some(stderr) => format!("{:.1} % ± {:.1} %", ratio * 100.0, stderr * 100.0),
        None => format!("{:.1} %", ratio * 100.0),
    };
    let held = match report.hold.map(|hold| (hold.within, hold.beyond)) {
        Some((Some(within), Some(beyond))) if within != beyond => format!("held {beyond} and {within} in turns"),
        Some((Some(within), _)) => format!("held {within}"),
        _ => "held the clocks as found".to_owned(),
    };
    format!(
        "saved {} energy for {} more time, trials included; {} settings tried, {held}",
        with_error(saving, report.saving_stderr),
        with_error(slowdown, report.slowdown_stderr),
        report.settings_tried,
    )
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) mode: Mode,
    pub(crate) elapsed_s: f64,
    /// The command's.
    pub(crate) exit_code: u8,
    pub(crate) gpus: Vec<GpuAccount>,
}

impl Account {
    /// For people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("ran for {:.1} s, exit code {}", self.elapsed_s, self.exit_code)];
        lines.extend(self.gpus.iter().flat_map(|gpu| gpu.lines(self.mode, self.elapsed_s)));
        lines
    }

    /// For scripts.
    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "schema": "gpoeo.run.v1",
            "mode": self.mode,
            "mode_because": self.mode.because(),
            "elapsed_s": self.elapsed_s,
            "exit_code": self.exit_code,
            "gpus": self.gpus,
        })
    }

    /// What somebody has to act on.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let stuck = self.gpus.iter().filter(|gpu| gpu.stop_reason() == Some(StopReason::RestoreFailed));
        stuck
            .map(|gpu| {
                let identity = &gpu.identity;
                format!("GPU {identity}: the clocks could NOT be put back; run: gpoeo reset -i {}", identity.uuid)
            })
            .collect()
    }

    /// The command's own code, but for a command that ended well on a GPU that was lost.
    pub(crate) fn final_code(&self) -> u8 {
        let is_lost = self.gpus.iter().any(|gpu| gpu.stop_reason() == Some(StopReason::GpuLost));
        if self.exit_code == 0 && is_lost { 5 } else { self.exit_code }
    }
}
