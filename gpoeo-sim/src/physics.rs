//! What the job really does over time: how far its work is, and what it has used. No sensor, no noise.
//!
//! Between two changes (of the clocks, of what a counter window costs, from lead-in to job) everything is in closed
//! form, so a state depends on when changes happened, never on how often it was asked for.

use std::sync::Arc;

use gpoeo_core::{ClockPair, RelativeCost, Timestamp};

use crate::workload::{Bend, Workload};

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
    /// Energy used since the job began (negative before), J.
    pub(crate) energy_j: f64,
}

/// The job's motion since the last change.
#[derive(Clone, Debug)]
pub(crate) struct Physics {
    workload: Arc<Workload>,
    since: Timestamp,
    state: State,
    clocks: ClockPair,
    window: CounterWindow,
    bend: Bend,
}

impl Physics {
    /// `lead_in_s` before the job begins, at default clocks.
    pub(crate) fn new(workload: Arc<Workload>, lead_in_s: f64, start: Timestamp) -> Self {
        let energy_j = -workload.waveform().energy_j(-lead_in_s, 0.0);
        let clocks = workload.curve().default_clocks();
        let state = State { position_s: -lead_in_s, energy_j };
        let mut physics =
            Self { workload, since: start, state, clocks, window: CounterWindow::Closed, bend: Bend::NONE };
        physics.bend = physics.current_bend();
        physics
    }

    /// The clocks in force.
    pub(crate) fn clocks(&self) -> ClockPair {
        self.clocks
    }

    /// The state at `time`, not before the last change.
    pub(crate) fn at(&self, time: Timestamp) -> State {
        let elapsed_s = time.saturating_since(self.since).as_secs_f64();
        let work_s = elapsed_s / self.time_ratio();
        let position_s = self.state.position_s + work_s;
        let waveform_j = self.workload.waveform().energy_j(self.state.position_s, position_s);
        let job_j = self.bend.energy_j(work_s, waveform_j);
        // A window stretches the time in which idle power burns; what it costs beyond that is in its own power.
        let window_j = match self.window {
            CounterWindow::Closed => 0.0,
            CounterWindow::Open => {
                let stretched_s = elapsed_s - elapsed_s / WINDOW_TIME;
                WINDOW_POWER_W * elapsed_s + self.bend.idle_w * stretched_s
            }
        };
        State { position_s, energy_j: self.state.energy_j + job_j + window_j }
    }

    /// Other clocks are in force from `time` on.
    pub(crate) fn set_clocks(&mut self, time: Timestamp, clocks: ClockPair) {
        self.rebase(time);
        self.clocks = clocks;
        self.bend = self.current_bend();
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
        self.state = State { position_s: 0.0, energy_j: 0.0 };
        self.bend = self.current_bend();
    }

    fn rebase(&mut self, time: Timestamp) {
        self.state = self.at(time);
        self.since = time;
    }

    fn time_ratio(&self) -> f64 {
        match self.window {
            CounterWindow::Closed => self.bend.time,
            CounterWindow::Open => self.bend.time * WINDOW_TIME,
        }
    }

    /// The lead-in is played as it was recorded, whatever the clocks.
    fn current_bend(&self) -> Bend {
        if self.state.position_s < 0.0 {
            return Bend::NONE;
        }
        self.workload.bend(self.workload.curve().cost(self.clocks).unwrap_or(RelativeCost::DEFAULT))
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
        Physics::new(Arc::new(workload), lead_in_s, Timestamp::ZERO)
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
