//! What a job's power looks like over time at default clocks: the busy part of a recording, looped, with its real
//! jitter, and what came before it.

mod busy;
mod cycle;
mod stretch;
mod synthetic;
mod totals;

pub(crate) use synthetic::{Epoch, Phase, Rhythm, Shape};
pub(crate) use totals::{Bend, Part, Totals, Weights};

use crate::noise::{Noise, Stream};
use crate::trace::Trace;
use crate::truth::Truth;

use cycle::Cycle;
use stretch::{Step, Stretch};
use totals::Kind;

/// Share of a recording that is taken as below its idle level: sensors undershoot.
const IDLE_QUANTILE: f64 = 0.02;
/// A step is busy above idle by this share of the way to the 90 % quantile.
const BUSY_SHARE: f64 = 0.2;
/// The step of the driver's ring, s: what the first sample of a recording averages over.
const NATIVE_STEP_S: f64 = 0.02;

/// Power over the work of a job at default clocks, W over s.
///
/// Position 0 is the begin of the job, positions above it go through the loop again and again, positions below it are
/// the lead-in (idle, model set-up). Any integral costs a binary search.
///
/// ```
/// use gpoeo_sim::{Trace, Waveform};
///
/// let rows: String = (0..300).map(|i| format!("{},{}\n", 0.02 * f64::from(i), 300 + i % 10)).collect();
/// let trace = Trace::parse(format!("t_s,power_w\n{rows}").as_bytes(), "demo")?;
/// let waveform = Waveform::from_trace(&trace, None).expect("six seconds are enough");
/// assert!((waveform.mean_power_w() - 304.5).abs() < 0.5);
/// # Ok::<(), gpoeo_sim::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Waveform {
    lead: Stretch,
    cycle: Cycle,
    idle_w: f64,
    /// Standard deviation of the power within 20 ms that is not in the steps, ratio.
    ripple: f64,
}

/// A recording that cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WaveformError {
    /// The mean power of the busy part is not above zero.
    #[error("the mean power is {mean_w} W, not above zero; check power_w")]
    NoPower {
        /// Mean power of the busy part, W.
        mean_w: f64,
    },
    /// Nothing in it is long enough to be looped.
    #[error(
        "there is no busy part of a second or more in {length_s:.1} s; record some ten iterations of the job at work"
    )]
    TooShort {
        /// Length of the recording, s.
        length_s: f64,
    },
}

impl Waveform {
    /// From a recording: its busy part becomes the loop (see the module's file `busy.rs`), what came before it the
    /// lead-in. The idle level is the 2 % quantile of the whole recording.
    ///
    /// # Errors
    /// [`WaveformError`] if less than a second of it can be looped, or if its power is not above zero.
    pub fn from_trace(trace: &Trace, truth: Option<&Truth>) -> Result<Self, WaveformError> {
        let steps = steps(trace);
        let length_s = steps.last().map_or(0.0, |step| step.end_s) - steps.first().map_or(0.0, |step| step.start_s);
        let mut sorted: Vec<f64> = steps.iter().map(|step| step.power_w).collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or_default();
        let idle_w = quantile(IDLE_QUANTILE);
        let part = busy::busy_part(&steps, idle_w, truth).ok_or(WaveformError::TooShort { length_s })?;
        let busy_above_w = idle_w + BUSY_SHARE * (quantile(0.9) - idle_w);
        let kind = |power_w: f64| if power_w > busy_above_w { Kind::Busy } else { Kind::Waiting };
        let counted = |time_s: f64| truth.map_or(0.0, |truth| iterations_until(truth, time_s));
        let cut = |from_s: f64, to_s: f64| {
            Stretch::new(steps.iter().map(move |step| {
                let (start_s, end_s) = (step.start_s.max(from_s), step.end_s.min(to_s));
                Step {
                    kind: kind(step.power_w),
                    length_s: end_s - start_s,
                    power_w: step.power_w,
                    iterations: counted(end_s) - counted(start_s),
                }
            }))
        };
        let cycle = Cycle::new([(cut(part.start, part.end), 1)]);
        let waveform = Self { lead: cut(f64::NEG_INFINITY, part.start), cycle, idle_w, ripple: 0.0 };
        let mean_w = waveform.mean_power_w();
        if mean_w > 0.0 { Ok(waveform) } else { Err(WaveformError::NoPower { mean_w }) }
    }

