//! The wrapper that makes a backend fail.

use std::time::Duration;

use gpoeo_core::{BackendError, Capabilities, ClockPair, CounterSet, Fault, GpuBackend, Mhz, Sample, Timestamp};

use crate::noise::{Noise, Stream};

use super::plan::{DeviceFault, FaultPlan, PlannedFault};

/// How often another controller sets its clock.
const FOREIGN_EVERY: Duration = Duration::from_secs(30);
/// How often a power cap moves the clock, and gears that it moves by.
const CAP_EVERY: Duration = Duration::from_secs(1);
const CAP_GEARS: f64 = 4.0;

/// A backend with faults in front of it: whoever uses it sees a device or driver that fails as planned.
///
/// Equal plans and seeds fail alike. Without faults every call goes through as it is.
///
/// ```
/// use std::time::Duration;
/// use gpoeo_core::{GpuBackend, Timestamp};
/// use gpoeo_sim::{FaultInjector, SimConfig, SimGpu, Suite};
///
/// let job = Suite::paper71().workloads()[0].clone();
/// let gpu = SimGpu::new(job, SimConfig::default(), Duration::from_secs(60));
/// let mut gpu = FaultInjector::new(gpu, "ignore-set".parse()?, 1);
/// let low = gpu.capabilities()?.pairs().next().unwrap();
/// gpu.set_clocks(low)?; // says that it has worked
/// gpu.sleep_until(Timestamp::from_secs_f64(10.0));
/// assert_ne!(gpu.inner().clocks(), low);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FaultInjector<B> {
    inner: B,
    plan: Vec<PlannedFault>,
    begin: Option<Timestamp>,
    /// The time up to which edges were acted upon, since the begin.
    acted: Duration,
    /// What the driver believes to be locked; `None`: nothing.
    asked: Option<ClockPair>,
    /// What the last command was to lock; `None`: nothing.
    wanted: Option<ClockPair>,
    capabilities: Option<Capabilities>,
    held_by: Holder,
    calls: Noise,
    ring: Noise,
    caps: Noise,
    /// Energy that the counter has lost by restarting, J.
    lost_j: f64,
    /// Whether the counter restarts at the next sample.
    restarts: bool,
    stuck_j: Option<f64>,
    /// From when until when samples are lost.
    gap: Option<(Timestamp, Timestamp)>,
}

/// A fault holds the clocks: see [`FaultInjector::overruled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overruled {
    /// What the last command was to lock; `None`: it was to give the clocks back to the driver, or there was none.
    pub wanted: Option<ClockPair>,
}

/// Who holds the inner clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// The last command.
    Command,
    /// A cap.
    Cap,
    /// Another controller.
    Foreigner,
    /// A clock that does not move.
    Stuck,
}

impl<B: GpuBackend> FaultInjector<B> {
    /// Puts faults in front of a backend; their times count from the first call.
    #[must_use]
    pub fn new(inner: B, plan: FaultPlan, seed: u64) -> Self {
        Self {
            inner,
            plan: plan.faults().to_vec(),
            begin: None,
            acted: Duration::ZERO,
            asked: None,
            wanted: None,
            capabilities: None,
            held_by: Holder::Command,
            calls: Noise::new(seed, Stream::FaultCalls),
            ring: Noise::new(seed, Stream::FaultRing),
            caps: Noise::new(seed, Stream::FaultCaps),
            lost_j: 0.0,
            restarts: false,
            stuck_j: None,
            gap: None,
        }
    }

    /// The backend behind the faults.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// The backend behind the faults, for what the trait does not have.
    pub fn inner_mut(&mut self) -> &mut B {
        &mut self.inner
    }

    /// While a fault that no command helps against (a cap, another controller, a stuck clock) holds the clocks: those that
    /// the last command was for.
    #[must_use]
    pub fn overruled(&self) -> Option<Overruled> {
        (self.held_by != Holder::Command).then_some(Overruled { wanted: self.wanted })
    }

