//! What the job really does over time: how far its work is, and what it has used. No sensor, no noise of sensors.
//!
//! Between two changes (of the clocks, of the power limit, of what a counter window costs, from lead-in to job, and once a
//! second where the driver chooses the clock) everything is in closed form, so a state depends on when changes happened,
//! never on how often it was asked for.

use std::sync::Arc;

use gpoeo_core::{ClockPair, Mhz, RelativeCost, Timestamp};

use crate::gpu::Drift;
use crate::model::{Cost, HeldBy, Law, Point};
use crate::noise::{Noise, Stream};
use crate::waveform::{Bend, Totals};
use crate::workload::{CostLaw, Workload, physical_bend};

/// Power that reading hardware counters costs, W (measured on an H100: 22-36 W).
const WINDOW_POWER_W: f64 = 25.0;
/// Time for a unit of work while hardware counters are read, relative to not reading them (measured: 0.1-1 %).
const WINDOW_TIME: f64 = 1.005;

/// Whether hardware counters are being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CounterWindow {
    Closed,
    Open,
}

/// Where the job is at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct State {
    /// Position in the waveform, s of work; negative in the lead-in.
    pub(crate) position_s: f64,
    /// The work done, by kind; from the begin of the job, so negative in the lead-in.
    pub(crate) done: Totals,
    /// Energy used since the job began (negative before), J.
    pub(crate) energy_j: f64,
    /// Temperature above the air, K; 0 where heat is not modelled.
    pub(crate) warm_k: f64,
}

/// What the clocks in force mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    bend: Bend,
    /// Power that burns on when time is stretched, W.
    idle_w: f64,
    heat: Option<Heat>,
    held_by: HeldBy,
    /// What an iteration costs, where the job is modelled.
    pub(crate) cost: Option<Cost>,
    /// The SM clock that runs.
    pub(crate) sm: Mhz,
    /// The memory clock that runs, if it is known.
    pub(crate) mem: Option<Mhz>,
    /// Share of the busy time with a kernel running, 0..1.
    pub(crate) kernels: f64,
    /// Use of the memory's bandwidth while busy, 0..1.
    pub(crate) dram: Option<f64>,
}

/// How heat acts at a setting: leakage follows the temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Heat {
    /// Temperature above the air at which the law holds, K.
    balance_k: f64,
    /// Power for each kelvin above that, W/K.
    w_per_k: f64,
    /// Time to come 63 % closer to the balance, s.
    time_constant_s: f64,
}

/// The job's motion since the last change.
#[derive(Clone, Debug)]
pub(crate) struct Physics {
    workload: Arc<Workload>,
    since: Timestamp,
    state: State,
    clocks: ClockPair,
    /// The power limit; `None`: the card's default, or none of which a measured sweep would know.
    limit_w: Option<f64>,
    window: CounterWindow,
    setting: Setting,
    drift: Drift,
    wander: Noise,
    /// How far the clock has wandered, ratio.
    wandered: f64,
}

impl Setting {
    /// Time in which kernels ran for this work, s, counters closed.
    pub(crate) fn kernels_s(&self, done: &Totals) -> f64 {
        self.bend.times().busy * done.busy_s.max(0.0) * self.kernels
    }
}

impl Heat {
    fn new(law: &Law, point: &Point) -> Self {
        let thermal = &law.card().thermal;
        let w_per_k = point.cost.leakage_w * thermal.leakage_per_k;
        // More heat, more leakage, more heat: what the loop adds, it adds to the time too.
        let gain = w_per_k * thermal.resistance_k_per_w;
        Self {
            balance_k: thermal.resistance_k_per_w * point.cost.power_w,
            w_per_k,
            time_constant_s: thermal.time_constant.as_secs_f64() / (1.0 - gain).max(0.1),
        }
    }

    /// Temperature above the air after `elapsed_s`, and the energy that its distance from the balance has cost, J.
    fn after(&self, warm_k: f64, elapsed_s: f64) -> (f64, f64) {
        let off_k = warm_k - self.balance_k;
        let left = (-elapsed_s / self.time_constant_s).exp();
        (self.balance_k + off_k * left, self.w_per_k * off_k * self.time_constant_s * (1.0 - left))
    }
}

impl Physics {
    /// `lead_in_s` before the job begins, at default clocks, with a card that was idle for long.
    pub(crate) fn new(workload: Arc<Workload>, lead_in_s: f64, start: Timestamp, drift: Drift, seed: u64) -> Self {
        let done = workload.waveform().at(-lead_in_s);
        let state = State { position_s: -lead_in_s, done, energy_j: done.energy_j(), warm_k: cold_k(&workload) };
        let clocks = workload.curve().default_clocks();
        let setting = lead_in(&workload, clocks);
        Self {
            workload,
            since: start,
            state,
            clocks,
            limit_w: None,
            window: CounterWindow::Closed,
            setting,
            drift,
            wander: Noise::new(seed, Stream::Wander),
            wandered: 0.0,
        }
    }

