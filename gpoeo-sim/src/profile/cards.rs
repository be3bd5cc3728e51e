//! The cards. What is measured and by whom stands beside each number; "ours" marks what nobody has published and we
//! chose so that the whole meets the calibration targets (`docs/calibration.md`, `gpoeo-sim calibrate`).

use std::borrow::Cow;
use std::time::Duration;

use crate::counters::CounterPasses;
use crate::sensor::{PowerSource, SensorConfig};

use super::{GpuProfile, Idle, LowGears, MemoryClock, PowerLaw, PowerLimit, SmClocks, Thermal, Voltage, Wander};

/// Sensors as recorded on an H100, driver 580: a ring of 119 samples, 20 ms apart, stamps off by 1-2 ms, read in
/// batches; energy counter in steps of 100 ms. The other cards have the same ring while they work (`nvidia-smi -q -d
/// POWER` outputs of an A800, RTX 3090, A10 and a Pascal card, all of 119 samples).
const RING: SensorConfig = SensorConfig {
    power: PowerSource::Ring,
    batch: Duration::from_millis(100),
    delay: Duration::from_millis(30),
    ring_depth: 119,
    idle_step: Duration::from_millis(20),
    stamp_jitter: Duration::from_micros(1500),
    loss: 0.002,
    power_noise: 0.003,
    energy_noise_fast: 0.005,
    energy_noise_slow: 0.0035,
};

/// GeForce RTX 3080 Ti: GA102, 80 SMs, 12 GB GDDR6X.
pub(super) static RTX_3080_TI: GpuProfile = GpuProfile {
    key: "rtx3080ti",
    name: "NVIDIA GeForce RTX 3080 Ti",
    // Clock lists: configuration of MF-GPOEO (commit 0b051df), "really supported".
    sm: SmClocks { low_mhz: 210, high_mhz: 2055, step_mhz: 15.0 },
    memory: Cow::Borrowed(&[
        // Bandwidth: 912 GB/s by the data sheet at 9501, 95 % of it reached; in proportion below, less at 405 and 810
        // (latency). Standby: steps of 25-40 W between 9251, 5001 and 810 with kernels that do not touch DRAM (measured
        // on this card). SM clocks beside 405 MHz: as GA102 drivers list them, not verified on this card.
        MemoryClock { mhz: 405, bandwidth_gb_s: 36.0, standby_w: 2.0, highest_sm_mhz: 420 },
        MemoryClock { mhz: 810, bandwidth_gb_s: 71.0, standby_w: 4.0, highest_sm_mhz: 2055 },
        MemoryClock { mhz: 5001, bandwidth_gb_s: 470.0, standby_w: 37.0, highest_sm_mhz: 2055 },
        MemoryClock { mhz: 9251, bandwidth_gb_s: 870.0, standby_w: 64.0, highest_sm_mhz: 2055 },
        MemoryClock { mhz: 9501, bandwidth_gb_s: 870.0, standby_w: 64.0, highest_sm_mhz: 2055 },
    ]),
    // Compute contexts run in P-state 2: 9251 of 9501 MHz; both points equal to 1 % in measured sweeps.
    compute_memory_mhz: 9251,
    // Measured: flat to at least 1470 MHz, 1.44 [1.25, 1.50] at 1890. Targets C1, C2.
    voltage: Voltage { knee_mhz: 1485.0, slope_per_mhz: 0.44 / 450.0, corner_mhz: 20.0, highest_mhz: 1935.0 },
    // Ours, from the measured shares: static 0.48 [0.24, 0.60] of the power, memory-bound work -30 % at 0.78 of the
    // clock, compute-bound work at the limit. DRAM energy: 7 pJ a bit (GDDR6X, Micron) and the path through the chip.
    power: PowerLaw {
        board_w: 12.0,
        leakage_w: 17.0,
        clock_tree_w_per_ghz: 5.0,
        clock_tree_idle: 0.35,
        sm_w_per_ghz: 64.0,
        tensor_w_per_ghz: 56.0,
        dram_j_per_byte: 55e-12,
        path_j_per_byte: 36e-12,
    },
    // The driver's range, by the configuration of MF-GPOEO.
    limit_w: PowerLimit { low: 100.0, default: 350.0, high: 380.0 },
    compute_speed: 1.0,
    // Measured: memory-bound work is flat to 0.33 of the clock and 1.5-1.7 times as slow at 210 MHz.
    stream_corner: 0.18,
    // Ours: 72 °C at 350 W, and 2-4 % less energy in the first minute of a cold card (target C14).
    thermal: Thermal {
        ambient_c: 28.0,
        resistance_k_per_w: 0.125,
        time_constant: Duration::from_secs(60),
        leakage_per_k: 0.010,
    },
    idle: Idle { power_w: 27.0, after: Duration::from_secs(2), sm_mhz: 210, memory_mhz: 405 },
    // Ours; on an H100 the default clock of one job moved between 1560 and 1980 MHz.
    wander: Wander { step: Duration::from_secs(1), deviation: 0.003 },
    low_gears: LowGears::Reached,
    odd_gears: 0.0,
    // GA102 cards sample their ring once in 0.99 s in the idle state (118 s for 119 samples).
    sensors: SensorConfig { idle_step: Duration::from_millis(990), ..RING },
    counters: CounterPasses::Four,
};

