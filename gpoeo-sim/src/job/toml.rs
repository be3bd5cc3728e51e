//! Own jobs as TOML: `[card]` once, `[[workload]]` for each job.
//!
//! Read in two steps, so that a message can name the job and the field: the file into tables, each table into a job.

use serde::Deserialize;
use toml::{Table, Value};

use crate::model::{JobModel, PipeMix};
use crate::profile::{Gpu, GpuProfile, LowGears};
use crate::waveform::{Epoch, Rhythm};
use crate::workload::WorkCounters;

use super::{Class, JobError, JobSpec, parse_phases, within};

/// What can be wrong with a file of jobs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TomlProblem {
    /// The card cannot be.
    #[error("in [card]: {0}")]
    Card(JobError),
    /// Two jobs have one name.
    #[error("workload {name} stands there twice; give each its own name")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// There is no job in it.
    #[error("there is no workload; write at least one [[workload]]")]
    Empty,
    /// It is no TOML.
    #[error("it is not valid TOML: {message}")]
    Syntax {
        /// What the reader says, on one line.
        message: String,
    },
    /// A job cannot be.
    #[error("in workload {name}: {error}")]
    Workload {
        /// The job's name, or its number in the file.
        name: String,
        /// What is wrong with it.
        error: JobError,
    },
}

/// A problem, and its line if it is known.
pub(crate) type Located = (Option<u64>, TomlProblem);

/// Reads a file of jobs: the card that they are written for, and the jobs.
///
/// # Errors
/// The first problem, with its line if it is known.
pub(crate) fn read_toml(text: &str) -> Result<(GpuProfile, Vec<JobSpec>), Located> {
    let mut file: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count() as u64);
        (line, TomlProblem::Syntax { message: error.message().replace('\n', " ") })
    })?;
    let card = file.remove("card").unwrap_or_else(|| Value::Table(Table::new()));
    let card = card_of(card).map_err(|error| (None, TomlProblem::Card(error)))?;
    let workloads = match file.remove("workload") {
        Some(Value::Array(workloads)) if !workloads.is_empty() => workloads,
        _ => return Err((None, TomlProblem::Empty)),
    };
    if let Some(key) = file.keys().next() {
        let message = format!("there is no {key}; the file has [card] and [[workload]]");
        return Err((None, TomlProblem::Syntax { message }));
    }
    let mut jobs: Vec<JobSpec> = Vec::new();
    for (index, value) in workloads.into_iter().enumerate() {
        let named = value.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = named.unwrap_or_else(|| format!("{} (without a name)", index + 1));
        let job = job_of(value).map_err(|error| (None, TomlProblem::Workload { name: name.clone(), error }))?;
        if jobs.iter().any(|other| other.name == job.name) {
            return Err((None, TomlProblem::DuplicateName { name }));
        }
        jobs.push(job);
    }
    Ok((card, jobs))
}

/// `[card]`: a profile, and what is different on this one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardTable {
    profile: Option<String>,
    power_limit_w: Option<f64>,
    memory_mhz: Option<Vec<u32>>,
    ambient_c: Option<f64>,
    idle_w: Option<f64>,
    stairs_below_mhz: Option<f64>,
    odd_gears: Option<f64>,
}

/// `[[workload]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkloadTable {
    name: String,
    class: Option<String>,
    iteration_s: f64,
    compute_fraction: Option<f64>,
    balanced_fraction: Option<f64>,
    memory_fraction: Option<f64>,
    host_fraction: Option<f64>,
    launch_ratio: Option<f64>,
    sm_activity: Option<f64>,
    tensor_activity: Option<f64>,
    waveform: Option<String>,
    micro_batches: Option<u32>,
    iteration_jitter: Option<f64>,
    periodic: Option<bool>,
    epoch_iters: Option<u32>,
    val_iters: Option<u32>,
    val_time_ratio: Option<f64>,
    pause_s: Option<f64>,
    counters: Option<bool>,
}

/// Reads a table; what is wrong with its types or names becomes an error about the table as a whole.
fn table<'de, T: Deserialize<'de>>(value: Value) -> Result<T, JobError> {
    T::deserialize(value).map_err(|error| {
        let message = error.message().replace('\n', " ").replace('`', "");
        JobError::new("a field", "not as it must be", message)
    })
}

