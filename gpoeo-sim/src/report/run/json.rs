//! The account of a run as one JSON document.

use std::io::{self, Write};

use gpoeo_core::{
    ClockPair, Estimate, Event, Objective, Outcome, Phase, Predicted, PredictionReport, ProgressSource, RelativeCost,
    Variant,
};
use serde::Serialize;

use crate::gpu::Account;
use crate::hull::best_mix;
use crate::record::{MachineRecord, Measured, RunRecord, TimedEvent};
use crate::report::numbers::{joules, millis, ratio};

use super::decision::{Decision, DecisionKind};
use super::rows::{TrialRow, trial_rows};

/// Name and version of the document's form.
const SCHEMA: &str = "gpoeo-sim.run.v1";

/// Writes the account of a run as one JSON document. Ratios are rounded to 6 decimals, times to the millisecond (those
/// of one iteration to the microsecond), energies to the millijoule; what is not known is null. Equal runs give equal
/// bytes.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_run_json(record: &RunRecord, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document::new(record))?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    suite: Option<&'a str>,
    workload: &'a str,
    gpu: Option<&'a str>,
    policy: &'static str,
    objective: Goal,
    minutes: f64,
    seed: u64,
    /// By the machine.
    measured: Option<Cost>,
    /// By the simulation.
    truth: Cost,
    period: Option<Period>,
    /// What the models said, and `null` without models.
    prediction: Option<Prediction>,
    counters_share: Option<f64>,
    time: Option<Times>,
    trials: Vec<Trial>,
    events: Vec<EventDocument>,
    events_left_out: u64,
    decision: DecisionDocument,
    #[serde(rename = "final")]
    last: Setting,
    oracle: Setting,
    hull: Option<HullDocument>,
}

/// What was optimised.
#[derive(Serialize)]
pub(in crate::report) struct Goal {
    name: &'static str,
    max_slowdown: Option<f64>,
    min_saving: Option<f64>,
}

#[derive(Serialize)]
struct Cost {
    elapsed_s: f64,
    energy_j: f64,
    default_time_s: f64,
    default_energy_j: f64,
    saving: Option<f64>,
    saving_stderr: Option<f64>,
    slowdown: Option<f64>,
    slowdown_stderr: Option<f64>,
}

#[derive(Serialize)]
struct Period {
    outcome: &'static str,
    confidence: Option<f64>,
    progress: Option<ProgressSource>,
    time_s: Option<f64>,
    time_stderr_s: Option<f64>,
    energy_j: Option<f64>,
    energy_stderr_j: Option<f64>,
    power_w: Option<f64>,
    iterations: Option<u32>,
}

#[derive(Serialize)]
struct Prediction {
    variant: Option<Variant>,
    sm_mhz: Option<u32>,
    mem_mhz: Option<u32>,
    time_ratio: Option<f64>,
    time_ratio_stderr: Option<f64>,
    energy_ratio: Option<f64>,
    energy_ratio_stderr: Option<f64>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Times {
    settled_s: Option<f64>,
    detect_s: f64,
    measure_baseline_s: f64,
    profile_s: f64,
    search_s: f64,
    hold_s: f64,
    detection_share: f64,
    exploration_share: f64,
    phases: Vec<PhaseDocument>,
}

#[derive(Serialize)]
struct PhaseDocument {
    phase: Phase,
    from_s: f64,
    to_s: f64,
}

#[derive(Serialize)]
struct Trial {
    sm_mhz: u32,
    mem_mhz: Option<u32>,
    time_ratio: f64,
    time_ratio_stderr: f64,
    energy_ratio: f64,
    energy_ratio_stderr: f64,
    iterations: u32,
    spent_s: f64,
    held_share: Option<f64>,
    true_time_ratio: Option<f64>,
    true_energy_ratio: Option<f64>,
}

/// What the machine told, and when.
#[derive(Serialize)]
struct EventDocument {
    at_s: f64,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize)]
struct DecisionDocument {
    kind: DecisionKind,
    sentence: String,
    held: Vec<HeldDocument>,
}

#[derive(Serialize)]
struct HeldDocument {
    sm_mhz: u32,
    mem_mhz: Option<u32>,
    share: f64,
}

