//! DVFS tables: what one unit of the same work cost at each measured setting, from CSV.

use std::fmt;
use std::io::Read;
use std::path::Path;

use gpoeo_core::Mhz;

use crate::rows::{self, Rows, TraceError, TraceProblem};

const REQUIRED: &str = "sm_clock_mhz, mem_clock_mhz, time_s and energy_j";

/// Highest clock that a table may contain, MHz.
const HIGHEST_MHZ: f64 = 20_000.0;

/// A table that cannot be used: which file, which line, what is wrong and how to mend it.
///
/// ```
/// use gpoeo_sim::DvfsTable;
///
/// let error = DvfsTable::parse("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1410,,1.0,400\n".as_bytes(), "demo")
///     .unwrap_err();
/// assert_eq!(error.to_string(), "demo:2: the table has one setting only; a sweep needs two rows or more");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", rows::Place { file, line: *line })]
#[non_exhaustive]
pub struct TableError {
    /// The file, as it was named by the caller.
    pub file: String,
    /// The line, counted from 1; `None` if it is about the file as a whole.
    pub line: Option<u64>,
    /// What is wrong with it.
    #[source]
    pub problem: TableProblem,
}

/// What can be wrong with a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// The file cannot be read, or its rows are malformed.
    #[error(transparent)]
    Csv(TraceProblem),
    /// One setting has two rows.
    #[error("the setting {setting} stands in line {first} already; keep one row a setting (the median of repeats)")]
    Duplicate {
        /// The setting.
        setting: Setting,
        /// Line of the first row.
        first: u64,
    },
    /// The memory clock is given in some rows of a table and empty in others.
    #[error("mem_clock_mhz is given in some rows and empty in others; fill it in everywhere or nowhere")]
    MixedMemory,
    /// A number that must be above zero is not.
    #[error("{column} is {value}, which is not above zero; drop the row or measure it again")]
    NotPositive {
        /// The column's name.
        column: &'static str,
        /// The number.
        value: f64,
    },
    /// A table with one row.
    #[error("the table has one setting only; a sweep needs two rows or more")]
    OneRow,
    /// The interpolated gears are more than a GPU can have.
    #[error("the clocks spread over more gears than a GPU can have; check sm_clock_mhz")]
    TooManyGears,
    /// Two rows are marked as default.
    #[error("the row is marked as default, and so is line {first}; mark one row of a table")]
    TwoDefaults {
        /// Line of the first.
        first: u64,
    },
}

/// A setting as it stands in a table, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// Memory clock; `None` if the table has one only and does not name it.
    pub mem: Option<Mhz>,
    /// SM clock.
    pub sm: Mhz,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mem {
            Some(mem) => write!(f, "SM {}, memory {mem}", self.sm),
            None => write!(f, "SM {}", self.sm),
        }
    }
}

/// One measured setting.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DvfsRow {
    /// The clocks.
    pub setting: Setting,
    /// Time of one unit of the work, s; above 0.
    pub time_s: f64,
    /// Energy of one unit of the work, J; above 0.
    pub energy_j: f64,
    /// Line in the file, from 1.
    pub line: u64,
}

/// A measured sweep of one workload on one GPU: at least two settings, each once.
///
/// Columns are found by name: `sm_clock_mhz`, `mem_clock_mhz` (may be empty: one memory clock), `time_s` and `energy_j`
/// are required; `default` (1 marks the default setting), `workload` and `gpu` are optional, others are ignored.
///
/// ```
/// use gpoeo_core::Mhz;
/// use gpoeo_sim::DvfsTable;
///
/// let text = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1410,1593,1.0,400\n1200,1593,1.1,330\n";
/// let tables = DvfsTable::parse(text.as_bytes(), "demo")?;
/// assert_eq!(tables.len(), 1);
/// assert_eq!(tables[0].rows()[0].setting.sm, Mhz(1200));
/// assert_eq!(tables[0].default_row().setting.sm, Mhz(1410));
/// # Ok::<(), gpoeo_sim::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DvfsTable {
    file: String,
    workload: Option<String>,
    gpu: Option<String>,
    rows: Vec<DvfsRow>,
    default: usize,
}

