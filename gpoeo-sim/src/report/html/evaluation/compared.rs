//! Saving against slowdown of each policy, with the limit drawn.

use maud::{Markup, html};

use crate::evaluate::{Evaluation, Interval, PolicyRuns};
use crate::report::html::chart::{Area, Plot, Room, legend, px};
use crate::report::html::scale::{range, ticks};
use crate::report::words::percent;

/// Width of a letter of a name, px.
const LETTER: f64 = 6.6;
/// Height of a name, px.
const LINE: f64 = 14.0;

/// The picture, and its height.
pub(super) fn compared(evaluation: &Evaluation, room: Room) -> (f64, Markup) {
    let points = points(evaluation);
    let height = if room == Room::Wide { 340.0 } else { 300.0 };
    let area = Area { left: 48.0, top: 24.0, width: room.width() - 72.0, height };
    let limit = evaluation.objective.max_slowdown().map(|limit| 100.0 * limit);
    let ends = |at: fn(&Point) -> [f64; 3]| points.iter().flat_map(at).collect::<Vec<f64>>();
    let x_span = range(ends(|point| point.x).into_iter().chain(limit).chain([0.0]), 0.08);
    let y_span = range(ends(|point| point.y).into_iter().chain([0.0]), 0.08);
    let plot = Plot::new(area, x_span, y_span);
    let names = names(&points, &plot);
    let body = html! {
        (plot.y_axis(&ticks(y_span, 6), "energy saved, %"))
        (plot.x_axis(&ticks(x_span, room.most_ticks()), "slower, %"))
        @if let Some(limit) = limit {
            @let x = px(plot.x.px(limit));
            line.limit x1=(x) y1=(px(area.top)) x2=(x) y2=(px(area.bottom())) {}
            text.mark x=(px(plot.x.px(limit) + 5.0)) y=(px(area.top + 11.0)) { "limit" }
        }
        @for point in &points {
            @let [left, x, right] = point.x.map(|value| plot.x.px(value));
            @let [low, y, high] = point.y.map(|value| plot.y.px(value));
            g.(point.class) {
                title { (point.name) ": " (percent(0.01 * point.y[1])) " % saved, " (percent(0.01 * point.x[1])) " % slower" }
                path.bar d={ "M" (px(left)) " " (px(y)) "H" (px(right)) "M" (px(x)) " " (px(low)) "V" (px(high)) } {}
                @if point.class == "known" {
                    path.oracle d={ "M" (px(x)) " " (px(y - 6.0)) "l6 6l-6 6l-6 -6z" } {}
                } @else {
                    circle cx=(px(x)) cy=(px(y)) r=(if point.class == "held" { "6" } else { "4.5" }) {}
                }
            }
        }
        @for (point, (x, y)) in points.iter().zip(names) {
            text.point-name.subject[point.class == "held"] x=(px(x)) y=(px(y)) { (point.name) }
        }
    };
    (area.bottom() + 44.0, body)
}

/// What the marks mean.
pub(super) fn compared_legend(evaluation: &Evaluation) -> Markup {
    let subject = evaluation.subject().map_or("", |subject| subject.policy.name());
    let mut keys = vec![
        (html! { g.held { path.bar d="M3 8H25M14 2V14" {} circle cx="14" cy="8" r="6" {} } }, subject),
        (html! { g.tried { path.bar d="M3 8H25M14 2V14" {} circle cx="14" cy="8" r="4.5" {} } }, "to compare with"),
        (html! { g.known { path.oracle d="M14 2l6 6l-6 6l-6 -6z" {} } }, "knows everything from the start"),
    ];
    if evaluation.objective.max_slowdown().is_some() {
        keys.push((html! { line.limit x1="2" y1="8" x2="26" y2="8" {} }, "limit"));
    }
    legend(&keys)
}

/// In percent: the lower end of the confidence interval, the mean, the upper end.
struct Point {
    name: &'static str,
    class: &'static str,
    x: [f64; 3],
    y: [f64; 3],
}

fn points(evaluation: &Evaluation) -> Vec<Point> {
    let subject = evaluation.subject().map(|subject| subject.policy);
    let known = |runs: &&PolicyRuns| !runs.runs.is_empty();
    let point = |runs: &PolicyRuns| {
        let spread = |mean: f64, interval: Option<Interval>| {
            let Interval { low, high } = interval.unwrap_or(Interval { low: mean, high: mean });
            [100.0 * low, 100.0 * mean, 100.0 * high]
        };
        Point {
            name: runs.policy.name(),
            class: match runs.policy {
                policy if Some(policy) == subject => "held",
                policy if policy.knows_everything() => "known",
                _ => "tried",
            },
            x: spread(runs.summary.mean_slowdown, runs.summary.slowdown_interval),
            y: spread(runs.summary.mean_saving, runs.summary.saving_interval),
        }
    };
    evaluation.policies.iter().filter(known).map(point).collect()
}

/// Where the names stand: beside their points, and not on top of each other.
fn names(points: &[Point], plot: &Plot) -> Vec<(f64, f64)> {
    /// Left, top, right, bottom.
    type Box = [f64; 4];
    let overlap = |a: &Box, b: &Box| {
        let across = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
        across * (a[3].min(b[3]) - a[1].max(b[1])).max(0.0)
    };
    let marks: Vec<Box> = points
        .iter()
        .flat_map(|point| {
            let [left, x, right] = point.x.map(|value| plot.x.px(value));
            let [low, y, high] = point.y.map(|value| plot.y.px(value));
            [[x - 7.0, y - 7.0, x + 7.0, y + 7.0], [left, y - 1.0, right, y + 1.0], [x - 1.0, high, x + 1.0, low]]
        })
        .collect();
    let mut taken: Vec<Box> = Vec::new();
    let mut places = Vec::new();
    for point in points {
        let (x, y) = (plot.x.px(point.x[1]), plot.y.px(point.y[1]));
        let width = LETTER * point.name.len() as f64;
        let beside = |step: f64| [(x + 10.0, y - 9.0 + step), (x - 10.0 - width, y - 9.0 + step)];
        let candidates = [0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0].map(|steps| beside(steps * LINE));
        // What lies over something else, or beyond the picture, is worse the more it does; further away is a little worse.
        let cost = |(index, (left, baseline)): (usize, (f64, f64))| {
            let place = [left, baseline - 11.0, left + width, baseline + 3.0];
            let hidden: f64 = marks.iter().chain(&taken).map(|other| overlap(other, &place)).sum();
            let beyond = (place[2] - plot.area.right() - 20.0).max(0.0)
                + (plot.area.left - place[0]).max(0.0)
                + (plot.area.top - place[1]).max(0.0)
                + (place[3] - plot.area.bottom()).max(0.0);
            (hidden + 50.0 * beyond + 2.0 * index as f64, place, (left, baseline))
        };
        let best = candidates.into_iter().flatten().enumerate().map(cost).min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, place, at)) = best {
            taken.push(place);
            places.push(at);
        }
    }
    places
}
