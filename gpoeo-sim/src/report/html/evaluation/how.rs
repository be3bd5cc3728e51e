//! How an evaluation was measured, so that it can be done again.

use gpoeo_core::Objective;
use maud::{Markup, html};

use crate::evaluate::Evaluation;
use crate::report::html::page::section;
use crate::report::words::{about, goal, limit};
use crate::suite::SuiteKind;

use super::{gpu_name, minutes};

/// Versions, seeds, what is simulated, what the figures mean.
pub(super) fn section_of(evaluation: &Evaluation) -> Markup {
    let over = match evaluation.objective.max_slowdown() {
        Some(max) => format!("A run counts as over the limit if it was more than {} slower as a whole.", limit(max)),
        None => "This objective has no limit on the slowdown.".to_owned(),
    };
    let items = [
        ("simulated", simulated(evaluation)),
        ("jobs", jobs(evaluation)),
        ("policies", policies(evaluation)),
        ("goal", goal(evaluation.objective)),
        ("length", format!("{} minutes of virtual time a run, from the begin of the job", minutes(evaluation))),
        (
            "seeds",
            format!(
                "{}; noise depends on the job and the seed only, so all policies meet the same",
                if evaluation.seeds == 1 { "0".to_owned() } else { format!("0 to {}", evaluation.seeds - 1) }
            ),
        ),
        (
            "figures",
            format!(
                "Saving and slowdown are over whole runs, by the simulation and without noise, against the same work at \
                 default clocks; detection, profiling and trials are in them. {over} Capture is the sum of the savings over \
                 the sum of what the oracle saves, the best single setting known beforehand."
            ),
        ),
        (
            "confidence",
            "95 % intervals by bootstrap: jobs, with all their seeds, drawn anew 2000 times. They say how far a figure would \
             move with other jobs of the kind, not how good the simulation is."
                .to_owned(),
        ),
        ("version", concat!("gpoeo-sim ", env!("CARGO_PKG_VERSION")).to_owned()),
    ];
    section(
        "How it was measured",
        "",
        &html! {
            dl.how {
                @for (name, text) in items { dt { (name) } dd { (text) } }
                dt { "again" } dd { code { (command(evaluation)) } }
            }
        },
    )
}

fn simulated(evaluation: &Evaluation) -> String {
    let gpu = evaluation.gpu.as_deref().map_or("GPU", gpu_name);
    match evaluation.kind {
        SuiteKind::Modelled => format!(
            "a physical model of one {gpu}: time and power over the clocks, power limit, heat, clocks that wander, and the \
             sensors of its driver"
        ),
        SuiteKind::Measured => format!(
            "one {gpu}: recorded power waveforms, bent by measured sweeps of time and energy over the clocks, behind modelled \
             sensors"
        ),
    }
}

fn jobs(evaluation: &Evaluation) -> String {
    match (evaluation.kind, evaluation.suite.as_str()) {
        (SuiteKind::Modelled, "paper71") => {
            "our simulated stand-in suite for the 71 workloads of the GPOEO paper: same names, own models".to_owned()
        }
        (SuiteKind::Modelled, name) => format!("the modelled jobs of {name}"),
        (SuiteKind::Measured, name) => format!("the suite {name}"),
    }
}

fn policies(evaluation: &Evaluation) -> String {
    let names = evaluation.policies.iter().map(|runs| match about(runs.policy) {
        "" => runs.policy.name().to_owned(),
        about => format!("{} ({about})", runs.policy.name()),
    });
    names.collect::<Vec<_>>().join("; ")
}

/// What does it again.
fn command(evaluation: &Evaluation) -> String {
    let policies: Vec<&str> = evaluation.policies.iter().map(|runs| runs.policy.name()).collect();
    let objective = match evaluation.objective {
        Objective::Ed2p => " --objective ed2p".to_owned(),
        Objective::Ed2pWithin { max_slowdown } => format!(" --objective ed2p-within --max-slowdown {max_slowdown}"),
        Objective::Edp => " --objective edp".to_owned(),
        Objective::MinTime { min_saving } => format!(" --objective time --min-saving {min_saving}"),
        Objective::MinEnergy { max_slowdown } => format!(" --max-slowdown {max_slowdown}"),
        _ => String::new(),
    };
    let gpu = evaluation.gpu.as_deref().map(|gpu| format!(" --gpu {gpu}")).unwrap_or_default();
    format!(
        "gpoeo-sim evaluate --suite {}{gpu} --policy {} --minutes {} --seeds {}{objective}",
        evaluation.suite,
        policies.join(","),
        minutes(evaluation),
        evaluation.seeds
    )
}
