//! The local search (§8 of the description): the memory clock around the predicted one, then the SM clock by bracket, golden
//! section and a cubic through everything that was measured.

use gpoeo_core::{ClockPair, MemGear};

use super::measure::Window;
use super::trial::{Trial, cubic_at};
use super::{Machine, SETTINGS, gears, near};
use crate::policy::bench::Over;
use crate::watch::Watch;

/// Beyond this multiple of the limit only higher memory clocks, or SM clocks, are tried …
const FAR: f64 = 1.2;
/// … and below this one only lower SM clocks.
const NEAR: f64 = 0.8;
/// A trial of a memory clock whose slowdown exceeds the limit even times this ends the search.
const MEMORY_RELIEF: f64 = 0.9;
/// Steps of the bracket, as a share of the gears: at a high memory clock, and else.
const RADIUS: [f64; 2] = [0.10, 0.15];
/// A memory clock of at least this share of the highest is a high one (9251 of 9501 MHz).
const HIGH_MEMORY: f64 = 0.97;
/// Clearly better: a reward below this share.
const CLEARLY: f64 = 0.85;
/// Low enough: a reward below this share of that at default clocks.
const LOW_ENOUGH: f64 = 0.75;
/// The golden section ends below this width, or after so many probes.
const WIDTH: usize = 7;
const PROBES: usize = 6;
const GOLDEN: f64 = 0.382;

/// Settings measured at one memory clock, by gear.
type Tried = Vec<(usize, Trial)>;

impl<W: Watch> Machine<'_, '_, W> {
    /// Searches, sets what it has chosen, and returns that.
    pub(super) fn search(
        &mut self,
        predicted_mem: MemGear,
        predicted_sm: ClockPair,
        window: Window,
        baseline: &Trial,
        time: &impl Fn(ClockPair) -> f64,
    ) -> Result<ClockPair, Over> {
        let mem = self.search_memory(predicted_mem, predicted_sm, window, baseline, time)?;
        let pairs = gears(self.bench, mem);
        let Some(start) = near(&pairs, f64::from(predicted_sm.sm().0)) else { return Ok(predicted_sm) };
        let mut tried: Tried = Vec::new();
        let mut probe = |machine: &mut Self, gear: usize| -> Result<Trial, Over> {
            if let Some((_, trial)) = tried.iter().find(|(at, _)| *at == gear) {
                return Ok(*trial);
            }
            let trial = machine.try_setting(pairs[gear], window, baseline, time)?;
            tried.push((gear, trial));
            Ok(trial)
        };
        let is_high = f64::from(pairs[start].mem().0) >= HIGH_MEMORY * self.highest_memory_mhz();
        let radius = ((if is_high { RADIUS[0] } else { RADIUS[1] }) * pairs.len() as f64).round().max(1.0) as usize;
        let (low, middle, high) = self.bracket(start, radius, pairs.len() - 1, baseline, &mut probe)?;
        self.golden(low, middle, high, &mut probe)?;
        let chosen = self.smoothed(&tried, baseline).unwrap_or(start);
        self.set(pairs[chosen], SETTINGS.settling)?;
        Ok(pairs[chosen])
    }

    fn try_setting(
        &mut self,
        clocks: ClockPair,
        window: Window,
        baseline: &Trial,
        time: &impl Fn(ClockPair) -> f64,
    ) -> Result<Trial, Over> {
        self.set(clocks, SETTINGS.settling)?;
        self.tried += 1;
        self.meter.measure(self.bench, window, time(clocks), Some(baseline.time_s))
    }

    fn highest_memory_mhz(&self) -> f64 {
        f64::from(self.bench.capabilities().default_pair().mem().0)
    }

