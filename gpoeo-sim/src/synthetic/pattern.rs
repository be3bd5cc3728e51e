//! What the GPU does during one iteration: kernels, each with its share of the time and its level of power.
//!
//! Layers of one kind repeat the same few kernels, forward and then, twice as long, backward; the network's stages or the
//! direction move the level slowly. An update of the weights, bound by memory and hence low, ends the iteration, and the
//! host may take a moment before the next. Kernels are a few ms long: 20 ms samples see their sums only.

use super::dice::Dice;

/// A piece of an iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kernel {
    /// Its length, s at full speed.
    pub(super) work_s: f64,
    /// Power it asks for, as a share of what the card has between waiting and its limit; 0: the GPU waits for the host.
    pub(super) level: f64,
}

/// How much the power of an iteration moves; standard deviations as shares of what the card has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contrast {
    /// The mean level.
    pub(super) level: f64,
    /// Between forward and backward, stages, inputs.
    pub(super) slow: f64,
    /// Between neighbouring kernels.
    pub(super) fast: f64,
    /// By how much the update of the weights lies below the mean, as a share of it.
    pub(super) dip: f64,
}

impl Contrast {
    /// What most jobs show.
    pub(super) fn usual(dice: &mut Dice) -> Self {
        Self {
            level: dice.between(0.45, 0.9),
            slow: dice.scale(0.012, 0.12),
            fast: dice.scale(0.08, 0.4),
            dip: dice.between(0.05, 0.6),
        }
    }

    /// A card at its power limit, or close to it: everything is as dense as everything else.
    pub(super) fn low(dice: &mut Dice) -> Self {
        Self {
            level: dice.between(0.85, 1.3),
            slow: dice.scale(0.005, 0.03),
            fast: dice.scale(0.1, 0.35),
            dip: dice.between(0.05, 0.5),
        }
    }
}

/// Shapes that iterations have.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Equal layers: transformers, perceptrons.
    Layers,
    /// Many tiny kernels, whose level follows the input: recurrent networks, graphs.
    Recurrent,
    /// A few stages of unlike layers: convolutions.
    Stages,
}

/// Forward and backward of one batch of `length_s`.
pub(super) fn pass(length_s: f64, contrast: Contrast, dice: &mut Dice) -> Vec<Kernel> {
    let shape = dice.one_of(&[Shape::Layers, Shape::Layers, Shape::Recurrent, Shape::Stages, Shape::Stages]);
    let blocks = match shape {
        Shape::Layers => dice.count(6, 48),
        Shape::Recurrent => dice.count(20, 60),
        Shape::Stages => dice.count(8, 24),
    };
    // Three times as many blocks follow each other, each of a few kernels: none below half a millisecond.
    let kinds = dice.count(2, 5);
    let blocks = blocks.min((length_s / (3.0 * kinds as f64 * 5e-4)) as usize).max(2);
    let stages = match shape {
        Shape::Layers => 1,
        Shape::Recurrent | Shape::Stages => dice.count(3, 5),
    };

    let kernels: Vec<(f64, f64)> = (0..kinds).map(|_| (dice.between(0.3, 1.7), dice.bell())).collect();
    let slow: Vec<f64> = (0..2 * stages).map(|_| dice.bell()).collect();
    let is_smooth = matches!(shape, Shape::Recurrent);
    let mut raw = Vec::with_capacity(2 * blocks * kinds);
    for direction in 0..2 {
        for block in 0..blocks {
            let place = block as f64 / blocks as f64 * stages as f64;
            let stage = (place as usize).min(stages - 1);
            let here = slow[direction * stages + stage];
            let next = slow[direction * stages + (stage + 1).min(stages - 1)];
            let level = if is_smooth { here + (next - here) * place.fract() } else { here };
            let factor = if direction == 0 { 1.0 } else { 2.0 };
            for (index, &(length, fast)) in kernels.iter().enumerate() {
                // Backward does the same in other kernels.
                let fast = if direction == 1 && index % 2 == 0 { -0.6 * fast } else { fast };
                raw.push((factor * length, level, fast));
            }
        }
    }
    scaled(&raw, length_s, contrast)
}

