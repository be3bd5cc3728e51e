//! What comes in from a GPU on request: the counters of a window.

use crate::time::Timestamp;

/// A hardware counter that the core makes use of.
///
/// Counts are sums over the window and over all SMs or cache slices; shares are 0..1 (a device's percent / 100). Names in
/// brackets are CUPTI's metrics on Ampere; `_active`: relative to the cycles in which an SM had work, so that time spent
/// waiting for the host does not enter. GPM numbers are `nvmlGpmMetricId_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Counter {
    /// Share of the DRAM bandwidth used (`dram__throughput.avg.pct_of_peak_sustained_elapsed`; GPM 10).
    DramUtil,
    /// Share of the FP16 pipes' peak, of all time (GPM 13).
    Fp16Util,
    /// The same of the FP32 pipes (GPM 12).
    Fp32Util,
    /// The same of the FP64 pipes (GPM 11).
    Fp64Util,
    /// Share of time with any work on the GPU (GPM 1).
    GraphicsUtil,
    /// Instructions executed (`sm__inst_executed.sum`). The number that one iteration needs does not depend on the clock,
    /// so its rate is a rate of work.
    Instructions,
    /// Share of the peak rate of the integer pipes, of all time (GPM 4).
    IntUtil,
    /// Share of the peak instruction rate (`sm__inst_executed.sum.pct_of_peak_sustained_active`).
    Issue,
    /// L1 sector hits (`l1tex__t_sectors_lookup_hit.sum`).
    L1Hits,
    /// L1 sector misses (`l1tex__t_sectors_lookup_miss.sum`).
    L1Misses,
    /// L2 sector hits (`lts__t_sectors_lookup_hit.sum`).
    L2Hits,
    /// L2 sector misses (`lts__t_sectors_lookup_miss.sum`).
    L2Misses,
    /// Share of the peak of the address divergence unit (`sm__inst_executed_pipe_adu.sum.pct_of_peak_sustained_active`).
    PipeAdu,
    /// The same of the integer and logic pipe (`…_pipe_alu…`).
    PipeAlu,
    /// The same of the convergence barrier unit (`…_pipe_cbu…`).
    PipeCbu,
    /// The same of the fused multiply-add pipe (`…_pipe_fma…`).
    PipeFma,
    /// The same of half-precision multiply-add (`…_pipe_fma_type_fp16…`; Turing: `…_pipe_fp16…`).
    PipeFp16,
    /// The same of the double-precision pipe (`…_pipe_fp64…`).
    PipeFp64,
    /// The same of the interpolation pipe (`…_pipe_ipa…`).
    PipeIpa,
    /// The same of the load and store unit (`…_pipe_lsu…`).
    PipeLsu,
    /// The same of the tensor pipes (`sm__inst_executed_pipe_tensor…`).
    PipeTensor,
    /// The same of the texture pipe (`…_pipe_tex…`).
    PipeTex,
    /// The same of the uniform datapath (`…_pipe_uniform…`).
    PipeUniform,
    /// The same of the transcendental unit (`…_pipe_xu…`).
    PipeXu,
    /// Share of time with work on an SM, mean of the SMs (`sm__cycles_active.avg` / `sm__cycles_elapsed.avg`; GPM 2).
    SmActive,
    /// Warps on an SM relative to the most possible, mean of the SMs (GPM 3).
    SmOccupancy,
    /// Share of the peak of the tensor pipes, of all time (`sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed`;
    /// GPM 5).
    TensorUtil,
}

/// What a counter's values mean, and so how those of two windows or two GPUs are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterKind {
    /// A sum over the window and over the GPU: adds up.
    Count,
    /// A share, 0..1: averages.
    Share,
}

impl Counter {
    /// All counters.
    pub const ALL: [Self; 27] = [
        Self::DramUtil,
        Self::Fp16Util,
        Self::Fp32Util,
        Self::Fp64Util,
        Self::GraphicsUtil,
        Self::Instructions,
        Self::IntUtil,
        Self::Issue,
        Self::L1Hits,
        Self::L1Misses,
        Self::L2Hits,
        Self::L2Misses,
        Self::PipeAdu,
        Self::PipeAlu,
        Self::PipeCbu,
        Self::PipeFma,
        Self::PipeFp16,
        Self::PipeFp64,
        Self::PipeIpa,
        Self::PipeLsu,
        Self::PipeTensor,
        Self::PipeTex,
        Self::PipeUniform,
        Self::PipeXu,
        Self::SmActive,
        Self::SmOccupancy,
        Self::TensorUtil,
    ];

    /// Whether it counts or is a share.
    #[must_use]
    pub const fn kind(self) -> CounterKind {
        match self {
            Self::Instructions | Self::L1Hits | Self::L1Misses | Self::L2Hits | Self::L2Misses => CounterKind::Count,
            _ => CounterKind::Share,
        }
    }

    /// The greatest value that can be; more is a device's nonsense.
    const fn greatest(self) -> f64 {
        match self.kind() {
            CounterKind::Count => 1e30,
            // Rounding, and the jitter of two clocks: the caps of the features cut what is a little above 1.
            CounterKind::Share => 2.0,
        }
    }
}

/// The counters of one counter window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "serial::Listed", into = "serial::Listed")
)]
pub struct CounterSet {
    start: Timestamp,
    end: Timestamp,
    /// By counter; 0 where it is missing.
    values: [f64; Counter::ALL.len()],
    /// One bit a counter: set where its value is known.
    known: u32,
}

