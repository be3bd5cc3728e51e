//! `gpoeo-sim calibrate`: the model beside what was measured.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use gpoeo_sim::{CheckVerdict, DvfsTable, Fit, Gpu, calibrate, fit_table};
use rayon::prelude::*;

use super::Failure;
use super::options::cards;

/// Arguments of `calibrate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  gpoeo-sim calibrate\n  gpoeo-sim calibrate --gpu a100\n  \
                        gpoeo-sim calibrate --fit sweeps/*.csv")]
pub(crate) struct Calibrate {
    /// The card
    #[arg(long, default_value = "rtx3080ti", value_parser = cards())]
    gpu: Gpu,

    /// Instead: fit the model to measured sweeps (DVFS tables), and say how far the fits are from them
    #[arg(long, value_name = "TABLE.csv", num_args = 1.., conflicts_with = "gpu")]
    fit: Vec<PathBuf>,
}

impl Calibrate {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        if !self.fit.is_empty() {
            return fit(&self.fit, &mut out);
        }
        let checks = calibrate(self.gpu);
        writeln!(out, "{}, the suite paper71 on it, without noise\n", self.gpu.profile().name)?;
        writeln!(out, "{:4} {:>7}  what: model (measured)", "", "")?;
        for check in &checks {
            writeln!(out, "{:4} {:>7}  {}: {} ({})", check.id, check.verdict, check.what, check.got, check.wanted)?;
            if let CheckVerdict::Missed(reason) = check.verdict {
                writeln!(out, "{:14}{reason}", "")?;
            }
        }
        let count = |wanted: fn(&CheckVerdict) -> bool| checks.iter().filter(|check| wanted(&check.verdict)).count();
        let met = count(|verdict| *verdict == CheckVerdict::Met);
        let missed = count(|verdict| matches!(verdict, CheckVerdict::Missed(_)));
        writeln!(out, "\n{met} met, {missed} missed, {} without a target", checks.len() - met - missed)?;
        Ok(())
    }
}

/// Fits every table of the files.
fn fit(files: &[PathBuf], out: &mut impl Write) -> Result<(), Failure> {
    let mut tables = Vec::new();
    for file in files {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        for table in DvfsTable::read(file)? {
            let name = table.workload().map_or_else(|| name.clone(), str::to_owned);
            tables.push((name, table));
        }
    }
    let fits: Vec<Fit> = tables.par_iter().map(|(_, table)| fit_table(table)).collect();
    let width = tables.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(8);
    writeln!(
        out,
        "{:width$}  rows  time %  worst  energy %  worst  held out   compute balanced memory host  launch  knee MHz  V top  \
         ceiling",
        "table"
    )?;
    for ((name, table), fit) in tables.iter().zip(&fits) {
        let (errors, shares) = (&fit.errors, &fit.shares);
        let held_out = fit
            .held_out
            .map_or_else(|| "-".to_owned(), |held| format!("{:.2} {:.2}", 100.0 * held.time, 100.0 * held.energy));
        writeln!(
            out,
            "{name:width$}  {:4}  {:6.2}  {:5.1}  {:8.2}  {:5.1}  {held_out:>9}  {:7.2}  {:7.2} {:6.2} {:4.2}  {:6.2}  {:8.0}  \
             {:5.2}  {:7.0}",
            table.rows().len(),
            100.0 * errors.time,
            100.0 * errors.time_worst,
            100.0 * errors.energy,
            100.0 * errors.energy_worst,
            shares.compute,
            shares.balanced,
            shares.memory,
            shares.host,
            shares.launch_ratio,
            fit.knee_mhz,
            fit.voltage,
            shares.ceiling_mhz,
        )?;
    }
    let median = |value: fn(&Fit) -> f64| {
        let mut values: Vec<f64> = fits.iter().map(|fit| 100.0 * value(fit)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    writeln!(
        out,
        "\nmedian of {} tables: time {:.2} % (worst row {:.2} %), energy {:.2} % (worst row {:.2} %)",
        fits.len(),
        median(|fit| fit.errors.time),
        median(|fit| fit.errors.time_worst),
        median(|fit| fit.errors.energy),
        median(|fit| fit.errors.energy_worst),
    )?;
    Ok(())
}
