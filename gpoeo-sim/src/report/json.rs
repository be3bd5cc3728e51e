//! An evaluation as one JSON document.

use std::io::{self, Write};

use gpoeo_core::{ClockPair, Outcome};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::evaluate::{Evaluation, Interval, MissingRun, PolicyRuns, Run, Saved};
use crate::fault::Faults;

use super::numbers::{millis, ratio};
use super::run::Goal;

/// Name and version of the document's form.
const SCHEMA: &str = "gpoeo-sim.evaluate.v1";

/// Writes an evaluation as one JSON document. Ratios are rounded to 6 decimals, times to the millisecond; what is not
/// known (a memory clock, the time of a search that did not end, the outcome of a detection that there was not) is null.
/// Of a part of an evaluation it says what is missing, and keeps `saved`, from which the rest can be done.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_json(evaluation: &Evaluation, saved: Option<&Saved>, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document::new(evaluation, saved))?;
    writeln!(out)
}

/// The runs that the document of a part of an evaluation keeps; `None` if `text` is something else.
#[must_use]
pub fn read_saved(text: &[u8]) -> Option<Saved> {
    #[derive(Deserialize)]
    struct Part {
        resume: Option<Saved>,
    }
    serde_json::from_slice::<Part>(text).ok()?.resume
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    suite: &'a str,
    gpu: Option<&'a str>,
    minutes: f64,
    seeds: u64,
    objective: Goal,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<String>,
    version: &'static str,
    /// Whether all runs are there.
    complete: bool,
    policies: Policies<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MissingDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<&'a Saved>,
}

#[derive(Serialize)]
struct MissingDocument<'a> {
    policy: &'static str,
    name: &'a str,
    seed: u64,
}

/// A map in the order asked for.
struct Policies<'a>(&'a [PolicyRuns]);

#[derive(Serialize)]
struct PolicyDocument<'a> {
    workloads: Vec<RunDocument<'a>>,
    mean_saving: Option<f64>,
    mean_slowdown: Option<f64>,
    max_slowdown: Option<f64>,
    capture: Option<f64>,
    over_limit: usize,
    mean_saving_ci95: Option<[f64; 2]>,
    mean_slowdown_ci95: Option<[f64; 2]>,
    capture_ci95: Option<[f64; 2]>,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    name: &'a str,
    class: Option<&'a str>,
    seed: u64,
    saving: f64,
    slowdown: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault_s: Option<f64>,
    final_sm_mhz: u32,
    final_mem_mhz: Option<u32>,
    final_saving: f64,
    final_slowdown: f64,
    oracle_saving: f64,
    oracle_slowdown: f64,
    oracle_sm_mhz: u32,
    oracle_mem_mhz: Option<u32>,
    settled_s: Option<f64>,
    settings_tried: u32,
    period_outcome: Option<&'static str>,
}

impl<'a> Document<'a> {
    fn new(evaluation: &'a Evaluation, saved: Option<&'a Saved>) -> Self {
        Self {
            schema: SCHEMA,
            suite: &evaluation.suite,
            gpu: evaluation.gpu.as_deref(),
            minutes: evaluation.length.as_secs_f64() / 60.0,
            seeds: evaluation.seeds,
            objective: Goal::new(evaluation.objective),
            faults: (evaluation.faults != Faults::None).then(|| evaluation.faults.to_string()),
            version: env!("CARGO_PKG_VERSION"),
            complete: evaluation.missing.is_empty(),
            policies: Policies(&evaluation.policies),
            missing: evaluation.missing.iter().map(MissingDocument::new).collect(),
            resume: saved.filter(|_| !evaluation.missing.is_empty()),
        }
    }
}

impl<'a> MissingDocument<'a> {
    fn new(missing: &'a MissingRun) -> Self {
        Self { policy: missing.policy.name(), name: &missing.workload, seed: missing.seed }
    }
}

impl Serialize for Policies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for runs in self.0 {
            map.serialize_entry(runs.policy.name(), &PolicyDocument::new(runs))?;
        }
        map.end()
    }
}

impl<'a> PolicyDocument<'a> {
    fn new(runs: &'a PolicyRuns) -> Self {
        let summary = &runs.summary;
        let known = |value: f64| (!runs.runs.is_empty()).then(|| ratio(value));
        let ends = |interval: Option<Interval>| interval.map(|ends| [ratio(ends.low), ratio(ends.high)]);
        Self {
            workloads: runs.runs.iter().map(RunDocument::new).collect(),
            mean_saving: known(summary.mean_saving),
            mean_slowdown: known(summary.mean_slowdown),
            max_slowdown: known(summary.max_slowdown),
            capture: summary.capture.map(ratio),
            over_limit: summary.over_limit,
            mean_saving_ci95: ends(summary.saving_interval),
            mean_slowdown_ci95: ends(summary.slowdown_interval),
            capture_ci95: ends(summary.capture_interval),
        }
    }
}

