//! The settings tried, with all that a report says about each.

use gpoeo_core::{ClockPair, RelativeCost};

use crate::record::RunRecord;

use super::decision::Decision;

/// One setting that was tried. Ratios are to the default clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct TrialRow {
    pub(in crate::report) clocks: ClockPair,
    /// As measured.
    pub(in crate::report) cost: RelativeCost,
    /// Standard error of the relative time; that of the baseline, which all settings share, is in it.
    pub(in crate::report) time_stderr: f64,
    /// The same of the relative energy.
    pub(in crate::report) energy_stderr: f64,
    pub(in crate::report) iterations: u32,
    pub(in crate::report) spent_s: f64,
    /// Share of the held time that went by there; `None` if it was not held.
    pub(in crate::report) held_share: Option<f64>,
    /// By the table.
    pub(in crate::report) truth: Option<RelativeCost>,
}

/// In the order of the first trials; empty without a machine.
pub(in crate::report) fn trial_rows(record: &RunRecord, decision: &Decision) -> Vec<TrialRow> {
    let Some(report) = record.machine.as_ref().map(|machine| &machine.report) else { return Vec::new() };
    let (base_time, base_energy) =
        report.baseline.map_or((0.0, 0.0), |baseline| (baseline.time_stderr_ratio(), baseline.energy_stderr_ratio()));
    let row = |trial: &gpoeo_core::TrialReport| {
        let mut shares = record.stays.iter().zip(&decision.held_shares);
        TrialRow {
            clocks: trial.clocks,
            cost: trial.cost,
            time_stderr: trial.time_stderr.hypot(trial.cost.time * base_time),
            energy_stderr: trial.energy_stderr.hypot(trial.cost.energy * base_energy),
            iterations: trial.measured.iterations,
            spent_s: trial.spent_s,
            held_share: shares.find_map(|(stay, &share)| (stay.clocks == trial.clocks && share > 0.0).then_some(share)),
            truth: record.workload.curve().cost(trial.clocks),
        }
    };
    report.trials.iter().map(row).collect()
}

/// The default clocks among the settings: all others are relative to them. `None` if they were not measured.
pub(in crate::report) fn default_row(record: &RunRecord, decision: &Decision) -> Option<TrialRow> {
    let baseline = record.machine.as_ref()?.report.baseline?;
    let clocks = record.workload.curve().default_clocks();
    let stays = record.stays.iter().zip(&decision.held_shares).find(|(stay, _)| stay.clocks == clocks);
    Some(TrialRow {
        clocks,
        cost: RelativeCost::DEFAULT,
        time_stderr: 0.0,
        energy_stderr: 0.0,
        iterations: baseline.iterations,
        spent_s: stays.map_or(0.0, |(stay, _)| stay.total_s),
        held_share: stays.map(|(_, &share)| share).filter(|&share| share > 0.0),
        truth: Some(RelativeCost::DEFAULT),
    })
}

/// The settings that were held, by the table: for a policy that measures nothing.
pub(in crate::report) fn held_rows(record: &RunRecord, decision: &Decision) -> Vec<TrialRow> {
    let held = record.stays.iter().zip(&decision.held_shares).filter(|(_, share)| **share > 0.0);
    held.filter_map(|(stay, &share)| {
        let cost = record.workload.curve().cost(stay.clocks)?;
        Some(TrialRow {
            clocks: stay.clocks,
            cost,
            time_stderr: 0.0,
            energy_stderr: 0.0,
            iterations: 0,
            spent_s: stay.total_s,
            held_share: Some(share),
            truth: Some(cost),
        })
    })
    .collect()
}
