//! What makes each family what it is. Everything else is as for any job.

use crate::truth::Label;

use super::Family;
use super::dice::Dice;
use super::pattern::{Contrast, Kernel, iteration, pass};
use super::readings::Sensor;
use super::script::{Job, Piece, Script};

/// Draws the script of a recording.
pub(super) fn script(family: Family, dice: &mut Dice) -> Script {
    let script = match family {
        Family::Aperiodic => aperiodic(dice),
        Family::AveragedSensor => averaged_sensor(dice),
        Family::Bursts => bursts(dice),
        Family::Change => change(dice),
        Family::Checkpoints => checkpoints(dice),
        Family::ClockChanges => clock_changes(dice),
        Family::CoarseSensor => coarse_sensor(dice),
        Family::Drift => drift(dice),
        Family::IdleGaps => idle_gaps(dice),
        Family::Jitter => jitter(dice),
        Family::LoaderStalls => loader_stalls(dice),
        Family::LostSamples => lost_samples(dice),
        Family::MicroBatches => micro_batches(dice),
        Family::Plain => plain(dice),
        Family::PowerLimit => power_limit(dice),
        Family::PowerRamp => power_ramp(dice),
        Family::Ragged => ragged(dice),
        Family::Short => short(dice),
        Family::TwoJobs => two_jobs(dice),
        Family::UnlikeSteps => unlike_steps(dice),
        Family::Validation => validation(dice),
    };
    script.end(dice)
}

fn begin(dice: &mut Dice) -> Script {
    Script::begin(Sensor::usual(dice), dice)
}

/// An iteration of this length with an update of 1 to 7 % and, at times, a wait for the host.
fn usual_iteration(length_s: f64, contrast: Contrast, dice: &mut Dice) -> Vec<Kernel> {
    let wait_s = if dice.chance(0.3) { length_s * dice.between(0.005, 0.06) } else { 0.0 };
    iteration(length_s, 1, dice.between(0.01, 0.07), wait_s, contrast, dice)
}

/// A job as most are, its iteration in this range.
fn usual_job(shortest_s: f64, longest_s: f64, dice: &mut Dice) -> Job {
    let contrast = Contrast::usual(dice);
    let kernels = usual_iteration(dice.scale(shortest_s, longest_s), contrast, dice);
    Job::new(kernels, dice)
}

/// How long a job is watched, s: long enough for two dozen iterations.
fn watch_s(job: &Job, dice: &mut Dice) -> f64 {
    dice.between(25.0, 50.0).max(24.0 * job.length_s())
}

/// The rest of a recording of which nothing more is to be said.
fn train_on(mut script: Script, job: &Job, dice: &mut Dice) -> Script {
    let seconds = watch_s(job, dice);
    script.train(job, seconds, 1, dice);
    script
}

fn plain(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let job = usual_job(0.085, 1.5, dice);
    train_on(script, &job, dice)
}

fn short(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let job = usual_job(0.025, 0.078, dice);
    train_on(script, &job, dice)
}

fn jitter(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let mut job = usual_job(0.1, 1.2, dice);
    job.jitter = dice.scale(0.015, 0.05);
    train_on(script, &job, dice)
}

fn power_limit(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let contrast = Contrast::low(dice);
    let kernels = usual_iteration(dice.scale(0.1, 1.2), contrast, dice);
    let job = Job::new(kernels, dice);
    train_on(script, &job, dice)
}

fn micro_batches(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let micro = dice.one_of(&[2, 3, 4, 4, 6, 8, 8, 12, 16, 32]);
    let length_s = dice.scale((0.06 * micro as f64).max(0.25), 5.0);
    let contrast = if dice.chance(0.3) { Contrast::low(dice) } else { Contrast::usual(dice) };
    // The update takes its time once, however many batches there are.
    let update = dice.between(0.1, 0.8);
    let kernels = iteration(length_s, micro, update / (micro as f64 + update), 0.0, contrast, dice);
    let job = Job::new(kernels, dice);
    train_on(script, &job, dice)
}

fn unlike_steps(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let contrast = Contrast::usual(dice);
    let step_s = dice.scale(0.04, 0.4);
    let often = usual_iteration(step_s, contrast, dice);
    let repeats = dice.count(1, 5);
    let other_s = step_s * dice.between(0.6, 1.8);
    let other = Contrast { level: contrast.level * dice.between(0.93, 1.07), ..contrast };
    let mut kernels: Vec<Kernel> = (0..repeats).flat_map(|_| often.iter().copied()).collect();
    kernels.extend(usual_iteration(other_s, other, dice));
    let job = Job::new(kernels, dice);
    train_on(script, &job, dice)
}