impl DvfsTable {
    /// Reads all tables of a file: one for each pair of values in `workload` and `gpu`, in order of appearance.
    ///
    /// # Errors
    /// [`TableError`] if the file is missing or malformed, or if one of its tables is no sweep.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Self>, TableError> {
        let path = path.as_ref();
        Self::parse_named(rows::open(path)?, path.display().to_string())
    }

    /// Reads CSV from anywhere; `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`TableError`] as for [`DvfsTable::read`].
    pub fn parse(reader: impl Read, name: &str) -> Result<Vec<Self>, TableError> {
        Self::parse_named(reader, name.to_owned())
    }

    /// The workload that the file names, if it does.
    #[must_use]
    pub fn workload(&self) -> Option<&str> {
        self.workload.as_deref()
    }

    /// The GPU that the file names, if it does.
    #[must_use]
    pub fn gpu(&self) -> Option<&str> {
        self.gpu.as_deref()
    }

    /// The measured settings, memory clock and then SM clock ascending; at least two.
    #[must_use]
    pub fn rows(&self) -> &[DvfsRow] {
        &self.rows
    }

    /// The default setting: the row that the file marks, else the highest memory and then SM clock.
    #[must_use]
    pub fn default_row(&self) -> &DvfsRow {
        &self.rows[self.default]
    }

    /// An error at a line of this table's file.
    pub(super) fn error(&self, line: u64, problem: TableProblem) -> TableError {
        at_line(&self.file, line, problem)
    }

    fn parse_named(reader: impl Read, file: String) -> Result<Vec<Self>, TableError> {
        let mut rows = Rows::new(reader, file)?;
        let columns = Columns::find(&rows)?;
        let mut drafts: Vec<Draft> = Vec::new();
        while rows.advance()? {
            let names = (columns.name(&rows, columns.workload), columns.name(&rows, columns.gpu));
            let draft = match drafts.iter_mut().find(|draft| draft.names == names) {
                Some(draft) => draft,
                None => {
                    drafts.push(Draft { names, rows: Vec::new(), default: None });
                    drafts.last_mut().expect("one was pushed")
                }
            };
            let row = columns.row(&rows)?;
            if columns.is_default(&rows)? {
                if let Some(first) = draft.default {
                    return Err(at_row(&rows, TableProblem::TwoDefaults { first }));
                }
                draft.default = Some(row.line);
            }
            draft.rows.push(row);
        }
        if drafts.is_empty() {
            return Err(rows.fail_whole(TraceProblem::Empty).into());
        }
        drafts
            .into_iter()
            .map(|draft| draft.finish(rows.file()).map_err(|(line, problem)| at_line(rows.file(), line, problem)))
            .collect()
    }
}

/// A table whose rows are still being collected.
struct Draft {
    names: (Option<String>, Option<String>),
    rows: Vec<DvfsRow>,
    /// Line of the row that is marked.
    default: Option<u64>,
}

impl Draft {
    /// Sorts and checks the rows against each other.
    fn finish(mut self, file: &str) -> Result<DvfsTable, (u64, TableProblem)> {
        self.rows.sort_by_key(|row| (row.setting, row.line));
        for pair in self.rows.windows(2) {
            let [first, second] = pair else { continue };
            if first.setting == second.setting {
                return Err((second.line, TableProblem::Duplicate { setting: second.setting, first: first.line }));
            }
        }
        let first = self.rows.first().map_or(0, |row| row.line);
        if self.rows.len() < 2 {
            return Err((first, TableProblem::OneRow));
        }
        // `None` sorts before every memory clock.
        if let Some(given) =
            self.rows.iter().find(|row| row.setting.mem.is_some() != self.rows[0].setting.mem.is_some())
        {
            return Err((given.line.max(first), TableProblem::MixedMemory));
        }
        let default = match self.default {
            Some(line) => self.rows.iter().position(|row| row.line == line).unwrap_or(self.rows.len() - 1),
            None => self.rows.len() - 1,
        };
        let (workload, gpu) = self.names;
        Ok(DvfsTable { file: file.to_owned(), workload, gpu, rows: self.rows, default })
    }
}

/// Where the columns stand.
struct Columns {
    sm: usize,
    mem: usize,
    time: usize,
    energy: usize,
    default: Option<usize>,
    workload: Option<usize>,
    gpu: Option<usize>,
}

