//! What hardware counters show of a job by the model: counts that grow with the work done, whatever the clocks, and
//! shares that hold while kernels run at a setting.
//!
//! The formulas of CUPTI's counters are those of the suite's contract (`docs/calibration.md`), in which time spent waiting
//! for the host does not enter; those of GPM are ours, from the same quantities spread over all of the time.

use gpoeo_core::Counter;

use super::cost::{Cost, DRAM_USE, SM_WORK, launches};
use super::law::Law;

/// Share of the peak instruction rate at full SM activity.
const PEAK_ISSUE: f64 = 0.62;
/// Warp instructions that an SM can issue in a cycle.
const ISSUE_SLOTS: f64 = 4.0;
/// SMs and top clock (Hz) of the card that `GpuProfile::compute_speed` is relative to.
const REFERENCE_SMS: f64 = 80.0;
const REFERENCE_HZ: f64 = 1935e6;
/// Bytes of a sector.
const SECTOR: f64 = 32.0;
/// Kernels that execute nothing do not exist: the least SM activity that counters see.
const LEAST_ACTIVITY: f64 = 0.01;

/// How the instructions of a job's kernels spread over the pipes, shares; they need not add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PipeMix {
    pub(crate) alu: f64,
    pub(crate) fma: f64,
    pub(crate) lsu: f64,
    pub(crate) tex: f64,
    pub(crate) xu: f64,
    pub(crate) cbu: f64,
    pub(crate) uniform: f64,
    pub(crate) adu: f64,
    pub(crate) fp16: f64,
}

impl PipeMix {
    /// A job of which nothing is said: about the mean of the classes.
    pub(crate) const TYPICAL: Self =
        Self { alu: 0.3, fma: 0.39, lsu: 0.28, tex: 0.01, xu: 0.03, cbu: 0.06, uniform: 0.1, adu: 0.03, fp16: 0.01 };
    /// No class says anything of double precision.
    const FP64: f64 = 0.01;
}

/// What is counted in a second of kernels at default clocks; the same work counts the same at any clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counts {
    pub(crate) instructions: f64,
    pub(crate) l1_hits: f64,
    pub(crate) l1_misses: f64,
    pub(crate) l2_hits: f64,
    pub(crate) l2_misses: f64,
}

impl Law {
    /// What is counted in a second of kernels at default clocks.
    pub(crate) fn counts(&self) -> Counts {
        let (card, job) = (self.card(), self.job());
        let slowed = launches(job.launch_ratio);
        // Of an iteration that takes a second at the top clocks, by the time that its kernels take at default clocks.
        let kernels = self.default_point().cost.time - job.host;
        let peak = ISSUE_SLOTS * REFERENCE_SMS * REFERENCE_HZ * card.compute_speed;
        let work = SM_WORK.of(job) / slowed;
        let instructions = peak * PEAK_ISSUE * job.sm_activity.max(LEAST_ACTIVITY) * work / kernels;
        let bytes = DRAM_USE.of(job) / slowed * card.default_memory().bandwidth_gb_s * 1e9 / kernels;
        let (l1_miss, l2_miss) = self.miss_ratios();
        let l2_misses = bytes / SECTOR;
        // Every L1 miss is an access to L2.
        let l1_misses = l2_misses / l2_miss;
        let hits = |misses: f64, ratio: f64| misses * (1.0 - ratio) / ratio;
        Counts {
            instructions,
            l1_hits: hits(l1_misses, l1_miss),
            l1_misses,
            l2_hits: hits(l2_misses, l2_miss),
            l2_misses,
        }
    }

    /// Misses of L1 and of L2, each of its accesses: the more DRAM traffic, the more.
    fn miss_ratios(&self) -> (f64, f64) {
        let traffic = self.traffic();
        ((0.30 + 0.55 * traffic).min(0.95), (0.12 + 0.75 * traffic).min(0.95))
    }

    /// Use of the DRAM's bandwidth by the kernels at the top clocks, 0..1.
    fn traffic(&self) -> f64 {
        DRAM_USE.of(self.job()) / (1.0 - self.job().host)
    }

    /// The shares at a setting: of the cycles in which kernels run, and, with kernels running for a share `busy` of the
    /// time, of all time. Counts are not among them.
    pub(crate) fn shares(&self, cost: &Cost, mix: &PipeMix, busy: f64) -> [(Counter, f64); 22] {
        let job = self.job();
        let kernels = cost.busy * cost.time;
        let per_cycle =
            SM_WORK.of(job) / launches(job.launch_ratio) * (self.card().voltage.highest_mhz / cost.sm_mhz) / kernels;
        let activity = job.sm_activity.max(LEAST_ACTIVITY);
        let issue = PEAK_ISSUE * activity * per_cycle;
        let tensor = job.tensor_activity * per_cycle;
        // Pipes that take an instruction every second or fourth cycle are that much fuller.
        let pipe = |share: f64, cycles: f64| (issue * share * cycles).min(1.0);
        let of_all = |share: f64| (share * busy).clamp(0.0, 1.0);
        // Small kernels leave SMs empty; memory-bound ones keep more warps waiting.
        let active = of_all(0.6 + 0.4 * activity);
        [
            (Counter::Issue, issue.min(1.0)),
            (Counter::PipeTensor, tensor.min(1.0)),
            (Counter::PipeAdu, pipe(mix.adu, 1.0)),
            (Counter::PipeFma, pipe(mix.fma, 2.0)),
            (Counter::PipeAlu, pipe(mix.alu, 2.0)),
            (Counter::PipeFp16, pipe(mix.fp16, 1.0)),
            (Counter::PipeFp64, pipe(PipeMix::FP64, 1.0)),
            (Counter::PipeXu, pipe(mix.xu, 4.0)),
            (Counter::PipeTex, pipe(mix.tex, 4.0)),
            (Counter::PipeCbu, pipe(mix.cbu, 1.0)),
            (Counter::PipeIpa, 0.0),
            (Counter::PipeLsu, pipe(mix.lsu, 2.0)),
            (Counter::PipeUniform, pipe(mix.uniform, 1.0)),
            (Counter::GraphicsUtil, of_all(1.0)),
            (Counter::SmActive, active),
            (Counter::SmOccupancy, active * (0.25 + 0.35 * self.traffic())),
            (Counter::TensorUtil, of_all(tensor.min(1.0))),
            (Counter::DramUtil, of_all(cost.dram / cost.busy)),
            (Counter::Fp64Util, of_all(pipe(PipeMix::FP64, 1.0))),
            (Counter::Fp32Util, of_all(pipe(mix.fma, 2.0))),
            (Counter::Fp16Util, of_all(pipe(mix.fp16, 1.0))),
            (Counter::IntUtil, of_all(pipe(mix.alu, 2.0))),
        ]
    }
}