fn card_of(value: Value) -> Result<GpuProfile, JobError> {
    let given: CardTable = table(value)?;
    let gpu = match given.profile {
        Some(key) => key.parse().map_err(|unknown| JobError::new("profile", &key, format!("{unknown}")))?,
        None => Gpu::default(),
    };
    let mut card = gpu.profile().clone();
    if let Some(limit_w) = given.power_limit_w {
        let range = card.limit_w;
        if !(range.low..=range.high).contains(&limit_w) {
            let reason = format!("the card takes {} to {} W", range.low, range.high);
            return Err(JobError::new("power_limit_w", limit_w, reason));
        }
        card.limit_w.default = limit_w;
    }
    if let Some(wanted) = given.memory_mhz {
        let known: Vec<String> = card.memory.iter().map(|memory| memory.mhz.to_string()).collect();
        if let Some(foreign) = wanted.iter().find(|mhz| card.memory.iter().all(|memory| memory.mhz != **mhz)) {
            let reason = format!("the card has no such memory clock; it has {}", known.join(", "));
            return Err(JobError::new("memory_mhz", foreign, reason));
        }
        if wanted.is_empty() {
            return Err(JobError::new("memory_mhz", "empty", format!("choose from {}", known.join(", "))));
        }
        card.memory.to_mut().retain(|memory| wanted.contains(&memory.mhz));
    }
    if let Some(ambient_c) = given.ambient_c {
        if !(-40.0..=60.0).contains(&ambient_c) {
            return Err(JobError::new("ambient_c", ambient_c, "air from -40 to 60 °C is possible"));
        }
        card.thermal.ambient_c = ambient_c;
    }
    if let Some(idle_w) = given.idle_w {
        if !(idle_w > 0.0 && idle_w < card.limit_w.default) {
            return Err(JobError::new("idle_w", idle_w, "a power above 0 W and below the limit is possible"));
        }
        card.idle.power_w = idle_w;
    }
    if let Some(below_mhz) = given.stairs_below_mhz {
        within("stairs_below_mhz", below_mhz, 0.0, f64::from(card.sm.high_mhz), "MHz")?;
        card.low_gears = LowGears::Stairs { below_mhz };
    }
    if let Some(off) = given.odd_gears {
        within("odd_gears", off, 0.0, 0.1, "how far the clock is off,")?;
        card.odd_gears = off;
    }
    Ok(card)
}

fn job_of(value: Value) -> Result<JobSpec, JobError> {
    let given: WorkloadTable = table(value)?;
    if given.name.trim().is_empty() {
        return Err(JobError::new("name", "empty", "give each workload a name"));
    }
    let class = match &given.class {
        Some(name) => Some(Class::find(name).ok_or_else(|| unknown_class(name))?),
        None => None,
    };
    // What is not given comes from the class, if there is one; shares are then scaled to leave room for the given ones.
    let shares = [given.compute_fraction, given.balanced_fraction, given.memory_fraction, given.host_fraction];
    let [compute, balanced, memory, host] = match class {
        Some(class) => filled(shares, [class.compute, class.balanced, class.memory, class.host]),
        None => shares.map(|share| share.unwrap_or(0.0)),
    };
    let or_class = |given: Option<f64>, of: fn(&Class) -> f64| given.or_else(|| class.map(of)).unwrap_or(0.0);
    let phases = match (&given.waveform, class) {
        (Some(text), _) => parse_phases(text)?,
        (None, Some(class)) => class.phases.clone(),
        (None, None) => parse_phases("35x0.97 55x1.06 10x0.80")?,
    };
    let epoch = given.epoch_iters.filter(|iterations| *iterations > 0).map(|iterations| Epoch {
        iterations,
        validations: given.val_iters.unwrap_or(0),
        validation_time: given.val_time_ratio.unwrap_or(0.4),
        pause_s: given.pause_s.unwrap_or(0.3),
    });
    let periodic = given.periodic.unwrap_or(true);
    let model = JobModel {
        iteration_s: given.iteration_s,
        compute,
        balanced,
        memory,
        host,
        launch_ratio: or_class(given.launch_ratio, |class| class.launch_ratio),
        sm_activity: or_class(given.sm_activity, |class| class.sm_activity),
        tensor_activity: or_class(given.tensor_activity, |class| class.tensor_activity),
    };
    let spec = JobSpec {
        name: given.name,
        class: given.class,
        model,
        rhythm: if periodic { Rhythm::Periodic } else { Rhythm::Aperiodic },
        micro_batches: given.micro_batches.unwrap_or(1),
        jitter: or_class(given.iteration_jitter, |class| class.jitter),
        epoch,
        phases,
        pipes: class.map_or(PipeMix::TYPICAL, |class| class.pipes),
        counters: match given.counters.unwrap_or(!periodic) {
            true => WorkCounters::Instructions,
            false => WorkCounters::Absent,
        },
    };
    spec.checked()
}

/// Given shares, the rest in proportion to those of a class.
fn filled(given: [Option<f64>; 4], class: [f64; 4]) -> [f64; 4] {
    let taken: f64 = given.iter().flatten().sum();
    let left: f64 = given.iter().zip(class).filter(|(given, _)| given.is_none()).map(|(_, share)| share).sum();
    let scale = if left > 0.0 { (1.0 - taken).max(0.0) / left } else { 0.0 };
    std::array::from_fn(|index| given[index].unwrap_or(class[index] * scale))
}

