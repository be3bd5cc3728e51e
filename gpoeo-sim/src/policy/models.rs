//! Which trained models the policy `gpoeo` starts from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gpoeo_core::{ModelSet, ModelSetError};

/// Where the models of a run come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Models {
    /// Those that are compiled in, if there are any for the job's GPU.
    #[default]
    Embedded,
    /// These; a job on a GPU that they are not for runs without.
    Given(Arc<ModelSet>),
    /// None.
    Without,
}

impl Models {
    /// Reads a set from its folder.
    ///
    /// # Errors
    /// [`ModelSetError`] naming the file, from the folder on.
    pub fn read(folder: &Path) -> Result<Self, ModelSetError> {
        let set = ModelSet::load(|name| std::fs::read(folder.join(name)))?;
        Ok(Self::Given(Arc::new(set)))
    }

    /// The set for a GPU, by its name.
    pub(crate) fn for_gpu(&self, name: Option<&str>) -> Option<Arc<ModelSet>> {
        match self {
            Self::Embedded => embedded(name?),
            Self::Given(set) => Some(Arc::clone(set)),
            Self::Without => None,
        }
    }
}

/// The compiled-in set for a GPU; each is loaded once.
fn embedded(name: &str) -> Option<Arc<ModelSet>> {
    type Loaded = BTreeMap<String, Option<Arc<ModelSet>>>;
    static LOADED: OnceLock<Mutex<Loaded>> = OnceLock::new();
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    loaded.entry(name.to_owned()).or_insert_with(|| ModelSet::embedded_for(name).map(Arc::new)).clone()
}
