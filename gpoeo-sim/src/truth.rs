//! When each iteration of a recording really ended: `NAME.truth.csv`.

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::rows::{self, Rows, TraceError, TraceProblem};

const REQUIRED: &str = "t_s and label";

/// What ended at a [`Mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Label {
    /// A pause in which a checkpoint was written.
    Checkpoint,
    /// A piece of work of random size, of a job without a period.
    Chunk,
    /// Something that this version does not know.
    Other,
    /// A training iteration.
    Train,
    /// One trial of a search over models, of a job without a period.
    Trial,
    /// A validation pass.
    Val,
}

impl Label {
    fn from_text(text: &[u8]) -> Self {
        match text {
            b"checkpoint" => Self::Checkpoint,
            b"chunk" => Self::Chunk,
            b"train" => Self::Train,
            b"trial" => Self::Trial,
            b"val" => Self::Val,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Checkpoint => "checkpoint",
            Self::Chunk => "chunk",
            Self::Other => "other",
            Self::Train => "train",
            Self::Trial => "trial",
            Self::Val => "val",
        })
    }
}

/// Something that had finished on the GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// When, s on the clock of the trace.
    pub time_s: f64,
    /// What.
    pub label: Label,
}

/// The marks of one recording, in order of time; at least one.
///
/// ```
/// use gpoeo_sim::{Label, Truth};
///
/// let truth = Truth::parse("t_s,label\n1.0,train\n1.1,train\n1.3,val\n".as_bytes(), "demo")?;
/// assert_eq!(truth.marks().len(), 3);
/// assert_eq!(truth.times_s(Label::Train).collect::<Vec<_>>(), [1.0, 1.1]);
/// # Ok::<(), gpoeo_sim::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    marks: Vec<Mark>,
}

impl Truth {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TraceError`] if the file is missing, empty or malformed, or if its time goes back.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TraceError> {
        let path = path.as_ref();
        Self::from_rows(Rows::new(rows::open(path)?, path.display().to_string())?)
    }

    /// Reads CSV from anywhere; `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`TraceError`] as for [`Truth::read`].
    pub fn parse(reader: impl Read, name: &str) -> Result<Self, TraceError> {
        Self::from_rows(Rows::new(reader, name.to_owned())?)
    }

    /// Marks that are in order and at least one.
    pub(crate) fn from_marks(marks: Vec<Mark>) -> Self {
        Self { marks }
    }

    /// Writes the marks as CSV, as they are read.
    ///
    /// # Errors
    /// Whatever `out` gives.
    pub fn write_csv(&self, mut out: impl Write) -> std::io::Result<()> {
        writeln!(out, "t_s,label")?;
        self.marks.iter().try_for_each(|mark| writeln!(out, "{:.6},{}", mark.time_s, mark.label))
    }

    /// The truth file that belongs to a trace file: `NAME.truth.csv` beside `NAME.trace.csv`. The GPUs of one job
    /// (`NAME.gpu0.trace.csv`) share one.
    #[must_use]
    pub fn path_beside(trace: impl AsRef<Path>) -> PathBuf {
        let trace = trace.as_ref();
        let file = trace.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = file.strip_suffix(".trace.csv").unwrap_or(&file);
        let own = trace.with_file_name(format!("{name}.truth.csv"));
        match name.rsplit_once(".gpu") {
            Some((job, index)) if !own.exists() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
                trace.with_file_name(format!("{job}.truth.csv"))
            }
            _ => own,
        }
    }

    /// All marks, oldest first.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The times of the marks with one label, s, oldest first.
    pub fn times_s(&self, label: Label) -> impl Iterator<Item = f64> + '_ {
        self.marks.iter().filter(move |mark| mark.label == label).map(|mark| mark.time_s)
    }

    fn from_rows(mut rows: Rows<impl Read>) -> Result<Self, TraceError> {
        let time = rows.required("t_s", REQUIRED)?;
        let label = rows.required("label", REQUIRED)?;
        let mut marks = Vec::new();
        while rows.advance()? {
            marks.push(Mark { time_s: rows.time_s(time)?, label: Label::from_text(rows.text(label)) });
        }
        if marks.is_empty() { Err(rows.fail_whole(TraceProblem::Empty)) } else { Ok(Self { marks }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_label_that_it_does_not_know_as_other() {
        let truth = Truth::parse("label,t_s\ntrain,1\nwarmup,2\n".as_bytes(), "x").unwrap();
        assert_eq!(truth.marks()[1], Mark { time_s: 2.0, label: Label::Other });
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = "t_s,label\n1.25,train\n2.5,val\n3,checkpoint\n4,other\n";
        let truth = Truth::parse(text.as_bytes(), "x").unwrap();
        let mut written = Vec::new();
        truth.write_csv(&mut written).unwrap();
        assert_eq!(Truth::parse(&*written, "x").unwrap(), truth);
    }

    #[test]
    fn refuses_time_that_goes_back() {
        let error = Truth::parse("t_s,label\n2,train\n1,train\n".as_bytes(), "x").unwrap_err();
        assert!(error.to_string().starts_with("x:3: time goes back from 2 s to 1 s"));
    }

    #[test]
    fn the_gpus_of_one_job_share_a_truth_file() {
        assert_eq!(Truth::path_beside("a/job.trace.csv"), Path::new("a/job.truth.csv"));
        assert_eq!(Truth::path_beside("a/job.gpu1.trace.csv"), Path::new("a/job.truth.csv"));
        assert_eq!(Truth::path_beside("a/job.gpux.trace.csv"), Path::new("a/job.gpux.truth.csv"));
    }
}
