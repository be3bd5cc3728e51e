//! Files that a command writes its results into.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{BAD_INPUT, Failure};

/// A file to write into: nothing of it can be seen until all of it is there, and whatever was there before stays till
/// then.
#[derive(Debug)]
pub(crate) struct Output {
    /// As the user wrote it.
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// Written beside its place and then moved there.
    Beside { place: PathBuf, draft: PathBuf },
    /// A device or pipe: nothing can be moved there, and a pipe that was closed once is at its end.
    Straight(File),
}

impl Output {
    /// Finds out whether the file can be written, before the work whose result it is for.
    ///
    /// # Errors
    /// [`Failure`] with the path if it cannot.
    pub(crate) fn claim(path: PathBuf) -> Result<Self, Failure> {
        let refused = |error: io::Error| Failure {
            code: BAD_INPUT,
            line: format!(
                "{}: cannot write it: {error}; give the path of a file in a folder that is there and may be written to",
                path.display()
            ),
        };
        // A link stays one; what it points to is written.
        let place = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if fs::metadata(&place).is_ok_and(|found| !found.is_file()) {
            let file = File::options().write(true).open(&place).map_err(refused)?;
            return Ok(Self { path, target: Target::Straight(file) });
        }
        if place.exists() {
            // Moving another file there would be possible even where writing is not.
            File::options().append(true).open(&place).map_err(refused)?;
        }
        let name = place.file_name().ok_or_else(|| refused(io::ErrorKind::InvalidInput.into()))?;
        let draft = place.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        File::create(&draft).and_then(|_| fs::remove_file(&draft)).map_err(refused)?;
        Ok(Self { path, target: Target::Beside { place, draft } })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is there now, if it is a file that can be read.
    pub(crate) fn read(&self) -> Option<Vec<u8>> {
        match &self.target {
            Target::Beside { place, .. } => fs::read(place).ok(),
            Target::Straight(_) => None,
        }
    }

    /// Whether it can be written more than once, each time in the place of what was there.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.target, Target::Beside { .. })
    }

    /// Writes all of it, in the place of what was there.
    ///
    /// # Errors
    /// [`Failure`] with the path, as it may have become impossible in between.
    pub(crate) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let result = match &self.target {
            Target::Straight(file) => filled(file, write),
            Target::Beside { place, draft } => File::create(draft)
                .and_then(|file| filled(&file, write))
                .and_then(|()| fs::rename(draft, place))
                .inspect_err(|_| {
                    let _left_behind = fs::remove_file(draft);
                }),
        };
        result.map_err(|error| Failure { code: 1, line: format!("{}: cannot write it: {error}", self.path.display()) })
    }
}

fn filled(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("gpoeo-sim-output-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_was_there_stays_until_all_of_the_new_is() {
        let folder = folder("stays");
        let path = folder.join("out.json");
        fs::write(&path, "old").unwrap();
        let output = Output::claim(path.clone()).unwrap();
        let failed = output.write(|file| {
            file.write_all(b"ne")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!((failed.unwrap_err().code, fs::read(&path).unwrap()), (1, b"old".to_vec()));
        output.write(|file| file.write_all(b"new")).unwrap();
        assert_eq!(output.read(), Some(b"new".to_vec()));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left");
        let _left_behind = fs::remove_dir_all(folder);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_known_at_once() {
        let folder = folder("known");
        for place in ["nowhere/out.json", "", ".."] {
            let failure = Output::claim(folder.join(place)).unwrap_err();
            assert!(failure.code == BAD_INPUT && failure.line.contains(": cannot write it: "), "{failure:?}");
        }
        let _left_behind = fs::remove_dir_all(folder);
    }

    #[test]
    fn a_device_is_written_straight() {
        let output = Output::claim(PathBuf::from("/dev/null")).unwrap();
        output.write(|file| file.write_all(b"gone")).unwrap();
        assert!(!output.is_file() && output.read().is_none());
    }
}
