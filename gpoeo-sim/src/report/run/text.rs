//! The account of a run, for people.

use std::io::{self, Write};

use gpoeo_core::{Outcome, Phase, RelativeCost};

use crate::hull::best_mix;
use crate::record::{MachineRecord, RunRecord};
use crate::report::words::{SettingNames, decimals, energy, goal, percent, percent_with_error, span, wrapped};

use super::decision::Decision;
use super::paint::Paint;
use super::rows::{default_row, trial_rows};

/// Sentences are broken into lines of this many letters.
const WIDTH: usize = 88;

/// Writes the account of a run: what it cost and what it would have cost, the settings tried, and the decision.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_run_text(record: &RunRecord, paint: Paint, mut out: impl Write) -> io::Result<()> {
    let decision = Decision::of(record);
    writeln!(out, "{}", paint.bold(&title(record)))?;
    writeln!(out, "{}\n", subtitle(record))?;
    write_costs(record, paint, &mut out)?;
    if let Some(machine) = &record.machine {
        write_phases(record, machine, &mut out)?;
        write_trials(record, &decision, paint, &mut out)?;
    }
    writeln!(out)?;
    for line in wrapped(&decision.sentence, WIDTH) {
        writeln!(out, "{}", paint.bold(&line))?;
    }
    writeln!(out)?;
    writeln!(out, "the best by the table, if it were known from the start")?;
    write_best(record, &mut out)
}

/// Which job ran where, and for how long.
pub(in crate::report) fn title(record: &RunRecord) -> String {
    let gpu = record.workload.gpu().map(|gpu| format!(" {gpu}")).unwrap_or_else(|| " GPU".to_owned());
    format!("{}, {} on a simulated{gpu}", record.workload.name(), minutes(record.length.as_secs_f64() / 60.0))
}

/// `20 minutes`, `0.5 minutes`.
fn minutes(minutes: f64) -> String {
    let text = decimals(minutes, 2);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} minute{}", if text == "1" { "" } else { "s" })
}

/// Where the job is from, who ran it, and how.
pub(in crate::report) fn subtitle(record: &RunRecord) -> String {
    let suite = record.suite.as_deref().map(|suite| format!("suite {suite}, ")).unwrap_or_default();
    format!("{suite}policy {}, {}, seed {}", record.policy, goal(record.objective), record.seed)
}

fn write_costs(record: &RunRecord, paint: Paint, out: &mut impl Write) -> io::Result<()> {
    let truth = &record.outcome.account;
    let with = if record.machine.is_some() { "with gpoeo" } else { "as it ran" };
    let without = if record.machine.is_some() { "without it" } else { "by default" };
    writeln!(out, "                 {with:>12} {without:>12}")?;
    if let Some(machine) = &record.machine {
        let measured = &machine.measured;
        let saved = measured.saving.map_or_else(
            || "no other setting was measured".to_owned(),
            |saving| paint.good(&format!("{} saved", percent_with_error(saving, measured.saving_stderr))),
        );
        let (used, owed) = (energy(measured.energy_j), energy(measured.default_energy_j));
        writeln!(out, "energy measured  {used:>12} {owed:>12}   {saved}")?;
    }
    let label = if record.machine.is_some() { "       true      " } else { "energy           " };
    let (used, owed) = (energy(truth.energy_j), energy(truth.default_energy_j));
    writeln!(out, "{label}{used:>12} {owed:>12}   {} % saved", percent(truth.saving()))?;
    if let Some(machine) = &record.machine {
        let measured = &machine.measured;
        let slower = measured.slowdown.map_or_else(
            || "no other setting was measured".to_owned(),
            |slowdown| format!("{} slower", percent_with_error(slowdown, measured.slowdown_stderr)),
        );
        let (took, owed) = (seconds(measured.elapsed_s), seconds(measured.default_time_s));
        writeln!(out, "time   measured  {took:>12} {owed:>12}   {slower}")?;
    }
    let label = if record.machine.is_some() { "       true      " } else { "time             " };
    let (took, owed) = (seconds(truth.elapsed_s), seconds(truth.work_s));
    writeln!(out, "{label}{took:>12} {owed:>12}   {} % slower", percent(truth.slowdown()))
}

