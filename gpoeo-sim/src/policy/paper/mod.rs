//! GPOEO as published: profile, baseline, prediction, search, monitor.
//!
//! Source: Wang, Zhang, Lai, Hao, Wang, "Dynamic GPU Energy Optimization for Machine Learning Training Workloads", IEEE TPDS
//! 33(11), 2022 (arXiv 2201.01684), from a description of the authors' code (`ruixueqingyang/GPOEO`, commit `37d5a34`): its
//! detector, sampling (plain getters every 100 ms), constants, search and monitor. Departures:
//!
//! - The eight trained models were not published: see [`models`].
//! - Instructions per second of aperiodic jobs: the simulator's rate of work; the counter passes of the profile cost what
//!   they cost, where the job's counters can be read.
//! - Bugs that are merely bugs are left out: memory predictions come from the memory models (not from the SM ones), flat
//!   power is no crash, the job's mode is that of its first detection. What is a choice stays: the detection repeated at every
//!   setting, the limit held against one baseline, the smoothed clock held without having been measured, unstable answers
//!   that compete, a monitor that looks at power alone.
//! - Gears are shares of the card's own list (those of an RTX 3080 Ti there). The lowest clocks in idle phases (§9.1) are left
//!   out: pauses of 2 s and more would cost it.

mod measure;
mod models;
mod search;
mod trial;

use std::time::Duration;

use gpoeo_core::{ClockPair, MemGear};

pub(super) use measure::polled;
pub(super) use trial::{Goal, Trial};

use super::bench::{Bench, Over, Search};
use super::{RunOptions, RunOutcome};
use crate::watch::Watch;
use crate::workload::{CostLaw, Workload};

use measure::{Change, Meter, RELAXED, STRICT, Window};
use models::Models;

/// The numbers of the published code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Share of the limit that it uses: 4.5 of 5 %.
    pub(super) limit_share: f64,
    /// Slowdown limit for objectives without one.
    pub(super) usual_limit: f64,
    /// Lowest, highest and reference SM clock as shares of the highest (450, 1995 and 1800 of 2055 MHz).
    pub(super) lowest: f64,
    pub(super) highest: f64,
    pub(super) reference: f64,
    /// Static power of the RTX 3080 Ti, W; it is 0 for cards that it does not know.
    pub(super) static_w: f64,
    /// After a change of the clocks, and before the profile.
    pub(super) settling: Duration,
    pub(super) short_settling: Duration,
    /// Counter passes, and their length in periods.
    passes: u32,
    pass_periods: f64,
    /// Movement of power that is a change: of periodic and of aperiodic jobs, and that of another job.
    drift: f64,
    drift_aperiodic: f64,
    drift_large: f64,
}

pub(super) const SETTINGS: Settings = Settings {
    limit_share: 0.9,
    usual_limit: 0.05,
    lowest: 0.219,
    highest: 0.971,
    reference: 0.876,
    static_w: 30.0,
    settling: Duration::from_secs(4),
    short_settling: Duration::from_secs(2),
    passes: 4,
    pass_periods: 1.1,
    drift: 0.18,
    drift_aperiodic: 0.30,
    drift_large: 0.5,
};

/// What a run knows.
struct Machine<'a, 'b, W> {
    bench: &'a mut Bench<'b, W>,
    meter: Meter,
    goal: Goal,
    tried: u32,
    settled_s: Option<f64>,
    window: Option<Window>,
}

/// Runs the job under it.
pub(super) fn run(workload: &Workload, options: &RunOptions, watch: &mut impl Watch) -> RunOutcome {
    let mut bench = Bench::new(workload, options, polled(workload, options), watch);
    let limit = options.objective.max_slowdown().unwrap_or(SETTINGS.usual_limit);
    let mut machine = Machine {
        meter: Meter::new(power_limit_w(workload), static_w(workload)),
        bench: &mut bench,
        goal: Goal { limit: SETTINGS.limit_share * limit },
        tried: 0,
        settled_s: None,
        window: None,
    };
    let _over = machine.work_for_ever(options.sim.seed);
    let search = Search {
        settled_s: machine.settled_s,
        settings_tried: machine.tried,
        outcome: Some(machine.window.map_or(gpoeo_core::Outcome::Undecided, Window::outcome)),
        last_clocks: None,
    };
    bench.finish(options, search)
}

/// The card's power limit, W; where nothing is known of it, the highest mean power of the sweep.
pub(super) fn power_limit_w(workload: &Workload) -> f64 {
    match workload.law() {
        CostLaw::Physical(law) => law.card().limit_w.default,
        CostLaw::Measured { .. } => workload.curve().default_power_w(),
    }
}

/// Static power that is taken off, W.
pub(super) fn static_w(workload: &Workload) -> f64 {
    if workload.gpu() == Some("rtx3080ti") { SETTINGS.static_w } else { 0.0 }
}

