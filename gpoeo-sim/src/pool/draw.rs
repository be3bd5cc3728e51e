//! Draws of jobs: `docs/calibration.md`, "Training pool".

use std::sync::OnceLock;

use crate::job::{Class, JobSpec};
use crate::model::{JobModel, PipeMix};
use crate::noise::{Noise, Stream};
use crate::profile::Gpu;
use crate::suite::paper71_specs;
use crate::waveform::Rhythm;
use crate::workload::WorkCounters;

/// Each number of a class is multiplied with e to the power of up to this, of either sign.
const SPREAD: f64 = 0.7;
/// Share of the jobs whose shares of the time are mixed with random ones, and the most that is mixed in.
const MIXED: f64 = 0.5;
const MOST_MIXED: f64 = 0.5;
/// Launch ratios of jobs that launches may pace, and the share of jobs of other classes that have one.
const LAUNCHES: (f64, f64) = (0.6, 2.8);
const LAUNCHES_ELSEWHERE: f64 = 0.15;
/// Shortest and longest iteration, s.
const ITERATION_S: (f64, f64) = (0.02, 16.0);
/// Share of the jobs without a period.
const APERIODIC: f64 = 0.06;
/// Share of the jobs whose iterations have micro-batches (our addition; they change nothing but the waveform).
const MICRO_BATCHES: f64 = 0.15;
/// A job of the suite is nearer than this (largest difference of any parameter): not drawn.
const TOO_CLOSE: f64 = 0.06;
/// Kernels take at least this share of the time.
const LEAST_KERNELS: f64 = 0.03;

/// A job, and what it was drawn from.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) spec: JobSpec,
    pub(super) family: String,
    /// The card that its numbers hold for.
    pub(super) home: Gpu,
    /// Seed of the sensors' noise, and of when it is looked at.
    pub(super) seed: u64,
}

/// The family of a class.
pub(super) fn family_of(class: &str) -> Option<String> {
    Class::find(class).map(|class| class.family.clone())
}

