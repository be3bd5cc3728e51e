//! What one window shows: cleaned, correlated, searched for a period.

use crate::config::DetectorConfig;

use super::autocorr::Autocorrelator;
use super::candidate::Finder;
use super::clean::Cleaner;

/// Finds the period of a single window of values, with scratch of its own.
///
/// ```
/// use gpoeo_core::DetectorConfig;
/// use gpoeo_core::period::Analyzer;
///
/// // Iterations of 0.4 s, each of four passes of 0.09 s and an update of 0.04 s that draws less; 20 ms apart.
/// let power = |at: f64| match at % 0.4 {
///     of if of >= 0.36 => 250.0,
///     of if of % 0.09 < 0.06 => 600.0,
///     _ => 480.0,
/// };
/// let mut values: Vec<f32> = (0..300).map(|k| power(f64::from(k) * 0.02) as f32).collect();
/// let mut analyzer = Analyzer::new(1200);
/// let seen = analyzer.analyze(&mut values, 0.02, &DetectorConfig::default());
/// let found = seen.found.expect("6 s show 15 iterations");
/// assert!((found.period_s / 0.4 - 1.0).abs() < 0.01);
/// assert!(found.correlation > 0.8);
/// ```
#[derive(Clone, Debug)]
pub struct Analyzer {
    cleaner: Cleaner,
    correlator: Autocorrelator,
    finder: Finder,
    points: usize,
}

/// What there is to see in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// The period, if there is one.
    pub found: Option<Found>,
    /// Where one change of the level or of its spread splits the window: number of the first point after it. The period is
    /// from what comes after.
    pub split: Option<usize>,
    /// Number of points that the period is from.
    pub points: usize,
}

/// The period of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// The period, s.
    pub period_s: f64,
    /// The shortest part of it that repeats, s: a micro-batch, or the period itself.
    pub part_s: f64,
    /// The highest autocorrelation at the first multiples of the period, up to 1.
    pub correlation: f32,
    /// The mean autocorrelation at these multiples as a share of the highest; `None` if there is room for one only.
    pub regularity: Option<f32>,
}

impl Analyzer {
    /// For windows of up to `points` points. All memory is allocated here.
    #[must_use]
    pub fn new(points: usize) -> Self {
        let points = points.max(64);
        Self {
            cleaner: Cleaner::new(points),
            correlator: Autocorrelator::new(points),
            finder: Finder::new(points),
            points,
        }
    }

    /// Most points of a window.
    #[must_use]
    pub const fn most_points(&self) -> usize {
        self.points
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.cleaner.heap_bytes() + self.correlator.heap_bytes() + self.finder.heap_bytes()
    }

    /// Scratch as long as a window, for whoever loads one.
    pub(super) fn spare(&mut self) -> &mut [f32] {
        self.cleaner.spare()
    }

    /// Looks at `values`, `step_s` apart, NaN where missing; of more than [`Analyzer::most_points`] only at the newest.
    /// They are spoiled by it. O(points²), in lanes that vectorise; no allocation.
    pub fn analyze(&mut self, values: &mut [f32], step_s: f64, config: &DetectorConfig) -> Seen {
        let skipped = values.len().saturating_sub(self.points);
        let values = &mut values[skipped..];
        let least = (config.look.least_s / step_s) as usize;
        let nothing = Seen { points: values.len(), ..Seen::default() };
        let Some(cleaned) = self.cleaner.clean(values, step_s, least, &config.clean) else { return nothing };
        let points = cleaned.values.len();
        let split = (cleaned.dropped > 0).then_some(skipped + cleaned.dropped);
        let acf = self.correlator.compute(&cleaned);
        let found = self.finder.find(acf, points, &config.candidate).map(|candidate| Found {
            period_s: f64::from(candidate.lag) * step_s,
            part_s: f64::from(candidate.part) * step_s,
            correlation: candidate.height,
            regularity: candidate.regularity,
        });
        Seen { found, split, points }
    }
}
