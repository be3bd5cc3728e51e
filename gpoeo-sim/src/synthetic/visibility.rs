//! How much of a job's rhythm its sensors show.

use crate::score::Rhythm;
use crate::trace::Trace;
use crate::truth::{Label, Truth};

/// Iterations whose length differs from the median by more than this hold something else, too: a stall, a pause.
const USUAL: f64 = 0.3;
/// Bins of an iteration, at most; none is shorter than a sample.
const MOST_BINS: usize = 500;
const SAMPLE_S: f64 = 0.02;

/// The power's movement that repeats with each iteration over what does not, as standard deviations, each iteration
/// without its mean; in the last half of the recording. `None` without iterations of some usual length.
pub(super) fn visibility(trace: &Trace, truth: &Truth) -> Option<f64> {
    let usual_s = Rhythm::of(truth).iteration_s?;
    let marks = truth.marks();
    let bins = ((usual_s / SAMPLE_S) as usize).clamp(2, MOST_BINS);
    let mut parts = vec![Vec::new(); bins];
    let mut samples = trace.samples().map(|sample| (sample.time.as_secs_f64(), sample.power_w)).peekable();
    let mut iteration = Vec::new();
    for pair in marks[marks.len() / 2..].windows(2) {
        let (from, to) = (pair[0].time_s, pair[1].time_s);
        while samples.next_if(|(time, _)| *time <= from).is_some() {}
        iteration.clear();
        iteration.extend(std::iter::from_fn(|| samples.next_if(|(time, _)| *time <= to)));
        let is_train = pair.iter().all(|mark| mark.label == Label::Train);
        if !is_train || ((to - from) / usual_s - 1.0).abs() > USUAL || iteration.len() < 2 {
            continue;
        }
        let mean = iteration.iter().map(|(_, power)| power).sum::<f64>() / iteration.len() as f64;
        for &(time, power) in &iteration {
            let phase = (time - from) / (to - from);
            parts[((phase * bins as f64) as usize).min(bins - 1)].push(power - mean);
        }
    }
    let (mut fold, mut rest, mut count) = (0.0, 0.0, 0.0);
    for part in parts.iter().filter(|part| part.len() > 1) {
        let number = part.len() as f64;
        let mean = part.iter().sum::<f64>() / number;
        let variance = part.iter().map(|power| (power - mean).powi(2)).sum::<f64>() / (number - 1.0);
        // The mean of so many has scatter of its own.
        fold += number * (mean * mean - variance / number);
        rest += number * variance;
        count += number;
    }
    (count > 0.0 && rest > 0.0).then(|| (fold.max(0.0) / rest).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpoeo_core::{Sample, Timestamp};

    /// A sine of 0.2 s with noise of `noise` times its size.
    fn seen(noise: f64) -> f64 {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5
        };
        let samples = (0..4000).map(|k| {
            let time = f64::from(k) * 0.02 + 0.001 * random();
            let wave = (std::f64::consts::TAU * time / 0.2037).sin() / 0.5_f64.sqrt();
            Sample::new(Timestamp::from_secs_f64(time + 1.0), 300.0 + wave + noise * 12_f64.sqrt() * random())
        });
        let rows: String = (1..=390).map(|k| format!("{},train\n", 1.0 + f64::from(k) * 0.2037)).collect();
        let truth = Truth::parse(format!("t_s,label\n{rows}").as_bytes(), "x").unwrap();
        visibility(&Trace::from_samples("x".to_owned(), samples.collect()), &truth).unwrap()
    }

    #[test]
    fn is_the_ratio_of_the_rhythm_to_the_noise() {
        for noise in [1.0, 3.0] {
            assert!((seen(noise) * noise - 1.0).abs() < 0.2, "{noise}: {}", seen(noise));
        }
        assert!(seen(30.0) < 0.15);
    }

    #[test]
    fn what_has_no_iterations_shows_none() {
        let truth = Truth::parse("t_s,label\n1,chunk\n2,chunk\n".as_bytes(), "x").unwrap();
        let sample = Sample::new(Timestamp::ZERO, 1.0);
        assert_eq!(visibility(&Trace::from_samples("x".to_owned(), vec![sample]), &truth), None);
    }
}
