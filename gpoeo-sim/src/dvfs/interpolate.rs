//! Time and energy at every gear of a measured sweep.
//!
//! The gears are the measured SM clocks and, where neighbours lie more than 15 MHz apart, a grid of 15 MHz from the
//! lower one upwards. Between measured rows time and energy follow the piecewise cubic of Fritsch and Carlson with the
//! slopes of Fritsch and Butland (PCHIP): it passes through every row exactly, even where rows are not monotone, and
//! between two rows it never leaves the range of their two values. So where the rows are monotone in time, the gears
//! are too, and no minimum of energy appears that was not measured.

use gpoeo_core::{Capabilities, ClockPair, MemGear, Mhz, RelativeCost};

use super::table::{DvfsRow, DvfsTable, TableError, TableProblem};

/// Step of the gears between measured clocks, MHz: what NVIDIA GPUs offer.
const GEAR_STEP_MHZ: u32 = 15;

/// Stands for the memory clock of a table that does not name its only one; a GPU must have one to list.
const UNNAMED_MEMORY: Mhz = Mhz(1);

/// What one unit of a workload costs at every gear, relative to the default setting.
///
/// ```
/// use gpoeo_core::{Mhz, RelativeCost};
/// use gpoeo_sim::{DvfsCurve, DvfsTable};
///
/// let text = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1260,1593,1.1,320\n1200,1593,1.2,300\n1290,1593,1.0,400\n";
/// let tables = DvfsTable::parse(text.as_bytes(), "demo")?;
/// let curve = DvfsCurve::new(&tables[0])?;
/// let clocks: Vec<u32> = curve.settings().map(|(clocks, _)| clocks.sm().0).collect();
/// assert_eq!(clocks, [1200, 1215, 1230, 1245, 1260, 1275, 1290]);
/// assert_eq!(curve.cost(curve.default_clocks()), Some(RelativeCost::DEFAULT));
/// # Ok::<(), gpoeo_sim::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DvfsCurve {
    capabilities: Capabilities,
    /// By memory gear, then SM gear.
    costs: Vec<Vec<RelativeCost>>,
    default: ClockPair,
    default_time_s: f64,
    default_energy_j: f64,
    memory_named: bool,
}

impl DvfsCurve {
    /// Interpolates a table.
    ///
    /// # Errors
    /// [`TableError`] if the clocks spread over more gears than a GPU can have.
    pub fn new(table: &DvfsTable) -> Result<Self, TableError> {
        let default = table.default_row();
        let mut clocks = Vec::new();
        let mut costs = Vec::new();
        // Rows are sorted by memory clock, then SM clock.
        for rows in table.rows().chunk_by(|a, b| a.setting.mem == b.setting.mem) {
            let gears = gears(rows);
            costs.push(relative_costs(rows, &gears, default));
            clocks.push((rows[0].setting.mem.unwrap_or(UNNAMED_MEMORY), gears));
        }
        let capabilities =
            Capabilities::new(clocks).map_err(|_| table.error(default.line, TableProblem::TooManyGears))?;
        let default_mem = default.setting.mem.unwrap_or(UNNAMED_MEMORY);
        let default_clocks = capabilities
            .pairs()
            .find(|pair| pair.mem() == default_mem && pair.sm() == default.setting.sm)
            .expect("every row of the table is a gear");
        Ok(Self {
            capabilities,
            costs,
            default: default_clocks,
            default_time_s: default.time_s,
            default_energy_j: default.energy_j,
            memory_named: default.setting.mem.is_some(),
        })
    }

    /// From the cost of every pair of `capabilities`, in their order; time (s) and energy (J) of one unit of the work at
    /// the default setting.
    pub(crate) fn from_costs(
        capabilities: Capabilities,
        costs: Vec<RelativeCost>,
        default: ClockPair,
        (default_time_s, default_energy_j): (f64, f64),
    ) -> Self {
        let mut costs = costs.into_iter();
        let gears = |mem| capabilities.pairs_at(MemGear(mem)).count();
        let costs = (0..capabilities.mem_gears()).map(|mem| costs.by_ref().take(gears(mem)).collect()).collect();
        Self { capabilities, costs, default, default_time_s, default_energy_j, memory_named: true }
    }

    /// The clock pairs; nothing is said about counters and sensors.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Cost of a setting; `None` if it is no setting of this GPU.
    #[must_use]
    pub fn cost(&self, clocks: ClockPair) -> Option<RelativeCost> {
        if !self.capabilities.contains(clocks) {
            return None;
        }
        self.costs.get(usize::from(clocks.mem_gear().0))?.get(usize::from(clocks.sm_gear().0)).copied()
    }

