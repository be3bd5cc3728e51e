//! Every model file of `fixtures/models`: margins equal to XGBoost's bit by bit, or refused for the reason given there.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "reads its fixtures, and fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use gpoeo_core::gbdt::Model;
use serde_json::Value;

/// A folder of models with a manifest.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

/// The entries of a folder's manifest.
pub(crate) fn manifest(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["files"].as_array().unwrap().clone()
}

/// A file's name, and its content.
pub(crate) fn file(folder: &Path, entry: &Value) -> (String, Vec<u8>) {
    let name = entry["file"].as_str().unwrap();
    (name.to_owned(), fs::read(folder.join(name)).unwrap())
}

/// The rows of a CSV file with a header, empty cells as NaN, and their number.
pub(crate) fn rows(path: &Path) -> (Vec<f32>, usize) {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let number = |cell: &str| if cell.is_empty() { f32::NAN } else { cell.parse().unwrap() };
    (lines.iter().flat_map(|line| line.split(',').map(number)).collect(), lines.len())
}

/// The first column of a margins file.
fn bits(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

fn hex(margins: &[f32]) -> Vec<String> {
    margins.iter().map(|margin| format!("{:08x}", margin.to_bits())).collect()
}

/// The margins of all rows in one batch, compared with one row at a time.
fn margins(model: &Model, rows: &[f32], count: usize) -> Vec<f32> {
    let mut margins = vec![0.0; count];
    model.margins(rows, &mut margins).unwrap();
    for (row, margin) in rows.chunks(model.num_features()).zip(&margins) {
        assert_eq!(model.margin(row).unwrap().to_bits(), margin.to_bits());
    }
    margins
}

#[test]
fn margins_equal_those_of_the_writer_bit_by_bit() {
    let folder = folder("");
    let mut checked = 0;
    for entry in manifest(&folder).iter().filter(|entry| entry["expect"] == "ok") {
        let (name, bytes) = file(&folder, entry);
        let beside = |end: &str| folder.join(name.rsplit_once('.').unwrap().0.to_owned() + end);
        let model = Model::from_slice(&bytes).unwrap();
        assert_eq!(model.objective().name(), entry["objective"].as_str().unwrap());
        let (rows, count) = rows(&beside(".rows.csv"));
        assert_eq!(hex(&margins(&model, &rows, count)), bits(&beside(".margins.csv")), "{name}");
        if let Some(best) = model.best_iteration().unwrap() {
            assert_eq!(entry["best_iteration"].as_u64(), Some(best as u64), "{name}");
            let model = model.first_iterations(best + 1).unwrap();
            assert_eq!(hex(&margins(&model, &rows, count)), bits(&beside(".best.margins.csv")), "{name}");
        }
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[test]
fn unsupported_and_malformed_models_are_refused_for_the_reason_in_the_manifest() {
    for folder in [folder(""), folder("malformed")] {
        for entry in manifest(&folder).iter().filter(|entry| entry["expect"] == "error") {
            let (name, bytes) = file(&folder, entry);
            let error = Model::from_slice(&bytes).unwrap_err().to_string();
            let why = entry["why"].as_str().unwrap();
            assert!(error.contains(why), "{name}: {error} should say {why}");
            assert_eq!(error.lines().count(), 1, "{name}: {error}");
        }
    }
}

#[test]
fn odd_models_that_are_valid_load_and_have_the_right_margins() {
    let folder = folder("malformed");
    let (rows, count) = rows(&folder.join("rows.csv"));
    for entry in manifest(&folder).iter().filter(|entry| entry["expect"] == "ok") {
        let (name, bytes) = file(&folder, entry);
        let model = Model::from_slice(&bytes).unwrap();
        let expected: Vec<&str> = entry["margin_bits"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(hex(&margins(&model, &rows, count)), expected, "{name}");
    }
}

#[test]
fn models_of_our_own_have_the_margins_of_their_writer() {
    let folder = folder("own");
    let mut checked = 0;
    for version in ["1.7", "2.1", "3.0", "3.2"] {
        let text = fs::read_to_string(folder.join(format!("manifest_{version}.json"))).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        for entry in document["files"].as_array().unwrap() {
            let (name, bytes) = file(&folder, entry);
            let model = Model::from_slice(&bytes).unwrap();
            assert_eq!(model.objective().name(), entry["objective"].as_str().unwrap(), "{name}");
            let texts = |field: &Value| -> Vec<String> {
                field.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
            };
            let cells = entry["rows"].as_array().unwrap().iter().flat_map(texts);
            let rows: Vec<f32> =
                cells.map(|cell| if cell.is_empty() { f32::NAN } else { cell.parse().unwrap() }).collect();
            let count = rows.len() / model.num_features();
            assert_eq!(hex(&margins(&model, &rows, count)), texts(&entry["margin_bits"]), "{name}");
            assert_eq!(
                model.best_iteration().unwrap(),
                entry["best_iteration"].as_u64().map(|best| best as usize),
                "{name}"
            );
            if let Some(best) = entry["best_iteration"].as_u64() {
                let model = model.first_iterations(best as usize + 1).unwrap();
                assert_eq!(hex(&margins(&model, &rows, count)), texts(&entry["best_margin_bits"]), "{name}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 28);
}
