//! Windows cut from recordings, stretched by a known ratio, with the true mean iteration time in them. Shared with the
//! example `fit_windows`.

use std::time::{Duration, Instant};

use gpoeo_core::{Expected, MeasureConfig, PeriodFit, PeriodFitter};
use gpoeo_sim::{Label, Trace, Truth};

/// Time at the setting / time at default clocks.
const RATIOS: [f64; 7] = [0.97, 1.0, 1.02, 1.05, 1.1, 1.2, 1.5];

/// Grid step of the windows, s.
const STEP_S: f64 = 0.02;

/// The steady part of a recording: power on its own stamps, and the ends of its iterations.
pub(crate) struct Recording {
    times_s: Vec<f64>,
    power_w: Vec<f64>,
    /// Iterations as (begin, end), s; what lies between them is a pause.
    iterations: Vec<(f64, f64)>,
    /// Mean length of an iteration over the whole recording, s.
    pub(crate) mean_s: f64,
}

/// One window of power samples and the truth about it.
struct Case {
    power_w: Vec<f32>,
    /// Mean iteration time within exactly this window, s.
    window_mean_s: f64,
}

/// How a window is made.
struct Bend {
    /// Begin within the steady part, 0..1 of what is possible.
    place: f64,
    /// Length of the window after stretching, s.
    length_s: f64,
    /// Time at the setting / time at default clocks.
    ratio: f64,
    /// Factor on power.
    gain: f64,
    /// Additional noise, standard deviation as a share of the mean power.
    noise: f64,
    /// Share of samples that are missing.
    lost: f64,
}

impl Recording {
    /// `None` where there are no training iterations.
    pub(crate) fn new(trace: &Trace, truth: &Truth) -> Option<Self> {
        let marks = truth.marks();
        let mut iterations: Vec<(f64, f64)> = marks
            .windows(2)
            .filter(|pair| pair[1].label == Label::Train)
            .map(|pair| (pair[0].time_s, pair[1].time_s))
            .collect();
        if iterations.len() < 5 {
            return None;
        }
        // A job that changes midway: the part after the change.
        let fifth = iterations.len() / 5;
        let (early, late) = (median(&iterations[..fifth]), median(&iterations[iterations.len() - fifth..]));
        if (early / late - 1.0).abs() > 0.3 {
            let middle = (early * late).sqrt();
            let from = iterations.iter().rposition(|(a, b)| ((b - a) > middle) == (early > late)).map_or(0, |i| i + 3);
            iterations.drain(..from);
        }
        // A stall is no iteration.
        let usual = median(&iterations);
        iterations.retain(|(a, b)| b - a < 1.6 * usual);
        let mean_s = iterations.iter().map(|(a, b)| b - a).sum::<f64>() / iterations.len() as f64;
        Some(Self {
            times_s: trace.samples().map(|sample| sample.time.as_secs_f64()).collect(),
            power_w: trace.samples().map(|sample| sample.power_w).collect(),
            iterations,
            mean_s,
        })
    }

    /// Cuts a window; `None` if the recording is too short or the window is mostly pause.
    fn cut(&self, bend: &Bend, random: &mut Random) -> Option<Case> {
        let (first, last) = (self.iterations.first()?.0, self.iterations.last()?.1);
        let span_s = bend.length_s / bend.ratio;
        let room_s = last - first - span_s;
        if room_s < 0.0 {
            return None;
        }
        let from_s = first + bend.place * room_s;
        let (mut done, mut busy_s) = (0.0, 0.0);
        for (a, b) in &self.iterations {
            let inside_s = (b.min(from_s + span_s) - a.max(from_s)).max(0.0);
            busy_s += inside_s;
            done += inside_s / (b - a);
        }
        if busy_s < 0.6 * span_s {
            return None;
        }
        let samples = (bend.length_s / STEP_S).round() as usize;
        let mut power_w: Vec<f32> = Vec::with_capacity(samples);
        // A sample is the mean over the step that it ends: half a step late.
        for i in 0..samples {
            let at_s = from_s + (i as f64 + 0.5) * STEP_S / bend.ratio;
            power_w.push((self.power_at(at_s) * bend.gain) as f32);
        }
        let mean = power_w.iter().sum::<f32>() / samples as f32;
        for power in &mut power_w {
            *power += random.normal() as f32 * bend.noise as f32 * mean;
            if bend.lost > 0.0 && random.uniform() < bend.lost {
                *power = f32::NAN;
            }
        }
        Some(Case { power_w, window_mean_s: bend.ratio * busy_s / done })
    }

