//! CSV rows read by column name, with errors that say where and how to mend them. Shared by `trace` and `truth`.

use std::fmt;
use std::io::Read;
use std::path::Path;

/// Latest time that a file may contain, s: what nanoseconds in 64 bits hold, rounded down.
const LATEST_S: f64 = 1.8e10;

/// A recording or truth file that cannot be read: which file, which line, what is wrong and how to mend it.
///
/// ```
/// use gpoeo_sim::Trace;
///
/// let error = Trace::parse("t_s,power_w\n0.02,300\n0.01,301\n".as_bytes(), "demo").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "demo:3: time goes back from 0.02 s to 0.01 s; sort the rows by t_s",
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", Place { file, line: *line })]
#[non_exhaustive]
pub struct TraceError {
    /// The file, as it was named by the caller.
    pub file: String,
    /// The line, counted from 1; `None` if it is about the file as a whole.
    pub line: Option<u64>,
    /// What is wrong with it.
    #[source]
    pub problem: TraceProblem,
}

/// What can be wrong with a recording or truth file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceProblem {
    /// The file has no row beside the header, or not even that.
    #[error("there are no rows; a header line and at least one row are needed")]
    Empty,
    /// A row's number of fields differs from the header's.
    #[error("the row has {found} fields, the header has {expected}; complete the row or cut it off")]
    FieldCount {
        /// Fields of the row.
        found: u64,
        /// Fields of the header.
        expected: u64,
    },
    /// A number that is NaN or infinite where one is required.
    #[error("{column} is {text:?}, which is not a finite number; drop the row")]
    NotFinite {
        /// The column's name.
        column: &'static str,
        /// The field as it stands in the file.
        text: String,
    },
    /// A field that is no number.
    #[error("{column} is {text:?}, which is not a number; write a decimal number, or leave an optional field empty")]
    NotANumber {
        /// The column's name.
        column: &'static str,
        /// The field as it stands in the file, shortened.
        text: String,
    },
    /// A number that cannot be: a negative or far too large time, a negative clock.
    #[error("{column} is {text:?}, which is out of range; {range}")]
    OutOfRange {
        /// The column's name.
        column: &'static str,
        /// The field as it stands in the file.
        text: String,
        /// What is allowed.
        range: &'static str,
    },
    /// A required column is not in the header.
    #[error("there is no column {column}; the header must name {required}")]
    NoColumn {
        /// The column's name.
        column: &'static str,
        /// All required columns.
        required: &'static str,
    },
    /// A required field is empty.
    #[error("{column} is empty; fill it in or drop the row")]
    NoValue {
        /// The column's name.
        column: &'static str,
    },
    /// The time of a row lies before the row above.
    #[error("time goes back from {last_s} s to {got_s} s; sort the rows by t_s")]
    TimeWentBack {
        /// Time of the row above, s.
        last_s: f64,
        /// Time of the row, s.
        got_s: f64,
    },
    /// The file cannot be opened or read.
    #[error("cannot read it: {0}; check the path and its permissions")]
    Unreadable(std::io::Error),
}

/// `file:line`, or `file` alone.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: Option<u64>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(self.file),
        }
    }
}

/// Opens `path` for reading.
pub(crate) fn open(path: &Path) -> Result<std::fs::File, TraceError> {
    std::fs::File::open(path).map_err(|error| TraceError {
        file: path.display().to_string(),
        line: None,
        problem: TraceProblem::Unreadable(error),
    })
}

/// The rows of one file, one at a time in one buffer.
pub(crate) struct Rows<R> {
    reader: csv::Reader<R>,
    file: String,
    header: csv::ByteRecord,
    row: csv::ByteRecord,
    last_s: f64,
}