impl Columns {
    fn find(rows: &Rows<impl Read>) -> Result<Self, TableError> {
        Ok(Self {
            sm: rows.required("sm_clock_mhz", REQUIRED)?,
            mem: rows.required("mem_clock_mhz", REQUIRED)?,
            time: rows.required("time_s", REQUIRED)?,
            energy: rows.required("energy_j", REQUIRED)?,
            default: rows.column("default"),
            workload: rows.column("workload"),
            gpu: rows.column("gpu"),
        })
    }

    fn name(&self, rows: &Rows<impl Read>, index: Option<usize>) -> Option<String> {
        let text = String::from_utf8_lossy(rows.text(index?)).into_owned();
        Some(text).filter(|text| !text.is_empty())
    }

    fn row(&self, rows: &Rows<impl Read>) -> Result<DvfsRow, TableError> {
        let sm = rows.number(self.sm, "sm_clock_mhz")?;
        let mem = match rows.text(self.mem) {
            [] => None,
            _ => Some(rows.number(self.mem, "mem_clock_mhz")?),
        };
        let row = DvfsRow {
            setting: Setting {
                mem: mem.map(|mem| clock(rows, self.mem, "mem_clock_mhz", mem)).transpose()?,
                sm: clock(rows, self.sm, "sm_clock_mhz", sm)?,
            },
            time_s: rows.number(self.time, "time_s")?,
            energy_j: rows.number(self.energy, "energy_j")?,
            line: rows.line().unwrap_or(0),
        };
        for (index, column, value) in [(self.time, "time_s", row.time_s), (self.energy, "energy_j", row.energy_j)] {
            if value <= 0.0 {
                return Err(at_row(rows, TableProblem::NotPositive { column, value }));
            }
            // Beyond this the ratio of two rows could be no finite number.
            if !(1e-12..=1e12).contains(&value) {
                return Err(rows.out_of_range(index, column, "costs from 1e-12 to 1e12 are possible").into());
            }
        }
        Ok(row)
    }

    fn is_default(&self, rows: &Rows<impl Read>) -> Result<bool, TableError> {
        let Some(index) = self.default else { return Ok(false) };
        match rows.text(index) {
            b"1" => Ok(true),
            b"" | b"0" => Ok(false),
            _ => {
                Err(rows.out_of_range(index, "default", "write 1 in the default row and 0 or nothing elsewhere").into())
            }
        }
    }
}

fn clock(rows: &Rows<impl Read>, index: usize, column: &'static str, mhz: f64) -> Result<Mhz, TableError> {
    if mhz <= 0.0 {
        return Err(at_row(rows, TableProblem::NotPositive { column, value: mhz }));
    }
    if mhz > HIGHEST_MHZ || mhz.fract() != 0.0 {
        return Err(rows.out_of_range(index, column, "write a whole number of MHz, at most 20000").into());
    }
    Ok(Mhz(mhz as u32))
}

fn at_row(rows: &Rows<impl Read>, problem: TableProblem) -> TableError {
    TableError { file: rows.file().to_owned(), line: rows.line(), problem }
}

fn at_line(file: &str, line: u64, problem: TableProblem) -> TableError {
    TableError { file: file.to_owned(), line: Some(line), problem }
}

