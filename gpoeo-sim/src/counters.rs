//! Counter windows of the simulated GPU: which counters a pass reads, and what is seen of them.

use gpoeo_core::{Counter, CounterSet, Timestamp};

use crate::model::Counts;
use crate::noise::Noise;

/// Scatter of the instructions of one window, ratio (measured on an H100: 0.02-0.5 % over a few iterations).
const INSTRUCTIONS_NOISE: f64 = 3e-4;
/// Scatter of any other counter, ratio (the suite's contract).
const NOISE: f64 = 0.01;

/// How a card's counters can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterPasses {
    /// CUPTI range profiling in the four passes of GPOEO on an RTX 3080 Ti, instructions in each of them.
    Four,
    /// One pass of CUPTI PM sampling beside GPM (Hopper and later): few metrics of the SMs, those of all time.
    One,
}

use Counter as C;

/// GPOEO's passes; ours: each counts instructions too, so that windows can be compared.
const FOUR: [&[Counter]; 4] = [
    &[C::Instructions, C::Issue, C::L1Hits, C::L1Misses, C::L2Hits, C::PipeTensor, C::SmActive],
    &[C::Instructions, C::L2Misses, C::PipeAdu, C::PipeFma, C::PipeAlu],
    &[C::Instructions, C::PipeFp16, C::PipeFp64, C::PipeXu, C::PipeTex],
    &[C::Instructions, C::PipeCbu, C::PipeIpa, C::PipeLsu, C::PipeUniform],
];

/// As recorded on an H100: five metrics of one pass of PM sampling, and what GPM shows.
const ONE: [&[Counter]; 1] = [&[
    C::Instructions,
    C::L2Hits,
    C::L2Misses,
    C::GraphicsUtil,
    C::SmActive,
    C::SmOccupancy,
    C::IntUtil,
    C::TensorUtil,
    C::DramUtil,
    C::Fp64Util,
    C::Fp32Util,
    C::Fp16Util,
]];

impl CounterPasses {
    /// The counters of each pass.
    pub(crate) const fn passes(self) -> &'static [&'static [Counter]] {
        match self {
            Self::Four => &FOUR,
            Self::One => &ONE,
        }
    }

    /// Number of passes.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.passes().len() as u8
    }
}

/// Counts by counter.
pub(crate) fn count_of(counts: &Counts, counter: Counter) -> Option<f64> {
    match counter {
        Counter::Instructions => Some(counts.instructions),
        Counter::L1Hits => Some(counts.l1_hits),
        Counter::L1Misses => Some(counts.l1_misses),
        Counter::L2Hits => Some(counts.l2_hits),
        Counter::L2Misses => Some(counts.l2_misses),
        _ => None,
    }
}

/// The counters of a window as they are seen: `truth` says what each one is.
pub(crate) fn seen(
    (start, end): (Timestamp, Timestamp),
    pass: &[Counter],
    truth: impl Fn(Counter) -> Option<f64>,
    noise: &mut Noise,
) -> CounterSet {
    pass.iter().fold(CounterSet::new(start, end), |set, counter| {
        let scatter = if *counter == Counter::Instructions { INSTRUCTIONS_NOISE } else { NOISE };
        let error = scatter * noise.bell();
        match truth(*counter) {
            Some(value) => set.with(*counter, value * (1.0 + error)),
            None => set,
        }
    })
}
