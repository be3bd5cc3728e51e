//! Saving and slowdown of each job, one row a job.

use gpoeo_core::Objective;
use maud::{Markup, html};

use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::{range, ticks};
use crate::report::words::percent;

use super::rows::JobRow;

/// Room for the number beside a bar, px.
const NUMBER: f64 = 36.0;

/// Height of a row, px.
fn row_height(room: Room) -> f64 {
    match room {
        Room::Wide => 17.0,
        // The name has a line of its own.
        Room::Half | Room::Narrow => 31.0,
    }
}

/// The picture, and its height.
pub(super) fn jobs(rows: &[JobRow<'_>], objective: Objective, room: Room) -> (f64, Markup) {
    let (savings, slowdowns) = areas(room, rows.len());
    let limit = objective.max_slowdown().map(|limit| 100.0 * limit);
    let saving_span =
        range(rows.iter().flat_map(|row| [100.0 * row.saving, 100.0 * row.oracle_saving]).chain([0.0]), 0.0);
    let slowdown_span = range(rows.iter().map(|row| 100.0 * row.slowdown).chain(limit).chain([0.0]), 0.0);
    let saving = Plot::new(savings, saving_span, (0.0, 1.0));
    let slowdown = Plot::new(slowdowns, slowdown_span, (0.0, 1.0));
    let body = html! {
        (columns(&saving, saving_span, "saved, %", room))
        (columns(&slowdown, slowdown_span, "slower, %", room))
        @if let Some(limit) = limit {
            @let x = px(slowdown.x.px(limit));
            line.limit x1=(x) y1=(px(slowdowns.top)) x2=(x) y2=(px(slowdowns.bottom())) {}
        }
        @for (index, row) in rows.iter().enumerate() {
            @let top = savings.top + index as f64 * row_height(room);
            (line(row, top, &saving, &slowdown, room))
        }
    };
    (savings.bottom() + 26.0, body)
}

/// Right of each area is room for [`NUMBER`].
fn areas(room: Room, rows: usize) -> (Area, Area) {
    let (top, height) = (42.0, rows as f64 * row_height(room));
    let (left, share) = match room {
        Room::Wide => (232.0, 0.62),
        Room::Half | Room::Narrow => (4.0, 0.58),
    };
    let free = room.width() - left - 2.0 * NUMBER - 14.0;
    let savings = Area { left, top, width: share * free, height };
    (savings, Area { left: savings.right() + NUMBER + 10.0, width: (1.0 - share) * free, ..savings })
}

/// Lines down with numbers above and below.
fn columns(plot: &Plot, span: (f64, f64), label: &str, room: Room) -> Markup {
    let Area { left, top, .. } = plot.area;
    html! {
        text.axis x=(px(left)) y=(px(top - 26.0)) { (label) }
        @for tick in ticks(span, if room == Room::Wide { 6 } else { 3 }) {
            @let x = px(plot.x.px(tick.value));
            line.grid x1=(x) y1=(px(top)) x2=(x) y2=(px(plot.area.bottom())) {}
            text.tick x=(x) y=(px(top - 8.0)) text-anchor="middle" { (tick.label) }
            text.tick x=(x) y=(px(plot.area.bottom() + 16.0)) text-anchor="middle" { (tick.label) }
        }
    }
}

fn line(row: &JobRow<'_>, top: f64, saving: &Plot, slowdown: &Plot, room: Room) -> Markup {
    let (name_x, name_y, bar_top) = match room {
        Room::Wide => (saving.area.left - 10.0, top + 12.5, top + 3.0),
        Room::Half | Room::Narrow => (saving.area.left, top + 12.0, top + 16.5),
    };
    let anchor = if room == Room::Wide { "end" } else { "start" };
    let is_over = row.over_limit > 0;
    let oracle = saving.x.px(100.0 * row.oracle_saving);
    html! {
        g.job {
            title {
                (row.name) ": " (percent(row.saving)) " % saved, " (percent(row.slowdown)) " % slower; the oracle: "
                (percent(row.oracle_saving)) " % saved, " (percent(row.oracle_slowdown)) " % slower"
            }
            text.job-name x=(px(name_x)) y=(px(name_y)) text-anchor=(anchor) { (row.name) }
            (bar(saving, row.saving, bar_top, "saving"))
            path.oracle-mark d={ "M" (px(oracle)) " " (px(bar_top - 1.5)) "v14" } {}
            (number(saving, row.saving, bar_top, false))
            (bar(slowdown, row.slowdown, bar_top, if is_over { "slowdown over" } else { "slowdown" }))
            (number(slowdown, row.slowdown, bar_top, is_over))
        }
    }
}

fn bar(plot: &Plot, ratio: f64, top: f64, class: &str) -> Markup {
    let (zero, end) = (plot.x.px(0.0), plot.x.px(100.0 * ratio));
    html! {
        rect class=(class) x=(px(zero.min(end))) y=(px(top)) width=(px((end - zero).abs())) height="11" {}
    }
}

fn number(plot: &Plot, ratio: f64, top: f64, is_over: bool) -> Markup {
    html! {
        text.bar-number.over[is_over] x=(px(plot.area.right() + NUMBER)) y=(px(top + 9.5)) text-anchor="end" {
            (percent(ratio))
        }
    }
}

/// What the marks mean.
pub(super) fn keys(objective: Objective) -> Vec<(Markup, &'static str)> {
    let mut keys = vec![
        (html! { rect.saving x="2" y="3" width="24" height="11" {} }, "saved"),
        (html! { path.oracle-mark d="M14 1V15" {} }, "saved by the oracle, the best single setting"),
        (html! { rect.slowdown x="2" y="3" width="24" height="11" {} }, "slower"),
    ];
    if objective.max_slowdown().is_some() {
        keys.push((
            html! { rect class="slowdown over" x="2" y="3" width="24" height="11" {} },
            "slower than the limit",
        ));
        keys.push((html! { line.limit x1="14" y1="1" x2="14" y2="15" {} }, "limit"));
    }
    keys
}
