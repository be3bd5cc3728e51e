//! An evaluation as one JSON document.

use std::io::{self, Write};

use gpoeo_core::{ClockPair, Outcome};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::evaluate::{Evaluation, PolicyRuns, Run};

use super::numbers::{millis, ratio};

/// Writes an evaluation as one JSON document. Ratios are rounded to 6 decimals, times to the millisecond; what is not
/// known (a memory clock, the time of a search that did not end, the outcome of a detection that there was not) is null.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_json(evaluation: &Evaluation, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Document::new(evaluation))?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    suite: &'a str,
    gpu: Option<&'a str>,
    minutes: f64,
    policies: Policies<'a>,
}

/// A map in the order asked for.
struct Policies<'a>(&'a [PolicyRuns]);

#[derive(Serialize)]
struct PolicyDocument<'a> {
    workloads: Vec<RunDocument<'a>>,
    mean_saving: f64,
    mean_slowdown: f64,
    max_slowdown: f64,
    capture: Option<f64>,
    over_limit: usize,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    name: &'a str,
    seed: u64,
    saving: f64,
    slowdown: f64,
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
    fn new(evaluation: &'a Evaluation) -> Self {
        Self {
            suite: &evaluation.suite,
            gpu: evaluation.gpu.as_deref(),
            minutes: evaluation.length.as_secs_f64() / 60.0,
            policies: Policies(&evaluation.policies),
        }
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
        Self {
            workloads: runs.runs.iter().map(RunDocument::new).collect(),
            mean_saving: ratio(summary.mean_saving),
            mean_slowdown: ratio(summary.mean_slowdown),
            max_slowdown: ratio(summary.max_slowdown),
            capture: summary.capture.map(ratio),
            over_limit: summary.over_limit,
        }
    }
}

impl<'a> RunDocument<'a> {
    fn new(run: &'a Run) -> Self {
        let outcome = &run.outcome;
        let memory_mhz = |clocks: ClockPair| run.memory_named.then(|| clocks.mem().0);
        Self {
            name: &run.workload,
            seed: run.seed,
            saving: ratio(outcome.account.saving()),
            slowdown: ratio(outcome.account.slowdown()),
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
    use crate::evaluate::{EvaluateOptions, evaluate};
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
        write_json(&evaluation, &mut bytes).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&document), ["gpu", "minutes", "policies", "suite"]);
        assert_eq!((&document["suite"], &document["minutes"]), (&"a100".into(), &1.5.into()));
        let oracle = &document["policies"]["oracle"];
        assert_eq!(
            keys(oracle),
            ["capture", "max_slowdown", "mean_saving", "mean_slowdown", "over_limit", "workloads"]
        );
        let run = &oracle["workloads"][0];
        let mut wanted = [
            "name",
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
}
