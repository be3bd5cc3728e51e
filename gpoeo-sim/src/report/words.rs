//! How numbers and names are written for people, the same in every report.

use gpoeo_core::{ClockPair, Objective};

use crate::policy::Policy;
use crate::workload::Workload;

/// Rounded, without a negative zero.
pub(super) fn decimals(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(positive) if positive.bytes().all(|byte| matches!(byte, b'0' | b'.')) => positive.to_owned(),
        _ => text,
    }
}

/// A ratio as percent with one decimal, without the sign for percent.
pub(super) fn percent(ratio: f64) -> String {
    decimals(100.0 * ratio, 1)
}

/// A limit as a person writes it: `5 %`, `2.5 %`.
pub(super) fn limit(ratio: f64) -> String {
    let text = percent(ratio);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A ratio with its standard error, in percent: `11.9 % ± 0.4 %`.
pub(super) fn percent_with_error(ratio: f64, stderr: Option<f64>) -> String {
    match stderr {
        Some(stderr) => format!("{} % ± {} %", percent(ratio), percent(stderr)),
        None => format!("{} %", percent(ratio)),
    }
}

/// A length of time or a moment of a run: `0:07`, `19:02`, `1:02:03`; with a sign before the job.
pub(super) fn clock(seconds: f64) -> String {
    let whole = seconds.abs().floor() as u64;
    let sign = if seconds < 0.0 && whole > 0 { "-" } else { "" };
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{sign}{hours}:{minutes:02}:{seconds:02}") } else { format!("{sign}{minutes}:{seconds:02}") }
}

/// A length of time of seconds to days: `42 s`, `17.5 min`, `3.2 h`.
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 99.95 => format!("{} s", decimals(s, 1)),
        s if s < 5400.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// An energy in the unit that fits: `873.0 J`, `701.5 kJ`, `12.30 MJ`.
pub(super) fn energy(joules: f64) -> String {
    match joules.abs() {
        j if j < 1e4 => format!("{joules:.1} J"),
        j if j < 1e7 => format!("{:.1} kJ", joules * 1e-3),
        _ => format!("{:.2} MJ", joules * 1e-6),
    }
}

/// `1 setting`, `3 settings`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Breaks a sentence into lines of at most `width` letters, between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What is optimised.
pub(super) fn goal(objective: Objective) -> String {
    match objective {
        Objective::Ed2p => "least energy times time squared".to_owned(),
        Objective::Ed2pWithin { max_slowdown } => {
            format!("least energy times time squared within {} slowdown", limit(max_slowdown))
        }
        Objective::Edp => "least energy times time".to_owned(),
        Objective::MinEnergy { max_slowdown } => format!("least energy within {} slowdown", limit(max_slowdown)),
        Objective::MinTime { min_saving } => format!("least time with {} saving", limit(min_saving)),
        _ => format!("{objective:?}"),
    }
}

/// What a policy does, in short; empty where its name says all that can be said in short.
pub(super) fn about(policy: Policy) -> &'static str {
    match policy {
        Policy::Default => "nobody: the driver's default clocks",
        Policy::EnergyUcb => "a bandit over SM clocks (arXiv 2410.11855)",
        Policy::Gpoeo => "ours",
        Policy::Hull => "the best mix of two settings, known from the start",
        Policy::MfGpoeo => "GPOEO's model-free follow-up (TSUSC 2023)",
        Policy::ModelFree => "ours without a trained model",
        Policy::Odpp => "ODPP as implemented beside GPOEO (CCGRID 2020)",
        Policy::Oracle => "the best single setting, known from the start",
        Policy::Paper => "GPOEO as published (TPDS 2022)",
        Policy::PowerLimit => "a static power limit as an admin sets it",
        Policy::Zeus => "a sweep of the power limit in the training loop (NSDI 2023)",
    }
}

/// Names the settings of one GPU: the memory clock only where there is more than one.
#[derive(Clone, Copy, Debug)]
pub(super) struct SettingNames {
    has_memory: bool,
}

impl SettingNames {
    pub(super) fn of(workload: &Workload) -> Self {
        Self { has_memory: workload.curve().capabilities().mem_gears() > 1 }
    }

    /// The heading of a column of [`SettingNames::number`].
    pub(super) fn heading(self) -> &'static str {
        if self.has_memory { "SM/mem MHz" } else { "SM MHz" }
    }

    /// `1275`, or `1275/9501` with the memory clock.
    pub(super) fn number(self, clocks: ClockPair) -> String {
        if self.has_memory { format!("{}/{}", clocks.sm().0, clocks.mem().0) } else { clocks.sm().0.to_string() }
    }

    /// `1275 MHz`.
    pub(super) fn name(self, clocks: ClockPair) -> String {
        format!("{} MHz", self.number(clocks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign() {
        assert_eq!((decimals(-0.04, 1), decimals(-0.06, 1)), ("0.0".to_owned(), "-0.1".to_owned()));
        assert_eq!(clock(-0.4), "0:00");
    }

    #[test]
    fn numbers_get_the_unit_that_fits() {
        assert_eq!([energy(873.04), energy(701_499.0), energy(2.5e7)], ["873.0 J", "701.5 kJ", "25.00 MJ"]);
        assert_eq!([span(42.0), span(1051.5), span(90_000.0)], ["42.0 s", "17.5 min", "25.0 h"]);
        assert_eq!([clock(7.9), clock(1142.9), clock(-5.0), clock(3723.0)], ["0:07", "19:02", "-0:05", "1:02:03"]);
        assert_eq!([limit(0.05), limit(0.025)], ["5 %", "2.5 %"]);
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("± ± ±±", 3), ["± ±", "±±"]);
    }

    #[test]
    fn lists_read_as_sentences_do() {
        let items = |items: &[&str]| list(&items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>());
        assert_eq!([items(&["a"]), items(&["a", "b"]), items(&["a", "b", "c"])], ["a", "a and b", "a, b and c"]);
    }
}