fn bursts(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let length_s = dice.scale(0.15, 2.5);
    let duty = dice.between(0.15, 0.7);
    let contrast = Contrast::usual(dice);
    let burst = pass(duty * length_s, contrast, dice);
    let wait_s = (1.0 - duty) * length_s;
    let wait_jitter = dice.scale(0.001, 0.04);
    let count = (dice.between(25.0, 50.0) / length_s).max(24.0) as usize;
    for _ in 0..count {
        script.work(&burst, 1.0, dice);
        script.pause(wait_s * (1.0 + wait_jitter * dice.bell()), Label::Train);
    }
    script
}

fn ragged(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.1, 0.8, dice);
    let buckets: Vec<f64> = (0..dice.count(4, 7)).map(|k| 0.55 + 0.15 * k as f64).collect();
    let has_buckets = dice.chance(0.4);
    let count = (watch_s(&job, dice) / job.length_s()) as usize;
    for _ in 0..count {
        let factor = if has_buckets { dice.one_of(&buckets) } else { dice.between(0.55, 1.45) };
        script.iterate(&job.kernels, factor, dice);
    }
    script
}

fn drift(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.09, 1.2, dice);
    script.trend.warmth = dice.between(0.02, 0.08);
    let by = dice.between(-0.02, 0.02);
    let count = (watch_s(&job, dice) / job.length_s()) as usize;
    for index in 0..count {
        let factor = 1.0 + by * index as f64 / count as f64 + job.jitter * dice.bell();
        script.iterate(&job.kernels, factor, dice);
    }
    script
}

fn power_ramp(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.09, 1.2, dice);
    let from = script.length_s() + dice.between(0.0, 10.0);
    script.trend.ramp = Some((from, from + dice.between(10.0, 40.0), dice.between(-0.4, 0.5)));
    train_on(script, &job, dice)
}

fn checkpoints(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.085, 1.0, dice);
    let pause_s = dice.scale(0.5, 8.0);
    let every = (dice.between(4.0, 12.0) / job.length_s()).ceil() as usize;
    for _ in 0..dice.count(3, 6) {
        script.train(&job, 0.0, every, dice);
        script.pause(pause_s * dice.between(0.8, 1.25), Label::Checkpoint);
    }
    script.train(&job, 0.0, every, dice);
    script
}

fn validation(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.085, 0.6, dice);
    let contrast = Contrast::usual(dice);
    let forward = pass(job.length_s() * dice.between(0.2, 0.45), contrast, dice);
    let (every, passes) = (dice.count(15, 60), dice.count(4, 25));
    let blocks = (watch_s(&job, dice) / job.length_s() / every as f64).ceil() as usize;
    for _ in 0..blocks {
        script.train(&job, 0.0, every, dice);
        for _ in 0..passes {
            script.work(&forward, 1.0, dice);
            script.mark(Label::Val);
        }
    }
    script.train(&job, 0.0, every, dice);
    script
}

fn loader_stalls(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.085, 0.8, dice);
    let probability = dice.between(0.02, 0.06);
    let count = (watch_s(&job, dice) / job.length_s()) as usize;
    for _ in 0..count {
        if dice.chance(probability) {
            script.wait(dice.scale(0.2, 1.5), 0.0);
        }
        let factor = 1.0 + job.jitter * dice.bell();
        script.iterate(&job.kernels, factor, dice);
    }
    script
}

fn idle_gaps(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.085, 1.0, dice);
    for _ in 0..dice.count(1, 3) {
        let seconds = dice.between(8.0, 20.0);
        script.train(&job, seconds, 12, dice);
        let level = if dice.chance(0.3) { -1.0 } else { 0.0 };
        script.wait(dice.between(3.0, 20.0), level);
    }
    train_on(script, &job, dice)
}

fn change(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let before = usual_job(0.1, 0.6, dice);
    let seconds = dice.between(12.0, 20.0);
    script.train(&before, seconds, 12, dice);
    let factor = dice.scale(1.3, 2.5);
    let factor = if dice.chance(0.5) { factor } else { 1.0 / factor };
    let length_s = (before.length_s() * factor).max(0.085);
    let after = if dice.chance(0.5) {
        let factor = length_s / before.length_s();
        let longer = |kernel: &Kernel| Kernel { work_s: kernel.work_s * factor, ..*kernel };
        Job { kernels: before.kernels.iter().map(longer).collect(), jitter: before.jitter }
    } else {
        if dice.chance(0.5) {
            script.wait(dice.between(0.3, 5.0), 0.0);
        }
        usual_job(length_s, 1.01 * length_s, dice)
    };
    let seconds = dice.between(20.0, 35.0);
    script.train(&after, seconds, 24, dice);
    script
}

