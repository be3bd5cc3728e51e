//! What is known about the job that runs now: cost of each setting, time spent there, the account of the limit.

use core::time::Duration;

use crate::caps::ClockPair;
use crate::estimate::Estimate;
use crate::event::ProgressSource;
use crate::measure::RhythmShape;
use crate::models::Predicted;
use crate::objective::RelativeCost;
use crate::report::Expectation;
use crate::search::{Measurements, Observation, Prior, predict, smooth};
use crate::stats::{Pooled, Scatter, Wander};
use crate::time::Timestamp;
use crate::units::{MemGear, Mhz};

use super::window_noise::WindowNoise;

/// A setting to bring about: the clocks as they were found, or a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Found,
    Pair(ClockPair),
}

/// One setting: its measurements, and how long the job has spent there.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) target: Target,
    time_s: Pooled,
    energy_j: Pooled,
    iterations: u32,
    /// Relative time to assume until it is measured.
    assumed_time: f64,
    /// What the search expected before the first trial.
    pub(super) expected: Option<Expectation>,
    /// Another clock was in force than asked for, and that was told.
    told_not_reached: bool,
    /// Could not be set or measured: never again.
    pub(super) banned: bool,
    spent_s: f64,
    used_j: f64,
}

/// Relative cost of a measured setting, with standard errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) cost: RelativeCost,
    pub(super) time_stderr: f64,
    pub(super) energy_stderr: f64,
}

/// Cost at a memory clock relative to that at the default one; errors are relative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) cost: RelativeCost,
    pub(super) time_stderr: f64,
    pub(super) energy_stderr: f64,
}

impl Scale {
    /// What was measured at the memory clock, as it would be at the default one.
    pub(super) fn undo(&self, seen: &Observation) -> Observation {
        let (time, energy) = (self.cost.time, self.cost.energy);
        Observation {
            x: seen.x,
            cost: RelativeCost { time: seen.cost.time / time, energy: seen.cost.energy / energy },
            time_stderr: seen.time_stderr / time,
            energy_stderr: seen.energy_stderr / energy,
        }
    }
}

impl Setting {
    fn new(target: Target, assumed_time: f64) -> Self {
        Self {
            target,
            time_s: Pooled::default(),
            energy_j: Pooled::default(),
            iterations: 0,
            assumed_time,
            expected: None,
            told_not_reached: false,
            banned: false,
            spent_s: 0.0,
            used_j: 0.0,
        }
    }

    fn mem_gear(&self) -> Option<MemGear> {
        match self.target {
            Target::Pair(pair) => Some(pair.mem_gear()),
            Target::Found => None,
        }
    }

    pub(super) fn spent_s(&self) -> f64 {
        self.spent_s
    }

    pub(super) fn estimate(&self) -> Option<Estimate> {
        (self.iterations > 0).then(|| {
            let (time, energy) = (&self.time_s, &self.energy_j);
            Estimate::new(time.mean(), time.stderr(), energy.mean(), energy.stderr(), self.iterations)
        })
    }
}

/// Time and energy of a run so far, with what they would have been at the found clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(super) struct Totals {
    pub(super) elapsed_s: f64,
    pub(super) energy_j: f64,
    /// Time that the same work takes at the found clocks, s.
    pub(super) owed_s: f64,
    /// Energy that the same work takes at the found clocks, J.
    pub(super) owed_j: f64,
    /// Standard error of `owed_s`, s.
    pub(super) owed_stderr_s: f64,
    /// Standard error of `owed_j`, J.
    pub(super) owed_stderr_j: f64,
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        self.elapsed_s += other.elapsed_s;
        self.energy_j += other.energy_j;
        self.owed_s += other.owed_s;
        self.owed_j += other.owed_j;
        self.owed_stderr_s = self.owed_stderr_s.hypot(other.owed_stderr_s);
        self.owed_stderr_j = self.owed_stderr_j.hypot(other.owed_stderr_j);
    }
}

