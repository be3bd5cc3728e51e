//! What is believed of a job before its first trial: curves that physics allows, and curves around what models predict.
//!
//! A predicted curve is the prediction, smoothed over neighbouring gears (trees jump), times a random deviation that is smooth
//! over the clock and as large as the models' own error there. Both kinds of curves are weighed by the same likelihood
//! later, so a prediction that trials contradict loses its weight to the rest. Source: ours; random Fourier features after
//! Rahimi and Recht (2007).

use std::sync::{Arc, LazyLock};

use super::curve::Curve as Physical;
use crate::objective::RelativeCost;
use crate::stats::Draws;

/// Number of physical curves; 1000 find no better settings.
const PHYSICAL: usize = 400;
/// Number of curves around a prediction.
const PREDICTED: usize = 300;
/// Share of the belief that a prediction gets. The rest finds the truth again where the prediction is wrong.
const TRUST: f64 = 0.8;
/// Standard deviation of the smoothing of a prediction, as a share of the highest clock.
const SMOOTHING: f64 = 0.03;
/// Length of the smoothness of a model's error, as a share of the highest clock.
const LENGTH: f64 = 0.35;
/// Waves that make a random deviation.
const WAVES: usize = 6;
/// A deviation is known at so many clocks, evenly spaced from 0 to the highest, and taken as straight between them: it bends
/// over [`LENGTH`], and curves are asked at every gear after every trial.
const KNOTS: usize = 13;
/// Errors below this are not believed: log time and log energy, per unit of the clock's distance from the default.
const LEAST_ERROR: [f64; 2] = [0.02, 0.03];
/// Seed: the same curves in every run, so that equal inputs give equal actions.
const SEED: u64 = 0x6770_6f65_6f00_0001;

/// One predicted setting of the default memory clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PredictedPoint {
    /// SM clock over the highest.
    pub(crate) x: f64,
    /// Cost relative to the highest.
    pub(crate) cost: RelativeCost,
    /// Expected error of time and energy, as ratios.
    pub(crate) stderr: [f64; 2],
}

/// The belief: curves with weights. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prior {
    /// `None`: physics alone.
    predicted: Option<Arc<Table>>,
}

/// A curve of either kind.
#[derive(Clone, Debug)]
pub(super) enum Curve {
    Physical(Physical),
    Predicted(Deviation),
}

/// A prediction with a deviation.
#[derive(Clone, Debug)]
pub(super) struct Deviation {
    table: Arc<Table>,
    knots: &'static Knots,
}

/// A smoothed prediction, x ascending, ending at 1: logarithms and their errors.
#[derive(Debug)]
struct Table {
    points: Vec<TablePoint>,
}

#[derive(Clone, Copy, Debug)]
struct TablePoint {
    x: f64,
    log: [f64; 2],
    stderr: [f64; 2],
}

impl Prior {
    /// Around a prediction, `x` ascending and ending at 1; physics alone if there are fewer than two points.
    pub(crate) fn around(prediction: &[PredictedPoint]) -> Self {
        let is_curve = prediction.len() >= 2;
        Self { predicted: is_curve.then(|| Arc::new(Table::smoothed(prediction))) }
    }

    /// The curves, each with its weight; the weights add up to 1.
    pub(super) fn curves(&self) -> Vec<(Curve, f64)> {
        let Some(table) = &self.predicted else { return physical(1.0).collect() };
        let weight = TRUST / PREDICTED as f64;
        let predicted =
            DEVIATIONS.iter().map(|knots| (Curve::Predicted(Deviation { table: Arc::clone(table), knots }), weight));
        predicted.chain(physical(1.0 - TRUST)).collect()
    }
}

/// A smooth random curve, of time and of energy, in standard deviations at the knots.
type Knots = [[f64; KNOTS]; 2];

/// The same for every job, so made once a process: constants that are too many to write down.
static DEVIATIONS: LazyLock<Vec<Knots>> = LazyLock::new(|| {
    let mut draws = Draws::new(SEED ^ 1);
    (0..PREDICTED).map(|_| [0; 2].map(|_| deviation(&mut draws))).collect()
});

/// The same for every job, too.
static PHYSICAL_CURVES: LazyLock<Vec<Physical>> = LazyLock::new(|| {
    let mut draws = Draws::new(SEED);
    (0..PHYSICAL).map(|_| Physical::draw(&mut draws)).collect()
});

/// A smooth random curve with a standard deviation of 1, at the knots.
fn deviation(draws: &mut Draws) -> [f64; KNOTS] {
    let waves = [0; WAVES].map(|_| (draws.normal() / LENGTH, draws.between(0.0, core::f64::consts::TAU)));
    core::array::from_fn(|knot| {
        let x = knot as f64 / (KNOTS - 1) as f64;
        let sum: f64 = waves.iter().map(|&(frequency, phase)| (frequency * x + phase).cos()).sum();
        (2.0 / WAVES as f64).sqrt() * sum
    })
}

fn physical(trust: f64) -> impl Iterator<Item = (Curve, f64)> {
    PHYSICAL_CURVES.iter().map(move |curve| (Curve::Physical(*curve), trust / PHYSICAL as f64))
}

impl Curve {
    /// Relative cost at `x`; 1 and 1 at the top.
    pub(super) fn at(&self, x: f64) -> RelativeCost {
        match self {
            Self::Physical(curve) => curve.at(x),
            Self::Predicted(deviation) => deviation.at(x),
        }
    }
}