    /// Takes the faults away.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.inner
    }

    fn elapsed(&mut self) -> Duration {
        let now = self.inner.now();
        now.saturating_since(*self.begin.get_or_insert(now))
    }

    fn acting(&self, elapsed: Duration) -> impl Iterator<Item = &PlannedFault> {
        self.plan.iter().filter(move |planned| planned.acts_at(elapsed))
    }

    /// What a call meets: time that it takes and a fault, if it fails.
    fn meet(&mut self, what: &'static str, is_set: bool) -> Result<(), BackendError> {
        if self.plan.is_empty() {
            return Ok(());
        }
        let elapsed = self.elapsed();
        self.act_until(elapsed);
        let met: Vec<PlannedFault> = self.acting(elapsed).copied().collect();
        for planned in met {
            let (fault, fix) = match planned.fault {
                DeviceFault::Lost => (Fault::GpuLost, "check the device; nothing can be done from here"),
                DeviceFault::NoPermission if is_set => (Fault::NoPermission, "run as administrator"),
                DeviceFault::Hang { .. } | DeviceFault::Transient if self.calls.uniform() < planned.probability => {
                    (Fault::Transient, "try again")
                }
                _ => continue,
            };
            if let DeviceFault::Hang { time } = planned.fault {
                let until = self.inner.now() + time;
                self.sleep_through(until);
            }
            return Err(BackendError::new(fault, "with injected faults", what, fix));
        }
        Ok(())
    }

    /// Whether a call that changes clocks is hit by a fault of this kind.
    fn is_hit(&mut self, kind: impl Fn(&DeviceFault) -> bool) -> Option<DeviceFault> {
        let elapsed = self.elapsed();
        let hit = self.acting(elapsed).find(|planned| kind(&planned.fault)).copied()?;
        (self.calls.uniform() < hit.probability).then_some(hit.fault)
    }

    /// Sleeps, and lets the device act on its own in between.
    fn sleep_through(&mut self, deadline: Timestamp) {
        loop {
            let elapsed = self.elapsed();
            let Some(edge) = self.next_edge(elapsed) else { break };
            let Some(at) = self.begin.map(|begin| begin + edge).filter(|at| *at <= deadline) else { break };
            self.inner.sleep_until(at);
            if self.inner.now() < at {
                // The inner backend has come to its end.
                return;
            }
            self.act_until(edge);
        }
        self.inner.sleep_until(deadline);
    }

    /// The next moment at which a fault begins, ends, or acts again.
    fn next_edge(&self, elapsed: Duration) -> Option<Duration> {
        let again = |planned: &PlannedFault| {
            let every = match planned.fault {
                DeviceFault::CapPower { .. } => CAP_EVERY,
                DeviceFault::ForeignSet { .. } => FOREIGN_EVERY,
                DeviceFault::RingGap { .. } if planned.probability < 1.0 => CAP_EVERY,
                _ => return None,
            };
            let since = elapsed.checked_sub(planned.from)?;
            let turns = (since.as_secs_f64() / every.as_secs_f64()).floor() as u32 + 1;
            Some(planned.from + every * turns).filter(|at| planned.acts_at(*at))
        };
        self.plan.iter().flat_map(|planned| [planned.next_edge(elapsed), again(planned)]).flatten().min()
    }

    /// What the device does by itself up to a time.
    fn act_until(&mut self, until: Duration) {
        let mut last = self.acted;
        while let Some(edge) = self.next_edge(last).filter(|edge| *edge <= until) {
            self.act(edge);
            last = edge;
        }
        // What acts from the very begin has no edge after it.
        if self.acted.is_zero() && self.plan.iter().any(|planned| planned.from.is_zero()) {
            self.act(Duration::ZERO);
            self.acted = Duration::from_nanos(1);
        }
        self.acted = self.acted.max(until);
    }

    fn act(&mut self, at: Duration) {
        let acting: Vec<PlannedFault> = self.acting(at).copied().collect();
        let mut cap = None;
        for planned in &acting {
            let begins = planned.from == at;
            match planned.fault {
                DeviceFault::CounterReset if begins => self.restarts = true,
                DeviceFault::RingGap { length }
                    if (begins && planned.probability >= 1.0)
                        || (planned.probability < 1.0 && self.ring.uniform() < planned.probability) =>
                {
                    self.gap = self.begin.map(|begin| (begin + at, begin + at + length));
                }
                DeviceFault::ForeignSet { sm } => {
                    if let Some(clocks) = self.nearest(sm) {
                        let _out_of_our_hands = self.inner.set_clocks(clocks);
                        self.held_by = Holder::Foreigner;
                    }
                }
                DeviceFault::CapThermal { sm } => cap = Some(cap.map_or(sm, |other: Mhz| other.min(sm))),
                DeviceFault::CapPower { sm } => {
                    let down = Mhz((f64::from(sm.0) - 15.0 * CAP_GEARS * self.caps.uniform()).max(1.0) as u32);
                    cap = Some(cap.map_or(down, |other: Mhz| other.min(down)));
                }
                _ => {}
            }
        }
        let ended = |planned: &&PlannedFault| planned.lasts.is_some_and(|lasts| planned.from + lasts == at);
        let is_back = self.plan.iter().filter(ended).any(|planned| planned.fault == DeviceFault::Lost);
        let is_given_back =
            self.plan.iter().filter(ended).any(|planned| matches!(planned.fault, DeviceFault::ForeignSet { .. }));
        if is_given_back {
            // A reset is everybody's: the lock of the last command is gone too.
            self.asked = None;
            self.held_by = Holder::Command;
            let _out_of_our_hands = self.inner.restore_clocks();
        }
        if is_back {
            // The driver was loaded anew: nothing is locked any more.
            self.asked = None;
            self.wanted = None;
            self.held_by = Holder::Command;
            let _out_of_our_hands = self.inner.restore_clocks();
        }
        if let Some(cap) = cap {
            self.cap(cap);
        } else if self.held_by == Holder::Cap {
            self.held_by = Holder::Command;
            self.apply();
        }
        let is_stuck = acting.iter().any(|planned| planned.fault == DeviceFault::StuckClock);
        if self.held_by == Holder::Stuck && !is_stuck {
            // From here on a command would help.
            self.held_by = Holder::Command;
        }
    }

    /// Keeps the inner clock at or below a cap.
    fn cap(&mut self, cap: Mhz) {
        let Some(capabilities) = self.known() else { return };
        let asked = self.asked.unwrap_or_else(|| capabilities.default_pair());
        if asked.sm() <= cap && self.held_by != Holder::Cap {
            return;
        }
        let mut gears = capabilities.pairs_at(asked.mem_gear());
        let below = gears.rfind(|clocks| clocks.sm() <= cap.min(asked.sm()));
        let lowest = capabilities.pairs_at(asked.mem_gear()).next();
        if let Some(clocks) = below.or(lowest) {
            self.held_by = Holder::Cap;
            let _out_of_our_hands = self.inner.set_clocks(clocks);
        }
    }

    /// Brings the inner clocks to what was asked for.
    fn apply(&mut self) {
        let _out_of_our_hands = match self.asked {
            Some(clocks) => self.inner.set_clocks(clocks),
            None => self.inner.restore_clocks(),
        };
    }

    fn known(&mut self) -> Option<Capabilities> {
        if self.capabilities.is_none() {
            self.capabilities = self.inner.capabilities().ok();
        }
        self.capabilities.clone()
    }

    /// The pair nearest to an SM clock, at the memory clock that is asked for.
    fn nearest(&mut self, sm: Mhz) -> Option<ClockPair> {
        let capabilities = self.known()?;
        let mem_gear = self.asked.unwrap_or_else(|| capabilities.default_pair()).mem_gear();
        capabilities.pairs_at(mem_gear).min_by_key(|clocks| clocks.sm().0.abs_diff(sm.0))
    }

    /// After a change of what is asked for: under a cap the device keeps to it.
    fn settle(&mut self) -> Result<(), BackendError> {
        let elapsed = self.elapsed();
        let is_cap =
            |fault: &DeviceFault| matches!(fault, DeviceFault::CapThermal { .. } | DeviceFault::CapPower { .. });
        let cap = self.acting(elapsed).filter(|planned| is_cap(&planned.fault)).map(|planned| match planned.fault {
            DeviceFault::CapThermal { sm } | DeviceFault::CapPower { sm } => sm,
            _ => Mhz(u32::MAX),
        });
        match (cap.min(), self.asked) {
            (Some(cap), asked) if asked.is_none_or(|clocks| clocks.sm() > cap) => {
                self.cap(cap);
                Ok(())
            }
            (_, Some(clocks)) => {
                self.held_by = Holder::Command;
                self.inner.set_clocks(clocks)
            }
            (_, None) => {
                self.held_by = Holder::Command;
                self.inner.restore_clocks()
            }
        }
    }

    fn spoil(&mut self, samples: &mut Vec<Sample>, first: usize) {
        let elapsed = self.elapsed();
        let acting: Vec<PlannedFault> = self.acting(elapsed).copied().collect();
        let kinds = |wanted: fn(&DeviceFault) -> bool| acting.iter().find(|planned| wanted(&planned.fault));
        if kinds(|fault| matches!(fault, DeviceFault::RingEmpty)).is_some() {
            samples.truncate(first);
        }
        if let Some((from, until)) = self.gap {
            let mut index = 0;
            samples.retain(|sample| {
                index += 1;
                index <= first || sample.time <= from || sample.time > until
            });
        }
        let is_stuck = kinds(|fault| matches!(fault, DeviceFault::CounterStuck)).is_some();
        for sample in &mut samples[first..] {
            let Some(energy_j) = sample.energy_j else { continue };
            if std::mem::take(&mut self.restarts) {
                self.lost_j = energy_j;
            }
            let shown_j = energy_j - self.lost_j;
            if is_stuck {
                sample.energy_j = Some(*self.stuck_j.get_or_insert(shown_j));
            } else {
                self.stuck_j = None;
                sample.energy_j = Some(shown_j);
            }
        }
        if let Some(twice) = kinds(|fault| matches!(fault, DeviceFault::RingDuplicate)).copied() {
            let once = samples.split_off(first);
            for sample in once {
                samples.push(sample);
                if self.ring.uniform() < twice.probability {
                    samples.push(sample);
                }
            }
        }
    }
}