#[derive(Serialize)]
struct Setting {
    sm_mhz: u32,
    mem_mhz: Option<u32>,
    saving: f64,
    slowdown: f64,
}

#[derive(Serialize)]
struct HullDocument {
    fast_sm_mhz: u32,
    fast_mem_mhz: Option<u32>,
    slow_sm_mhz: u32,
    slow_mem_mhz: Option<u32>,
    slow_share: f64,
    saving: f64,
    slowdown: f64,
}

impl<'a> Document<'a> {
    fn new(record: &'a RunRecord) -> Self {
        let decision = Decision::of(record);
        let machine = record.machine.as_ref();
        let outcome = &record.outcome;
        Self {
            schema: SCHEMA,
            suite: record.suite.as_deref(),
            workload: record.workload.name(),
            gpu: record.workload.gpu(),
            policy: record.policy.name(),
            objective: Goal::new(record.objective),
            minutes: record.length.as_secs_f64() / 60.0,
            seed: record.seed,
            measured: machine.map(|machine| Cost::measured(&machine.measured)),
            truth: Cost::truth(&outcome.account),
            period: machine.map(Period::new),
            prediction: machine.and_then(|machine| Some(Prediction::new(record, &machine.report.prediction?))),
            counters_share: machine.map(|machine| ratio(machine.report.counters_share)),
            time: machine.map(|_| Times::new(record)),
            trials: trial_rows(record, &decision).iter().map(|row| Trial::new(record, row)).collect(),
            events: machine.map_or_else(Vec::new, |machine| machine.events.iter().map(EventDocument::new).collect()),
            events_left_out: machine.map_or(0, |machine| machine.events_left_out),
            last: Setting::new(record, outcome.last_clocks, outcome.last_cost),
            oracle: Setting::new(record, outcome.oracle_clocks, outcome.oracle_cost),
            hull: best_mix(record.workload.curve(), record.objective).map(|mix| HullDocument {
                fast_sm_mhz: mix.fast.sm().0,
                fast_mem_mhz: memory(record, mix.fast),
                slow_sm_mhz: mix.slow.sm().0,
                slow_mem_mhz: memory(record, mix.slow),
                slow_share: ratio(mix.slow_share),
                saving: ratio(mix.cost.saving()),
                slowdown: ratio(mix.cost.slowdown()),
            }),
            decision: DecisionDocument::new(record, decision),
        }
    }
}

impl Goal {
    pub(in crate::report) fn new(objective: Objective) -> Self {
        let name = match objective {
            Objective::Ed2p => "ed2p",
            Objective::Ed2pWithin { .. } => "ed2p-within",
            Objective::Edp => "edp",
            Objective::MinTime { .. } => "time",
            _ => "energy",
        };
        let min_saving = match objective {
            Objective::MinTime { min_saving } => Some(min_saving),
            _ => None,
        };
        Self { name, max_slowdown: objective.max_slowdown(), min_saving }
    }
}

impl Cost {
    fn measured(measured: &Measured) -> Self {
        Self {
            elapsed_s: millis(measured.elapsed_s),
            energy_j: joules(measured.energy_j),
            default_time_s: millis(measured.default_time_s),
            default_energy_j: joules(measured.default_energy_j),
            saving: measured.saving.map(ratio),
            saving_stderr: measured.saving_stderr.map(ratio),
            slowdown: measured.slowdown.map(ratio),
            slowdown_stderr: measured.slowdown_stderr.map(ratio),
        }
    }

    fn truth(account: &Account) -> Self {
        Self {
            elapsed_s: millis(account.elapsed_s),
            energy_j: joules(account.energy_j),
            default_time_s: millis(account.work_s),
            default_energy_j: joules(account.default_energy_j),
            saving: Some(ratio(account.saving())),
            saving_stderr: None,
            slowdown: Some(ratio(account.slowdown())),
            slowdown_stderr: None,
        }
    }
}

