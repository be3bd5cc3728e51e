//! `gpoeo-sim predict`: the margins of rows, for comparison with XGBoost.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use gpoeo_core::gbdt::Model;
use serde::Serialize;

use super::feature_rows::FeatureRows;
use super::{BAD_INPUT, Failure};

/// Arguments of `predict`.
#[derive(Args, Debug)]
pub(crate) struct Predict {
    /// A model that XGBoost 1.7 to 3.2 saved as JSON or UBJSON
    #[arg(long, value_name = "PATH")]
    model: PathBuf,

    /// Rows of features (CSV: a header, whose names do not matter; an empty field is missing)
    #[arg(long, value_name = "FILE")]
    rows: PathBuf,

    /// Use the trees up to the iteration that early stopping found best, instead of all
    #[arg(long)]
    best_iteration: bool,

    /// Print one JSON object a line instead of a table: row, margin, and the bits of the margin as an f32
    #[arg(long)]
    json: bool,
}

/// What is printed of one row.
#[derive(Serialize)]
struct Prediction {
    row: usize,
    /// `null` if it is not finite.
    margin: f32,
    bits: String,
}

impl Predict {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let model = self.load()?;
        let rows = FeatureRows::parse(&read(&self.rows)?, model.num_features())
            .map_err(|error| bad_input(format!("{}:{error}", self.rows.display())))?;
        let mut margins = vec![0.0; rows.count];
        model.margins(&rows.values, &mut margins).map_err(|error| refused(&self.rows, &error))?;

        let mut out = BufWriter::new(std::io::stdout().lock());
        if !self.json {
            writeln!(out, "{:>6}  {:>14}  {:>8}  {:>14}", "row", "margin", "bits", "prediction")?;
        }
        for (row, margin) in margins.into_iter().enumerate() {
            let bits = format!("{:08x}", margin.to_bits());
            if self.json {
                let line = serde_json::to_string(&Prediction { row, margin, bits }).map_err(std::io::Error::from)?;
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{row:>6}  {margin:>14}  {bits}  {:>14}", model.objective().prediction(margin))?;
            }
        }
        Ok(out.flush()?)
    }

    fn load(&self) -> Result<Model, Failure> {
        let model = Model::from_slice(&read(&self.model)?).map_err(|error| refused(&self.model, &error))?;
        if !self.best_iteration {
            return Ok(model);
        }
        let best = model.best_iteration().map_err(|error| refused(&self.model, &error))?.ok_or_else(|| {
            let path = self.model.display();
            bad_input(format!(
                "{path}: it names no best iteration; leave --best-iteration out, or train with early stopping"
            ))
        })?;
        model.first_iterations(best + 1).map_err(|error| refused(&self.model, &error))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        bad_input(format!("{}: cannot read it: {error}; check the path and its permissions", path.display()))
    })
}

fn refused(path: &Path, error: &dyn std::error::Error) -> Failure {
    bad_input(format!("{}: {error}", path.display()))
}

fn bad_input(line: String) -> Failure {
    Failure { code: BAD_INPUT, line }
}