    /// All settings with their costs, memory clock and then SM clock ascending.
    pub fn settings(&self) -> impl Iterator<Item = (ClockPair, RelativeCost)> + '_ {
        self.capabilities.pairs().zip(self.costs.iter().flatten().copied())
    }

    /// The default setting; its cost is [`RelativeCost::DEFAULT`].
    #[must_use]
    pub fn default_clocks(&self) -> ClockPair {
        self.default
    }

    /// Time of one unit of the work at the default setting, s.
    #[must_use]
    pub fn default_time_s(&self) -> f64 {
        self.default_time_s
    }

    /// Energy of one unit of the work at the default setting, J.
    #[must_use]
    pub fn default_energy_j(&self) -> f64 {
        self.default_energy_j
    }

    /// Mean power at the default setting, W.
    #[must_use]
    pub fn default_power_w(&self) -> f64 {
        self.default_energy_j / self.default_time_s
    }

    /// The memory clock of a setting, or `None` if the table does not name its only one.
    #[must_use]
    pub fn memory_clock(&self, clocks: ClockPair) -> Option<Mhz> {
        self.memory_named.then(|| clocks.mem())
    }
}

/// The SM clocks of one memory clock: measured ones and the grid between.
fn gears(rows: &[DvfsRow]) -> Vec<Mhz> {
    let mut gears = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let low = row.setting.sm;
        gears.push(low);
        if let Some(high) = rows.get(index + 1).map(|next| next.setting.sm) {
            gears.extend((low.0..high.0).step_by(GEAR_STEP_MHZ as usize).skip(1).map(Mhz));
        }
    }
    gears
}

fn relative_costs(rows: &[DvfsRow], gears: &[Mhz], default: &DvfsRow) -> Vec<RelativeCost> {
    let clocks: Vec<f64> = rows.iter().map(|row| f64::from(row.setting.sm.0)).collect();
    let time = Pchip::new(&clocks, rows.iter().map(|row| row.time_s / default.time_s).collect());
    let energy = Pchip::new(&clocks, rows.iter().map(|row| row.energy_j / default.energy_j).collect());
    gears
        .iter()
        .map(|gear| {
            let clock = f64::from(gear.0);
            RelativeCost { time: time.at(clock), energy: energy.at(clock) }
        })
        .collect()
}

/// A piecewise cubic through given points that is monotone between each two of them.
///
/// Fritsch and Butland, "A method for constructing local monotone piecewise cubic interpolants", 1984; ends as in
/// Moler's `pchiptx`.
struct Pchip<'a> {
    x: &'a [f64],
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl<'a> Pchip<'a> {
    /// `x` ascending without repeats, not empty; `y` as long.
    fn new(x: &'a [f64], y: Vec<f64>) -> Self {
        let width: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let secant: Vec<f64> = y.windows(2).zip(&width).map(|(pair, h)| (pair[1] - pair[0]) / h).collect();
        let slopes = match secant.len() {
            0 => vec![0.0],
            1 => vec![secant[0]; 2],
            last => (0..=last)
                .map(|i| match i {
                    0 => end_slope(width[0], width[1], secant[0], secant[1]),
                    _ if i == last => end_slope(width[i - 1], width[i - 2], secant[i - 1], secant[i - 2]),
                    _ => inner_slope(width[i - 1], width[i], secant[i - 1], secant[i]),
                })
                .collect(),
        };
        Self { x, y, slopes }
    }

    /// The value at `x`, which must lie within the points.
    fn at(&self, x: f64) -> f64 {
        let upper = self.x.partition_point(|&point| point < x);
        if self.x.get(upper) == Some(&x) || upper == 0 {
            return self.y[upper];
        }
        let lower = upper - 1;
        let h = self.x[upper] - self.x[lower];
        let s = (x - self.x[lower]) / h;
        let (y0, y1) = (self.y[lower], self.y[upper]);
        let (d0, d1) = (self.slopes[lower] * h, self.slopes[upper] * h);
        let rise = y1 - y0;
        let value = y0 + s * (d0 + s * ((3.0 * rise - 2.0 * d0 - d1) + s * (d0 + d1 - 2.0 * rise)));
        // Rounding alone could leave the range by a few units in the last place.
        value.clamp(y0.min(y1), y0.max(y1))
    }
}

fn inner_slope(h0: f64, h1: f64, secant0: f64, secant1: f64) -> f64 {
    if secant0 * secant1 <= 0.0 {
        return 0.0;
    }
    let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
    (w0 + w1) / (w0 / secant0 + w1 / secant1)
}