/// The job since its detection began. `settings[FOUND]` is the clocks as found.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The highest clocks: what relative clocks refer to.
    home: ClockPair,
    pub(super) source: ProgressSource,
    /// The period by detection, s; one second for a work rate.
    pub(super) period_s: f64,
    /// The shape of the rhythm at the found clocks.
    pub(super) shape: Option<RhythmShape>,
    /// SM clock that the driver chose while the baseline was measured.
    pub(super) found_sm: Option<Mhz>,
    /// Share of the time at the found clocks in which the memory was used, 0..1, if the device says.
    pub(super) mem_util: Option<f32>,
    pub(super) settings: Vec<Setting>,
    pub(super) in_force: usize,
    /// After this long at other clocks the baseline is measured again.
    pub(super) rebaseline_gap: Duration,
    pub(super) trials: u32,
    /// When the baseline was measured last.
    pub(super) baseline_at: Option<Timestamp>,
    /// How much more repeats scatter than they claim.
    scatter: Scatter,
    /// How far the baseline itself moves from one measurement to the next, beyond what they claim.
    wander: Wander,
    /// Scatter of counter windows: instructions per second, and energy per instruction.
    pub(super) rate_noise: WindowNoise,
    pub(super) cost_noise: WindowNoise,
    /// Power that open counters need, at the found clocks and at all others, W.
    counter_power_w: [Pooled; 2],
    /// Costs of the settings as all measurements together tell them; in the order of `settings`.
    smoothed: Vec<Option<Measured>>,
    /// What the search believes before the first trial.
    pub(super) prior: Prior,
    /// What models say of the memory clocks.
    pub(super) memory: Vec<Predicted>,
    /// Time and energy at the found clocks that reading counters has cost.
    counters_cost: (f64, f64),
}

/// Relative standard error of what a setting costs that was not measured.
const UNMEASURED: f64 = 0.05;

/// What open counters may need, standard deviation, W: 22-36 W on an H100.
const COUNTER_POWER_W: f64 = 30.0;
/// How far that differs between clocks, standard deviation, W.
const COUNTER_POWER_SPREAD_W: f64 = 8.0;

/// Index of the found clocks.
pub(super) const FOUND: usize = 0;

impl Job {
    pub(super) fn new(home: ClockPair, rebaseline_gap: Duration) -> Self {
        Self {
            home,
            source: ProgressSource::Period,
            period_s: 0.0,
            shape: None,
            found_sm: None,
            mem_util: None,
            settings: vec![Setting::new(Target::Found, 1.0)],
            in_force: FOUND,
            rebaseline_gap,
            trials: 0,
            baseline_at: None,
            scatter: Scatter::default(),
            wander: Wander::default(),
            rate_noise: WindowNoise::default(),
            cost_noise: WindowNoise::default(),
            counter_power_w: [Pooled::default(); 2],
            smoothed: Vec::new(),
            prior: Prior::default(),
            memory: Vec::new(),
            counters_cost: (0.0, 0.0),
        }
    }

    /// Power that open counters need at a setting, W: as measured, and nothing where nothing was.
    pub(super) fn counter_power_w(&self, index: usize) -> f64 {
        let [mut found_w, mut others_w] = self.counter_power_w;
        found_w.add(0.0, COUNTER_POWER_W);
        // At its power limit a GPU needs no more power, but more time: another clock may be different.
        others_w.add(found_w.mean(), found_w.stderr().hypot(COUNTER_POWER_SPREAD_W));
        if index == FOUND { found_w.mean() } else { others_w.mean() }
    }

    /// Power that measuring needs, relative to that of the job at the found clocks.
    pub(super) fn meter_share(&self) -> f64 {
        match (self.source, self.baseline()) {
            (ProgressSource::WorkRate, Some(base)) => (self.counter_power_w(FOUND + 1) / base.power_w()).max(0.0),
            _ => 0.0,
        }
    }

    /// Notes by how much power was higher with open counters.
    pub(super) fn note_counter_power(&mut self, is_found: bool, power_w: f64, stderr_w: f64) {
        self.counter_power_w[usize::from(!is_found)].add(power_w, stderr_w);
    }

