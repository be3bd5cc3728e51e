//! The detected period over the signal: the power as it was read, cut at each period, and all cuts on top of each other.

use maud::{Markup, html};

use crate::record::SeenSignal;
use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::{Tick, range, ticks, time_ticks};

/// Periods that are shown one after the other.
const SHOWN: f64 = 6.0;
/// Periods that are laid on top of each other; the error of the period adds up over them.
const FOLDED: f64 = 20.0;
/// Points of the mean over the folded signal, at most.
const POINTS: f64 = 40.0;

/// The picture, and its height.
pub(super) fn signal(seen: &SeenSignal, room: Room) -> (f64, Markup) {
    let period_s = seen.baseline.time_s;
    let end_s = seen.samples.last().map_or(0.0, |(at_s, _)| *at_s);
    let from_s = |periods: f64| {
        let first_s = seen.samples.first().map_or(0.0, |(at_s, _)| *at_s);
        end_s - period_s * periods.min(((end_s - first_s) / period_s).floor()).max(1.0)
    };
    let (strip_area, fold_area) = areas(room);
    let start_s = from_s(SHOWN);
    let offset_s = valley(&seen.samples, period_s, from_s(FOLDED));
    let shown: Vec<(f64, f64)> = seen.samples.iter().copied().filter(|(at_s, _)| *at_s >= start_s).collect();
    let folded = folded(&seen.samples, period_s, from_s(FOLDED), offset_s);
    // The shape matters here, not the level.
    let span_w = range(shown.iter().chain(&folded).map(|(_, power_w)| *power_w), 0.06);
    let strip = Plot::new(strip_area, (start_s, end_s), span_w);
    let fold = Plot::new(fold_area, (0.0, period_s), span_w);
    let watts = ticks(span_w, 5);
    let body = html! {
        (strip.y_axis(&watts, "power as it was read, W"))
        @for mark in marks(start_s, end_s, period_s, offset_s) {
            @let x = px(strip.x.px(mark));
            line.cut x1=(x) y1=(px(strip.area.top)) x2=(x) y2=(px(strip.area.bottom())) {}
        }
        path.power d=(strip.line(shown.iter().copied().map(Some))) {}
        (strip.x_axis(&strip_ticks((start_s, end_s)), "s since the job began"))
        (fold.y_axis(&watts, "the last periods on top of each other, W"))
        @for (at_s, power_w) in &folded {
            circle.dot cx=(px(fold.x.px(*at_s))) cy=(px(fold.y.px(*power_w))) r="1.8" {}
        }
        path.mean d=(fold.line(mean(&folded, period_s))) {}
        (fold.x_axis(&ticks((0.0, period_s), 4), "s since the cut"))
    };
    (fold_area.bottom() + 44.0, body)
}

fn areas(room: Room) -> (Area, Area) {
    let (left, top, height) = (48.0, 24.0, 150.0);
    match room {
        Room::Wide => {
            let strip = Area { left, top, width: 540.0, height };
            (strip, Area { left: strip.right() + 64.0, top, width: 960.0 - strip.right() - 76.0, height })
        }
        Room::Half | Room::Narrow => {
            let strip = Area { left, top, width: room.width() - 60.0, height };
            (strip, Area { top: strip.bottom() + 76.0, ..strip })
        }
    }
}

/// Seconds for a stretch of seconds, minutes for a longer one.
fn strip_ticks(span: (f64, f64)) -> Vec<Tick> {
    if span.1 - span.0 < 60.0 { ticks(span, 5) } else { time_ticks(span, 5) }
}

/// Where in the period the power is lowest: the cuts are to lie between iterations, s.
fn valley(samples: &[(f64, f64)], period_s: f64, from_s: f64) -> f64 {
    let folded = folded(samples, period_s, from_s, 0.0);
    let lowest = mean(&folded, period_s).into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1));
    lowest.map_or(0.0, |(at_s, _)| at_s)
}

fn folded(samples: &[(f64, f64)], period_s: f64, from_s: f64, offset_s: f64) -> Vec<(f64, f64)> {
    let recent = samples.iter().filter(|(at_s, _)| *at_s >= from_s);
    recent.map(|(at_s, power_w)| ((at_s - offset_s).rem_euclid(period_s), *power_w)).collect()
}

/// Mean power of the folded samples in slices of the period; no finer than there are samples to.
fn mean(folded: &[(f64, f64)], period_s: f64) -> Vec<Option<(f64, f64)>> {
    let slices = (folded.len() as f64 / 4.0).clamp(4.0, POINTS).min((period_s / 0.02).max(4.0)).floor();
    let mut sums = vec![(0.0, 0_u32); slices as usize];
    for (at_s, power_w) in folded {
        let slice = ((at_s / period_s * slices) as usize).min(sums.len() - 1);
        sums[slice].0 += power_w;
        sums[slice].1 += 1;
    }
    let point = |(index, (sum, count)): (usize, (f64, u32))| {
        (count > 0).then(|| ((index as f64 + 0.5) * period_s / slices, sum / f64::from(count)))
    };
    sums.into_iter().enumerate().map(point).collect()
}

fn marks(from_s: f64, to_s: f64, period_s: f64, offset_s: f64) -> Vec<f64> {
    let first = ((from_s - offset_s) / period_s).ceil() as i64;
    let last = ((to_s - offset_s) / period_s).floor() as i64;
    (first..=last).map(|index| offset_s + index as f64 * period_s).collect()
}
