use super::*;
use crate::score::Rhythm;
use crate::truth::Label;

fn rhythm(family: Family, seed: u64) -> Rhythm {
    Rhythm::of(&SyntheticRecording::draw(family, seed).truth)
}

#[test]
fn equal_seeds_give_equal_recordings_and_others_give_others() {
    for family in [Family::Plain, Family::TwoJobs, Family::LostSamples] {
        assert_eq!(SyntheticRecording::draw(family, 5), SyntheticRecording::draw(family, 5));
        assert_ne!(SyntheticRecording::draw(family, 5).trace, SyntheticRecording::draw(family, 6).trace);
    }
}

#[test]
fn a_set_has_every_family_and_shares_nothing_with_that_of_another_seed() {
    let set: Vec<_> = SyntheticRecording::draw_some(50, 3, None).collect();
    assert_eq!(set.len(), 50);
    assert!(Family::ALL.iter().all(|family| set.iter().any(|(other, _)| other == family)));
    assert!(SyntheticRecording::draw_some(50, 4, None).all(|other| !set.contains(&other)));
    let only: Vec<_> = SyntheticRecording::draw_some(2, 3, Some(Family::Plain)).collect();
    assert!(only.iter().all(|recording| set.contains(recording)));
}

#[test]
fn every_recording_is_whole_and_its_truth_lies_within() {
    for family in Family::ALL {
        for seed in 0..3 {
            let recording = SyntheticRecording::draw(family, seed);
            let samples = recording.trace.as_slice();
            let (first, last) = (samples[0].time.as_secs_f64(), samples[samples.len() - 1].time.as_secs_f64());
            assert!(last - first > 15.0, "{family} {seed}");
            assert!(samples.windows(2).all(|pair| pair[0].time < pair[1].time), "{family} {seed}");
            assert!(samples.iter().all(|sample| (0.0..1500.0).contains(&sample.power_w)), "{family} {seed}");
            let marks = recording.truth.marks();
            assert!(marks.len() >= 8, "{family} {seed}: {} marks", marks.len());
            assert!(marks.windows(2).all(|pair| pair[0].time_s < pair[1].time_s));
            assert!(marks[marks.len() - 1].time_s <= last + 0.1, "{family} {seed}");
        }
    }
}

#[test]
fn truth_is_what_the_family_says() {
    for seed in 0..6 {
        assert_eq!(rhythm(Family::Aperiodic, seed).iteration_s, None);
        assert!(rhythm(Family::Ragged, seed).ragged_mean_s.is_some());
        assert!(rhythm(Family::Short, seed).iteration_s.unwrap() < 0.08);
        assert!(rhythm(Family::AveragedSensor, seed).iteration_s.unwrap() > 2.4);
        for family in [Family::Plain, Family::Jitter, Family::MicroBatches, Family::LoaderStalls, Family::TwoJobs] {
            let rhythm = rhythm(family, seed);
            assert!(rhythm.is_counted() && rhythm.iteration_s.is_some(), "{family} {seed}: {rhythm:?}");
            assert_eq!(rhythm.ragged_mean_s, None, "{family} {seed}");
        }
    }
    let labels = |family| SyntheticRecording::draw(family, 1).truth;
    assert!(labels(Family::Checkpoints).times_s(Label::Checkpoint).count() >= 3);
    assert!(labels(Family::Validation).times_s(Label::Val).count() >= 4);
}

#[test]
fn the_last_of_two_jobs_is_the_one_that_counts() {
    for family in [Family::Change, Family::ClockChanges] {
        for seed in 0..6 {
            let recording = SyntheticRecording::draw(family, seed);
            let times: Vec<f64> = recording.truth.times_s(Label::Train).collect();
            let tail: Vec<f64> = times[times.len() * 9 / 10..].windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = tail.iter().sum::<f64>() / tail.len() as f64;
            let iteration = Rhythm::of(&recording.truth).iteration_s.unwrap();
            assert!((mean / iteration - 1.0).abs() < 0.03, "{family} {seed}: {mean} s, {iteration} s");
        }
    }
}

/// A recording that a real GPU could have made: how much of the power's movement folds into the iteration, and how
/// much is left, lie where they lie in recordings (0.35 to 8 times, by `fold / rest`).
#[test]
fn what_can_be_seen_is_as_much_as_in_real_recordings() {
    let mut ratios = Vec::new();
    for family in [Family::Plain, Family::PowerLimit, Family::Drift] {
        ratios.extend((0..20).map(|seed| visibility(&SyntheticRecording::draw(family, seed))));
    }
    ratios.sort_by(f64::total_cmp);
    let quantile = |share: f64| ratios[(share * (ratios.len() - 1) as f64) as usize];
    assert!(quantile(0.05) > 0.3 && quantile(0.05) < 0.8, "{ratios:?}");
    assert!(quantile(0.5) > 0.8 && quantile(0.5) < 3.0, "{ratios:?}");
    assert!(quantile(0.95) < 9.0, "{ratios:?}");
}

/// Standard deviation of the mean iteration over that of what is left, power taken without its slow trend.
fn visibility(recording: &SyntheticRecording) -> f64 {
    let ends: Vec<f64> = recording.truth.times_s(Label::Train).collect();
    let (from, to) = (ends[ends.len() / 4], ends[ends.len() - 1]);
    let samples: Vec<(f64, f64)> =
        recording.trace.samples().map(|sample| (sample.time.as_secs_f64(), sample.power_w)).collect();
    let busy: Vec<(f64, f64)> = samples.into_iter().filter(|(t, _)| *t > from && *t < to).collect();
    let iteration = Rhythm::of(&recording.truth).iteration_s.unwrap();
    let bins = ((iteration / 0.02) as usize).clamp(3, 40);
    let mut parts = vec![Vec::new(); bins];
    for (index, &(time, power)) in busy.iter().enumerate() {
        let around = &busy[index.saturating_sub(50)..(index + 51).min(busy.len())];
        let trend = around.iter().map(|(_, power)| power).sum::<f64>() / around.len() as f64;
        let next = ends.partition_point(|end| *end <= time);
        let phase = (time - ends[next - 1]) / (ends[next] - ends[next - 1]);
        parts[((phase * bins as f64) as usize).min(bins - 1)].push(power - trend);
    }
    let count = busy.len() as f64;
    let (mut fold, mut rest) = (0.0, 0.0);
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let mean = part.iter().sum::<f64>() / part.len() as f64;
        fold += part.len() as f64 * mean * mean / count;
        rest += part.iter().map(|power| (power - mean).powi(2)).sum::<f64>() / count;
    }
    (fold / rest).sqrt()
}
