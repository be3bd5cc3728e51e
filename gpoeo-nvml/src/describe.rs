//! Everything that a GPU tells about itself, for people and scripts. A query that fails leaves one field out.

use crate::api::{Domain, NvmlApi, PowerLimits};
use crate::caps;
use crate::error::NvmlStatus;
use crate::samples::{PowerSource, Telemetry};
use crate::select::GpuIdentity;

/// What was probed of one GPU. `None` is unknown or absent, never 0.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Description {
    /// Who it is.
    #[serde(flatten)]
    pub identity: GpuIdentity,
    /// CUDA compute capability, for example `8.6`.
    pub compute_capability: Option<String>,
    /// Whether the GPU is cut into instances.
    pub mig: Option<bool>,
    /// Whether the driver keeps its state (and so locks) while nobody uses the GPU.
    pub persistence_mode: Option<bool>,
    /// Where power would be read from; `None`: from nowhere.
    pub power_source: Option<PowerSource>,
    /// Power now, W.
    pub power_w: Option<f64>,
    /// The ring as it is now; an idle ring may be slower than a busy one.
    pub power_ring: Option<RingDescription>,
    /// Whether there is an energy counter.
    pub energy_counter: bool,
    /// The energy counter, J since the driver was loaded.
    pub energy_j: Option<f64>,
    /// Whether utilisation can be read.
    pub utilization: bool,
    /// Clock now, MHz.
    pub sm_clock_mhz: Option<u32>,
    /// Clock now, MHz.
    pub mem_clock_mhz: Option<u32>,
    /// All clocks that the driver lists.
    pub supported_clocks: Option<Vec<SupportedClocks>>,
    /// Why `supported_clocks` is not known.
    pub clocks_unknown_because: Option<String>,
    /// Limits of the board's power.
    pub power_limits: Option<PowerLimits>,
}

/// What a driver's ring of power samples looks like.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct RingDescription {
    /// Samples in it.
    pub samples: usize,
    /// From the oldest to the newest, s.
    pub span_s: f64,
    /// Median time between two samples, s.
    pub median_step_s: Option<f64>,
}

/// A memory clock and the SM clocks that go with it, ascending, MHz.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SupportedClocks {
    /// Memory clock.
    pub mem_clock_mhz: u32,
    /// SM clocks.
    pub sm_clocks_mhz: Vec<u32>,
}

/// Asks a GPU for everything.
///
/// # Errors
/// NVML's code if the GPU is lost.
pub fn describe(api: &mut impl NvmlApi, identity: GpuIdentity) -> Result<Description, NvmlStatus> {
    let telemetry = lost_or(Telemetry::probe(api))?;
    let ring = match telemetry {
        Some(Telemetry { power: PowerSource::Ring, .. }) => lost_or(api.power_samples(0))?,
        _ => None,
    };
    let newest_w = ring.as_ref().and_then(|samples| samples.iter().max_by_key(|sample| sample.time_us));
    let power_w = match telemetry.map(|telemetry| telemetry.power) {
        Some(PowerSource::Ring) => newest_w.map(|sample| sample.power_w),
        Some(PowerSource::InstantField) => lost_or(api.instant_power_w())?,
        Some(_) => lost_or(api.power_usage_w())?,
        None => None,
    };
    let (supported_clocks, missing) = match lost_or(caps::list_clocks(api))? {
        Some(list) if list.missing.is_none() => (Some(supported(list.clocks)), None),
        Some(list) => (None, list.missing),
        None => (None, Some("the driver tells no clocks of this GPU")),
    };
    Ok(Description {
        identity,
        compute_capability: lost_or(api.compute_capability())?.map(|(major, minor)| format!("{major}.{minor}")),
        mig: lost_or(api.is_mig_enabled())?,
        persistence_mode: lost_or(api.is_persistent())?,
        power_source: telemetry.map(|telemetry| telemetry.power),
        power_w,
        power_ring: ring.map(|samples| ring_description(samples.iter().map(|sample| sample.time_us).collect())),
        energy_counter: telemetry.is_some_and(|telemetry| telemetry.has_energy),
        energy_j: lost_or(api.energy_j())?,
        utilization: telemetry.is_some_and(|telemetry| telemetry.has_utilization),
        sm_clock_mhz: lost_or(api.clock_mhz(Domain::Sm))?,
        mem_clock_mhz: lost_or(api.clock_mhz(Domain::Memory))?,
        supported_clocks,
        clocks_unknown_because: missing.map(str::to_owned),
        power_limits: lost_or(api.power_limits())?,
    })
}