    /// Charges what reading counters at the found clocks has cost.
    pub(super) fn charge_counters(&mut self, lost_s: f64, lost_j: f64) {
        self.counters_cost.0 += lost_s;
        self.counters_cost.1 += lost_j;
    }

    /// Credits time and energy to a setting.
    pub(super) fn spend(&mut self, target: Target, spent_s: f64, used_j: f64) {
        let index = match target {
            Target::Found => FOUND,
            Target::Pair(pair) => self.index_of(pair, 1.0),
        };
        let setting = &mut self.settings[index];
        setting.spent_s += spent_s;
        setting.used_j += used_j;
    }

    /// Adds a measurement of a setting.
    pub(super) fn record(&mut self, index: usize, seen: &Estimate) {
        let setting = &mut self.settings[index];
        setting.time_s.add(seen.time_s, seen.time_stderr_s);
        setting.energy_j.add(seen.energy_j, seen.energy_stderr_j);
        setting.iterations = setting.iterations.saturating_add(seen.iterations);
        self.smooth();
    }

    /// Lets what is known about the baseline count less before it is measured again: its energy was taken cold; its time,
    /// only if it is another one now.
    pub(super) fn fade_baseline(&mut self, seen: &Estimate, keep: f64, stderrs: f64) {
        let setting = &mut self.settings[FOUND];
        let doubt_s = setting.time_s.stderr().hypot(seen.time_stderr_s);
        if (setting.time_s.mean() - seen.time_s).abs() > stderrs * doubt_s {
            setting.time_s.fade(keep);
        }
        setting.energy_j.fade(keep);
    }

    /// Settings of one memory clock inform each other; those at the default one inform the others too, less exactly.
    fn smooth(&mut self) {
        let (indices, home): (Vec<usize>, Vec<Observation>) = self.at_home().unzip();
        self.smoothed = vec![None; self.settings.len()];
        for (index, told) in indices.into_iter().zip(smooth(&self.prior, &home)) {
            let (time_stderr, energy_stderr) = (told.time_stderr, told.energy_stderr);
            self.smoothed[index] = Some(Measured { cost: told.cost, time_stderr, energy_stderr });
        }
        let mut gears: Vec<MemGear> = self.settings.iter().filter_map(Setting::mem_gear).collect();
        gears.sort_unstable();
        gears.dedup();
        for gear in gears.into_iter().filter(|&gear| gear != self.home.mem_gear()) {
            let Some(scale) = self.scale_of(gear) else { continue };
            let (indices, mut observations): (Vec<usize>, Vec<Observation>) = self.at(gear).unzip();
            for seen in &mut observations {
                *seen = scale.undo(seen);
            }
            observations.extend(home.iter().map(Observation::of_other_memory));
            for (index, told) in indices.into_iter().zip(smooth(&self.prior, &observations)) {
                let (time, energy) = (told.cost.time * scale.cost.time, told.cost.energy * scale.cost.energy);
                let smoothed = Measured {
                    cost: RelativeCost { time, energy },
                    time_stderr: time * (told.time_stderr / told.cost.time).hypot(scale.time_stderr),
                    energy_stderr: energy * (told.energy_stderr / told.cost.energy).hypot(scale.energy_stderr),
                };
                // Where nothing is known of the same SM clock at the default memory clock, the scale is doubtful, but what
                // was measured is not.
                let is_better = self.measured_alone(index).is_none_or(|own| smoothed.time_stderr < own.time_stderr);
                self.smoothed[index] = is_better.then_some(smoothed);
            }
        }
    }

