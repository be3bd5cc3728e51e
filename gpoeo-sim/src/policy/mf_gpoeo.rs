//! MF-GPOEO, the model-free follow-up of GPOEO: a controller moves the upper SM clock limit until the measured slowdown is the
//! allowed one.
//!
//! Source: Wang, Hao, Zhang, Wang, "Model-Free GPU Online Energy Optimization", IEEE Transactions on Sustainable Computing,
//! 2023, from a description of the authors' code (`ruixueqingyang/MF-GPOEO`, commit `0b051df`). It measures slowdown by
//! the times of kernels and of the gaps between them; the simulator's rate of work stands for these records, without their
//! error where kernels match badly and without what tracing them costs. Bugs that are merely bugs are left out (flags that
//! stay set, empty start values in the settled gear); idle phases are too.

use std::collections::VecDeque;
use std::time::Duration;

use gpoeo_core::{ClockPair, MemGear};

use super::bench::{Bench, Over, Search};
use super::paper::{near, polled, power_limit_w};
use super::{RunOptions, RunOutcome};
use crate::watch::Watch;
use crate::workload::Workload;

/// The numbers of its configuration file and code.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Slowdown limit for objectives without one.
    usual_limit: f64,
    /// What is kept off the limit.
    reserve: f64,
    /// Window: first, step, longest, s.
    window_s: f64,
    window_step_s: f64,
    longest_window_s: f64,
    /// Windows of like utilisation in a row; 1 where they are longer than `long_window_s`.
    agreements: u32,
    long_window_s: f64,
    /// Relative difference of utilisation that is another job, and that is not alike: below and above a quarter.
    other: f64,
    unlike: [f64; 2],
    /// Base windows that may be needed, and how well they must agree.
    base_windows: u32,
    base_agree: f64,
    /// Share of the old base when a new one is merged.
    discount: f64,
    /// Memory use above which the memory clock is left alone.
    busy_memory: f64,
    /// SM limit in memory trials and at the start, as a share of the list.
    start: f64,
    /// After a clock change; of the memory.
    settling: Duration,
    memory_settling: Duration,
    /// Gains of the controller.
    gains: [f64; 3],
    /// Steps after which the base is measured again: first, then.
    rebase: [u32; 2],
    /// Steps after which it settles.
    most_steps: usize,
    /// Gears that lie within this are one.
    gear_range: usize,
    /// Distance of a window that is odd, and the number of windows that vote.
    odd: f64,
    votes: usize,
}

const SETTINGS: Settings = Settings {
    usual_limit: 0.05,
    reserve: 0.001,
    window_s: 4.0,
    window_step_s: 4.0,
    longest_window_s: 20.0,
    agreements: 3,
    long_window_s: 10.0,
    other: 0.18,
    unlike: [0.05, 0.04],
    base_windows: 5,
    base_agree: 0.04,
    discount: 0.5,
    busy_memory: 0.20,
    start: 0.95,
    settling: Duration::from_secs(1),
    memory_settling: Duration::from_secs(3),
    gains: [2.8, 0.002, 0.9],
    rebase: [2, 5],
    most_steps: 5,
    gear_range: 3,
    odd: 0.1,
    votes: 5,
};

/// What one window shows.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Work a second.
    rate: f64,
    power_w: f64,
    sm_util: f64,
    mem_util: f64,
    sm_mhz: f64,
    mem_mhz: f64,
}

/// One step of the controller.
#[derive(Clone, Copy, Debug)]
struct Step {
    gear: usize,
    slowdown: f64,
}

struct Machine<'a, 'b, W> {
    bench: &'a mut Bench<'b, W>,
    /// Slowdown that it steers to.
    target: f64,
    limit_w: f64,
    window_s: f64,
    base: Seen,
    search: Search,
}

/// Runs the job under it.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, polled(workload, options), watch);
    let limit = options.objective.max_slowdown().unwrap_or(SETTINGS.usual_limit);
    let mut machine = Machine {
        bench: &mut bench,
        target: (limit - SETTINGS.reserve).max(0.0),
        limit_w: power_limit_w(workload),
        window_s: SETTINGS.window_s,
        base: Seen::default(),
        search: Search::default(),
    };
    let _over = machine.work_for_ever();
    let search = machine.search;
    bench.finish(options, search)
}

