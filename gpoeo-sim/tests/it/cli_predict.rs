//! `gpoeo-sim predict`: margins equal to XGBoost's bit by bit, and what it says to models and rows that it cannot use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The models that the core is tested with.
fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gpoeo-core/tests/fixtures/models")
}

fn predict(model: &Path, rows: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpoeo-sim"))
        .args(["predict", "--model"])
        .arg(model)
        .arg("--rows")
        .arg(rows)
        .args(more)
        .output()
        .unwrap()
}

/// The files of a manifest: name and what stands beside it.
fn manifest(folder: &Path) -> Vec<(String, Value)> {
    let document: Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let files = document["files"].as_array().unwrap();
    files.iter().map(|entry| (entry["file"].as_str().unwrap().to_owned(), entry.clone())).collect()
}

/// The one line on standard error of a run that must end with exit code 2 and print nothing.
fn refusal(output: &Output) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(output.stdout.is_empty(), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// A file that is removed at the end of a test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gpoeo-sim-predict-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_behind = fs::remove_file(&self.0);
    }
}

#[test]
fn prints_the_bits_of_xgboost_for_every_row() {
    let folder = models();
    for (name, _) in manifest(&folder).iter().filter(|(_, entry)| entry["expect"] == "ok") {
        let beside = |end: &str| folder.join(name.rsplit_once('.').unwrap().0.to_owned() + end);
        for (margins, more) in
            [(".margins.csv", vec!["--json"]), (".best.margins.csv", vec!["--json", "--best-iteration"])]
        {
            let Ok(expected) = fs::read_to_string(beside(margins)) else { continue };
            let output = predict(&folder.join(name), &beside(".rows.csv"), &more);
            assert!(output.status.success(), "{name}");
            let printed = String::from_utf8(output.stdout).unwrap();
            assert_eq!(printed.lines().count(), expected.lines().count() - 1, "{name}");
            for (row, (line, expected)) in printed.lines().zip(expected.lines().skip(1)).enumerate() {
                let object: Value = serde_json::from_str(line).unwrap();
                let bits = object["bits"].as_str().unwrap();
                assert_eq!(object["row"].as_u64(), Some(row as u64));
                assert_eq!(bits, expected.split(',').next().unwrap(), "{name} {row}");
                let margin = f32::from_bits(u32::from_str_radix(bits, 16).unwrap());
                assert_eq!(object["margin"].as_f64().map(|margin| margin as f32), Some(margin), "{line}");
            }
        }
    }
}

#[test]
fn a_line_has_the_form_of_the_contract() {
    let folder = models();
    let rows = Scratch::new("one.csv", "\"a,\"\"b\",b,c,d,e,f\n1,,nan,inf,-inf,-0.0\n");
    let output = predict(&folder.join("p01_squarederror_1.7.json"), &rows.0, &["--json"]);
    let line = String::from_utf8(output.stdout).unwrap();
    let bits: Value = serde_json::from_str(&line).unwrap();
    let margin = f32::from_bits(u32::from_str_radix(bits["bits"].as_str().unwrap(), 16).unwrap());
    assert_eq!(line, format!("{{\"row\":0,\"margin\":{margin},\"bits\":\"{:08x}\"}}\n", margin.to_bits()));
    let table = predict(&folder.join("p01_squarederror_1.7.json"), &rows.0, &[]);
    assert_eq!(String::from_utf8(table.stdout).unwrap().lines().count(), 2);
}

#[test]
fn refused_models_end_with_2_and_one_line_that_says_why_within_a_second() {
    for folder in [models(), models().join("malformed")] {
        for (name, entry) in manifest(&folder).iter().filter(|(_, entry)| entry["expect"] == "error") {
            let start = Instant::now();
            let output = predict(&folder.join(name), &models().join("malformed/rows.csv"), &["--json"]);
            assert!(start.elapsed() < Duration::from_secs(1), "{name}");
            let error = refusal(&output);
            assert!(error.contains(entry["why"].as_str().unwrap()), "{name}: {error}");
            assert!(error.contains(name.as_str()), "{name}: {error}");
        }
    }
}

#[test]
fn rows_that_do_not_fit_and_files_that_are_not_there_are_refused() {
    let folder = models();
    let model = folder.join("p01_squarederror_1.7.json");
    for (name, content, expected) in [
        ("short.csv", "a,b\n1,2,3,4,5,6\n1,2,3\n", "short.csv:3: row 1 has 3 fields, the model has 6 features; "),
        ("word.csv", "a,b\n1,2,3,4,5,x\n", "word.csv:2: field 5 of row 0 is \"x\", which is not a number; "),
        ("empty.csv", "", "empty.csv:1: there is no header; "),
    ] {
        let rows = Scratch::new(name, content);
        let error = refusal(&predict(&model, &rows.0, &["--json"]));
        assert!(error.contains(expected), "{error}");
    }
    let gone = Path::new("/nonexistent/file");
    assert!(refusal(&predict(gone, gone, &["--json"])).contains("/nonexistent/file: cannot read it: "));
    assert!(refusal(&predict(&model, gone, &["--json"])).contains("/nonexistent/file: cannot read it: "));
    let (model, rows) = (folder.join("p02_gamma_2.1.ubj"), folder.join("p02_gamma_2.1.rows.csv"));
    assert!(refusal(&predict(&model, &rows, &["--best-iteration"])).contains("names no best iteration"));
}
