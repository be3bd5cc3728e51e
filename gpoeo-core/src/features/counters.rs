//! From the counters of one or several windows to model inputs.
//!
//! Source: GPOEO §4, with the formulas, scales and caps of its code (positions 1 to 17 of its vector). Ours: counts of
//! different windows are compared by the instructions of their own window, so that windows of different length, or over
//! different parts of the job, do not distort ratios (it divides misses of one window by hits of another).

use crate::counters::{Counter, CounterKind, CounterSet};

use super::Feature;

/// "Capped" means: 100 and more become this.
const CAP: f64 = 99.99;
/// Below this percentage nothing was executed, and there are no misses to speak of.
const LEAST_IPC_PCT: f64 = 1e-12;
/// Sum of one counter over the windows that have it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    /// Counts, or shares times length.
    value: f64,
    /// Length of those windows, s.
    time_s: f64,
    /// Instructions of those windows that count them.
    instructions: f64,
    /// The part of `value` from windows that count instructions.
    value_beside_instructions: f64,
}

/// The counters of one or several windows (passes) over the same job; bounded, whatever their number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CounterWindows {
    sums: [Sum; Counter::ALL.len()],
    windows: u32,
}

impl Default for CounterWindows {
    /// No window yet.
    fn default() -> Self {
        Self { sums: [Sum::default(); Counter::ALL.len()], windows: 0 }
    }
}

impl CounterWindows {
    /// Adds the counters of a window; one without length is ignored.
    pub fn add(&mut self, set: &CounterSet) {
        let time_s = set.length_s();
        if time_s <= 0.0 {
            return;
        }
        self.windows = self.windows.saturating_add(1);
        let instructions = set.value(Counter::Instructions).filter(|count| *count > 0.0);
        for counter in Counter::ALL {
            let Some(value) = set.value(counter) else { continue };
            let value = match counter.kind() {
                CounterKind::Count => value,
                CounterKind::Share => value * time_s,
            };
            let sum = &mut self.sums[counter as usize];
            sum.value += value;
            sum.time_s += time_s;
            if let Some(instructions) = instructions {
                sum.instructions += instructions;
                sum.value_beside_instructions += value;
            }
        }
    }

    /// Number of windows added.
    #[must_use]
    pub const fn windows(&self) -> u32 {
        self.windows
    }

    /// Mean of a share, 0..1; of a count its rate, 1/s; `None` if no window has it.
    #[must_use]
    pub fn mean(&self, counter: Counter) -> Option<f64> {
        let sum = &self.sums[counter as usize];
        (sum.time_s > 0.0).then(|| sum.value / sum.time_s)
    }

    /// A count by instruction: in the windows that count both, else from the rates of different windows.
    fn per_instruction(&self, counter: Counter) -> Option<f64> {
        let sum = &self.sums[counter as usize];
        if sum.instructions > 0.0 {
            return Some(sum.value_beside_instructions / sum.instructions);
        }
        let rate = self.mean(Counter::Instructions).filter(|rate| *rate > 0.0)?;
        Some(self.mean(counter)? / rate)
    }

    /// The inputs that follow from counters.
    pub(super) fn features(&self) -> [(Feature, Option<f64>); 26] {
        let pct = |counter| self.mean(counter).map(|share| capped(100.0 * share));
        let share = |counter| self.mean(counter).map(|share| share.min(1.0));
        let ipc_pct = self.mean(Counter::Issue).map(|share| capped(1.2 * 100.0 * share));
        let executes = ipc_pct.is_none_or(|ipc_pct| ipc_pct >= LEAST_IPC_PCT);
        let unless_still = |value: Option<f64>| if executes { value } else { Some(0.0) };
        let misses = |counter| unless_still(self.per_instruction(counter).map(|misses| capped(250.0 * misses)));
        let ratio = |misses, hits| unless_still(self.miss_ratio(misses, hits));
        [
            (Feature::IpcPct, ipc_pct),
            (Feature::L1MissRatio, ratio(Counter::L1Misses, Counter::L1Hits)),
            (Feature::L1MissPerInst, misses(Counter::L1Misses)),
            (Feature::L2MissRatio, ratio(Counter::L2Misses, Counter::L2Hits)),
            (Feature::L2MissPerInst, misses(Counter::L2Misses)),
            (Feature::TensorPct, pct(Counter::PipeTensor)),
            (Feature::AduPct, pct(Counter::PipeAdu)),
            (Feature::AluPct, pct(Counter::PipeAlu)),
            (Feature::CbuPct, pct(Counter::PipeCbu)),
            (Feature::FmaPct, pct(Counter::PipeFma)),
            (Feature::Fp16Pct, pct(Counter::PipeFp16)),
            (Feature::Fp64Pct, pct(Counter::PipeFp64)),
            (Feature::IpaPct, pct(Counter::PipeIpa)),
            (Feature::LsuPct, pct(Counter::PipeLsu)),
            (Feature::TexPct, pct(Counter::PipeTex)),
            (Feature::UniformPct, pct(Counter::PipeUniform)),
            (Feature::XuPct, pct(Counter::PipeXu)),
            (Feature::GraphicsUtil, share(Counter::GraphicsUtil)),
            (Feature::SmActive, share(Counter::SmActive)),
            (Feature::SmOccupancy, share(Counter::SmOccupancy)),
            (Feature::TensorUtil, share(Counter::TensorUtil)),
            (Feature::DramUtil, share(Counter::DramUtil)),
            (Feature::Fp64Util, share(Counter::Fp64Util)),
            (Feature::Fp32Util, share(Counter::Fp32Util)),
            (Feature::Fp16Util, share(Counter::Fp16Util)),
            (Feature::IntUtil, share(Counter::IntUtil)),
        ]
    }