impl<B: GpuBackend> GpuBackend for FaultInjector<B> {
    fn now(&mut self) -> Timestamp {
        self.inner.now()
    }

    fn sleep_until(&mut self, deadline: Timestamp) {
        if self.plan.is_empty() {
            return self.inner.sleep_until(deadline);
        }
        let elapsed = self.elapsed();
        self.act_until(elapsed);
        self.sleep_through(deadline);
    }

    fn capabilities(&mut self) -> Result<Capabilities, BackendError> {
        self.meet("asking what the GPU can do", false)?;
        let capabilities = self.inner.capabilities()?;
        self.capabilities = Some(capabilities.clone());
        Ok(capabilities)
    }

    fn read_samples(&mut self, out: &mut Vec<Sample>) -> Result<(), BackendError> {
        self.meet("reading samples", false)?;
        let first = out.len();
        let result = self.inner.read_samples(out);
        if !self.plan.is_empty() {
            self.spoil(out, first);
        }
        result
    }

    fn set_clocks(&mut self, clocks: ClockPair) -> Result<(), BackendError> {
        self.meet("setting clocks", true)?;
        if self.plan.is_empty() {
            return self.inner.set_clocks(clocks);
        }
        if self.is_hit(|fault| matches!(fault, DeviceFault::IgnoreSet)).is_some() {
            return Ok(());
        }
        self.wanted = Some(clocks);
        if self.is_hit(|fault| matches!(fault, DeviceFault::StuckClock)).is_some() {
            self.held_by = Holder::Stuck;
            return Ok(());
        }
        let clamped = self.is_hit(|fault| matches!(fault, DeviceFault::ClampSet { .. }));
        self.asked = Some(clocks);
        if let Some(DeviceFault::ClampSet { sm }) = clamped {
            self.asked = self.nearest(sm).or(self.asked);
        }
        self.settle()
    }

    fn restore_clocks(&mut self) -> Result<(), BackendError> {
        self.meet("restoring clocks", true)?;
        if self.plan.is_empty() {
            return self.inner.restore_clocks();
        }
        self.wanted = None;
        if self.is_hit(|fault| matches!(fault, DeviceFault::StuckClock)).is_some() {
            self.held_by = Holder::Stuck;
            return Ok(());
        }
        self.asked = None;
        self.settle()
    }

    fn open_counters(&mut self, pass: u8) -> Result<(), BackendError> {
        self.meet("opening counters", false)?;
        self.inner.open_counters(pass)
    }

    fn close_counters(&mut self) -> Result<CounterSet, BackendError> {
        self.meet("closing counters", false)?;
        self.inner.close_counters()
    }

    fn set_sample_interval(&mut self, interval: Duration) -> Result<(), BackendError> {
        self.meet("setting the sampling interval", false)?;
        self.inner.set_sample_interval(interval)
    }
}

#[cfg(test)]
mod tests;
