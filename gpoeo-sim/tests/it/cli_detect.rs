//! `gpoeo-sim detect`: its JSON, its table, and what it says to bad input.

use std::process::{Command, Output};

use serde_json::Value;

fn data(name: &str) -> String {
    format!("{}/data/traces/{name}.trace.csv", env!("CARGO_MANIFEST_DIR"))
}

fn detect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).arg("detect").args(arguments).output().unwrap()
}

#[test]
fn json_is_one_object_a_line_with_the_keys_of_the_contract() {
    let output = detect(&["--json", &data("sac"), &data("kmeans_aperiodic")]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);

    let sac = &lines[0];
    assert_eq!((sac["trace"].as_str(), sac["outcome"].as_str()), (Some("sac"), Some("periodic")));
    assert!((sac["period_s"].as_f64().unwrap() - 0.312).abs() < 0.01);
    assert!((0.0..=1.0).contains(&sac["confidence"].as_f64().unwrap()));
    let (busy, decided) = (sac["busy_from_s"].as_f64().unwrap(), sac["first_decided_s"].as_f64().unwrap());
    assert!(busy > 4.0 && busy < 7.0 && decided > busy && decided < 15.0);
    assert!(sac["samples"].as_u64().unwrap() > 1000 && sac["cpu_us"].is_u64());
    let keys: Vec<_> = sac.as_object().unwrap().keys().map(String::as_str).collect();
    let mut contract =
        ["trace", "outcome", "period_s", "confidence", "first_decided_s", "busy_from_s", "samples", "cpu_us", "signal"];
    contract.sort_unstable();
    assert_eq!(keys, contract);
    assert_eq!(sac["signal"].as_str(), Some("power"));

    let kmeans = &lines[1];
    assert_eq!(kmeans["outcome"].as_str(), Some("aperiodic"));
    assert!(kmeans["period_s"].is_null());
}