    /// The clocks that were asked for.
    pub(crate) fn clocks(&self) -> ClockPair {
        self.clocks
    }

    /// What they mean.
    pub(crate) fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The state at `time`, not before the last change.
    pub(crate) fn at(&self, time: Timestamp) -> State {
        let elapsed_s = time.saturating_since(self.since).as_secs_f64();
        let waveform = self.workload.waveform();
        if self.state.position_s < 0.0 {
            let position_s = (self.state.position_s + elapsed_s).min(0.0);
            let done = waveform.at(position_s);
            return State { position_s, done, energy_j: done.energy_j(), ..self.state };
        }
        let bend = &self.setting.bend;
        let slowed = match self.window {
            CounterWindow::Closed => 1.0,
            CounterWindow::Open => WINDOW_TIME,
        };
        let pace = bend.times();
        let done = waveform.reach(&pace, self.state.done.measure(&pace) + elapsed_s / slowed);
        let job_j = bend.energy_j(&done.since(&self.state.done));
        // A window stretches the time in which idle power burns; what it costs beyond that is in its own power.
        let window_j = match self.window {
            CounterWindow::Closed => 0.0,
            CounterWindow::Open => WINDOW_POWER_W * elapsed_s + self.setting.idle_w * (elapsed_s - elapsed_s / slowed),
        };
        let (warm_k, heat_j) = match &self.setting.heat {
            Some(heat) => heat.after(self.state.warm_k, elapsed_s),
            None => (self.state.warm_k, 0.0),
        };
        State { position_s: done.time_s(), done, energy_j: self.state.energy_j + job_j + window_j + heat_j, warm_k }
    }

    /// Other clocks are in force from `time` on.
    pub(crate) fn set_clocks(&mut self, time: Timestamp, clocks: ClockPair) {
        self.rebase(time);
        self.clocks = clocks;
        self.choose();
    }

    /// Another power limit is in force from `time` on.
    pub(crate) fn set_limit_w(&mut self, time: Timestamp, limit_w: f64) {
        self.rebase(time);
        self.limit_w = Some(limit_w);
        self.choose();
    }

    /// A counter window opens or closes at `time`.
    pub(crate) fn set_window(&mut self, time: Timestamp, window: CounterWindow) {
        self.rebase(time);
        self.window = window;
    }

    /// The lead-in ends at `time`: from here on the clocks matter.
    pub(crate) fn begin_job(&mut self, time: Timestamp) {
        self.rebase(time);
        // Rounding to the nanosecond would leave the position a trifle beside the begin.
        self.state = State { position_s: 0.0, done: Totals::default(), energy_j: 0.0, warm_k: cold_k(&self.workload) };
        self.choose();
    }

    /// The driver chooses the clock anew at `time`, where it is its choice.
    pub(crate) fn wander(&mut self, time: Timestamp) {
        let draw = self.wander.bell();
        let CostLaw::Physical(law) = self.workload.law() else { return };
        self.wandered = law.card().wander.deviation * draw;
        if self.state.position_s >= 0.0 && self.setting.held_by != HeldBy::Request {
            self.rebase(time);
            self.choose();
        }
    }

    /// Energy that work up to `work_s` at default clocks from the begin of the job on takes, J: from the same cold start.
    pub(crate) fn default_energy_j(&self, work_s: f64) -> f64 {
        let balanced_j = self.workload.waveform().energy_j(0.0, work_s);
        let (CostLaw::Physical(law), Drift::Present) = (self.workload.law(), self.drift) else { return balanced_j };
        // At a power limit, a cold card is faster instead of thriftier; by too little and for too short to count.
        if law.default_point().held_by == HeldBy::Power {
            return balanced_j;
        }
        balanced_j + Heat::new(law, law.default_point()).after(cold_k(&self.workload), work_s).1
    }

    fn rebase(&mut self, time: Timestamp) {
        self.state = self.at(time);
        self.since = time;
    }

    fn choose(&mut self) {
        if self.state.position_s < 0.0 {
            return;
        }
        self.setting = match self.workload.law() {
            CostLaw::Measured { idle_w } => {
                let clocks = match self.limit_w {
                    Some(limit_w) => self.workload.measured_under_limit(self.clocks, limit_w),
                    None => self.clocks,
                };
                let cost = self.workload.curve().cost(clocks).unwrap_or(RelativeCost::DEFAULT);
                Setting {
                    bend: self.workload.measured_bend(*idle_w, cost),
                    idle_w: *idle_w,
                    heat: None,
                    held_by: HeldBy::Request,
                    cost: None,
                    sm: clocks.sm(),
                    mem: self.workload.curve().memory_clock(clocks),
                    kernels: 1.0,
                    dram: None,
                }
            }
            CostLaw::Physical(law) => {
                let limit_w = self.limit_w.unwrap_or(law.card().limit_w.default);
                let mut point = law.point(self.clocks, limit_w);
                if point.held_by == HeldBy::Power && self.drift == Drift::Present {
                    // The driver holds the power, so what the heat adds is taken from the clock.
                    let heat = Heat::new(law, &point);
                    let heat_w = heat.w_per_k * (self.state.warm_k - heat.balance_k);
                    point = law.point(self.clocks, limit_w - heat_w);
                }
                if point.held_by != HeldBy::Request {
                    point = law.moved(&point, self.wandered);
                }
                let setting = physical_setting(law, &point);
                match self.drift {
                    Drift::Absent => Setting { heat: None, ..setting },
                    Drift::Present => setting,
                }
            }
        };
    }
}

