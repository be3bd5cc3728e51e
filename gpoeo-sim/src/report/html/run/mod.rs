//! The page and the picture of one run.

mod over_time;
mod settings;
mod signal;
mod tables;

use std::io::{self, Write};

use maud::{Markup, PreEscaped, html};

use crate::record::{RunRecord, SeenSignal};
use crate::report::run::Decision;
use crate::report::run::rows::{TrialRow, held_rows, trial_rows};
use crate::report::run::text::{subtitle, title};
use crate::report::words::{clock, limit, percent, percent_with_error, span};

use super::chart::{Room, legend, pictures, px};
use super::page::{CHART_STYLE, headline, page, section};
use over_time::{PHASES, over_time, phase_name};
use settings::{settings, settings_legend};

/// Writes a page about a run into one file: the account, power and clock over time, the period in the signal, the
/// settings tried. It needs no network and no script.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_run_html(record: &RunRecord, mut out: impl Write) -> io::Result<()> {
    let decision = Decision::of(record);
    let rows = trial_rows(record, &decision);
    let body = html! {
        div.headlines { (headlines(record)) }
        p.decision { (decision.sentence) }
        (time_section(record))
        @if let Some(seen) = &record.signal { (signal_section(record, seen)) }
        (settings_section(record, &decision, &rows))
        (section("Energy and time", "Measured: by gpoeo, through the sensors. True: what the simulation knows.",
            &html! { div.scroll { (tables::costs(record)) } }))
        (section("The best by the table", "If it were known from the start, under the same objective.",
            &html! { div.scroll { (tables::best(record)) } }))
        (footer(record))
    };
    writeln!(out, "{}", page(&title(record), &subtitle(record), &body).into_string())
}

/// Writes the chart of power and clock over time, the beginning and the whole run, as a picture by itself, light or dark
/// as its viewer wishes.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_run_svg(record: &RunRecord, mut out: impl Write) -> io::Result<()> {
    let whole = whole(record);
    let parts = match beginning(record) {
        Some(end_s) => vec![
            ("the beginning", over_time(record, &record.beginning, (whole.0, end_s), Room::Half)),
            ("the whole run", over_time(record, &record.trend, whole, Room::Half)),
        ],
        None => vec![("the whole run", over_time(record, &record.trend, whole, Room::Wide))],
    };
    let top = 96.0;
    let (width, height) = (Room::Wide.width(), parts.iter().map(|(_, (height, _))| *height).fold(0.0, f64::max) + top);
    let part_width = width / parts.len() as f64;
    let picture = html! {
        svg.chart xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (px(width)) " " (px(height)) }
            width=(px(width)) height=(px(height)) role="img" aria-label=(title(record)) {
            style { (PreEscaped(CHART_STYLE)) }
            rect.paper width="100%" height="100%" {}
            text.title x="16" y="30" { (title(record)) }
            text.subtitle x="16" y="52" { (outcome_line(record)) }
            @if record.machine.is_some() { (phase_keys(width - 16.0, 30.0)) }
            @for (index, (name, (_, body))) in parts.iter().enumerate() {
                @let left = index as f64 * part_width;
                text.axis x=(px(left + 48.0)) y=(px(top - 8.0)) { (name) }
                g transform={ "translate(" (px(left)) " " (px(top)) ")" } { (body) }
            }
        }
    };
    writeln!(out, "{}", picture.into_string())
}

fn outcome_line(record: &RunRecord) -> String {
    let truth = &record.outcome.account;
    let true_line =
        format!("{} % of the energy saved, {} % slower", percent(truth.saving()), percent(truth.slowdown()));
    match record.machine.as_ref().map(|machine| machine.measured) {
        Some(measured) => match (measured.saving, measured.slowdown) {
            (Some(saving), Some(slowdown)) => format!(
                "measured: {} of the energy saved, {} slower; true: {} % and {} %",
                percent_with_error(saving, measured.saving_stderr),
                percent_with_error(slowdown, measured.slowdown_stderr),
                percent(truth.saving()),
                percent(truth.slowdown()),
            ),
            _ => true_line,
        },
        None => true_line,
    }
}

fn headlines(record: &RunRecord) -> Markup {
    let truth = &record.outcome.account;
    let measured = record.machine.as_ref().map(|machine| machine.measured);
    let shown = |ratio: Option<f64>, stderr: Option<f64>, truth: f64| match (ratio, stderr) {
        (Some(ratio), Some(stderr)) => (
            format!("{} %", percent(ratio)),
            format!("± {} % as measured; true: {} %", percent(stderr), percent(truth)),
        ),
        _ => (format!("{} %", percent(truth)), "true, by the simulation".to_owned()),
    };
    let (saving, saving_note) =
        shown(measured.and_then(|m| m.saving), measured.and_then(|m| m.saving_stderr), truth.saving());
    let (slowdown, slowdown_note) =
        shown(measured.and_then(|m| m.slowdown), measured.and_then(|m| m.slowdown_stderr), truth.slowdown());
    let limit_note = record
        .objective
        .max_slowdown()
        .map_or(slowdown_note.clone(), |max| format!("{slowdown_note}; limit {}", limit(max)));
    let total_s = record.length.as_secs_f64();
    let oracle = record.outcome.oracle_cost;
    html! {
        (headline(&saving, "energy saved", &saving_note))
        (headline(&slowdown, "slower", &limit_note))
        @if record.machine.is_some() {
            @let spent_s = record.detection_s() + record.exploration_s();
            (headline(&format!("{} %", percent(spent_s / total_s)), "of the time spent learning",
                &format!("{} for detection and baseline, {} for trials; in the figures above",
                    span(record.detection_s()), span(record.exploration_s()))))
        }
        (headline(&format!("{} %", percent(oracle.saving())), "best single setting",
            &format!("saved if it were known from the start (oracle), {} % slower", percent(oracle.slowdown()))))
    }
}