fn write_phases(record: &RunRecord, machine: &MachineRecord, out: &mut impl Write) -> io::Result<()> {
    let report = &machine.report;
    writeln!(out)?;
    match (report.outcome, report.baseline) {
        (_, Some(baseline)) if record.is_by_work_rate() => writeln!(
            out,
            "period  none; progress by the rate of instructions; {:.0} W at default clocks",
            baseline.power_w()
        )?,
        (_, Some(baseline)) => writeln!(
            out,
            "period  {:.4} s ± {} %, {} ± {} % at default clocks",
            baseline.time_s,
            percent(baseline.time_stderr_ratio()),
            energy(baseline.energy_j),
            percent(baseline.energy_stderr_ratio()),
        )?,
        (Outcome::Periodic { period, confidence }, None) => {
            writeln!(out, "period  {:.4} s (confidence {confidence:.2}), not measured yet", period.as_secs_f64())?
        }
        (Outcome::Aperiodic, None) => writeln!(out, "period  none: the job does not repeat itself")?,
        (_, None) => writeln!(out, "period  not found in this time")?,
    }
    let total_s = record.length.as_secs_f64();
    let share = |spent_s: f64| format!("{} ({} %)", span(spent_s), percent(spent_s / total_s));
    writeln!(
        out,
        "spent   {} on detection and baseline, {} on trials, {} on hold",
        share(record.detection_s()),
        share(record.exploration_s()),
        share(record.phase_s(Phase::Hold)),
    )
}

fn write_trials(record: &RunRecord, decision: &Decision, paint: Paint, out: &mut impl Write) -> io::Result<()> {
    let mut rows = trial_rows(record, decision);
    if rows.is_empty() {
        return Ok(());
    }
    let default = default_row(record, decision);
    rows.extend(default);
    rows.sort_by_key(|row| std::cmp::Reverse(row.clocks));
    let names = SettingNames::of(&record.workload);
    writeln!(out, "\nsettings tried, relative to the default clocks")?;
    writeln!(out, "{:>10}  {:>13}   true  {:>13}   true  time there   held", names.heading(), "time", "energy")?;
    for row in rows {
        let truth = |value: fn(RelativeCost) -> f64| row.truth.map_or("-".to_owned(), |cost| decimals(value(cost), 3));
        let line = format!(
            "{:>10}  {}  {:>5}  {}  {:>5}  {:>10}  {:>5}",
            if Some(row) == default { "default".to_owned() } else { names.number(row.clocks) },
            with_error(row.cost.time, row.time_stderr),
            truth(|cost| cost.time),
            with_error(row.cost.energy, row.energy_stderr),
            truth(|cost| cost.energy),
            span(row.spent_s),
            row.held_share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
        );
        writeln!(out, "{}", if row.held_share.is_some() { paint.bold(&line) } else { line })?;
    }
    Ok(())
}

fn write_best(record: &RunRecord, out: &mut impl Write) -> io::Result<()> {
    let names = SettingNames::of(&record.workload);
    let width = if names.heading().len() > 6 { 27 } else { 19 };
    let mut line = |label: &str, setting: String, cost: RelativeCost| {
        let (saving, slowdown) = (percent(cost.saving()), percent(cost.slowdown()));
        writeln!(out, "  {label:21} {setting:width$} {saving:>5} % saved  {slowdown:>5} % slower")
    };
    line("one setting (oracle)", names.name(record.outcome.oracle_clocks), record.outcome.oracle_cost)?;
    match best_mix(record.workload.curve(), record.objective) {
        Some(mix) if mix.slow_share > 0.0 => {
            let setting = format!("{} and {}", names.number(mix.fast), names.name(mix.slow));
            line("two in turns (hull)", setting, mix.cost)
        }
        _ => Ok(()),
    }
}

fn with_error(ratio: f64, stderr: f64) -> String {
    format!("{} ± {}", decimals(ratio, 3), decimals(stderr, 3))
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}