impl<W: Watch> Machine<'_, '_, W> {
    fn work_for_ever(&mut self) -> Result<(), Over> {
        self.bench.wait_for_the_job()?;
        self.bench.wait(Duration::from_secs_f64(1.5))?;
        loop {
            self.bench.restore_clocks();
            self.bench.wait(SETTINGS.memory_settling)?;
            self.find_window()?;
            self.measure_base()?;
            let mem = self.search_memory()?;
            self.control(mem)?;
            self.search.settled_s.get_or_insert(self.bench.job_s());
            self.watch_phases()?;
        }
    }

    /// §13.3, 2: a window that shows the same utilisation again and again.
    fn find_window(&mut self) -> Result<(), Over> {
        self.window_s = SETTINGS.window_s;
        let mut old = self.window(self.window_s)?;
        let mut agreed = 0;
        while self.window_s < SETTINGS.longest_window_s {
            let new = self.window(self.window_s)?;
            let off = (new.sm_util - old.sm_util).abs() / (new.sm_util + old.sm_util).max(0.01);
            let unlike = SETTINGS.unlike[usize::from(old.sm_util >= 0.25)];
            if off > SETTINGS.other {
                (old, agreed) = (new, 0);
            } else if off > unlike {
                self.window_s += SETTINGS.window_step_s;
                agreed = 0;
            } else {
                agreed += 1;
                if agreed >= SETTINGS.agreements || self.window_s > SETTINGS.long_window_s {
                    break;
                }
            }
            old.sm_util = 0.5 * (old.sm_util + new.sm_util);
        }
        Ok(())
    }

    /// §13.3, 3: windows at default clocks until they agree.
    fn measure_base(&mut self) -> Result<(), Over> {
        self.window(SETTINGS.window_s)?;
        self.base = self.window(self.window_s)?;
        for violation in 1..SETTINGS.base_windows {
            let new = self.window(self.window_s)?;
            let off = (self.base.rate / new.rate.max(1e-6) - 1.0).abs();
            self.merge(new);
            if off <= SETTINGS.base_agree {
                break;
            }
            if violation % 3 == 0 {
                self.window_s = (2.0 * self.window_s).min(SETTINGS.longest_window_s);
            }
        }
        Ok(())
    }

    fn merge(&mut self, new: Seen) {
        let mixed = |new: f64, old: f64| (new + SETTINGS.discount * old) / (1.0 + SETTINGS.discount);
        self.base = Seen {
            rate: mixed(new.rate, self.base.rate),
            power_w: mixed(new.power_w, self.base.power_w),
            sm_util: mixed(new.sm_util, self.base.sm_util),
            mem_util: mixed(new.mem_util, self.base.mem_util),
            sm_mhz: mixed(new.sm_mhz, self.base.sm_mhz),
            mem_mhz: mixed(new.mem_mhz, self.base.mem_mhz),
        };
    }

    fn slowdown(&self, seen: &Seen) -> f64 {
        self.base.rate / seen.rate.max(1e-6) - 1.0
    }

    /// §13.3, 4: lower memory clocks for jobs that hardly use the memory, but not the lowest one.
    fn search_memory(&mut self) -> Result<MemGear, Over> {
        let capabilities = self.bench.capabilities().clone();
        let default = capabilities.default_pair();
        let mut held = default.mem_gear();
        if self.base.mem_util > SETTINGS.busy_memory || self.base.mem_util <= 0.0 {
            return Ok(held);
        }
        // Clocks that lie close to the default one are no candidates: 5001 and 810 of 9501, 9251, 5001, 810 and 405 MHz.
        let is_lower = |mem: &MemGear| {
            let mhz = capabilities.pairs_at(*mem).next().map_or(0, |pair| pair.mem().0);
            f64::from(mhz) < 0.9 * f64::from(default.mem().0)
        };
        let mut lower: Vec<MemGear> = (1..capabilities.mem_gears()).rev().map(MemGear).filter(is_lower).collect();
        lower.truncate(2);
        let mut best = 1.0;
        for mem in lower {
            let pairs: Vec<ClockPair> = capabilities.pairs_at(mem).collect();
            let Some(gear) = near(&pairs, SETTINGS.start * f64::from(default.sm().0)) else { break };
            self.bench.set_clocks(pairs[gear]);
            self.bench.wait(SETTINGS.memory_settling)?;
            self.search.settings_tried += 1;
            let mut seen = self.window(self.window_s)?;
            if self.slowdown(&seen) < 0.0 {
                let again = self.window(self.window_s)?;
                if again.rate < seen.rate {
                    seen = again;
                }
            }
            let slowdown = self.slowdown(&seen);
            let energy = seen.power_w / self.base.power_w.max(1.0) * (1.0 + slowdown);
            if slowdown > self.target || energy > best {
                break;
            }
            (held, best) = (mem, energy);
        }
        Ok(held)
    }