/// A100 SXM: GA100, 108 SMs, 80 GB HBM2e. Calibrated with the sweeps of `a100_sxm.csv` (48 passes of GPT-3 and BLOOM
/// stages, ml-energy/zeus): these boards drew 476 W at 1410 MHz, so their limit is set higher than the usual 400 W.
pub(super) static A100: GpuProfile = GpuProfile {
    key: "a100",
    name: "NVIDIA A100-SXM4-80GB",
    sm: SmClocks { low_mhz: 210, high_mhz: 1410, step_mhz: 15.0 },
    // 2039 GB/s by the data sheet, 90 % of it reached.
    memory: Cow::Borrowed(&[MemoryClock { mhz: 1593, bandwidth_gb_s: 1835.0, standby_w: 14.0, highest_sm_mhz: 1410 }]),
    compute_memory_mhz: 1593,
    // Measured: floor to 1080-1110 MHz, 1.07 at 1200, 1.15 at 1305, 1.19 at 1395. Targets C1, C2.
    voltage: Voltage { knee_mhz: 1105.0, slope_per_mhz: 0.22 / 305.0, corner_mhz: 20.0, highest_mhz: 1410.0 },
    // Ours; static share 0.10 [0.09, 0.13] of the power of training.
    power: PowerLaw {
        board_w: 8.0,
        leakage_w: 14.0,
        clock_tree_w_per_ghz: 9.0,
        clock_tree_idle: 0.35,
        sm_w_per_ghz: 180.0,
        tensor_w_per_ghz: 150.0,
        dram_j_per_byte: 28e-12,
        path_j_per_byte: 24e-12,
    },
    limit_w: PowerLimit { low: 100.0, default: 500.0, high: 500.0 },
    compute_speed: 108.0 * 1410.0 / (80.0 * 1935.0),
    stream_corner: 0.25,
    thermal: Thermal {
        ambient_c: 25.0,
        resistance_k_per_w: 0.08,
        time_constant: Duration::from_secs(40),
        leakage_per_k: 0.010,
    },
    // 50-64 W idle: an A800 in an `nvidia-smi` output, users of DCGM.
    idle: Idle { power_w: 55.0, after: Duration::from_secs(2), sm_mhz: 210, memory_mhz: 1593 },
    wander: Wander { step: Duration::from_secs(1), deviation: 0.003 },
    low_gears: LowGears::Reached,
    odd_gears: 0.0,
    sensors: RING,
    counters: CounterPasses::Four,
};

