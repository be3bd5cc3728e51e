//! An evaluation as tables for people.

use std::io::{self, Write};

use crate::evaluate::{Evaluation, PolicyRuns, Run};

use super::words::{decimals, goal, percent};

/// Writes one line a job with saving and slowdown under each policy (means over the seeds), and one line a policy with
/// the sums.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_text(evaluation: &Evaluation, mut out: impl Write) -> io::Result<()> {
    let seeds = evaluation.policies.first().map_or(0, |runs| seeds(&runs.runs));
    let gpu = evaluation.gpu.as_deref().map(|gpu| format!(" on {gpu}")).unwrap_or_default();
    writeln!(
        out,
        "suite {}{gpu}, {} minutes, {seeds} seed{}, {}\n",
        evaluation.suite,
        evaluation.length.as_secs_f64() / 60.0,
        if seeds == 1 { "" } else { "s" },
        goal(evaluation.objective),
    )?;
    write_jobs(evaluation, &mut out)?;
    writeln!(out)?;
    write_sums(&evaluation.policies, &mut out)
}

fn write_jobs(evaluation: &Evaluation, out: &mut impl Write) -> io::Result<()> {
    let Some(first) = evaluation.policies.first() else { return Ok(()) };
    let names: Vec<&str> = first.runs.chunk_by(same_job).map(|runs| runs[0].workload.as_str()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0).max(22);
    write!(out, "{:width$}", "saving / slowdown, %")?;
    for runs in &evaluation.policies {
        write!(out, "  {:>13}", runs.policy.name())?;
    }
    writeln!(out)?;
    let mut columns: Vec<_> = evaluation.policies.iter().map(|runs| runs.runs.chunk_by(same_job)).collect();
    for name in names {
        write!(out, "{name:width$}")?;
        for runs in columns.iter_mut().filter_map(Iterator::next) {
            let mean = |value: fn(&Run) -> f64| runs.iter().map(value).sum::<f64>() / runs.len() as f64;
            let saving = mean(|run| run.outcome.account.saving());
            let slowdown = mean(|run| run.outcome.account.slowdown());
            write!(out, "  {:>5} / {:>5}", percent(saving), percent(slowdown))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_sums(policies: &[PolicyRuns], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "policy       saving %  slowdown %  worst %  capture  over limit  settled s  tried")?;
    for runs in policies {
        let summary = &runs.summary;
        let settled: Vec<f64> = runs.runs.iter().filter_map(|run| run.outcome.settled_s).collect();
        let tried = runs.runs.iter().map(|run| f64::from(run.outcome.settings_tried)).sum::<f64>();
        writeln!(
            out,
            "{:11}  {:>8}  {:>10}  {:>7}  {:>7}  {:>10}  {:>9}  {:>5}",
            runs.policy.name(),
            percent(summary.mean_saving),
            percent(summary.mean_slowdown),
            percent(summary.max_slowdown),
            summary.capture.map_or_else(|| "-".to_owned(), |capture| decimals(capture, 2)),
            format!("{} of {}", summary.over_limit, runs.runs.len()),
            median(settled).map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0}")),
            format!("{:.1}", tried / runs.runs.len().max(1) as f64),
        )?;
    }
    Ok(())
}

fn same_job(a: &Run, b: &Run) -> bool {
    a.workload == b.workload
}

fn seeds(runs: &[Run]) -> usize {
    runs.chunk_by(same_job).next().map_or(0, <[Run]>::len)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::evaluate::{EvaluateOptions, evaluate};
    use crate::policy::Policy;
    use crate::suite::Suite;

    #[test]
    fn shows_jobs_and_sums() {
        let options = EvaluateOptions {
            policies: vec![Policy::Default, Policy::Hull],
            length: Duration::from_secs(120),
            seeds: 2,
            ..EvaluateOptions::default()
        };
        let evaluation = evaluate(&Suite::built_in(), &options, |_| {}).unwrap();
        let mut bytes = Vec::new();
        write_text(&evaluation, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("suite a100 on A100_SXM, 2 minutes, 2 seeds, least energy within 5 % slowdown\n"));
        let line = text.lines().find(|line| line.starts_with("vit_large ")).unwrap();
        assert!(line.contains("  0.0 /   0.0"), "{line}");
        let sums = text.lines().find(|line| line.starts_with("default ")).unwrap();
        assert!(sums.contains(" 0 of 32 "), "{sums}");
        assert!(!text.contains("-0.0"));
    }
}
