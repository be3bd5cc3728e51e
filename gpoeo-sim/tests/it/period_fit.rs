//! The period fit on real recordings: windows at other clocks, against the true iteration times in them.

use std::path::Path;

use gpoeo_sim::{Trace, Truth};

use crate::fit_windows::{Fitted, Plan, Recording, fit_all, quantile};

/// Recordings with iterations of at least 80 ms and a rhythm that 20 ms of power shows; greatest median and 90 %
/// quantile of the error in windows of 4 s or three iterations, %. About half as much again as measured.
const CLEAR: [(&str, f64, f64); 12] = [
    ("batch_doubles_midway", 0.08, 0.16),
    ("efficientnet_workers", 0.40, 1.20),
    ("gcn_full_graph", 0.12, 0.26),
    ("gpt2_medium_accum8", 0.16, 0.45),
    ("lstm_fp32", 0.08, 0.18),
    ("ppo", 0.20, 0.45),
    ("resnet50_amp", 0.08, 0.18),
    ("resnet50_slow_loader", 0.35, 0.85),
    ("sac", 0.22, 0.50),
    ("swin_checkpoints", 0.25, 1.00),
    ("vit_large", 0.18, 0.42),
    ("wgan", 0.10, 0.30),
];

fn recording(name: &str) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/traces").join(format!("{name}.trace.csv"));
    let (trace, truth) = (Trace::read(&path).unwrap(), Truth::read(Truth::path_beside(&path)).unwrap());
    Recording::new(&trace, &truth).unwrap()
}

fn plan(length_s: f64, multiple: f64, each: u64) -> Plan {
    Plan { length_s, multiple, lost: 0.0, each }
}

/// Relative errors within the windows, %, of those with an answer.
fn errors(fits: &[Fitted]) -> Vec<f64> {
    fits.iter().filter_map(|found| Some(100.0 * (found.fit?.period_s / found.window_s - 1.0).abs())).collect()
}

#[test]
fn four_seconds_give_the_iteration_time_at_another_clock() {
    for (name, most_median, most_q90) in CLEAR {
        let fits = fit_all(&recording(name), plan(4.0, 1.0, 12));
        let errors = errors(&fits);
        assert!(10 * errors.len() > 9 * fits.len(), "{name}: {} answers in {}", errors.len(), fits.len());
        let gross = errors.iter().filter(|error| **error > 2.0).count();
        assert!(gross <= 1, "{name}: {gross} of {} are off by more than 2 %", errors.len());
        let (median, q90) = (quantile(&errors, 0.5), quantile(&errors, 0.9));
        assert!(median < most_median && q90 < most_q90, "{name}: median {median:.3} %, 90 % below {q90:.3} %");
    }
}

#[test]
fn errors_are_of_the_size_of_their_standard_error() {
    for length_s in [4.0, 8.0] {
        let (mut within, mut lasting) = (Vec::new(), Vec::new());
        for (name, ..) in CLEAR {
            for found in fit_all(&recording(name), plan(length_s, 1.0, 12)) {
                let Some(fit) = found.fit else { continue };
                within.push((fit.period_s - found.window_s).abs() / fit.window_stderr_s);
                lasting.push((fit.period_s - found.lasting_s).abs() / fit.stderr_s);
            }
        }
        let share = |z: &[f64], limit: f64| z.iter().filter(|z| **z < limit).count() as f64 / z.len() as f64;
        assert!((0.6..0.9).contains(&share(&within, 1.0)), "{length_s} s: {}", share(&within, 1.0));
        assert!(share(&within, 3.0) > 0.96, "{length_s} s: {}", share(&within, 3.0));
        // One of the twelve (`gcn_full_graph`) drifts by 1 % in ten seconds, which no short window can know.
        assert!((0.6..0.9).contains(&share(&lasting, 1.0)), "{length_s} s: {}", share(&lasting, 1.0));
        assert!(share(&lasting, 3.0) > 0.93, "{length_s} s: {}", share(&lasting, 3.0));
    }
}

#[test]
fn a_multiple_or_the_micro_batch_serves_as_well() {
    let cases = [("gpt2_medium_accum8", 0.125), ("gpt_accum32", 1.0 / 32.0), ("lstm_fp32", 2.0), ("sac", 3.0)];
    for (name, multiple) in cases {
        let fits = fit_all(&recording(name), plan(6.0, multiple, 8));
        let errors = errors(&fits);
        assert_eq!(errors.len(), fits.len(), "{name} * {multiple}: windows without an answer");
        let worst = quantile(&errors, 1.0);
        assert!(worst < 1.5, "{name} * {multiple}: off by {worst:.2} %");
    }
}

#[test]
fn what_cannot_be_told_is_hardly_ever_claimed() {
    // 32 alike micro-batches, three iterations in the window; iterations of random length.
    for name in ["gpt_accum32", "gpt_ragged"] {
        let fits = fit_all(&recording(name), plan(4.0, 1.0, 12));
        let is_wrong = |found: &&Fitted| {
            found.fit.is_some_and(|fit| {
                (fit.period_s / found.window_s - 1.0).abs() > 0.02 && fit.stderr_s < 0.005 * fit.period_s
            })
        };
        let wrong = fits.iter().filter(is_wrong).count();
        assert!(20 * wrong <= fits.len(), "{name}: {wrong} of {} are wrong and sure", fits.len());
    }
}
