//! How well the model's class of curves describes a measured sweep.
//!
//! Time: the four shares, launches, the corner of streaming, a ceiling of the clock. Power: constant, voltage, clock,
//! work and traffic, with coefficients that are not negative. Fitted by least squares of the relative errors: the few
//! parameters that enter non-linearly by a simplex search from several starts, the coefficients of the power by
//! non-negative least squares. What such a fit cannot bend to is the error of the class, not of a choice of constants.

mod nnls;
mod power;
mod simplex;
mod time;

use crate::dvfs::{DvfsRow, DvfsTable};

use power::PowerFit;
use time::TimeFit;

/// A fitted sweep: its parameters, and how far it is from the measured one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// What the time of an iteration consists of.
    pub shares: FittedShares,
    /// Where the voltage floor ends, MHz.
    pub knee_mhz: f64,
    /// Voltage at the highest clock that runs over the floor.
    pub voltage: f64,
    /// Errors over the rows that were fitted: all of them.
    pub errors: FitErrors,
    /// Errors over every other row, of a fit to the rest: what the curve says of clocks that it has not seen. `None` for a
    /// sweep with less than 16 rows.
    pub held_out: Option<FitErrors>,
}

/// What the time of an iteration consists of, by a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FittedShares {
    /// Paced by the SM clock.
    pub compute: f64,
    /// By both.
    pub balanced: f64,
    /// By the memory clock, down to where the SM clock can no longer feed it.
    pub memory: f64,
    /// By neither.
    pub host: f64,
    /// Launch time over kernel time.
    pub launch_ratio: f64,
    /// Where the SM clock can no longer feed the memory, of the highest.
    pub stream_corner: f64,
    /// The clock that higher requests give, MHz: a power or voltage limit.
    pub ceiling_mhz: f64,
}

/// How far a fit is from the rows, ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FitErrors {
    /// Mean error of the time.
    pub time: f64,
    /// Largest error of the time.
    pub time_worst: f64,
    /// Mean error of the energy.
    pub energy: f64,
    /// Largest error of the energy.
    pub energy_worst: f64,
}

/// One measured setting, relative where that helps.
#[derive(Clone, Copy, Debug)]
struct Point {
    sm_mhz: f64,
    /// Memory clock: index into those of the table.
    memory: usize,
    time_s: f64,
    energy_j: f64,
}

/// The sweep as the fit needs it.
#[derive(Clone, Debug)]
struct Sweep {
    points: Vec<Point>,
    /// Memory clocks relative to the highest, ascending.
    memory: Vec<f64>,
    highest_mhz: f64,
}

/// Fewest rows of which half can be held out.
const FEWEST_TO_HOLD_OUT: usize = 16;

/// Fits the model to a measured sweep.
///
/// ```
/// use gpoeo_sim::{DvfsTable, fit_table};
///
/// // Half of the time follows the clock, half does not; power is 100 W and 0.2 W/MHz.
/// let rows: String = (0..20)
///     .map(|step| 900.0 + 25.0 * f64::from(step))
///     .map(|mhz| (mhz, 0.5 + 700.0 / mhz))
///     .map(|(mhz, time)| format!("{mhz},,{time},{}\n", time * (100.0 + 0.2 * mhz)))
///     .collect();
/// let table = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
/// let fit = fit_table(&DvfsTable::parse(table.as_bytes(), "demo")?[0]);
/// assert!(fit.errors.time < 0.003 && fit.errors.energy < 0.01);
/// # Ok::<(), gpoeo_sim::TableError>(())
/// ```
#[must_use]
pub fn fit_table(table: &DvfsTable) -> Fit {
    let sweep = Sweep::new(table.rows());
    let whole: Vec<usize> = (0..sweep.points.len()).collect();
    let (time, power) = fit(&sweep, &whole);
    let held_out = (sweep.points.len() >= FEWEST_TO_HOLD_OUT).then(|| {
        // Every other row, the default one among those that are fitted.
        let (fitted, held): (Vec<usize>, Vec<usize>) =
            whole.iter().partition(|&&index| (sweep.points.len() - 1 - index) % 2 == 0);
        let (time, power) = fit(&sweep, &fitted);
        errors(&sweep, &held, &time, &power)
    });
    Fit {
        shares: time.shares(&sweep),
        knee_mhz: power.knee_mhz,
        voltage: power.voltage(time.shares(&sweep).ceiling_mhz),
        errors: errors(&sweep, &whole, &time, &power),
        held_out,
    }
}