/// Kernels from (length, slow level, fast level) in any unit.
fn scaled(raw: &[(f64, f64, f64)], length_s: f64, contrast: Contrast) -> Vec<Kernel> {
    let total: f64 = raw.iter().map(|part| part.0).sum();
    let moments = |value: &dyn Fn(&(f64, f64, f64)) -> f64| {
        let mean = raw.iter().map(|part| part.0 * value(part)).sum::<f64>() / total;
        let variance = raw.iter().map(|part| part.0 * (value(part) - mean).powi(2)).sum::<f64>() / total;
        (mean, variance.sqrt().max(1e-9))
    };
    let (slow, fast) = (moments(&|part| part.1), moments(&|part| part.2));
    let level = |part: &(f64, f64, f64)| {
        let moved = contrast.slow * (part.1 - slow.0) / slow.1 + contrast.fast * (part.2 - fast.0) / fast.1;
        (contrast.level + moved).clamp(0.05, 1.6)
    };
    raw.iter().map(|part| Kernel { work_s: part.0 / total * length_s, level: level(part) }).collect()
}

/// The update of the weights: a few kernels bound by memory.
pub(super) fn update(length_s: f64, contrast: Contrast, dice: &mut Dice) -> Vec<Kernel> {
    let parts = ((length_s / 5e-4) as usize).clamp(1, 6);
    let low = contrast.level * (1.0 - contrast.dip);
    (0..parts)
        .map(|_| Kernel { work_s: length_s / parts as f64, level: (low * (1.0 + 0.1 * dice.bell())).max(0.05) })
        .collect()
}

/// An iteration of `length_s` with `micro` batches in it: the last one and the update take `update_share` together with
/// a wait for the host.
pub(super) fn iteration(
    length_s: f64,
    micro: usize,
    update_share: f64,
    wait_s: f64,
    contrast: Contrast,
    dice: &mut Dice,
) -> Vec<Kernel> {
    let update_s = update_share * length_s;
    let batch = pass((length_s - update_s - wait_s) / micro as f64, contrast, dice);
    let mut kernels: Vec<Kernel> = (0..micro).flat_map(|_| batch.iter().copied()).collect();
    kernels.extend(update(update_s, contrast, dice));
    if wait_s > 0.0 {
        kernels.push(Kernel { work_s: wait_s, level: 0.0 });
    }
    kernels
}

/// How long the kernels take at full speed, s.
pub(super) fn length_s(kernels: &[Kernel]) -> f64 {
    kernels.iter().map(|kernel| kernel.work_s).sum()
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::*;

    #[test]
    fn an_iteration_is_as_long_and_as_high_as_asked() {
        let mut dice = Dice::new(1, Family::Plain, 0);
        for length in [0.03, 0.3, 4.0] {
            let contrast = Contrast { level: 0.6, slow: 0.05, fast: 0.1, dip: 0.4 };
            let kernels = iteration(length, 4, 0.05, 0.01 * length, contrast, &mut dice);
            assert!((length_s(&kernels) / length - 1.0).abs() < 1e-9);
            let mean = kernels.iter().map(|kernel| kernel.work_s * kernel.level).sum::<f64>() / length;
            assert!((mean - 0.6).abs() < 0.03, "{mean}");
            assert!(kernels.iter().all(|kernel| kernel.work_s > 1e-4));
        }
    }

    #[test]
    fn micro_batches_are_alike() {
        let mut dice = Dice::new(2, Family::MicroBatches, 0);
        let contrast = Contrast::usual(&mut dice);
        let kernels = iteration(1.0, 4, 0.05, 0.0, contrast, &mut dice);
        let batch = kernels.iter().position(|kernel| kernel != &kernels[0]).map(|_| (kernels.len() - 6) / 4).unwrap();
        assert_eq!(kernels[..batch], kernels[batch..2 * batch]);
    }
}
