//! The page of an evaluation.

mod compared;
mod how;
mod jobs;
mod rows;
mod settle;
mod tables;
mod worst;

use std::io::{self, Write};

use maud::{Markup, html};

use crate::evaluate::{Evaluation, Interval, PolicyRuns};
use crate::profile::Gpu;
use crate::record::RunRecord;
use crate::report::words::{count, decimals, goal, limit, percent};
use crate::suite::SuiteKind;

use super::chart::{legend, pictures};
use super::page::{headline, page, section};
use rows::{JobRow, job_rows};

/// Writes a page about an evaluation into one file: the figures of the policy that it is about
/// ([`Evaluation::subject`]), all policies compared, the jobs one by one and by family, `opened` runs over time
/// ([`Plan::open_worst`](crate::Plan::open_worst)), and how it was measured. It needs no network and no script.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_evaluation_html(evaluation: &Evaluation, opened: &[RunRecord], mut out: impl Write) -> io::Result<()> {
    let body = match evaluation.subject().filter(|subject| !subject.runs.is_empty()) {
        Some(subject) => body(evaluation, subject, opened),
        None => html! { p { "No run was done." } },
    };
    writeln!(out, "{}", page(&title(evaluation), &subtitle(evaluation), &body).into_string())
}

fn title(evaluation: &Evaluation) -> String {
    let gpu = evaluation.gpu.as_deref().map(|gpu| format!(" on a simulated {}", gpu_name(gpu))).unwrap_or_default();
    format!("Suite {}{gpu}", evaluation.suite)
}

/// A modelled card by its name, not by its key.
fn gpu_name(gpu: &str) -> &str {
    gpu.parse::<Gpu>().map_or(gpu, |gpu| gpu.profile().name)
}

fn subtitle(evaluation: &Evaluation) -> String {
    let jobs = evaluation.policies.iter().map(|runs| runs.by_job().count()).max().unwrap_or(0);
    format!(
        "{}, {} minutes each, {}, {}",
        count(jobs, "job"),
        minutes(evaluation),
        count(evaluation.seeds as usize, "seed"),
        goal(evaluation.objective),
    )
}

fn minutes(evaluation: &Evaluation) -> f64 {
    evaluation.length.as_secs_f64() / 60.0
}

fn body(evaluation: &Evaluation, subject: &PolicyRuns, opened: &[RunRecord]) -> Markup {
    let name = subject.policy.name();
    let rows = job_rows(subject, evaluation.objective);
    html! {
        div.headlines { (headlines(evaluation, subject)) }
        p.decision { (what_is_simulated(evaluation)) }
        @if !evaluation.missing.is_empty() {
            p.decision { strong { "Partial: " } (count(evaluation.missing.len(), "run")) " of the plan were not done." }
        }
        (section("The policies compared", "Means over all runs, with 95 % confidence intervals: up is better, right of the \
            line is over the limit.", &html! {
                (pictures("Saving against slowdown of each policy", |room| compared::compared(evaluation, room)))
                (compared::compared_legend(evaluation))
                div.scroll { (tables::policies(evaluation)) }
            }))
        (section(&format!("The jobs under {name}"), &jobs_lead(&rows), &html! {
            div.tall {
                (pictures("Saving and slowdown of each job", |room| jobs::jobs(&rows, evaluation.objective, room)))
            }
            (legend(&jobs::keys(evaluation.objective)))
        }))
        @if rows.iter().any(|row| row.class.is_some()) {
            (section(&format!("By family of jobs, under {name}"), "", &html! { div.scroll { (tables::families(&rows)) } }))
        }
        (settle_section(subject))
        (worst::section_of(evaluation, opened))
        (how::section_of(evaluation))
        section {
            h2 { "All figures" }
            details { summary { (count(rows.len(), "job")) " under " (name) } div.scroll { (tables::jobs(&rows)) } }
        }
        footer {
            "Written by gpoeo-sim " (env!("CARGO_PKG_VERSION")) "; equal options give an equal page."
        }
    }
}

fn jobs_lead(rows: &[JobRow]) -> String {
    let seeds = if rows.iter().any(|row| row.runs > 1) { " Means over the seeds." } else { "" };
    format!("Largest saving first, whole runs, the optimizer's own cost included.{seeds}")
}

fn headlines(evaluation: &Evaluation, subject: &PolicyRuns) -> Markup {
    let summary = &subject.summary;
    let within = |interval: Option<Interval>, write: &dyn Fn(f64) -> String, unit: &str| match interval {
        Some(Interval { low, high }) => format!("{} to {}{unit} (95 % confidence)", write(low), write(high)),
        None => "one job only: no confidence interval".to_owned(),
    };
    let as_percent: &dyn Fn(f64) -> String = &percent;
    let max = evaluation.objective.max_slowdown().map(limit);
    let slower = within(summary.slowdown_interval, as_percent, " %");
    let slower = max.as_ref().map_or(slower.clone(), |max| format!("{slower}; limit {max}"));
    let over = max.map_or("this objective has no limit".to_owned(), |max| {
        format!("runs more than {max} slower as a whole; the slowest {} %", percent(summary.max_slowdown))
    });
    let plain: &dyn Fn(f64) -> String = &|value| decimals(value, 2);
    html! {
        (headline(&format!("{} %", percent(summary.mean_saving)), &format!("saved by {}", subject.policy),
            &within(summary.saving_interval, as_percent, " %")))
        (headline(&format!("{} %", percent(summary.mean_slowdown)), "slower", &slower))
        (headline(&summary.capture.map_or_else(|| "–".to_owned(), plain), "capture",
            &format!("of what the oracle saves; {}", within(summary.capture_interval, plain, ""))))
        (headline(&format!("{} of {}", summary.over_limit, subject.runs.len()), "over the limit", &over))
    }
}

/// What of it is real.
fn what_is_simulated(evaluation: &Evaluation) -> &'static str {
    match evaluation.kind {
        SuiteKind::Modelled => {
            "Simulated: our stand-in suite on a modelled card in virtual time. The jobs are models that were written to be \
             like real ones, not recordings; no figure here was measured on a GPU."
        }
        SuiteKind::Measured => {
            "Simulated: recorded power, bent by measured sweeps of time and energy over the clocks, in virtual time. No \
             figure here was measured with the optimizer on a GPU."
        }
    }
}

fn settle_section(subject: &PolicyRuns) -> Markup {
    let settled = settle::Settled::of(subject);
    if settled.is_constant() {
        return html! {};
    }
    section(
        &format!("How long {} searches", subject.policy),
        &format!("Time from the begin of the job until the first search was over. {}", settled.sentence()),
        &html! { (pictures("Distribution of the time until settled", |room| settle::histogram(&settled, room))) },
    )
}
