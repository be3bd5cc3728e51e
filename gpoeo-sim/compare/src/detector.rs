//! The period detection beside the published ones and beside what anybody would try first: share right, time to the
//! first answer, CPU time.
//!
//! All run online over the same samples, one recording at a time, all detectors of a recording one after the other on
//! one thread; CPU time is that thread's. The peers are told when the job begins, ours is not.

use std::io::{self, Write};
use std::time::Duration;

use gpoeo_sim::{Answers, Detection, Peer, Rhythm, Truth, Verdict};
use rayon::prelude::*;
use serde::Serialize;

use crate::recordings::Recording;

/// One peer beside ours, as in the JSON object. Ratios are above 1 where ours is better.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    peer: &'static str,
    /// CPU time of the peer over that of ours, for all recordings together, each looking when it does.
    cpu_ratio: f64,
    /// The same if the peer looks as soon and as often as ours (they who look seldom only).
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ratio_same_pace: Option<f64>,
    /// Recordings that the peer is right about, of those counted.
    right: usize,
    /// … and ours.
    right_ours: usize,
    /// Recordings whose iteration can be told, or that have none.
    counted: usize,
    /// Recordings too short to be told about which the peer, or ours, claims what is not there.
    short_wrong: usize,
    short_wrong_ours: usize,
    short: usize,
    /// Median time from the first iteration to the first answer that lasts, right or not, s; `None` if fewer than half
    /// get one.
    first_answer_s: Option<f64>,
    first_answer_ours_s: Option<f64>,
    /// The same for the first right answer that lasts, of counted recordings with a period.
    right_answer_s: Option<f64>,
    right_answer_ours_s: Option<f64>,
}

/// Who is compared, ours first.
const RUNNERS: [Runner; 7] = [
    Runner::Ours,
    Runner::Peer(Peer::Gpoeo),
    Runner::Peer(Peer::GpoeoMended),
    Runner::Peer(Peer::GpoeoOften),
    Runner::Peer(Peer::Odpp),
    Runner::Peer(Peer::Fft),
    Runner::Peer(Peer::Autocorrelation),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    Ours,
    Peer(Peer),
}

impl Runner {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Peer(peer) => peer.name(),
        }
    }

    fn run(self, recording: &Recording) -> (Answers, Duration) {
        match self {
            Self::Ours => {
                let detection = Detection::of(&recording.trace);
                (detection.answers, detection.cpu)
            }
            Self::Peer(peer) => {
                let run = peer.run(&recording.trace, &recording.truth);
                (run.answers, run.cpu)
            }
        }
    }
}

/// What one detector made of some recordings.
#[derive(Clone, Debug, Default)]
struct Tally {
    cpu: Duration,
    samples: usize,
    counted: usize,
    right: usize,
    missed: usize,
    short: usize,
    short_wrong: usize,
    /// Infinite where there was none.
    first_answers_s: Vec<f64>,
    right_answers_s: Vec<f64>,
}

impl Tally {
    fn add(&mut self, samples: usize, truth: &Truth, (answers, cpu): &(Answers, Duration)) {
        let rhythm = Rhythm::of(truth);
        let begin_s = truth.marks().first().map_or(0.0, |mark| mark.time_s);
        let since_begin = |at: Option<f64>| at.map_or(f64::INFINITY, |at_s| (at_s - begin_s).max(0.0));
        let verdict = rhythm.judge(answers.last_s());
        self.cpu += *cpu;
        self.samples += samples;
        if rhythm.is_counted() {
            self.counted += 1;
            self.right += usize::from(verdict == Verdict::Right);
            self.missed += usize::from(verdict == Verdict::Missed);
        } else {
            self.short += 1;
            self.short_wrong += usize::from(verdict == Verdict::Wrong);
        }
        if rhythm.iteration_s.is_some() && rhythm.is_counted() {
            self.first_answers_s.push(since_begin(answers.lasting_from_s()));
            self.right_answers_s.push(since_begin(answers.right_from_s(&rhythm, begin_s)));
        }
    }

    fn cpu_ratio(&self, ours: &Self) -> f64 {
        self.cpu.as_secs_f64() / ours.cpu.as_secs_f64().max(1e-9)
    }

    fn us_a_sample(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.samples.max(1) as f64
    }
}