impl From<TraceError> for TableError {
    fn from(error: TraceError) -> Self {
        Self { file: error.file, line: error.line, problem: TableProblem::Csv(error.problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j";

    fn parse(rows: &str) -> Result<Vec<DvfsTable>, TableError> {
        DvfsTable::parse(format!("{HEADER}\n{rows}").as_bytes(), "x")
    }

    fn message(rows: &str) -> String {
        parse(rows).unwrap_err().to_string()
    }

    #[test]
    fn reads_columns_by_name_sorts_rows_and_takes_the_highest_as_default() {
        let text = "note,energy_j,time_s,mem_clock_mhz,sm_clock_mhz\na,3,2,810,500\nb,4,1,3505,400\nc,5,1,810,600\n";
        let tables = DvfsTable::parse(text.as_bytes(), "x").unwrap();
        let clocks: Vec<_> = tables[0].rows().iter().map(|row| (row.setting.mem, row.setting.sm)).collect();
        assert_eq!(clocks, [(Some(Mhz(810)), Mhz(500)), (Some(Mhz(810)), Mhz(600)), (Some(Mhz(3505)), Mhz(400))]);
        assert_eq!(tables[0].default_row().setting.sm, Mhz(400));
    }

    #[test]
    fn a_marked_row_is_the_default() {
        let text = format!("{HEADER},default\n1000,,1,5,0\n900,,1.1,4,1\n800,,1.2,4,\n");
        let tables = DvfsTable::parse(text.as_bytes(), "x").unwrap();
        assert_eq!(tables[0].default_row().setting, Setting { mem: None, sm: Mhz(900) });
        let two = format!("{HEADER},default\n1000,,1,5,1\n900,,1.1,4,1\n");
        let error = DvfsTable::parse(two.as_bytes(), "x").unwrap_err().to_string();
        assert_eq!(error, "x:3: the row is marked as default, and so is line 2; mark one row of a table");
        let odd = format!("{HEADER},default\n1000,,1,5,yes\n900,,1.1,4,1\n");
        assert!(DvfsTable::parse(odd.as_bytes(), "x").unwrap_err().to_string().contains("write 1 in the default row"));
    }

    #[test]
    fn several_workloads_and_gpus_are_several_tables() {
        let text =
            format!("workload,gpu,{HEADER}\na,G,1,,1,1\nb,G,1,,1,1\na,G,2,,1,1\nb,G,2,,1,1\na,H,2,,1,1\na,H,1,,1,1\n");
        let tables = DvfsTable::parse(text.as_bytes(), "x").unwrap();
        let names: Vec<_> = tables.iter().map(|table| (table.workload(), table.gpu(), table.rows().len())).collect();
        assert_eq!(names, [(Some("a"), Some("G"), 2), (Some("b"), Some("G"), 2), (Some("a"), Some("H"), 2)]);
    }

    #[test]
    fn refuses_what_is_no_sweep_and_says_where() {
        assert_eq!(message(""), "x: there are no rows; a header line and at least one row are needed");
        assert!(message("1410,,1,400\n").starts_with("x:2: the table has one setting only;"));
        assert!(
            message("1410,,1,400\n1400,,1,390\n1410,,2,3\n")
                .starts_with("x:4: the setting SM 1410 MHz stands in line 2")
        );
        assert!(message("1410,1,1,4\n1400,,1,3\n").starts_with("x:3: mem_clock_mhz is given in some rows"));
        assert!(message("1410,,0,4\n1400,,1,3\n").starts_with("x:2: time_s is 0, which is not above zero;"));
        assert!(message("1410,,1,4\n1400,,1,-3\n").starts_with("x:3: energy_j is -3, which is not above zero;"));
        assert!(message("0,,1,4\n1400,,1,3\n").starts_with("x:2: sm_clock_mhz is 0, which is not above zero;"));
        assert!(
            message("1410,,NaN,4\n1400,,1,3\n").starts_with("x:2: time_s is \"NaN\", which is not a finite number;")
        );
        assert!(
            message("1410,,1,inf\n1400,,1,3\n").starts_with("x:2: energy_j is \"inf\", which is not a finite number;")
        );
        assert!(
            message("1410,,1e300,4\n1400,,1e-300,3\n").starts_with("x:2: time_s is \"1e300\", which is out of range;")
        );
        assert!(
            message("1410,,1,4\n1400,,1,1e-300\n").starts_with("x:3: energy_j is \"1e-300\", which is out of range;")
        );
        assert!(message("1410.5,,1,4\n1400,,1,3\n").contains("write a whole number of MHz"));
        assert!(message("1410,,fast,4\n").starts_with("x:2: time_s is \"fast\", which is not a number;"));
        assert!(message("1410,,,4\n").starts_with("x:2: time_s is empty;"));
        assert!(message("1410,,1\n").starts_with("x:2: the row has 3 fields, the header has 4;"));
        let missing = DvfsTable::parse("sm_clock_mhz,mem_clock_mhz,time_s\n".as_bytes(), "x").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "x:1: there is no column energy_j; the header must name sm_clock_mhz, mem_clock_mhz, time_s and energy_j"
        );
    }
}
