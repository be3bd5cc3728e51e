//! A job to simulate: what it costs at every setting, and what its power looks like over time.

use std::sync::Arc;

use gpoeo_core::{ClockPair, RelativeCost};

use crate::dvfs::DvfsCurve;
use crate::model::{Law, PipeMix, Point};
use crate::waveform::{Bend, Part, Rhythm, Waveform};

/// Largest share of the smallest mean power of any setting that may count as idle.
const IDLE_CEILING: f64 = 0.5;

/// A job: a cost law (a measured sweep, or the physical model) and a waveform, and whether its work can be counted.
///
/// Work is counted in seconds at default clocks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workload {
    name: String,
    gpu: Option<String>,
    class: Option<String>,
    law: CostLaw,
    curve: Arc<DvfsCurve>,
    waveform: Arc<Waveform>,
    counters: WorkCounters,
    pipes: PipeMix,
    rhythm: Option<Rhythm>,
}

/// What a setting does to the job.
#[derive(Clone, Debug)]
pub(crate) enum CostLaw {
    /// A measured sweep bends all of the waveform alike, but for this idle power.
    Measured {
        /// W.
        idle_w: f64,
    },
    /// The physical model bends kernels and waiting each in its own way.
    Physical(Arc<Law>),
}

/// Whether the simulated GPU lets the hardware counters of a job be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkCounters {
    /// NVML only: opening counters fails with `NotSupported`.
    #[default]
    Absent,
    /// The instructions of a window can be read; their number is in proportion to the work done. Of a modelled job the
    /// other counters of its card can be read too; a measured sweep knows nothing of them.
    Instructions,
}

impl Workload {
    /// A job with a measured sweep, without counters.
    #[must_use]
    pub fn new(name: impl Into<String>, curve: DvfsCurve, waveform: Waveform) -> Self {
        let mean_w = waveform.mean_power_w();
        let lowest = curve.settings().map(|(_, cost)| cost.energy / cost.time).fold(1.0, f64::min);
        // Static power falls with the clock too, and a job that draws little more than idle would else have its
        // waveform flattened or turned over.
        let idle_w = waveform.idle_power_w().min(IDLE_CEILING * lowest * mean_w);
        Self {
            name: name.into(),
            gpu: None,
            class: None,
            law: CostLaw::Measured { idle_w },
            curve: Arc::new(curve),
            waveform: Arc::new(waveform),
            counters: WorkCounters::Absent,
            pipes: PipeMix::TYPICAL,
            rhythm: None,
        }
    }

    /// A job by the physical model, without counters. Its waveform must be that of the model at default clocks.
    pub(crate) fn physical(name: impl Into<String>, law: Law, waveform: Waveform) -> Self {
        let gpu = law.card().key.to_owned();
        let curve = sweep(&law, &waveform);
        Self {
            name: name.into(),
            gpu: Some(gpu),
            class: None,
            law: CostLaw::Physical(Arc::new(law)),
            curve: Arc::new(curve),
            waveform: Arc::new(waveform),
            counters: WorkCounters::Absent,
            pipes: PipeMix::TYPICAL,
            rhythm: None,
        }
    }

    /// Names the GPU that the sweep was measured on.
    #[must_use]
    pub fn with_gpu(mut self, gpu: impl Into<String>) -> Self {
        self.gpu = Some(gpu.into());
        self
    }

    /// Names the class of jobs that it belongs to.
    #[must_use]
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
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

    /// The GPU that the sweep was measured on or the model is of, if known.
    #[must_use]
    pub fn gpu(&self) -> Option<&str> {
        self.gpu.as_deref()
    }

    /// The GPU's name as its driver would give it, if known.
    #[must_use]
    pub fn gpu_name(&self) -> Option<&str> {
        match &self.law {
            CostLaw::Physical(law) => Some(law.card().name),
            CostLaw::Measured { .. } => self.gpu(),
        }
    }

