//! Suites: a list of jobs to simulate, from a folder or from within the program.

mod built_in;
mod modelled;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use crate::dvfs::{DvfsCurve, DvfsTable, TableError};
use crate::job::{JobError, TomlProblem};
use crate::nearest::did_you_mean;
use crate::profile::Gpu;
use crate::rows::{Place, Rows, TraceError, TraceProblem};
use crate::waveform::{Waveform, WaveformError};
use crate::workload::{WorkCounters, Workload};

pub(crate) use modelled::specs as paper71_specs;
use source::Source;

/// The list within the folder.
const FILE: &str = "suite.csv";
const REQUIRED: &str = "name, table and trace";

/// A list of jobs, in the order of its file; at least one.
///
/// A folder with `suite.csv`: `name,table,trace[,workload,gpu,counters]`, paths relative to the folder. `table` is a DVFS
/// table; where the file holds several, `workload` and `gpu` choose one. `trace` is a recording whose waveform is played
/// (true iteration times beside it help to loop it); empty: a built-in waveform with the table's mean power. `counters`
/// (1; our addition) lets the job's work be counted. Other columns are ignored.
///
/// ```
/// use gpoeo_sim::Suite;
///
/// let suite = Suite::built_in();
/// assert!(suite.workloads().len() >= 12);
/// assert!(suite.workload("vit_large").is_some());
/// ```
#[derive(Clone, Debug)]
pub struct Suite {
    name: String,
    workloads: Vec<Workload>,
    kind: SuiteKind,
}

/// What the jobs of a suite are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuiteKind {
    /// Measured sweeps, with recorded waveforms where there are any.
    Measured,
    /// The physical model.
    Modelled,
}

/// A suite that cannot be used: which file, which line, what is wrong and how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", Place { file, line: *line })]
#[non_exhaustive]
pub struct SuiteError {
    /// The list of the suite, as it was named by the caller.
    pub file: String,
    /// The line, counted from 1; `None` if it is about the file as a whole.
    pub line: Option<u64>,
    /// What is wrong.
    #[source]
    pub problem: SuiteProblem,
}

/// What can be wrong with a suite.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteProblem {
    /// The list cannot be read, or its rows are malformed.
    #[error(transparent)]
    Csv(TraceProblem),
    /// Two jobs have one name.
    #[error("the name {name} stands in line {first} already; give each job its own")]
    DuplicateName {
        /// The name.
        name: String,
        /// Line of the first.
        first: u64,
    },
    /// A parameter of a modelled job cannot be.
    #[error("{0}")]
    Job(Box<JobError>),
    /// There is no profile of the GPU asked for.
    #[error("gpu {gpu}: {reason}")]
    Gpu {
        /// What was asked for.
        gpu: String,
        /// Why that cannot be.
        reason: String,
    },
    /// A file of own jobs cannot be used.
    #[error("{0}")]
    Toml(Box<TomlProblem>),
    /// A required field is empty.
    #[error("{column} is empty; fill it in or drop the row")]
    NoValue {
        /// The column's name.
        column: &'static str,
    },
    /// The table file holds several tables, and more than one fits the row.
    #[error("{table} holds several tables that fit; name one in the columns workload and gpu, such as {known}")]
    SeveralTables {
        /// The table file.
        table: String,
        /// One that it holds.
        known: String,
    },
    /// The table of a job cannot be used.
    #[error("the table cannot be used: {0}")]
    Table(Box<TableError>),
    /// The recording of a job, or its true iteration times, cannot be read.
    #[error("the recording cannot be used: {0}")]
    Trace(Box<TraceError>),
    /// There is neither a suite within the program nor a folder or file of that name.
    #[error("there is no such suite, folder or file; the suites within the program are {known}{suggestion}")]
    UnknownSuite {
        /// The suites within the program.
        known: String,
        /// One that may have been meant.
        suggestion: String,
    },
    /// The table file does not hold what the row asks for.
    #[error("{table} holds no table of {asked}; it holds {known}")]
    UnknownTable {
        /// The table file.
        table: String,
        /// What was asked for.
        asked: String,
        /// One that it holds.
        known: String,
    },
    /// The recording of a job cannot be played.
    #[error("the recording cannot be used: {trace}: {problem}")]
    Waveform {
        /// The trace file.
        trace: String,
        /// Why.
        problem: WaveformError,
    },
}

impl SuiteProblem {
    fn table(error: TableError) -> Self {
        Self::Table(Box::new(error))
    }

    fn trace(error: TraceError) -> Self {
        Self::Trace(Box::new(error))
    }
}

impl Suite {
    /// The names of the suites within the program.
    pub const BUILT_IN: [&'static str; 2] = [built_in::NAME, modelled::PAPER71];

    /// Reads a folder.
    ///
    /// # Errors
    /// [`SuiteError`] if its list, or a file that the list names, is missing or cannot be used.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, SuiteError> {
        let folder = folder.as_ref();
        let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Self::load(name.unwrap_or_else(|| folder.display().to_string()), &Source::Folder(folder.to_owned()))
    }