impl<R: Read> Rows<R> {
    /// Reads the header.
    pub(crate) fn new(reader: R, file: String) -> Result<Self, TraceError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let header = match reader.byte_headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(from_csv(file, error)),
        };
        let rows = Self { reader, file, header, row: csv::ByteRecord::new(), last_s: 0.0 };
        if rows.header.is_empty() { Err(rows.fail_whole(TraceProblem::Empty)) } else { Ok(rows) }
    }

    /// Where a column stands, if it is there.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|field| field == name.as_bytes())
    }

    /// Where a required column stands.
    pub(crate) fn required(&self, column: &'static str, required: &'static str) -> Result<usize, TraceError> {
        self.column(column).ok_or_else(|| TraceError {
            file: self.file.clone(),
            line: Some(1),
            problem: TraceProblem::NoColumn { column, required },
        })
    }

    /// Goes to the next row; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, TraceError> {
        self.reader.read_byte_record(&mut self.row).map_err(|error| from_csv(self.file.clone(), error))
    }

    /// A field of the row at hand; empty if there is none.
    pub(crate) fn text(&self, index: usize) -> &[u8] {
        self.row.get(index).unwrap_or_default()
    }

    /// The time of the row at hand, s: within range and not before the row above.
    pub(crate) fn time_s(&mut self, index: usize) -> Result<f64, TraceError> {
        const COLUMN: &str = "t_s";
        let got_s = self.number(index, COLUMN)?;
        if !(0.0..=LATEST_S).contains(&got_s) {
            return Err(self.out_of_range(index, COLUMN, "seconds from 0 to 1.8e10 are possible"));
        }
        if got_s < self.last_s {
            return Err(self.fail(TraceProblem::TimeWentBack { last_s: self.last_s, got_s }));
        }
        self.last_s = got_s;
        Ok(got_s)
    }

    /// A required finite number.
    pub(crate) fn number(&self, index: usize, column: &'static str) -> Result<f64, TraceError> {
        match self.parse(index, column)? {
            None => Err(self.fail(TraceProblem::NoValue { column })),
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(self.fail(TraceProblem::NotFinite { column, text: self.shown(index) })),
        }
    }

    /// An optional number; empty and NaN are how drivers say that there is none.
    pub(crate) fn optional(&self, index: Option<usize>, column: &'static str) -> Result<Option<f64>, TraceError> {
        let Some(index) = index else { return Ok(None) };
        match self.parse(index, column)? {
            Some(value) if value.is_infinite() => {
                Err(self.fail(TraceProblem::NotFinite { column, text: self.shown(index) }))
            }
            value => Ok(value.filter(|value| !value.is_nan())),
        }
    }

    /// The error that a number of the row at hand is out of range.
    pub(crate) fn out_of_range(&self, index: usize, column: &'static str, range: &'static str) -> TraceError {
        self.fail(TraceProblem::OutOfRange { column, text: self.shown(index), range })
    }

    /// The file, as it was named by the caller.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The line of the row at hand, from 1.
    pub(crate) fn line(&self) -> Option<u64> {
        self.row.position().map(csv::Position::line)
    }

    /// An error at the row at hand.
    fn fail(&self, problem: TraceProblem) -> TraceError {
        TraceError { file: self.file.clone(), line: self.line(), problem }
    }

    /// An error of the file as a whole.
    pub(crate) fn fail_whole(&self, problem: TraceProblem) -> TraceError {
        TraceError { file: self.file.clone(), line: None, problem }
    }

    fn parse(&self, index: usize, column: &'static str) -> Result<Option<f64>, TraceError> {
        let field = self.text(index);
        if field.is_empty() {
            return Ok(None);
        }
        std::str::from_utf8(field)
            .ok()
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| self.fail(TraceProblem::NotANumber { column, text: self.shown(index) }))
    }

    /// The field for a message: short, and printable whatever the file held.
    fn shown(&self, index: usize) -> String {
        const LONGEST: usize = 32;
        String::from_utf8_lossy(self.text(index)).chars().take(LONGEST).collect()
    }
}

fn from_csv(file: String, error: csv::Error) -> TraceError {
    let line = error.position().map(csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::UnequalLengths { expected_len: expected, len: found, .. } => {
            TraceError { file, line, problem: TraceProblem::FieldCount { found, expected } }
        }
        csv::ErrorKind::Io(error) => TraceError { file, line: None, problem: TraceProblem::Unreadable(error) },
        // Byte records leave no other kind; keep the text if a later version of the crate adds one.
        kind => {
            TraceError { file, line, problem: TraceProblem::Unreadable(std::io::Error::other(format!("{kind:?}"))) }
        }
    }
}