impl Deviation {
    fn at(&self, x: f64) -> RelativeCost {
        let point = self.table.at(x);
        let place = x.clamp(0.0, 1.0) * (KNOTS - 1) as f64;
        let before = (place as usize).min(KNOTS - 2);
        let share = place - before as f64;
        let [time, energy] = [0, 1].map(|quantity: usize| {
            let knots = &self.knots[quantity];
            let deviation = knots[before] + share * (knots[before + 1] - knots[before]);
            (point.log[quantity] + point.stderr[quantity] * deviation).exp()
        });
        RelativeCost { time, energy }
    }
}

impl Table {
    fn smoothed(prediction: &[PredictedPoint]) -> Self {
        let logs: Vec<[f64; 2]> =
            prediction.iter().map(|point| [point.cost.time.ln(), point.cost.energy.ln()]).collect();
        let mut points: Vec<TablePoint> = prediction
            .iter()
            .map(|point| {
                let log = [0, 1].map(|quantity| local_line(prediction, &logs, quantity, point.x));
                let distance = (1.0 - point.x).max(0.0);
                let stderr = [0, 1].map(|quantity: usize| point.stderr[quantity].max(LEAST_ERROR[quantity] * distance));
                TablePoint { x: point.x, log, stderr }
            })
            .collect();
        let top = points.last().map_or([0.0; 2], |top| top.log);
        for point in &mut points {
            point.log = [0, 1].map(|quantity: usize| point.log[quantity] - top[quantity]);
        }
        Self { points }
    }

    fn at(&self, x: f64) -> TablePoint {
        let after = self.points.partition_point(|point| point.x < x).clamp(1, self.points.len() - 1);
        let (a, b) = (self.points[after - 1], self.points[after]);
        let share = ((x - a.x) / (b.x - a.x)).clamp(0.0, 1.0);
        let between =
            |a: [f64; 2], b: [f64; 2]| [0, 1].map(|quantity: usize| a[quantity] + share * (b[quantity] - a[quantity]));
        TablePoint { x, log: between(a.log, b.log), stderr: between(a.stderr, b.stderr) }
    }
}

/// The value at `x` of a straight line through the points near it (weights of a bell curve).
fn local_line(points: &[PredictedPoint], logs: &[[f64; 2]], quantity: usize, x: f64) -> f64 {
    let (mut weights, mut first, mut second, mut values, mut products) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (point, log) in points.iter().zip(logs) {
        let off = point.x - x;
        let weight = (-0.5 * (off / SMOOTHING).powi(2)).exp();
        weights += weight;
        first += weight * off;
        second += weight * off * off;
        values += weight * log[quantity];
        products += weight * off * log[quantity];
    }
    let spread = weights * second - first * first;
    if spread > 1e-12 * weights * weights { (second * values - first * products) / spread } else { values / weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(x: f64) -> RelativeCost {
        RelativeCost { time: 0.6 + 0.4 / x, energy: 0.5 + 0.5 * x * x }
    }

    /// A prediction that jumps, as trees do.
    fn prediction() -> Vec<PredictedPoint> {
        let step = |x: f64| if x > 0.99 { 1.0 } else { (x * 20.0).floor() / 20.0 + 0.025 };
        let point = |gear: u32| {
            let x = f64::from(gear) / 120.0;
            PredictedPoint { x, cost: truth(step(x)), stderr: [0.04 * (1.0 - x), 0.05 * (1.0 - x)] }
        };
        (40..=120).map(point).collect()
    }

    #[test]
    fn curves_around_a_prediction_spread_as_far_as_its_error() {
        let prior = Prior::around(&prediction());
        let weights: f64 = prior.curves().iter().map(|(_, weight)| weight).sum();
        assert!((weights - 1.0).abs() < 1e-9);
        let predicted: Vec<RelativeCost> =
            prior.curves().iter().take(PREDICTED).map(|(curve, _)| curve.at(0.75)).collect();
        let mean = predicted.iter().map(|cost| cost.time.ln()).sum::<f64>() / PREDICTED as f64;
        let spread = predicted.iter().map(|cost| (cost.time.ln() - mean).powi(2)).sum::<f64>() / PREDICTED as f64;
        assert!((mean - truth(0.75).time.ln()).abs() < 0.005, "{mean}");
        assert!((0.007..0.013).contains(&spread.sqrt()), "{}", spread.sqrt());
        for (curve, _) in prior.curves() {
            let top = curve.at(1.0);
            assert!((top.time - 1.0).abs() < 1e-9 && (top.energy - 1.0).abs() < 1e-9);
            assert!(curve.at(0.1).time.is_finite());
        }
    }

    #[test]
    fn the_jumps_of_trees_are_smoothed() {
        let table = Table::smoothed(&prediction());
        let largest = table
            .points
            .windows(2)
            .filter(|pair| pair[0].x > 0.6 && pair[1].x < 0.95)
            .map(|pair| (pair[1].log[0] - pair[0].log[0]).abs())
            .fold(0.0, f64::max);
        assert!(largest < 0.015, "{largest}: the steps are 0.044");
    }

    #[test]
    fn too_little_of_a_prediction_is_none() {
        assert_eq!(Prior::around(&prediction()[..1]).curves().len(), PHYSICAL);
    }
}
