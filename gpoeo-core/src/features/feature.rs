//! The inputs that a model can have, by name.

use core::fmt;

/// One input of a model. A model is bound to its inputs by name ([`Feature::name`]), never by their place.
///
/// Percentages are 0..100, shares and ratios 0..1 unless said otherwise. "Of a window": [`CounterWindows`] or
/// [`TelemetryWindow`] at the found clocks.
///
/// Sources: the clock ratio and the 17 from [`IpcPct`](Self::IpcPct) to [`XuPct`](Self::XuPct) are GPOEO's, with its
/// scales and caps; the rest is ours: what NVML and GPM show where those counters cannot be read, and what counters of busy
/// cycles alone cannot know (time spent waiting for the host).
///
/// [`CounterWindows`]: super::CounterWindows
/// [`TelemetryWindow`]: super::TelemetryWindow
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Feature {
    /// The clock that is asked for, relative to the default pair's: SM clock for SM models, memory clock for memory models.
    ClockRatio,

    /// Instructions per cycle, percent of the published scale.
    IpcPct,
    /// L1 misses / (misses + hits).
    L1MissRatio,
    /// L1 sector misses by instruction.
    L1MissPerInst,
    /// L2 misses / (misses + hits).
    L2MissRatio,
    /// L2 sector misses by instruction.
    L2MissPerInst,
    /// Tensor pipes.
    TensorPct,
    /// Address divergence unit.
    AduPct,
    /// Integer and logic pipe.
    AluPct,
    /// Convergence barrier unit.
    CbuPct,
    /// Multiply-add pipe.
    FmaPct,
    /// Half-precision multiply-add.
    Fp16Pct,
    /// Double-precision pipe.
    Fp64Pct,
    /// Interpolation pipe.
    IpaPct,
    /// Load and store unit.
    LsuPct,
    /// Texture pipe.
    TexPct,
    /// Uniform datapath.
    UniformPct,
    /// Transcendental unit.
    XuPct,

    /// Share of time with any work on the GPU.
    GraphicsUtil,
    /// Share of time with work on an SM.
    SmActive,
    /// Warps on an SM relative to the most possible.
    SmOccupancy,
    /// Tensor pipes, of all time.
    TensorUtil,
    /// DRAM bandwidth used.
    DramUtil,
    /// FP64 pipes, of all time.
    Fp64Util,
    /// FP32 pipes, of all time.
    Fp32Util,
    /// FP16 pipes, of all time.
    Fp16Util,
    /// Integer pipes, of all time.
    IntUtil,

    /// Mean power relative to the power limit.
    PowerPerLimit,
    /// Low power (5 % quantile) relative to the power limit.
    LowPowerPerLimit,
    /// High power (95 % quantile) relative to the power limit.
    HighPowerPerLimit,
    /// Where the mean power lies between high (0) and low (1): about the share of the iteration that waits for the host.
    LowPowerShare,
    /// Standard deviation of the power relative to its mean.
    PowerSwing,
    /// Share of time with a kernel running, by NVML.
    SmUtil,
    /// Memory utilisation by NVML.
    MemUtil,
    /// Memory utilisation relative to the SMs'.
    MemPerSmUtil,
    /// SM clock that ran relative to the default pair's: what power and voltage limits leave of it.
    SmClockReached,
    /// Memory clock that ran relative to the default pair's.
    MemClockReached,
    /// Time of an iteration, s; missing where none was found.
    IterationS,
}

