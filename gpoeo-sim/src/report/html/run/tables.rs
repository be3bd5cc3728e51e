//! The figures of a run as tables.

use gpoeo_core::RelativeCost;
use maud::{Markup, html};

use crate::record::RunRecord;
use crate::report::run::Decision;
use crate::report::run::rows::{TrialRow, default_row};
use crate::report::words::{SettingNames, decimals, energy, percent, percent_with_error, span};

/// What the run has cost and would have cost, measured and true.
pub(super) fn costs(record: &RunRecord) -> Markup {
    let truth = &record.outcome.account;
    let measured = record.machine.as_ref().map(|machine| &machine.measured);
    let change = |ratio: Option<f64>, stderr: Option<f64>, word: &str| {
        ratio.map_or_else(|| "not measured".to_owned(), |ratio| format!("{} {word}", percent_with_error(ratio, stderr)))
    };
    html! {
        table {
            thead { tr { th {} th {} th.number { "this run" } th.number { "default clocks" } th.number { "difference" } } }
            tbody {
                @if let Some(seen) = measured {
                    (cost_row("energy", "measured", [energy(seen.energy_j), energy(seen.default_energy_j)],
                        &change(seen.saving, seen.saving_stderr, "saved")))
                }
                (cost_row("energy", "true", [energy(truth.energy_j), energy(truth.default_energy_j)],
                    &change(Some(truth.saving()), None, "saved")))
                @if let Some(seen) = measured {
                    (cost_row("time", "measured", [span_s(seen.elapsed_s), span_s(seen.default_time_s)],
                        &change(seen.slowdown, seen.slowdown_stderr, "slower")))
                }
                (cost_row("time", "true", [span_s(truth.elapsed_s), span_s(truth.work_s)],
                    &change(Some(truth.slowdown()), None, "slower")))
            }
        }
    }
}

fn cost_row(what: &str, source: &str, values: [String; 2], change: &str) -> Markup {
    html! {
        tr {
            th scope="row" { (what) } td { (source) }
            @for value in values { td.number { (value) } }
            td.number { (change) }
        }
    }
}

fn span_s(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// The settings that were tried, fastest first.
pub(super) fn trials(record: &RunRecord, decision: &Decision, rows: &[TrialRow]) -> Markup {
    let names = SettingNames::of(&record.workload);
    let default = default_row(record, decision);
    let mut rows: Vec<&TrialRow> = rows.iter().chain(&default).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.clocks));
    let truth = |row: &TrialRow, value: fn(RelativeCost) -> f64| {
        row.truth.map_or_else(|| "–".to_owned(), |cost| decimals(value(cost), 3))
    };
    html! {
        table {
            thead { tr {
                th.number { (names.heading()) }
                th.number { "time" } th.number { "true" } th.number { "energy" } th.number { "true" }
                th.number { "time there" } th.number { "held" }
            } }
            tbody {
                @for row in rows {
                    tr.chosen[row.held_share.is_some()] {
                        th.number scope="row" { (if Some(row) == default.as_ref() { "default".to_owned() } else { names.number(row.clocks) }) }
                        td.number { (with_error(row.cost.time, row.time_stderr)) }
                        td.number { (truth(row, |cost| cost.time)) }
                        td.number { (with_error(row.cost.energy, row.energy_stderr)) }
                        td.number { (truth(row, |cost| cost.energy)) }
                        td.number { (span(row.spent_s)) }
                        td.number { (row.held_share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", 100.0 * share))) }
                    }
                }
            }
        }
    }
}

fn with_error(ratio: f64, stderr: f64) -> String {
    format!("{} ± {}", decimals(ratio, 3), decimals(stderr, 3))
}

/// The best by the table, for comparison.
pub(super) fn best(record: &RunRecord) -> Markup {
    let names = SettingNames::of(&record.workload);
    let oracle = (names.name(record.outcome.oracle_clocks), record.outcome.oracle_cost);
    let hull = crate::hull::best_mix(record.workload.curve(), record.objective)
        .filter(|mix| mix.slow_share > 0.0)
        .map(|mix| (format!("{} and {}", names.number(mix.fast), names.name(mix.slow)), mix.cost));
    let row = |name: &str, (setting, cost): (String, RelativeCost)| {
        html! {
            tr {
                th scope="row" { (name) } td { (setting) }
                td.number { (percent(cost.saving())) " % saved" } td.number { (percent(cost.slowdown())) " % slower" }
            }
        }
    };
    html! {
        table {
            tbody {
                (row("one setting (oracle)", oracle))
                @if let Some(hull) = hull { (row("two in turns (hull)", hull)) }
            }
        }
    }
}