/// The lead-in is played as it was recorded, whatever the clocks.
fn lead_in(workload: &Workload, clocks: ClockPair) -> Setting {
    let setting = Setting {
        bend: Bend::NONE,
        idle_w: 0.0,
        heat: None,
        held_by: HeldBy::Request,
        cost: None,
        sm: clocks.sm(),
        mem: workload.curve().memory_clock(clocks),
        kernels: 1.0,
        dram: None,
    };
    match workload.law() {
        CostLaw::Measured { .. } => setting,
        CostLaw::Physical(law) => {
            let default = physical_setting(law, law.default_point());
            Setting { sm: default.sm, mem: default.mem, ..setting }
        }
    }
}

fn physical_setting(law: &Law, point: &Point) -> Setting {
    let cost = &point.cost;
    let busy_share = (cost.time - law.job().host) / cost.time;
    Setting {
        bend: physical_bend(law, point),
        idle_w: cost.waiting_w,
        heat: Some(Heat::new(law, point)),
        held_by: point.held_by,
        cost: Some(*cost),
        sm: law.shown_sm(cost.sm_mhz),
        mem: Some(Mhz(law.card().memory[cost.memory].mhz)),
        kernels: cost.busy / busy_share,
        dram: Some(cost.dram / busy_share),
    }
}

/// Temperature above the air of a card that was idle for long, K.
fn cold_k(workload: &Workload) -> f64 {
    match workload.law() {
        CostLaw::Measured { .. } => 0.0,
        CostLaw::Physical(law) => law.card().thermal.resistance_k_per_w * law.card().idle.power_w,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dvfs::{DvfsCurve, DvfsTable};
    use crate::waveform::Waveform;

    fn physics(lead_in_s: f64) -> Physics {
        let text = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1000,,1.25,0.8\n1015,,1,1\n";
        let curve = DvfsCurve::new(&DvfsTable::parse(text.as_bytes(), "x").unwrap()[0]).unwrap();
        let workload = Workload::new("w", curve, Waveform::built_in(300.0));
        Physics::new(Arc::new(workload), lead_in_s, Timestamp::ZERO, Drift::Present, 1)
    }

    fn seconds(seconds: f64) -> Timestamp {
        Timestamp::from_secs_f64(seconds)
    }

    #[test]
    fn default_clocks_do_a_second_of_work_a_second() {
        let physics = physics(0.0);
        let state = physics.at(seconds(90.0));
        assert!((state.position_s - 90.0).abs() < 1e-9);
        assert!((state.energy_j - physics.workload.waveform().energy_j(0.0, 90.0)).abs() < 1e-6);
    }

    #[test]
    fn clocks_matter_from_the_moment_they_are_in_force() {
        let mut physics = physics(0.0);
        let low = physics.workload.curve().capabilities().pairs().next().unwrap();
        physics.set_clocks(seconds(10.0), low);
        let cycle_s = physics.workload.waveform().cycle_s();
        let state = physics.at(seconds(10.0 + 1.25 * cycle_s));
        assert!((state.position_s - 10.0 - cycle_s).abs() < 1e-6);
        let wanted = physics.workload.waveform().energy_j(0.0, 10.0) + 0.8 * 300.0 * cycle_s;
        assert!((state.energy_j / wanted - 1.0).abs() < 0.003, "{} instead of {wanted}", state.energy_j);
    }

    #[test]
    fn the_lead_in_knows_no_clocks() {
        let mut physics = physics(5.0);
        let low = physics.workload.curve().capabilities().pairs().next().unwrap();
        physics.set_clocks(Timestamp::ZERO, low);
        assert!((physics.at(seconds(2.0)).position_s + 3.0).abs() < 1e-9);
        physics.begin_job(seconds(5.0));
        assert!((physics.at(seconds(6.25)).position_s - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_window_costs_power_and_time() {
        let mut open = physics(0.0);
        let closed = open.clone();
        open.set_window(seconds(1.0), CounterWindow::Open);
        open.set_window(seconds(1.0) + Duration::from_secs(1), CounterWindow::Closed);
        let (with, without) = (open.at(seconds(9.0)), closed.at(seconds(9.0)));
        assert!((without.position_s - with.position_s - (1.0 - 1.0 / 1.005)).abs() < 1e-9);
        assert!((with.energy_j - without.energy_j - 25.0).abs() < 5.0);
    }
}
