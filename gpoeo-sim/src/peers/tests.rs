use super::*;
use crate::score::{Rhythm, Verdict};
use crate::synthetic::{Family, SyntheticRecording};
use gpoeo_core::Timestamp;

/// 60 s of iterations with a dip each, and their truth.
fn job(period_s: f64) -> (Trace, Truth) {
    let samples = (0..3000).map(|k| {
        let time_s = 1.0 + f64::from(k) * 0.02;
        let power_w = if (time_s / period_s).fract() < 0.3 { 200.0 } else { 600.0 + f64::from(k * k % 13) };
        Sample::new(Timestamp::from_secs_f64(time_s), power_w)
    });
    let rows: String =
        (0..(60.0 / period_s) as i32).map(|k| format!("{},train\n", 1.0 + f64::from(k) * period_s)).collect();
    let truth = Truth::parse(format!("t_s,label\n{rows}").as_bytes(), "x").unwrap();
    (Trace::from_samples("x".to_owned(), samples.collect()), truth)
}

#[test]
fn all_of_them_find_a_plain_job() {
    let (trace, truth) = job(1.04);
    let rhythm = Rhythm::of(&truth);
    for peer in Peer::ALL {
        let run = peer.run(&trace, &truth);
        // 2.7 %: the bins of a spectrum over 25 s, and a grid of tenths.
        let period_s = run.answers.last_s().unwrap_or(0.0);
        let times = (period_s / 1.04).round().max(1.0);
        assert!((period_s / times / 1.04 - 1.0).abs() < 0.027 && times <= 6.0, "{peer}: {period_s}");
        assert!(
            matches!(peer, Peer::Odpp | Peer::Gpoeo | Peer::GpoeoMended | Peer::GpoeoOften)
                || rhythm.judge(Some(period_s)) == Verdict::Right,
            "{peer}"
        );
    }
}

#[test]
fn those_that_look_first_after_25_seconds_say_nothing_before() {
    let (trace, truth) = job(1.04);
    for peer in [Peer::Gpoeo, Peer::GpoeoMended, Peer::Odpp] {
        let answers = peer.run(&trace, &truth).answers;
        let first = answers.changes().iter().find(|answer| answer.period_s.is_some()).unwrap();
        assert!((25.9..27.0).contains(&first.time_s), "{peer}: {}", first.time_s);
    }
}

#[test]
fn none_of_them_stumbles_over_what_is_odd() {
    for family in [Family::Aperiodic, Family::LostSamples, Family::AveragedSensor, Family::Short] {
        let recording = SyntheticRecording::draw(family, 3);
        for peer in Peer::ALL {
            let _ = peer.run(&recording.trace, &recording.truth);
        }
    }
    let flat = (0..2000).map(|k| Sample::new(Timestamp::from_secs_f64(1.0 + f64::from(k) * 0.02), 300.0));
    let truth = Truth::parse("t_s,label\n1,chunk\n41,chunk\n".as_bytes(), "x").unwrap();
    let flat = Trace::from_samples("flat".to_owned(), flat.collect());
    for peer in Peer::ALL {
        let _ = peer.run(&flat, &truth);
    }
}
