//! Recorded telemetry: `NAME.trace.csv`.

use std::io::{Read, Write};
use std::path::Path;

use gpoeo_core::{Mhz, Sample, Timestamp};

use crate::rows::{self, Rows, TraceError, TraceProblem};

const REQUIRED: &str = "t_s and power_w";

/// The telemetry of one GPU over some time, oldest first; at least one sample.
///
/// Columns are found by name: `t_s` (s) and `power_w` (W) are required, `sm_util_pct`, `mem_util_pct` (0..100),
/// `sm_clock_mhz`, `mem_clock_mhz` and `energy_mj` (running counter, mJ) are optional, others are ignored. An empty
/// optional field is `None`.
///
/// ```
/// use gpoeo_sim::Trace;
///
/// let trace = Trace::parse("t_s,power_w,sm_util_pct\n0.02,300,97\n0.04,310,\n".as_bytes(), "demo")?;
/// let utils: Vec<_> = trace.samples().map(|sample| sample.sm_util).collect();
/// assert_eq!(utils, [Some(0.97), None]);
/// # Ok::<(), gpoeo_sim::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    name: String,
    samples: Vec<Sample>,
}

impl Trace {
    /// Reads a file. The trace's name is the file's name without `.trace.csv`.
    ///
    /// # Errors
    /// [`TraceError`] if the file is missing, empty or malformed, or if its time goes back.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TraceError> {
        let path = path.as_ref();
        Self::from_rows(Rows::new(rows::open(path)?, path.display().to_string())?, name_of(path))
    }

    /// Reads CSV from anywhere; `name` is the trace's name, and stands for the file in errors.
    ///
    /// # Errors
    /// [`TraceError`] as for [`Trace::read`].
    pub fn parse(reader: impl Read, name: &str) -> Result<Self, TraceError> {
        Self::from_rows(Rows::new(reader, name.to_owned())?, name.to_owned())
    }

    /// Samples that are in order and at least one.
    pub(crate) fn from_samples(name: String, samples: Vec<Sample>) -> Self {
        Self { name, samples }
    }

    /// Writes the trace as CSV with the columns `t_s` and `power_w` and those that its first sample has.
    ///
    /// # Errors
    /// Whatever `out` gives.
    pub fn write_csv(&self, mut out: impl Write) -> std::io::Result<()> {
        type Field = fn(&Sample) -> Option<String>;
        const FIELDS: [(&str, Field); 5] = [
            ("sm_util_pct", |s| s.sm_util.map(percent)),
            ("mem_util_pct", |s| s.mem_util.map(percent)),
            ("sm_clock_mhz", |s| s.sm_clock.map(|clock| clock.0.to_string())),
            ("mem_clock_mhz", |s| s.mem_clock.map(|clock| clock.0.to_string())),
            ("energy_mj", |s| s.energy_j.map(|energy| format!("{:.0}", energy * 1e3))),
        ];
        let is_there = |field: &Field| self.samples.first().is_some_and(|first| field(first).is_some());
        let columns = || FIELDS.iter().filter(|(_, field)| is_there(field));
        write!(out, "t_s,power_w")?;
        columns().try_for_each(|(name, _)| write!(out, ",{name}"))?;
        for sample in &self.samples {
            write!(out, "\n{:.6},{:.3}", sample.time.as_secs_f64(), sample.power_w)?;
            columns().try_for_each(|(_, field)| write!(out, ",{}", field(sample).unwrap_or_default()))?;
        }
        writeln!(out)
    }

    /// The file's name without `.trace.csv`, or the name given to [`Trace::parse`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The samples, oldest first. Of rows with equal times only the first is kept: rings that are read in batches
    /// repeat samples.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample> + DoubleEndedIterator + Clone + '_ {
        self.samples.iter().copied()
    }

    /// The samples as a slice, oldest first.
    #[must_use]
    pub fn as_slice(&self) -> &[Sample] {
        &self.samples
    }

    fn from_rows(mut rows: Rows<impl Read>, name: String) -> Result<Self, TraceError> {
        let time = rows.required("t_s", REQUIRED)?;
        let power = rows.required("power_w", REQUIRED)?;
        let energy = rows.column("energy_mj");
        let sm_util = rows.column("sm_util_pct");
        let mem_util = rows.column("mem_util_pct");
        let sm_clock = rows.column("sm_clock_mhz");
        let mem_clock = rows.column("mem_clock_mhz");

        let mut samples: Vec<Sample> = Vec::new();
        while rows.advance()? {
            let at = Timestamp::from_secs_f64(rows.time_s(time)?);
            let mut sample = Sample::new(at, rows.number(power, "power_w")?);
            sample.energy_j = rows.optional(energy, "energy_mj")?.map(|millijoules| millijoules * 1e-3);
            match sample.absurd_field() {
                None => {}
                Some(("power_w", ..)) => return Err(rows.out_of_range(power, "power_w", "no GPU draws as much")),
                Some(_) => {
                    let index = energy.unwrap_or(power);
                    return Err(rows.out_of_range(index, "energy_mj", "no GPU has used as much"));
                }
            }
            sample.sm_util = util(&rows, sm_util, "sm_util_pct")?;
            sample.mem_util = util(&rows, mem_util, "mem_util_pct")?;
            sample.sm_clock = clock(&rows, sm_clock, "sm_clock_mhz")?;
            sample.mem_clock = clock(&rows, mem_clock, "mem_clock_mhz")?;
            if samples.last().is_none_or(|last| last.time < at) {
                samples.push(sample);
            }
        }
        if samples.is_empty() { Err(rows.fail_whole(TraceProblem::Empty)) } else { Ok(Self { name, samples }) }
    }
}

