//! The whole recording, with the moments at which something happened.

use maud::{Markup, html};

use crate::detection::DetectionRecord;
use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::{range, ticks};

/// The picture, and its height.
pub(super) fn strip(record: &DetectionRecord, room: Room) -> (f64, Markup) {
    let area = Area { left: 56.0, top: 26.0, width: room.width() - 72.0, height: 120.0 };
    let (name, unit, scale) = record.shown_unit();
    let from_s = record.samples.first().map_or(0.0, |sample| sample.0);
    let to_s = record.samples.last().map_or(1.0, |sample| sample.0);
    // Two pixels each: what is narrower is one blot.
    let bins = bins(&record.samples, (from_s, to_s), (area.width / 2.0) as usize);
    let highest = bins.iter().flatten().map(|bin| bin.highest * scale).fold(0.0, f64::max);
    let span = (0.0, range([0.0, highest], 0.2).1);
    let plot = Plot::new(area, (from_s, to_s), span);
    let place = |index: usize| from_s + (index as f64 + 0.5) * (to_s - from_s) / bins.len() as f64;
    let means = bins.iter().enumerate().map(|(index, bin)| bin.map(|bin| (place(index), bin.mean * scale)));
    let upper = bins.iter().enumerate().filter_map(|(index, bin)| bin.map(|bin| (place(index), bin.highest * scale)));
    let lower = bins.iter().enumerate().filter_map(|(index, bin)| bin.map(|bin| (place(index), bin.lowest * scale)));
    let band = upper.map(Some).chain(lower.rev().map(Some));
    let body = html! {
        (plot.y_axis(&ticks(span, 4), &format!("{name}, {unit}")))
        path.band d=(plot.line(band)) {}
        path.power d=(plot.line(means)) {}
        (moments(record, &plot))
        (plot.x_axis(&ticks((from_s, to_s), room.most_ticks()), "s of the recording"))
    };
    (area.bottom() + 44.0, body)
}

/// When the job began, and when the first lasting answer was given.
fn moments(record: &DetectionRecord, plot: &Plot) -> Markup {
    let detection = &record.detection;
    let moments = [(detection.busy_from, "begin"), (detection.first_decided, "answer")];
    html! {
        @for (at, name) in moments.iter().filter_map(|&(at, name)| at.map(|at| (at.as_secs_f64(), name))) {
            @let x = plot.x.px(at);
            line.reference x1=(px(x)) y1=(px(plot.area.top)) x2=(px(x)) y2=(px(plot.area.bottom())) {}
            // The begin is named at its left and the answer at its right, as they may be close.
            @let (anchor, off) = if name == "begin" { ("end", -4.0) } else { ("start", 4.0) };
            text.mark x=(px(x + off)) y=(px(plot.area.top + 10.0)) text-anchor=(anchor) { (name) }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bin {
    lowest: f64,
    mean: f64,
    highest: f64,
}

/// Equal slices of a span; `None` where no sample lies.
fn bins(samples: &[(f64, f64)], (from_s, to_s): (f64, f64), count: usize) -> Vec<Option<Bin>> {
    // Slices shorter than the samples' distance would have holes.
    let count = count.min(samples.len() / 2).max(1);
    let mut sums = vec![(0_u32, 0.0, f64::INFINITY, f64::NEG_INFINITY); count];
    for &(at_s, value) in samples {
        let place = (at_s - from_s) / (to_s - from_s).max(1e-9) * count as f64;
        let (number, sum, lowest, highest) = &mut sums[(place.max(0.0) as usize).min(count - 1)];
        *number += 1;
        *sum += value;
        *lowest = lowest.min(value);
        *highest = highest.max(value);
    }
    let bin = |(number, sum, lowest, highest): (u32, f64, f64, f64)| {
        (number > 0).then(|| Bin { lowest, mean: sum / f64::from(number), highest })
    };
    sums.into_iter().map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_all_samples_and_are_empty_where_there_is_none() {
        let samples = [(0.0, 1.0), (0.1, 3.0), (0.9, 5.0), (1.0, 7.0), (0.95, 6.0), (0.2, 2.0)];
        let bins = bins(&samples, (0.0, 1.0), 3);
        assert_eq!(bins[0], Some(Bin { lowest: 1.0, mean: 2.0, highest: 3.0 }));
        assert_eq!((bins[1], bins[2].map(|bin| bin.mean)), (None, Some(6.0)));
    }
}
