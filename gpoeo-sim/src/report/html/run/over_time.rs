//! Power and clock over time, with the phases marked.

use gpoeo_core::Phase;
use maud::{Markup, html};

use crate::record::{RunRecord, Trend, TrendBin};
use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::{range, ticks, time_ticks};

/// Height of the strip with the phases, px.
const STRIP: f64 = 18.0;
/// A phase or a clock is named on the picture where it has this much room for each of its letters, px.
const LETTER: f64 = 6.5;

/// The picture of a stretch of the run, and its height.
pub(super) fn over_time(record: &RunRecord, trend: &Trend, span: (f64, f64), room: Room) -> (f64, Markup) {
    let (left, right) = (48.0, 22.0);
    let width = room.width() - left - right;
    let strip = Area { left, top: 2.0, width, height: STRIP };
    let power_area = Area { left, top: strip.bottom() + 30.0, width, height: 170.0 };
    let clock_area = Area { left, top: power_area.bottom() + 38.0, width, height: 110.0 };
    let bins: Vec<(f64, TrendBin)> = trend
        .bins
        .iter()
        .enumerate()
        .filter_map(|(index, bin)| Some((trend.start_s(index), (*bin)?)))
        .filter(|(start_s, _)| *start_s + trend.step_s > span.0 && *start_s < span.1)
        .collect();
    let highest_w = bins.iter().map(|(_, bin)| bin.highest_w).fold(1.0, f64::max);
    let clock_range = range(bins.iter().filter_map(|(_, bin)| bin.sm_mhz).map(f64::from), 0.15);
    let power = Plot::new(power_area, span, (0.0, highest_w * 1.05));
    let clock = Plot::new(clock_area, span, clock_range);
    let body = html! {
        (phases(record, span, &strip, clock_area.bottom()))
        (power.y_axis(&ticks((0.0, highest_w), 5), "power, W"))
        path.band d=(band(&power, &bins, trend.step_s)) {}
        path.power d=(power.line(bins.iter().map(|(start_s, bin)| Some((start_s + 0.5 * trend.step_s, bin.power_w))))) {}
        (default_power(record, &power))
        (clock.y_axis(&ticks(clock_range, 4), "SM clock, MHz"))
        (clock_steps(&clock, &bins, trend.step_s, span))
        (clock.x_axis(&time_ticks(span, room.most_ticks()), "time since the job began"))
    };
    (clock_area.bottom() + 44.0, body)
}

fn phases(record: &RunRecord, span: (f64, f64), strip: &Area, bottom: f64) -> Markup {
    let scale = Plot::new(*strip, span, (0.0, 1.0)).x;
    let spans = record.phases.iter().filter(|phase| phase.to_s > span.0 && phase.from_s < span.1);
    html! {
        @for phase in spans {
            @let (from, to) = (scale.px(phase.from_s.max(span.0)), scale.px(phase.to_s.min(span.1)));
            @let (name, class) = phase_name(phase.phase);
            @let width = px((to - from).max(0.5));
            g class=(class) {
                rect.tint x=(px(from)) y=(px(strip.bottom())) width=(width) height=(px(bottom - strip.bottom())) {}
                rect.phase x=(px(from)) y=(px(strip.top)) width=(width) height=(px(strip.height)) {
                    title { (name) }
                }
                @if to - from > LETTER * (name.len() + 1) as f64 {
                    text.phase-name x=(px(0.5 * (from + to))) y=(px(strip.top + 13.0)) text-anchor="middle" { (name) }
                }
            }
        }
    }
}

/// The phases that a run can be in, for a legend.
pub(super) const PHASES: [Phase; 4] = [Phase::Detect, Phase::MeasureBaseline, Phase::Search, Phase::Hold];

/// What a phase is called, and its class.
pub(super) fn phase_name(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::Detect => ("detect", "p-detect"),
        Phase::Hold => ("hold", "p-hold"),
        Phase::MeasureBaseline => ("baseline", "p-baseline"),
        Phase::Profile => ("counters", "p-baseline"),
        Phase::Search => ("search", "p-search"),
        _ => ("stop", "p-hold"),
    }
}

/// From the lowest to the highest sample of each bin.
fn band(plot: &Plot, bins: &[(f64, TrendBin)], step_s: f64) -> String {
    let middle = |start_s: f64| start_s + 0.5 * step_s;
    let upper = bins.iter().map(|(start_s, bin)| Some((middle(*start_s), bin.highest_w)));
    let lower = bins.iter().rev().map(|(start_s, bin)| Some((middle(*start_s), bin.lowest_w)));
    plot.line(upper.chain(lower))
}

/// The mean power of the baseline, to compare with.
fn default_power(record: &RunRecord, plot: &Plot) -> Markup {
    let baseline = record.machine.as_ref().and_then(|machine| machine.report.baseline);
    html! {
        @if let Some(baseline) = baseline {
            @let y = px(plot.y.px(baseline.power_w()));
            line.reference x1=(px(plot.area.left)) y1=(y) x2=(px(plot.area.right())) y2=(y) {}
        }
    }
}

fn clock_steps(plot: &Plot, bins: &[(f64, TrendBin)], step_s: f64, span: (f64, f64)) -> Markup {
    let mut levels: Vec<(f64, f64, u32)> = Vec::new();
    for (start_s, bin) in bins {
        let Some(mhz) = bin.sm_mhz else { continue };
        match levels.last_mut() {
            Some((_, to, last)) if *last == mhz => *to = start_s + step_s,
            _ => levels.push((*start_s, start_s + step_s, mhz)),
        }
    }
    let points = levels.iter().flat_map(|&(from, to, mhz)| [(from, mhz), (to, mhz)]);
    let points = points.map(|(at, mhz)| Some((at.clamp(span.0, span.1), f64::from(mhz))));
    html! {
        path.clock d=(plot.line(points)) {}
        @for &(from, to, mhz) in &levels {
            @let (left, right) = (plot.x.px(from.max(span.0)), plot.x.px(to.min(span.1)));
            @if right - left > LETTER * 4.5 {
                text.mark x=(px(0.5 * (left + right))) y=(px(plot.y.px(f64::from(mhz)) - 5.0)) text-anchor="middle" { (mhz) }
            }
        }
    }
}
