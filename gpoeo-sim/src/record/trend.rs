//! Power and clock over time, in bins: bounded whatever the length of the run.

use gpoeo_core::Sample;

/// Bins of a run: more than a page has pixels to tell apart.
const BINS: f64 = 600.0;

/// Power and clock over the time since the job began.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// Begin of the first bin, s.
    pub from_s: f64,
    /// Length of a bin, s.
    pub step_s: f64,
    /// The bins; `None` where no sample fell.
    pub bins: Vec<Option<TrendBin>>,
}

/// What was read within one bin.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrendBin {
    /// Samples.
    pub count: u32,
    /// Mean power, W.
    pub power_w: f64,
    /// Lowest power of a sample, W.
    pub lowest_w: f64,
    /// Highest power of a sample, W.
    pub highest_w: f64,
    /// SM clock of the last sample that had one, MHz.
    pub sm_mhz: Option<u32>,
}

impl Trend {
    /// For a run from `-lead_in_s` to `length_s`.
    pub(super) fn new(lead_in_s: f64, length_s: f64) -> Self {
        // A bin holds a few samples at least.
        let step_s = (length_s / BINS).max(0.1);
        let before = (lead_in_s / step_s).ceil();
        let bins = vec![None; (before + length_s / step_s).ceil() as usize];
        Self { from_s: -before * step_s, step_s, bins }
    }

    pub(super) fn push(&mut self, at_s: f64, sample: &Sample) {
        let index = (at_s - self.from_s) / self.step_s;
        // A sample stands for the time that ends with it: the last one lies on the edge.
        let Some(bin) = self.bins.get_mut((index.ceil() - 1.0).max(0.0) as usize) else { return };
        let power_w = sample.power_w;
        let bin =
            bin.get_or_insert(TrendBin { count: 0, power_w: 0.0, lowest_w: power_w, highest_w: power_w, sm_mhz: None });
        bin.count += 1;
        bin.power_w += (power_w - bin.power_w) / f64::from(bin.count);
        bin.lowest_w = bin.lowest_w.min(power_w);
        bin.highest_w = bin.highest_w.max(power_w);
        bin.sm_mhz = sample.sm_clock.map(|clock| clock.0).or(bin.sm_mhz);
    }

    /// End of the last bin, s.
    #[must_use]
    pub fn end_s(&self) -> f64 {
        self.start_s(self.bins.len())
    }

    /// Begin of a bin, s.
    #[must_use]
    pub fn start_s(&self, bin: usize) -> f64 {
        self.from_s + bin as f64 * self.step_s
    }
}

#[cfg(test)]
mod tests {
    use gpoeo_core::{Mhz, Timestamp};

    use super::*;

    #[test]
    fn samples_fall_into_the_bin_that_they_end_in() {
        let mut trend = Trend::new(1.0, 600.0);
        assert_eq!((trend.from_s, trend.step_s, trend.bins.len()), (-1.0, 1.0, 601));
        let sample = |power_w: f64| Sample::new(Timestamp::ZERO, power_w).sm_clock(Mhz(1200));
        trend.push(0.5, &sample(100.0));
        trend.push(1.0, &sample(200.0));
        trend.push(600.0, &sample(300.0));
        let bin = trend.bins[1].unwrap();
        assert_eq!((bin.count, bin.power_w, bin.lowest_w, bin.highest_w), (2, 150.0, 100.0, 200.0));
        assert_eq!(trend.bins[600].unwrap().sm_mhz, Some(1200));
        assert_eq!(trend.bins.iter().flatten().count(), 2);
        assert_eq!(trend.start_s(1), 0.0);
    }
}