/// Runs all detectors over all recordings, prints the tables of the recorded and of the synthetic ones, and returns the
/// rows over all together.
pub(crate) fn compare(recordings: &[Recording], text: &mut dyn Write) -> io::Result<Vec<Row>> {
    let runs: Vec<Vec<(Answers, Duration)>> =
        recordings.par_iter().map(|recording| RUNNERS.map(|runner| runner.run(recording)).into()).collect();
    let tally = |which: fn(&Recording) -> bool| -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); RUNNERS.len()];
        for (recording, runs) in recordings.iter().zip(&runs).filter(|(recording, _)| which(recording)) {
            let samples = recording.trace.as_slice().len();
            tallies.iter_mut().zip(runs).for_each(|(tally, run)| tally.add(samples, &recording.truth, run));
        }
        tallies
    };
    writeln!(text, "Period detection, ours and others, on the same recordings")?;
    for (name, tallies) in [("recorded", tally(|at| at.is_real)), ("synthetic", tally(|at| !at.is_real))] {
        if tallies[0].counted + tallies[0].short > 0 {
            print(name, &tallies, text)?;
        }
    }
    let all = tally(|_| true);
    let ours = &all[0];
    let often = RUNNERS.iter().position(|&runner| runner == Runner::Peer(Peer::GpoeoOften)).map(|index| &all[index]);
    // Its variants are in the tables; in the JSON stands what the contract names.
    let peers = RUNNERS.iter().zip(&all).filter_map(|(runner, tally)| match runner {
        Runner::Ours | Runner::Peer(Peer::GpoeoMended | Peer::GpoeoOften) => None,
        Runner::Peer(Peer::Gpoeo) => Some(row(runner.name(), tally, often, ours)),
        Runner::Peer(_) => Some(row(runner.name(), tally, None, ours)),
    });
    Ok(peers.collect())
}

fn row(peer: &'static str, tally: &Tally, often: Option<&Tally>, ours: &Tally) -> Row {
    Row {
        peer,
        cpu_ratio: rounded(tally.cpu_ratio(ours)),
        cpu_ratio_same_pace: often.map(|often| rounded(often.cpu_ratio(ours))),
        right: tally.right,
        right_ours: ours.right,
        counted: tally.counted,
        short_wrong: tally.short_wrong,
        short_wrong_ours: ours.short_wrong,
        short: tally.short,
        first_answer_s: median(&tally.first_answers_s),
        first_answer_ours_s: median(&ours.first_answers_s),
        right_answer_s: median(&tally.right_answers_s),
        right_answer_ours_s: median(&ours.right_answers_s),
    }
}

fn print(name: &str, tallies: &[Tally], text: &mut dyn Write) -> io::Result<()> {
    let ours = &tallies[0];
    writeln!(text, "\n{name}: {} counted, {} too short to tell", ours.counted, ours.short)?;
    writeln!(
        text,
        "{:15}  right  right %  missed  wrong  short wrong  first answer  right answer  us/sample  CPU ratio",
        "detector"
    )?;
    for (runner, tally) in RUNNERS.iter().zip(tallies) {
        let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
        writeln!(
            text,
            "{:15}  {:>5}  {:>7.1}  {:>6}  {:>5}  {:>11}  {:>12}  {:>12}  {:>9.2}  {:>9.2}",
            runner.name(),
            tally.right,
            100.0 * tally.right as f64 / tally.counted.max(1) as f64,
            tally.missed,
            tally.counted - tally.right - tally.missed,
            tally.short_wrong,
            seconds(median(&tally.first_answers_s)),
            seconds(median(&tally.right_answers_s)),
            tally.us_a_sample(),
            tally.cpu_ratio(ours),
        )?;
    }
    Ok(())
}

/// The middle one, if it is finite.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().filter(|value| value.is_finite()).map(rounded)
}

/// To the thousandth: what is beyond differs from run to run.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpoeo_sim::{Family, SyntheticRecording};

    #[test]
    fn the_json_has_the_peers_and_the_keys_of_the_contract() {
        let recordings: Vec<Recording> = [Family::Bursts, Family::Short, Family::Aperiodic]
            .map(|family| SyntheticRecording::draw(family, 2))
            .into_iter()
            .map(|drawn| Recording { trace: drawn.trace, truth: drawn.truth, is_real: false })
            .collect();
        let mut text = Vec::new();
        let rows = compare(&recordings, &mut text).unwrap();
        assert_eq!(rows.iter().map(|row| row.peer).collect::<Vec<_>>(), ["paper", "odpp", "fft", "autocorrelation"]);
        for row in &rows {
            assert!((row.counted, row.short) == (2, 1) && row.right <= 2 && row.right_ours == 2, "{row:?}");
            assert!(row.cpu_ratio > 0.0 && row.cpu_ratio_same_pace.is_none_or(|ratio| ratio > row.cpu_ratio));
            let json = serde_json::to_value(row).unwrap();
            assert!(["peer", "cpu_ratio", "right", "right_ours", "counted"].iter().all(|key| json.get(key).is_some()));
        }
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("synthetic: 2 counted, 1 too short") && !text.contains("recorded:"), "{text}");
    }

    #[test]
    fn a_median_of_mostly_nothing_is_nothing() {
        assert_eq!(median(&[1.0, f64::INFINITY, f64::INFINITY]), None);
        assert_eq!(median(&[2.0, 1.0, f64::INFINITY]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
