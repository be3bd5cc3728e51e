//! Sums over the runs of a policy, and how far they would move with other jobs of the same kind.

use gpoeo_core::Objective;

use crate::noise::{Noise, Stream};

use super::Run;

/// Draws of the bootstrap: the ends of an interval then scatter by a few percent of its length.
const RESAMPLES: usize = 2000;
/// Share of the draws beyond each end of an interval: 95 % lie within.
const TAIL: f64 = 0.025;
/// Seed of the draws; any would do.
const BOOTSTRAP_SEED: u64 = 71;

/// Sums over the runs of one policy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Mean saving over the runs.
    pub mean_saving: f64,
    /// Mean slowdown over the runs.
    pub mean_slowdown: f64,
    /// Largest slowdown of a run.
    pub max_slowdown: f64,
    /// Sum of savings / sum of the oracle's noise-free savings; `None` if the oracle saves nothing.
    pub capture: Option<f64>,
    /// Runs with more slowdown than the objective allows; 0 if it allows any.
    pub over_limit: usize,
    /// 95 % confidence interval of the mean saving; `None` with fewer than two jobs.
    pub saving_interval: Option<Interval>,
    /// The same of the mean slowdown.
    pub slowdown_interval: Option<Interval>,
    /// The same of the capture.
    pub capture_interval: Option<Interval>,
}

/// Two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

/// What one job adds to the sums.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    runs: f64,
    saving: f64,
    slowdown: f64,
    oracle_saving: f64,
}

impl Sums {
    fn add(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            saving: self.saving + other.saving,
            slowdown: self.slowdown + other.slowdown,
            oracle_saving: self.oracle_saving + other.oracle_saving,
        }
    }

    fn of(runs: &[Run]) -> Self {
        runs.iter().fold(Self::default(), |sums, run| {
            sums.add(Self {
                runs: 1.0,
                saving: run.outcome.account.saving(),
                slowdown: run.outcome.slowdown(),
                oracle_saving: run.outcome.oracle_cost.saving(),
            })
        })
    }

    fn capture(self) -> Option<f64> {
        (self.oracle_saving > 0.0).then(|| self.saving / self.oracle_saving)
    }
}

impl Summary {
    pub(super) fn new(runs: &[Run], objective: Objective) -> Self {
        let jobs: Vec<Sums> = runs.chunk_by(|a, b| a.workload == b.workload).map(Sums::of).collect();
        let whole = jobs.iter().fold(Sums::default(), |sums, &job| sums.add(job));
        let count = whole.runs.max(1.0);
        let draws = bootstrap(&jobs);
        let interval = |value: fn(&Sums) -> Option<f64>| Interval::of(draws.iter().filter_map(value).collect());
        Self {
            mean_saving: whole.saving / count,
            mean_slowdown: whole.slowdown / count,
            max_slowdown: runs.iter().map(|run| run.outcome.slowdown()).fold(f64::NEG_INFINITY, f64::max),
            capture: whole.capture(),
            over_limit: runs.iter().filter(|run| run.is_over_limit(objective)).count(),
            saving_interval: interval(|sums| Some(sums.saving / sums.runs)),
            slowdown_interval: interval(|sums| Some(sums.slowdown / sums.runs)),
            capture_interval: interval(|sums| sums.capture()),
        }
    }
}

/// As many jobs drawn with replacement, many times over. Whole jobs are drawn, with all their seeds: those of one job
/// are much more alike than those of two.
fn bootstrap(jobs: &[Sums]) -> Vec<Sums> {
    if jobs.len() < 2 {
        return Vec::new();
    }
    let mut noise = Noise::new(BOOTSTRAP_SEED, Stream::Bootstrap);
    let mut draw = || {
        let index = (noise.uniform() * jobs.len() as f64) as usize;
        jobs[index.min(jobs.len() - 1)]
    };
    (0..RESAMPLES).map(|_| (0..jobs.len()).fold(Sums::default(), |sums, _| sums.add(draw()))).collect()
}

impl Interval {
    fn of(mut draws: Vec<f64>) -> Option<Self> {
        draws.sort_by(f64::total_cmp);
        let beyond = (TAIL * draws.len() as f64) as usize;
        Some(Self { low: *draws.get(beyond)?, high: *draws.get(draws.len() - 1 - beyond)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(savings: impl IntoIterator<Item = f64>) -> Vec<Sums> {
        let job = |saving| Sums { runs: 1.0, saving, slowdown: 0.05, oracle_saving: 0.2 };
        savings.into_iter().map(job).collect()
    }

    fn interval(jobs: &[Sums]) -> Interval {
        Interval::of(bootstrap(jobs).iter().map(|sums| sums.saving / sums.runs).collect()).unwrap()
    }

    #[test]
    fn the_interval_is_that_of_the_mean_of_a_normal_sample() {
        let mut noise = Noise::new(3, Stream::Bootstrap);
        let savings: Vec<f64> = (0..400).map(|_| 0.15 + 0.06 * noise.bell()).collect();
        let mean = savings.iter().sum::<f64>() / 400.0;
        let Interval { low, high } = interval(&jobs(savings));
        let half = 1.96 * 0.06 / 20.0;
        assert!(
            (mean - low - half).abs() < 0.2 * half && (high - mean - half).abs() < 0.2 * half,
            "{low} {mean} {high}"
        );
    }

    #[test]
    fn jobs_that_are_alike_leave_no_room_and_one_job_says_nothing() {
        let Interval { low, high } = interval(&jobs([0.1; 5]));
        assert!((low - 0.1).abs() < 1e-12 && (high - 0.1).abs() < 1e-12);
        assert!(bootstrap(&jobs([0.1])).is_empty() && Interval::of(Vec::new()).is_none());
    }
}
