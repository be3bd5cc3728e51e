use super::*;
use crate::suite::Suite;

fn run(policy: Policy, name: &str, minutes: u64) -> RunRecord {
    let suite = Suite::built_in();
    let options = RunOptions { length: Duration::from_secs(60 * minutes), ..RunOptions::default() };
    record_run(policy, suite.workload(name).unwrap(), &options, &mut ()).unwrap()
}

#[test]
fn looking_on_changes_nothing() {
    let suite = Suite::built_in();
    let options = RunOptions { length: Duration::from_secs(120), ..RunOptions::default() };
    let workload = suite.workload("sac").unwrap();
    for policy in Policy::ALL {
        let record = record_run(policy, workload, &options, &mut ()).unwrap();
        assert_eq!(record.outcome, crate::policy::run_policy(policy, workload, &options).unwrap(), "{policy}");
    }
}

#[test]
fn phases_and_stays_fill_the_run() {
    for (policy, name) in [(Policy::Gpoeo, "lstm_fp32"), (Policy::Gpoeo, "gpt_ragged"), (Policy::Hull, "sac")] {
        let record = run(policy, name, 3);
        let stayed_s: f64 = record.stays.iter().map(|stay| stay.total_s).sum();
        assert!((stayed_s - 180.0).abs() < 1e-6, "{policy}: {stayed_s}");
        assert!(record.stays.iter().all(|stay| stay.held_s <= stay.total_s));
        for pair in record.phases.windows(2) {
            assert!(pair[0].to_s == pair[1].from_s && pair[0].phase != pair[1].phase);
        }
        match (record.phases.first(), record.phases.last()) {
            (Some(first), Some(last)) => assert_eq!((first.from_s, last.to_s), (-5.0, 180.0)),
            _ => assert!(record.machine.is_none()),
        }
    }
}

#[test]
fn the_measured_account_is_that_of_the_job_alone() {
    let record = run(Policy::Gpoeo, "sac", 5);
    let (measured, truth) = (record.machine.as_ref().unwrap().measured, record.outcome.account);
    assert!((measured.elapsed_s - truth.elapsed_s).abs() < 0.5, "{}", measured.elapsed_s);
    assert!((measured.energy_j / truth.energy_j - 1.0).abs() < 0.005, "{}", measured.energy_j);
    assert!((measured.saving.unwrap() - truth.saving()).abs() < 4.0 * measured.saving_stderr.unwrap());
    assert!((measured.slowdown.unwrap() - truth.slowdown()).abs() < 4.0 * measured.slowdown_stderr.unwrap());
}

#[test]
fn the_trend_holds_the_energy_of_the_run() {
    let record = run(Policy::Oracle, "ppo", 10);
    let bins = record.trend.bins.iter().enumerate().filter(|(bin, _)| record.trend.start_s(*bin) >= 0.0);
    let energy_j: f64 = bins.flat_map(|(_, bin)| bin).map(|bin| bin.power_w * record.trend.step_s).sum();
    assert!((energy_j / record.outcome.account.energy_j - 1.0).abs() < 0.005, "{energy_j}");
}

#[test]
fn the_signal_is_kept_until_the_baseline_is_known() {
    let record = run(Policy::Gpoeo, "lstm_fp32", 2);
    let seen = record.signal.as_ref().unwrap();
    let searched_from_s = record.phases.iter().find(|span| span.phase == Phase::Search).unwrap().from_s;
    let (first_s, last_s) = (seen.samples[0].0, seen.samples.last().unwrap().0);
    assert!(first_s > 0.0 && last_s <= searched_from_s && last_s > searched_from_s - 1.0, "{first_s} {last_s}");
    assert!(seen.outcome.period().is_some());
    assert!(run(Policy::Gpoeo, "gpt_ragged", 1).signal.is_none());
}
