//! Waveforms that are made, not recorded: iterations of phases, micro-batches, jitter, epochs with validation and a pause.
//!
//! A loop holds at least two minutes of iterations that differ, so that no detection window meets the same jitter twice;
//! longer epochs repeat such stretches. Lengths and powers are normed: the mean iteration takes exactly as long, and the
//! mean power is exactly as high, as asked for.

use crate::noise::Noise;

use super::Waveform;
use super::cycle::Cycle;
use super::stretch::{Step, Stretch};
use super::totals::Kind;

/// Shortest time of iterations that differ, s.
const VARIED_S: f64 = 120.0;
/// The same for a job without a period, whose single steps are long and differ more.
const VARIED_APERIODIC_S: f64 = 600.0;
/// Fewest iterations that differ.
const VARIED_ITERATIONS: u32 = 32;
/// Power of a validation pass relative to that of training.
const VALIDATION_POWER: f64 = 0.9;
/// Deviation of the power within 20 ms: what kernels do to it below the phases.
const RIPPLE: f64 = 0.02;
/// Time before the job in which it is being set up (imports, context, data), s, and its power relative to waiting.
const SET_UP_S: f64 = 8.0;
/// Idle time before that, s.
const IDLE_S: f64 = 22.0;

/// A job at default clocks, as its waveform shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Time of an iteration in which kernels run, s.
    pub(crate) busy_s: f64,
    /// Mean power in it, W.
    pub(crate) busy_w: f64,
    /// Time of an iteration in which the GPU waits for the host, s.
    pub(crate) waiting_s: f64,
    /// Power in it, W.
    pub(crate) waiting_w: f64,
    /// Power at rest, W.
    pub(crate) asleep_w: f64,
    /// Waiting time after which the GPU goes to rest, s.
    pub(crate) asleep_after_s: f64,
    /// The phases of the busy part.
    pub(crate) phases: Vec<Phase>,
    /// Times that all busy phases but the last are repeated within an iteration.
    pub(crate) micro_batches: u32,
    /// Deviation of the busy part's length, ratio; log-normal.
    pub(crate) jitter: f64,
    /// Whether iterations follow a rhythm.
    pub(crate) rhythm: Rhythm,
    /// Epochs, if there are any.
    pub(crate) epoch: Option<Epoch>,
}

/// One phase of an iteration's busy part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    /// Length relative to the other phases.
    pub(crate) length: f64,
    /// Power relative to the other phases.
    pub(crate) power: f64,
}

/// Whether iterations follow a rhythm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// Every step has its own length, order of phases, and powers.
    Aperiodic,
    /// Iterations are alike but for jitter.
    Periodic,
}

/// What an epoch is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Epoch {
    /// Iterations of it.
    pub(crate) iterations: u32,
    /// Validation passes after them.
    pub(crate) validations: u32,
    /// Time of such a pass relative to an iteration.
    pub(crate) validation_time: f64,
    /// Pause after them, s.
    pub(crate) pause_s: f64,
}

impl Waveform {
    /// The waveform of a shape; equal noise gives equal waveforms.
    pub(crate) fn synthetic(shape: &Shape, noise: &mut Noise) -> Self {
        let cycle = match shape.epoch {
            Some(epoch) => epochs(shape, epoch, noise),
            None => Cycle::new([(Stretch::new(iterations(shape, varied(shape), noise)), 1)]),
        };
        let lead = |kind, length_s, power_w| Step { kind, length_s, power_w, iterations: 0.0 };
        let lead = [lead(Kind::Asleep, IDLE_S, shape.asleep_w), lead(Kind::Waiting, SET_UP_S, shape.waiting_w)];
        Self { lead: Stretch::new(lead), cycle, idle_w: shape.asleep_w, ripple: RIPPLE }
    }
}

/// How many iterations must differ.
fn varied(shape: &Shape) -> u32 {
    let time_s = match shape.rhythm {
        Rhythm::Aperiodic => VARIED_APERIODIC_S,
        Rhythm::Periodic => VARIED_S,
    };
    ((time_s / (shape.busy_s + shape.waiting_s)).ceil() as u32).max(VARIED_ITERATIONS)
}

