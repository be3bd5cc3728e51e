//! The slope of a line seen through noise and a random walk.
//!
//! Delays of blocks against a strict beat: a wrong period makes them grow steadily, jitter of the periods makes them
//! walk, noise scatters each by itself. For known sizes of walk and noise a Kalman filter gives the slope that is best;
//! the sizes are weighed by how likely they make the delays, on a grid with a broad prior: with four periods in a window
//! little is learned about jitter from the window alone. (Ours; a textbook local-level model with a constant slope.)
//! Cost: some 45 passes over at most 64 blocks.

use super::track::Block;
use crate::config::MeasureConfig;

/// Jitter of one period, relative: from a clockwork to a job that hardly has a period.
const JITTERS: [f64; 9] = [0.0004, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128];
/// Variance of the delays relative to what the template fit says.
const NOISES: [f64; 5] = [0.5, 1.0, 2.0, 4.0, 8.0];
/// How far the beat may be off, relative, standard deviation: the scan is finer than this.
const SLOPE_SD: f64 = 0.03;

/// The slope and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drift {
    /// Delay per sample.
    pub(super) slope: f64,
    /// Variance of `slope` as an estimate of the lasting one.
    pub(super) lasting_var: f64,
    /// Variance of `slope` as an estimate of what the delay really grew by between the two ends of the window.
    pub(super) window_var: f64,
    /// Jitter of one period, relative.
    pub(super) jitter: f64,
}

/// Fits the drift. `None` with fewer than two blocks that say something.
pub(super) fn drift(blocks: &[Block], period: f64, config: &MeasureConfig) -> Option<Drift> {
    let used = || blocks.iter().filter(|block| block.variance.is_finite());
    let (first, last) = (used().next()?, used().next_back()?);
    let span = f64::from(last.centre - first.centre);
    if span <= 0.0 {
        return None;
    }
    let mut sum = [0.0; 5];
    let mut greatest = f64::NEG_INFINITY;
    for jitter in JITTERS {
        let jitter_off = (jitter / config.jitter_prior).ln() / config.jitter_prior_spread;
        for noise in NOISES {
            let noise_off = (noise / config.noise_prior).ln() / config.noise_prior_spread;
            let fit = filter(used(), jitter * jitter * period, noise, period);
            let score = fit.score - 0.5 * (jitter_off * jitter_off + noise_off * noise_off);
            // Each end is known to the filter's variance (half as much again, because the two errors oppose each other
            // where noise rules), and lies somewhere within a period of its own length.
            let ends_var = (3.0 * fit.end_var + (jitter * period).powi(2)) / (span * span);
            if score > greatest {
                let fade = (greatest - score).exp();
                sum.iter_mut().for_each(|value| *value *= fade);
                greatest = score;
            }
            let weight = (score - greatest).exp();
            let square = fit.slope * fit.slope;
            let terms = [1.0, fit.slope, fit.slope_var + square, ends_var + square, jitter];
            sum.iter_mut().zip(terms).for_each(|(value, term)| *value += weight * term);
        }
    }
    let [total, slope, lasting, window, jitter] = sum;
    let slope = slope / total;
    let var = |square: f64| (square / total - slope * slope).max(0.0);
    let drift = Drift { slope, lasting_var: var(lasting), window_var: var(window), jitter: jitter / total };
    (drift.slope.is_finite() && drift.lasting_var.is_finite() && drift.window_var.is_finite()).then_some(drift)
}

struct Filtered {
    slope: f64,
    slope_var: f64,
    /// Variance of the delay at the last block.
    end_var: f64,
    /// Log likelihood of the delays, less a constant.
    score: f64,
}

