//! Recorded hardware counters: `NAME.pm.csv`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gpoeo_core::Timestamp;

use crate::rows::{self, Rows, TraceError, TraceProblem};

const INSTRUCTIONS: &str = "sm__inst_executed.sum";
const REQUIRED: &str = "t_s, dt_s and sm__inst_executed.sum";

/// The rate of instructions of one GPU over some time, one value a counter window, oldest first; at least one.
///
/// Columns are found by name: `t_s` (end of the window, s), `dt_s` (its length, s) and `sm__inst_executed.sum` (warp
/// instructions of the whole GPU in it) are required, others are ignored. A window without a count is left out.
///
/// ```
/// use gpoeo_sim::RateTrace;
///
/// let rate = RateTrace::parse("t_s,dt_s,sm__inst_executed.sum\n1.005,0.005,2e9\n1.010,0.005,\n".as_bytes(), "demo")?;
/// assert_eq!(rate.windows().len(), 1);
/// assert_eq!(rate.windows()[0].1, 4e11);
/// # Ok::<(), gpoeo_sim::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RateTrace {
    name: String,
    windows: Vec<(Timestamp, f64)>,
    step: Duration,
}

impl RateTrace {
    /// Reads a file. The recording's name is the file's name without `.pm.csv`.
    ///
    /// # Errors
    /// [`TraceError`] if the file is missing, empty or malformed, or if its time goes back.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TraceError> {
        let path = path.as_ref();
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = file.strip_suffix(".pm.csv").unwrap_or(&file).to_owned();
        Self::from_rows(Rows::new(rows::open(path)?, path.display().to_string())?, name)
    }

    /// Reads CSV from anywhere; `name` is the recording's name, and stands for the file in errors.
    ///
    /// # Errors
    /// [`TraceError`] as for [`RateTrace::read`].
    pub fn parse(reader: impl Read, name: &str) -> Result<Self, TraceError> {
        Self::from_rows(Rows::new(reader, name.to_owned())?, name.to_owned())
    }

    /// The counter file that belongs to a trace file: `NAME.pm.csv` beside `NAME.trace.csv`.
    #[must_use]
    pub fn path_beside(trace: impl AsRef<Path>) -> PathBuf {
        let trace = trace.as_ref();
        let file = trace.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        trace.with_file_name(format!("{}.pm.csv", file.strip_suffix(".trace.csv").unwrap_or(&file)))
    }

    /// The file's name without `.pm.csv`, or the name given to [`RateTrace::parse`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The end of each window, and the instructions per second in it.
    #[must_use]
    pub fn windows(&self) -> &[(Timestamp, f64)] {
        &self.windows
    }

    /// Length of the windows: the middle one of all.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.step
    }

    fn from_rows(mut rows: Rows<impl Read>, name: String) -> Result<Self, TraceError> {
        const LEAST_S: f64 = 1e-6;
        const MOST_S: f64 = 3600.0;
        let time = rows.required("t_s", REQUIRED)?;
        let length = rows.required("dt_s", REQUIRED)?;
        let count = rows.required(INSTRUCTIONS, REQUIRED)?;
        let (mut windows, mut lengths) = (Vec::<(Timestamp, f64)>::new(), Vec::new());
        while rows.advance()? {
            let at = Timestamp::from_secs_f64(rows.time_s(time)?);
            let length_s = rows.number(length, "dt_s")?;
            if !(LEAST_S..=MOST_S).contains(&length_s) {
                return Err(rows.out_of_range(length, "dt_s", "a window lasts from 1e-6 to 3600 s"));
            }
            let Some(executed) = rows.optional(Some(count), INSTRUCTIONS)? else { continue };
            if !(0.0..=1e18).contains(&executed) {
                return Err(rows.out_of_range(count, INSTRUCTIONS, "a count is between 0 and 1e18"));
            }
            if windows.last().is_none_or(|last| last.0 < at) {
                windows.push((at, executed / length_s));
                lengths.push(length_s);
            }
        }
        lengths.sort_by(f64::total_cmp);
        match lengths.get(lengths.len() / 2) {
            None => Err(rows.fail_whole(TraceProblem::Empty)),
            Some(&middle_s) => Ok(Self { name, windows, step: Duration::from_secs_f64(middle_s) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        RateTrace::parse(text.as_bytes(), "x").unwrap_err().to_string()
    }

    #[test]
    fn a_rate_is_a_count_over_the_length_of_its_window() {
        let text = "dt_s,sm__inst_executed.sum,t_s,other\n0.005,1e9,2.005,7\n0.01,1e9,2.015,\n0.005,0,2.02,\n";
        let rate = RateTrace::parse(text.as_bytes(), "x").unwrap();
        assert_eq!(rate.windows().iter().map(|window| window.1).collect::<Vec<_>>(), [2e11, 1e11, 0.0]);
        assert_eq!(rate.windows()[1].0, Timestamp::from_secs_f64(2.015));
        assert_eq!(rate.step(), Duration::from_millis(5));
    }

    #[test]
    fn says_what_is_missing_or_cannot_be() {
        assert!(
            message("t_s,dt_s\n1,0.005\n").starts_with("x:1: there is no column sm__inst_executed.sum; the header")
        );
        assert!(message("t_s,dt_s,sm__inst_executed.sum\n").starts_with("x: there are no rows;"));
        assert!(message("t_s,dt_s,sm__inst_executed.sum\n1,0,5\n").starts_with("x:2: dt_s is \"0\", which is out of"));
        assert!(message("t_s,dt_s,sm__inst_executed.sum\n1,0.005,-5\n").contains("between 0 and 1e18"));
        assert!(message("t_s,dt_s,sm__inst_executed.sum\n1,0.005,x\n").contains("is not a number"));
        let missing = RateTrace::read("/nonexistent/y.pm.csv").unwrap_err();
        assert!(missing.to_string().starts_with("/nonexistent/y.pm.csv: cannot read it:"));
    }

    #[test]
    fn the_counters_stand_beside_the_trace() {
        assert_eq!(RateTrace::path_beside("a/b.gpu0.trace.csv"), Path::new("a/b.gpu0.pm.csv"));
        assert_eq!(RateTrace::path_beside("b"), Path::new("b.pm.csv"));
    }
}
