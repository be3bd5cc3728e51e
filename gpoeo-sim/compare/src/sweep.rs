//! Inference beside XGBoost's own C library and the fastest Rust crate that loads its models: all gears of a row at once, and
//! a single row. One thread, the same rows; passes take turns. Of a peer the fastest time of each row counts, of ours the
//! fastest pass over all rows: spans of about the same length, so that a busy machine disturbs neither more than the other.

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use gpoeo_core::gbdt::{Model, Sweep};
use serde::Serialize;

use crate::CompareError;
use crate::peers::{Peer, Peers, PeersError};

/// Trees and their depth.
const SIZES: [(usize, usize); 4] = [(100, 4), (300, 6), (500, 6), (500, 8)];

/// Turns of all; ours, which is far faster, passes several times in each.
const TURNS: usize = 60;
const OUR_PASSES: usize = 5;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One row.
    Row,
    /// One row at all gears.
    Sweep,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Sweep => "sweep",
        }
    }
}

/// One peer beside ours, as in the JSON object. The ratio is above 1 where ours is faster.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    trees: usize,
    depth: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gears: Option<usize>,
    peer: &'static str,
    ratio: f64,
    /// Whether the margins of all rows are the same to the bit.
    bits_equal: bool,
    /// Time of a row, µs.
    us: f64,
    us_ours: f64,
}

/// Runs all sizes, prints the table and returns its rows.
pub(crate) fn compare(kind: Kind, peers: &Peers, text: &mut dyn Write) -> Result<Vec<Row>, CompareError> {
    let folder = peers.models();
    let (rows, gears) = (floats(&folder.join("rows.f32"))?, floats(&folder.join("gears.f32"))?);
    match kind {
        Kind::Row => writeln!(text, "\nInference, a single row at a time")?,
        Kind::Sweep => writeln!(text, "\nInference, a row at {} gears", gears.len())?,
    }
    writeln!(
        text,
        "{:14}  {:10}  {:>10}  {:>10}  {:>7}  bits",
        "trees x depth", "peer", "peer us", "ours us", "ratio"
    )?;
    let mut all = Vec::new();
    for (trees, depth) in SIZES {
        let path = folder.join(format!("{trees}x{depth}.ubj"));
        let mut ours = Ours::load(&path, &gears)?;
        let mut running = peers.start(ours.model.num_features())?;
        for peer in &mut running {
            peer.load(&path)?;
        }
        for row in measure(kind, &mut ours, &mut running, &rows)? {
            let Measured { peer, us, us_ours, bits_equal } = row;
            let ratio = us / us_ours;
            let bits = if bits_equal { "equal" } else { "differ" };
            let size = format!("{trees} x {depth}");
            writeln!(text, "{size:14}  {peer:10}  {us:>10.2}  {us_ours:>10.2}  {ratio:>7.1}  {bits}")?;
            let gears = (kind == Kind::Sweep).then_some(gears.len());
            all.push(Row { trees, depth, gears, peer, ratio, bits_equal, us, us_ours });
        }
    }
    Ok(all)
}

/// A model with its sweep over feature 0.
struct Ours {
    model: Model,
    sweep: Sweep,
    out: Vec<f32>,
}

/// A peer and ours, µs a row.
struct Measured {
    peer: &'static str,
    us: f64,
    us_ours: f64,
    bits_equal: bool,
}

impl Ours {
    fn load(path: &Path, gears: &[f32]) -> Result<Self, PeersError> {
        let models = |error| PeersError::Models { path: path.to_owned(), error };
        let bytes = std::fs::read(path).map_err(|error| models(error.into()))?;
        let model = Model::from_slice(&bytes).map_err(|error| models(error.into()))?;
        let sweep = Sweep::new(&model, 0, gears).map_err(|error| models(error.into()))?;
        Ok(Self { model, sweep, out: vec![0.0; gears.len()] })
    }