/// H100 SXM: GH100, 132 SMs, 80 GB HBM3. Clocks, idle power, limit and sensors as recorded; voltage and power by cause
/// are ours, between those of the A100 and the few published optima (0.46-0.85 of the clock).
pub(super) static H100: GpuProfile = GpuProfile {
    key: "h100",
    name: "NVIDIA H100 80GB HBM3",
    sm: SmClocks { low_mhz: 345, high_mhz: 1980, step_mhz: 15.0 },
    // 3350 GB/s by the data sheet at 2619 MHz, 90 % of it reached.
    memory: Cow::Borrowed(&[
        MemoryClock { mhz: 1593, bandwidth_gb_s: 1835.0, standby_w: 18.0, highest_sm_mhz: 1980 },
        MemoryClock { mhz: 2619, bandwidth_gb_s: 3015.0, standby_w: 26.0, highest_sm_mhz: 1980 },
    ]),
    compute_memory_mhz: 2619,
    voltage: Voltage { knee_mhz: 1380.0, slope_per_mhz: 0.26 / 600.0, corner_mhz: 25.0, highest_mhz: 1980.0 },
    power: PowerLaw {
        board_w: 14.0,
        leakage_w: 28.0,
        clock_tree_w_per_ghz: 11.0,
        clock_tree_idle: 0.35,
        sm_w_per_ghz: 130.0,
        tensor_w_per_ghz: 140.0,
        dram_j_per_byte: 31e-12,
        path_j_per_byte: 28e-12,
    },
    limit_w: PowerLimit { low: 200.0, default: 700.0, high: 700.0 },
    compute_speed: 132.0 * 1980.0 / (80.0 * 1935.0),
    stream_corner: 0.25,
    thermal: Thermal {
        ambient_c: 25.0,
        resistance_k_per_w: 0.055,
        time_constant: Duration::from_secs(40),
        leakage_per_k: 0.010,
    },
    // Recorded: 69-75 W before the jobs began.
    idle: Idle { power_w: 70.0, after: Duration::from_secs(2), sm_mhz: 345, memory_mhz: 2619 },
    // Recorded: 1560-1980 MHz within a job at its limit, most of it within an iteration.
    wander: Wander { step: Duration::from_secs(1), deviation: 0.005 },
    low_gears: LowGears::Reached,
    odd_gears: 0.0,
    sensors: RING,
    counters: CounterPasses::One,
};

/// V100 SXM2: GV100, 80 SMs, 16 GB HBM2.
pub(super) static V100: GpuProfile = GpuProfile {
    key: "v100",
    name: "Tesla V100-SXM2-16GB",
    sm: SmClocks { low_mhz: 135, high_mhz: 1530, step_mhz: 7.5 },
    // 900 GB/s by the data sheet, 90 % of it reached.
    memory: Cow::Borrowed(&[MemoryClock { mhz: 877, bandwidth_gb_s: 810.0, standby_w: 20.0, highest_sm_mhz: 1530 }]),
    compute_memory_mhz: 877,
    // As measured on the TU102 of the same generation: floor to 0.65 of the top, 1.28 there. Targets C1, C2.
    voltage: Voltage { knee_mhz: 1000.0, slope_per_mhz: 0.28 / 530.0, corner_mhz: 20.0, highest_mhz: 1530.0 },
    // Ours; static share of TU102 0.30 [0.20, 0.48], of data-centre Volta 0.1-0.3.
    power: PowerLaw {
        board_w: 14.0,
        leakage_w: 28.0,
        clock_tree_w_per_ghz: 5.0,
        clock_tree_idle: 0.35,
        sm_w_per_ghz: 85.0,
        tensor_w_per_ghz: 60.0,
        dram_j_per_byte: 31e-12,
        path_j_per_byte: 32e-12,
    },
    limit_w: PowerLimit { low: 150.0, default: 300.0, high: 300.0 },
    compute_speed: 80.0 * 1530.0 / (80.0 * 1935.0),
    stream_corner: 0.25,
    thermal: Thermal {
        ambient_c: 25.0,
        resistance_k_per_w: 0.1,
        time_constant: Duration::from_secs(45),
        leakage_per_k: 0.010,
    },
    // 30-41 W clocked up on a Titan V.
    idle: Idle { power_w: 38.0, after: Duration::from_secs(2), sm_mhz: 135, memory_mhz: 877 },
    wander: Wander { step: Duration::from_secs(1), deviation: 0.003 },
    // Measured with 26 kernels: requests below some 480 MHz give a half or a quarter of that clock.
    low_gears: LowGears::Stairs { below_mhz: 480.0 },
    odd_gears: 0.0,
    sensors: RING,
    counters: CounterPasses::Four,
};
