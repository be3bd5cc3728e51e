//! The slope of a line seen through noise and a random walk.
//!
//! Delays of blocks against a strict beat: a wrong period makes them grow steadily, jitter of the iterations makes them
//! walk, noise scatters each by itself. A Kalman filter gives the slope for known sizes of walk and noise; the sizes are
//! weighed by how likely they make the delays (a grid, with a broad prior: with four iterations in a window little can
//! be learned about jitter from the window alone).

use super::track::Block;

/// The slope and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drift {
    /// Delay per sample.
    pub(super) slope: f64,
    pub(super) stderr: f64,
    /// Typical relative jitter of one period.
    pub(super) jitter: f64,
}

const JITTERS: [f64; 9] = [0.0004, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128];
const NOISES: [f64; 6] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// Fits the drift. `None` with fewer than two blocks that say something.
pub(super) fn drift(blocks: &[Block], period: f64) -> Option<Drift> {
    let used = || blocks.iter().filter(|block| block.variance.is_finite());
    if used().count() < 2 {
        return None;
    }
    let mut greatest = f64::NEG_INFINITY;
    let (mut total, mut mean, mut square, mut jitter_sum) = (0.0, 0.0, 0.0, 0.0);
    for jitter in JITTERS {
        for noise in NOISES {
            let (slope, variance, mut score) = filter(used(), jitter * jitter * period, noise, period);
            score -= 0.5 * ((jitter / 0.006f64).ln() / 1.2).powi(2) + 0.5 * ((noise / 2.0f64).ln() / 0.8).powi(2);
            if score > greatest {
                let fade = (greatest - score).exp();
                (total, mean, square, jitter_sum) = (total * fade, mean * fade, square * fade, jitter_sum * fade);
                greatest = score;
            }
            let weight = (score - greatest).exp();
            total += weight;
            mean += weight * slope;
            square += weight * (variance + slope * slope);
            jitter_sum += weight * jitter;
        }
    }
    let slope = mean / total;
    Some(Drift { slope, stderr: (square / total - slope * slope).max(0.0).sqrt(), jitter: jitter_sum / total })
}

/// Slope, its variance, and the log likelihood of the delays.
fn filter<'a>(mut blocks: impl Iterator<Item = &'a Block>, walk: f64, noise: f64, period: f64) -> (f64, f64, f64) {
    let Some(first) = blocks.next() else { return (0.0, f64::INFINITY, f64::NEG_INFINITY) };
    let mut at = first.centre;
    let (mut delay, mut slope) = (first.delay, 0.0);
    // Variances of delay and slope, and their covariance. The coarse period is right to a few per cent.
    let (mut dd, mut ss, mut ds) = (noise * first.variance, 0.03f64.powi(2), 0.0);
    let mut score = 0.0;
    for block in blocks {
        let step = block.centre - at;
        at = block.centre;
        delay += slope * step;
        dd += 2.0 * step * ds + step * step * ss + walk * step;
        if block.fresh {
            dd += period * period;
        }
        ds += step * ss;
        let variance = dd + noise * block.variance;
        let surprise = block.delay - delay;
        let (gain_d, gain_s) = (dd / variance, ds / variance);
        delay += gain_d * surprise;
        slope += gain_s * surprise;
        ss -= gain_s * ds;
        ds -= gain_d * ds;
        dd -= gain_d * dd;
        score -= 0.5 * (variance.ln() + surprise * surprise / variance);
    }
    (slope, ss, score)
}
