//! Suites of the physical model: the 71 built-in stand-ins, and own jobs from TOML.

use std::io::Read;
use std::path::Path;

use crate::job::{Class, JobError, JobSpec, parse_phases, read_toml};
use crate::model::{JobModel, PipeMix};
use crate::profile::{Gpu, GpuProfile};
use crate::rows::{self, Rows, TraceProblem};
use crate::waveform::{Epoch, Rhythm};
use crate::workload::WorkCounters;

use super::{Suite, SuiteError, SuiteKind, SuiteProblem};

/// Name of the built-in suite.
pub(super) const PAPER71: &str = "paper71";
/// Pause at the end of an epoch, s: `workloads71.md`, "Epoch".
const EPOCH_PAUSE_S: f64 = 0.3;
/// Most bytes of a file of own jobs.
const LARGEST_FILE: u64 = 16 << 20;

/// The 71 jobs, on the card that they are written for or another.
pub(super) fn paper71(gpu: Option<Gpu>) -> Result<Suite, SuiteError> {
    Ok(suite(PAPER71.to_owned(), Gpu::Rtx3080Ti.profile(), &read_built_in()?, gpu))
}

/// The 71 jobs as they are written.
///
/// # Panics
/// Never: a test loads them.
pub(crate) fn specs() -> Vec<JobSpec> {
    read_built_in().expect("the built-in suite is tested")
}

fn read_built_in() -> Result<Vec<JobSpec>, SuiteError> {
    read_rows(include_bytes!("../../data/paper71/workloads.csv"), "paper71/workloads.csv")
}

/// Own jobs.
pub(super) fn from_toml(path: &Path, gpu: Option<Gpu>) -> Result<Suite, SuiteError> {
    let file = path.display().to_string();
    let mut text = String::new();
    let mut reader = rows::open(path)?.take(LARGEST_FILE);
    reader.read_to_string(&mut text).map_err(|error| SuiteError {
        file: file.clone(),
        line: None,
        problem: SuiteProblem::Csv(TraceProblem::Unreadable(error)),
    })?;
    let (card, specs) = read_toml(&text).map_err(|(line, problem)| SuiteError {
        file,
        line,
        problem: SuiteProblem::Toml(Box::new(problem)),
    })?;
    let name = path.file_stem().map_or_else(|| "own".to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok(suite(name, &card, &specs, gpu))
}

fn suite(name: String, home: &GpuProfile, specs: &[JobSpec], gpu: Option<Gpu>) -> Suite {
    let card = gpu.map_or(home, |gpu| if gpu.key() == home.key { home } else { gpu.profile() });
    let workloads = specs.iter().map(|spec| spec.workload(home, card)).collect();
    Suite { name, workloads, kind: SuiteKind::Modelled }
}

/// Reads jobs in the form of the built-in list.
fn read_rows(text: &[u8], file: &str) -> Result<Vec<JobSpec>, SuiteError> {
    const REQUIRED: &str = "the columns of the built-in list";
    let mut rows = Rows::new(text, file.to_owned())?;
    let mut specs = Vec::new();
    while rows.advance()? {
        let number = |column: &'static str| rows.number(rows.required(column, REQUIRED)?, column);
        let text = |column: &'static str| -> Result<String, SuiteError> {
            Ok(String::from_utf8_lossy(rows.text(rows.required(column, REQUIRED)?)).into_owned())
        };
        let fail = |error: JobError| SuiteError {
            file: file.to_owned(),
            line: rows.line(),
            problem: SuiteProblem::Job(Box::new(error)),
        };
        let whole = |column: &'static str| Ok::<_, SuiteError>(number(column)? as u32);
        let rhythm = if text("periodic")? == "yes" { Rhythm::Periodic } else { Rhythm::Aperiodic };
        let epoch = Epoch {
            iterations: whole("epoch_iters")?,
            validations: whole("val_iters")?,
            validation_time: number("val_time_ratio")?,
            pause_s: EPOCH_PAUSE_S,
        };
        let spec = JobSpec {
            name: text("name")?,
            class: Some(text("class")?),
            model: JobModel {
                iteration_s: number("iteration_s")?,
                compute: number("compute_fraction")?,
                balanced: number("balanced_fraction")?,
                memory: number("memory_fraction")?,
                host: number("host_fraction")?,
                launch_ratio: number("launch_ratio")?,
                sm_activity: number("sm_activity")?,
                tensor_activity: number("tensor_activity")?,
            },
            rhythm,
            micro_batches: whole("micro_batches")?,
            jitter: number("iteration_jitter")?,
            epoch: Some(epoch).filter(|epoch| epoch.iterations > 0),
            phases: parse_phases(&text("waveform")?).map_err(fail)?,
            // As in the paper, whose system reads counters of every workload on this card. Without (`CounterAccess`), the
            // progress of a job without iterations, or with very short ones, cannot be seen at all.
            counters: WorkCounters::Instructions,
            pipes: Class::find(&text("class")?).map_or(PipeMix::TYPICAL, |class| class.pipes),
        };
        specs.push(spec.checked().map_err(fail)?);
    }
    Ok(specs)
}