/// Draws until the job is not close to one of the suite.
pub(super) fn draw(gpu: Gpu, part: u64, number: u32) -> Drawn {
    // The golden ratio spreads the bits: parts and numbers are far apart.
    let seed = (part << 20).wrapping_add(u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut dice = Dice(Noise::new(seed, Stream::Pool));
    loop {
        let drawn = attempt(&mut dice, gpu, &format!("pool-{part}-{number}"), seed);
        if !is_close(&drawn.spec.model) {
            return drawn;
        }
    }
}

fn attempt(dice: &mut Dice, gpu: Gpu, name: &str, seed: u64) -> Drawn {
    let class = &Class::all()[dice.index(Class::all().len())];
    let mut shares = [class.compute, class.balanced, class.memory, class.host].map(|share| share * dice.factor());
    normalise(&mut shares);
    if dice.chance(MIXED) {
        let weight = dice.between(0.0, MOST_MIXED);
        // Uniform over all mixes of four: Dirichlet with exponents 1, from exponential draws.
        let mut random = [(); 4].map(|()| -(1.0 - dice.0.uniform()).ln());
        normalise(&mut random);
        for (share, random) in shares.iter_mut().zip(random) {
            *share += weight * (random - *share);
        }
    }
    shares[3] = shares[3].min(1.0 - LEAST_KERNELS);
    normalise(&mut shares);
    let [compute, balanced, memory, host] = shares;
    let launches = class.launch_ratio > 0.0 || dice.chance(LAUNCHES_ELSEWHERE);
    let launch_ratio = if launches { dice.between(LAUNCHES.0, LAUNCHES.1) } else { 0.0 };
    let mut pipe = |share: f64| (share * dice.factor()).min(1.0);
    let pipes = PipeMix {
        alu: pipe(class.pipes.alu),
        fma: pipe(class.pipes.fma),
        lsu: pipe(class.pipes.lsu),
        tex: pipe(class.pipes.tex),
        xu: pipe(class.pipes.xu),
        cbu: pipe(class.pipes.cbu),
        uniform: pipe(class.pipes.uniform),
        adu: pipe(class.pipes.adu),
        fp16: pipe(class.pipes.fp16),
    };
    let model = JobModel {
        iteration_s: ITERATION_S.0 * (ITERATION_S.1 / ITERATION_S.0).powf(dice.0.uniform()),
        compute,
        balanced,
        memory,
        host,
        launch_ratio,
        sm_activity: (class.sm_activity * dice.factor()).min(1.0),
        tensor_activity: (class.tensor_activity * dice.factor()).min(1.0),
    };
    let spec = JobSpec {
        name: name.to_owned(),
        class: Some(class.name.clone()),
        model,
        rhythm: if dice.chance(APERIODIC) { Rhythm::Aperiodic } else { Rhythm::Periodic },
        micro_batches: if dice.chance(MICRO_BATCHES) { 2 + dice.index(7) as u32 } else { 1 },
        jitter: (class.jitter * dice.factor()).min(0.5),
        epoch: None,
        phases: class.phases.clone(),
        counters: WorkCounters::Instructions,
        pipes,
    };
    // Shares hold on the card itself, or come from the card that the classes are written for: both occur.
    let home = if dice.chance(0.5) { gpu } else { Gpu::Rtx3080Ti };
    Drawn { spec, family: class.family.clone(), home, seed }
}

fn normalise(shares: &mut [f64; 4]) {
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
}

fn parameters(model: &JobModel) -> [f64; 7] {
    let JobModel { compute, balanced, memory, host, launch_ratio, sm_activity, tensor_activity, .. } = *model;
    [compute, balanced, memory, host, launch_ratio, sm_activity, tensor_activity]
}

fn is_close(model: &JobModel) -> bool {
    static SUITE: OnceLock<Vec<[f64; 7]>> = OnceLock::new();
    let suite = SUITE.get_or_init(|| paper71_specs().iter().map(|spec| parameters(&spec.model)).collect());
    let own = parameters(model);
    let distance = |other: &[f64; 7]| own.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    suite.iter().any(|other| distance(other) < TOO_CLOSE)
}

struct Dice(Noise);

impl Dice {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }

    fn index(&mut self, count: usize) -> usize {
        (count as f64 * self.0.uniform()) as usize
    }

    fn factor(&mut self) -> f64 {
        self.between(-SPREAD, SPREAD).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::PoolPart;
    use crate::workload::CostLaw;
    use gpoeo_core::Objective;

    fn drawn() -> impl Iterator<Item = Drawn> {
        (0..400).map(|number| draw(Gpu::Rtx3080Ti, PoolPart::Test.seed(), number))
    }

    #[test]
    fn no_job_is_one_of_the_suite() {
        for spec in paper71_specs() {
            assert!(is_close(&spec.model), "{}", spec.name);
        }
        assert!(drawn().all(|drawn| !is_close(&drawn.spec.model)));
    }

    #[test]
    fn every_job_can_be_and_classes_and_rhythms_occur_as_often_as_they_should() {
        let (mut aperiodic, mut launches, mut cnn) = (0, 0, 0);
        for drawn in drawn() {
            let spec = drawn.spec.checked().unwrap();
            aperiodic += u32::from(spec.rhythm == Rhythm::Aperiodic);
            launches += u32::from(spec.model.launch_ratio > 0.0);
            cnn += u32::from(drawn.family == "cnn");
        }
        assert!((10..45).contains(&aperiodic), "{aperiodic} of 24");
        assert!((110..190).contains(&launches), "{launches} of 145");
        assert!((40..95).contains(&cnn), "{cnn} of 67");
    }

    /// The specification's check of 1000 draws: oracle 21.7 % in the mean.
    #[test]
    fn the_pool_is_as_the_specification_found_it() {
        let card = Gpu::Rtx3080Ti.profile();
        let savings: Vec<f64> = drawn()
            .take(150)
            .map(|drawn| {
                let workload = drawn.spec.workload(card, card);
                assert!(matches!(workload.law(), CostLaw::Physical(_)));
                crate::oracle(workload.curve(), Objective::MinEnergy { max_slowdown: 0.05 }).unwrap().1.saving()
            })
            .collect();
        let mean = savings.iter().sum::<f64>() / savings.len() as f64;
        assert!((mean - 0.217).abs() < 0.025, "{mean}");
    }
}
