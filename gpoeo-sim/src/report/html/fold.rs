//! A period over a signal: the signal as it was read, cut at each period, and all cuts on top of each other.

use maud::{Markup, html};

use super::chart::{Area, Plot, Room, px};
use super::scale::{Tick, range, ticks, time_ticks};

/// Periods that are shown one after the other.
const SHOWN: f64 = 6.0;
/// Periods that are laid on top of each other; the error of the period adds up over them.
const FOLDED: f64 = 20.0;
/// Points of the mean over the folded signal, at most.
const POINTS: f64 = 40.0;
/// Dots of the folded signal, at most: more only make it black.
const DOTS: usize = 1000;

/// A signal to fold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folding<'a> {
    /// Time, s, and value.
    pub(super) samples: &'a [(f64, f64)],
    pub(super) period_s: f64,
    /// What the values are, and their unit.
    pub(super) value: (&'a str, &'a str),
    /// What the time is.
    pub(super) time: &'a str,
}

impl Folding<'_> {
    /// The picture, and its height.
    pub(super) fn draw(&self, room: Room) -> (f64, Markup) {
        let (samples, period_s) = (self.samples, self.period_s);
        let end_s = samples.last().map_or(0.0, |(at_s, _)| *at_s);
        let from_s = |periods: f64| {
            let first_s = samples.first().map_or(0.0, |(at_s, _)| *at_s);
            end_s - period_s * periods.min(((end_s - first_s) / period_s).floor()).max(1.0)
        };
        let (strip_area, fold_area) = areas(room);
        let start_s = from_s(SHOWN);
        let offset_s = valley(samples, period_s, from_s(FOLDED));
        let shown: Vec<(f64, f64)> = samples.iter().copied().filter(|(at_s, _)| *at_s >= start_s).collect();
        let folded = folded(samples, period_s, from_s(FOLDED), offset_s);
        // The shape matters here, not the level.
        let span = range(shown.iter().chain(&folded).map(|(_, value)| *value), 0.06);
        let strip = Plot::new(strip_area, (start_s, end_s), span);
        let fold = Plot::new(fold_area, (0.0, period_s), span);
        let values = ticks(span, 5);
        let body = html! {
            (strip.y_axis(&values, &format!("{} as it was read, {}", self.value.0, self.value.1)))
            @for mark in marks(start_s, end_s, period_s, offset_s) {
                @let x = px(strip.x.px(mark));
                line.cut x1=(x) y1=(px(strip.area.top)) x2=(x) y2=(px(strip.area.bottom())) {}
            }
            path.power d=(strip.line(shown.iter().copied().map(Some))) {}
            (strip.x_axis(&strip_ticks((start_s, end_s)), self.time))
            (fold.y_axis(&values, &format!("the last periods on top of each other, {}", self.value.1)))
            @for (at_s, value) in folded.iter().step_by(folded.len().div_ceil(DOTS).max(1)) {
                circle.dot cx=(px(fold.x.px(*at_s))) cy=(px(fold.y.px(*value))) r="1.8" {}
            }
            path.mean d=(fold.line(mean(&folded, period_s))) {}
            (fold.x_axis(&ticks((0.0, period_s), 4), "s since the cut"))
        };
        (fold_area.bottom() + 44.0, body)
    }
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

/// Where in the period the value is lowest: the cuts are to lie between iterations, s.
fn valley(samples: &[(f64, f64)], period_s: f64, from_s: f64) -> f64 {
    let folded = folded(samples, period_s, from_s, 0.0);
    let lowest = mean(&folded, period_s).into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1));
    lowest.map_or(0.0, |(at_s, _)| at_s)
}

fn folded(samples: &[(f64, f64)], period_s: f64, from_s: f64, offset_s: f64) -> Vec<(f64, f64)> {
    let recent = samples.iter().filter(|(at_s, _)| *at_s >= from_s);
    recent.map(|(at_s, value)| ((at_s - offset_s).rem_euclid(period_s), *value)).collect()
}

/// Mean of the folded samples in slices of the period; no finer than there are samples to.
fn mean(folded: &[(f64, f64)], period_s: f64) -> Vec<Option<(f64, f64)>> {
    let slices = (folded.len() as f64 / 4.0).clamp(4.0, POINTS).min((period_s / 0.02).max(4.0)).floor();
    let mut sums = vec![(0.0, 0_u32); slices as usize];
    for (at_s, value) in folded {
        let slice = ((at_s / period_s * slices) as usize).min(sums.len() - 1);
        sums[slice].0 += value;
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
