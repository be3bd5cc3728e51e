//! Which GPU is meant: by index, UUID, unique prefix of a UUID, or PCI bus id, as `nvidia-smi -i` takes them.

/// A GPU as NVML lists it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GpuIdentity {
    /// NVML's index: not stable from one boot to the next, and not the index that CUDA uses.
    pub index: u32,
    /// For ever the same.
    pub uuid: String,
    /// Product name.
    pub name: Option<String>,
    /// As `00000000:01:00.0`.
    pub pci_bus_id: Option<String>,
}

impl core::fmt::Display for GpuIdentity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.index, self.uuid)
    }
}

/// Why a name is not one GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// Several GPUs match.
    #[error("{id:?} may be any of the GPUs {matches}; give more of the UUID")]
    Ambiguous {
        /// The name given.
        id: String,
        /// The GPUs that match.
        matches: String,
    },
    /// No GPU matches.
    #[error("there is no GPU {id:?}; give the index, UUID, start of a UUID or PCI bus id of one of: {known}")]
    Unknown {
        /// The name given.
        id: String,
        /// The GPUs that there are.
        known: String,
    },
}

/// The GPUs meant by `ids`, each once, in the order given.
///
/// # Errors
/// [`SelectError`] for the first name that is not exactly one GPU.
pub fn select<'a>(gpus: &'a [GpuIdentity], ids: &[String]) -> Result<Vec<&'a GpuIdentity>, SelectError> {
    let mut chosen: Vec<&GpuIdentity> = Vec::with_capacity(ids.len());
    for id in ids {
        let gpu = select_one(gpus, id.trim())?;
        if !chosen.contains(&gpu) {
            chosen.push(gpu);
        }
    }
    Ok(chosen)
}

fn select_one<'a>(gpus: &'a [GpuIdentity], id: &str) -> Result<&'a GpuIdentity, SelectError> {
    let matching: Vec<&GpuIdentity> = gpus.iter().filter(|gpu| is_meant(gpu, id)).collect();
    match matching[..] {
        [gpu] => Ok(gpu),
        [] => Err(SelectError::Unknown { id: id.to_owned(), known: names(gpus.iter()) }),
        _ => Err(SelectError::Ambiguous { id: id.to_owned(), matches: names(matching.into_iter()) }),
    }
}

fn is_meant(gpu: &GpuIdentity, id: &str) -> bool {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return id.parse() == Ok(gpu.index);
    }
    if let Some(address) = PciAddress::parse(id) {
        return gpu.pci_bus_id.as_deref().and_then(PciAddress::parse) == Some(address);
    }
    let is_uuid_start = id.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("GPU-"));
    is_uuid_start && gpu.uuid.get(..id.len()).is_some_and(|start| start.eq_ignore_ascii_case(id))
}

fn names<'a>(gpus: impl Iterator<Item = &'a GpuIdentity>) -> String {
    gpus.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `[domain:]bus:device.function` in hex; tools write the domain with four or eight digits or leave it out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct PciAddress {
    domain: u32,
    bus: u32,
    device: u32,
    function: u32,
}

impl PciAddress {
    fn parse(text: &str) -> Option<Self> {
        let hex = |digits: &str| u32::from_str_radix(digits, 16).ok();
        let (rest, function) = text.rsplit_once('.')?;
        let (rest, device) = rest.rsplit_once(':')?;
        let (domain, bus) = rest.rsplit_once(':').unwrap_or(("0", rest));
        Some(Self { domain: hex(domain)?, bus: hex(bus)?, device: hex(device)?, function: hex(function)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(index: u32, uuid: &str, pci_bus_id: &str) -> GpuIdentity {
        GpuIdentity { index, uuid: uuid.to_owned(), name: None, pci_bus_id: Some(pci_bus_id.to_owned()) }
    }

    fn gpus() -> Vec<GpuIdentity> {
        vec![
            gpu(0, "GPU-11c0ffee-0000", "00000000:01:00.0"),
            gpu(1, "GPU-11deaf00-0000", "00000000:41:00.0"),
            gpu(10, "GPU-22222222-0000", "00000001:01:00.0"),
        ]
    }

    fn indices(ids: &[&str]) -> Result<Vec<u32>, SelectError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Ok(select(&gpus(), &ids)?.into_iter().map(|gpu| gpu.index).collect())
    }

    #[test]
    fn takes_index_uuid_start_of_a_uuid_and_pci_bus_id() {
        for id in ["1", "GPU-11deaf00-0000", "gpu-11d", "00000000:41:00.0", "0000:41:00.0", "41:00.0", " 1 "] {
            assert_eq!(indices(&[id]), Ok(vec![1]), "{id}");
        }
        assert_eq!(indices(&["0001:01:00.0"]), Ok(vec![10]));
    }

    #[test]
    fn a_gpu_named_twice_is_taken_once() {
        assert_eq!(indices(&["10", "GPU-11c", "GPU-2"]), Ok(vec![10, 0]));
    }

    #[test]
    fn an_index_is_never_the_start_of_another() {
        assert!(matches!(indices(&["100"]), Err(SelectError::Unknown { .. })));
        assert_eq!(indices(&["1"]), Ok(vec![1]));
    }

    #[test]
    fn a_start_that_two_share_is_refused_with_both() {
        let error = indices(&["GPU-11"]).unwrap_err();
        assert!(matches!(error, SelectError::Ambiguous { .. }));
        assert!(error.to_string().contains("0 (GPU-11c0ffee-0000), 1 (GPU-11deaf00-0000)"), "{error}");
    }

    #[test]
    fn what_is_no_name_of_a_gpu_is_refused_with_the_list() {
        for id in ["", "7", "11c0ffee", "all", "GPU-3", "01:00", "zz:00.0", "99999999999999999999", "GPU-11é"] {
            let error = indices(&[id]).unwrap_err();
            assert!(matches!(error, SelectError::Unknown { .. }), "{id}");
            assert!(error.to_string().contains("10 (GPU-22222222-0000)"), "{error}");
        }
    }
}