#[cfg(test)]
mod tests {
    use gpoeo_core::{MemGear, Objective, SmGear};

    use super::*;
    use crate::oracle::oracle;
    use crate::workload::CostLaw;

    /// The built-in list with what it says about the default point, for comparison.
    fn derived() -> Vec<(String, f64, f64)> {
        let mut rows = Rows::new(&include_bytes!("../../data/paper71/workloads.csv")[..], "x".to_owned()).unwrap();
        let mut derived = Vec::new();
        while rows.advance().unwrap() {
            let number = |column: &'static str| rows.number(rows.column(column).unwrap(), column).unwrap();
            let name = String::from_utf8_lossy(rows.text(rows.column("name").unwrap())).into_owned();
            derived.push((name, number("power_default_w"), number("sm_default_mhz")));
        }
        derived
    }

    #[test]
    fn every_default_point_is_that_of_the_list() {
        let suite = Suite::paper71();
        assert_eq!((suite.name(), suite.workloads().len(), suite.kind()), ("paper71", 71, SuiteKind::Modelled));
        for (workload, (name, power_w, sm_mhz)) in suite.workloads().iter().zip(derived()) {
            let CostLaw::Physical(law) = workload.law() else { panic!("{name} is modelled") };
            let cost = law.default_point().cost;
            assert_eq!(workload.name(), name);
            assert!((cost.power_w / power_w - 1.0).abs() < 0.01, "{name}: {} instead of {power_w} W", cost.power_w);
            assert!((cost.sm_mhz - sm_mhz).abs() < 1.0, "{name}: {} instead of {sm_mhz} MHz", cost.sm_mhz);
        }
    }

    #[test]
    fn the_oracle_of_single_iterations_is_that_of_the_specification() {
        let suite = Suite::paper71();
        let mut savings = 0.0;
        for workload in suite.workloads() {
            let costs = workload.curve().settings().filter_map(|(clocks, _)| workload.iteration_cost(clocks));
            let best = costs.filter(|cost| cost.slowdown() <= 0.05).map(|cost| cost.saving());
            savings += best.fold(0.0, f64::max);
        }
        let mean = savings / 71.0;
        assert!((mean - 0.201).abs() < 0.0006, "{mean}");
    }

    #[test]
    fn what_runs_costs_what_the_curve_says() {
        for workload in Suite::paper71().workloads().iter().step_by(9) {
            let turn = workload.waveform().turn();
            let (clocks, cost) = oracle(workload.curve(), Objective::MinEnergy { max_slowdown: 0.05 }).unwrap();
            assert!(cost.saving() > 0.05, "{}: {cost:?} at {clocks}", workload.name());
            assert!((workload.curve().cost(workload.curve().default_clocks()).unwrap().time - 1.0).abs() < 1e-12);
            assert!(turn.busy_s > 0.0);
        }
    }

    #[test]
    fn the_highest_memory_clock_gives_the_point_below_it() {
        let suite = Suite::paper71();
        let curve = suite.workloads()[0].curve();
        let at = |mem| curve.cost(curve.capabilities().pair(MemGear(mem), SmGear(90)).unwrap()).unwrap();
        assert_eq!(at(4), at(3));
        assert!(at(2) != at(3));
    }

    #[test]
    fn runs_on_every_profile() {
        for gpu in Gpu::ALL {
            let suite = paper71(Some(gpu)).unwrap();
            assert_eq!(suite.gpu(), Some(gpu.key()));
            for workload in suite.workloads() {
                let CostLaw::Physical(law) = workload.law() else { panic!("it is modelled") };
                let power_w = law.default_point().cost.power_w;
                assert!(power_w > law.card().idle.power_w && power_w <= law.card().limit_w.default * 1.001);
                let model = law.job();
                let sum = model.compute + model.balanced + model.memory + model.host;
                assert!((sum - 1.0).abs() < 1e-9, "{}: {sum}", workload.name());
            }
        }
    }
}