fn clock_changes(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let job = usual_job(0.085, 1.0, dice);
    let mut earlier_s = 0.0_f64;
    for step in (0..dice.count(2, 4)).rev() {
        let slower = dice.between(1.0, 1.33);
        let kernel = |kernel: &Kernel| match kernel.level {
            level if level > 0.0 => Kernel { work_s: kernel.work_s * slower, level: level * slower.powf(-2.4) },
            _ => *kernel,
        };
        let clocked = Job { kernels: job.kernels.iter().map(kernel).collect(), jitter: job.jitter };
        // The last one is the one that the truth is about.
        let seconds = if step == 0 { (1.2 * earlier_s).max(15.0) } else { dice.between(8.0, 20.0) };
        earlier_s += seconds;
        script.train(&clocked, seconds, 12, dice);
    }
    script
}

fn lost_samples(dice: &mut Dice) -> Script {
    let sensor = Sensor {
        loss: dice.scale(0.03, 0.15),
        run: dice.between(1.0, 4.0),
        jitter_s: dice.between(0.004, 0.009),
        gap_at: dice.chance(0.6).then(|| dice.between(0.3, 0.8)),
        ..Sensor::usual(dice)
    };
    let script = Script::begin(sensor, dice);
    let job = usual_job(0.1, 1.2, dice);
    train_on(script, &job, dice)
}

fn coarse_sensor(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    script.sensor.quantum_w = script.card.limit_w * dice.scale(0.003, 0.02);
    let job = usual_job(0.09, 1.2, dice);
    train_on(script, &job, dice)
}

fn averaged_sensor(dice: &mut Dice) -> Script {
    let sensor = Sensor::average(dice);
    let script = Script::begin(sensor, dice);
    let contrast = Contrast::usual(dice);
    let contrast = Contrast { slow: contrast.slow.max(0.06), ..contrast };
    let kernels = usual_iteration(dice.scale(2.5, 8.0), contrast, dice);
    let job = Job::new(kernels, dice);
    train_on(script, &job, dice)
}

fn two_jobs(dice: &mut Dice) -> Script {
    let script = begin(dice);
    let contrast = Contrast::usual(dice);
    let contrast = Contrast { slow: contrast.slow.max(0.06), ..contrast };
    let kernels = usual_iteration(dice.scale(0.1, 1.0), contrast, dice);
    let job = Job::new(kernels, dice);
    let mut script = train_on(script, &job, dice);

    let length_s = dice.scale(0.05, 3.0);
    let duty = dice.between(0.1, 0.6);
    let level = dice.between(0.25, 0.5) * contrast.slow / (duty * (1.0 - duty)).sqrt();
    let mut left_s = 1.5 * script.length_s();
    while left_s > 0.0 {
        let factor = 1.0 + 0.01 * dice.bell();
        script.beside.push(Piece { work_s: factor * duty * length_s, level, ends: None });
        script.beside.push(Piece { work_s: factor * (1.0 - duty) * length_s, level: 0.0, ends: None });
        left_s -= factor * length_s;
    }
    script
}

/// Pieces of random size with waits between them; trials of random networks; work of random kinds without a wait.
fn aperiodic(dice: &mut Dice) -> Script {
    let mut script = begin(dice);
    let kind = dice.count(0, 2);
    let end_s = script.length_s() + dice.between(30.0, 60.0);
    while script.length_s() < end_s {
        match kind {
            0 => {
                let contrast = Contrast::usual(dice);
                let chunk = pass(dice.scale(0.02, 0.5), contrast, dice);
                script.work(&chunk, 1.0, dice);
                script.mark(Label::Chunk);
                script.wait(dice.scale(0.02, 0.5), 0.0);
            }
            1 => {
                let trial = usual_job(0.03, 0.4, dice);
                let seconds = dice.scale(0.3, 3.0);
                let from = script.pieces.len();
                script.train(&trial, seconds, 1, dice);
                script.pieces[from..].iter_mut().for_each(|piece| piece.ends = None);
                script.mark(Label::Trial);
                script.wait(dice.scale(0.1, 0.8), 0.0);
            }
            _ => {
                let contrast = Contrast::usual(dice);
                let chunk = pass(dice.scale(0.05, 1.0), contrast, dice);
                script.work(&chunk, 1.0, dice);
                script.mark(Label::Chunk);
            }
        }
    }
    script
}
