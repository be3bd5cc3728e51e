//! Measuring one setting as the published code does: the whole detection again, or a fixed window where there is no period
//! (§8.0 and §4 of the description), and watching a held one (§9.2).

use std::collections::VecDeque;
use std::time::Duration;

use gpoeo_core::{Outcome, Sample};

use super::trial::Trial;
use crate::gpu::SimConfig;
use crate::peers::GpoeoDetector;
use crate::policy::RunOptions;
use crate::policy::bench::{Bench, Over};
use crate::sensor::{PowerSource, SensorConfig};
use crate::watch::Watch;
use crate::workload::{CostLaw, Workload};

/// Spread of nested windows that counts as stable: first detection, and all others.
pub(super) const STRICT: f64 = 0.10;
pub(super) const RELAXED: f64 = 0.30;
/// A period above this is treated as none, s.
const LONGEST_S: f64 = 30.0;
/// Shortest fixed window, s.
const LEAST_WINDOW_S: f64 = 4.0;
/// Longest trace that power means are taken of, s.
const KEPT_S: f64 = 90.0;

/// Sensors as the published programs poll them: the plain getters, every 100 ms.
pub(in crate::policy) fn polled(workload: &Workload, options: &RunOptions) -> SimConfig {
    let sensors = options.sim.sensors.clone().unwrap_or_else(|| match workload.law() {
        CostLaw::Physical(law) => law.card().sensors.clone(),
        CostLaw::Measured { .. } => SensorConfig::default(),
    });
    options.sim.clone().with_sensors(sensors.with_power(PowerSource::Average))
}

/// What is seen of the job's rhythm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) length_s: f64,
    pub(super) is_periodic: bool,
}

impl Window {
    pub(super) fn outcome(self) -> Outcome {
        if self.is_periodic {
            Outcome::Periodic { period: Duration::from_secs_f64(self.length_s), confidence: 1.0 }
        } else {
            Outcome::Aperiodic
        }
    }
}

/// The detector and the power that goes with it.
pub(super) struct Meter {
    detector: GpoeoDetector,
    /// Power of the last samples, W, newest last; ten a second.
    recent: VecDeque<f64>,
    /// Static power, W.
    static_w: f64,
}

/// How the held setting has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Search again from what is held.
    Middling,
    /// Start anew.
    Large,
}

impl Meter {
    pub(super) fn new(limit_w: f64, static_w: f64) -> Self {
        Self { detector: GpoeoDetector::published(limit_w), recent: VecDeque::new(), static_w }
    }

    /// Looks for the period at the present clocks.
    pub(super) fn detect(&mut self, bench: &mut Bench<'_, impl Watch>, agree: f64) -> Result<Window, Over> {
        self.detector.begin(agree);
        self.recent.clear();
        let mut ended = None;
        while ended.is_none() {
            let until = bench.now() + Duration::from_secs(1);
            bench.watch_until(until, |sample| {
                self.keep(sample);
                ended = ended.or(self.detector.take(sample));
            })?;
        }
        let found = ended.map_or(LEAST_WINDOW_S, |ended| ended.period_s);
        let is_periodic = ended.is_some_and(|ended| ended.is_stable) && found <= LONGEST_S;
        let length_s = if is_periodic { found } else { found.clamp(LEAST_WINDOW_S, LONGEST_S) };
        Ok(Window { length_s, is_periodic })
    }

    /// Measures the present setting. `known` is the rhythm of the job, `time` the time expected here relative to default,
    /// `default_s` that of the baseline.
    pub(super) fn measure(
        &mut self,
        bench: &mut Bench<'_, impl Watch>,
        known: Window,
        time: f64,
        default_s: Option<f64>,
    ) -> Result<Trial, Over> {
        if known.is_periodic {
            // Found or not, its estimate enters the comparison.
            let window = self.detect(bench, RELAXED)?;
            let power_w = self.mean_w(2.0 * window.length_s);
            return Ok(self.trial(window.length_s, power_w, default_s));
        }
        // The simulator's rate of work stands for the instructions of a counter pass.
        self.recent.clear();
        let (begin, work_s) = (bench.now(), bench.gpu().account().work_s);
        let until = begin + Duration::from_secs_f64(known.length_s * time.max(0.5));
        bench.watch_until(until, |sample| self.keep(sample))?;
        let rate = (bench.gpu().account().work_s - work_s) / bench.now().seconds_since(begin);
        let power_w = self.mean_w(KEPT_S);
        Ok(self.trial(1.0 / rate.max(1e-3), power_w, default_s))
    }

    fn trial(&self, time_s: f64, power_w: f64, default_s: Option<f64>) -> Trial {
        Trial::new(time_s, (power_w - self.static_w).max(0.0) * time_s, default_s.unwrap_or(time_s))
    }

    /// Watches power per window until it has moved by more than `middling` of its middle.
    pub(super) fn monitor(
        &mut self,
        bench: &mut Bench<'_, impl Watch>,
        known: Window,
        (middling, large): (f64, f64),
        margin_s: f64,
    ) -> Result<Change, Over> {
        let (mut low_w, mut high_w) = (f64::MAX, f64::MIN);
        let mut windows = 0;
        loop {
            self.recent.clear();
            let until = bench.now() + Duration::from_secs_f64(known.length_s + margin_s);
            bench.watch_until(until, |sample| self.keep(sample))?;
            let mean_w = self.mean_w(known.length_s) - self.static_w;
            low_w = low_w.min(mean_w);
            high_w = high_w.max(mean_w);
            windows += 1;
            let moved = (high_w - low_w) / (0.5 * (high_w + low_w)).abs().max(1.0);
            if moved > middling {
                return Ok(if moved < large { Change::Middling } else { Change::Large });
            }
            if windows >= 3 {
                let pause = f64::from(2_u32.pow((windows - 1).min(5) as u32)) * known.length_s;
                bench.wait(Duration::from_secs_f64(pause))?;
            }
        }
    }

    fn keep(&mut self, sample: &Sample) {
        self.recent.push_back(sample.power_w);
        if self.recent.len() > (10.0 * KEPT_S) as usize {
            self.recent.pop_front();
        }
    }

    /// Mean power of the last seconds, W.
    fn mean_w(&self, seconds: f64) -> f64 {
        let count = ((10.0 * seconds).round() as usize).clamp(1, self.recent.len().max(1));
        self.recent.iter().rev().take(count).sum::<f64>() / count as f64
    }
}
