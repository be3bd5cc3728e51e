//! The detection over recordings that were made up: properties that hold for every kind of job.

use std::time::Duration;

use gpoeo_core::period::Relation;
use gpoeo_core::{DetectorConfig, PeriodDetector};
use gpoeo_sim::{Detection, Family, SyntheticRecording, Verdict};
use proptest::prelude::*;

fn detect(recording: &SyntheticRecording, shift: Duration) -> PeriodDetector {
    let mut detector = PeriodDetector::new(&DetectorConfig::default());
    for sample in recording.trace.as_slice() {
        detector.push(sample.time + shift, sample.power_w);
    }
    detector
}

/// A few of each family, none of which was used to tune anything: the table of `detect --synthetic` in small.
#[test]
fn nine_of_ten_are_right_and_short_ones_are_hardly_ever_claimed_wrongly() {
    let (mut counted, mut right, mut short_wrong) = (0, 0, 0);
    for (family, seed) in SyntheticRecording::draw_some(6 * Family::ALL.len(), 900, None) {
        let recording = SyntheticRecording::draw(family, seed);
        let judged = Detection::of(&recording.trace).judge(&recording.truth);
        if judged.rhythm.is_counted() {
            counted += 1;
            right += usize::from(judged.verdict == Verdict::Right);
        } else {
            short_wrong += usize::from(judged.verdict == Verdict::Wrong);
        }
    }
    assert!(counted >= 114 && 10 * right >= 9 * counted, "{right} of {counted}");
    assert!(short_wrong <= 1, "{short_wrong} short ones wrong");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn time_has_no_origin(family in prop::sample::select(Family::ALL.as_slice()), seed in 0_u64..1 << 40) {
        let recording = SyntheticRecording::draw(family, seed);
        let shift = Duration::from_secs(86_400 * 365);
        let (now, later) = (detect(&recording, Duration::ZERO), detect(&recording, shift));
        prop_assert_eq!(now.outcome(), later.outcome());
        prop_assert_eq!(now.decided_at().map(|at| at + shift), later.decided_at());
    }

    #[test]
    fn the_candidates_hold_the_answer_and_say_what_they_are_to_it(
        family in prop::sample::select(Family::ALL.as_slice()),
        seed in 0_u64..1 << 40,
    ) {
        let recording = SyntheticRecording::draw(family, seed);
        let detector = detect(&recording, Duration::ZERO);
        let candidates = detector.candidates();
        prop_assert_eq!(candidates.is_empty(), detector.outcome().period().is_none());
        prop_assert!(candidates.windows(2).all(|pair| pair[0].score >= pair[1].score));
        prop_assert!(candidates.iter().all(|candidate| (0.0..=1.0).contains(&candidate.score)));
        if let Some(period) = detector.outcome().period() {
            let reported = candidates.iter().filter(|candidate| candidate.relation == Relation::Reported);
            prop_assert!(reported.clone().any(|candidate| candidate.period == period));
            for candidate in &candidates {
                let ratio = candidate.period.as_secs_f64() / period.as_secs_f64();
                match candidate.relation {
                    Relation::Multiple(count) => prop_assert!((ratio / f64::from(count) - 1.0).abs() < 0.1),
                    Relation::Part(count) => prop_assert!((ratio * f64::from(count) - 1.0).abs() < 0.5),
                    _ => {}
                }
            }
        }
    }
}
