//! Autocorrelation and spectrum side by side, with the answer, the truth, and the peaks that come into question.

use maud::{Markup, html};

use crate::detection::Evidence;
use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::ticks;
use crate::report::words::decimals;

/// Lags that are drawn: so many periods, as far as there are …
const PERIODS_SHOWN: f64 = 6.5;
/// … and at least this, s.
const LEAST_SHOWN_S: f64 = 1.0;
/// Lines of the spectrum that are drawn: up to so many times the answer's frequency.
const HARMONICS_SHOWN: f64 = 14.0;
/// Points of a path, at most; of more the highest of each group.
const POINTS: usize = 480;
/// This close to a whole number of answers, or of parts of it, a peak is one (in answers, or in parts).
const SAME: f64 = 0.12;
/// Multiples and parts that are named.
const MOST_TIMES: f64 = 32.0;

/// What is drawn.
pub(super) struct Spectra {
    pub(super) evidence: Evidence,
    pub(super) period_s: Option<f64>,
    pub(super) iteration_s: Option<f64>,
}

impl Spectra {
    /// The picture, and its height.
    pub(super) fn draw(&self, room: Room) -> (f64, Markup) {
        let (left, top, height) = (48.0, 26.0, 150.0);
        let (correlation, spectrum) = match room {
            Room::Wide => {
                let first = Area { left, top, width: 420.0, height };
                (first, Area { left: first.right() + 64.0, width: 960.0 - first.right() - 76.0, ..first })
            }
            Room::Half | Room::Narrow => {
                let first = Area { left, top, width: room.width() - 60.0, height };
                (first, Area { top: first.bottom() + 84.0, ..first })
            }
        };
        let body = html! {
            (self.correlation(correlation))
            (self.spectrum(spectrum))
        };
        (spectrum.bottom() + 44.0, body)
    }

    pub(super) fn legend(&self) -> Vec<(Markup, &'static str)> {
        let line = |class: &str| html! { line class=(class) x1="2" y1="8" x2="26" y2="8" {} };
        let mut items =
            vec![(html! { g.tried { circle cx="14" cy="8" r="4" {} } }, "candidates: the highest peaks, numbered")];
        if self.period_s.is_some() {
            items.push((line("answer"), "the answer"));
        }
        if self.iteration_s.is_some() {
            items.push((line("truth"), "an iteration, in truth"));
        }
        items
    }

