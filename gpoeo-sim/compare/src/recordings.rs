//! The recordings that detectors are compared on: those in this repository, those of a folder, and synthetic ones.

use std::path::{Path, PathBuf};

use clap::Args;
use gpoeo_sim::{SyntheticRecording, Trace, TraceError, Truth};
use rayon::prelude::*;

/// Which recordings.
#[derive(Args, Debug)]
pub(crate) struct Recordings {
    /// Folders with NAME.trace.csv and NAME.truth.csv, in the place of the recordings of this repository
    #[arg(long, value_name = "DIR")]
    recordings: Vec<PathBuf>,

    /// So many synthetic recordings beside them, all families in turn
    #[arg(long, value_name = "N", default_value_t = 210)]
    synthetic: usize,

    /// Seed of the synthetic recordings
    #[arg(long, value_name = "K", default_value_t = 301)]
    seed: u64,
}

/// One recording with its truth.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) trace: Trace,
    pub(crate) truth: Truth,
    /// Whether a job was recorded, or made up.
    pub(crate) is_real: bool,
}

/// Why recordings cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingsError {
    /// A folder that cannot be listed.
    #[error("{}: cannot list it: {error}; check the path and its permissions", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A folder without recordings.
    #[error("{}: there is no NAME.trace.csv with NAME.truth.csv in it; choose another folder", folder.display())]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl Recordings {
    pub(crate) fn read(&self) -> Result<Vec<Recording>, RecordingsError> {
        let of_repository = [Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/traces")];
        let folders = if self.recordings.is_empty() { &of_repository[..] } else { &self.recordings };
        let mut all = Vec::new();
        for folder in folders {
            all.extend(read_folder(folder)?);
        }
        let drawn: Vec<_> = SyntheticRecording::draw_some(self.synthetic, self.seed, None).collect();
        all.par_extend(drawn.into_par_iter().map(|(family, seed)| {
            let drawn = SyntheticRecording::draw(family, seed);
            Recording { trace: drawn.trace, truth: drawn.truth, is_real: false }
        }));
        Ok(all)
    }
}

/// All recordings of a folder that have a truth, by name.
fn read_folder(folder: &Path) -> Result<Vec<Recording>, RecordingsError> {
    let unreadable = |error| RecordingsError::Folder { folder: folder.to_owned(), error };
    let entries: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(folder).map_err(unreadable)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = entries.map_err(unreadable)?;
    paths.retain(|path| path.to_string_lossy().ends_with(".trace.csv") && Truth::path_beside(path).exists());
    paths.sort();
    if paths.is_empty() {
        return Err(RecordingsError::Nothing { folder: folder.to_owned() });
    }
    let read = |path: &PathBuf| -> Result<Recording, RecordingsError> {
        let (trace, truth) = (Trace::read(path)?, Truth::read(Truth::path_beside(path))?);
        Ok(Recording { trace, truth, is_real: true })
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recordings_of_the_repository_come_first_and_synthetic_ones_after() {
        let all = Recordings { recordings: Vec::new(), synthetic: 2, seed: 4 }.read().unwrap();
        assert_eq!((all.len(), all[0].trace.name(), all[0].is_real), (24, "batch_doubles_midway", true));
        assert_eq!((all[23].trace.name(), all[23].is_real), ("averaged-sensor-4000000", false));
    }

    #[test]
    fn a_folder_without_recordings_is_an_error_that_names_it() {
        let nowhere = Recordings { recordings: vec!["/nonexistent".into()], synthetic: 0, seed: 0 };
        assert!(nowhere.read().unwrap_err().to_string().starts_with("/nonexistent: cannot list it: "));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let nothing = Recordings { recordings: vec![sources], synthetic: 0, seed: 0 };
        assert!(nothing.read().unwrap_err().to_string().contains("src: there is no NAME.trace.csv"));
    }
}