    /// The waveform of a table without a recording: iterations of about half a second (forward, backward, optimizer
    /// step) around `mean_power_w`, with 0.5 % jitter, looped after 60.
    #[must_use]
    pub fn built_in(mean_power_w: f64) -> Self {
        /// Length in s and power relative to the mean, which comes out as 1.
        const PHASES: [(f64, f64); 4] = [(0.03, 0.4), (0.16, 0.97), (0.26, 1.13), (0.05, 0.78)];
        const ITERATIONS: usize = 60;
        const IDLE_SHARE: f64 = 0.13;
        let mut noise = Noise::new(0, Stream::Waveform);
        let idle_w = IDLE_SHARE * mean_power_w;
        let busy_above_w = idle_w + BUSY_SHARE * (mean_power_w - idle_w);
        let iteration_s: f64 = PHASES.iter().map(|phase| phase.0).sum();
        let mut cycle = Vec::new();
        for _ in 0..ITERATIONS {
            let stretch = 1.0 + 0.005 * noise.bell();
            for (length_s, level) in PHASES {
                let pieces = (length_s / 0.01_f64).round() as usize;
                let piece_s = length_s / pieces as f64;
                cycle.extend((0..pieces).map(|_| {
                    let power_w = mean_power_w * level * (1.0 + 0.01 * noise.bell());
                    let kind = if power_w > busy_above_w { Kind::Busy } else { Kind::Waiting };
                    Step { kind, length_s: piece_s * stretch, power_w, iterations: piece_s / iteration_s }
                }));
            }
        }
        let lead = Step { kind: Kind::Waiting, length_s: 30.0, power_w: idle_w, iterations: 0.0 };
        Self { lead: Stretch::new([lead]), cycle: Cycle::new([(Stretch::new(cycle), 1)]), idle_w, ripple: 0.0 }
    }

    /// Mean power of the loop, W.
    #[must_use]
    pub fn mean_power_w(&self) -> f64 {
        self.cycle.whole().energy_j() / self.cycle_s()
    }

    /// Idle power, W.
    #[must_use]
    pub const fn idle_power_w(&self) -> f64 {
        self.idle_w
    }

    /// Length of the loop, s.
    #[must_use]
    pub fn cycle_s(&self) -> f64 {
        self.cycle.whole().time_s()
    }

    /// Longest lead-in that there is, s.
    #[must_use]
    pub fn lead_in_s(&self) -> f64 {
        self.lead.length_s()
    }

    /// Mean time between the ends of two iterations, pauses and validation included, s; `None` if it is not known.
    #[must_use]
    pub fn iteration_s(&self) -> Option<f64> {
        let whole = self.cycle.whole();
        (whole.iterations >= 1.0).then(|| whole.time_s() / whole.iterations)
    }

    /// Energy from position `from_s` to position `to_s`, J.
    #[must_use]
    pub fn energy_j(&self, from_s: f64, to_s: f64) -> f64 {
        self.at(to_s).since(&self.at(from_s)).energy_j()
    }

    /// Busy time from position `from_s` to position `to_s`, s.
    #[must_use]
    pub fn busy_s(&self, from_s: f64, to_s: f64) -> f64 {
        self.at(to_s).since(&self.at(from_s)).busy_s
    }

    /// One turn of the loop.
    pub(crate) fn turn(&self) -> &Totals {
        self.cycle.whole()
    }

    /// Standard deviation of the power within 20 ms that is not in the steps, ratio.
    pub(crate) fn ripple(&self) -> f64 {
        self.ripple
    }

    /// From position 0 to where `weights` add up to `amount`.
    pub(crate) fn reach(&self, weights: &Weights, amount: f64) -> Totals {
        self.cycle.reach(weights, amount)
    }

