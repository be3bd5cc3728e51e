//! Plays a script: power of each millisecond, and when everything ended.
//!
//! Three things stand between a kernel and the board's power: the clock, which the regulator of the power limit lowers
//! over tenths of a second to seconds, which makes kernels longer; the supply, a low pass of about 10 ms; and the chip's
//! temperature, which adds a few per cent over a minute. Where the numbers come from: recordings of an H100 (edges fall
//! to a third within 10 ms; at the limit swings of 3 Hz pass and the mean is held; power of equal work rises by 1-4 %).

use crate::truth::{Label, Mark};

use super::dice::Dice;
use super::script::{Piece, Script};

/// Step of everything in here, s.
pub(super) const STEP_S: f64 = 1e-3;

/// What a script came to.
#[derive(Clone, Debug)]
pub(super) struct Played {
    /// Power, W, of each millisecond.
    pub(super) power_w: Vec<f32>,
    /// Share of each millisecond with a kernel on the GPU.
    pub(super) busy: Vec<f32>,
    /// Share of each millisecond with the memory at work.
    pub(super) memory: Vec<f32>,
    pub(super) marks: Vec<Mark>,
}

/// Power goes with this power of the clock: between 2 (voltage at its floor) and 3.
const CLOCK_EXPONENT: f64 = 2.4;
/// Lowest clock that the regulator sets, as a share of the highest.
const LOWEST_CLOCK: f64 = 0.35;
/// Power lags by this, s.
const SUPPLY_S: f64 = 0.010;
/// Half of the warming within 20 s.
const WARMING_S: f64 = 29.0;
/// Content of the data, and the regulator's dither: noise that lasts for two samples, as a share of the dynamic power.
const CONTENT_S: f64 = 0.04;

/// Plays a script to its end.
pub(super) fn play(script: &Script, dice: &mut Dice) -> Played {
    let card = script.card;
    let span_w = card.limit_w - card.waiting_w;
    let content = dice.scale(0.005, 0.04);
    let mut main = Cursor::new(&script.pieces);
    let mut beside = Cursor::new(&script.beside);
    let mut played = Played { power_w: Vec::new(), busy: Vec::new(), memory: Vec::new(), marks: Vec::new() };
    let (mut supply_w, mut clock, mut warmth, mut wander) = (card.idle_w, 1.0_f64, 0.0, 0.0);
    let mut now_s = 0.0;
    while !main.is_over() {
        let step = main.advance(clock, now_s, &mut played.marks);
        let second = beside.advance(clock, now_s, &mut Vec::new());
        let busy = step.busy.max(second.busy);

        let keep = 1.0 - STEP_S / CONTENT_S;
        wander = keep * wander + (1.0 - keep * keep).sqrt() * content * dice.bell();
        let ramp =
            script.trend.ramp.map_or(1.0, |(from, to, by)| 1.0 + by * ((now_s - from) / (to - from)).clamp(0.0, 1.0));
        let base_w = if step.is_off { card.idle_w } else { card.waiting_w };
        let level = (step.level + second.level) * clock.powf(CLOCK_EXPONENT) * ramp * (1.0 + wander);
        let wanted_w = base_w + span_w * level * (1.0 + script.trend.warmth * warmth);
        supply_w += (wanted_w - supply_w) * STEP_S / (SUPPLY_S + STEP_S);
        warmth += (busy - warmth) * STEP_S / WARMING_S;
        let over = (card.limit_w - supply_w) / card.limit_w;
        clock = (clock + over * STEP_S / script.regulator_s).clamp(LOWEST_CLOCK, 1.0);

        played.power_w.push(supply_w as f32);
        played.busy.push(busy as f32);
        played.memory.push((0.6 * busy * (1.0 - 0.5 * (step.level + second.level).min(1.0))) as f32);
        now_s += STEP_S;
    }
    played
}

/// One millisecond of one job.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// Mean level.
    level: f64,
    /// Share with a kernel.
    busy: f64,
    /// Whether not even a context is there.
    is_off: bool,
}

/// A place in a row of pieces.
struct Cursor<'a> {
    pieces: &'a [Piece],
    next: usize,
    /// Work left of `pieces[next]`, s.
    left_s: f64,
}

impl<'a> Cursor<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        Self { pieces, next: 0, left_s: pieces.first().map_or(0.0, |piece| piece.work_s) }
    }

    fn is_over(&self) -> bool {
        self.next >= self.pieces.len()
    }

    /// Works for a millisecond from `now_s` on at this clock; notes what ended.
    fn advance(&mut self, clock: f64, now_s: f64, marks: &mut Vec<Mark>) -> Step {
        let mut step = Step::default();
        let mut time_left_s = STEP_S;
        while let (true, Some(piece)) = (time_left_s > 0.0, self.pieces.get(self.next)) {
            // The host does not wait for the GPU's clock.
            let speed = if piece.level > 0.0 { clock } else { 1.0 };
            let spent_s = time_left_s.min(self.left_s / speed);
            step.level += piece.level.max(0.0) * spent_s / STEP_S;
            step.busy += if piece.level > 0.0 { spent_s / STEP_S } else { 0.0 };
            step.is_off |= piece.level < 0.0;
            time_left_s -= spent_s;
            self.left_s -= spent_s * speed;
            if self.left_s <= 1e-12 {
                if let Some(label) = piece.ends {
                    marks.push(mark(now_s + STEP_S - time_left_s, label));
                }
                self.next += 1;
                self.left_s = self.pieces.get(self.next).map_or(0.0, |piece| piece.work_s);
            }
        }
        step
    }
}

/// A mark as a truth file has it.
fn mark(time_s: f64, label: Label) -> Mark {
    Mark { time_s: (time_s * 1e6).round() * 1e-6, label }
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::super::readings::Sensor;
    use super::*;

    fn script(pieces: Vec<Piece>, dice: &mut Dice) -> Script {
        Script { pieces, ..Script::begin(Sensor::usual(dice), dice) }
    }

    #[test]
    fn below_the_limit_time_is_as_written() {
        let mut dice = Dice::new(1, Family::Plain, 0);
        let pieces =
            (0..400).map(|k| Piece { work_s: 0.0103, level: 0.3, ends: (k % 10 == 9).then_some(Label::Train) });
        let script = script(pieces.collect(), &mut dice);
        let played = play(&script, &mut dice);
        assert_eq!(played.marks.len(), 40);
        assert!(played.marks.iter().enumerate().all(|(k, m)| (m.time_s - 0.103 * (k + 1) as f64).abs() < 1e-4));
        assert_eq!(played.power_w.len(), 4120);
    }

    #[test]
    fn the_regulator_holds_the_mean_and_makes_the_work_longer() {
        let mut dice = Dice::new(2, Family::PowerLimit, 0);
        let pieces = (0..2000).map(|_| Piece { work_s: 0.01, level: 1.3, ends: None }).collect();
        let script = script(pieces, &mut dice);
        let played = play(&script, &mut dice);
        assert!(played.power_w.len() > 21_000, "{}", played.power_w.len());
        let late = &played.power_w[15_000..];
        let mean = f64::from(late.iter().sum::<f32>()) / late.len() as f64;
        assert!((mean / script.card.limit_w - 1.0).abs() < 0.03, "{mean} of {}", script.card.limit_w);
    }
}