    /// The class of jobs that it belongs to, if any.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.class.as_deref()
    }

    /// Time and energy at every setting, without noise and with heat in balance.
    #[must_use]
    pub fn curve(&self) -> &DvfsCurve {
        &self.curve
    }

    /// Cost of a single iteration, without what lies between epochs; `None` if it is no setting of this GPU.
    #[must_use]
    pub fn iteration_cost(&self, clocks: ClockPair) -> Option<RelativeCost> {
        let whole = self.curve.cost(clocks)?;
        Some(match &self.law {
            CostLaw::Measured { .. } => whole,
            CostLaw::Physical(law) => law.relative(&law.point(clocks, law.card().limit_w.default)),
        })
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

    /// Whether the job is of the physical model, not of a measured sweep.
    #[must_use]
    pub const fn is_modelled(&self) -> bool {
        matches!(self.law, CostLaw::Physical(_))
    }

    /// How its instructions spread over the pipes.
    pub(crate) fn with_pipes(mut self, pipes: PipeMix) -> Self {
        self.pipes = pipes;
        self
    }

    /// Says whether iterations follow a rhythm.
    pub(crate) fn with_rhythm(mut self, rhythm: Rhythm) -> Self {
        self.rhythm = Some(rhythm);
        self
    }

    /// Whether iterations follow a rhythm, where it is known.
    pub(crate) const fn rhythm(&self) -> Option<Rhythm> {
        self.rhythm
    }

    pub(crate) const fn pipes(&self) -> &PipeMix {
        &self.pipes
    }

    pub(crate) fn law(&self) -> &CostLaw {
        &self.law
    }

    /// How a measured setting of this cost bends the waveform.
    ///
    /// Idle power burns on over the stretched time, and power above it is scaled so that the energy of the loop changes
    /// by `cost.energy`: with mean `m` and idle `i` of the waveform, `time * (i + scale * (m - i)) = energy * m`.
    pub(crate) fn measured_bend(&self, idle_w: f64, cost: RelativeCost) -> Bend {
        let mean_w = self.waveform.mean_power_w();
        let scale = (cost.energy * mean_w / cost.time - idle_w) / (mean_w - idle_w);
        Bend::uniform(Part { time: cost.time, offset_w: idle_w * (1.0 - scale), scale })
    }

    /// The highest SM clock up to the asked one, at its memory clock, whose mean power is at most `limit_w`; the lowest
    /// one if none is: what a driver does under a power limit to a job that draws the same all the time.
    pub(crate) fn measured_under_limit(&self, asked: ClockPair, limit_w: f64) -> ClockPair {
        let curve = &self.curve;
        let candidates =
            || curve.capabilities().pairs_at(asked.mem_gear()).filter(|at| at.sm_gear() <= asked.sm_gear());
        let power_w = |clocks| curve.cost(clocks).map(|cost| cost.energy / cost.time * curve.default_power_w());
        let fitting = candidates().rev().find(|&clocks| power_w(clocks).is_some_and(|power_w| power_w <= limit_w));
        fitting.or_else(|| candidates().next()).unwrap_or(asked)
    }
}

/// How a point of the model bends the waveform that was made for its default point.
pub(crate) fn physical_bend(law: &Law, point: &Point) -> Bend {
    let (here, default) = (Kernels::at(law, point), Kernels::at(law, law.default_point()));
    Bend {
        busy: Part { time: here.time / default.time, offset_w: 0.0, scale: here.power_w / default.power_w },
        // Waiting takes what the host takes.
        waiting: Part { time: 1.0, offset_w: 0.0, scale: point.cost.waiting_w / law.default_point().cost.waiting_w },
        asleep: Part::NONE,
    }
}

/// The part of an iteration in which kernels run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    /// Relative to a whole iteration at the top clocks.
    pub(crate) time: f64,
    /// Mean power, W.
    pub(crate) power_w: f64,
}

impl Kernels {
    pub(crate) fn at(law: &Law, point: &Point) -> Self {
        let (cost, host) = (&point.cost, law.job().host);
        let time = cost.time - host;
        Self { time, power_w: (cost.power_w * cost.time - cost.waiting_w * host) / time }
    }
}

/// Every setting of a job, epochs and pauses included.
fn sweep(law: &Law, waveform: &Waveform) -> DvfsCurve {
    let turn = waveform.turn();
    let (default_s, default_j) = (turn.time_s(), turn.energy_j());
    let limit_w = law.card().limit_w.default;
    let costs = law.capabilities().pairs().map(|clocks| {
        let bend = physical_bend(law, &law.point(clocks, limit_w));
        RelativeCost { time: bend.time_s(turn) / default_s, energy: bend.energy_j(turn) / default_j }
    });
    let per_iteration = waveform.turn().iterations.max(1.0);
    DvfsCurve::from_costs(
        law.capabilities().clone(),
        costs.collect(),
        law.capabilities().default_pair(),
        (default_s / per_iteration, default_j / per_iteration),
    )
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
            let CostLaw::Measured { idle_w } = *workload.law() else { unreachable!("it was measured") };
            let turn = workload.waveform().turn();
            for (_, cost) in workload.curve().settings() {
                let bend = workload.measured_bend(idle_w, cost);
                prop_assert!((bend.energy_j(turn) / turn.energy_j() - cost.energy).abs() < 1e-9);
                prop_assert!((bend.time_s(turn) / turn.time_s() - cost.time).abs() < 1e-9);
                prop_assert!(bend.busy.scale > 0.0, "the waveform is not turned over");
            }
        }
    }
}
