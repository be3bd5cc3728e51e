//! Which trained models the policy `gpoeo` starts from.

use std::path::Path;
use std::sync::Arc;

use gpoeo_core::{ModelSet, ModelSetError};

/// Where the models of a run come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Models {
    /// These; a job on a GPU that they are not for runs without.
    Given(Arc<ModelSet>),
    /// None.
    #[default]
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

    /// The set.
    pub(crate) fn set(&self) -> Option<Arc<ModelSet>> {
        match self {
            Self::Given(set) => Some(Arc::clone(set)),
            Self::Without => None,
        }
    }
}
