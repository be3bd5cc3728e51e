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

/// As much as in recordings of an H100 and an H200: 0.38 (four micro-batches at the power limit), 0.52 (an encoder), 0.7
/// (a GAN), 1 to 2 (most), 6 (bursts).
#[test]
fn what_can_be_seen_is_as_much_as_in_real_recordings() {
    let mut seen = Vec::new();
    for family in [Family::Plain, Family::PowerLimit, Family::Drift] {
        seen.extend((0..20).filter_map(|seed| SyntheticRecording::draw(family, seed).visibility));
    }
    seen.sort_by(f64::total_cmp);
    let quantile = |share: f64| seen[(share * (seen.len() - 1) as f64) as usize];
    assert_eq!(seen.len(), 60);
    assert!(quantile(0.05) < 0.8 && (1.0..2.5).contains(&quantile(0.5)) && quantile(0.95) < 7.0, "{seen:?}");
}
