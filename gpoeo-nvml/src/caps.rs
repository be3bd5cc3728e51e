//! The clocks that a GPU offers, as its driver lists them.

use gpoeo_core::{BackendError, Capabilities, Fault, Mhz};

use crate::api::{Domain, NvmlApi};
use crate::error::NvmlStatus;

/// Which memory clocks to offer to the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryClocks {
    /// All that the driver lists: the core may lock the memory clock.
    All,
    /// Only the highest: the memory clock is left alone.
    #[default]
    Highest,
}

/// The clock lists of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClockList {
    /// Each memory clock with its SM clocks, in the driver's order, MHz.
    pub clocks: Vec<(u32, Vec<u32>)>,
    /// Why the lists cannot be had; `clocks` then holds the clocks of this moment, to be observed only.
    pub missing: Option<&'static str>,
}

/// Asks the driver for all clocks.
///
/// # Errors
/// The code of a lost GPU, or of a GPU that tells not even its present clocks.
pub(crate) fn list_clocks(api: &mut impl NvmlApi) -> Result<ClockList, NvmlStatus> {
    let memory = match api.memory_clocks_mhz() {
        Ok(memory) => memory,
        Err(status) if status.is_loss() => return Err(status),
        Err(_) => return present_clocks(api, "the driver lists no clocks for this GPU"),
    };
    let mut clocks = Vec::with_capacity(memory.len());
    for memory_mhz in memory.into_iter().filter(|&clock| clock != 0) {
        match api.sm_clocks_mhz(memory_mhz) {
            Ok(mut sm) => {
                // nvml-wrapper 0.13 gives zeros for a list of more than 128 clocks (V100, RTX 40 series).
                sm.retain(|&clock| clock != 0);
                if sm.is_empty() {
                    return present_clocks(api, "the list of SM clocks is longer than nvml-wrapper 0.13 can read");
                }
                clocks.push((memory_mhz, sm));
            }
            Err(status) if status.is_loss() => return Err(status),
            // That memory clock has no SM clocks.
            Err(_) => {}
        }
    }
    if clocks.is_empty() {
        return present_clocks(api, "the driver lists no SM clocks for this GPU");
    }
    Ok(ClockList { clocks, missing: None })
}

fn present_clocks(api: &mut impl NvmlApi, missing: &'static str) -> Result<ClockList, NvmlStatus> {
    let clocks = vec![(api.clock_mhz(Domain::Memory)?, vec![api.clock_mhz(Domain::Sm)?])];
    Ok(ClockList { clocks, missing: Some(missing) })
}

/// What the core may ask of this GPU.
pub(crate) fn capabilities(list: ClockList, memory: MemoryClocks, gpu: &str) -> Result<Capabilities, BackendError> {
    let is_unknown = list.missing.is_some();
    let highest = list.clocks.iter().map(|&(memory_mhz, _)| memory_mhz).max();
    let wanted = |memory_mhz: u32| memory == MemoryClocks::All || Some(memory_mhz) == highest;
    let clocks = list.clocks.into_iter().filter(|&(memory_mhz, _)| wanted(memory_mhz));
    let caps = Capabilities::new(clocks.map(|(memory_mhz, sm)| (Mhz(memory_mhz), sm.into_iter().map(Mhz).collect())))
        .map_err(|error| {
        BackendError::new(
            Fault::NotSupported,
            gpu,
            "listing the clocks",
            "check them with nvidia-smi -q -d SUPPORTED_CLOCKS",
        )
        .with_source(error)
    })?;
    Ok(if is_unknown { caps.read_only() } else { caps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::MockNvmlApi;
    use mockall::predicate::eq;

    fn rtx3080ti() -> MockNvmlApi {
        let mut api = MockNvmlApi::new();
        api.expect_memory_clocks_mhz().return_once(|| Ok(vec![9501, 810]));
        api.expect_sm_clocks_mhz().with(eq(9501)).return_once(|_| Ok((0..124).map(|i| 2055 - 15 * i).collect()));
        api.expect_sm_clocks_mhz().with(eq(810)).return_once(|_| Ok(vec![420, 405]));
        api
    }

    #[test]
    fn each_memory_clock_has_its_own_sm_clocks() {
        let list = list_clocks(&mut rtx3080ti()).unwrap();
        assert_eq!(list.clocks[1], (810, vec![420, 405]));
        let caps = capabilities(list, MemoryClocks::All, "0").unwrap();
        assert_eq!((caps.mem_gears(), caps.pairs().count()), (2, 126));
    }

    #[test]
    fn only_the_highest_memory_clock_is_offered_unless_all_are_wanted() {
        let list = list_clocks(&mut rtx3080ti()).unwrap();
        let caps = capabilities(list, MemoryClocks::Highest, "0").unwrap();
        assert_eq!((caps.mem_gears(), caps.default_pair().mem(), caps.default_pair().sm()), (1, Mhz(9501), Mhz(2055)));
        assert!(!caps.is_read_only());
    }

    #[test]
    fn a_memory_clock_without_sm_clocks_is_left_out() {
        let mut api = MockNvmlApi::new();
        api.expect_memory_clocks_mhz().return_once(|| Ok(vec![9501, 405]));
        api.expect_sm_clocks_mhz().with(eq(9501)).return_once(|_| Ok(vec![210]));
        api.expect_sm_clocks_mhz().with(eq(405)).return_once(|_| Err(NvmlStatus::NOT_FOUND));
        assert_eq!(list_clocks(&mut api).unwrap().clocks, [(9501, vec![210])]);
    }

    #[test]
    fn without_a_list_the_present_clocks_are_observed_only() {
        type Clocks = Result<Vec<u32>, NvmlStatus>;
        let lists: [(Clocks, Clocks); 3] = [
            (Err(NvmlStatus::NOT_SUPPORTED), Ok(vec![])),
            (Ok(vec![877]), Ok(vec![0; 128])),
            (Ok(vec![877]), Err(NvmlStatus::NOT_SUPPORTED)),
        ];
        for (memory, sm) in lists {
            let mut api = MockNvmlApi::new();
            api.expect_memory_clocks_mhz().return_once(move || memory);
            api.expect_sm_clocks_mhz().returning(move |_| sm.clone());
            api.expect_clock_mhz().returning(|domain| Ok(if domain == Domain::Sm { 1380 } else { 877 }));
            let list = list_clocks(&mut api).unwrap();
            assert!(list.missing.is_some());
            let caps = capabilities(list, MemoryClocks::All, "0").unwrap();
            assert!(caps.is_read_only());
            assert_eq!(caps.default_pair().sm(), Mhz(1380));
        }
    }

    #[test]
    fn a_lost_gpu_is_an_error_at_every_step() {
        let mut api = MockNvmlApi::new();
        api.expect_memory_clocks_mhz().return_once(|| Err(NvmlStatus::GPU_IS_LOST));
        assert_eq!(list_clocks(&mut api), Err(NvmlStatus::GPU_IS_LOST));
        let mut api = MockNvmlApi::new();
        api.expect_memory_clocks_mhz().return_once(|| Ok(vec![1]));
        api.expect_sm_clocks_mhz().return_once(|_| Err(NvmlStatus::GPU_IS_LOST));
        assert_eq!(list_clocks(&mut api), Err(NvmlStatus::GPU_IS_LOST));
    }
}