    /// The suite within the program, `a100`: 14 recordings with a period and 2 without, each with a measured sweep of an
    /// A100 (`gpoeo-sim/data`).
    ///
    /// # Panics
    /// Never: a test loads it.
    #[must_use]
    pub fn built_in() -> Self {
        Self::load(built_in::NAME.to_owned(), &Source::BuiltIn).expect("the built-in suite is tested")
    }

    /// A built-in suite (`a100`, `paper71`), a file of own jobs (`NAME.toml`), or a folder of measured ones.
    ///
    /// # Errors
    /// [`SuiteError`] as for [`Suite::read`].
    pub fn find(name: &str) -> Result<Self, SuiteError> {
        Self::find_on(name, None)
    }

    /// The same, modelled jobs on the profile of this name. Measured jobs stay what they are: which of them were measured
    /// on a GPU, [`workloads_on`](crate::workloads_on) tells.
    ///
    /// # Errors
    /// [`SuiteError`] as for [`Suite::read`], and if there is no such profile.
    pub fn find_on(name: &str, gpu: Option<&str>) -> Result<Self, SuiteError> {
        let is_toml = Path::new(name).extension().is_some_and(|extension| extension == "toml");
        if name == modelled::PAPER71 || is_toml {
            let gpu = gpu.map(|key| key.parse::<Gpu>().map_err(|unknown| not_on(name, key, &unknown))).transpose()?;
            return if is_toml { modelled::from_toml(Path::new(name), gpu) } else { modelled::paper71(gpu) };
        }
        if name == built_in::NAME {
            return Ok(Self::built_in());
        }
        // Without a folder of that name it was rather meant to be a suite within the program.
        if !name.contains(['/', '\\', '.']) && !Path::new(name).exists() {
            let suggestion = did_you_mean(name, Self::BUILT_IN);
            let problem = SuiteProblem::UnknownSuite { known: Self::BUILT_IN.join(" and "), suggestion };
            return Err(SuiteError { file: name.to_owned(), line: None, problem });
        }
        Self::read(name)
    }

    /// The 71 modelled stand-ins for the workloads of the GPOEO paper, on the RTX 3080 Ti that they are written for.
    ///
    /// Names are those of real benchmarks; the parameters are ours, chosen by class, and no number in them was measured
    /// by the paper's authors (`docs/calibration.md`).
    ///
    /// # Panics
    /// Never: a test loads it.
    #[must_use]
    pub fn paper71() -> Self {
        modelled::paper71(None).expect("the built-in suite is tested")
    }

    /// What the jobs are made of.
    #[must_use]
    pub const fn kind(&self) -> SuiteKind {
        self.kind
    }

    /// The folder's name, or that of the built-in suite.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The jobs, in the order of the list.
    #[must_use]
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// The job of a name.
    #[must_use]
    pub fn workload(&self, name: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.name() == name)
    }

    /// The GPU of all jobs, if it is known and the same.
    #[must_use]
    pub fn gpu(&self) -> Option<&str> {
        let first = self.workloads.first()?.gpu();
        first.filter(|_| self.workloads.iter().all(|workload| workload.gpu() == first))
    }

    fn load(name: String, source: &Source) -> Result<Self, SuiteError> {
        let mut loader = Loader { source, tables: BTreeMap::new(), waveforms: BTreeMap::new() };
        let workloads = loader.workloads()?;
        Ok(Self { name, workloads, kind: SuiteKind::Measured })
    }
}

/// The error that a suite cannot run on a GPU.
fn not_on(suite: &str, gpu: &str, reason: &dyn std::fmt::Display) -> SuiteError {
    let reason = format!("{reason}{}", did_you_mean(gpu, Gpu::ALL.map(Gpu::key)));
    let problem = SuiteProblem::Gpu { gpu: gpu.to_owned(), reason };
    SuiteError { file: suite.to_owned(), line: None, problem }
}

/// Reads a list, and each file that it names once.
struct Loader<'a> {
    source: &'a Source,
    tables: BTreeMap<String, Vec<DvfsTable>>,
    waveforms: BTreeMap<String, Waveform>,
}

/// One row of the list.
struct Entry {
    name: String,
    table: String,
    trace: String,
    workload: Option<String>,
    gpu: Option<String>,
    counters: WorkCounters,
}