fn percent(share: f32) -> String {
    format!("{:.0}", share * 100.0)
}

fn clock(rows: &Rows<impl Read>, index: Option<usize>, column: &'static str) -> Result<Option<Mhz>, TraceError> {
    let mhz = within(rows, index, column, 1e6, "a clock in MHz is between 0 and 1e6")?;
    Ok(mhz.map(|mhz| Mhz(mhz.round() as u32)))
}

fn util(rows: &Rows<impl Read>, index: Option<usize>, column: &'static str) -> Result<Option<f32>, TraceError> {
    let percent = within(rows, index, column, 100.0, "a utilisation in percent is between 0 and 100")?;
    Ok(percent.map(|percent| (percent * 0.01) as f32))
}

/// An optional number from 0 to `greatest`.
fn within(
    rows: &Rows<impl Read>,
    index: Option<usize>,
    column: &'static str,
    greatest: f64,
    range: &'static str,
) -> Result<Option<f64>, TraceError> {
    let (Some(index), Some(value)) = (index, rows.optional(index, column)?) else { return Ok(None) };
    if (0.0..=greatest).contains(&value) { Ok(Some(value)) } else { Err(rows.out_of_range(index, column, range)) }
}

/// `NAME` of `…/NAME.trace.csv`; the whole file name if it ends otherwise.
fn name_of(path: &Path) -> String {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    file.strip_suffix(".trace.csv").map(str::to_owned).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Trace::parse(text.as_bytes(), "x").unwrap_err().to_string()
    }

    #[test]
    fn reads_columns_by_name_in_any_order_and_ignores_unknown_ones() {
        let text = "fan,power_w,energy_mj,sm_clock_mhz,t_s\n1,250.5,1500,1980,0.5\n1,251,,nan,0.52\n";
        let trace = Trace::parse(text.as_bytes(), "x").unwrap();
        let first = Sample::new(Timestamp::from_secs_f64(0.5), 250.5).energy_j(1.5).sm_clock(Mhz(1980));
        let second = Sample::new(Timestamp::from_secs_f64(0.52), 251.0);
        assert_eq!(trace.as_slice(), [first, second]);
    }

    #[test]
    fn says_where_a_number_is_malformed() {
        assert!(message("t_s,power_w\n0,1\n0.1,abc\n").starts_with("x:3: power_w is \"abc\", which is not a number;"));
        assert!(message("t_s,power_w\n0,1\n0.1,NaN\n").starts_with("x:3: power_w is \"NaN\", which is not a finite"));
        assert!(message("t_s,power_w\n-1,1\n").starts_with("x:2: t_s is \"-1\", which is out of range;"));
        assert!(message("t_s,power_w\n0,\n").starts_with("x:2: power_w is empty;"));
        assert!(message("t_s,power_w,sm_clock_mhz\n0,1,-5\n").contains("between 0 and 1e6"));
        assert!(message("t_s,power_w\n0,1e308\n").starts_with("x:2: power_w is \"1e308\", which is out of range;"));
        assert!(message("t_s,power_w,energy_mj\n0,1,1e300\n").starts_with("x:2: energy_mj is \"1e300\", which"));
        // 1e40 as a share would be no finite number any more.
        assert!(message("t_s,power_w,sm_util_pct\n0,1,1e42\n").contains("between 0 and 100"));
        assert!(message("t_s,power_w,mem_util_pct\n0,1,-1\n").contains("between 0 and 100"));
    }

    #[test]
    fn says_what_is_missing() {
        assert!(message("").starts_with("x: there are no rows;"));
        assert!(message("t_s,power_w\n").starts_with("x: there are no rows;"));
        assert!(message("t_s,watts\n0,1\n").starts_with("x:1: there is no column power_w;"));
        assert!(message("t_s,power_w\n0,1\n0.02\n").starts_with("x:3: the row has 1 fields, the header has 2;"));
        let missing = Trace::read("/nonexistent/y.trace.csv").unwrap_err();
        assert!(missing.to_string().starts_with("/nonexistent/y.trace.csv: cannot read it:"));
    }

    #[test]
    fn keeps_the_first_of_two_rows_with_one_time() {
        let trace = Trace::parse("t_s,power_w\n1,100\n1,200\n2,300\n".as_bytes(), "x").unwrap();
        assert_eq!(trace.samples().map(|sample| sample.power_w).collect::<Vec<_>>(), [100.0, 300.0]);
    }

    #[test]
    fn takes_bytes_that_are_no_text_as_malformed() {
        assert!(Trace::parse(&b"t_s,power_w\n0,\xff\xfe\n"[..], "x").is_err());
        assert!(Trace::parse(&b"\x00\xff"[..], "x").is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = "t_s,power_w,sm_util_pct,sm_clock_mhz,energy_mj\n0.5,250.5,97,1980,1500\n0.52,251,96,,\n";
        let trace = Trace::parse(text.as_bytes(), "x").unwrap();
        let mut written = Vec::new();
        trace.write_csv(&mut written).unwrap();
        assert_eq!(Trace::parse(&*written, "x").unwrap(), trace);
    }

    #[test]
    fn a_name_is_the_file_name_without_its_ending() {
        assert_eq!(name_of(Path::new("a/b.gpu0.trace.csv")), "b.gpu0");
        assert_eq!(name_of(Path::new("a/b.csv")), "b.csv");
    }
}