impl CounterSet {
    /// An empty set for the window from `start` to `end`.
    #[must_use]
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end, values: [0.0; Counter::ALL.len()], known: 0 }
    }

    /// Sets one counter; a value that is not finite is stored as missing.
    #[must_use]
    pub fn with(mut self, counter: Counter, value: f64) -> Self {
        let bit = 1 << counter as u32;
        if value.is_finite() {
            self.values[counter as usize] = value;
            self.known |= bit;
        } else {
            self.values[counter as usize] = 0.0;
            self.known &= !bit;
        }
        self
    }

    /// One counter, or `None` if the device did not give it or gave what cannot be: a negative one, a count above 10³⁰, a
    /// share above 2.
    #[must_use]
    pub fn value(&self, counter: Counter) -> Option<f64> {
        let is_known = self.known & (1 << counter as u32) != 0;
        Some(self.values[counter as usize]).filter(|value| is_known && (0.0..=counter.greatest()).contains(value))
    }

    #[cfg(feature = "serde")]
    /// The counters that the device gave, whether they can be or not.
    fn given(&self) -> impl Iterator<Item = (Counter, f64)> + '_ {
        let given = Counter::ALL.into_iter().filter(|counter| self.known & (1 << *counter as u32) != 0);
        given.map(|counter| (counter, self.values[counter as usize]))
    }

    /// Begin of the window.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// End of the window.
    #[must_use]
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// Length of the window, s; 0 if it ends before it begins.
    pub(crate) fn length_s(&self) -> f64 {
        self.end.saturating_since(self.start).as_secs_f64()
    }

    /// The counters of several GPUs together, each as if it had counted from `start` to `end`: counts add up, shares
    /// average. A counter that one of them lacks is missing.
    pub(crate) fn together(start: Timestamp, end: Timestamp, sets: &[Self]) -> Self {
        let span_s = end.saturating_since(start).as_secs_f64();
        let mut all = Self::new(start, end);
        for counter in Counter::ALL {
            let part = |set: &Self| {
                let scale = match counter.kind() {
                    CounterKind::Count if set.length_s() != span_s => span_s / set.length_s(),
                    CounterKind::Count => 1.0,
                    CounterKind::Share => 1.0 / sets.len() as f64,
                };
                set.value(counter).map(|value| value * scale)
            };
            if let Some(sum) = sets.iter().map(part).sum::<Option<f64>>() {
                all = all.with(counter, sum);
            }
        }
        all
    }
}

/// The written form: a list of what is there, so that counters may be added.
#[cfg(feature = "serde")]
mod serial {
    use super::{Counter, CounterSet};
    use crate::time::Timestamp;

    #[derive(serde::Serialize, serde::Deserialize)]
    pub(super) struct Listed {
        start: Timestamp,
        end: Timestamp,
        values: Vec<(Counter, f64)>,
    }

    impl From<CounterSet> for Listed {
        fn from(set: CounterSet) -> Self {
            Self { start: set.start, end: set.end, values: set.given().collect() }
        }
    }

    impl From<Listed> for CounterSet {
        fn from(listed: Listed) -> Self {
            let empty = Self::new(listed.start, listed.end);
            listed.values.into_iter().fold(empty, |set, (counter, value)| set.with(counter, value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> CounterSet {
        CounterSet::new(Timestamp::ZERO, Timestamp::from_secs_f64(1.0))
    }

    #[test]
    fn each_counter_has_a_place_of_its_own() {
        for (place, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, place);
        }
    }

    #[test]
    fn a_counter_that_is_not_a_number_is_missing() {
        let set = set().with(Counter::Instructions, f64::NAN);
        assert_eq!(set.value(Counter::Instructions), None);
        assert_eq!(set.with(Counter::Instructions, 1e308).value(Counter::Instructions), None);
        assert_eq!(set.with(Counter::Instructions, -1.0).value(Counter::Instructions), None);
        assert_eq!(set.with(Counter::Instructions, 2e12).value(Counter::Instructions), Some(2e12));
        assert_eq!(set.with(Counter::PipeFma, 2e12).value(Counter::PipeFma), None);
        let taken_back = set.with(Counter::PipeFma, 0.5).with(Counter::PipeFma, f64::INFINITY);
        assert_eq!(taken_back.value(Counter::PipeFma), None);
    }

    #[test]
    fn of_several_gpus_counts_add_up_and_shares_average() {
        let one = set().with(Counter::L2Hits, 3.0).with(Counter::PipeFma, 0.2).with(Counter::PipeAlu, 0.1);
        let other = CounterSet::new(Timestamp::ZERO, Timestamp::from_secs_f64(2.0));
        let other = other.with(Counter::L2Hits, 8.0).with(Counter::PipeFma, 0.4);
        let all = CounterSet::together(one.start(), one.end(), &[one, other]);
        assert_eq!(all.value(Counter::L2Hits), Some(7.0));
        assert!((all.value(Counter::PipeFma).unwrap() - 0.3).abs() < 1e-12);
        assert_eq!(all.value(Counter::PipeAlu), None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn is_written_as_a_list_of_what_is_there() {
        let set = set().with(Counter::PipeFma, 0.25);
        let text = serde_json::to_string(&set).unwrap();
        assert!(text.ends_with(r#""values":[["PipeFma",0.25]]}"#), "{text}");
        assert_eq!(serde_json::from_str::<CounterSet>(&text).unwrap(), set);
    }
}
