use gpoeo_core::Mhz;

use super::*;
use crate::hull::best_mix;
use crate::suite::Suite;

fn options() -> RunOptions {
    RunOptions::default()
}

#[test]
fn names_are_read_back() {
    for policy in Policy::ALL {
        assert_eq!(policy.name().parse(), Ok(policy));
    }
    assert_eq!("best".parse::<Policy>(), Err(UnknownPolicy));
    for policy in Policy::ALL {
        assert!(UnknownPolicy.to_string().contains(policy.name()), "the message lists {policy}");
    }
}

#[test]
fn default_clocks_save_nothing() {
    for workload in Suite::built_in().workloads() {
        let outcome = run_policy(Policy::Default, workload, &options()).unwrap();
        assert!(outcome.account.saving().abs() < 1e-9 && outcome.account.slowdown().abs() < 1e-9);
        assert_eq!(outcome.last_clocks.sm(), Mhz(1410));
    }
}

#[test]
fn the_oracle_gets_what_its_setting_promises() {
    for workload in Suite::built_in().workloads() {
        let outcome = run_policy(Policy::Oracle, workload, &options()).unwrap();
        assert_eq!((outcome.last_clocks, outcome.last_cost), (outcome.oracle_clocks, outcome.oracle_cost));
        assert!((outcome.account.slowdown() - outcome.oracle_cost.slowdown()).abs() < 1e-9);
        let saving = outcome.account.saving();
        assert!((saving - outcome.oracle_cost.saving()).abs() < 1e-3, "{}: {saving}", workload.name());
    }
}

#[test]
fn the_hull_gets_what_its_mix_promises_and_more_than_the_oracle() {
    for workload in Suite::built_in().workloads() {
        let mix = best_mix(workload.curve(), options().objective).unwrap();
        let outcome = run_policy(Policy::Hull, workload, &options()).unwrap();
        assert!((outcome.account.slowdown() - mix.cost.slowdown()).abs() < 1e-6, "{}", outcome.account.slowdown());
        let saving = outcome.account.saving();
        assert!((saving - mix.cost.saving()).abs() < 1e-3, "{}: {saving}", workload.name());
        assert!(mix.cost.saving() >= outcome.oracle_cost.saving());
    }
}

#[test]
fn a_power_limit_that_does_not_bind_changes_nothing() {
    let suite = Suite::built_in();
    let workload = &suite.workloads()[0];
    let mut options = options();
    options.power_cap_w = Some(1e4);
    assert_eq!(run_policy(Policy::PowerLimit, workload, &options).unwrap().account.slowdown(), 0.0);
    options.power_cap_w = Some(1.0);
    assert_eq!(run_policy(Policy::PowerLimit, workload, &options).unwrap().last_clocks.sm(), Mhz(855));
}

#[test]
fn a_power_limit_is_as_low_as_the_slowdown_limit_of_all_jobs_allows() {
    let suite = Suite::built_in();
    let mut options = options();
    options.power_cap_w = power_cap_w(suite.workloads(), options.objective);
    let runs = suite.workloads().iter().map(|workload| {
        let outcome = run_policy(Policy::PowerLimit, workload, &options).unwrap();
        let power_w = outcome.last_cost.energy / outcome.last_cost.time * workload.curve().default_power_w();
        (outcome.last_cost.slowdown(), power_w / options.power_cap_w.unwrap())
    });
    let (slowdowns, used): (Vec<f64>, Vec<f64>) = runs.unzip();
    assert!(slowdowns.iter().all(|&slowdown| slowdown <= 0.05), "{slowdowns:?}");
    assert!(slowdowns.iter().any(|&slowdown| slowdown > 0.04), "{slowdowns:?}");
    assert!(used.iter().all(|used| (0.93..=1.0).contains(used)), "{used:?}");

    let top_w = suite.workloads().iter().map(|workload| workload.curve().default_power_w()).fold(0.0, f64::max);
    assert_eq!(power_cap_w(suite.workloads(), Objective::Edp), Some(0.8 * top_w));
    assert_eq!(power_cap_w([], Objective::Edp), None);
}

#[test]
fn a_saving_that_cannot_be_had_leaves_default_clocks() {
    let suite = Suite::built_in();
    let options = RunOptions { objective: Objective::MinTime { min_saving: 0.8 }, ..options() };
    for policy in [Policy::Oracle, Policy::Hull] {
        let outcome = run_policy(policy, &suite.workloads()[0], &options).unwrap();
        assert!(outcome.account.saving().abs() < 1e-9);
    }
}

const OF_OTHERS: [Policy; 5] = [Policy::EnergyUcb, Policy::MfGpoeo, Policy::Odpp, Policy::Paper, Policy::Zeus];

#[test]
fn the_policies_of_others_run_to_the_end_at_their_own_cost_and_alike() {
    let suite = Suite::paper71();
    let job = suite.workload("gnn_collab_gcn").unwrap();
    let options = RunOptions { length: Duration::from_secs(600), ..options() };
    for policy in OF_OTHERS {
        let outcome = run_policy(policy, job, &options).unwrap();
        assert!((outcome.account.elapsed_s - 600.0).abs() < 1e-6, "{policy}: {:?}", outcome.account);
        assert!(outcome.settings_tried > 2, "{policy}: {}", outcome.settings_tried);
        assert!(outcome.account.slowdown() > 0.0, "{policy}: trials cost time");
        assert_eq!(outcome, run_policy(policy, job, &options).unwrap(), "{policy}");
    }
}

#[test]
fn a_job_without_counters_periods_or_memory_clocks_stops_nobody() {
    let options = RunOptions { length: Duration::from_secs(300), ..options() };
    for job in Suite::built_in().workloads().iter().take(2) {
        for policy in OF_OTHERS {
            let outcome = run_policy(policy, job, &options).unwrap();
            assert!((outcome.account.elapsed_s - 300.0).abs() < 1e-6, "{policy}, {}", job.name());
        }
    }
}