    /// §8.1.
    fn search_memory(
        &mut self,
        predicted: MemGear,
        sm: ClockPair,
        window: Window,
        baseline: &Trial,
        time: &impl Fn(ClockPair) -> f64,
    ) -> Result<MemGear, Over> {
        let pairs = self.same_sm_everywhere(sm);
        let at = usize::from(predicted.0).min(pairs.len().saturating_sub(1));
        if pairs.len() < 2 {
            return Ok(predicted);
        }
        let top = pairs.len() - 1;
        let first = self.try_setting(pairs[at], window, baseline, time)?;
        let mut tried: Tried = vec![(at, first)];
        let others: Vec<usize> = if first.slowdown < FAR * self.goal.limit {
            match at {
                _ if at == top => (top.saturating_sub(2)..top).rev().collect(),
                0 => (1..=top.min(2)).rev().collect(),
                _ => vec![at + 1, at - 1],
            }
        } else {
            (at + 1..=top.min(at + 2)).rev().collect()
        };
        for other in others {
            let trial = self.try_setting(pairs[other], window, baseline, time)?;
            tried.push((other, trial));
            if MEMORY_RELIEF * (1.0 + trial.slowdown) - 1.0 > self.goal.limit {
                break;
            }
        }
        Ok(self.goal.choose(&tried).map_or(predicted, |index| pairs[index].mem_gear()))
    }

    /// §8.2, 1 to 3: the lowest, the best and the highest gear.
    fn bracket(
        &mut self,
        start: usize,
        radius: usize,
        last: usize,
        baseline: &Trial,
        probe: &mut impl FnMut(&mut Self, usize) -> Result<Trial, Over>,
    ) -> Result<(usize, usize, usize), Over> {
        let (mut low, mut middle, mut high) = (start, start, start);
        let mut best = probe(self, start)?;
        let (mut wants_high, mut wants_low) = (true, true);
        if best.slowdown < NEAR * self.goal.limit {
            wants_high = false;
        } else if best.slowdown > FAR * self.goal.limit {
            wants_low = false;
        }
        if wants_high {
            loop {
                high = (high + radius).min(last);
                let trial = probe(self, high)?;
                if high == last || !self.goal.prefers(&trial, &best) {
                    break;
                }
                if trial.reward() < CLEARLY * best.reward() {
                    (low, wants_low) = (middle, false);
                }
                (middle, best) = (high, trial);
            }
        }
        if wants_low {
            loop {
                low = low.saturating_sub(radius);
                let trial = probe(self, low)?;
                let is_over = low == 0
                    || !self.goal.prefers(&trial, &best)
                    || trial.slowdown > self.goal.limit
                    || trial.reward() < LOW_ENOUGH * baseline.reward();
                if is_over {
                    break;
                }
                if trial.reward() < CLEARLY * best.reward() {
                    high = middle;
                }
                (middle, best) = (low, trial);
            }
        }
        Ok((low, middle, high))
    }

    /// §8.2, 4.
    fn golden(
        &mut self,
        mut low: usize,
        middle: usize,
        mut high: usize,
        probe: &mut impl FnMut(&mut Self, usize) -> Result<Trial, Over>,
    ) -> Result<(), Over> {
        let share =
            |from: usize, to: usize, share: f64| (from as f64 + share * (to as f64 - from as f64)).round() as usize;
        let mut middle =
            if high - middle > middle - low { share(low, high, 1.0 - GOLDEN) } else { share(low, high, GOLDEN) };
        let mut best = probe(self, middle)?;
        for _probe in 0..PROBES {
            if high - low < WIDTH {
                break;
            }
            let goes_up = high - middle > middle - low;
            let next = if goes_up { share(middle, high, GOLDEN) } else { share(middle, low, GOLDEN) };
            let trial = probe(self, next)?;
            match (self.goal.prefers(&trial, &best), goes_up) {
                (true, up) => {
                    if up {
                        low = middle
                    } else {
                        high = middle
                    }
                    (middle, best) = (next, trial);
                }
                (false, true) => high = next,
                (false, false) => low = next,
            }
        }
        Ok(())
    }

    /// §8.2, 5: the best by cubics through everything measured.
    fn smoothed(&self, tried: &Tried, baseline: &Trial) -> Option<usize> {
        let of = |value: fn(&Trial) -> f64| -> Vec<(f64, f64)> {
            tried.iter().map(|(gear, trial)| (*gear as f64, value(trial))).collect()
        };
        let (times, energies) = (of(|trial| trial.time_s), of(|trial| trial.energy_j));
        let lowest = tried.iter().map(|(gear, _)| *gear).min()?;
        let highest = tried.iter().map(|(gear, _)| *gear).max()?;
        let fitted: Tried = (lowest..=highest)
            .map(|gear| {
                let (time_s, energy_j) = (cubic_at(&times, gear as f64), cubic_at(&energies, gear as f64));
                (gear, Trial::new(time_s, energy_j, baseline.time_s))
            })
            .collect();
        self.goal.choose(&fitted)
    }
}
