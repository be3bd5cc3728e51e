//! The worst runs, opened: what happened in them over time.

use maud::{Markup, html};

use crate::evaluate::Evaluation;
use crate::record::RunRecord;
use crate::report::html::page::section;
use crate::report::html::run::{time_charts, time_legend};
use crate::report::run::Decision;
use crate::report::words::percent;

/// The opened runs, one after the other.
pub(super) fn section_of(evaluation: &Evaluation, opened: &[RunRecord]) -> Markup {
    if opened.is_empty() {
        return html! {};
    }
    let lead = if evaluation.objective.max_slowdown().is_some() {
        "Those with most saving missed against the oracle, slowdown above the limit added."
    } else {
        "Those with most saving missed against the oracle."
    };
    section(
        "The worst",
        lead,
        &html! {
            @for record in opened { (one(record)) }
            @if let Some(record) = opened.first() { (time_legend(record)) }
        },
    )
}

fn one(record: &RunRecord) -> Markup {
    let (account, oracle) = (&record.outcome.account, record.outcome.oracle_cost);
    html! {
        article.opened {
            h3.opened-name { (record.workload.name()) }
            p.figures {
                strong { (percent(account.saving())) " % saved, " (percent(account.slowdown())) " % slower" }
                "; the oracle " (percent(oracle.saving())) " % and " (percent(oracle.slowdown())) " %"
            }
            p.figures { (Decision::of(record).sentence) }
            (time_charts(record))
            p.figures { "See it happen: " code { (command(record)) } }
        }
    }
}

fn command(record: &RunRecord) -> String {
    let suite = record.suite.as_deref().unwrap_or_default();
    format!(
        "gpoeo-sim run {suite}/{} --policy {} --minutes {} --seed {}",
        record.workload.name(),
        record.policy,
        record.length.as_secs_f64() / 60.0,
        record.seed
    )
}