    /// Cost at a memory clock relative to the default one at the same SM clock, from all that was measured there.
    pub(super) fn scale_of(&self, gear: MemGear) -> Option<Scale> {
        let there: Vec<Observation> = self.at(gear).map(|(_, seen)| seen).collect();
        let xs: Vec<f64> = there.iter().map(|seen| seen.x).collect();
        let here = predict(&self.observations_at_home(), &xs);
        let (mut time, mut energy) = (Pooled::default(), Pooled::default());
        for (seen, here) in there.iter().zip(&here) {
            let time_ratio = seen.cost.time / here.cost.time;
            let energy_ratio = seen.cost.energy / here.cost.energy;
            let time_stderr = (seen.time_stderr / seen.cost.time).hypot(here.time_stderr / here.cost.time);
            let energy_stderr = (seen.energy_stderr / seen.cost.energy).hypot(here.energy_stderr / here.cost.energy);
            time.add(time_ratio, time_ratio * time_stderr);
            energy.add(energy_ratio, energy_ratio * energy_stderr);
        }
        (!there.is_empty()).then(|| Scale {
            cost: RelativeCost { time: time.mean(), energy: energy.mean() },
            time_stderr: time.stderr() / time.mean(),
            energy_stderr: energy.stderr() / energy.mean(),
        })
    }

