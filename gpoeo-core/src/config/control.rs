//! Defaults of baseline, search and hold.

use core::time::Duration;

/// How many settings the hold may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum HoldPolicy {
    /// One setting: for lockstep groups, and for whoever wants no clock change while holding.
    One,
    /// Two settings in turns, which reaches the lower hull of (time, energy) between them.
    #[default]
    Two,
}

/// Defaults of the baseline and of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SearchConfig {
    /// The baseline is good enough at this relative standard error of its time. Its error decides whether the limit is
    /// kept: everything is measured against it.
    pub baseline_stderr_ratio: f64,
    /// The baseline consists of several measurements over at least this long, in the time of which a job that changes by
    /// turns has shown it: how far they differ is a part of its doubt.
    pub baseline_span: Duration,
    /// The baseline is taken as it is after this long: time at default clocks saves nothing.
    pub max_baseline: Duration,
    /// … unless the job is so ragged that more is worth it: so long for each unit of relative standard error that is left
    /// (60 s at 1 %). The doubt is kept off the limit, and a point of the limit is worth a sixth of the saving.
    pub baseline_per_doubt: Duration,
    /// Longest baseline, however ragged the job.
    pub longest_baseline: Duration,
    /// A trial is good enough at this relative standard error of its time.
    pub trial_stderr_ratio: f64,
    /// Shortest trial after settling: energy of shorter windows is worthless (counter steps of 100 ms).
    pub min_trial: Duration,
    /// Fewest whole iterations of a trial.
    pub min_trial_iterations: f64,
    /// Longest trial after settling, unless [`SearchConfig::min_trial_iterations`] takes longer.
    pub max_trial: Duration,
    /// No trial of an iteration longer than this at a lower memory clock: it may run at a third of the speed, and
    /// nothing is seen before the first iteration ends.
    pub max_memory_trial_period: Duration,
    /// Where the memory is used for less than this share of the time, a lower memory clock probably costs hardly any: it is
    /// looked at early.
    pub idle_memory_util: f64,
    /// … at the SM clock that needs least energy within this share of the slowdown limit: the rest is for the memory.
    pub memory_trial_share: f64,
    /// … after so many trials of SM clocks.
    pub trials_before_memory: u32,
    /// Never believe a relative standard error of time below this: what one window shows does not last exactly.
    pub time_floor_ratio: f64,
    /// The same for the energy of a window of two seconds: sensors and temperature drift.
    pub energy_floor_ratio: f64,
    /// Power does not show iterations shorter than this: the period is then a multiple, or an alias, of them. Where counters
    /// can be read, the work rate takes its place.
    pub min_power_period: Duration,
    /// The same where the baseline's time by the period is less sure than this, relative standard error.
    pub max_period_stderr_ratio: f64,
    /// One counter window of a job without a period; several make a measurement.
    pub counter_window: Duration,
    /// Counters stay closed so long at the begin of a measurement: its power without them is seen then.
    pub counter_lead: Duration,
    /// Power of the last stretch of this length before the first counter window counts as that of the measurement.
    pub counter_lead_used: Duration,
    /// Counter windows of a trial, at least.
    pub min_counter_windows: u32,
    /// A trial by the work rate takes as long as this relative standard error of its time needs (or that of the baseline,
    /// where it is larger) …
    pub work_trial_stderr_ratio: f64,
    /// … but not longer than this.
    pub longest_work_trial: Duration,
    /// A busy job without an answer for this long is measured by its work rate, where counters can be read.
    pub undecided_patience: Duration,
    /// Whether lower memory clocks are tried at all.
    pub tries_memory_clocks: bool,
    /// Whether a trial may end before it is as exact as it should be: when it is clear that it breaks the limit.
    pub ends_early: bool,
    /// Most trials of one search.
    pub max_trials: u32,
    /// A trial ends early above this share of the slowdown limit (beyond its uncertainty).
    pub early_end_share: f64,
    /// What a whole search may cost at most: lost time beyond what the account holds, s.
    pub debt_floor_s: f64,
    /// The same, as a share of the run so far.
    pub debt_share: f64,
    /// The search looks at least this far ahead when it weighs what is to win against what a trial costs.
    pub horizon: Duration,
    /// Share of the possible gain that a trial is expected to realise.
    pub gain_share: f64,
    /// Saving lost by a trial, as a share of the held saving, beside the difference to the trial itself (settling,
    /// doubt).
    pub trial_overhead: f64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            baseline_stderr_ratio: 0.002,
            baseline_span: Duration::from_secs(10),
            max_baseline: Duration::from_secs(20),
            baseline_per_doubt: Duration::from_secs(6000),
            longest_baseline: Duration::from_secs(90),
            trial_stderr_ratio: 0.0012,
            min_trial: Duration::from_secs(4),
            min_trial_iterations: 3.0,
            max_trial: Duration::from_secs(10),
            max_memory_trial_period: Duration::from_secs(3),
            idle_memory_util: 0.3,
            memory_trial_share: 0.3,
            trials_before_memory: 2,
            time_floor_ratio: 0.0008,
            energy_floor_ratio: 0.005,
            min_power_period: Duration::from_millis(90),
            max_period_stderr_ratio: 0.012,
            counter_window: Duration::from_secs(2),
            counter_lead: Duration::from_secs(1),
            counter_lead_used: Duration::from_secs(20),
            min_counter_windows: 3,
            work_trial_stderr_ratio: 0.006,
            longest_work_trial: Duration::from_secs(12),
            undecided_patience: Duration::from_secs(30),
            tries_memory_clocks: true,
            ends_early: true,
            max_trials: 16,
            early_end_share: 1.3,
            debt_floor_s: 3.0,
            debt_share: 0.002,
            horizon: Duration::from_secs(600),
            gain_share: 0.7,
            trial_overhead: 0.15,
        }
    }
}

