//! What the measurements leave of the prior: weighted curves plus a Gaussian-process residual, in closed form.
//!
//! Each curve of the [`Prior`] explains the measurements with a residual that is smooth over the clock and zero at the top
//! (where all is relative to). A curve's weight is its likelihood, tempered, since the true curve is never among them.
//! Cost of a draw over m gears: O(m²); of a posterior with n measurements: O(curves · n² + m³). Source: ours; Gaussian
//! processes as in Rasmussen and Williams (2006), algorithm 2.1.

use super::prior::{Curve, Prior};
use crate::objective::RelativeCost;
use crate::stats::Draws;

/// Likelihoods are raised to this power: otherwise the weights collapse on one curve that is a little less wrong.
const TEMPER: f64 = 0.5;
/// Length of the residual's smoothness, as a share of the highest clock.
const LENGTH: f64 = 0.12;
/// Standard deviation of the residual of log time and of log energy.
const RESIDUAL: f64 = 0.012;
/// Standard deviation of what is not smooth from gear to gear: log time, log energy.
const WHITE: [f64; 2] = [0.0012, 0.003];
/// Added to the diagonal of a covariance of neighbouring gears, which is nearly singular.
const JITTER: f64 = 1e-8;
/// Curves with less weight than this are left out of means.
const NEGLIGIBLE: f64 = 1e-6;
/// Doubt about a setting that was measured at another memory clock, ratio.
const OTHER_MEMORY_STDERR: f64 = 0.03;

/// One measured setting: its clock and its relative cost with standard errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation {
    /// SM clock over the highest.
    pub(crate) x: f64,
    /// Relative cost.
    pub(crate) cost: RelativeCost,
    /// Standard error of the relative time.
    pub(crate) time_stderr: f64,
    /// Standard error of the relative energy.
    pub(crate) energy_stderr: f64,
}

/// Measurements at one memory clock, with what was believed before them.
#[derive(Clone, Debug)]
pub(crate) struct Measurements {
    pub(crate) prior: Prior,
    pub(crate) observations: Vec<Observation>,
}

/// What all measurements together say about one of the measured settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smoothed {
    /// Relative cost.
    pub(crate) cost: RelativeCost,
    /// Standard error of the relative time.
    pub(crate) time_stderr: f64,
    /// Standard error of the relative energy.
    pub(crate) energy_stderr: f64,
}

/// Lets the measured settings of one memory clock inform each other: neighbours cost nearly the same. In the order of
/// the observations.
pub(crate) fn smooth(prior: &Prior, observations: &[Observation]) -> Vec<Smoothed> {
    let points: Vec<_> = observations.iter().enumerate().map(|(index, seen)| (seen.x, Some(index))).collect();
    Posterior::new(prior, observations).predict(&points)
}

/// What the measurements say about settings that were not measured, at these SM clocks over the highest.
pub(crate) fn predict(known: &Measurements, xs: &[f64]) -> Vec<Smoothed> {
    let points: Vec<_> = xs.iter().map(|&x| (x, None)).collect();
    Posterior::new(&known.prior, &known.observations).predict(&points)
}

/// Belief in what models predicted that the measurements have left, 0..1; 0 without models.
pub(crate) fn trust(known: &Measurements) -> f64 {
    let posterior = Posterior::new(&known.prior, &known.observations);
    let below = |index: usize| index.checked_sub(1).map_or(0.0, |before| posterior.cumulative[before]);
    let predicted = posterior.curves.iter().enumerate().filter(|(_, (curve, _))| matches!(curve, Curve::Predicted(_)));
    predicted.map(|(index, _)| posterior.cumulative[index] - below(index)).sum()
}

/// One of the two smooth residuals (log time, log energy), fitted to the measurements.
struct Residual {
    /// Cholesky factor of the covariance of the measurements.
    factor: Matrix,
    white: f64,
}

/// Curves with weights, and what is known about the residual.
pub(super) struct Posterior<'a> {
    observations: &'a [Observation],
    curves: Vec<(Curve, f64)>,
    /// Measured minus curve, in logarithms: of time and of energy, one row of observations a curve.
    gaps: [Vec<f64>; 2],
    /// Running sum of the weights, last = 1.
    cumulative: Vec<f64>,
    residuals: [Residual; 2],
}

