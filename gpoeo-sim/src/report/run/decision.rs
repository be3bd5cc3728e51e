//! What was done about the clocks in the end, and why: one sentence.

use gpoeo_core::{Objective, Outcome, RelativeCost, Report};
use serde::Serialize;

use crate::policy::Policy;
use crate::record::{MachineRecord, RunRecord};
use crate::report::words::{SettingNames, count, goal, list, percent};

/// A setting that was held for a smaller share of the time than this is not named.
const LEAST_SHARE: f64 = 0.01;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DecisionKind {
    /// The policy knew its setting from the start.
    Fixed,
    /// One setting or several in turns were held.
    Held,
    /// Other settings were measured, and none was better than the default clocks.
    KeptDefault,
    /// The job does not repeat itself, so no slowdown can be shown.
    NoIteration,
    /// The machine stopped before the end.
    Stopped,
    /// The time ran out before the search was over.
    Unfinished,
}

/// What was done about the clocks, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// In short.
    pub kind: DecisionKind,
    /// Share of the held time at each setting of [`RunRecord::stays`], in its order; all 0 if nothing was held.
    pub held_shares: Vec<f64>,
    /// As a sentence.
    pub sentence: String,
}

impl Decision {
    /// Of a run.
    #[must_use]
    pub fn of(record: &RunRecord) -> Self {
        let held_s: f64 = record.stays.iter().map(|stay| stay.held_s).sum();
        let share = |held: f64| if held_s > 0.0 { held / held_s } else { 0.0 };
        let held_shares: Vec<f64> = record.stays.iter().map(|stay| share(stay.held_s)).collect();
        let (kind, sentence) = match &record.machine {
            None => (DecisionKind::Fixed, fixed(record, &held_shares)),
            Some(machine) => decided(record, machine, &held_shares),
        };
        Self { kind, held_shares, sentence }
    }
}

fn fixed(record: &RunRecord, shares: &[f64]) -> String {
    let held = held(record, shares);
    match record.policy {
        Policy::Default => "Left the clocks to the driver: the policy default does nothing.".to_owned(),
        Policy::Hull => format!("{held} from the start: the best schedule that the table allows, known beforehand."),
        Policy::Oracle => format!("{held} from the start: the best single setting of the table, known beforehand."),
        Policy::PowerLimit => "Left the clocks to the driver, under a static power limit.".to_owned(),
        Policy::Zeus => "Left the clocks to the driver, and chose its power limit.".to_owned(),
        other => format!("{held}: the policy {other}."),
    }
}

fn decided(record: &RunRecord, machine: &MachineRecord, shares: &[f64]) -> (DecisionKind, String) {
    let report = &machine.report;
    let tried = report.trials.len();
    if let Some(reason) = report.stop_reason {
        return (DecisionKind::Stopped, format!("Stopped before the end ({reason:?}); the clocks are as found."));
    }
    if report.baseline.is_none() && tried == 0 {
        let why = match report.outcome {
            Outcome::Aperiodic => "the job shows no repeating iteration, and without counters no slowdown can be shown",
            Outcome::Periodic { .. } => "the time ran out while the iteration was measured at default clocks",
            _ => "no iteration was found in this time",
        };
        let kind = match report.outcome {
            Outcome::Aperiodic => DecisionKind::NoIteration,
            _ => DecisionKind::Unfinished,
        };
        return (kind, format!("Left the default clocks alone: {why}."));
    }
    let goal = goal(record.objective);
    if shares.iter().all(|&share| share <= 0.0) {
        let sentence =
            format!("Held nothing yet: the time ran out during the search, after {}.", count(tried, "trial"));
        return (DecisionKind::Unfinished, sentence);
    }
    let default = record.workload.curve().default_clocks();
    let only_default = record.stays.iter().zip(shares).all(|(stay, &share)| stay.clocks == default || share <= 0.0);
    if only_default {
        let sentence = format!("Kept the default clocks: {goal} among {}.", count(tried + 1, "setting"));
        return (DecisionKind::KeptDefault, sentence);
    }
    let comparison = alternative(record, report).map_or_else(String::new, |text| format!("; {text}"));
    // The default clocks are a setting as well.
    let sentence =
        format!("{}: {goal} among {} measured{comparison}.", held(record, shares), count(tried + 1, "setting"));
    (DecisionKind::Held, sentence)
}

/// `Held 1290 and 1260 MHz in turns (80:20)`.
fn held(record: &RunRecord, shares: &[f64]) -> String {
    let names = SettingNames::of(&record.workload);
    let default = record.workload.curve().default_clocks();
    let hold = record.machine.as_ref().and_then(|machine| machine.report.hold);
    // While other settings are held, the default clocks come back now and then for the baseline to be measured again.
    let is_check = hold.is_some_and(|hold| hold.within.is_some() && hold.beyond.is_some());
    let mut settings: Vec<_> = record
        .stays
        .iter()
        .zip(shares)
        .filter(|(stay, share)| **share >= LEAST_SHARE && !(is_check && stay.clocks == default))
        .collect();
    settings.sort_by(|a, b| b.1.total_cmp(a.1));
    match settings.as_slice() {
        [] => "Held the default clocks nearly all the time".to_owned(),
        [(stay, _)] => format!("Held {}", names.name(stay.clocks)),
        _ => {
            let numbers: Vec<String> = settings.iter().map(|(stay, _)| names.number(stay.clocks)).collect();
            let parts: Vec<String> = settings.iter().map(|(_, share)| format!("{:.0}", 100.0 * **share)).collect();
            format!("Held {} MHz in turns ({})", list(&numbers), parts.join(":"))
        }
    }
}

/// What the best single setting would have saved, by what was measured.
fn alternative(record: &RunRecord, report: &Report) -> Option<String> {
    let hold = report.hold?;
    let is_single = hold.within == hold.beyond;
    let others = report.trials.iter().filter(|trial| !(is_single && Some(trial.clocks) == hold.within));
    let (clocks, cost) = others
        .filter_map(|trial| Some((record.objective.score(trial.cost)?, (trial.clocks, trial.cost))))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, best)| best)?;
    let name = SettingNames::of(&record.workload).name(clocks);
    let loss = loss(record.objective, hold.cost, cost)?;
    let which = if is_single { format!("the next best, {name},") } else { format!("{name} alone") };
    Some(format!("{which} would {loss}"))
}

/// In what the second best is worse; `None` where it is not.
fn loss(objective: Objective, best: RelativeCost, other: RelativeCost) -> Option<String> {
    /// What rounds to less is no difference.
    const LEAST: f64 = 0.0005;
    let (loss, text) = match objective {
        Objective::MinEnergy { .. } => {
            let points = other.energy - best.energy;
            (points, format!("save {} points less", percent(points)))
        }
        Objective::MinTime { .. } => {
            let points = other.time - best.time;
            (points, format!("take {} points more time", percent(points)))
        }
        _ => {
            let worse = objective.cost(other) / objective.cost(best) - 1.0;
            (worse, format!("be {} % worse", percent(worse)))
        }
    };
    (loss >= LEAST).then_some(text)
}