impl<'a> RunDocument<'a> {
    fn new(run: &'a Run) -> Self {
        let outcome = &run.outcome;
        let memory_mhz = |clocks: ClockPair| run.memory_named.then(|| clocks.mem().0);
        Self {
            name: &run.workload,
            class: run.class.as_deref(),
            seed: run.seed,
            saving: ratio(outcome.account.saving()),
            slowdown: ratio(outcome.slowdown()),
            fault_s: (outcome.lost_s > 0.0).then(|| millis(outcome.lost_s)),
            final_sm_mhz: outcome.last_clocks.sm().0,
            final_mem_mhz: memory_mhz(outcome.last_clocks),
            final_saving: ratio(outcome.last_cost.saving()),
            final_slowdown: ratio(outcome.last_cost.slowdown()),
            oracle_saving: ratio(outcome.oracle_cost.saving()),
            oracle_slowdown: ratio(outcome.oracle_cost.slowdown()),
            oracle_sm_mhz: outcome.oracle_clocks.sm().0,
            oracle_mem_mhz: memory_mhz(outcome.oracle_clocks),
            settled_s: outcome.settled_s.map(millis),
            settings_tried: outcome.settings_tried,
            period_outcome: outcome.outcome.map(outcome_name),
        }
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Aperiodic => "aperiodic",
        Outcome::Periodic { .. } => "periodic",
        _ => "undecided",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::evaluate::{EvaluateOptions, Plan, evaluate};
    use crate::policy::Policy;
    use crate::suite::Suite;

    #[test]
    fn has_exactly_the_keys_that_scripts_rely_on() {
        let options = EvaluateOptions {
            policies: vec![Policy::Oracle, Policy::Default],
            length: Duration::from_secs(90),
            ..EvaluateOptions::default()
        };
        let evaluation = evaluate(&Suite::built_in(), &options, |_| {}).unwrap();
        let mut bytes = Vec::new();
        write_json(&evaluation, None, &mut bytes).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(
            keys(&document),
            ["complete", "gpu", "minutes", "objective", "policies", "schema", "seeds", "suite", "version"]
        );
        assert_eq!((&document["suite"], &document["minutes"]), (&"a100".into(), &1.5.into()));
        let oracle = &document["policies"]["oracle"];
        let mut sums = vec!["capture", "max_slowdown", "mean_saving", "mean_slowdown", "over_limit", "workloads"];
        sums.extend(["capture_ci95", "mean_saving_ci95", "mean_slowdown_ci95"]);
        sums.sort_unstable();
        assert_eq!(keys(oracle), sums);
        let run = &oracle["workloads"][0];
        let mut wanted = [
            "name",
            "class",
            "seed",
            "saving",
            "slowdown",
            "final_sm_mhz",
            "final_mem_mhz",
            "final_saving",
            "final_slowdown",
            "oracle_saving",
            "oracle_slowdown",
            "oracle_sm_mhz",
            "oracle_mem_mhz",
            "settled_s",
            "settings_tried",
            "period_outcome",
        ];
        wanted.sort_unstable();
        assert_eq!(keys(run), wanted);
        assert_eq!(run["name"], "vit_large");
        assert_eq!(run["final_mem_mhz"], 1593);
        assert_eq!(run["final_sm_mhz"], run["oracle_sm_mhz"]);
        assert_eq!(document["policies"]["default"]["workloads"][0]["saving"], 0.0);
    }

    #[test]
    fn a_part_says_what_is_missing_and_what_is_not_known() {
        let options = EvaluateOptions {
            policies: vec![Policy::Default, Policy::Hull],
            length: Duration::from_secs(30),
            ..EvaluateOptions::default()
        };
        let suite = Suite::built_in();
        let plan = Plan::new(&suite, options).unwrap();
        let mut runs = plan.carry_out(Vec::new(), |_| {}).unwrap().policies.swap_remove(0).runs;
        runs.truncate(1);
        let saved = Saved::new(&plan, "x", &runs);
        let mut bytes = Vec::new();
        write_json(&plan.sum_up(runs), Some(&saved), &mut bytes).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["complete"], false);
        assert_eq!(document["missing"].as_array().unwrap().len(), 31);
        assert_eq!(document["missing"][0]["policy"], "hull");
        assert_eq!(document["policies"]["hull"]["mean_saving"], serde_json::Value::Null);
        assert_eq!(document["policies"]["default"]["mean_saving"], 0.0);
        assert_eq!(read_saved(&bytes), Some(saved));
        assert_eq!(read_saved(b"{}"), None);
    }
}