impl<'a> Posterior<'a> {
    /// Conditions the prior on the measurements.
    pub(super) fn new(prior: &Prior, observations: &'a [Observation]) -> Self {
        let curves = prior.curves();
        let residuals = [0, 1].map(|quantity| {
            let white = WHITE[quantity];
            let n = observations.len();
            let covariance = Matrix::from_fn(n, |i, j| {
                let own = if i == j { observations[i].noise(quantity).powi(2) + white * white } else { 0.0 };
                kernel(observations[i].x, observations[j].x) + own
            });
            Residual { factor: covariance.cholesky(), white }
        });
        let gaps = gaps(observations, &curves);
        let mut posterior = Self { observations, curves, gaps, cumulative: Vec::new(), residuals };
        posterior.weigh();
        posterior
    }

    fn weigh(&mut self) {
        let likelihoods: Vec<f64> = self
            .curves
            .iter()
            .enumerate()
            .map(|(index, (_, weight))| {
                let squares = |quantity: usize| -> f64 {
                    let mut gap = self.gaps_of(index, quantity).to_vec();
                    self.residuals[quantity].factor.solve_lower(&mut gap);
                    gap.iter().map(|z| z * z).sum()
                };
                weight.ln() - 0.5 * TEMPER * (squares(0) + squares(1))
            })
            .collect();
        let best = likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        self.cumulative = likelihoods
            .iter()
            .map(|likelihood| {
                sum += (likelihood - best).exp();
                sum
            })
            .collect();
        for value in &mut self.cumulative {
            *value /= sum;
        }
    }

    fn gaps_of(&self, curve: usize, quantity: usize) -> &[f64] {
        let count = self.observations.len();
        &self.gaps[quantity][curve * count..][..count]
    }

    /// Mean and standard error at some clocks; each with the index of the observation that was made there, if any.
    fn predict(&self, points: &[(f64, Option<usize>)]) -> Vec<Smoothed> {
        let [time, energy] = [0, 1].map(|quantity| self.predict_one(points, quantity));
        let merge = |(time, energy): (&(f64, f64), &(f64, f64))| Smoothed {
            cost: RelativeCost { time: time.0, energy: energy.0 },
            time_stderr: time.1,
            energy_stderr: energy.1,
        };
        time.iter().zip(&energy).map(merge).collect()
    }

    fn predict_one(&self, points: &[(f64, Option<usize>)], quantity: usize) -> Vec<(f64, f64)> {
        let residual = &self.residuals[quantity];
        // The part that is not smooth belongs to the setting itself: its own measurement tells of it too.
        let own = residual.white.powi(2);
        let rows: Vec<Vec<f64>> = points
            .iter()
            .map(|&(x, observed)| {
                let mut row: Vec<f64> = self.observations.iter().map(|other| kernel(x, other.x)).collect();
                if let Some(index) = observed {
                    row[index] += own;
                }
                residual.factor.solve_lower(&mut row);
                row
            })
            .collect();
        // Weighted sums of the logarithms and of their squares over the curves.
        let mut sums = vec![(0.0, 0.0); points.len()];
        let mut last = 0.0;
        for (index, ((curve, _), &cumulative)) in self.curves.iter().zip(&self.cumulative).enumerate() {
            let weight = cumulative - last;
            last = cumulative;
            if weight < NEGLIGIBLE {
                continue;
            }
            let mut gap = self.gaps_of(index, quantity).to_vec();
            residual.factor.solve_lower(&mut gap);
            for ((sum, &(x, _)), row) in sums.iter_mut().zip(points).zip(&rows) {
                let correction: f64 = row.iter().zip(&gap).map(|(a, b)| a * b).sum();
                let log = pick(curve.at(x), quantity).ln() + correction;
                sum.0 += weight * log;
                sum.1 += weight * log * log;
            }
        }
        let mut predictions = Vec::with_capacity(points.len());
        for ((&(mean, square), &(x, _)), row) in sums.iter().zip(points).zip(&rows) {
            let residual_var = kernel(x, x) + own - row.iter().map(|z| z * z).sum::<f64>();
            let spread: f64 = square - mean * mean;
            predictions.push((mean.exp(), (residual_var.max(0.0) + spread.max(0.0)).sqrt() * mean.exp()));
        }
        predictions
    }

