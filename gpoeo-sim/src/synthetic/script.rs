//! What happens in a recording, from the first sample to the last.

use crate::truth::Label;

use super::dice::Dice;
use super::pattern::{Kernel, length_s};
use super::readings::Sensor;

/// A kernel, or a wait, and what has ended with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    /// Its length, s at full speed.
    pub(super) work_s: f64,
    /// As in [`Kernel`]; below 0 there is not even a context: the card idles.
    pub(super) level: f64,
    pub(super) ends: Option<Label>,
}

/// A GPU's power in numbers, W.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    /// Without a context.
    pub(super) idle_w: f64,
    /// With a context, waiting.
    pub(super) waiting_w: f64,
    pub(super) limit_w: f64,
}

/// From data-centre cards to one that fits a slot.
const CARDS: [Card; 5] = [
    Card { idle_w: 72.0, waiting_w: 122.0, limit_w: 700.0 },
    Card { idle_w: 75.0, waiting_w: 118.0, limit_w: 700.0 },
    Card { idle_w: 55.0, waiting_w: 85.0, limit_w: 400.0 },
    Card { idle_w: 22.0, waiting_w: 108.0, limit_w: 350.0 },
    Card { idle_w: 16.0, waiting_w: 28.0, limit_w: 72.0 },
];

/// How the level of the card's power changes over minutes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trend {
    /// What warming up adds, as a share; half of it within 20 s of work.
    pub(super) warmth: f64,
    /// A straight rise by this share between two moments, s.
    pub(super) ramp: Option<(f64, f64, f64)>,
}

/// A job's iteration and how regular it is.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) kernels: Vec<Kernel>,
    /// Spread of an iteration's length, as a share of it.
    pub(super) jitter: f64,
}

impl Job {
    /// A job with the jitter that most have.
    pub(super) fn new(kernels: Vec<Kernel>, dice: &mut Dice) -> Self {
        Self { kernels, jitter: dice.scale(3e-4, 6e-3) }
    }

    /// One iteration, s at full speed.
    pub(super) fn length_s(&self) -> f64 {
        length_s(&self.kernels)
    }
}

/// All of a recording.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) card: Card,
    pub(super) sensor: Sensor,
    pub(super) trend: Trend,
    pub(super) pieces: Vec<Piece>,
    /// A second job that runs beside the first all along.
    pub(super) beside: Vec<Piece>,
    /// Time constant of the regulator of the power limit, s.
    pub(super) regulator_s: f64,
}

impl Script {
    /// A card and how the job came up on it: the recording begins with an idle GPU, or, sometimes, in the middle.
    pub(super) fn begin(sensor: Sensor, dice: &mut Dice) -> Self {
        let card = dice.one_of(&CARDS);
        let trend = Trend { warmth: dice.between(0.0, 0.04), ramp: None };
        let regulator_s = dice.scale(0.1, 2.0);
        let mut script = Self { card, sensor, trend, pieces: Vec::new(), beside: Vec::new(), regulator_s };
        if dice.chance(0.85) {
            script.wait(dice.scale(1.0, 20.0), -1.0);
            script.wait(dice.scale(0.3, 8.0), 0.0);
            script.set_up(dice);
        }
        script
    }

    /// Nothing, for a while.
    pub(super) fn wait(&mut self, seconds: f64, level: f64) {
        self.pieces.push(Piece { work_s: seconds, level, ends: None });
    }

    /// A pause of the job that ends with a mark.
    pub(super) fn pause(&mut self, seconds: f64, ends: Label) {
        self.pieces.push(Piece { work_s: seconds, level: 0.0, ends: Some(ends) });
    }

    /// Compilation, memory transfers, trial runs of kernels: humps of any height, for up to 12 s.
    fn set_up(&mut self, dice: &mut Dice) {
        let mut left_s = dice.scale(0.2, 12.0);
        while left_s > 0.0 {
            let (busy_s, idle_s) = (dice.scale(0.03, 0.8), dice.scale(0.03, 0.8));
            let level = dice.between(0.05, 1.0);
            self.pieces.push(Piece { work_s: busy_s, level, ends: None });
            self.wait(idle_s, 0.0);
            left_s -= busy_s + idle_s;
        }
    }

    /// Iterations of `job` for about `seconds`, at least `fewest`. Gives their number.
    pub(super) fn train(&mut self, job: &Job, seconds: f64, fewest: usize, dice: &mut Dice) -> usize {
        let count = ((seconds / job.length_s()) as usize).max(fewest);
        for _ in 0..count {
            let factor = (1.0 + job.jitter * dice.bell()).max(0.3);
            self.iterate(&job.kernels, factor, dice);
        }
        count
    }

    /// One iteration, `factor` times as long.
    pub(super) fn iterate(&mut self, kernels: &[Kernel], factor: f64, dice: &mut Dice) {
        self.work(kernels, factor, dice);
        if let Some(last) = self.pieces.last_mut() {
            last.ends = Some(Label::Train);
        }
    }

    /// Kernels without a mark.
    pub(super) fn work(&mut self, kernels: &[Kernel], factor: f64, dice: &mut Dice) {
        const KERNEL_JITTER: f64 = 0.01;
        for kernel in kernels {
            let work_s = kernel.work_s * factor * (1.0 + KERNEL_JITTER * dice.bell());
            self.pieces.push(Piece { work_s, level: kernel.level, ends: None });
        }
    }

    /// Marks the end of what was put in last.
    pub(super) fn mark(&mut self, ends: Label) {
        if let Some(last) = self.pieces.last_mut() {
            last.ends = Some(ends);
        }
    }

    /// How long everything so far takes at full speed, s.
    pub(super) fn length_s(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.work_s).sum()
    }

    /// The end: at times the GPU idles for a moment.
    pub(super) fn end(mut self, dice: &mut Dice) -> Self {
        if dice.chance(0.5) {
            self.wait(dice.between(0.5, 3.0), 0.0);
        }
        self
    }
}
