//! Time and power of an iteration at one clock, without a power limit.

use crate::profile::GpuProfile;

use super::JobModel;

/// How soft the corner between two bounds is: kernels that launches or the SM clock pace.
const SOFT: f64 = 4.0;
/// The same where one unit feeds another without a queue between: DRAM at a low SM clock.
const HARD: f64 = 8.0;

/// Share of the power by work that a class of kernels has: its SM work and its DRAM traffic, relative to kernels that do
/// nothing else. Compute-bound kernels read and write too, streaming ones compute addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) compute: f64,
    pub(crate) balanced: f64,
    pub(crate) memory: f64,
}

/// SM work of an iteration.
pub(crate) const SM_WORK: Share = Share { compute: 1.0, balanced: 0.8, memory: 0.3 };
/// DRAM use of the kernels' time.
pub(crate) const DRAM_USE: Share = Share { compute: 0.12, balanced: 0.5, memory: 0.9 };

impl Share {
    /// Sum over the kernels of a job.
    pub(crate) fn of(&self, job: &JobModel) -> f64 {
        self.compute * job.compute + self.balanced * job.balanced + self.memory * job.memory
    }
}

/// The larger of two, with a soft corner where they meet; `order` up: harder.
pub(crate) fn soft_max(a: f64, b: f64, order: f64) -> f64 {
    (a.powf(order) + b.powf(order)).powf(order.recip())
}

/// How much longer kernels take because of launches, at the top clocks.
pub(crate) fn launches(launch_ratio: f64) -> f64 {
    soft_max(launch_ratio, 1.0, SOFT)
}

/// Time of kernels near the ridge of the roofline; `x` and `y`: top clock over SM clock, default bandwidth over
/// bandwidth.
pub(crate) fn balanced_time(x: f64, y: f64) -> f64 {
    soft_max(x, y, SOFT) / 2_f64.powf(SOFT.recip())
}

/// Time of streaming kernels: the memory's, until the SM clock can no longer feed it (below `corner` of the top).
pub(crate) fn stream_time(x: f64, y: f64, corner: f64) -> f64 {
    soft_max(y, corner * x, HARD) / soft_max(1.0, corner, HARD)
}

/// One iteration at one clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// SM clock that runs, MHz.
    pub(crate) sm_mhz: f64,
    /// Memory clock that runs: index into the card's.
    pub(crate) memory: usize,
    /// Time relative to the top SM clock at the default memory clock.
    pub(crate) time: f64,
    /// Share of the time with a kernel running.
    pub(crate) busy: f64,
    /// Mean power, W.
    pub(crate) power_w: f64,
    /// Power while the job waits for the host, W.
    pub(crate) waiting_w: f64,
    /// Leakage within it, W.
    pub(crate) leakage_w: f64,
    /// Use of the memory's highest bandwidth, 0..1.
    pub(crate) dram: f64,
}

impl JobModel {
    /// Cost at any SM clock, and a memory clock by its index.
    pub(crate) fn cost(&self, card: &GpuProfile, sm_mhz: f64, memory: usize) -> Cost {
        let (clock, default) = (&card.memory[memory], card.default_memory());
        let x = card.voltage.highest_mhz / sm_mhz;
        let y = default.bandwidth_gb_s / clock.bandwidth_gb_s;
        let gpu_share = 1.0 - self.host;
        let kernels = self.compute * x
            + self.balanced * balanced_time(x, y)
            + self.memory * stream_time(x, y, card.stream_corner);
        // Launches slow down the whole; relative to how it is at the top.
        let launches = launches(self.launch_ratio);
        let pace = soft_max(self.launch_ratio, kernels / gpu_share, SOFT) / launches;
        let time = self.host + gpu_share * pace;
        let busy = kernels / launches / time;

        let power = &card.power;
        let v2 = card.voltage.at(sm_mhz).powi(2);
        let leakage_w = power.leakage_w * v2;
        let tree_w = |busy: f64| {
            let running = power.clock_tree_idle + (1.0 - power.clock_tree_idle) * busy;
            power.clock_tree_w_per_ghz * sm_mhz * 1e-3 * v2 * running
        };
        let still_w = power.board_w + clock.standby_w + leakage_w;
        // The work of an iteration is the same at every clock, so its energy grows with the square of the voltage.
        let activity_w = (power.sm_w_per_ghz * self.sm_activity + power.tensor_w_per_ghz * self.tensor_activity)
            * card.voltage.highest_mhz
            * 1e-3;
        let work_w = activity_w * v2 * SM_WORK.of(self) / launches / time;
        let bytes_per_s = DRAM_USE.of(self) / launches / time * default.bandwidth_gb_s * 1e9;
        let traffic_w = bytes_per_s * (power.dram_j_per_byte + power.path_j_per_byte * v2);
        Cost {
            sm_mhz,
            memory,
            time,
            busy,
            power_w: still_w + tree_w(busy) + work_w + traffic_w,
            waiting_w: still_w + tree_w(0.0),
            leakage_w,
            dram: bytes_per_s / (clock.bandwidth_gb_s * 1e9),
        }
    }
}
