//! What was answered over time, beside the truth.

use maud::{Markup, html};

use crate::detection::DetectionRecord;
use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::{Tick, ticks};
use crate::truth::{Label, Truth};

/// Iterations whose middle length is the truth of a moment.
const AROUND: usize = 9;
/// Points of the truth's line, at most.
const POINTS: usize = 300;

/// The picture, and its height.
pub(super) fn answers(record: &DetectionRecord, room: Room) -> (f64, Markup) {
    let area = Area { left: 56.0, top: 26.0, width: room.width() - 72.0, height: 150.0 };
    let (from_s, to_s) =
        (record.samples.first().map_or(0.0, |sample| sample.0), record.samples.last().map_or(1.0, |sample| sample.0));
    let end_s = record.busy_s().1;
    let truth = record.truth.as_ref().map(lengths).unwrap_or_default();
    let steps = steps(record, end_s);
    let is_periodic = record.rhythm().is_none_or(|rhythm| rhythm.iteration_s.is_some());
    let truth = if is_periodic { truth } else { Vec::new() };
    let values =
        || steps.iter().flatten().map(|step| step.1).chain(truth.iter().flat_map(|point| [point.1, 2.0 * point.1]));
    let (low, high) = values().fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    // A logarithmic scale: what matters is by how many times an answer is off.
    let (low, high) = if high > 0.0 { (0.7 * low, 1.3 * high) } else { (0.05, 5.0) };
    let plot = Plot::new(area, (from_s, to_s), (low.log10(), high.log10()));
    let logarithmic =
        |points: Vec<Option<(f64, f64)>>| plot.line(points.into_iter().map(|at| at.map(|(x, y)| (x, y.log10()))));
    let times =
        |factor: f64| truth.iter().map(|&(at, value)| Some((at, value * factor)).filter(|at| at.1 < high)).collect();
    let body = html! {
        (plot.y_axis(&decades((low, high)), "period, s"))
        @for factor in [2.0, 3.0, 4.0] { path.reference d=(logarithmic(times(factor))) {} }
        path.truth d=(logarithmic(times(1.0))) {}
        path.answer d=(logarithmic(steps.clone())) {}
        @if steps.iter().all(Option::is_none) {
            text.mark x=(px(area.left + 0.5 * area.width)) y=(px(area.top + 20.0)) text-anchor="middle" {
                "no period was claimed"
            }
        }
        (plot.x_axis(&ticks((from_s, to_s), room.most_ticks()), "s of the recording"))
    };
    (area.bottom() + 44.0, body)
}

/// The answers as a line with corners, up to `end_s`; a gap where none was given.
fn steps(record: &DetectionRecord, end_s: f64) -> Vec<Option<(f64, f64)>> {
    let changes = record.detection.answers.changes();
    let mut points = Vec::new();
    for (index, answer) in changes.iter().enumerate().filter(|(_, answer)| answer.time_s < end_s) {
        let until_s = changes.get(index + 1).map_or(end_s, |next| next.time_s.min(end_s));
        match answer.period_s {
            Some(period_s) => points.extend([Some((answer.time_s, period_s)), Some((until_s, period_s))]),
            None => points.push(None),
        }
    }
    points
}

/// The middle length of the iterations around each moment: time, s, and length, s.
fn lengths(truth: &Truth) -> Vec<(f64, f64)> {
    let marks = truth.marks();
    let trains = marks.windows(2).filter(|pair| pair.iter().all(|mark| mark.label == Label::Train));
    let distances: Vec<(f64, f64)> = trains.map(|pair| (pair[1].time_s, pair[1].time_s - pair[0].time_s)).collect();
    let middles: Vec<(f64, f64)> = distances
        .windows(AROUND.min(distances.len()).max(1))
        .map(|around| {
            let mut sorted: Vec<f64> = around.iter().map(|distance| distance.1).collect();
            sorted.sort_by(f64::total_cmp);
            (around[around.len() / 2].0, sorted[sorted.len() / 2])
        })
        .filter(|middle| middle.1 > 0.0)
        .collect();
    let stride = middles.len().div_ceil(POINTS).max(1);
    middles.into_iter().step_by(stride).collect()
}

/// Round numbers on a logarithmic scale.
fn decades((low, high): (f64, f64)) -> Vec<Tick> {
    let factors: &[f64] = if high / low < 30.0 { &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0] } else { &[1.0, 3.0] };
    (-3..=3)
        .flat_map(|power| factors.iter().map(move |factor| (factor * 10f64.powi(power), power)))
        .filter(|(value, _)| (low..=high).contains(value))
        .map(|(value, power)| Tick { value: value.log10(), label: format!("{value:.*}", digits(value, power)) })
        .collect()
}

fn digits(value: f64, power: i32) -> usize {
    let is_whole = ((value * 10f64.powi(-power)).fract()).abs() < 1e-6;
    (-power).max(0) as usize + usize::from(!is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_a_logarithmic_scale_are_round() {
        let labels: Vec<String> = decades((0.09, 1.2)).into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["0.1", "0.15", "0.2", "0.3", "0.5", "0.7", "1"]);
        let labels: Vec<String> = decades((0.02, 4.0)).into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["0.03", "0.1", "0.3", "1", "3"]);
    }

    #[test]
    fn the_truth_follows_a_job_that_changes() {
        let times = (0..80).scan(0.0, |time, k| {
            *time += if k < 40 { 0.1 } else { 0.2 };
            Some(format!("{time},train\n"))
        });
        let truth = Truth::parse(format!("t_s,label\n{}", times.collect::<String>()).as_bytes(), "x").unwrap();
        let lengths = lengths(&truth);
        assert!((lengths[0].1 - 0.1).abs() < 1e-9 && (lengths[lengths.len() - 1].1 - 0.2).abs() < 1e-9);
    }
}
