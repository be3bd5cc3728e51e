//! Arguments that several subcommands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use gpoeo_core::Objective;
use gpoeo_sim::{Family, FaultPlan, Faults, Gpu, Models, Policy};

use super::{BAD_INPUT, Failure};

/// What to optimise.
#[derive(Args, Debug)]
pub(crate) struct ObjectiveOptions {
    /// What to optimise
    #[arg(long, value_enum, default_value_t = Goal::Energy)]
    objective: Goal,

    /// Largest slowdown over the run, as a ratio (0.05 is 5 %); for the objectives energy and ed2p-within
    #[arg(long, value_name = "RATIO", default_value_t = 0.05, value_parser = ratio, allow_negative_numbers = true)]
    max_slowdown: f64,

    /// Smallest saving over the run, as a ratio; for the objective time
    #[arg(long, value_name = "RATIO", default_value_t = 0.1, value_parser = ratio, allow_negative_numbers = true)]
    min_saving: f64,
}

/// Which trained models to start from.
#[derive(Args, Debug)]
pub(crate) struct ModelOptions {
    /// Start from the models in this folder in place of those that are compiled in (policy gpoeo)
    #[arg(long, value_name = "DIR", conflicts_with = "no_models")]
    models: Option<PathBuf>,

    /// Start without models, as the policy model-free does
    #[arg(long)]
    no_models: bool,
}

impl ModelOptions {
    pub(crate) fn models(&self) -> Result<Models, Failure> {
        match &self.models {
            Some(folder) => Models::read(folder)
                .map_err(|error| Failure { code: BAD_INPUT, line: format!("{}: {}", folder.display(), chain(&error)) }),
            None if self.no_models => Ok(Models::Without),
            None => Ok(Models::Embedded),
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Goal {
    /// Least energy · time²
    Ed2p,
    /// Least energy · time² within --max-slowdown, as in the GPOEO paper
    Ed2pWithin,
    /// Least energy · time
    Edp,
    /// Least energy within --max-slowdown
    Energy,
    /// Least time with at least --min-saving
    Time,
}

impl ObjectiveOptions {
    pub(crate) fn objective(&self) -> Objective {
        match self.objective {
            Goal::Ed2p => Objective::Ed2p,
            Goal::Ed2pWithin => Objective::Ed2pWithin { max_slowdown: self.max_slowdown },
            Goal::Edp => Objective::Edp,
            Goal::Energy => Objective::MinEnergy { max_slowdown: self.max_slowdown },
            Goal::Time => Objective::MinTime { min_saving: self.min_saving },
        }
    }
}

/// Reads a policy; who mistypes one is told all of them, and the nearest.
pub(crate) fn policies() -> impl TypedValueParser<Value = Policy> {
    PossibleValuesParser::new(Policy::ALL.map(Policy::name)).try_map(|name| name.parse::<Policy>())
}

/// The same for a modelled card.
pub(crate) fn cards() -> impl TypedValueParser<Value = Gpu> {
    PossibleValuesParser::new(Gpu::ALL.map(Gpu::key)).try_map(|name| name.parse::<Gpu>())
}

/// The same for a family of synthetic recordings.
pub(crate) fn families() -> impl TypedValueParser<Value = Family> {
    PossibleValuesParser::new(Family::ALL.map(Family::name)).try_map(|name| name.parse::<Family>())
}

/// What goes wrong.
#[derive(Args, Debug)]
pub(crate) struct FaultOptions {
    /// What goes wrong with the device: all (each kind that passes, once), random, or a plan: a TOML file, or
    /// NAME[=VALUE][@t=SECONDS][@for=SECONDS][@p=PROBABILITY], separated by commas
    #[arg(long, value_name = "PLAN|FILE|all|random", default_value = "none", hide_default_value = true)]
    faults: String,
}

impl FaultOptions {
    pub(crate) fn faults(&self) -> Result<Faults, Failure> {
        if !self.faults.ends_with(".toml") {
            return self.faults.parse().map_err(|error| Failure::bad_input(&error));
        }
        let failure = |reason: String| Failure { code: BAD_INPUT, line: format!("{}: {reason}", self.faults) };
        let text = std::fs::read_to_string(&self.faults)
            .map_err(|error| failure(format!("cannot read it: {error}; check the path and its permissions")))?;
        FaultPlan::from_toml(&text).map(Faults::Planned).map_err(|error| failure(error.to_string()))
    }
}

/// A ratio in 0..0.9.
fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=0.9).contains(&ratio) => Ok(ratio),
        Ok(_) => Err("choose a ratio from 0 to 0.9; 0.05 is 5 %".to_owned()),
        Err(_) => Err("write a decimal number; 0.05 is 5 %".to_owned()),
    }
}

/// Virtual minutes, up to 100 days.
pub(crate) fn minutes(text: &str) -> Result<Duration, String> {
    const LONGEST_MINUTES: f64 = 100.0 * 24.0 * 60.0;
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes <= LONGEST_MINUTES => Ok(Duration::from_secs_f64(minutes * 60.0)),
        Ok(_) => Err("choose a time above 0 and up to 144000 minutes (100 days)".to_owned()),
        Err(_) => Err("write a decimal number of minutes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_refuses_others() {
        assert_eq!(ratio("0.05"), Ok(0.05));
        assert_eq!(minutes("0.5"), Ok(Duration::from_secs(30)));
        for text in ["-0.1", "NaN", "5", "five", ""] {
            assert!(ratio(text).is_err(), "{text}");
        }
        for text in ["0", "-1", "inf", "NaN", "x"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }
}