fn lost_or<T>(result: Result<T, NvmlStatus>) -> Result<Option<T>, NvmlStatus> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.is_loss() => Err(status),
        Err(_) => Ok(None),
    }
}

fn supported(clocks: Vec<(u32, Vec<u32>)>) -> Vec<SupportedClocks> {
    let mut supported: Vec<_> = clocks
        .into_iter()
        .map(|(mem_clock_mhz, mut sm_clocks_mhz)| {
            sm_clocks_mhz.sort_unstable();
            SupportedClocks { mem_clock_mhz, sm_clocks_mhz }
        })
        .collect();
    supported.sort_by_key(|clocks| clocks.mem_clock_mhz);
    supported
}

fn ring_description(mut times_us: Vec<u64>) -> RingDescription {
    times_us.sort_unstable();
    let mut steps_us: Vec<u64> = times_us.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps_us.sort_unstable();
    let span_us = times_us.last().zip(times_us.first()).map_or(0, |(last, first)| last - first);
    RingDescription {
        samples: times_us.len(),
        span_s: span_us as f64 * 1e-6,
        median_step_s: steps_us.get(steps_us.len() / 2).map(|&step_us| step_us as f64 * 1e-6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{MockNvmlApi, PowerSample, Utilization};

    fn identity() -> GpuIdentity {
        GpuIdentity { index: 0, uuid: "GPU-1".into(), name: None, pci_bus_id: None }
    }

    /// A GPU that answers nothing but its name.
    fn mute(status: NvmlStatus) -> MockNvmlApi {
        let mut api = MockNvmlApi::new();
        api.expect_power_samples().returning(move |_| Err(status));
        api.expect_instant_power_w().returning(move || Err(status));
        api.expect_power_usage_w().returning(move || Err(status));
        api.expect_energy_j().returning(move || Err(status));
        api.expect_memory_clocks_mhz().returning(move || Err(status));
        api.expect_clock_mhz().returning(move |_| Err(status));
        api.expect_compute_capability().returning(move || Err(status));
        api.expect_is_mig_enabled().returning(move || Err(status));
        api.expect_is_persistent().returning(move || Err(status));
        api.expect_power_limits().returning(move || Err(status));
        api
    }

    #[test]
    fn what_a_gpu_does_not_tell_is_absent_and_costs_nothing_else() {
        let description = describe(&mut mute(NvmlStatus::NOT_SUPPORTED), identity()).unwrap();
        let json = serde_json::to_value(&description).unwrap();
        assert_eq!(json["uuid"], "GPU-1");
        for key in ["power_source", "power_w", "energy_j", "supported_clocks", "power_limits", "mig"] {
            assert!(json[key].is_null(), "{key}");
        }
        assert_eq!(json["energy_counter"], false);
        assert!(json["clocks_unknown_because"].is_string());
    }

    #[test]
    fn a_lost_gpu_is_an_error() {
        assert_eq!(describe(&mut mute(NvmlStatus::GPU_IS_LOST), identity()), Err(NvmlStatus::GPU_IS_LOST));
    }

    #[test]
    fn the_ring_is_described_by_depth_and_median_step() {
        let mut api = MockNvmlApi::new();
        let samples: Vec<_> =
            [60, 0, 20, 40, 1040].map(|ms| PowerSample { time_us: ms * 1000, power_w: ms as f64 }).into();
        api.expect_power_samples().returning(move |_| Ok(samples.clone()));
        api.expect_energy_j().returning(|| Ok(12.0));
        api.expect_utilization().returning(|| Ok(Utilization { sm_pct: 0, memory_pct: 0 }));
        api.expect_memory_clocks_mhz().returning(|| Ok(vec![2619, 1593]));
        api.expect_sm_clocks_mhz().returning(|_| Ok(vec![1980, 345]));
        api.expect_clock_mhz().returning(|_| Ok(345));
        api.expect_compute_capability().returning(|| Ok((9, 0)));
        api.expect_is_mig_enabled().returning(|| Ok(false));
        api.expect_is_persistent().returning(|| Ok(true));
        api.expect_power_limits().returning(|| Err(NvmlStatus::NOT_SUPPORTED));
        let description = describe(&mut api, identity()).unwrap();
        let ring = description.power_ring.unwrap();
        assert_eq!((ring.samples, ring.span_s, ring.median_step_s), (5, 1.04, Some(0.02)));
        assert_eq!(description.power_w, Some(1040.0));
        assert_eq!(description.supported_clocks.unwrap()[0].sm_clocks_mhz, [345, 1980]);
        assert_eq!(description.compute_capability.as_deref(), Some("9.0"));
    }
}
