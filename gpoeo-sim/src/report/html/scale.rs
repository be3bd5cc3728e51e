//! From numbers to places on a picture, and round numbers to write beside them.

/// A straight line from values to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    low_px: f64,
    high_px: f64,
}

impl Scale {
    /// `from` lies at `low_px`, `to` at `high_px`.
    pub(super) fn new((from, to): (f64, f64), low_px: f64, high_px: f64) -> Self {
        Self { from, to, low_px, high_px }
    }

    pub(super) fn px(&self, value: f64) -> f64 {
        let span = self.to - self.from;
        let share = if span.abs() > 0.0 { (value - self.from) / span } else { 0.5 };
        self.low_px + share * (self.high_px - self.low_px)
    }
}

/// A value where an axis has a mark, and its label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// At most about `most` round numbers within a range.
pub(super) fn ticks((from, to): (f64, f64), most: usize) -> Vec<Tick> {
    let rough = (to - from) / most.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return Vec::new();
    }
    let magnitude = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * magnitude);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    multiples(from, to, step).map(|value| Tick { value, label: format!("{value:.digits$}") }).collect()
}

/// The same for moments of a run, s, written as `m:ss` or `h:mm:ss`.
pub(super) fn time_ticks((from, to): (f64, f64), most: usize) -> Vec<Tick> {
    const STEPS_S: [f64; 18] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0,
        43_200.0, 86_400.0,
    ];
    let rough = (to - from) / most.max(1) as f64;
    let days = (rough / 86_400.0).ceil() * 86_400.0;
    let step = STEPS_S.into_iter().find(|step| *step >= rough).unwrap_or(days);
    multiples(from, to, step).map(|value| Tick { value, label: super::super::words::clock(value) }).collect()
}

fn multiples(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((from / step - 1e-6).ceil() as i64, (to / step + 1e-6).floor() as i64);
    // Adding 0 takes the sign off a zero.
    (first..=last).map(move |index| index as f64 * step + 0.0)
}

/// The range of some values with a margin on both sides; 0 to 1 without values.
pub(super) fn range(values: impl IntoIterator<Item = f64>, margin: f64) -> (f64, f64) {
    let fold = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) =
        values.into_iter().filter(|value| value.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    if low > high {
        return (0.0, 1.0);
    }
    let margin = margin * if high > low { high - low } else { high.abs().max(1.0) };
    (low - margin, high + margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(labels(&ticks((0.0, 800.0), 5)), ["0", "200", "400", "600", "800"]);
        assert_eq!(labels(&ticks((0.93, 1.12), 5)), ["0.95", "1.00", "1.05", "1.10"]);
        assert_eq!(labels(&ticks((-0.1, 0.1), 2)), ["-0.1", "0.0", "0.1"]);
        assert!(ticks((1.0, 1.0), 5).is_empty() && ticks((f64::NAN, 1.0), 5).is_empty());
    }

    #[test]
    fn moments_are_round_too() {
        assert_eq!(labels(&time_ticks((-5.0, 1200.0), 5)), ["0:00", "5:00", "10:00", "15:00", "20:00"]);
        assert_eq!(labels(&time_ticks((0.0, 45.0), 5)), ["0:00", "0:10", "0:20", "0:30", "0:40"]);
    }

    #[test]
    fn a_range_of_one_value_is_not_empty() {
        assert_eq!(range([2.0], 0.1), (1.8, 2.2));
        assert_eq!(range([], 0.1), (0.0, 1.0));
        assert_eq!(range([1.0, f64::NAN, 3.0], 0.5), (0.0, 4.0));
    }
}
