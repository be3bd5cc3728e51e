//! The time of an iteration over the clocks: shares, launches, corner, ceiling.

use crate::model::{balanced_time, soft_max, stream_time};

use super::simplex::minimize;
use super::{FittedShares, Point, Sweep};

/// How soft the corner between kernels and launches is; as in the model.
const LAUNCH_CORNER: f64 = 4.0;
/// Pull towards the start of each parameter, so that what a sweep says nothing about stays small.
const RIDGE: f64 = 1e-9;
/// Evaluations of one search.
const MOST: usize = 4000;

/// Logits of the shares, of the stream corner and of the ceiling; logarithm of the launch ratio; exponent of the memory
/// clock.
const PARAMETERS: usize = 8;

/// Where searches start: each kind of job, with and without a ceiling.
const STARTS: [[f64; PARAMETERS]; 7] = [
    [2.0, 0.0, 0.0, 0.0, -1.0, -2.0, 4.0, 0.0],
    [0.0, 2.0, 0.0, 0.0, -1.0, -2.0, 4.0, 0.0],
    [0.0, 0.0, 2.0, 0.0, -1.0, -2.0, 4.0, 0.0],
    [1.0, 0.0, 1.0, 0.0, 1.5, -2.0, 4.0, 0.0],
    [1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 4.0, 0.0],
    [2.0, 0.0, 0.0, 0.0, -1.0, -2.0, 1.0, 0.0],
    [1.0, 0.0, 1.0, 1.0, 0.0, -1.0, 1.0, 0.0],
];

/// A fitted curve.
#[derive(Clone, Debug)]
pub(super) struct TimeFit {
    parameters: [f64; PARAMETERS],
    /// Time at the highest clocks, s.
    unit_s: f64,
}

/// The parameters as they enter the law.
struct Shape {
    shares: [f64; 4],
    corner: f64,
    launch_ratio: f64,
    /// Of the highest clock.
    ceiling: f64,
    memory_exponent: f64,
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Shape {
    fn new(parameters: &[f64]) -> Self {
        let most = parameters[..4].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let raw: [f64; 4] = std::array::from_fn(|index| (parameters[index] - most).exp());
        let sum: f64 = raw.iter().sum();
        Self {
            shares: raw.map(|share| share / sum),
            corner: logistic(parameters[4]),
            launch_ratio: parameters[5].exp(),
            // Never below half of the highest clock; 4 is the highest clock itself.
            ceiling: (0.5 + 0.51 * logistic(parameters[6])).min(1.0),
            memory_exponent: parameters[7].exp(),
        }
    }

    /// Time relative to the highest clocks; `clock` and `memory` relative to the highest.
    fn time(&self, clock: f64, memory: f64) -> f64 {
        let x = 1.0 / clock.min(self.ceiling);
        let y = memory.powf(-self.memory_exponent);
        let [compute, balanced, stream, host] = self.shares;
        let kernels = compute * x + balanced * balanced_time(x, y) + stream * stream_time(x, y, self.corner);
        let gpu = 1.0 - host;
        let launched = soft_max(self.launch_ratio, kernels / gpu, LAUNCH_CORNER);
        host + gpu * launched / soft_max(self.launch_ratio, 1.0, LAUNCH_CORNER)
    }
}

impl TimeFit {
    /// The curve closest to some rows of a sweep.
    pub(super) fn new(sweep: &Sweep, rows: &[usize]) -> Self {
        let logs = |parameters: &[f64]| -> Vec<f64> {
            let shape = Shape::new(parameters);
            let log = |&row: &usize| {
                let point = &sweep.points[row];
                (point.time_s / shape.time(point.sm_mhz / sweep.highest_mhz, sweep.memory[point.memory])).ln()
            };
            rows.iter().map(log).collect()
        };
        let best = STARTS
            .iter()
            .map(|start| {
                minimize(start, 0.5, 1e-10, MOST, |parameters| {
                    let logs = logs(parameters);
                    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
                    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
                    squares / logs.len() as f64 + RIDGE * parameters.iter().map(|value| value.powi(2)).sum::<f64>()
                })
            })
            .min_by(|a, b| a.value.total_cmp(&b.value))
            .expect("there are starts");
        let parameters = std::array::from_fn(|index| best.at[index]);
        let logs = logs(&parameters);
        Self { parameters, unit_s: (logs.iter().sum::<f64>() / logs.len() as f64).exp() }
    }

    /// Time at a point, s.
    pub(super) fn time_s(&self, sweep: &Sweep, point: &Point) -> f64 {
        self.unit_s * self.relative(sweep, point)
    }

    /// Time at a point relative to the highest clocks.
    pub(super) fn relative(&self, sweep: &Sweep, point: &Point) -> f64 {
        Shape::new(&self.parameters).time(point.sm_mhz / sweep.highest_mhz, sweep.memory[point.memory])
    }

    /// The clock that really runs at a point, MHz.
    pub(super) fn running_mhz(&self, sweep: &Sweep, point: &Point) -> f64 {
        point.sm_mhz.min(Shape::new(&self.parameters).ceiling * sweep.highest_mhz)
    }

    /// The parameters in words.
    pub(super) fn shares(&self, sweep: &Sweep) -> FittedShares {
        let shape = Shape::new(&self.parameters);
        let [compute, balanced, memory, host] = shape.shares;
        FittedShares {
            compute,
            balanced,
            memory,
            host,
            launch_ratio: shape.launch_ratio,
            stream_corner: shape.corner,
            ceiling_mhz: shape.ceiling * sweep.highest_mhz,
        }
    }
}