    /// From position 0 to this one; negative in the lead-in.
    pub(crate) fn at(&self, position_s: f64) -> Totals {
        if position_s < 0.0 {
            let lead = self.lead.reach(&Weights::TIME, self.lead.length_s() + position_s);
            return lead.since(&self.lead.whole());
        }
        self.cycle.reach(&Weights::TIME, position_s)
    }
}

/// Iterations that had ended by a time, shares of the one under way included.
fn iterations_until(truth: &Truth, time_s: f64) -> f64 {
    let marks = truth.marks();
    let ended = marks.partition_point(|mark| mark.time_s <= time_s);
    let (Some(last), Some(next)) = (ended.checked_sub(1).map(|last| &marks[last]), marks.get(ended)) else {
        return ended as f64;
    };
    ended as f64 + (time_s - last.time_s) / (next.time_s - last.time_s)
}

/// The samples of a recording as steps: each is the mean over the time since the one before.
fn steps(trace: &Trace) -> Vec<busy::Step> {
    let mut start_s = trace.samples().next().map_or(0.0, |first| first.time.as_secs_f64() - NATIVE_STEP_S);
    trace
        .samples()
        .map(|sample| {
            let step = busy::Step { start_s, end_s: sample.time.as_secs_f64(), power_w: sample.power_w };
            start_s = step.end_s;
            step
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> (Trace, Truth) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/traces");
        let trace = Trace::read(format!("{folder}/{name}.trace.csv")).unwrap();
        (trace, Truth::read(format!("{folder}/{name}.truth.csv")).unwrap())
    }

    fn names() -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/traces");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".trace.csv").map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_built_in_waveform_has_the_power_that_was_asked_for() {
        let waveform = Waveform::built_in(400.0);
        assert!((waveform.mean_power_w() / 400.0 - 1.0).abs() < 0.002, "{}", waveform.mean_power_w());
        assert!((waveform.cycle_s() / 30.0 - 1.0).abs() < 0.002);
    }

    #[test]
    fn the_loop_is_the_recording_between_its_marks() {
        let (trace, truth) = recorded("gpt2_medium_accum8");
        let waveform = Waveform::from_trace(&trace, Some(&truth)).unwrap();
        assert!((waveform.cycle_s() - 31.0 * 1.1419).abs() < 0.1, "{}", waveform.cycle_s());
        assert!((20.0..24.1).contains(&waveform.lead_in_s()));
        assert!((70.0..80.0).contains(&waveform.idle_power_w()), "{}", waveform.idle_power_w());
    }

    #[test]
    fn one_turn_of_the_loop_is_as_good_as_another() {
        let (trace, truth) = recorded("vit_large");
        let waveform = Waveform::from_trace(&trace, Some(&truth)).unwrap();
        let cycle_s = waveform.cycle_s();
        let (first, later) = (waveform.energy_j(1.0, 2.5), waveform.energy_j(7.0 * cycle_s + 1.0, 7.0 * cycle_s + 2.5));
        assert!((first - later).abs() < 1e-6);
        let whole = waveform.energy_j(0.3, 0.3 + cycle_s);
        assert!((whole - waveform.mean_power_w() * cycle_s).abs() < 1e-6);
    }

    #[test]
    fn power_alone_finds_the_part_that_the_marks_show() {
        for name in names() {
            let (trace, truth) = recorded(&name);
            let (first, last) = (truth.marks()[0].time_s, truth.marks().last().unwrap().time_s);
            let steps = steps(&trace);
            let idle_w = Waveform::from_trace(&trace, None).unwrap().idle_power_w();
            let part = busy::busy_part(&steps, idle_w, None).unwrap();
            let inside = (part.end.min(last) - part.start.max(first)) / (part.end - part.start);
            let covered = (part.end - part.start) / (last - first);
            assert!(inside > 0.8 && covered > 0.5, "{name}: {part:?} of {first}..{last}");
        }
    }
}