fn end_slope(h0: f64, h1: f64, secant0: f64, secant1: f64) -> f64 {
    let slope = ((2.0 * h0 + h1) * secant0 - h0 * secant1) / (h0 + h1);
    if slope * secant0 <= 0.0 {
        0.0
    } else if secant0 * secant1 <= 0.0 && slope.abs() > 3.0 * secant0.abs() {
        3.0 * secant0
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(rows: &str) -> DvfsCurve {
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]).unwrap()
    }

    fn sm_clocks(curve: &DvfsCurve) -> Vec<u32> {
        curve.settings().map(|(clocks, _)| clocks.sm().0).collect()
    }

    #[test]
    fn gears_fill_wide_gaps_only() {
        assert_eq!(sm_clocks(&curve("1000,,1,1\n985,,1.1,1\n950,,1.2,1\n")), [950, 965, 980, 985, 1000]);
        assert_eq!(sm_clocks(&curve("975,,1,1\n1013,,0.9,1\n")), [975, 990, 1005, 1013]);
        assert_eq!(sm_clocks(&curve("100,,1,1\n107,,0.9,1\n")), [100, 107]);
    }

    #[test]
    fn each_memory_clock_has_its_own_gears() {
        let curve = curve("500,810,2,1\n1000,3505,1,2\n1030,3505,0.9,2.1\n");
        assert_eq!(sm_clocks(&curve), [500, 1000, 1015, 1030]);
        assert_eq!(curve.capabilities().mem_gears(), 2);
        let (_, slow) = curve.settings().next().unwrap();
        assert_eq!(slow, RelativeCost { time: 2.0 / 0.9, energy: 1.0 / 2.1 });
    }

    #[test]
    fn more_gears_than_a_gpu_has_are_refused() {
        let rows: String = (1..5000).map(|sm| format!("{sm},,1,1\n")).collect();
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        let error = DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]).unwrap_err().to_string();
        assert_eq!(error, "x:5000: the clocks spread over more gears than a GPU can have; check sm_clock_mhz");
    }

    #[test]
    fn the_cubic_is_exact_for_a_line() {
        let line = curve("100,,2,20\n160,,1.4,14\n220,,0.8,8\n");
        for (clocks, cost) in line.settings() {
            let wanted = (3.0 - f64::from(clocks.sm().0) * 0.01) / 0.8;
            assert!((cost.time - wanted).abs() < 1e-12, "{clocks}: {} instead of {wanted}", cost.time);
        }
    }

    fn rows() -> impl Strategy<Value = Vec<(u32, f64, f64)>> {
        prop::collection::btree_map(200_u32..2100, (0.1..10.0_f64, 1.0..900.0_f64), 2..40)
            .prop_map(|rows| rows.into_iter().map(|(sm, (time, energy))| (sm, time, energy)).collect())
    }

    proptest! {
        #[test]
        fn rows_are_kept_exactly_and_values_between_stay_between(rows in rows()) {
            let text: String = rows.iter().map(|(sm, time, energy)| format!("{sm},5001,{time},{energy}\n")).collect();
            let curve = curve(&text);
            let (_, time0, energy0) = *rows.last().unwrap();
            let settings: Vec<_> = curve.settings().collect();
            for pair in rows.windows(2) {
                let ((low, t0, e0), (high, t1, e1)) = (pair[0], pair[1]);
                for (clocks, cost) in settings.iter().filter(|(clocks, _)| (low..=high).contains(&clocks.sm().0)) {
                    match clocks.sm().0 {
                        sm if sm == low => prop_assert_eq!((cost.time, cost.energy), (t0 / time0, e0 / energy0)),
                        sm if sm == high => prop_assert_eq!((cost.time, cost.energy), (t1 / time0, e1 / energy0)),
                        _ => {
                            prop_assert!((t0.min(t1) / time0..=t0.max(t1) / time0).contains(&cost.time));
                            prop_assert!((e0.min(e1) / energy0..=e0.max(e1) / energy0).contains(&cost.energy));
                        }
                    }
                }
            }
        }

        #[test]
        fn monotone_rows_give_monotone_gears(rows in rows()) {
            let mut times: Vec<f64> = rows.iter().map(|row| row.1).collect();
            times.sort_by(|a, b| b.total_cmp(a));
            let text: String = rows.iter().zip(times).map(|(row, time)| format!("{},,{time},1\n", row.0)).collect();
            let times: Vec<f64> = curve(&text).settings().map(|(_, cost)| cost.time).collect();
            prop_assert!(times.windows(2).all(|pair| pair[1] <= pair[0]));
        }
    }
}