    fn power_at(&self, at_s: f64) -> f64 {
        let after = self.times_s.partition_point(|time| *time <= at_s).clamp(1, self.times_s.len() - 1);
        let (a, b) = (self.times_s[after - 1], self.times_s[after]);
        let part = ((at_s - a) / (b - a)).clamp(0.0, 1.0);
        self.power_w[after - 1] * (1.0 - part) + self.power_w[after] * part
    }
}

/// What to fit, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Length of the windows, s; at least three of what is to be found.
    pub(crate) length_s: f64,
    /// What is to be found, in iterations.
    pub(crate) multiple: f64,
    /// Share of samples that are missing.
    pub(crate) lost: f64,
    /// Windows at each ratio.
    pub(crate) each: u64,
}

/// One fit and what is true, s.
pub(crate) struct Fitted {
    pub(crate) fit: Option<PeriodFit>,
    /// Mean within exactly the window.
    pub(crate) window_s: f64,
    /// Mean over the whole recording, stretched alike.
    pub(crate) lasting_s: f64,
    /// How long the fit took.
    #[allow(dead_code, reason = "only the example prints it")]
    pub(crate) took: Duration,
}

/// Fits windows at random places and known ratios; knows of each what a detector and a search would know: the period to
/// 0.5 %, the ratio to 3 %.
pub(crate) fn fit_all(recording: &Recording, plan: Plan) -> Vec<Fitted> {
    let mut fitter = PeriodFitter::new(&MeasureConfig::default());
    let mut all = Vec::new();
    for (row, ratio) in (0u64..).zip(RATIOS) {
        let length_s = plan.length_s.max(3.0 * recording.mean_s * plan.multiple.max(1.0) * ratio);
        for case in 0..plan.each {
            let mut random = Random(1_000_003 * row + case);
            let (place, gain) = (random.uniform(), random.between(0.7, 1.0));
            let bend = Bend { place, length_s, ratio, gain, noise: 0.005, lost: plan.lost };
            let Some(cut) = recording.cut(&bend, &mut random) else { continue };
            let base_s = plan.multiple * recording.mean_s * random.between(0.995, 1.005);
            let expected = Expected::new(base_s)
                .ratio(ratio * random.between(0.97, 1.03), 0.03)
                .ratio_range(0.9, if ratio > 1.15 { 2.0 } else { 1.25 });
            let begin = Instant::now();
            let fit = fitter.fit(&cut.power_w, STEP_S, &expected);
            all.push(Fitted {
                fit,
                window_s: plan.multiple * cut.window_mean_s,
                lasting_s: plan.multiple * recording.mean_s * ratio,
                took: begin.elapsed(),
            });
        }
    }
    all
}

/// The value below which a share of all lie.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(f64::NAN)
}

fn median(iterations: &[(f64, f64)]) -> f64 {
    let mut lengths: Vec<f64> = iterations.iter().map(|(a, b)| b - a).collect();
    lengths.sort_by(f64::total_cmp);
    lengths[lengths.len() / 2]
}

/// SplitMix64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform within `least..greatest`.
    fn between(&mut self, least: f64, greatest: f64) -> f64 {
        least + (greatest - least) * self.uniform()
    }

    /// Standard normal (sum of 12 uniforms: tails beyond 6 are cut).
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
