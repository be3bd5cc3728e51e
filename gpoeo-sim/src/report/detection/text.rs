//! Accuracy and reliability as tables for people.

use std::io::{self, Write};

use crate::detection::{Accuracy, AccuracyRow, Reliability};

use super::super::words::percent;

/// Fewer answers say nothing about a confidence.
const FEWEST_ANSWERS: usize = 20;

/// Writes one line a group (if there are several), the sums, and of the answers given with some confidence how many are
/// right (if there are enough).
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_detection_text(accuracy: &Accuracy, reliability: &Reliability, mut out: impl Write) -> io::Result<()> {
    let total = accuracy.total();
    if accuracy.rows().len() > 1 {
        write_groups(accuracy, &total, &mut out)?;
    }
    writeln!(out, "\ncounted: {} of {} right", total.right, total.counted)?;
    writeln!(out, "too short to tell: {} of {} wrong", total.short_wrong, total.short)?;
    if reliability.answers() >= FEWEST_ANSWERS {
        write_reliability(reliability, &mut out)?;
    }
    Ok(())
}

fn write_groups(accuracy: &Accuracy, total: &AccuracyRow, out: &mut impl Write) -> io::Result<()> {
    let width = accuracy.rows().iter().map(|row| row.group.len()).max().unwrap_or(0).max(6);
    writeln!(out, "{:width$}  counted  right %  missed  wrong  short  wrong  right after  of allowed", "family")?;
    for row in accuracy.rows().iter().chain([total]) {
        let share = row.share_right().map_or_else(|| "-".to_owned(), percent);
        let (delay, ratio) = (median(&row.delays_s), median(&row.delay_ratios));
        writeln!(
            out,
            "{:width$}  {:>7}  {share:>7}  {:>6}  {:>5}  {:>5}  {:>5}  {:>11}  {:>10}",
            row.group,
            row.counted,
            row.missed,
            row.wrong,
            row.short,
            row.short_wrong,
            delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.1} s")),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        )?;
    }
    writeln!(
        out,
        "\nright after: median time from the first iteration, or from a change of the job, to a right answer that lasts; allowed: 5 s or\n20 iterations"
    )
}

fn write_reliability(reliability: &Reliability, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nconfidence    answers  mean  right")?;
    for bin in reliability.bins() {
        let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        writeln!(
            out,
            "{:.2}..{:.2}  {:>9}  {:>4}  {:>5}",
            bin.from,
            bin.to,
            bin.answers,
            share(bin.mean_confidence()),
            share(bin.share_right()),
        )?;
    }
    let error = reliability.error().unwrap_or(0.0);
    writeln!(out, "{} answers; confidence and share right differ by {error:.3} in the mean", reliability.answers())
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
