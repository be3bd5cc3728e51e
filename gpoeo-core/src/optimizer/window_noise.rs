//! How far counter windows scatter, pooled over all measurements of a job.
//!
//! Three windows say little about their own scatter; all windows of a job together say much, and the scatter hardly
//! depends on the clock. Windows follow each other without a gap, so what one misses of an iteration (or of a pause
//! between epochs) the next ones have: neighbours are anticorrelated, and their sum is better than its parts. Source:
//! ours; variance of a mean of correlated values as in any textbook, cut off at lag 3.

/// Lags looked at.
const LAGS: usize = 3;
/// Relative scatter of windows that nothing is known about, standard deviation; counts as [`PRIOR_WINDOWS`].
const PRIOR_DEVIATION: f64 = 0.01;
const PRIOR_WINDOWS: f64 = 2.0;
/// So many pairs of neighbours count as if they were not correlated.
const PRIOR_PAIRS: f64 = 3.0;
/// Least and greatest variance of a mean of n windows, relative to that of independent ones: where all that scatters are
/// the two borders it is 1/n, and a little more is believed.
const LEAST_FACTOR: f64 = 1.5;
const GREATEST_FACTOR: f64 = 3.0;
/// Least share of the variance of a mean that short measurements are taken to show.
const MOST_LACKING: f64 = 0.8;
/// Never believe less: what a few windows show does not last exactly.
const LEAST_STDERR: f64 = 0.001;
/// Windows are told to be odd once so many others were seen, at so many standard deviations.
const LEAST_FREEDOM: f64 = 6.0;
const OUTLIER_DEVIATIONS: f64 = 4.0;

/// Sums over the windows of one measurement, of one number a window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowSums {
    count: f64,
    squares: f64,
    /// Sums of products of deviations that lie 1, 2, 3 windows apart.
    lagged: [f64; LAGS],
    /// What these lack because deviations from their own mean add up to nothing, if the windows are independent.
    centred: [f64; LAGS],
    pairs: [f64; LAGS],
}

impl WindowSums {
    /// Of these values, in the order of time.
    pub(super) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let deviation = |value: f64| value / mean - 1.0;
        let mut sums = Self { count, ..Self::default() };
        sums.squares = values.iter().map(|&value| deviation(value).powi(2)).sum();
        for lag in 1..=LAGS {
            for (&a, &b) in values.iter().zip(values.iter().skip(lag)) {
                sums.lagged[lag - 1] += deviation(a) * deviation(b);
                sums.pairs[lag - 1] += 1.0;
            }
            sums.centred[lag - 1] = sums.pairs[lag - 1] * sums.squares / (count - 1.0).max(1.0) / count.max(1.0);
        }
        sums
    }

    pub(super) fn count(&self) -> f64 {
        self.count
    }
}

/// Scatter of windows over the whole job.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowNoise {
    squares: f64,
    freedom: f64,
    lagged: [f64; LAGS],
    /// What these lack because deviations from their own mean add up to nothing, if the windows are independent.
    centred: [f64; LAGS],
    pairs: [f64; LAGS],
}

impl WindowNoise {
    /// Takes the windows of a measurement in.
    pub(super) fn take(&mut self, sums: &WindowSums) {
        *self = self.with(sums);
    }

    /// The same with the windows of one more measurement.
    pub(super) fn with(&self, sums: &WindowSums) -> Self {
        let mut noise = *self;
        if sums.count >= 2.0 && sums.squares.is_finite() {
            noise.squares += sums.squares;
            noise.freedom += sums.count - 1.0;
            for lag in 0..LAGS {
                noise.lagged[lag] += sums.lagged[lag];
                noise.centred[lag] += sums.centred[lag];
                noise.pairs[lag] += sums.pairs[lag];
            }
        }
        noise
    }

    fn variance(&self) -> f64 {
        let prior = PRIOR_WINDOWS * PRIOR_DEVIATION * PRIOR_DEVIATION;
        (self.squares + prior) / (self.freedom + PRIOR_WINDOWS)
    }

    /// Relative standard deviation of one window.
    pub(super) fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Windows farther from the others than this, relative, are odd ones; infinite while too little is known.
    pub(super) fn outlier_ratio(&self) -> f64 {
        if self.freedom < LEAST_FREEDOM { f64::INFINITY } else { OUTLIER_DEVIATIONS * self.deviation() }
    }

    /// Relative standard error of the mean of so many windows in a row.
    pub(super) fn stderr(&self, count: f64) -> f64 {
        let count = count.max(1.0);
        let variance = self.variance();
        // What is lacking is in proportion to the variance of the mean, which is what is asked for.
        let (mut factor, mut lacking) = (1.0, 0.0);
        for lag in 0..LAGS {
            let share = (1.0 - (lag + 1) as f64 / count).max(0.0);
            let scale = 2.0 * share / (variance * (self.pairs[lag] + PRIOR_PAIRS));
            factor += scale * self.lagged[lag];
            lacking += scale * self.centred[lag];
        }
        let factor = factor / (1.0 - lacking.clamp(0.0, MOST_LACKING));
        let least = (LEAST_FACTOR / count).min(1.0);
        (variance * factor.clamp(least, GREATEST_FACTOR) / count).sqrt().max(LEAST_STDERR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    #[test]
    fn the_error_of_a_mean_is_of_the_size_that_is_claimed() {
        let mut draws = Draws::new(1);
        let mut noise = WindowNoise::default();
        let (mut squares, mut claimed) = (0.0, 0.0);
        for _ in 0..400 {
            let values: Vec<f64> = (0..3).map(|_| 5.0 * (1.0 + 0.03 * draws.normal())).collect();
            noise.take(&WindowSums::of(&values));
            claimed = noise.stderr(values.len() as f64);
            squares += (values.iter().sum::<f64>() / 15.0 - 1.0).powi(2);
        }
        let seen = (squares / 400.0).sqrt();
        assert!((claimed / seen - 1.0).abs() < 0.15, "{claimed} {seen}");
    }

    #[test]
    fn what_one_window_misses_the_next_one_has() {
        let mut draws = Draws::new(2);
        let mut noise = WindowNoise::default();
        let (mut squares, mut claimed) = (0.0, 0.0);
        for _ in 0..400 {
            // Pauses at the borders fall into either window.
            let borders: Vec<f64> = (0..6).map(|_| 0.05 * draws.normal()).collect();
            let values: Vec<f64> = borders.windows(2).map(|pair| 1.0 + pair[1] - pair[0]).collect();
            noise.take(&WindowSums::of(&values));
            claimed = noise.stderr(values.len() as f64);
            squares += (values.iter().sum::<f64>() / 5.0 - 1.0).powi(2);
        }
        let seen = (squares / 400.0).sqrt();
        assert!(claimed > seen && claimed < 2.5 * seen, "{claimed} {seen}");
        assert!(claimed < noise.deviation() / 5f64.sqrt());
    }

    #[test]
    fn a_few_equal_windows_are_not_believed() {
        let noise = WindowNoise::default();
        assert!(noise.with(&WindowSums::of(&[1.0, 1.0, 1.0])).stderr(3.0) > 0.0025);
        assert!(noise.with(&WindowSums::of(&[1.0])).stderr(1.0) > 0.009);
    }
}
