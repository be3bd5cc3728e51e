"""Which inputs each variant of a set has, and what must be there."""

PAPER = [
    "ipc_pct", "l1_miss_ratio", "l1_miss_per_inst", "l2_miss_ratio", "l2_miss_per_inst", "tensor_pct", "adu_pct", "alu_pct",
    "cbu_pct", "fma_pct", "fp16_pct", "fp64_pct", "ipa_pct", "lsu_pct", "tex_pct", "uniform_pct", "xu_pct",
]
GPM = [
    "graphics_util", "sm_active", "sm_occupancy", "tensor_util", "dram_util", "fp64_util", "fp32_util", "fp16_util", "int_util",
]
# Not iteration_s: it tells the simulator's jobs apart by chance, and a detected period may be a multiple of the iteration.
NVML = [
    "power_per_limit", "low_power_per_limit", "high_power_per_limit", "low_power_share", "power_swing", "sm_util", "mem_util",
    "mem_per_sm_util", "sm_clock_reached",
]

INPUTS = {"counters": PAPER + ["sm_active"] + NVML, "gpm": GPM + NVML, "nvml": NVML}
# Without these a variant knows too little to be better than the next one.
REQUIRED = {
    "counters": ["ipc_pct", "l2_miss_ratio", "power_per_limit"],
    "gpm": ["graphics_util", "dram_util", "power_per_limit"],
    "nvml": ["power_per_limit"],
}
# What was not measured by any counter: telemetry, which is there in every variant.
COUNTERS = set(PAPER + GPM)
