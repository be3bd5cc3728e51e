//! The sets that are compiled in: `gpoeo-core/models/<family>/<variant>/`.

use std::io;

use super::card::{Card, Variant};
use super::set::ModelSet;

/// The path of a file below `models/`, and the file.
type File = (&'static str, &'static [u8]);

/// A variant: its card, the models of the SM clock and, where there is more than one memory clock, those of the memory
/// clock.
macro_rules! variant {
    ($folder:literal, $($file:literal),+) => {
        &[$((concat!($folder, "/", $file), include_bytes!(concat!("../../models/", $folder, "/", $file)) as &'static [u8])),+]
    };
}

/// All variants of all families; families for few GPUs before those for many.
const VARIANTS: &[&[File]] = &[
    variant!("h100/gpm", "card.json", "time_sm.ubj", "energy_sm.ubj", "time_mem.ubj", "energy_mem.ubj"),
    variant!("h100/nvml", "card.json", "time_sm.ubj", "energy_sm.ubj", "time_mem.ubj", "energy_mem.ubj"),
    variant!("rtx3080ti/counters", "card.json", "time_sm.ubj", "energy_sm.ubj", "time_mem.ubj", "energy_mem.ubj"),
    variant!("rtx3080ti/nvml", "card.json", "time_sm.ubj", "energy_sm.ubj", "time_mem.ubj", "energy_mem.ubj"),
];

impl ModelSet {
    /// The compiled-in set for the GPU of this name (as NVML gives it), if there is one. Loads it: keep it, and share it.
    #[must_use]
    pub fn embedded_for(gpu: &str) -> Option<Self> {
        let family = families().find(|family| {
            let mut cards = Variant::ALL.iter().filter_map(|variant| file(family, &format!("{variant}/card.json")));
            cards.any(|card| Card::from_json(card, "card.json").is_ok_and(|card| card.is_for(gpu)))
        })?;
        Some(Self::embedded(family))
    }

    fn embedded(family: &str) -> Self {
        let read = |name: &str| file(family, name).map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::NotFound.into());
        Self::load(read).expect("a test loads every set that is compiled in")
    }
}

/// The families that are compiled in.
fn families() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    let paths = VARIANTS.iter().flat_map(|files| files.first()).map(|(path, _)| *path);
    let family = |path: &'static str| path.split('/').next().unwrap_or_default();
    paths.map(family).filter(move |&family| core::mem::replace(&mut last, family) != family)
}

fn file(family: &str, name: &str) -> Option<&'static [u8]> {
    let is_it = |path: &str| path.strip_prefix(family).and_then(|rest| rest.strip_prefix('/')) == Some(name);
    VARIANTS.iter().copied().flatten().find(|(path, _)| is_it(path)).map(|&(_, bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_loads_and_is_small() {
        for family in families() {
            let set = ModelSet::embedded(family);
            assert_eq!(set.family(), family);
        }
        let bytes: usize = VARIANTS.iter().copied().flatten().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes <= 3 << 20, "{bytes}");
    }

    #[test]
    fn a_gpu_gets_the_set_of_its_family_and_an_unknown_one_none() {
        let set = ModelSet::embedded_for("NVIDIA GeForce RTX 3080 Ti").expect("it is compiled in");
        assert!(set.is_for("nvidia geforce rtx 3080 ti"));
        assert!(ModelSet::embedded_for("Some Other GPU").is_none());
    }
}