    /// Misses / (misses + hits): where both are by instruction known, by instruction.
    fn miss_ratio(&self, misses: Counter, hits: Counter) -> Option<f64> {
        let by_instruction = self.per_instruction(misses).zip(self.per_instruction(hits));
        let (misses, hits) = by_instruction.or_else(|| self.mean(misses).zip(self.mean(hits)))?;
        let all = misses + hits;
        Some(if all > 0.0 { misses / all } else { 0.0 })
    }
}

fn capped(value: f64) -> f64 {
    if value >= 100.0 { CAP } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Features, TelemetryWindow};
    use crate::{Capabilities, Mhz, Timestamp};

    fn set(length_s: f64, counters: &[(Counter, f64)]) -> CounterSet {
        let empty = CounterSet::new(Timestamp::ZERO, Timestamp::from_secs_f64(length_s));
        counters.iter().fold(empty, |set, (counter, value)| set.with(*counter, *value))
    }

    fn features(sets: &[CounterSet]) -> Features {
        let mut windows = CounterWindows::default();
        sets.iter().for_each(|set| windows.add(set));
        let caps = Capabilities::new([(Mhz(1), vec![Mhz(1)])]).unwrap();
        Features::new(&windows, &TelemetryWindow::new(&caps))
    }

    fn near(value: Option<f32>, wanted: f32) -> bool {
        value.is_some_and(|value| (value - wanted).abs() <= 1e-5 * wanted.abs().max(1.0))
    }

    #[test]
    fn one_window_gives_the_published_formulas() {
        let features = features(&[set(
            2.0,
            &[
                (Counter::Instructions, 1e9),
                (Counter::Issue, 0.4),
                (Counter::L1Misses, 2e7),
                (Counter::L1Hits, 6e7),
                (Counter::L2Misses, 1e7),
                (Counter::L2Hits, 1e7),
                (Counter::PipeFma, 0.31),
            ],
        )]);
        assert!(near(features.value(Feature::IpcPct), 48.0));
        assert!(near(features.value(Feature::L1MissPerInst), 5.0));
        assert!(near(features.value(Feature::L1MissRatio), 0.25));
        assert!(near(features.value(Feature::L2MissPerInst), 2.5));
        assert!(near(features.value(Feature::L2MissRatio), 0.5));
        assert!(near(features.value(Feature::FmaPct), 31.0));
        assert_eq!(features.value(Feature::AluPct), None);
    }

    #[test]
    fn hits_and_misses_of_different_windows_are_compared_by_instruction() {
        let features = features(&[
            set(1.0, &[(Counter::Instructions, 1e9), (Counter::L2Hits, 1e7)]),
            // Twice as long, and slower at that.
            set(2.0, &[(Counter::Instructions, 1.5e9), (Counter::L2Misses, 1.5e7)]),
        ]);
        assert!(near(features.value(Feature::L2MissRatio), 0.5));
        assert!(near(features.value(Feature::L2MissPerInst), 2.5));
    }

    #[test]
    fn without_instructions_beside_them_rates_are_compared() {
        let features = features(&[
            set(1.0, &[(Counter::Instructions, 1e9)]),
            set(2.0, &[(Counter::L1Misses, 4e7), (Counter::L1Hits, 4e7)]),
        ]);
        assert!(near(features.value(Feature::L1MissPerInst), 5.0));
        assert!(near(features.value(Feature::L1MissRatio), 0.5));
    }

    #[test]
    fn caps_and_guards_are_the_published_ones() {
        let capped = features(&[set(
            1.0,
            &[(Counter::Issue, 0.9), (Counter::PipeXu, 1.2), (Counter::Instructions, 1e6), (Counter::L1Misses, 1e6)],
        )]);
        assert!(near(capped.value(Feature::IpcPct), 99.99));
        assert!(near(capped.value(Feature::XuPct), 99.99));
        assert!(near(capped.value(Feature::L1MissPerInst), 99.99));
        let still = features(&[set(1.0, &[(Counter::Issue, 0.0), (Counter::L2Misses, 5.0), (Counter::L2Hits, 5.0)])]);
        assert_eq!(still.value(Feature::L2MissRatio), Some(0.0));
        let untouched =
            features(&[set(1.0, &[(Counter::Issue, 0.1), (Counter::L2Misses, 0.0), (Counter::L2Hits, 0.0)])]);
        assert_eq!(untouched.value(Feature::L2MissRatio), Some(0.0));
    }

    #[test]
    fn a_window_without_length_is_ignored() {
        let mut windows = CounterWindows::default();
        windows.add(&set(0.0, &[(Counter::Issue, 0.5)]));
        assert_eq!((windows.windows(), windows.mean(Counter::Issue)), (0, None));
    }
}