    /// The candidates, and how they are related to the answer.
    pub(super) fn table(&self) -> Markup {
        html! {
            div.scroll {
                table {
                    thead { tr { th.number { "candidate" } th.number { "s" } th.number { "correlation" } th { "is" } } }
                    tbody {
                        @for (index, peak) in self.evidence.candidates.iter().enumerate() {
                            tr {
                                td.number { (index + 1) }
                                td.number { (decimals(peak.lag_s, 4)) }
                                td.number { (decimals(peak.height, 2)) }
                                td { (self.relation(peak.lag_s)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn relation(&self, lag_s: f64) -> String {
        let Some(period_s) = self.period_s else { return String::new() };
        let is_near = |times: f64| (times - times.round()).abs() <= SAME && times.round() <= MOST_TIMES;
        let (times, parts) = (lag_s / period_s, period_s / lag_s);
        if times > 0.5 && is_near(times) {
            if times.round() > 1.0 { format!("{} × the answer", times.round()) } else { "the answer".to_owned() }
        } else if parts > 1.5 && is_near(parts) {
            format!("the answer / {}", parts.round())
        } else {
            String::new()
        }
    }

    fn correlation(&self, area: Area) -> Markup {
        let evidence = &self.evidence;
        let known_s = evidence.correlation.len().saturating_sub(1) as f64 * evidence.step_s;
        let furthest_s = evidence.candidates.iter().take(2).map(|peak| 1.1 * peak.lag_s).fold(0.0, f64::max);
        let shown_s = match self.period_s {
            Some(period_s) => (PERIODS_SHOWN * period_s).max(LEAST_SHOWN_S),
            None => furthest_s.max(2.0),
        };
        let shown_s = shown_s.min(known_s);
        let count = ((shown_s / evidence.step_s) as usize + 1).min(evidence.correlation.len());
        let values = &evidence.correlation[..count];
        let lowest = values.iter().copied().fold(0.0, f64::min);
        let plot = Plot::new(area, (0.0, shown_s), ((lowest - 0.05).max(-1.05), 1.2));
        let points = values.iter().enumerate().map(|(index, value)| Some((index as f64 * evidence.step_s, *value)));
        html! {
            (plot.y_axis(&ticks((lowest, 1.0), 4), "autocorrelation"))
            @if let Some(iteration_s) = self.iteration_s { (upright(&plot, iteration_s, "truth")) }
            @if let Some(period_s) = self.period_s { (upright(&plot, period_s, "answer")) }
            path.power d=(plot.line(thinned(points))) {}
            @for (index, peak) in evidence.candidates.iter().enumerate().filter(|(_, peak)| peak.lag_s <= shown_s) {
                @let (x, y) = (plot.x.px(peak.lag_s), plot.y.px(peak.height));
                g.tried { circle cx=(px(x)) cy=(px(y)) r="3.5" {} }
                text.mark x=(px(x)) y=(px(y - 7.0)) text-anchor="middle" { (index + 1) }
            }
            (plot.x_axis(&ticks((0.0, shown_s), 5), "lag, s"))
        }
    }

    fn spectrum(&self, area: Area) -> Markup {
        let evidence = &self.evidence;
        let nyquist_hz = 0.5 / evidence.step_s;
        let shown_hz = self.period_s.map_or(nyquist_hz, |period_s| (HARMONICS_SHOWN / period_s).clamp(2.0, nyquist_hz));
        let count = ((shown_hz / evidence.line_hz) as usize + 1).min(evidence.magnitudes.len());
        let plot = Plot::new(area, (0.0, shown_hz), (0.0, 1.08));
        let lines = evidence.magnitudes[..count].iter().enumerate();
        let points = lines.map(|(index, value)| Some((index as f64 * evidence.line_hz, *value)));
        html! {
            (plot.y_axis(&ticks((0.0, 1.0), 4), "spectrum, share of the highest line"))
            @if let Some(iteration_s) = self.iteration_s { (upright(&plot, 1.0 / iteration_s, "truth")) }
            @if let Some(period_s) = self.period_s { (upright(&plot, 1.0 / period_s, "answer")) }
            path.power d=(plot.line(thinned(points))) {}
            (plot.x_axis(&ticks((0.0, shown_hz), 6), "frequency, Hz"))
        }
    }
}

/// A line over the whole height, if it is within the picture.
fn upright(plot: &Plot, value: f64, class: &str) -> Markup {
    let x = plot.x.px(value);
    html! {
        @if (plot.area.left..=plot.area.right()).contains(&x) {
            line class=(class) x1=(px(x)) y1=(px(plot.area.top)) x2=(px(x)) y2=(px(plot.area.bottom())) {}
        }
    }
}

/// Fewer points, the peaks kept.
fn thinned(points: impl ExactSizeIterator<Item = Option<(f64, f64)>>) -> Vec<Option<(f64, f64)>> {
    let group = points.len().div_ceil(POINTS).max(1);
    let all: Vec<(f64, f64)> = points.flatten().collect();
    all.chunks(group).map(|chunk| chunk.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_named_after_the_answer() {
        let samples: Vec<(f64, f64)> = (0..500).map(|k| (f64::from(k) * 0.02, f64::from(k % 37))).collect();
        let evidence = Evidence::of(&samples, 0.0, 10.0, None).unwrap();
        let spectra = Spectra { evidence, period_s: Some(0.74), iteration_s: None };
        let named = [0.74, 1.48, 0.37, 0.925, 22.2, 22.5].map(|lag_s| spectra.relation(lag_s));
        assert_eq!(named, ["the answer", "2 × the answer", "the answer / 2", "", "30 × the answer", ""]);
    }

    #[test]
    fn a_long_line_loses_points_and_no_peak() {
        let points = (0..5000).map(|k| Some((f64::from(k), if k == 3333 { 9.0 } else { 1.0 })));
        let thin = thinned(points);
        assert!(thin.len() <= POINTS && thin.contains(&Some((3333.0, 9.0))));
    }
}
