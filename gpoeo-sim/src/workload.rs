//! A job to simulate: what it costs at every setting, and what its power looks like over time.

use std::sync::Arc;

use gpoeo_core::RelativeCost;

use crate::dvfs::DvfsCurve;
use crate::waveform::Waveform;

/// Largest share of the smallest mean power of any setting that may count as idle.
const IDLE_CEILING: f64 = 0.5;

/// A job: a measured sweep and a waveform, and whether its work can be counted.
///
/// Work is counted in seconds at default clocks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workload {
    name: String,
    gpu: Option<String>,
    curve: Arc<DvfsCurve>,
    waveform: Arc<Waveform>,
    counters: WorkCounters,
    idle_w: f64,
}

/// Whether the simulated GPU lets the hardware counters of a job be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkCounters {
    /// NVML only: opening counters fails with `NotSupported`.
    #[default]
    Absent,
    /// The instructions of a window can be read; their number is in proportion to the work done.
    Instructions,
}

impl Workload {
    /// A job without counters.
    #[must_use]
    pub fn new(name: impl Into<String>, curve: DvfsCurve, waveform: Waveform) -> Self {
        let mean_w = waveform.mean_power_w();
        let lowest = curve.settings().map(|(_, cost)| cost.energy / cost.time).fold(1.0, f64::min);
        let idle_w = waveform.idle_power_w().min(IDLE_CEILING * lowest * mean_w);
        Self {
            name: name.into(),
            gpu: None,
            curve: Arc::new(curve),
            waveform: Arc::new(waveform),
            counters: WorkCounters::Absent,
            idle_w,
        }
    }

    /// Names the GPU that the sweep was measured on.
    #[must_use]
    pub fn with_gpu(mut self, gpu: impl Into<String>) -> Self {
        self.gpu = Some(gpu.into());
        self
    }

    /// Says whether the work can be counted.
    #[must_use]
    pub fn with_counters(mut self, counters: WorkCounters) -> Self {
        self.counters = counters;
        self
    }

    /// Name within its suite.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The GPU that the sweep was measured on, if known.
    #[must_use]
    pub fn gpu(&self) -> Option<&str> {
        self.gpu.as_deref()
    }

    /// Time and energy at every setting.
    #[must_use]
    pub fn curve(&self) -> &DvfsCurve {
        &self.curve
    }

    /// Power over the work.
    #[must_use]
    pub fn waveform(&self) -> &Waveform {
        &self.waveform
    }

    /// Whether the work can be counted.
    #[must_use]
    pub const fn counters(&self) -> WorkCounters {
        self.counters
    }

    /// How a setting of this cost bends the waveform.
    ///
    /// Idle power burns on over the stretched time, and power above it is scaled so that the energy of the loop changes
    /// by `cost.energy`: with mean `m` and idle `i` of the waveform, `time * (i + scale * (m - i)) = energy * m`. Idle is
    /// the waveform's, but at most half of the lowest mean power of any setting: static power falls with the clock too,
    /// and a job that draws little more than idle would else have its waveform flattened or turned over.
    #[must_use]
    pub fn bend(&self, cost: RelativeCost) -> Bend {
        let mean_w = self.waveform.mean_power_w();
        let scale = (cost.energy * mean_w / cost.time - self.idle_w) / (mean_w - self.idle_w);
        Bend { time: cost.time, idle_w: self.idle_w, scale }
    }
}

/// What a setting does to a waveform: see [`Workload::bend`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bend {
    /// Time for a unit of work, relative to default clocks.
    pub time: f64,
    /// Power that is not scaled, W.
    pub idle_w: f64,
    /// Factor of the power above it.
    pub scale: f64,
}

impl Bend {
    /// Nothing is changed: default clocks, and the lead-in.
    pub const NONE: Self = Self { time: 1.0, idle_w: 0.0, scale: 1.0 };

    /// Energy of `work_s` of work whose energy is `energy_j` without the bend, J.
    #[must_use]
    pub fn energy_j(&self, work_s: f64, energy_j: f64) -> f64 {
        self.time * (self.idle_w * work_s + self.scale * (energy_j - self.idle_w * work_s))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dvfs::DvfsTable;
    use crate::trace::Trace;

    fn workload(rows: &str, idle_w: f64, busy_w: f64) -> Workload {
        let text = format!("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n{rows}");
        let curve = DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]).unwrap();
        let samples: String = (1..1000)
            .map(|i| format!("{},{}\n", 0.02 * f64::from(i), if i > 100 && i % 3 > 0 { busy_w } else { idle_w }))
            .collect();
        let trace = Trace::parse(format!("t_s,power_w\n{samples}").as_bytes(), "x").unwrap();
        Workload::new("w", curve, Waveform::from_trace(&trace, None).unwrap())
    }

    proptest! {
        #[test]
        fn energy_and_time_of_a_loop_change_by_the_table(
            time in 1.0..3.0_f64, energy in 0.3..1.5_f64, idle_w in 10.0..120.0_f64, above_w in 5.0..500.0_f64,
        ) {
            let workload = workload(&format!("1000,,{time},{energy}\n1015,,1,1\n"), idle_w, idle_w + above_w);
            let cycle_s = workload.waveform().cycle_s();
            let default_j = workload.waveform().energy_j(0.0, cycle_s);
            for (_, cost) in workload.curve().settings() {
                let bend = workload.bend(cost);
                prop_assert!((bend.energy_j(cycle_s, default_j) / default_j - cost.energy).abs() < 1e-9);
                prop_assert!(bend.scale > 0.0, "the waveform is not turned over");
            }
            let same = workload.bend(RelativeCost::DEFAULT);
            prop_assert!((same.energy_j(1.0, 77.0) - 77.0).abs() < 1e-9);
        }
    }
}