fn time_section(record: &RunRecord) -> Markup {
    section("Power and clock over time", "", &html! { (time_charts(record)) (time_legend(record)) })
}

/// The beginning, which is where things happen, and the whole run.
pub(super) fn time_charts(record: &RunRecord) -> Markup {
    let whole = whole(record);
    let label = "Power and clock over time, with the phases";
    html! {
        @if let Some(end_s) = beginning(record) {
            h3 { "The beginning, until " (clock(end_s)) }
            (pictures(label, |room| over_time(record, &record.beginning, (whole.0, end_s), room)))
            h3 { "The whole run" }
        }
        (pictures(label, |room| over_time(record, &record.trend, whole, room)))
    }
}

pub(super) fn time_legend(record: &RunRecord) -> Markup {
    let mut items = vec![
        (html! { path.power d="M2 8H26" {} }, "mean power"),
        (html! { path.band d="M2 2H26V14H2z" {} }, "lowest to highest sample"),
        (html! { path.clock d="M2 4H14V12H26" {} }, "SM clock"),
    ];
    if record.machine.is_some() {
        items.push((html! { line.reference x1="2" y1="8" x2="26" y2="8" {} }, "mean power at default clocks"));
        items.extend(PHASES.map(phase_name).map(|(name, class)| {
            (html! { g class=(class) { rect.phase x="4" y="2" width="20" height="12" {} } }, name)
        }));
    }
    legend(&items)
}

/// The phases by name, from the right edge leftwards: on a picture by itself some are too narrow to be named in place.
fn phase_keys(right: f64, y: f64) -> Markup {
    html! {
        @for (index, (name, class)) in PHASES.map(phase_name).into_iter().rev().enumerate() {
            @let x = right - 84.0 * (index + 1) as f64;
            g class=(class) { rect.phase x=(px(x)) y=(px(y - 10.0)) width="12" height="12" {} }
            text.tick x=(px(x + 17.0)) y=(px(y)) { (name) }
        }
    }
}

fn whole(record: &RunRecord) -> (f64, f64) {
    (record.phases.first().map_or(0.0, |span| span.from_s).min(0.0), record.length.as_secs_f64())
}

/// Where the beginning ends: a while after the first hold has begun. `None` where that is most of what can be shown.
fn beginning(record: &RunRecord) -> Option<f64> {
    let end_s = 1.3 * record.outcome.settled_s? + 5.0;
    (record.machine.is_some() && end_s < 0.4 * record.length.as_secs_f64() && end_s <= record.beginning.end_s())
        .then_some(end_s)
}

fn signal_section(record: &RunRecord, seen: &SeenSignal) -> Markup {
    if record.is_by_work_rate() {
        return section(
            "No period",
            "The job does not repeat itself; its progress is known from the rate of instructions.",
            &html! {},
        );
    }
    let baseline = &seen.baseline;
    let lead = format!(
        "The power at default clocks, cut every {:.4} s: the period as it was measured (± {} %), {:.1} J each.",
        baseline.time_s,
        percent(baseline.time_stderr_ratio()),
        baseline.energy_j,
    );
    section(
        "The period",
        &lead,
        &html! { (pictures("The period in the power signal", |room| signal::signal(seen, room))) },
    )
}

fn settings_section(record: &RunRecord, decision: &Decision, rows: &[TrialRow]) -> Markup {
    if record.machine.is_none() {
        let held = held_rows(record, decision);
        return section(
            "The settings",
            "What was held, on the true curve.",
            &html! {
                (pictures("Time and energy of the settings", |room| settings(record, &held, room)))
                (settings_legend())
            },
        );
    }
    let lead = "Measured against true, with bars of one standard error. What an error of the baseline does to all \
                settings alike is in the bars.";
    section(
        "The settings",
        if rows.is_empty() { "" } else { lead },
        &html! {
            (pictures("Time and energy of the settings", |room| settings(record, rows, room)))
            (settings_legend())
            @if !rows.is_empty() { div.scroll { (tables::trials(record, decision, rows)) } }
        },
    )
}

fn footer(record: &RunRecord) -> Markup {
    html! {
        footer {
            "Simulated by gpoeo-sim " (env!("CARGO_PKG_VERSION")) " in virtual time: a recorded power waveform, bent by a \
             measured table of time and energy over the clocks, behind the sensors of a driver. Noise has the seed "
            (record.seed) "; an equal seed gives an equal page."
        }
    }
}