/// Defaults of the hold and its account of the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HoldConfig {
    /// Length of a segment at one setting. Shorter ones disturb the job by more clock changes, longer ones react late.
    pub segment: Duration,
    /// Fewest iterations of a segment.
    pub min_segment_iterations: f64,
    /// The account plans this far ahead at least and at most.
    pub min_horizon: Duration,
    /// See [`HoldConfig::min_horizon`].
    pub max_horizon: Duration,
    /// Planning horizon while more time was lost than the limit allows: pay back quickly.
    pub debt_horizon: Duration,
    /// Largest slowdown of the moment, as a multiple of the limit for the run.
    pub max_moment_share: f64,
    /// A setting whose relative standard error of time is above this is not held; below it what its error adds to the
    /// baseline's is kept off the limit.
    pub max_stderr_ratio: f64,
    /// … or above this multiple of the baseline's, whichever is more: a ragged job allows no better.
    pub max_stderr_of_baseline: f64,
    /// Whether the baseline is measured again while holding.
    pub repeats_baseline: bool,
    /// The baseline is not measured again sooner than this.
    pub min_rebaseline_gap: Duration,
    /// The baseline is measured again after this long even if nothing asks for it, then after ever longer times: a cold
    /// GPU uses 2-14 % less energy, and the first baseline is taken cold.
    pub max_rebaseline_gap: Duration,
    /// Each such gap is this many times the one before.
    pub rebaseline_growth: u32,
    /// What was known of the baseline counts for this share once it is measured again.
    pub rebaseline_memory: f64,
    /// … the time only if it lies this many standard errors off: a warming GPU uses more energy, and mostly takes as long.
    pub fade_stderrs: f64,
    /// Length of a repeated baseline.
    pub rebaseline: Duration,
    /// A held setting is watched over its last moments of this length …
    pub recent: Duration,
    /// … and of so many iterations: if they are slower by [`HoldConfig::small_shift_ratio`] and by their doubt, twice in a
    /// row, the found clocks are given back while it is looked into.
    pub recent_iterations: f64,
    /// A measurement that deviates is repeated over this long at once, to tell a lasting change from an odd moment.
    pub confirm: Duration,
    /// Work rates in a row that cannot be read (a counter that is busy) before the job is looked at anew.
    pub unread_work_rates: u8,
    /// Jobs that are remembered, so that one that comes back (training after validation, two jobs in turns) need not be
    /// searched again; 0: none.
    pub remembered_jobs: usize,
    /// A job is a remembered one if its iteration takes as long within this ratio (or within three standard errors) …
    pub recall_time_ratio: f64,
    /// … at the same power within this ratio.
    pub recall_power_ratio: f64,
    /// A held setting that deviates by more than this, relative, and by more than its doubt, twice in a row, means that
    /// the job has changed a little: the search starts anew from a new baseline.
    pub small_shift_ratio: f64,
    /// A deviation of more than this means another job: detection starts anew.
    pub large_shift_ratio: f64,
    /// Standard errors that a deviation must exceed to count.
    pub shift_stderrs: f64,
    /// While the clocks read back are not those that the setting was measured at (a cap, another controller), what is
    /// measured counts for nothing, but no longer than this: then it is the job that keeps the card there.
    pub overruled_patience: Duration,
}

impl Default for HoldConfig {
    fn default() -> Self {
        Self {
            segment: Duration::from_secs(30),
            min_segment_iterations: 4.0,
            min_horizon: Duration::from_secs(300),
            max_horizon: Duration::from_secs(900),
            debt_horizon: Duration::from_secs(180),
            max_moment_share: 1.6,
            max_stderr_ratio: 0.02,
            max_stderr_of_baseline: 3.0,
            repeats_baseline: true,
            min_rebaseline_gap: Duration::from_secs(60),
            max_rebaseline_gap: Duration::from_secs(75),
            rebaseline_growth: 4,
            rebaseline_memory: 0.5,
            fade_stderrs: 2.0,
            rebaseline: Duration::from_secs(12),
            recent: Duration::from_secs(2),
            recent_iterations: 5.0,
            confirm: Duration::from_secs(4),
            unread_work_rates: 3,
            remembered_jobs: 4,
            recall_time_ratio: 0.01,
            recall_power_ratio: 0.05,
            small_shift_ratio: 0.025,
            large_shift_ratio: 0.15,
            shift_stderrs: 4.0,
            overruled_patience: Duration::from_secs(600),
        }
    }
}