impl Loader<'_> {
    fn workloads(&mut self) -> Result<Vec<Workload>, SuiteError> {
        let file = self.source.shown(FILE);
        let mut rows = Rows::new(self.source.open(FILE)?, file.clone())?;
        for column in ["name", "table", "trace"] {
            rows.required(column, REQUIRED)?;
        }
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let mut workloads = Vec::new();
        while rows.advance()? {
            let line = rows.line();
            let fail = |problem| SuiteError { file: file.clone(), line, problem };
            let entry = Entry::from_row(&rows)?;
            for (column, text) in [("name", &entry.name), ("table", &entry.table)] {
                if text.is_empty() {
                    return Err(fail(SuiteProblem::NoValue { column }));
                }
            }
            if let Some(&first) = lines.get(&entry.name) {
                return Err(fail(SuiteProblem::DuplicateName { name: entry.name, first }));
            }
            lines.insert(entry.name.clone(), line.unwrap_or(0));
            workloads.push(self.workload(&entry).map_err(fail)?);
        }
        if workloads.is_empty() { Err(rows.fail_whole(TraceProblem::Empty).into()) } else { Ok(workloads) }
    }

    fn workload(&mut self, entry: &Entry) -> Result<Workload, SuiteProblem> {
        let table = self.table(entry)?;
        let curve = DvfsCurve::new(&table).map_err(SuiteProblem::table)?;
        let waveform = self.waveform(&entry.trace, &curve)?;
        let workload = Workload::new(&entry.name, curve, waveform).with_counters(entry.counters);
        Ok(match table.gpu().or(entry.gpu.as_deref()) {
            Some(gpu) => workload.with_gpu(gpu),
            None => workload,
        })
    }

    fn table(&mut self, entry: &Entry) -> Result<DvfsTable, SuiteProblem> {
        if !self.tables.contains_key(&entry.table) {
            let read = self.source.tables(&entry.table).map_err(SuiteProblem::table)?;
            self.tables.insert(entry.table.clone(), read);
        }
        let tables = &self.tables[&entry.table];
        let fits = |asked: &Option<String>, given: Option<&str>| match (asked, given) {
            (Some(asked), Some(given)) => asked == given,
            _ => true,
        };
        let mut fitting =
            tables.iter().filter(|table| fits(&entry.workload, table.workload()) && fits(&entry.gpu, table.gpu()));
        let shown = self.source.shown(&entry.table);
        let known = tables.first().map_or_else(String::new, |table| label(table.workload(), table.gpu()));
        match (fitting.next(), fitting.next()) {
            (Some(table), None) => Ok(table.clone()),
            (Some(_), Some(_)) => Err(SuiteProblem::SeveralTables { table: shown, known }),
            (None, _) => {
                let asked = label(entry.workload.as_deref(), entry.gpu.as_deref());
                let more = tables.len() - 1;
                let known = if more > 0 { format!("{known} and {more} more") } else { known };
                Err(SuiteProblem::UnknownTable { table: shown, asked, known })
            }
        }
    }

    fn waveform(&mut self, trace: &str, curve: &DvfsCurve) -> Result<Waveform, SuiteProblem> {
        if trace.is_empty() {
            return Ok(Waveform::built_in(curve.default_power_w()));
        }
        if let Some(waveform) = self.waveforms.get(trace) {
            return Ok(waveform.clone());
        }
        let (recorded, truth) = self.source.trace(trace).map_err(SuiteProblem::trace)?;
        let waveform = Waveform::from_trace(&recorded, truth.as_ref())
            .map_err(|problem| SuiteProblem::Waveform { trace: self.source.shown(trace), problem })?;
        self.waveforms.insert(trace.to_owned(), waveform.clone());
        Ok(waveform)
    }
}

impl Entry {
    fn from_row(rows: &Rows<impl std::io::Read>) -> Result<Self, TraceError> {
        let text = |column: &str| {
            let field = rows.column(column).map(|index| rows.text(index)).unwrap_or_default();
            String::from_utf8_lossy(field).into_owned()
        };
        let optional = |column: &str| Some(text(column)).filter(|text| !text.is_empty());
        let counters = match rows.column("counters").map(|index| (index, rows.text(index))) {
            None | Some((_, b"" | b"0")) => WorkCounters::Absent,
            Some((_, b"1")) => WorkCounters::Instructions,
            Some((index, _)) => {
                return Err(rows.out_of_range(index, "counters", "write 1 if work can be counted, else 0 or nothing"));
            }
        };
        Ok(Self {
            name: text("name"),
            table: text("table"),
            trace: text("trace"),
            workload: optional("workload"),
            gpu: optional("gpu"),
            counters,
        })
    }
}

/// How a table is called in messages.
fn label(workload: Option<&str>, gpu: Option<&str>) -> String {
    match (workload, gpu) {
        (Some(workload), Some(gpu)) => format!("workload {workload} on gpu {gpu}"),
        (Some(workload), None) => format!("workload {workload}"),
        (None, Some(gpu)) => format!("gpu {gpu}"),
        (None, None) => "a workload without a name".to_owned(),
    }
}

impl From<TraceError> for SuiteError {
    fn from(error: TraceError) -> Self {
        Self { file: error.file, line: error.line, problem: SuiteProblem::Csv(error.problem) }
    }
}

#[cfg(test)]
mod tests;