impl Period {
    fn new(machine: &MachineRecord) -> Self {
        let report = &machine.report;
        let (outcome, confidence) = match report.outcome {
            Outcome::Periodic { confidence, .. } => ("periodic", Some(ratio(confidence))),
            Outcome::Aperiodic => ("aperiodic", None),
            _ => ("undecided", None),
        };
        let known = |value: fn(&Estimate) -> f64| report.baseline.as_ref().map(value).map(ratio);
        Self {
            outcome,
            confidence,
            progress: report.progress,
            time_s: known(|baseline| baseline.time_s),
            time_stderr_s: known(|baseline| baseline.time_stderr_s),
            energy_j: known(|baseline| baseline.energy_j),
            energy_stderr_j: known(|baseline| baseline.energy_stderr_j),
            power_w: known(Estimate::power_w),
            iterations: report.baseline.map(|baseline| baseline.iterations),
        }
    }
}

impl Prediction {
    fn new(record: &RunRecord, told: &PredictionReport) -> Self {
        let known = |value: fn(&Predicted) -> f64| told.best.as_ref().map(value).map(ratio);
        Self {
            variant: told.variant,
            sm_mhz: told.best.map(|best| best.clocks.sm().0),
            mem_mhz: told.best.and_then(|best| memory(record, best.clocks)),
            time_ratio: known(|best| best.cost.time),
            time_ratio_stderr: known(|best| best.time_stderr),
            energy_ratio: known(|best| best.cost.energy),
            energy_ratio_stderr: known(|best| best.energy_stderr),
            reason: told.reason.map(|reason| reason.to_string()),
        }
    }
}

impl Times {
    fn new(record: &RunRecord) -> Self {
        let length_s = record.length.as_secs_f64();
        let spans = record.phases.iter();
        Self {
            settled_s: record.outcome.settled_s.map(millis),
            detect_s: millis(record.phase_s(Phase::Detect)),
            measure_baseline_s: millis(record.phase_s(Phase::MeasureBaseline)),
            profile_s: millis(record.phase_s(Phase::Profile)),
            search_s: millis(record.phase_s(Phase::Search)),
            hold_s: millis(record.phase_s(Phase::Hold)),
            detection_share: ratio(record.detection_s() / length_s),
            exploration_share: ratio(record.exploration_s() / length_s),
            phases: spans
                .map(|span| PhaseDocument { phase: span.phase, from_s: millis(span.from_s), to_s: millis(span.to_s) })
                .collect(),
        }
    }
}

impl Trial {
    fn new(record: &RunRecord, row: &TrialRow) -> Self {
        Self {
            sm_mhz: row.clocks.sm().0,
            mem_mhz: memory(record, row.clocks),
            time_ratio: ratio(row.cost.time),
            time_ratio_stderr: ratio(row.time_stderr),
            energy_ratio: ratio(row.cost.energy),
            energy_ratio_stderr: ratio(row.energy_stderr),
            iterations: row.iterations,
            spent_s: millis(row.spent_s),
            held_share: row.held_share.map(ratio),
            true_time_ratio: row.truth.map(|cost| ratio(cost.time)),
            true_energy_ratio: row.truth.map(|cost| ratio(cost.energy)),
        }
    }
}

impl EventDocument {
    fn new(told: &TimedEvent) -> Self {
        Self { at_s: millis(told.at_s), event: told.event }
    }
}

impl DecisionDocument {
    fn new(record: &RunRecord, decision: Decision) -> Self {
        let shares = record.stays.iter().zip(&decision.held_shares).filter(|(_, share)| **share > 0.0);
        let held = shares.map(|(stay, &share)| HeldDocument {
            sm_mhz: stay.clocks.sm().0,
            mem_mhz: memory(record, stay.clocks),
            share: ratio(share),
        });
        Self { kind: decision.kind, held: held.collect(), sentence: decision.sentence }
    }
}

impl Setting {
    fn new(record: &RunRecord, clocks: ClockPair, cost: RelativeCost) -> Self {
        Self {
            sm_mhz: clocks.sm().0,
            mem_mhz: memory(record, clocks),
            saving: ratio(cost.saving()),
            slowdown: ratio(cost.slowdown()),
        }
    }
}

/// `None` where the table does not name its memory clock.
fn memory(record: &RunRecord, clocks: ClockPair) -> Option<u32> {
    record.workload.curve().memory_clock(clocks).map(|clock| clock.0)
}
