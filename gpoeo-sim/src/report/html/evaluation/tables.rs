//! The figures of an evaluation as tables.

use maud::{Markup, html};

use crate::evaluate::{Evaluation, Interval};
use crate::report::words::{decimals, percent};

use super::rows::{FamilySums, JobRow};

/// The policies in the order asked for.
pub(super) fn policies(evaluation: &Evaluation) -> Markup {
    let subject = evaluation.subject().map(|subject| subject.policy);
    html! {
        table {
            thead { tr {
                th { "policy" } th.number { "saved, %" } th.number { "slower, %" } th.number { "slowest, %" }
                th.number { "capture" } th.number { "over limit" } th.number { "tried" }
            } }
            tbody {
                @for runs in evaluation.policies.iter().filter(|runs| !runs.runs.is_empty()) {
                    @let summary = &runs.summary;
                    @let tried = runs.runs.iter().map(|run| f64::from(run.outcome.settings_tried)).sum::<f64>();
                    tr.chosen[subject == Some(runs.policy)] {
                        th scope="row" { (runs.policy) }
                        (estimate(&percent(summary.mean_saving), summary.saving_interval, &percent))
                        (estimate(&percent(summary.mean_slowdown), summary.slowdown_interval, &percent))
                        td.number { (percent(summary.max_slowdown)) }
                        @match summary.capture {
                            Some(capture) => (estimate(&decimals(capture, 2), summary.capture_interval, &|end| decimals(end, 2))),
                            None => td.number { "–" },
                        }
                        td.number { (summary.over_limit) " of " (runs.runs.len()) }
                        td.number { (decimals(tried / runs.runs.len() as f64, 1)) }
                    }
                }
            }
        }
    }
}

fn estimate(value: &str, interval: Option<Interval>, write: &dyn Fn(f64) -> String) -> Markup {
    html! {
        td.number {
            (value)
            @if let Some(Interval { low, high }) = interval { " " span.interval { (write(low)) " to " (write(high)) } }
        }
    }
}

/// Most jobs first.
pub(super) fn families(rows: &[JobRow<'_>]) -> Markup {
    let mut names: Vec<&str> = rows.iter().map(class).collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &str| FamilySums::of(&rows.iter().filter(|row| class(row) == name).collect::<Vec<_>>());
    let mut families: Vec<(&str, FamilySums)> = names.into_iter().map(|name| (name, of(name))).collect();
    families.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.jobs));
    html! {
        table {
            thead { tr {
                th { "family" } th.number { "jobs" } th.number { "saved, %" } th.number { "oracle, %" } th.number { "capture" }
                th.number { "slower, %" } th.number { "over limit" }
            } }
            tbody {
                @for (name, sums) in families { (family(name, sums)) }
            }
            tfoot { (family("all", FamilySums::of(&rows.iter().collect::<Vec<_>>()))) }
        }
    }
}

fn class<'a>(row: &JobRow<'a>) -> &'a str {
    row.class.unwrap_or("none named")
}

fn family(name: &str, sums: FamilySums) -> Markup {
    let capture = (sums.oracle_saving > 0.0).then(|| decimals(sums.saving / sums.oracle_saving, 2));
    html! {
        tr {
            th scope="row" { (name) } td.number { (sums.jobs) }
            td.number { (percent(sums.saving)) } td.number { (percent(sums.oracle_saving)) }
            td.number { (capture.unwrap_or_else(|| "–".to_owned())) }
            td.number { (percent(sums.slowdown)) } td.number { (sums.over_limit) " of " (sums.runs) }
        }
    }
}

/// In the order given.
pub(super) fn jobs(rows: &[JobRow<'_>]) -> Markup {
    html! {
        table {
            thead { tr {
                th { "job" } th { "family" } th.number { "saved, %" } th.number { "slower, %" }
                th.number { "oracle saved, %" } th.number { "oracle slower, %" } th.number { "settled, s" } th.number { "tried" }
            } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (row.name) } td { (row.class.unwrap_or("–")) }
                        td.number { (percent(row.saving)) } td.number { (percent(row.slowdown)) }
                        td.number { (percent(row.oracle_saving)) } td.number { (percent(row.oracle_slowdown)) }
                        td.number { (row.settled_s.map_or_else(|| "–".to_owned(), |seconds| decimals(seconds, 0))) }
                        td.number { (decimals(row.tried, 1)) }
                    }
                }
            }
        }
    }
}