/// Name, unit, formula.
type Text = (&'static str, &'static str, &'static str);

impl Feature {
    /// All inputs.
    pub const ALL: [Self; 38] = [
        Self::ClockRatio,
        Self::IpcPct,
        Self::L1MissRatio,
        Self::L1MissPerInst,
        Self::L2MissRatio,
        Self::L2MissPerInst,
        Self::TensorPct,
        Self::AduPct,
        Self::AluPct,
        Self::CbuPct,
        Self::FmaPct,
        Self::Fp16Pct,
        Self::Fp64Pct,
        Self::IpaPct,
        Self::LsuPct,
        Self::TexPct,
        Self::UniformPct,
        Self::XuPct,
        Self::GraphicsUtil,
        Self::SmActive,
        Self::SmOccupancy,
        Self::TensorUtil,
        Self::DramUtil,
        Self::Fp64Util,
        Self::Fp32Util,
        Self::Fp16Util,
        Self::IntUtil,
        Self::PowerPerLimit,
        Self::LowPowerPerLimit,
        Self::HighPowerPerLimit,
        Self::LowPowerShare,
        Self::PowerSwing,
        Self::SmUtil,
        Self::MemUtil,
        Self::MemPerSmUtil,
        Self::SmClockReached,
        Self::MemClockReached,
        Self::IterationS,
    ];

    /// As it stands in `feature_names` of a model and in a card.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.text().0
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        self.text().1
    }

    /// How it comes about, in the words of a card.
    #[must_use]
    pub const fn formula(self) -> &'static str {
        self.text().2
    }

    /// The input of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name() == name)
    }

    const fn text(self) -> Text {
        const PCT: &str = "percent";
        const RATIO: &str = "ratio";
        const PIPE: &str = "share of the pipe's peak, of active cycles; capped at 99.99";
        const ALL_TIME: &str = "share of the peak, of all time";
        match self {
            Self::ClockRatio => ("clock_ratio", RATIO, "asked clock / default pair's clock, MHz both"),
            Self::IpcPct => {
                ("ipc_pct", PCT, "1.2 * share of the peak instruction rate, of active cycles; capped at 99.99")
            }
            Self::L1MissRatio => ("l1_miss_ratio", RATIO, "L1 misses / (misses + hits); 0 without instructions"),
            Self::L1MissPerInst => {
                ("l1_miss_per_inst", "sectors / 250 instructions", "250 * L1 misses / instructions; capped at 99.99")
            }
            Self::L2MissRatio => ("l2_miss_ratio", RATIO, "L2 misses / (misses + hits); 0 without instructions"),
            Self::L2MissPerInst => {
                ("l2_miss_per_inst", "sectors / 250 instructions", "250 * L2 misses / instructions; capped at 99.99")
            }
            Self::TensorPct => ("tensor_pct", PCT, PIPE),
            Self::AduPct => ("adu_pct", PCT, PIPE),
            Self::AluPct => ("alu_pct", PCT, PIPE),
            Self::CbuPct => ("cbu_pct", PCT, PIPE),
            Self::FmaPct => ("fma_pct", PCT, PIPE),
            Self::Fp16Pct => ("fp16_pct", PCT, PIPE),
            Self::Fp64Pct => ("fp64_pct", PCT, PIPE),
            Self::IpaPct => ("ipa_pct", PCT, PIPE),
            Self::LsuPct => ("lsu_pct", PCT, PIPE),
            Self::TexPct => ("tex_pct", PCT, PIPE),
            Self::UniformPct => ("uniform_pct", PCT, PIPE),
            Self::XuPct => ("xu_pct", PCT, PIPE),
            Self::GraphicsUtil => ("graphics_util", RATIO, "time with any work / time"),
            Self::SmActive => ("sm_active", RATIO, "time with work on an SM / time, mean of the SMs"),
            Self::SmOccupancy => ("sm_occupancy", RATIO, "warps on an SM / most possible, mean of the SMs"),
            Self::TensorUtil => ("tensor_util", RATIO, ALL_TIME),
            Self::DramUtil => ("dram_util", RATIO, ALL_TIME),
            Self::Fp64Util => ("fp64_util", RATIO, ALL_TIME),
            Self::Fp32Util => ("fp32_util", RATIO, ALL_TIME),
            Self::Fp16Util => ("fp16_util", RATIO, ALL_TIME),
            Self::IntUtil => ("int_util", RATIO, ALL_TIME),
            Self::PowerPerLimit => ("power_per_limit", RATIO, "mean power over the power limit in force"),
            Self::LowPowerPerLimit => {
                ("low_power_per_limit", RATIO, "5 % quantile of the power samples over the limit")
            }
            Self::HighPowerPerLimit => {
                ("high_power_per_limit", RATIO, "95 % quantile of the power samples over the limit")
            }
            Self::LowPowerShare => {
                ("low_power_share", RATIO, "(high - mean) / (high - low power); missing where they differ by < 5 %")
            }
            Self::PowerSwing => ("power_swing", RATIO, "standard deviation of the power samples / their mean"),
            Self::SmUtil => ("sm_util", RATIO, "mean of NVML's GPU utilisation / 100"),
            Self::MemUtil => ("mem_util", RATIO, "mean of NVML's memory utilisation / 100"),
            Self::MemPerSmUtil => ("mem_per_sm_util", RATIO, "mem_util / sm_util"),
            Self::SmClockReached => ("sm_clock_reached", RATIO, "mean SM clock / default pair's SM clock"),
            Self::MemClockReached => ("mem_clock_reached", RATIO, "mean memory clock / default pair's memory clock"),
            Self::IterationS => ("iteration_s", "s", "time of an iteration; missing where there is none"),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_has_a_place_and_a_name_of_its_own() {
        for (place, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature as usize, place);
            assert_eq!(Feature::from_name(feature.name()), Some(feature));
        }
        assert_eq!(Feature::from_name("clock"), None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn is_written_as_its_name() {
        for feature in Feature::ALL {
            assert_eq!(serde_json::to_string(&feature).unwrap(), format!("\"{feature}\""));
        }
    }
}