fn fit(sweep: &Sweep, rows: &[usize]) -> (TimeFit, PowerFit) {
    let time = TimeFit::new(sweep, rows);
    let power = PowerFit::new(sweep, rows, &time);
    (time, power)
}

fn errors(sweep: &Sweep, rows: &[usize], time: &TimeFit, power: &PowerFit) -> FitErrors {
    let pairs: Vec<(f64, f64)> = rows
        .iter()
        .map(|&row| {
            let point = &sweep.points[row];
            let time_s = time.time_s(sweep, point);
            let energy_j = time_s * power.power_w(sweep, point, time);
            ((time_s / point.time_s - 1.0).abs(), (energy_j / point.energy_j - 1.0).abs())
        })
        .collect();
    let mean = |value: fn(&(f64, f64)) -> f64| pairs.iter().map(value).sum::<f64>() / pairs.len() as f64;
    let worst = |value: fn(&(f64, f64)) -> f64| pairs.iter().map(value).fold(0.0, f64::max);
    FitErrors {
        time: mean(|pair| pair.0),
        time_worst: worst(|pair| pair.0),
        energy: mean(|pair| pair.1),
        energy_worst: worst(|pair| pair.1),
    }
}

impl Sweep {
    fn new(rows: &[DvfsRow]) -> Self {
        let mut clocks: Vec<_> = rows.iter().map(|row| row.setting.mem).collect();
        clocks.sort_unstable();
        clocks.dedup();
        let highest = clocks.last().copied().flatten().map_or(1.0, |mhz| f64::from(mhz.0));
        let memory = clocks.iter().map(|clock| clock.map_or(1.0, |mhz| f64::from(mhz.0) / highest)).collect();
        let points = rows.iter().map(|row| Point {
            sm_mhz: f64::from(row.setting.sm.0),
            memory: clocks.iter().position(|&clock| clock == row.setting.mem).unwrap_or(0),
            time_s: row.time_s,
            energy_j: row.energy_j,
        });
        let points: Vec<Point> = points.collect();
        let highest_mhz = points.iter().map(|point| point.sm_mhz).fold(0.0, f64::max);
        Self { points, memory, highest_mhz }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Suite;
    use crate::workload::Workload;

    fn table_of(job: &Workload) -> DvfsTable {
        let rows: String = job
            .curve()
            .settings()
            .filter(|(clocks, _)| clocks.mem().0 == 9251 && clocks.sm().0 % 30 == 0 && clocks.sm().0 >= 600)
            .map(|(clocks, cost)| format!("{},9251,{},{}\n", clocks.sm().0, cost.time, 300.0 * cost.energy))
            .collect();
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        DvfsTable::parse(text.as_bytes(), "x").unwrap().remove(0)
    }

    #[test]
    fn finds_again_what_the_model_itself_has_made() {
        let suite = Suite::paper71();
        for name in ["aibench_face_embedding", "gnn_collab_gcn", "gnn_sp_mnist_ringgnn"] {
            let fit = fit_table(&table_of(suite.workload(name).unwrap()));
            assert!(fit.errors.time < 0.004 && fit.errors.energy < 0.01, "{name}: {:?}", fit.errors);
            assert!((fit.knee_mhz - 1485.0).abs() < 80.0, "{name}: {}", fit.knee_mhz);
        }
    }

    #[test]
    fn fits_the_sweeps_of_the_built_in_suite() {
        let tables = DvfsTable::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/a100_sxm.csv")).unwrap();
        for table in tables.iter().step_by(4) {
            let fit = fit_table(table);
            assert!(fit.errors.time < 0.006 && fit.errors.energy < 0.012, "{:?}: {:?}", table.workload(), fit.errors);
            let held_out = fit.held_out.unwrap();
            assert!(held_out.time < 0.008 && held_out.energy < 0.015, "{held_out:?}");
            assert!((1060.0..1150.0).contains(&fit.knee_mhz), "{}", fit.knee_mhz);
        }
    }

    #[test]
    fn a_ceiling_explains_requests_that_are_not_reached() {
        let time = |mhz: f64| 1000.0 / mhz.min(1500.0);
        let rows: String = (0..16)
            .map(|step| 600.0 + 80.0 * f64::from(step))
            .map(|mhz| format!("{mhz},,{},{}\n", time(mhz), time(mhz) * (50.0 + 0.1 * mhz.min(1500.0))))
            .collect();
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        let fit = fit_table(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]);
        assert!((fit.shares.ceiling_mhz - 1500.0).abs() < 30.0, "{:?}", fit.shares);
        assert!(fit.errors.time_worst < 0.01, "{:?}", fit.errors);
    }
}
