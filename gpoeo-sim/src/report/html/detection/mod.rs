//! The page and the pictures about period detection in recordings.

mod answers;
mod spectra;
mod strip;

use std::io::{self, Write};

use gpoeo_core::Outcome;
use maud::{Markup, PreEscaped, html};

use crate::detection::{DetectionRecord, Evidence};
use crate::report::words::decimals;
use crate::score::{Rhythm, Verdict};

use super::chart::{Room, legend, pictures, px};
use super::fold::Folding;
use super::page::{CHART_STYLE, headline, page};
use spectra::Spectra;

/// Writes a page with one section a recording: the signal, the signal folded at the answer, its autocorrelation and its
/// spectrum with the candidates marked, and the answer over time, beside the truth where it is known. One file, without
/// network or script.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_detection_html(records: &[DetectionRecord], mut out: impl Write) -> io::Result<()> {
    let title = match records {
        [only] => format!("Period detection: {}", only.name),
        _ => format!("Period detection in {} recordings", records.len()),
    };
    let body = html! {
        @if records.len() > 1 { (contents(records)) }
        @for (index, record) in records.iter().enumerate() { (part(index, record)) }
        footer {
            "By gpoeo-sim " (env!("CARGO_PKG_VERSION")) ". The detector saw one sample at a time and never looked ahead. \
             Autocorrelation and spectrum are the page's own, of the last part of the job, slow changes taken off; the \
             detector has windows of several lengths, cleaned of pauses."
        }
    };
    writeln!(out, "{}", page(&title, "What was seen, what was answered, and when.", &body).into_string())
}

/// Writes the pictures of one recording as one picture by itself, light or dark as its viewer wishes.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_detection_svg(record: &DetectionRecord, mut out: impl Write) -> io::Result<()> {
    let width = Room::Wide.width();
    let pictures: Vec<(f64, Markup)> = charts(record).iter().map(|chart| chart.draw(Room::Wide)).collect();
    let top = 84.0;
    let height = top + pictures.iter().map(|(height, _)| height + 16.0).sum::<f64>();
    let tops = pictures.iter().scan(top, |at, (height, _)| {
        let here = *at;
        *at += height + 16.0;
        Some(here)
    });
    let picture = html! {
        svg.chart xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (px(width)) " " (px(height)) }
            width=(px(width)) height=(px(height)) role="img" aria-label={ "Period detection in " (record.name) } {
            style { (PreEscaped(CHART_STYLE)) }
            rect.paper width="100%" height="100%" {}
            text.title x="16" y="30" { (record.name) }
            text.subtitle x="16" y="52" { (sentence(record)) }
            @for (at, (_, body)) in tops.zip(&pictures) { g transform={ "translate(0 " (px(at)) ")" } { (body) } }
        }
    };
    writeln!(out, "{}", picture.into_string())
}

/// One picture of a recording.
enum Chart<'a> {
    Answers(&'a DetectionRecord),
    Fold { samples: Vec<(f64, f64)>, period_s: f64, value: (&'static str, &'static str) },
    Spectra(Spectra),
    Strip(&'a DetectionRecord),
}

impl Chart<'_> {
    fn draw(&self, room: Room) -> (f64, Markup) {
        match self {
            Self::Answers(record) => answers::answers(record, room),
            Self::Fold { samples, period_s, value } => {
                let folding = Folding { samples, period_s: *period_s, value: *value, time: "s of the recording" };
                folding.draw(room)
            }
            Self::Spectra(spectra) => spectra.draw(room),
            Self::Strip(record) => strip::strip(record, room),
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Answers(_) => "The answer over time",
            Self::Fold { .. } => "The last periods, and all on top of each other",
            Self::Spectra(_) => "Autocorrelation and spectrum of the last part of the job",
            Self::Strip(_) => "The whole recording",
        }
    }

    fn legend(&self, record: &DetectionRecord) -> Markup {
        let line = |class: &str| html! { line class=(class) x1="2" y1="8" x2="26" y2="8" {} };
        match self {
            Self::Answers(_) => {
                let mut items = vec![(html! { path.answer d="M2 8H26" {} }, "the answer")];
                if record.rhythm().is_some_and(|rhythm| rhythm.iteration_s.is_some()) {
                    items.push((line("truth"), "an iteration, in truth"));
                    items.push((line("reference"), "two, three and four iterations: right, too"));
                }
                legend(&items)
            }
            Self::Fold { .. } => legend(&[
                (line("cut"), "where the answer cuts it"),
                (html! { circle.dot cx="14" cy="8" r="3" {} }, "values of the last 20 periods"),
                (html! { path.mean d="M2 8H26" {} }, "their mean"),
            ]),
            Self::Spectra(spectra) => legend(&spectra.legend()),
            Self::Strip(_) => legend(&[
                (html! { path.power d="M2 8H26" {} }, "mean"),
                (html! { path.band d="M2 2H26V14H2z" {} }, "lowest to highest value"),
                (line("reference"), "the job begins, the first answer that lasts"),
            ]),
        }
    }
}