    /// §13.3, 5 to 8: moves the SM limit until it settles, and sets where.
    fn control(&mut self, mem: MemGear) -> Result<(), Over> {
        let capabilities = self.bench.capabilities().clone();
        let pairs: Vec<ClockPair> = capabilities.pairs_at(mem).collect();
        let top_mhz = f64::from(capabilities.default_pair().sm().0);
        let mut start_mhz = SETTINGS.start * top_mhz;
        if mem == capabilities.default_pair().mem_gear() && self.base.sm_mhz > 0.0 {
            start_mhz = start_mhz.min(self.base.sm_mhz);
        }
        let Some(mut gear) = near(&pairs, start_mhz) else { return Ok(()) };
        let mut steps: Vec<Step> = Vec::new();
        let (mut sum, mut boost, mut since_base) = (0.0, 1.0, 0);
        loop {
            self.bench.set_clocks(pairs[gear]);
            self.bench.wait(SETTINGS.settling)?;
            let seen = self.window(self.window_s)?;
            self.search.settings_tried += 1;
            let slowdown = self.slowdown(&seen);
            let error = self.target - slowdown;
            let last = steps.last().map(|step| self.target - step.slowdown);
            steps.push(Step { gear, slowdown });
            if let Some(settled) = self.settled(&steps, pairs.len()) {
                self.bench.set_clocks(pairs[settled.min(pairs.len() - 1)]);
                return self.bench.wait(SETTINGS.settling);
            }
            sum = if last.is_some_and(|last| last * error < 0.0) { 0.0 } else { sum + error };
            let change = last.map_or(0.0, |last| last - error);
            let damps = error * change < 0.0 && change.abs() > 0.5 * self.target;
            let [kp, ki, kd] = SETTINGS.gains;
            let pull = kp * self.gain(&steps, &mut boost) * error + ki * sum + if damps { kd * change } else { 0.0 };
            gear = self.moved(gear, pull, error).min(pairs.len() - 1);
            since_base += 1;
            if since_base == SETTINGS.rebase[usize::from(steps.len() > 2)] {
                since_base = 0;
                self.bench.restore_clocks();
                self.bench.wait(SETTINGS.settling)?;
                let new = self.window(self.window_s)?;
                self.merge(new);
            }
        }
    }

    /// The next gear: at least one in the right direction, unless the error is hardly one.
    fn moved(&self, gear: usize, pull: f64, error: f64) -> usize {
        if error > 0.0 && error < 0.01 * self.target {
            return gear;
        }
        let next = (gear as f64 * (1.0 - pull)).round().max(0.0) as usize;
        if error > 0.0 { next.min(gear.saturating_sub(1)) } else { next.max(gear + 1) }
    }

    /// What the proportional gain is multiplied with.
    fn gain(&self, steps: &[Step], boost: &mut f64) -> f64 {
        let target = self.target;
        let Some(&Step { gear, slowdown }) = steps.last() else { return 1.0 };
        if steps.len() == 1 {
            return 0.7;
        }
        let before = steps[steps.len() - 2];
        let points = 100.0 * (target - slowdown);
        let is_falling = steps.len() >= 3 && before.gear > gear && steps[steps.len() - 3].gear > before.gear;
        let is_flat = slowdown < 0.2 * target && before.slowdown < 0.2 * target;
        if is_flat || (is_falling && slowdown < 0.5 * target) {
            *boost = (*boost * if is_flat { 1.5_f64 } else { 1.75 }).min(8.0);
            return *boost;
        }
        *boost = 1.0;
        match points {
            points if points > 0.0 && points < 4.0 => 0.75,
            points if points > -0.3 && points <= 0.0 => 4.0,
            points if points > -0.6 && points <= 0.0 => 2.5,
            points if points > -2.5 && points <= 0.0 => 1.75,
            points if points.abs() < 10.0 && slowdown.abs() > 2.0 * target => 2.2,
            points if points.abs() < 40.0 && slowdown.abs() > 3.0 * target => 2.5,
            _ => 1.0,
        }
    }