    /// Draws `count` pairs of curves at the clocks `xs`; each row holds one draw, in the order of `xs`.
    pub(super) fn draws(&self, xs: &[f64], count: usize, draws: &mut Draws) -> Vec<Vec<RelativeCost>> {
        let n = self.observations.len();
        let spread = [0, 1].map(|quantity| {
            let residual = &self.residuals[quantity];
            // Rows of L⁻¹ k(x, observations): the posterior covariance is k(x, x') minus their products.
            let reduced: Vec<Vec<f64>> = xs
                .iter()
                .map(|&x| {
                    let mut row: Vec<f64> = (0..n).map(|i| kernel(x, self.observations[i].x)).collect();
                    residual.factor.solve_lower(&mut row);
                    row
                })
                .collect();
            let covariance = Matrix::from_fn(xs.len(), |i, j| {
                let known: f64 = reduced[i].iter().zip(&reduced[j]).map(|(a, b)| a * b).sum();
                // The smooth part only: what differs from gear to gear by chance is not worth a trial.
                kernel(xs[i], xs[j]) - known + if i == j { JITTER } else { 0.0 }
            });
            (reduced, covariance.cholesky())
        });
        (0..count)
            .map(|_| {
                let u = draws.uniform();
                let chosen = self.cumulative.partition_point(|&sum| sum < u).min(self.curves.len() - 1);
                let (curve, _) = &self.curves[chosen];
                let logs = [0, 1].map(|quantity| {
                    let (reduced, factor) = &spread[quantity];
                    let mut gap = self.gaps_of(chosen, quantity).to_vec();
                    self.residuals[quantity].factor.solve_lower(&mut gap);
                    let normals: Vec<f64> = xs.iter().map(|_| draws.normal()).collect();
                    let mut row = factor.times_lower(&normals);
                    for (value, known) in row.iter_mut().zip(reduced) {
                        *value += known.iter().zip(&gap).map(|(a, b)| a * b).sum::<f64>();
                    }
                    row
                });
                xs.iter()
                    .enumerate()
                    .map(|(i, &x)| {
                        let prior = curve.at(x);
                        RelativeCost { time: prior.time * logs[0][i].exp(), energy: prior.energy * logs[1][i].exp() }
                    })
                    .collect()
            })
            .collect()
    }
}

impl Observation {
    /// What a measurement at another memory clock tells about this one: the SM clock does nearly the same.
    pub(crate) fn of_other_memory(&self) -> Self {
        Self {
            time_stderr: self.time_stderr.hypot(OTHER_MEMORY_STDERR),
            energy_stderr: self.energy_stderr.hypot(OTHER_MEMORY_STDERR),
            ..*self
        }
    }

    fn noise(&self, quantity: usize) -> f64 {
        if quantity == 0 { self.time_stderr / self.cost.time } else { self.energy_stderr / self.cost.energy }
    }
}

fn gaps(observations: &[Observation], curves: &[(Curve, f64)]) -> [Vec<f64>; 2] {
    let measured: Vec<[f64; 2]> =
        observations.iter().map(|seen| [seen.cost.time.ln(), seen.cost.energy.ln()]).collect();
    let mut gaps = [0; 2].map(|_| Vec::with_capacity(curves.len() * observations.len()));
    for (curve, _) in curves {
        for (seen, measured) in observations.iter().zip(&measured) {
            let cost = curve.at(seen.x);
            gaps[0].push(measured[0] - cost.time.ln());
            gaps[1].push(measured[1] - cost.energy.ln());
        }
    }
    gaps
}

fn pick(cost: RelativeCost, quantity: usize) -> f64 {
    if quantity == 0 { cost.time } else { cost.energy }
}

/// Covariance of the residual: squared exponential, conditioned to vanish at the top.
fn kernel(x: f64, y: f64) -> f64 {
    let k = |a: f64, b: f64| (-0.5 * ((a - b) / LENGTH).powi(2)).exp();
    RESIDUAL * RESIDUAL * (k(x, y) - k(x, 1.0) * k(1.0, y))
}

/// A lower triangle, row by row.
struct Matrix {
    size: usize,
    lower: Vec<f64>,
}

impl Matrix {
    fn from_fn(size: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let lower = (0..size).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect();
        Self { size, lower }
    }

