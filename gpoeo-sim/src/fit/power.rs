//! The power over the clocks, given the time: constant, voltage, clock, work and traffic.

use super::nnls::nnls;
use super::simplex::minimize;
use super::time::TimeFit;
use super::{Point, Sweep};

/// Half width of the corner at the voltage knee, MHz; as in the profiles.
const CORNER_MHZ: f64 = 20.0;
/// Highest voltage over the floor that can be (measured: 1.17 to 1.45).
const HIGHEST_VOLTAGE: f64 = 1.6;
/// Pull of the voltage towards the floor: a sweep cannot tell a high voltage with a high constant from a low one without.
const VOLTAGE_RIDGE: f64 = 5e-5;
/// Lowest end of the floor that can be, of the highest clock (measured: 0.63 to 0.82).
const LOWEST_KNEE: f64 = 0.5;

/// A fitted curve.
#[derive(Clone, Debug)]
pub(super) struct PowerFit {
    pub(super) knee_mhz: f64,
    slope_per_mhz: f64,
    coefficients: Vec<f64>,
}

impl PowerFit {
    /// The curve closest to some rows of a sweep.
    pub(super) fn new(sweep: &Sweep, rows: &[usize], time: &TimeFit) -> Self {
        let solved = |knee_mhz: f64, slope_per_mhz: f64| {
            let mut fit = Self { knee_mhz, slope_per_mhz, coefficients: Vec::new() };
            let weighted: Vec<Vec<f64>> = rows
                .iter()
                .map(|&row| {
                    let point = &sweep.points[row];
                    let weight = point.time_s / point.energy_j;
                    fit.terms(sweep, point, time).into_iter().map(|term| term * weight).collect()
                })
                .collect();
            let columns: Vec<Vec<f64>> =
                (0..sweep.memory.len() + 4).map(|column| weighted.iter().map(|row| row[column]).collect()).collect();
            fit.coefficients = nnls(&columns, &vec![1.0; rows.len()]);
            let error = |row: &Vec<f64>| {
                let sum: f64 = row.iter().zip(&fit.coefficients).map(|(term, coefficient)| term * coefficient).sum();
                (sum - 1.0).powi(2)
            };
            let squares = weighted.iter().map(error).sum::<f64>() / rows.len() as f64;
            (fit, squares)
        };
        // Both in units of their size, so that one step suits both.
        let scaled = |at: &[f64]| (at[0] * 0.1 * sweep.highest_mhz, at[1] / sweep.highest_mhz);
        let running_mhz = rows.iter().map(|&row| time.running_mhz(sweep, &sweep.points[row])).fold(0.0, f64::max);
        let score = |at: &[f64]| {
            let (knee_mhz, slope_per_mhz) = scaled(at);
            let voltage = 1.0 + slope_per_mhz * (running_mhz - knee_mhz).max(0.0);
            let is_possible = (LOWEST_KNEE * sweep.highest_mhz..=sweep.highest_mhz).contains(&knee_mhz)
                && slope_per_mhz >= 0.0
                && voltage <= HIGHEST_VOLTAGE;
            let ridge = VOLTAGE_RIDGE * (voltage - 1.0).powi(2);
            if is_possible { solved(knee_mhz, slope_per_mhz).1 + ridge } else { f64::INFINITY }
        };
        let starts = (10..20).flat_map(|half| [0.1, 0.2, 0.4].map(|rise| (0.5 * f64::from(half), rise)));
        let best = starts
            .map(|(knee, rise)| vec![knee, rise / (1.0 - 0.1 * knee).max(0.05)])
            .min_by(|a, b| score(a).total_cmp(&score(b)))
            .expect("there are starts");
        let found = minimize(&best, 0.1, 1e-12, 300, score);
        let (knee_mhz, slope_per_mhz) = scaled(&found.at);
        solved(knee_mhz, slope_per_mhz).0
    }

    /// Power at a point, W.
    pub(super) fn power_w(&self, sweep: &Sweep, point: &Point, time: &TimeFit) -> f64 {
        let terms = self.terms(sweep, point, time);
        terms.iter().zip(&self.coefficients).map(|(term, coefficient)| term * coefficient).sum()
    }

    /// Voltage at a clock over the floor.
    pub(super) fn voltage(&self, sm_mhz: f64) -> f64 {
        let over = (sm_mhz - self.knee_mhz) / CORNER_MHZ;
        let soft = if over > 30.0 { over } else { over.exp().ln_1p() };
        1.0 + self.slope_per_mhz * CORNER_MHZ * soft
    }

    /// What the coefficients belong to: a constant for each memory clock, leakage, clock tree, work, traffic.
    fn terms(&self, sweep: &Sweep, point: &Point, time: &TimeFit) -> Vec<f64> {
        let clock = time.running_mhz(sweep, point);
        let v2 = self.voltage(clock).powi(2);
        let relative = time.relative(sweep, point);
        let mut terms: Vec<f64> =
            (0..sweep.memory.len()).map(|memory| if memory == point.memory { 1.0 } else { 0.0 }).collect();
        terms.extend([v2, clock / sweep.highest_mhz * v2, v2 / relative, relative.recip()]);
        terms
    }
}