    /// The margins of a row: one, or one for each gear.
    fn predict(&mut self, kind: Kind, row: &[f32]) -> &[f32] {
        match kind {
            Kind::Row => {
                self.out[0] = self.model.margin(row).expect("the rows have the features of the models");
                &self.out[..1]
            }
            Kind::Sweep => {
                self.sweep.margins(row, &mut self.out).expect("the rows have the features of the models");
                &self.out
            }
        }
    }

    fn bits(&mut self, kind: Kind, rows: &[f32]) -> String {
        let mut text = String::new();
        for row in rows.chunks(self.model.num_features()) {
            text.extend(self.predict(kind, row).iter().map(|margin| format!("{:08x}", margin.to_bits())));
        }
        text
    }

    /// One pass over all rows: µs a row.
    fn time_us(&mut self, kind: Kind, rows: &[f32]) -> f64 {
        let num_features = self.model.num_features();
        let start = Instant::now();
        for row in rows.chunks(num_features) {
            black_box(self.predict(kind, black_box(row)));
        }
        start.elapsed().as_secs_f64() * 1e6 / (rows.len() / num_features) as f64
    }
}

fn measure(kind: Kind, ours: &mut Ours, peers: &mut [Peer], rows: &[f32]) -> Result<Vec<Measured>, PeersError> {
    let our_bits = ours.bits(kind, rows);
    let mut bits_equal = Vec::new();
    for peer in &mut *peers {
        bits_equal.push(peer.bits(kind.name())? == our_bits);
    }
    let mut us_ours = f64::INFINITY;
    let mut fastest_us = vec![vec![f64::INFINITY; rows.len() / ours.model.num_features()]; peers.len()];
    for _ in 0..TURNS {
        for (peer, fastest_us) in peers.iter_mut().zip(&mut fastest_us) {
            for (fastest, us) in fastest_us.iter_mut().zip(peer.times_us(kind.name())?) {
                *fastest = fastest.min(us);
            }
        }
        for _ in 0..OUR_PASSES {
            us_ours = us_ours.min(ours.time_us(kind, rows));
        }
    }
    let us = fastest_us.iter().map(|times| times.iter().sum::<f64>() / times.len() as f64);
    let measured = peers.iter().zip(us).zip(bits_equal);
    Ok(measured.map(|((peer, us), bits_equal)| Measured { peer: peer.name(), us, us_ours, bits_equal }).collect())
}

/// A file of little-endian f32.
fn floats(path: &Path) -> Result<Vec<f32>, PeersError> {
    let bytes =
        std::fs::read(path).map_err(|error| PeersError::Models { path: path.to_owned(), error: error.into() })?;
    Ok(bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_gives_the_same_bits_for_a_row_and_in_its_sweep() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gpoeo-core/tests/fixtures/models");
        let gears = [0.5, 0.75, 1.0];
        let mut ours = Ours::load(&models.join("p03_gears_3.2.ubj"), &gears).unwrap();
        let mut row = vec![f32::NAN; ours.model.num_features()];
        let swept = ours.bits(Kind::Sweep, &row);
        for (place, gear) in gears.into_iter().enumerate() {
            row[0] = gear;
            assert_eq!(ours.bits(Kind::Row, &row), swept[8 * place..8 * place + 8]);
        }
        assert!(ours.time_us(Kind::Sweep, &row) > 0.0);
        assert!(Ours::load(Path::new("/nonexistent"), &gears).is_err());
    }

    #[test]
    fn a_row_of_the_json_has_the_keys_of_the_contract() {
        let row = |gears| Row {
            trees: 100,
            depth: 4,
            gears,
            peer: "xgboost",
            ratio: 60.0,
            bits_equal: true,
            us: 120.0,
            us_ours: 2.0,
        };
        let json = serde_json::to_value(row(Some(128))).unwrap();
        let keys = ["trees", "depth", "gears", "peer", "ratio", "bits_equal"];
        assert!(keys.iter().all(|key| json.get(key).is_some()));
        assert!(serde_json::to_value(row(None)).unwrap().get("gears").is_none());
    }
}