    fn row(&self, i: usize) -> &[f64] {
        let start = i * (i + 1) / 2;
        &self.lower[start..=start + i]
    }

    /// The factor L of this symmetric positive matrix = L Lᵀ; a pivot lost to rounding becomes tiny, not NaN.
    fn cholesky(mut self) -> Self {
        for i in 0..self.size {
            let start = i * (i + 1) / 2;
            for j in 0..=i {
                let other = j * (j + 1) / 2;
                let products: f64 = (0..j).map(|k| self.lower[start + k] * self.lower[other + k]).sum();
                let rest = self.lower[start + j] - products;
                self.lower[start + j] = if i == j { rest.max(1e-12).sqrt() } else { rest / self.lower[other + j] };
            }
        }
        self
    }

    /// Solves L z = b in place.
    fn solve_lower(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = self.row(i);
            let products: f64 = row[..i].iter().zip(b.iter()).map(|(a, z)| a * z).sum();
            b[i] = (b[i] - products) / row[i];
        }
    }

    /// L z.
    fn times_lower(&self, z: &[f64]) -> Vec<f64> {
        (0..self.size).map(|i| self.row(i).iter().zip(z).map(|(a, b)| a * b).sum()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(x: f64, time: f64, energy: f64) -> Observation {
        Observation { x, cost: RelativeCost { time, energy }, time_stderr: 0.001, energy_stderr: 0.003 }
    }

    fn mean_at(observations: &[Observation], x: f64) -> (RelativeCost, f64) {
        let rows = Posterior::new(&Prior::default(), observations).draws(&[x], 400, &mut Draws::new(3));
        let mean = |f: &dyn Fn(RelativeCost) -> f64| rows.iter().map(|row| f(row[0])).sum::<f64>() / 400.0;
        let time = mean(&|cost| cost.time);
        let spread = mean(&|cost| (cost.time - time).powi(2)).sqrt();
        (RelativeCost { time, energy: mean(&|cost| cost.energy) }, spread)
    }

    #[test]
    fn a_measurement_is_reproduced_and_narrows_its_neighbours() {
        let (_, before) = mean_at(&[], 0.88);
        let seen = [observe(0.9, 1.06, 0.87)];
        let (at, spread) = mean_at(&seen, 0.9);
        assert!((at.time - 1.06).abs() < 0.003 && (at.energy - 0.87).abs() < 0.005, "{at:?}");
        assert!(spread < 0.004, "{spread}");
        let (_, after) = mean_at(&seen, 0.88);
        assert!(after < before / 3.0, "{before} -> {after}");
    }

    #[test]
    fn neighbours_make_a_poor_measurement_better_and_leave_a_good_one() {
        let poor = |x: f64, time: f64| Observation { time_stderr: 0.01, ..observe(x, time, 0.9) };
        let seen = [poor(0.90, 1.060), poor(0.91, 1.035), poor(0.89, 1.058), poor(0.92, 1.044)];
        let smoothed = smooth(&Prior::default(), &seen);
        assert!(smoothed[1].time_stderr < 0.006, "{:?}", smoothed[1]);
        assert!((smoothed[1].cost.time - 1.047).abs() < 0.006, "{:?}", smoothed[1]);
        let good = smooth(&Prior::default(), &[observe(0.9, 1.06, 0.87), poor(0.91, 1.02)]);
        assert!((good[0].cost.time - 1.06).abs() < 0.001 && good[0].time_stderr < 0.0012, "{:?}", good[0]);
    }

    #[test]
    fn cost_at_the_top_is_certain() {
        let (at, spread) = mean_at(&[observe(0.8, 1.1, 0.8)], 1.0);
        assert!((at.time - 1.0).abs() < 1e-3 && spread < 2e-3, "{at:?} {spread}");
    }

    #[test]
    fn cholesky_reproduces_the_matrix() {
        let entry = |i: usize, j: usize| (1 + i.min(j)) as f64;
        let factor = Matrix::from_fn(5, entry).cholesky();
        for i in 0..5 {
            for j in 0..=i {
                let product: f64 = factor.row(i).iter().zip(factor.row(j)).map(|(a, b)| a * b).sum();
                assert!((product - entry(i, j)).abs() < 1e-12);
            }
        }
    }
}