fn counters(name: &str) -> String {
    format!("{}/tests/data/h100-counters/{name}.trace.csv", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn counters_show_iterations_that_power_does_not() {
    let output =
        detect(&["--signal", "counters", "--json", "--score", &counters("unet3d_fp32"), &counters("resnet50_amp")]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for (line, (windows, iteration_s)) in text.lines().zip([(3660, 0.0434), (3662, 0.1293)]) {
        let found: Value = serde_json::from_str(line).unwrap();
        assert_eq!((found["signal"].as_str(), found["outcome"].as_str()), (Some("counters"), Some("periodic")));
        assert!(found["samples"].as_u64().unwrap().abs_diff(windows) < 20, "{line}");
        assert_eq!((found["counted"].as_bool(), found["verdict"].as_str()), (Some(true), Some("right")), "{line}");
        assert!((found["iteration_s"].as_f64().unwrap() - iteration_s).abs() < 0.001);
    }
}

#[test]
fn counters_that_are_not_there_end_with_2_and_say_what_is_read() {
    let output = detect(&["--signal", "counters", &data("sac")]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors.contains("sac.pm.csv: there is no such file; --signal counters reads NAME.pm.csv"), "{errors}");
    let output = detect(&["--signal", "counters", "--synthetic", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("synthetic recordings have no counters"));
}

#[test]
fn a_page_and_pictures_need_nothing_else() {
    let folder = std::env::temp_dir().join(format!("gpoeo-sim-detect-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (page, pictures) = (folder.join("page.html"), folder.join("pictures"));
    let arguments = ["--html", &page.to_string_lossy(), "--svg", &pictures.to_string_lossy()];
    let output = detect(&[&arguments[..], &[&data("sac"), &data("kmeans_aperiodic")]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!DOCTYPE html>") && !text.contains("http") && !text.contains("<script"));
    for words in ["sac", "kmeans_aperiodic", "in truth: no period", "2 × the answer", "no period was claimed", "right"]
    {
        assert!(text.contains(words), "{words}");
    }
    // Four charts of a recording with an answer, three of one without, each for wide and for narrow screens.
    assert_eq!(text.matches("<svg class=\"chart").count(), 14);
    for name in ["sac", "kmeans_aperiodic"] {
        let picture = std::fs::read_to_string(pictures.join(format!("{name}.svg"))).unwrap();
        assert!(picture.starts_with("<svg") && picture.len() < 100_000 && !picture.contains("NaN"), "{name}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let nowhere = detect(&["--html", "/nonexistent/page.html", &data("sac")]);
    assert_eq!(nowhere.status.code(), Some(2));
}

#[test]
fn without_files_it_says_what_to_name() {
    let output = detect(&[]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("name one recording or more (NAME.trace.csv with the columns t_s and power_w)"),
        "{errors}"
    );
}

#[test]
fn a_table_with_verdicts_is_for_people() {
    let output = detect(&["--score", &data("sac"), &data("deit_small")]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("counted: 1 of 1 right"), "{text}");
    assert!(text.contains("too short to tell: 0 of 1 wrong"), "{text}");
}

#[test]
fn synthetic_recordings_are_scored_by_family() {
    let output = detect(&["--synthetic", "42", "--seed", "9", "--score"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["micro-batches", "two-jobs", "all ", "counted: ", "confidence", "answers; "] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let again = detect(&["--synthetic", "42", "--seed", "9", "--score"]);
    assert_eq!(text, String::from_utf8(again.stdout).unwrap());

    let output = detect(&["--synthetic", "3", "--family", "bursts", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        names.iter().map(|line| line["trace"].as_str().unwrap()).collect::<Vec<_>>(),
        ["bursts-0", "bursts-1", "bursts-2"]
    );
}

#[test]
fn what_synth_writes_is_what_is_scored_without_files() {
    let folder = std::env::temp_dir().join(format!("gpoeo-sim-synth-{}", std::process::id()));
    let folder_text = folder.to_string_lossy().into_owned();
    let synth = ["synth", folder_text.as_str(), "--count", "2", "--seed", "5", "--family", "plain"];
    let output = Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).args(synth).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "plain-5000000\nplain-5000001\n");

    let without_cpu = |output: Output| -> Vec<Value> {
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .inspect(|line| assert!(line["verdict"].is_string()))
            .map(|mut line| {
                line["cpu_us"] = Value::Null;
                line
            })
            .collect()
    };
    let files = ["plain-5000000", "plain-5000001"].map(|name| format!("{folder_text}/{name}.trace.csv"));
    let from_files = without_cpu(detect(&["--json", "--score", &files[0], &files[1]]));
    let direct = without_cpu(detect(&["--json", "--score", "--synthetic", "2", "--seed", "5", "--family", "plain"]));
    assert_eq!(from_files, direct);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn either_files_or_synthetic_recordings_are_asked_for() {
    for arguments in [&[][..], &["--synthetic", "2", "x.trace.csv"], &["--synthetic", "2", "--family", "x"]] {
        let output = detect(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let errors = String::from_utf8(detect(&["--synthetic", "2", "--family", "x"]).stderr).unwrap();
    assert!(errors.contains("invalid value 'x' for '--family <NAME>' [possible values: aperiodic, "), "{errors}");
}

#[test]
fn bad_input_ends_with_2_and_one_line_that_says_where_and_how_to_mend() {
    let folder = std::env::temp_dir().join(format!("gpoeo-sim-detect-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let cases = [
        ("empty", "", "empty.trace.csv: there are no rows; "),
        ("column", "t_s,watt\n0,1\n", "column.trace.csv:1: there is no column power_w; "),
        ("number", "t_s,power_w\n0,1\n0.02,x\n", "number.trace.csv:3: power_w is \"x\", which is not a number; "),
        ("nan", "t_s,power_w\n0,nan\n", "nan.trace.csv:2: power_w is \"nan\", which is not a finite number; "),
        ("back", "t_s,power_w\n1,1\n0.5,1\n", "back.trace.csv:3: time goes back from 1 s to 0.5 s; "),
    ];
    for (name, text, _) in &cases {
        std::fs::write(folder.join(format!("{name}.trace.csv")), text).unwrap();
    }
    let cases = cases.iter().map(|(name, _, message)| (*name, *message));
    for (name, message) in cases.chain([("missing", "missing.trace.csv: cannot read it: ")]) {
        let output = detect(&[&folder.join(format!("{name}.trace.csv")).to_string_lossy()]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(message), "{name}: {errors}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