/// The SM clocks that it uses at a memory clock.
pub(super) fn gears(bench: &Bench<'_, impl Watch>, mem: MemGear) -> Vec<ClockPair> {
    let capabilities = bench.capabilities();
    let top = f64::from(capabilities.default_pair().sm().0);
    let range = SETTINGS.lowest * top..=(SETTINGS.highest * top).max(1.0);
    let all: Vec<ClockPair> = capabilities.pairs_at(mem).collect();
    let used: Vec<ClockPair> = all.iter().copied().filter(|pair| range.contains(&f64::from(pair.sm().0))).collect();
    if used.is_empty() { all } else { used }
}

/// The pair nearest to a share of the highest SM clock.
pub(super) fn near(pairs: &[ClockPair], mhz: f64) -> Option<usize> {
    let off = |pair: &ClockPair| (f64::from(pair.sm().0) - mhz).abs();
    (0..pairs.len()).min_by(|&a, &b| off(&pairs[a]).total_cmp(&off(&pairs[b])))
}

impl<W: Watch> Machine<'_, '_, W> {
    fn work_for_ever(&mut self, seed: u64) -> Result<(), Over> {
        self.bench.wait_for_the_job()?;
        // In use for more than 2 s, polled once a second.
        self.bench.wait(Duration::from_secs(3))?;
        loop {
            self.profile_and_search(seed)?;
        }
    }

    /// From the profile until the job has become another one.
    fn profile_and_search(&mut self, seed: u64) -> Result<(), Over> {
        let default = self.bench.capabilities().default_pair();
        // GeForce cards run CUDA at the second highest memory clock, where it profiles; others at the highest.
        let gears = gears(self.bench, default.mem_gear());
        let Some(at) = near(&gears, SETTINGS.reference * f64::from(default.sm().0)) else { return Err(Over) };
        let reference = gears[at];
        self.set(reference, SETTINGS.short_settling * 2)?;
        let window = self.meter.detect(self.bench, STRICT)?;
        self.window = Some(window);
        let pass_s = if window.is_periodic { SETTINGS.pass_periods * window.length_s } else { window.length_s };
        for _pass in 0..SETTINGS.passes {
            self.bench.wait_with_counters(Duration::from_secs_f64(pass_s))?;
        }
        self.bench.restore_clocks();
        self.bench.wait(SETTINGS.short_settling * 2)?;
        let baseline = self.meter.measure(self.bench, window, 1.0, None)?;

        let models = Models::new(reference, seed);
        let workload = self.bench.gpu().workload().clone();
        let score = |pair: ClockPair, cost: gpoeo_core::RelativeCost| {
            let trial = Trial::new(cost.time, cost.energy, 1.0);
            (pair, trial)
        };
        let sm = gears.iter().map(|&pair| score(pair, models.at_sm(&workload, pair)));
        let mut start = self.best_of(sm).unwrap_or(reference);
        let memory: Vec<ClockPair> = self.same_sm_everywhere(reference);
        let memory = memory.into_iter().map(|pair| score(pair, models.at_memory(&workload, pair)));
        let mut mem = self.best_of(memory).unwrap_or(reference).mem_gear();

        loop {
            let predicted = |pair: ClockPair| models.at_sm(&workload, pair).time;
            let held = self.search(mem, start, window, &baseline, &predicted)?;
            self.settled_s.get_or_insert(self.bench.job_s());
            let drift = if window.is_periodic { SETTINGS.drift } else { SETTINGS.drift_aperiodic };
            if window.is_periodic {
                self.meter.detect(self.bench, RELAXED)?;
            }
            match self.meter.monitor(self.bench, window, (drift, SETTINGS.drift_large), 1.0)? {
                Change::Large => return Ok(()),
                Change::Middling => (start, mem) = (held, held.mem_gear()),
            }
        }
    }

    fn best_of(&self, predicted: impl Iterator<Item = (ClockPair, Trial)>) -> Option<ClockPair> {
        let all: Vec<(ClockPair, Trial)> = predicted.collect();
        let numbered: Vec<(usize, Trial)> = all.iter().map(|(_, trial)| *trial).enumerate().collect();
        self.goal.choose(&numbered).map(|index| all[index].0)
    }

    /// The pairs with about this SM clock at every memory clock, ascending.
    fn same_sm_everywhere(&self, like: ClockPair) -> Vec<ClockPair> {
        let capabilities = self.bench.capabilities();
        let at = |mem: u16| {
            let pairs: Vec<ClockPair> = capabilities.pairs_at(MemGear(mem)).collect();
            near(&pairs, f64::from(like.sm().0)).map(|index| pairs[index])
        };
        (0..capabilities.mem_gears()).filter_map(at).collect()
    }

    fn set(&mut self, clocks: ClockPair, settling: Duration) -> Result<(), Over> {
        self.bench.set_clocks(clocks);
        self.bench.wait(settling)
    }
}