    /// Measurements at a memory clock, with the indices of their settings.
    fn at(&self, gear: MemGear) -> impl Iterator<Item = (usize, Observation)> + '_ {
        (FOUND + 1..self.settings.len())
            .filter(move |&index| self.settings[index].mem_gear() == Some(gear))
            .filter_map(|index| Some((index, self.observation(index)?)))
    }

    /// Measurements at the default memory clock, with the indices of their settings.
    fn at_home(&self) -> impl Iterator<Item = (usize, Observation)> + '_ {
        (FOUND + 1..self.settings.len())
            .filter(|&index| self.is_at_home(index))
            .filter_map(|index| Some((index, self.observation(index)?)))
    }

    pub(super) fn observations_at_home(&self) -> Measurements {
        Measurements { prior: self.prior.clone(), observations: self.at_home().map(|(_, seen)| seen).collect() }
    }

    /// Whether a setting leaves the memory clock as it is by default.
    pub(super) fn is_at_home(&self, index: usize) -> bool {
        match self.settings[index].target {
            Target::Found => true,
            Target::Pair(pair) => pair.mem_gear() == self.home.mem_gear(),
        }
    }

    /// SM clock of a pair over the highest.
    pub(super) fn x_of(&self, pair: ClockPair) -> f64 {
        f64::from(pair.sm().0) / f64::from(self.home.sm().0)
    }

    /// What the measurements of a setting say by themselves.
    pub(super) fn observation(&self, index: usize) -> Option<Observation> {
        let Target::Pair(pair) = self.settings[index].target else { return None };
        let Measured { cost, time_stderr, energy_stderr } = self.measured_alone(index)?;
        Some(Observation { x: self.x_of(pair), cost, time_stderr, energy_stderr })
    }

    /// Index of a setting, made if it is new. `assumed_time`: relative time to assume until it is measured.
    pub(super) fn index_of(&mut self, pair: ClockPair, assumed_time: f64) -> usize {
        let target = Target::Pair(pair);
        self.settings.iter().position(|setting| setting.target == target).unwrap_or_else(|| {
            self.settings.push(Setting::new(target, assumed_time.max(0.5)));
            self.settings.len() - 1
        })
    }

    /// Whether a trial of this pair was begun; a pair can also be known only because it was in force when the job began.
    pub(super) fn was_tried(&self, pair: ClockPair) -> bool {
        let target = Target::Pair(pair);
        self.settings.iter().any(|setting| setting.target == target && setting.expected.is_some())
    }

    /// Whether it was not told yet that this pair is not reached.
    pub(super) fn not_reached_is_news(&mut self, pair: ClockPair) -> bool {
        let index = self.index_of(pair, 1.0);
        !core::mem::replace(&mut self.settings[index].told_not_reached, true)
    }

    /// Relative time of a setting that could not be measured.
    pub(super) fn assume(&mut self, index: usize, relative_time: f64) {
        self.settings[index].assumed_time = relative_time;
    }

    pub(super) fn baseline(&self) -> Option<Estimate> {
        self.doubted(FOUND)
    }

    /// All measurements of a setting, with a standard error of time that the scatter of repeats bears out.
    fn doubted(&self, index: usize) -> Option<Estimate> {
        let mut estimate = self.settings.get(index)?.estimate()?;
        estimate.time_stderr_s *= self.scatter.factor();
        if index == FOUND {
            estimate.time_stderr_s = estimate.time_stderr_s.hypot(self.wander.stderr() * estimate.time_s);
        }
        Some(estimate)
    }

    /// Notes how far a trial lies off what all others lead to expect.
    pub(super) fn note_surprise(&mut self, expected: &Expectation, seen: &Estimate) {
        let Some(base) = self.baseline() else { return };
        let claimed = (expected.time_stderr / expected.cost.time).hypot(seen.time_stderr_ratio());
        self.scatter.add((seen.time_s / base.time_s / expected.cost.time).ln() / claimed);
    }

    /// Whether this is the same job at the found clocks, by time and power of an iteration.
    pub(super) fn is_like(&self, source: ProgressSource, seen: &Estimate, (time, power): (f64, f64)) -> bool {
        self.source == source
            && self.baseline().is_some_and(|base| {
                let doubt = 3.0 * base.time_stderr_ratio().hypot(seen.time_stderr_ratio());
                (seen.time_s / base.time_s).ln().abs() < time.max(doubt)
                    && (seen.power_w() / base.power_w()).ln().abs() < power
            })
    }

    /// This job as it is to be remembered: what was learned of it, not what was spent.
    pub(super) fn without_account(&self) -> Self {
        let mut job = self.clone();
        for setting in &mut job.settings {
            (setting.spent_s, setting.used_j) = (0.0, 0.0);
        }
        job.in_force = FOUND;
        job
    }

    /// Takes over what another job has spent: it was this one, not yet known again.
    pub(super) fn take_account(&mut self, other: &Self) {
        for setting in &other.settings {
            self.spend(setting.target, setting.spent_s, setting.used_j);
        }
        self.in_force = match other.settings[other.in_force].target {
            Target::Found => FOUND,
            Target::Pair(pair) => self.index_of(pair, 1.0),
        };
    }

    /// Notes how far a repeated baseline lies off the one before.
    pub(super) fn note_wander(&mut self, known: &Estimate, seen: &Estimate) {
        let claimed = seen.time_stderr_ratio().hypot(known.time_stderr_ratio());
        self.wander.add((seen.time_s / known.time_s).ln(), claimed);
    }

    /// Notes how far a repeat lies off what is known about its setting.
    pub(super) fn note_scatter(&mut self, known: &Estimate, seen: &Estimate) {
        let claimed = seen.time_stderr_ratio().hypot(known.time_stderr_ratio());
        self.scatter.add((seen.time_s / known.time_s).ln() / claimed);
    }

    /// Cost of a setting relative to the baseline, once both were measured: by its own measurements and, at the default
    /// memory clock, those of its neighbours. The errors are the setting's own: the baseline's is common to all.
    pub(super) fn measured(&self, index: usize) -> Option<Measured> {
        if index == FOUND {
            let cost = RelativeCost::DEFAULT;
            return self.baseline().map(|_| Measured { cost, time_stderr: 0.0, energy_stderr: 0.0 });
        }
        self.smoothed.get(index).copied().flatten().or_else(|| self.measured_alone(index))
    }

    fn measured_alone(&self, index: usize) -> Option<Measured> {
        let (own, base) = (self.doubted(index)?, self.baseline()?);
        Some(Measured {
            cost: RelativeCost { time: own.time_s / base.time_s, energy: own.energy_j / base.energy_j },
            time_stderr: own.time_stderr_s / base.time_s,
            energy_stderr: own.energy_stderr_j / base.energy_j,
        })
    }

    /// Relative time of a setting, measured or assumed.
    pub(super) fn relative_time(&self, index: usize) -> f64 {
        self.measured(index).map_or(self.settings[index].assumed_time, |measured| measured.cost.time)
    }

    /// The whole job so far, always by the newest knowledge about each setting.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let base_power_w = self.baseline().map(|base| base.power_w());
        let (mut owed_var_s, mut owed_var_j) = (0.0, 0.0);
        let (mut changed_owed_s, mut changed_owed_j) = (0.0, 0.0);
        for (index, setting) in self.settings.iter().enumerate() {
            totals.elapsed_s += setting.spent_s;
            totals.energy_j += setting.used_j;
            if index == FOUND {
                let (lost_s, lost_j) = self.counters_cost;
                totals.owed_s += setting.spent_s - lost_s;
                totals.owed_j += setting.used_j - lost_j;
                continue;
            }
            let owed_s = setting.spent_s / self.relative_time(index);
            totals.owed_s += owed_s;
            changed_owed_s += owed_s;
            // From the energy that was used, not from the time: a job's pauses use little at any clock.
            let (owed_j, time_stderr, energy_stderr) = match self.measured(index) {
                Some(seen) => {
                    let owed_j = setting.used_j / seen.cost.energy;
                    (owed_j, seen.time_stderr / seen.cost.time, seen.energy_stderr / seen.cost.energy)
                }
                None => (base_power_w.map_or(setting.used_j, |power_w| owed_s * power_w), UNMEASURED, UNMEASURED),
            };
            totals.owed_j += owed_j;
            changed_owed_j += owed_j;
            owed_var_s += (owed_s * time_stderr).powi(2);
            owed_var_j += (owed_j * energy_stderr).powi(2);
        }
        if let Some(base) = self.baseline() {
            let shared_s = changed_owed_s * base.time_stderr_ratio();
            let shared_j = changed_owed_j * base.energy_stderr_ratio();
            owed_var_s += shared_s * shared_s;
            owed_var_j += shared_j * shared_j;
        }
        totals.owed_stderr_s = owed_var_s.sqrt();
        totals.owed_stderr_j = owed_var_j.sqrt();
        totals
    }

    fn fresh(&self) -> Self {
        Self::new(self.home, self.rebaseline_gap)
    }

    /// Forgets what was measured, but not what was spent: the job has changed a little.
    pub(super) fn close_measurements(&mut self) -> Totals {
        let totals = self.totals();
        let (source, period_s, in_force) = (self.source, self.period_s, self.settings[self.in_force].target);
        // That it changed is a reason not to trust its measurements more than before.
        let (scatter, wander, rate_noise, cost_noise) = (self.scatter, self.wander, self.rate_noise, self.cost_noise);
        let counter_power_w = self.counter_power_w;
        let known = Self { source, period_s, scatter, wander, rate_noise, cost_noise, counter_power_w, ..self.fresh() };
        *self = known;
        if let Target::Pair(pair) = in_force {
            self.in_force = self.index_of(pair, 1.0);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::Capabilities;
    use crate::units::Mhz;

    fn estimate(time_s: f64, energy_j: f64) -> Estimate {
        Estimate::new(time_s, 0.001 * time_s, energy_j, 0.005 * energy_j, 10)
    }

    #[test]
    fn owes_the_time_that_the_same_work_takes_at_the_found_clocks() {
        let caps = Capabilities::new([(Mhz(1000), vec![Mhz(900), Mhz(1000)])]).unwrap();
        let mut job = Job::new(caps.default_pair(), Duration::from_secs(240));
        job.spend(Target::Found, 10.0, 4000.0);
        job.record(FOUND, &estimate(0.1, 40.0));
        let slow = job.index_of(caps.pairs().next().unwrap(), 1.2);
        job.in_force = slow;
        job.spend(job.settings[slow].target, 11.0, 3300.0);
        assert!((job.totals().owed_s - 10.0 - 11.0 / 1.2).abs() < 1e-9, "assumed before it is measured");
        job.record(slow, &estimate(0.11, 33.0));
        let totals = job.totals();
        assert!((totals.owed_s - 20.0).abs() < 0.02 && (totals.owed_j - 8000.0).abs() < 10.0);
        assert!((totals.elapsed_s - 21.0).abs() < 1e-9 && (totals.energy_j - 7300.0).abs() < 1e-9);
        assert!(totals.owed_stderr_j > 10.0 && totals.owed_stderr_j < 100.0);
        let closed = job.close_measurements();
        assert_eq!(closed, totals);
        assert_eq!(job.settings[job.in_force].target, job.settings[1].target);
        assert!(job.baseline().is_none());
    }
}
