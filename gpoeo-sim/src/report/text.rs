//! An evaluation as tables for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::evaluate::{Ablation, Evaluation, Interval, PolicyRuns, Run};
use crate::fault::Faults;

use super::words::{count, decimals, goal, limit, percent};

/// Writes one line a job with saving and slowdown under each policy (means over the seeds), and one line a policy with
/// the sums.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_text(evaluation: &Evaluation, mut out: impl Write) -> io::Result<()> {
    let gpu = evaluation.gpu.as_deref().map(|gpu| format!(" on {gpu}")).unwrap_or_default();
    let faults = match &evaluation.faults {
        Faults::None => String::new(),
        faults => format!(", faults: {faults}"),
    };
    writeln!(
        out,
        "suite {}{gpu}, {} minutes, {}, {}{faults}\n",
        evaluation.suite,
        evaluation.length.as_secs_f64() / 60.0,
        count(evaluation.seeds as usize, "seed"),
        goal(evaluation.objective),
    )?;
    write_jobs(evaluation, &mut out)?;
    writeln!(out)?;
    write_sums(&evaluation.policies, &mut out)?;
    writeln!(out)?;
    notes(evaluation).iter().try_for_each(|note| writeln!(out, "{note}"))
}

fn write_jobs(evaluation: &Evaluation, out: &mut impl Write) -> io::Result<()> {
    // Of a part of an evaluation the policies have not all met the same jobs.
    let names = evaluation.policies.iter().map(|runs| runs.by_job().map(|runs| runs[0].workload.as_str()).collect());
    let names: Vec<&str> = names.max_by_key(Vec::len).unwrap_or_default();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0).max(22);
    write!(out, "{:width$}", "saving / slowdown, %")?;
    for runs in &evaluation.policies {
        write!(out, "  {:>13}", runs.policy.name())?;
    }
    writeln!(out)?;
    let columns = evaluation.policies.iter().map(|runs| runs.by_job().map(|runs| (runs[0].workload.as_str(), runs)));
    let columns: Vec<BTreeMap<&str, &[Run]>> = columns.map(Iterator::collect).collect();
    for name in names {
        write!(out, "{name:width$}")?;
        for column in &columns {
            let Some(runs) = column.get(name) else {
                write!(out, "  {:>13}", "-")?;
                continue;
            };
            let mean = |value: fn(&Run) -> f64| runs.iter().map(value).sum::<f64>() / runs.len() as f64;
            let saving = mean(|run| run.outcome.account.saving());
            let slowdown = mean(|run| run.outcome.slowdown());
            write!(out, "  {:>5} / {:>5}", percent(saving), percent(slowdown))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_sums(policies: &[PolicyRuns], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "policy       {:>19}  {:>16}  worst %  {:>18}  over limit  settled s  tried",
        "saving %", "slowdown %", "capture"
    )?;
    for runs in policies {
        let summary = &runs.summary;
        let settled: Vec<f64> = runs.runs.iter().filter_map(|run| run.outcome.settled_s).collect();
        let tried = runs.runs.iter().map(|run| f64::from(run.outcome.settings_tried)).sum::<f64>();
        let known = |text: String| if runs.runs.is_empty() { "-".to_owned() } else { text };
        writeln!(
            out,
            "{:11}  {:>19}  {:>16}  {:>7}  {:>18}  {:>10}  {:>9}  {:>5}",
            runs.policy.name(),
            known(with_interval(percent(summary.mean_saving), summary.saving_interval, percent)),
            known(with_interval(percent(summary.mean_slowdown), summary.slowdown_interval, percent)),
            known(percent(summary.max_slowdown)),
            summary.capture.map_or_else(
                || "-".to_owned(),
                |capture| with_interval(decimals(capture, 2), summary.capture_interval, |value| decimals(value, 2))
            ),
            format!("{} of {}", summary.over_limit, runs.runs.len()),
            median(settled).map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0}")),
            format!("{:.1}", tried / runs.runs.len().max(1) as f64),
        )?;
    }
    Ok(())
}

/// Writes one line for the whole controller, and one without each of its parts.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_ablation_text(ablation: &Ablation, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{:30}  saving %  slowdown %  worst %  over limit  capture  settled s  tried", "policy gpoeo")?;
    for row in &ablation.rows {
        let summary = &row.summary;
        writeln!(
            out,
            "{:30}  {:>8}  {:>10}  {:>7}  {:>10}  {:>7}  {:>9}  {:>5}",
            row.without.map_or_else(|| "all of it".to_owned(), |part| format!("without {}", part.name())),
            percent(summary.mean_saving),
            percent(summary.mean_slowdown),
            percent(summary.max_slowdown),
            summary.over_limit,
            summary.capture.map_or_else(|| "-".to_owned(), |capture| decimals(capture, 3)),
            row.settled_s.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0}")),
            format!("{:.1}", row.tried),
        )?;
    }
    Ok(())
}

fn with_interval(value: String, interval: Option<Interval>, write: impl Fn(f64) -> String) -> String {
    match interval {
        Some(Interval { low, high }) => format!("{value} ({} to {})", write(low), write(high)),
        None => value,
    }
}

/// What the columns mean.
fn notes(evaluation: &Evaluation) -> Vec<String> {
    let limit = evaluation.objective.max_slowdown().map(limit);
    let over = limit.map_or("not asked for by this objective".to_owned(), |limit| {
        format!("runs that were more than {limit} slower as a whole, the optimizer's own cost included")
    });
    let mut notes = vec![
        format!("over limit: {over}"),
        "capture: sum of savings / sum of what the oracle (the best single setting, known beforehand) would save"
            .to_owned(),
        "in brackets: 95 % confidence, by drawing other jobs of the kind (bootstrap over jobs)".to_owned(),
    ];
    if !evaluation.missing.is_empty() {
        notes.push(format!("PARTIAL: {} were not done", count(evaluation.missing.len(), "run")));
    }
    notes
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
