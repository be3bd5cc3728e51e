//! What a page says about each job.

use gpoeo_core::Objective;

use crate::evaluate::{PolicyRuns, Run};

/// One job under one policy; means over its seeds.
#[derive(Clone, Debug)]
pub(super) struct JobRow<'a> {
    pub(super) name: &'a str,
    pub(super) class: Option<&'a str>,
    pub(super) runs: usize,
    pub(super) over_limit: usize,
    pub(super) saving: f64,
    pub(super) slowdown: f64,
    pub(super) oracle_saving: f64,
    pub(super) oracle_slowdown: f64,
    /// `None` if the search was not over in every run.
    pub(super) settled_s: Option<f64>,
    pub(super) tried: f64,
}

/// Largest saving first.
pub(super) fn job_rows(runs: &PolicyRuns, objective: Objective) -> Vec<JobRow<'_>> {
    let mut rows: Vec<JobRow<'_>> = runs.by_job().map(|runs| JobRow::new(runs, objective)).collect();
    rows.sort_by(|a, b| b.saving.total_cmp(&a.saving));
    rows
}

impl<'a> JobRow<'a> {
    fn new(runs: &'a [Run], objective: Objective) -> Self {
        let count = runs.len() as f64;
        let mean = |value: fn(&Run) -> f64| runs.iter().map(value).sum::<f64>() / count;
        let settled: Option<Vec<f64>> = runs.iter().map(|run| run.outcome.settled_s).collect();
        Self {
            name: &runs[0].workload,
            class: runs[0].class.as_deref(),
            runs: runs.len(),
            over_limit: runs.iter().filter(|run| run.is_over_limit(objective)).count(),
            saving: mean(|run| run.outcome.account.saving()),
            slowdown: mean(|run| run.outcome.account.slowdown()),
            oracle_saving: mean(|run| run.outcome.oracle_cost.saving()),
            oracle_slowdown: mean(|run| run.outcome.oracle_cost.slowdown()),
            settled_s: settled.map(|settled| settled.iter().sum::<f64>() / count),
            tried: mean(|run| f64::from(run.outcome.settings_tried)),
        }
    }
}

/// Sums over some jobs, those with more seeds not counting more.
#[derive(Clone, Copy, Debug)]
pub(super) struct FamilySums {
    pub(super) jobs: usize,
    pub(super) runs: usize,
    pub(super) over_limit: usize,
    pub(super) saving: f64,
    pub(super) slowdown: f64,
    pub(super) oracle_saving: f64,
}

impl FamilySums {
    pub(super) fn of(rows: &[&JobRow<'_>]) -> Self {
        let mean =
            |value: fn(&JobRow<'_>) -> f64| rows.iter().map(|row| value(row)).sum::<f64>() / rows.len().max(1) as f64;
        Self {
            jobs: rows.len(),
            runs: rows.iter().map(|row| row.runs).sum(),
            over_limit: rows.iter().map(|row| row.over_limit).sum(),
            saving: mean(|row| row.saving),
            slowdown: mean(|row| row.slowdown),
            oracle_saving: mean(|row| row.oracle_saving),
        }
    }
}
