//! Time and energy of each tried setting, with error bars, against what is true.

use gpoeo_core::{ClockPair, MemGear, RelativeCost};
use maud::{Markup, html};

use crate::record::RunRecord;
use crate::report::html::chart::{Area, Plot, Room, legend, px};
use crate::report::html::scale::{range, ticks};
use crate::report::run::rows::TrialRow;
use crate::report::words::SettingNames;

/// One of the two quantities.
struct Quantity {
    label: &'static str,
    value: fn(RelativeCost) -> f64,
    error: fn(&TrialRow) -> f64,
    limit: Option<f64>,
}

/// The picture, and its height.
pub(super) fn settings(record: &RunRecord, rows: &[TrialRow], room: Room) -> (f64, Markup) {
    let quantities = [
        Quantity {
            label: "time of an iteration, default = 1",
            value: |cost| cost.time,
            error: |row| row.time_stderr,
            limit: record.objective.max_slowdown().map(|limit| 1.0 + limit),
        },
        Quantity {
            label: "energy of an iteration, default = 1",
            value: |cost| cost.energy,
            error: |row| row.energy_stderr,
            limit: match record.objective {
                gpoeo_core::Objective::MinTime { min_saving } => Some(1.0 - min_saving),
                _ => None,
            },
        },
    ];
    let areas = areas(room);
    let shown = shown(record, rows);
    let body = html! {
        @for (quantity, area) in quantities.iter().zip(areas) {
            (chart(record, rows, quantity, area, shown))
        }
    };
    (areas[1].bottom() + 44.0, body)
}

fn areas(room: Room) -> [Area; 2] {
    let (left, top) = (48.0, 24.0);
    match room {
        Room::Wide => {
            let first = Area { left, top, width: 400.0, height: 240.0 };
            [first, Area { left: first.right() + 88.0, ..first }]
        }
        Room::Half | Room::Narrow => {
            let first = Area { left, top, width: room.width() - 60.0, height: 200.0 };
            [first, Area { top: first.bottom() + 76.0, ..first }]
        }
    }
}

/// The clocks that are shown: those that were tried, and some on both sides of them.
fn shown(record: &RunRecord, rows: &[TrialRow]) -> (f64, f64) {
    let curve = record.workload.curve();
    let tried = rows.iter().map(|row| row.clocks);
    let marked = tried.chain([record.outcome.oracle_clocks, record.outcome.last_clocks, curve.default_clocks()]);
    let (low, high) = range(marked.map(sm), 0.12);
    let (lowest, highest) = range(curve.settings().map(|(clocks, _)| sm(clocks)), 0.02);
    (low.max(lowest), high.min(highest))
}

fn sm(clocks: ClockPair) -> f64 {
    f64::from(clocks.sm().0)
}

fn chart(record: &RunRecord, rows: &[TrialRow], quantity: &Quantity, area: Area, shown: (f64, f64)) -> Markup {
    let curve = record.workload.curve();
    let is_shown = |clocks: ClockPair| sm(clocks) >= shown.0 && sm(clocks) <= shown.1;
    let value = |cost: RelativeCost| (quantity.value)(cost);
    let gears: Vec<MemGear> = (0..curve.capabilities().mem_gears()).map(MemGear).collect();
    // Other memory clocks only where they were tried: they can lie far away.
    let was_tried = |gear: MemGear| rows.iter().any(|row| row.clocks.mem_gear() == gear);
    let gears: Vec<MemGear> =
        gears.into_iter().filter(|&gear| gear == curve.default_clocks().mem_gear() || was_tried(gear)).collect();
    let truth =
        |gear: MemGear| curve.settings().filter(move |(clocks, _)| clocks.mem_gear() == gear && is_shown(*clocks));
    let true_values = gears.iter().flat_map(|&gear| truth(gear)).map(|(_, cost)| value(cost));
    let measured = rows.iter().flat_map(|row| {
        let (middle, error) = (value(row.cost), (quantity.error)(row));
        [middle - error, middle + error]
    });
    let span = range(true_values.chain(measured).chain(quantity.limit), 0.06);
    let plot = Plot::new(area, shown, span);
    html! {
        (plot.y_axis(&ticks(span, 6), quantity.label))
        (plot.x_axis(&ticks(shown, 6), "SM clock, MHz"))
        @if let Some(limit) = quantity.limit {
            @let y = px(plot.y.px(limit));
            line.limit x1=(px(area.left)) y1=(y) x2=(px(area.right())) y2=(y) {}
            text.mark x=(px(area.right())) y=(px(plot.y.px(limit) - 5.0)) text-anchor="end" { "limit" }
        }
        @for &gear in &gears {
            path.truth d=(plot.line(truth(gear).map(|(clocks, cost)| Some((sm(clocks), value(cost)))))) {}
            @if gears.len() > 1 {
                @if let Some((clocks, cost)) = truth(gear).last() {
                    text.mark x=(px(plot.x.px(sm(clocks)) - 4.0)) y=(px(plot.y.px(value(cost)) - 6.0)) text-anchor="end" {
                        "memory " (clocks.mem().0) " MHz"
                    }
                }
            }
        }
        (oracle(&plot, record, quantity))
        @for row in rows { (point(&plot, record, row, quantity)) }
    }
}

fn point(plot: &Plot, record: &RunRecord, row: &TrialRow, quantity: &Quantity) -> Markup {
    let (value, error) = ((quantity.value)(row.cost), (quantity.error)(row));
    let (x, y) = (plot.x.px(sm(row.clocks)), plot.y.px(value));
    let (low, high) = (plot.y.px(value - error), plot.y.px(value + error));
    let name = SettingNames::of(&record.workload).name(row.clocks);
    html! {
        g.held[row.held_share.is_some()].tried[row.held_share.is_none()] {
            title { (name) ": " (format!("{value:.3} ± {error:.3}")) }
            path.bar d={ "M" (px(x)) " " (px(low)) "V" (px(high)) "M" (px(x - 3.0)) " " (px(low)) "h6M"
                (px(x - 3.0)) " " (px(high)) "h6" } {}
            circle cx=(px(x)) cy=(px(y)) r=(if row.held_share.is_some() { "5" } else { "3.5" }) {}
        }
    }
}

/// A diamond on the true curve.
fn oracle(plot: &Plot, record: &RunRecord, quantity: &Quantity) -> Markup {
    let clocks = record.outcome.oracle_clocks;
    let (x, y) = (plot.x.px(sm(clocks)), plot.y.px((quantity.value)(record.outcome.oracle_cost)));
    html! {
        path.oracle d={ "M" (px(x)) " " (px(y - 9.0)) "l9 9l-9 9l-9 -9z" } {
            title { "oracle: " (SettingNames::of(&record.workload).name(clocks)) }
        }
    }
}

/// What the marks mean.
pub(super) fn settings_legend() -> Markup {
    legend(&[
        (html! { g.held { path.bar d="M14 2V14M11 2h6M11 14h6" {} circle cx="14" cy="8" r="5" {} } }, "held"),
        (html! { g.tried { path.bar d="M14 2V14M11 2h6M11 14h6" {} circle cx="14" cy="8" r="3.5" {} } }, "tried"),
        (html! { path.truth d="M2 12L26 4" {} }, "true, by the table"),
        (html! { path.oracle d="M14 1l7 7l-7 7l-7 -7z" {} }, "oracle: the best single setting"),
        (html! { line.limit x1="2" y1="8" x2="26" y2="8" {} }, "limit"),
    ])
}