/// One pass of the filter: `walk` is the variance that the delay gains a sample, `noise` scales the blocks' variances.
fn filter<'a>(blocks: impl Iterator<Item = &'a Block>, walk: f64, noise: f64, period: f64) -> Filtered {
    let (mut at, mut delay, mut slope) = (0.0, 0.0, 0.0);
    // Variances of delay and slope, and their covariance.
    let (mut dd, mut ss, mut ds) = (0.0, SLOPE_SD * SLOPE_SD, 0.0);
    let (mut squares, mut product, mut logs) = (0.0, 1.0f64, 0.0);
    for (i, block) in blocks.enumerate() {
        let (centre, seen) = (f64::from(block.centre), f64::from(block.delay));
        let own = noise * f64::from(block.variance);
        if i == 0 {
            (at, delay, dd) = (centre, seen, own);
            continue;
        }
        let step = centre - at;
        at = centre;
        delay += slope * step;
        dd += step * (2.0 * ds + step * ss + walk);
        if block.is_fresh {
            dd += period * period;
        }
        ds += step * ss;
        let variance = dd + own;
        let surprise = seen - delay;
        let (gain_d, gain_s) = (dd / variance, ds / variance);
        delay += gain_d * surprise;
        slope += gain_s * surprise;
        ss -= gain_s * ds;
        ds -= gain_d * ds;
        dd -= gain_d * dd;
        squares += surprise * surprise / variance;
        // A logarithm now and then instead of one each.
        product *= variance;
        if !(1e-100..1e100).contains(&product) {
            logs += product.ln();
            product = 1.0;
        }
    }
    Filtered { slope, slope_var: ss, end_var: dd, score: -0.5 * (squares + logs + product.ln()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    /// Blocks of one period each whose delays grow by `slope` a sample, with jitter and noise (both in samples).
    fn blocks(count: u16, period: f32, slope: f32, jitter: f32, noise: f32, seed: u64) -> Vec<Block> {
        let mut draws = Draws::new(seed);
        let mut normal = || draws.normal() as f32;
        let mut walk = 0.0;
        (0..count)
            .map(|i| {
                walk += jitter * normal();
                let centre = (f32::from(i) + 0.5) * period;
                Block::new(centre, slope * centre + walk + noise * normal(), noise * noise)
            })
            .collect()
    }

    #[test]
    fn errors_are_of_the_size_that_is_claimed() {
        let config = MeasureConfig::default();
        // In samples of a period of 15; greatest share that may be more than two standard errors off. The last one
        // jitters far more than the prior expects, under noise that hides it: there the claim is short.
        for (jitter, noise, most) in [(0.0, 0.2, 0.05), (0.1, 0.1, 0.18), (0.5, 0.05, 0.1), (0.5, 0.5, 0.35)] {
            let far = |seed: &u64| {
                let drift = drift(&blocks(20, 15.0, 0.004, jitter, noise, *seed), 15.0, &config).unwrap();
                (drift.slope - 0.004).powi(2) > 4.0 * drift.lasting_var
            };
            let share = (0..500).filter(far).count() as f64 / 500.0;
            assert!(share < most, "jitter {jitter}, noise {noise}: {share} beyond two standard errors");
        }
    }

    #[test]
    fn tells_jitter_from_noise() {
        let config = MeasureConfig::default();
        let steady = drift(&blocks(40, 15.0, 0.0, 0.0, 0.3, 1), 15.0, &config).unwrap();
        let walking = drift(&blocks(40, 15.0, 0.0, 0.5, 0.1, 1), 15.0, &config).unwrap();
        assert!(steady.jitter < 0.01 && walking.jitter > 0.02, "{steady:?} {walking:?}");
        assert!(walking.window_var < 0.3 * walking.lasting_var, "{walking:?}");
    }

    #[test]
    fn a_fresh_start_hides_how_late_it_is_but_not_the_slope() {
        let config = MeasureConfig::default();
        let mut late = blocks(40, 15.0, 0.01, 0.0, 0.1, 3);
        for block in &mut late[20..] {
            block.delay += 6.0;
        }
        late[20].is_fresh = true;
        let drift = drift(&late, 15.0, &config).unwrap();
        assert!((drift.slope - 0.01).abs() < 3.0 * drift.lasting_var.sqrt() && drift.lasting_var < 1e-5, "{drift:?}");
    }

    #[test]
    fn one_block_says_nothing() {
        assert!(drift(&blocks(1, 15.0, 0.0, 0.1, 0.1, 1), 15.0, &MeasureConfig::default()).is_none());
    }
}