fn epochs(shape: &Shape, epoch: Epoch, noise: &mut Noise) -> Cycle {
    let varied = varied(shape);
    if epoch.iterations < 2 * varied {
        // Several short epochs, each with jitter of its own.
        let count = varied.div_ceil(epoch.iterations);
        let mut training = iterations(shape, count * epoch.iterations, noise).into_iter().peekable();
        let mut steps = Vec::new();
        for _ in 0..count {
            let mut left = f64::from(epoch.iterations) - 1e-6;
            while let Some(step) = training.next_if(|_| left > 0.0) {
                left -= step.iterations;
                steps.push(step);
                // The wait belongs to the iteration that it ends, but carries no part of it.
                while let Some(wait) = training.next_if(|step| step.iterations == 0.0) {
                    steps.push(wait);
                }
            }
            steps.extend(between(shape, epoch));
        }
        return Cycle::new([(Stretch::new(steps), 1)]);
    }
    let (repeats, rest) = (epoch.iterations / varied, epoch.iterations % varied);
    Cycle::new([
        (Stretch::new(iterations(shape, varied, noise)), repeats),
        (Stretch::new(iterations(shape, rest, noise)), 1),
        (Stretch::new(between(shape, epoch)), 1),
    ])
}

/// Validation and pause. Passes follow each other too fast to tell them apart in a sum, so they are one step each.
fn between(shape: &Shape, epoch: Epoch) -> Vec<Step> {
    let iteration_s = shape.busy_s + shape.waiting_s;
    let pass = Step {
        kind: Kind::Busy,
        length_s: epoch.validation_time * iteration_s,
        power_w: VALIDATION_POWER * shape.busy_w,
        iterations: 0.0,
    };
    let passes = epoch.validations as usize;
    let mut steps = vec![Step { length_s: pass.length_s * passes as f64, ..pass }];
    steps.extend(waiting(shape, epoch.pause_s));
    steps
}

/// Waiting, and rest if it takes long.
fn waiting(shape: &Shape, length_s: f64) -> [Step; 2] {
    let awake_s = length_s.min(shape.asleep_after_s);
    let step = |kind, length_s, power_w| Step { kind, length_s, power_w, iterations: 0.0 };
    [step(Kind::Waiting, awake_s, shape.waiting_w), step(Kind::Asleep, length_s - awake_s, shape.asleep_w)]
}

/// `count` iterations whose mean length and power are those of the shape.
fn iterations(shape: &Shape, count: u32, noise: &mut Noise) -> Vec<Step> {
    // Length and power of the busy steps, relative; then normed.
    let mut drafts: Vec<(f64, Vec<Phase>)> = (0..count)
        .map(|_| {
            let length = log_normal(shape.jitter, noise);
            (length, draft(shape, noise))
        })
        .collect();
    let mean_length = drafts.iter().map(|(length, _)| length).sum::<f64>() / f64::from(count.max(1));
    let mut energy = 0.0;
    for (length, phases) in &mut drafts {
        *length /= mean_length;
        let whole: f64 = phases.iter().map(|phase| phase.length).sum();
        for phase in phases.iter_mut() {
            phase.length *= *length / whole;
            energy += phase.length * phase.power;
        }
    }
    let mean_power = energy / f64::from(count.max(1));
    let mut steps = Vec::new();
    for (length, phases) in drafts {
        let mut iteration_left = 1.0;
        let last = phases.len().saturating_sub(1);
        steps.extend(phases.into_iter().enumerate().map(|(index, phase)| {
            let iterations = if index == last { iteration_left } else { exact_share(phase.length / length) };
            iteration_left -= iterations;
            Step {
                kind: Kind::Busy,
                length_s: shape.busy_s * phase.length,
                power_w: shape.busy_w * phase.power / mean_power,
                iterations,
            }
        }));
        // The host is as slow as its part of the work is long; steps of a job without rhythm differ as a whole.
        let waits = match shape.rhythm {
            Rhythm::Aperiodic => shape.waiting_s * length,
            Rhythm::Periodic => shape.waiting_s,
        };
        steps.extend(waiting(shape, waits));
    }
    steps.retain(|step| step.length_s > 0.0);
    steps
}

/// The busy phases of one iteration.
fn draft(shape: &Shape, noise: &mut Noise) -> Vec<Phase> {
    let mut phases = shape.phases.clone();
    if shape.rhythm == Rhythm::Aperiodic {
        for last in (1..phases.len()).rev() {
            phases.swap(last, (noise.uniform() * (last + 1) as f64) as usize);
        }
        for phase in &mut phases {
            phase.power *= 0.8 + 0.4 * noise.uniform();
        }
    }
    let Some((last, repeated)) = phases.split_last() else { return phases };
    let share = f64::from(shape.micro_batches).recip();
    let micro_batch = repeated.iter().map(|phase| Phase { length: phase.length * share, ..*phase });
    let mut all: Vec<Phase> = (0..shape.micro_batches).flat_map(|_| micro_batch.clone()).collect();
    all.push(*last);
    all
}

