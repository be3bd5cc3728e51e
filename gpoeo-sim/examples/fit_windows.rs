//! How exact the period fit is: windows from recordings, stretched by known ratios, against their true iteration times.
//!
//! `cargo run --release -p gpoeo-sim --example fit_windows -- [--cases N] [--multiple M] [--lost SHARE] TRACE...`
//! prints a line for each recording and window length: how often there was no answer and how often it was off by more
//! than 2 %; the errors against the mean within the window and against the lasting mean; how often they are within one
//! and three of the standard errors that the fit itself gives; and the time of a fit.

#[path = "../tests/it/fit_windows.rs"]
mod fit_windows;

use std::process::ExitCode;

use fit_windows::{Fitted, Plan, Recording, fit_all, quantile};
use gpoeo_sim::{Trace, TraceError, Truth};

const LENGTHS_S: [f64; 4] = [3.0, 4.0, 8.0, 24.0];

fn main() -> ExitCode {
    let (mut cases, mut multiple, mut lost) = (100.0, 1.0, 0.0);
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let slot = match argument.as_str() {
            "--lost" => &mut lost,
            "--multiple" => &mut multiple,
            "--cases" => &mut cases,
            _ => {
                files.push(argument);
                continue;
            }
        };
        match arguments.next().and_then(|text| text.parse().ok()) {
            Some(value) => *slot = value,
            None => {
                eprintln!("{argument} needs a number");
                return ExitCode::from(2);
            }
        }
    }
    let each = cases as u64;
    println!(
        "{:24}      T     L |   none  gross |         within the window          |             lasting |  fit",
        ""
    );
    println!(
        "{:24}      s     s |      %      % | median    90%    99%     1z     3z | median    90%     1z     3z |   us",
        "recording"
    );
    let mut all: Vec<Vec<Fitted>> = LENGTHS_S.iter().map(|_| Vec::new()).collect();
    for file in &files {
        let recording = match read(file) {
            Ok(Some(recording)) => recording,
            Ok(None) => continue,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        };
        let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".trace.csv");
        for (length_s, total) in LENGTHS_S.into_iter().zip(&mut all) {
            let mut fits = fit_all(&recording, Plan { length_s, multiple, lost, each });
            print(name, recording.mean_s * multiple, length_s, &fits);
            total.append(&mut fits);
        }
    }
    for (length_s, total) in LENGTHS_S.into_iter().zip(&all) {
        print("all", 0.0, length_s, total);
    }
    ExitCode::SUCCESS
}

fn read(file: &str) -> Result<Option<Recording>, TraceError> {
    Ok(Recording::new(&Trace::read(file)?, &Truth::read(Truth::path_beside(file))?))
}

fn print(name: &str, period_s: f64, length_s: f64, fits: &[Fitted]) {
    if fits.is_empty() {
        return;
    }
    let found: Vec<_> = fits.iter().filter_map(|found| Some((found.fit?, found))).collect();
    let column = |value: &dyn Fn(&(gpoeo_core::PeriodFit, &Fitted)) -> f64| found.iter().map(value).collect::<Vec<_>>();
    let window = column(&|(fit, found)| 100.0 * (fit.period_s / found.window_s - 1.0).abs());
    let lasting = column(&|(fit, found)| 100.0 * (fit.period_s / found.lasting_s - 1.0).abs());
    let window_z = column(&|(fit, found)| (fit.period_s - found.window_s).abs() / fit.window_stderr_s);
    let lasting_z = column(&|(fit, found)| (fit.period_s - found.lasting_s).abs() / fit.stderr_s);
    let share = |values: &[f64], limit: f64| {
        100.0 * values.iter().filter(|value| **value < limit).count() as f64 / values.len().max(1) as f64
    };
    let took: f64 = fits.iter().map(|found| found.took.as_secs_f64()).sum();
    println!(
        "{name:24} {period_s:6.3} {length_s:5.0} | {:6.1} {:6.1} | {:6.3} {:6.3} {:6.3} {:6.1} {:6.1} | {:6.3} {:6.3} {:6.1} {:6.1} | {:4.0}",
        100.0 * (fits.len() - found.len()) as f64 / fits.len() as f64,
        share(&window, f64::INFINITY) - share(&window, 2.0),
        quantile(&window, 0.5),
        quantile(&window, 0.9),
        quantile(&window, 0.99),
        share(&window_z, 1.0),
        share(&window_z, 3.0),
        quantile(&lasting, 0.5),
        quantile(&lasting, 0.9),
        share(&lasting_z, 1.0),
        share(&lasting_z, 3.0),
        1e6 * took / fits.len() as f64,
    );
}
