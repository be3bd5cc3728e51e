//! hessboost, the fastest maintained Rust crate that loads XGBoost's models: answers the lines that `gpoeo-compare` writes,
//! as `xgboost_peer.py` beside it does. A sweep is its `predict_margin_variants_into`, which is made for just that.

use std::io::{BufRead, Write};
use std::time::Instant;

use hessboost::model::{BoostedModel, ModelFormat, RowVariants};

type Error = Box<dyn std::error::Error>;

fn floats(path: &str) -> Result<Vec<f32>, Error> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect())
}

/// Margins of one row: one for each gear, or a single one.
fn predict(model: &BoostedModel, is_sweep: bool, row: &[f32], gears: &[f32], out: &mut [f32]) -> Result<(), Error> {
    if is_sweep {
        model.predict_margin_variants_into(&RowVariants::new(row, &[0], gears)?, .., out)?;
    } else {
        model.predict_margin_row_into(row, .., &mut out[..1])?;
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, rows, gears, features] = arguments.as_slice() else { return Err("ROWS GEARS FEATURES".into()) };
    let (rows, gears, features) = (floats(rows)?, floats(gears)?, features.parse::<usize>()?);
    let mut model = None;
    let mut out = vec![0.0; gears.len()];
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(path) = line.strip_prefix("load ") {
            model = Some(BoostedModel::load(path, ModelFormat::XgboostUbjson)?);
            writeln!(answers, "loaded")?;
            answers.flush()?;
            continue;
        }
        let model = model.as_ref().ok_or("no model is loaded")?;
        let is_sweep = line.starts_with("sweep");
        if line.ends_with("bits") {
            for row in rows.chunks(features) {
                predict(model, is_sweep, row, &gears, &mut out)?;
                for margin in out.iter().take(if is_sweep { gears.len() } else { 1 }) {
                    write!(answers, "{:08x}", margin.to_bits())?;
                }
            }
            writeln!(answers)?;
        } else {
            for row in rows.chunks(features) {
                let start = Instant::now();
                predict(model, is_sweep, row, &gears, &mut out)?;
                std::hint::black_box(&out);
                write!(answers, "{:.3} ", start.elapsed().as_secs_f64() * 1e6)?;
            }
            writeln!(answers)?;
        }
        answers.flush()?;
    }
    Ok(())
}