/// Rounded so that sums of shares are exact, and the end of an iteration is a whole number.
fn exact_share(share: f64) -> f64 {
    const GRAIN: f64 = 65_536.0;
    (share * GRAIN).round() / GRAIN
}

/// Log-normal with mean 1 (exactly only after norming) and this relative standard deviation.
fn log_normal(deviation: f64, noise: &mut Noise) -> f64 {
    let variance = deviation.powi(2).ln_1p();
    (variance.sqrt() * noise.bell() - 0.5 * variance).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Stream;
    use crate::waveform::Weights;

    fn shape() -> Shape {
        let phase = |length, power| Phase { length, power };
        Shape {
            busy_s: 0.4,
            busy_w: 300.0,
            waiting_s: 0.1,
            waiting_w: 120.0,
            asleep_w: 27.0,
            asleep_after_s: 2.0,
            phases: vec![phase(0.3, 0.95), phase(0.5, 1.07), phase(0.1, 0.85)],
            micro_batches: 1,
            jitter: 0.05,
            rhythm: Rhythm::Periodic,
            epoch: None,
        }
    }

    fn made(shape: &Shape) -> Waveform {
        Waveform::synthetic(shape, &mut Noise::new(3, Stream::Waveform))
    }

    #[test]
    fn iterations_have_the_mean_time_and_power_that_were_asked_for() {
        for micro_batches in [1, 4] {
            let waveform = made(&Shape { micro_batches, ..shape() });
            assert!((waveform.iteration_s().unwrap() - 0.5).abs() < 1e-9);
            assert!((waveform.mean_power_w() - (0.8 * 300.0 + 0.2 * 120.0)).abs() < 1e-6);
            assert!(waveform.cycle_s() >= 120.0);
        }
    }

    #[test]
    fn jitter_is_as_large_as_asked_for() {
        let waveform = made(&shape());
        let ends: Vec<f64> =
            (0..=200).map(|count| waveform.reach(&Weights::ITERATIONS, f64::from(count)).time_s()).collect();
        let lengths: Vec<f64> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        let deviation = (lengths.iter().map(|length| (length - mean).powi(2)).sum::<f64>() / 200.0).sqrt();
        assert!((deviation / 0.4 - 0.05).abs() < 0.008, "{deviation}");
    }

    #[test]
    fn an_epoch_ends_with_validation_and_a_pause() {
        for iterations in [18, 5000] {
            let epoch = Epoch { iterations, validations: 12, validation_time: 0.4, pause_s: 0.3 };
            let waveform = made(&Shape { epoch: Some(epoch), ..shape() });
            let epoch_s = f64::from(iterations) * 0.5 + 12.0 * 0.4 * 0.5 + 0.3;
            let epochs = waveform.turn().iterations / f64::from(iterations);
            assert!((epochs - epochs.round()).abs() < 1e-6, "{epochs}");
            assert!((waveform.cycle_s() / epochs - epoch_s).abs() < 1e-6);
            let pauses_s = waveform.turn().waiting_s - 0.1 * waveform.turn().iterations;
            assert!((pauses_s / epochs - 0.3).abs() < 1e-6);
            // Just before the end of an epoch the GPU waits.
            assert!((waveform.energy_j(epoch_s - 0.2, epoch_s - 0.1) - 12.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_job_without_rhythm_has_steps_of_all_lengths() {
        let waveform = made(&Shape { rhythm: Rhythm::Aperiodic, jitter: 0.8, busy_s: 4.0, ..shape() });
        let ends: Vec<f64> =
            (0..=100).map(|count| waveform.reach(&Weights::ITERATIONS, f64::from(count)).time_s()).collect();
        let lengths = || ends.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(lengths().fold(0.0, f64::max) > 8.0 && lengths().fold(9.9, f64::min) < 1.5);
        assert!((waveform.iteration_s().unwrap() - 4.1).abs() < 1e-6);
    }

    #[test]
    fn long_waits_put_the_gpu_to_rest() {
        let waveform = made(&Shape { waiting_s: 5.0, ..shape() });
        let turn = waveform.turn();
        assert!((turn.asleep_s / turn.waiting_s - 1.5).abs() < 1e-9);
        assert!((turn.asleep_j / turn.asleep_s - 27.0).abs() < 1e-9);
    }
}
