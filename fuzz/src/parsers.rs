//! Files from outside: whatever the bytes, an error or something that keeps its promises.

use core::fmt::Write as _;

use gpoeo_core::{DetectorConfig, Outcome, PeriodDetector, Sample};
use gpoeo_sim::{DvfsCurve, DvfsTable, Label, Trace, Truth};

/// Longest file: longer ones show nothing new, and the reader streams.
const LONGEST: usize = 1 << 16;

/// [`Trace::parse`]: an accepted trace is in order, has no odd number, survives being written and read again, and can be
/// fed to the period detector.
pub fn trace(data: &[u8]) {
    if data.len() > LONGEST {
        return;
    }
    let trace = match Trace::parse(data, "fuzz") {
        Ok(trace) => trace,
        Err(error) => return says_where(&error.to_string()),
    };
    let samples = trace.as_slice();
    assert!(!samples.is_empty(), "an accepted trace has a sample");
    assert!(samples.windows(2).all(|pair| pair[0].time < pair[1].time), "times ascend");
    for sample in samples {
        assert_eq!(sample.non_finite_field(), None);
        let utils = [sample.sm_util, sample.mem_util];
        assert!(utils.into_iter().flatten().all(|util| (0.0..=1.0).contains(&util)), "{sample:?}");
    }
    let again = Trace::parse(written(samples).as_bytes(), "fuzz").expect("what was accepted is accepted again");
    assert_eq!(again.as_slice().len(), samples.len());

    let mut detector = PeriodDetector::new(&DetectorConfig::default());
    let state_bytes = detector.state_bytes();
    for sample in samples {
        detector.push(sample.time, sample.power_w);
        if let Outcome::Periodic { period, confidence } = detector.outcome() {
            assert!(!period.is_zero() && (0.0..=1.0).contains(&confidence), "{:?}", detector.outcome());
        }
    }
    assert_eq!(detector.state_bytes(), state_bytes);
}

fn written(samples: &[Sample]) -> String {
    let mut text = String::from("t_s,power_w,energy_mj\n");
    for sample in samples {
        let (nanos, power_w) = (sample.time.as_nanos(), sample.power_w);
        // Nanoseconds as text: `f64` seconds of a late time would fall together with their neighbours.
        let _ = write!(text, "{}.{:09},{power_w}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let _ = match sample.energy_j {
            Some(energy_j) => writeln!(text, ",{}", energy_j * 1e3),
            None => writeln!(text, ","),
        };
    }
    text
}

/// [`Truth::parse`]: accepted marks are in order, and none is lost.
pub fn truth(data: &[u8]) {
    if data.len() > LONGEST {
        return;
    }
    let truth = match Truth::parse(data, "fuzz") {
        Ok(truth) => truth,
        Err(error) => return says_where(&error.to_string()),
    };
    let marks = truth.marks();
    assert!(!marks.is_empty(), "an accepted file has a mark");
    assert!(marks.windows(2).all(|pair| pair[0].time_s <= pair[1].time_s), "times ascend");
    assert!(marks.iter().all(|mark| mark.time_s.is_finite() && mark.time_s >= 0.0));
    let labels = [Label::Checkpoint, Label::Chunk, Label::Other, Label::Train, Label::Trial, Label::Val];
    let counted: usize = labels.into_iter().map(|label| truth.times_s(label).count()).sum();
    assert_eq!(counted, marks.len());
}

/// [`DvfsTable::parse`] and [`DvfsCurve::new`]: each accepted table is a sweep, and every gear of it has a finite cost
/// above zero.
pub fn dvfs_table(data: &[u8]) {
    if data.len() > LONGEST {
        return;
    }
    let tables = match DvfsTable::parse(data, "fuzz") {
        Ok(tables) => tables,
        Err(error) => return says_where(&error.to_string()),
    };
    assert!(!tables.is_empty());
    for table in &tables {
        let rows = table.rows();
        assert!(rows.len() >= 2, "one row is no sweep");
        assert!(rows.windows(2).all(|pair| pair[0].setting < pair[1].setting), "each setting once, ascending");
        assert!(rows.contains(table.default_row()));
        let curve = match DvfsCurve::new(table) {
            Ok(curve) => curve,
            Err(error) => {
                says_where(&error.to_string());
                continue;
            }
        };
        for (clocks, cost) in curve.settings() {
            assert!(cost.time > 0.0 && cost.time.is_finite(), "{clocks}: {cost:?}");
            assert!(cost.energy > 0.0 && cost.energy.is_finite(), "{clocks}: {cost:?}");
            assert_eq!(curve.cost(clocks), Some(cost));
        }
        assert!(curve.default_power_w() > 0.0 && curve.default_power_w().is_finite());
        assert!(curve.cost(curve.default_clocks()).is_some());
    }
}

/// One line that names the file.
fn says_where(message: &str) {
    assert!(message.starts_with("fuzz:"), "{message}");
    assert!(message.len() < 300 && !message.contains('\n'), "{message:?}");
}
