//! A recording of two GPUs of one data-parallel job, through a group.

use gpoeo_core::{Capabilities, Estimate, Event, Group, MemberId, Mhz, OptimizerConfig, Sample, Timestamp};
use gpoeo_sim::Trace;

/// What an iteration takes, by the job's own marks, s.
const PERIOD_S: f64 = 0.2226;

fn recording(gpu: u16) -> Trace {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/h100-x2");
    Trace::read(format!("{folder}/gpt_ddp.gpu{gpu}.trace.csv")).unwrap()
}

/// The baseline that a read-only group of these GPUs measures; each is read in batches, at its own moments.
fn baseline(gpus: &[u16]) -> Estimate {
    let caps = Capabilities::new([(Mhz(2619), (0..60).map(|gear| Mhz(1095 + 15 * gear)).collect())]).unwrap();
    let mut group = Group::new(OptimizerConfig::default(), &vec![caps.read_only(); gpus.len()]).unwrap();
    let mut arrivals: Vec<(Timestamp, MemberId, Sample)> = Vec::new();
    for (member, &gpu) in gpus.iter().enumerate() {
        for batch in recording(gpu).as_slice().chunks(12) {
            let read = batch[batch.len() - 1].time;
            arrivals.extend(batch.iter().map(|&sample| (read, MemberId(member as u16), sample)));
        }
    }
    arrivals.sort_by_key(|&(read, member, sample)| (read, member, sample.time));
    let mut measured = None;
    for (now, member, sample) in arrivals {
        group.handle_sample(member, sample).unwrap();
        group.handle_timeout(now).unwrap();
        while let Some((member, action)) = group.poll_action() {
            group.handle_applied(member, action.id, now).unwrap();
        }
        while let Some(event) = group.poll_event() {
            if let Event::BaselineMeasured { baseline } = event {
                measured.get_or_insert(baseline);
            }
        }
        if let Some(period) = group.report().outcome.period() {
            assert!((period.as_secs_f64() / PERIOD_S - 1.0).abs() < 0.01, "{period:?} at {now}");
        }
    }
    measured.expect("21 s are enough for detection and baseline")
}

#[test]
fn two_gpus_of_one_job_are_measured_as_one() {
    let both = baseline(&[0, 1]);
    assert!((both.time_s / PERIOD_S - 1.0).abs() < 0.003, "{both:?}");
    let alone_j = baseline(&[0]).energy_j + baseline(&[1]).energy_j;
    assert!((both.energy_j / alone_j - 1.0).abs() < 0.005, "{both:?} against {alone_j} J");
}
