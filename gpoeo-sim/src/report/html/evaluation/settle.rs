//! How long the search took: the distribution over the runs.

use maud::{Markup, html};

use crate::evaluate::PolicyRuns;
use crate::report::html::chart::{Area, Plot, Room, px};
use crate::report::html::scale::ticks;
use crate::report::words::count;

/// End of the first bin, s; each further one is twice as far.
const FIRST_END_S: f64 = 15.0;

/// The times of the runs.
pub(super) struct Settled {
    times_s: Vec<f64>,
    /// Runs whose search was not over in the end.
    never: usize,
}

impl Settled {
    pub(super) fn of(runs: &PolicyRuns) -> Self {
        let mut times_s: Vec<f64> = runs.runs.iter().filter_map(|run| run.outcome.settled_s).collect();
        times_s.sort_by(f64::total_cmp);
        Self { never: runs.runs.len() - times_s.len(), times_s }
    }

    /// Whether all are the same: nothing was searched.
    pub(super) fn is_constant(&self) -> bool {
        self.never == 0 && self.times_s.first() == self.times_s.last()
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        let never = match self.never {
            0 => String::new(),
            never => format!(" {} had not when the time was over.", count(never, "run")),
        };
        match (self.quantile(0.5), self.quantile(0.9)) {
            (Some(median), Some(late)) => {
                format!("Of the runs that settled, half did within {median:.0} s, 9 of 10 within {late:.0} s.{never}")
            }
            _ => "No run settled.".to_owned(),
        }
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        self.times_s.get((share * self.times_s.len() as f64) as usize).copied()
    }

    /// Label and number of each bin.
    fn bins(&self) -> Vec<(String, usize)> {
        let last_s = self.times_s.last().copied().unwrap_or(0.0);
        let mut bins = Vec::new();
        let (mut from_s, mut to_s) = (0.0, FIRST_END_S);
        loop {
            let count = self.times_s.iter().filter(|time_s| (from_s..to_s).contains(*time_s)).count();
            let label = if to_s < 120.0 { format!("< {to_s:.0} s") } else { format!("< {} min", to_s / 60.0) };
            // What nobody was as fast as is not shown.
            if count > 0 || !bins.is_empty() {
                bins.push((label, count));
            }
            if to_s > last_s {
                break;
            }
            (from_s, to_s) = (to_s, 2.0 * to_s);
        }
        if self.never > 0 {
            bins.push(("not yet".to_owned(), self.never));
        }
        bins
    }
}

/// The picture, and its height.
pub(super) fn histogram(settled: &Settled, room: Room) -> (f64, Markup) {
    let bins = settled.bins();
    let most = bins.iter().map(|(_, count)| *count).max().unwrap_or(0) as f64;
    let area = Area { left: 40.0, top: 28.0, width: room.width() - 52.0, height: 150.0 };
    let plot = Plot::new(area, (0.0, bins.len() as f64), (0.0, 1.12 * most));
    let is_tight = area.width / (bins.len() as f64) < 52.0;
    let body = html! {
        (plot.y_axis(&ticks((0.0, most), 4), "runs"))
        @for (index, (label, count)) in bins.iter().enumerate() {
            @let (left, right) = (plot.x.px(index as f64 + 0.1), plot.x.px(index as f64 + 0.9));
            @let (top, middle) = (plot.y.px(*count as f64), 0.5 * (left + right));
            rect.saving x=(px(left)) y=(px(top)) width=(px(right - left)) height=(px(area.bottom() - top)) {}
            text.bar-number x=(px(middle)) y=(px(top - 4.0)) text-anchor="middle" { (count) }
            // Every other name stands lower where there is little room.
            text.tick x=(px(middle)) y=(px(area.bottom() + if is_tight && index % 2 == 1 { 32.0 } else { 18.0 })) text-anchor="middle" {
                (label)
            }
        }
        line.base x1=(px(area.left)) y1=(px(area.bottom())) x2=(px(area.right())) y2=(px(area.bottom())) {}
    };
    (area.bottom() + 40.0, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_in_one_bin() {
        let settled = Settled { times_s: vec![29.9, 30.0, 100.0, 700.0], never: 2 };
        let bins = settled.bins();
        let bins: Vec<(&str, usize)> = bins.iter().map(|(label, count)| (label.as_str(), *count)).collect();
        let wanted = [
            ("< 30 s", 1),
            ("< 60 s", 1),
            ("< 2 min", 1),
            ("< 4 min", 0),
            ("< 8 min", 0),
            ("< 16 min", 1),
            ("not yet", 2),
        ];
        assert_eq!(bins, wanted);
        assert!(!settled.is_constant() && Settled { times_s: vec![0.0; 3], never: 0 }.is_constant());
        assert_eq!(settled.quantile(0.5), Some(100.0));
    }
}