    /// The gear that it settles on, once it does (§13.3, 8).
    fn settled(&self, steps: &[Step], gears: usize) -> Option<usize> {
        if steps.len() < 3 {
            return None;
        }
        let recent = &steps[steps.len() - 3..];
        let is_within = |step: &Step| step.slowdown <= self.target;
        let last = recent[2];
        let spread = |steps: &[Step]| {
            let low = steps.iter().map(|step| step.gear).min().unwrap_or(0);
            steps.iter().map(|step| step.gear).max().unwrap_or(0) - low
        };
        let is_low = recent.iter().all(|step| is_within(step) && 10 * step.gear < 6 * gears);
        let is_there = steps.len() >= SETTINGS.most_steps
            || last.gear == recent[1].gear
            || (spread(&recent[1..]) <= SETTINGS.gear_range && is_within(&last))
            || is_low;
        if !is_there {
            return None;
        }
        let weight = |step: &Step| {
            let error = (self.target - step.slowdown).abs().max(1e-4);
            error.sqrt().recip() * if is_within(step) { 1.0 } else { 0.25 }
        };
        let weights: f64 = recent.iter().map(weight).sum();
        let gear = recent.iter().map(|step| weight(step) * step.gear as f64).sum::<f64>() / weights;
        Some(gear.round() as usize)
    }

    /// §13.3, 9: until more than half of the last windows are unlike the first ones.
    fn watch_phases(&mut self) -> Result<(), Over> {
        let first: Vec<Seen> = (0..3).map(|_| self.window(self.window_s)).collect::<Result<_, Over>>()?;
        let mean = |value: fn(&Seen) -> f64| first.iter().map(value).sum::<f64>() / 3.0;
        let reference = Seen {
            rate: 0.0,
            power_w: mean(|seen| seen.power_w),
            sm_util: mean(|seen| seen.sm_util),
            mem_util: mean(|seen| seen.mem_util),
            sm_mhz: mean(|seen| seen.sm_mhz),
            mem_mhz: mean(|seen| seen.mem_mhz),
        };
        let mut votes: VecDeque<bool> = VecDeque::new();
        let mut pause = 1.0;
        loop {
            let seen = self.window(self.window_s)?;
            let is_odd = self.distance(&reference, &seen) > SETTINGS.odd;
            votes.push_back(is_odd);
            if votes.len() > SETTINGS.votes {
                votes.pop_front();
            }
            if 2 * votes.iter().filter(|odd| **odd).count() > SETTINGS.votes {
                return Ok(());
            }
            if is_odd {
                pause = 1.0;
            } else if votes.len() == SETTINGS.votes {
                self.bench.wait(Duration::from_secs_f64(pause * self.window_s))?;
                pause = (2.0_f64 * pause).min(8.0);
            }
        }
    }

    fn distance(&self, a: &Seen, b: &Seen) -> f64 {
        let default = self.bench.capabilities().default_pair();
        let (sm, mem) = (f64::from(default.sm().0), f64::from(default.mem().0.max(1)));
        let scaled = |seen: &Seen| {
            [seen.power_w / self.limit_w, seen.sm_mhz / sm, seen.mem_mhz / mem, seen.sm_util, seen.mem_util]
        };
        let (a, b) = (scaled(a), scaled(b));
        let off: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
        off / a.iter().chain(&b).sum::<f64>().max(1e-6)
    }

    fn window(&mut self, length_s: f64) -> Result<Seen, Over> {
        let (begin, work_s) = (self.bench.now(), self.bench.gpu().account().work_s);
        let (mut sum, mut samples) = (Seen::default(), 0.0);
        self.bench.watch_until(begin + Duration::from_secs_f64(length_s), |sample| {
            samples += 1.0;
            sum.power_w += sample.power_w;
            sum.sm_util += f64::from(sample.sm_util.unwrap_or(0.0));
            sum.mem_util += f64::from(sample.mem_util.unwrap_or(0.0));
            sum.sm_mhz += sample.sm_clock.map_or(0.0, |clock| f64::from(clock.0));
            sum.mem_mhz += sample.mem_clock.map_or(0.0, |clock| f64::from(clock.0));
        })?;
        let mean = |sum: f64| sum / f64::max(samples, 1.0);
        let elapsed_s = self.bench.now().seconds_since(begin);
        Ok(Seen {
            rate: (self.bench.gpu().account().work_s - work_s) / elapsed_s.max(1e-6),
            power_w: mean(sum.power_w),
            sm_util: mean(sum.sm_util),
            mem_util: mean(sum.mem_util),
            sm_mhz: mean(sum.sm_mhz),
            mem_mhz: mean(sum.mem_mhz),
        })
    }
}