fn charts(record: &DetectionRecord) -> Vec<Chart<'_>> {
    let (begin_s, end_s) = record.busy_s();
    let period_s = record.detection.answers.at_s(end_s);
    let (name, unit, scale) = record.shown_unit();
    let mut charts = vec![Chart::Strip(record)];
    if let Some(period_s) = period_s {
        let busy = record.samples.iter().filter(|(at_s, _)| (begin_s..=end_s).contains(at_s));
        let samples = busy.map(|&(at_s, value)| (at_s, value * scale)).collect();
        charts.push(Chart::Fold { samples, period_s, value: (name, unit) });
    }
    let evidence = Evidence::of(&record.samples, begin_s, end_s, period_s);
    if let Some(evidence) = evidence {
        let iteration_s = record.rhythm().and_then(|rhythm| rhythm.iteration_s);
        charts.push(Chart::Spectra(Spectra { evidence, period_s, iteration_s }));
    }
    charts.push(Chart::Answers(record));
    charts
}

/// Links to the sections, each with its answer.
fn contents(records: &[DetectionRecord]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "recording" } th { "answer" } th.number { "confidence" } th { "in truth" } th { "verdict" } } }
                tbody {
                    @for (index, record) in records.iter().enumerate() {
                        tr {
                            th scope="row" { a href={ "#r" (index) } { (record.name) } }
                            td { (answer(record)) }
                            td.number { (confidence(record).map_or_else(String::new, |value| decimals(value, 2))) }
                            td { (record.rhythm().map_or_else(String::new, |rhythm| truth(&rhythm))) }
                            td { (record.judged().map_or("", |judged| verdict(judged.verdict))) }
                        }
                    }
                }
            }
        }
    }
}

fn part(index: usize, record: &DetectionRecord) -> Markup {
    html! {
        section id={ "r" (index) } {
            h2 { (record.name) }
            p { (sentence(record)) }
            div.headlines { (headlines(record)) }
            @for chart in charts(record) {
                h3 { (chart.title()) }
                (pictures(chart.title(), |room| chart.draw(room)))
                (chart.legend(record))
                @if let Chart::Spectra(spectra) = &chart { (spectra.table()) }
            }
        }
    }
}

fn headlines(record: &DetectionRecord) -> Markup {
    let detection = &record.detection;
    let begin_s = detection.busy_from.map(|from| from.as_secs_f64());
    let first_s = detection.first_decided.map(|at| at.as_secs_f64());
    let seconds =
        |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{} s", decimals(value, 1)));
    let cost = detection.cpu.as_secs_f64() * 1e6 / detection.samples.max(1) as f64;
    html! {
        (headline(&answer(record), "the answer", &record.rhythm().map_or_else(
            || "the truth is not known".to_owned(), |rhythm| format!("in truth: {}", truth(&rhythm)))))
        @if let Some(confidence) = confidence(record) {
            (headline(&decimals(confidence, 2), "confidence", "share of such answers that are right"))
        }
        (headline(&seconds(first_s.zip(begin_s).map(|(first, begin)| first - begin)), "to the first answer that lasts",
            &format!("the job began at {}", seconds(begin_s))))
        (headline(&format!("{} µs", decimals(cost, 2)), "of CPU a sample",
            &format!("{} samples of {}", detection.samples, record.shown_unit().0)))
    }
}

/// What was answered and whether it is right, in one line.
fn sentence(record: &DetectionRecord) -> String {
    let of = format!("{} of {} samples", record.shown_unit().0, record.detection.samples);
    let judged = record.judged().map_or_else(String::new, |judged| {
        format!("; in truth: {}: {}", truth(&judged.rhythm), verdict(judged.verdict))
    });
    let sure = confidence(record).map_or_else(String::new, |value| format!(" (confidence {})", decimals(value, 2)));
    format!("{of}: {}{sure}{judged}", answer(record))
}

fn answer(record: &DetectionRecord) -> String {
    match (record.detection.period_s(), record.detection.outcome) {
        (Some(period_s), _) => format!("{period_s:.4} s"),
        (None, Outcome::Aperiodic) => "aperiodic".to_owned(),
        (None, _) => "undecided".to_owned(),
    }
}

fn confidence(record: &DetectionRecord) -> Option<f64> {
    match record.detection.outcome {
        Outcome::Periodic { confidence, .. } => Some(confidence),
        _ => None,
    }
}

fn truth(rhythm: &Rhythm) -> String {
    let mut words = match (rhythm.ragged_mean_s, rhythm.iteration_s) {
        (Some(mean_s), _) => format!("ragged, {mean_s:.4} s in the mean"),
        (None, Some(iteration_s)) => format!("{iteration_s:.4} s"),
        (None, None) => "no period".to_owned(),
    };
    if let Some(epoch_s) = rhythm.epoch_s {
        words.push_str(&format!(", epoch {epoch_s:.2} s"));
    }
    words
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Right => "right",
        Verdict::Missed => "missed",
        Verdict::Wrong => "wrong",
    }
}