fn unknown_class(name: &str) -> JobError {
    let known: Vec<&str> = Class::all().iter().map(|class| class.name.as_str()).collect();
    JobError::new("class", name, format!("there is no such class; there are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "[[workload]]\nname = \"mine\"\niteration_s = 0.4\n";
    const SHARES: &str = "compute_fraction = 0.5\nmemory_fraction = 0.4\nhost_fraction = 0.1\n";

    fn message(text: &str) -> String {
        let (line, problem) = read_toml(text).unwrap_err();
        line.map_or_else(String::new, |line| format!("{line}: ")) + &problem.to_string()
    }

    #[test]
    fn a_class_fills_in_what_is_not_given() {
        let (card, jobs) = read_toml(&format!("{JOB}class = \"cnn\"\nhost_fraction = 0.4\n")).unwrap();
        assert_eq!(card.name, "NVIDIA GeForce RTX 3080 Ti");
        let model = &jobs[0].model;
        assert!((model.host - 0.4).abs() < 1e-12);
        assert!((model.compute / model.memory - 0.38 / 0.28).abs() < 1e-9);
        assert_eq!((model.sm_activity, jobs[0].micro_batches), (0.8, 1));
    }

    #[test]
    fn a_card_can_be_narrowed() {
        let card = "[card]\nprofile = \"rtx3080ti\"\npower_limit_w = 280\nmemory_mhz = [5001, 9251]\nambient_c = 20\n";
        let (card, _) = read_toml(&format!("{card}{JOB}{SHARES}sm_activity = 0.5\n")).unwrap();
        assert_eq!((card.limit_w.default, card.memory.len(), card.thermal.ambient_c), (280.0, 2, 20.0));
    }

    #[test]
    fn reads_the_file_in_the_documentation() {
        let page = include_str!("../../../docs/calibration.md");
        let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let (card, jobs) = read_toml(text).unwrap();
        assert_eq!((card.key, card.memory.len(), jobs[0].name.as_str()), ("rtx3080ti", 2, "my_resnet"));
    }

    #[test]
    fn says_what_cannot_be_and_where() {
        assert_eq!(message(""), "there is no workload; write at least one [[workload]]");
        assert!(message("a = [").starts_with("1: it is not valid TOML: "));
        assert!(message(&format!("{JOB}x = ")).starts_with("4: it is not valid TOML: "));
        assert!(
            message(&format!("z = 1\n{JOB}{SHARES}")).contains("there is no z; the file has [card] and [[workload]]")
        );
        assert!(
            message(&format!("{JOB}speed = 3\n"))
                .contains("in workload mine: a field is not as it must be; unknown field speed")
        );
        assert!(message("[[workload]]\nname = \"a\"\n").contains("missing field iteration_s"));
        assert!(message("[[workload]]\niteration_s = 1\n").starts_with("in workload 1 (without a name): "));
        assert!(
            message(&format!("{JOB}{SHARES}sm_activity = -0.1\n"))
                .ends_with("sm_activity is -0.1; a share of the SMs from 0 to 1 is possible")
        );
        assert!(message(&format!("{JOB}{SHARES}sm_activity = nan\n")).contains("sm_activity is NaN;"));
        assert!(message(&format!("{JOB}compute_fraction = 0.5\n")).contains("it must add up to 1"));
        assert!(message(&format!("{JOB}host_fraction = 1.0\n")).contains("kernels must take 1 % of the time"));
        assert!(message(&format!("{JOB}{SHARES}waveform = \"30x-1\"\n")).contains("a phase has a power above 0"));
        assert!(
            message(&format!("{JOB}{SHARES}class = \"cnm\"\n"))
                .contains("class is cnm; there is no such class; there are cnn, ")
        );
        assert!(message(&format!("{JOB}{SHARES}{JOB}{SHARES}")).starts_with("workload mine stands there twice;"));
        assert!(
            message("[[workload]]\nname = \"a\"\niteration_s = -1\ncompute_fraction = 1.0\n")
                .contains("iteration_s is -1; seconds from 0.001")
        );
        let card = |line: &str| message(&format!("[card]\n{line}\n{JOB}{SHARES}"));
        assert_eq!(
            card("memory_mhz = [7000]"),
            "in [card]: memory_mhz is 7000; the card has no such memory clock; it has 405, 810, 5001, 9251, 9501"
        );
        assert_eq!(card("power_limit_w = -5"), "in [card]: power_limit_w is -5; the card takes 100 to 380 W");
        assert!(
            card("profile = \"gtx\"").contains("profile is gtx; there is no such profile; the profiles are rtx3080ti,")
        );
        assert!(card("idle_w = -3").contains("idle_w is -3; a power above 0 W"));
        assert!(card("ambient_c = 900").contains("ambient_c is 900;"));
        assert!(card("odd_gears = 0.5").contains("odd_gears is 0.5;"));
        assert!(card("stairs_below_mhz = -1").contains("stairs_below_mhz is -1;"));
        assert!(card("fan = 3").contains("unknown field fan"));
    }
}
