//! `gpoeo-sim run`: the account, its JSON, the page, and what it says to bad input.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).arg("run").args(arguments).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["-q", "--json", "-"]].concat());
    assert!(output.status.success(), "{}", text(output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder of this test's own.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("gpoeo-sim-run-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Numbers become `#`, runs of blanks one blank, and equal lines one after the other one line.
fn shape(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut shape = String::new();
        let mut was_number = false;
        for letter in line.chars() {
            let is_number = letter.is_ascii_digit() || (was_number && matches!(letter, '.' | ':'));
            match letter {
                _ if is_number && was_number => {}
                _ if is_number => shape.push('#'),
                ' ' if shape.ends_with(' ') => {}
                _ => shape.push(letter),
            }
            was_number = is_number;
        }
        let shape = shape.trim().replace("# %", "-").replace(" min ", " s ");
        if lines.last() != Some(&shape) {
            lines.push(shape);
        }
    }
    lines.join("\n")
}

/// Every key of a document by its path.
fn keys(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                keys(value, &format!("{path}.{key}"), out);
            }
        }
        Value::Array(items) => keys(items.first().unwrap_or(&Value::Null), &format!("{path}[]"), out),
        _ => out.push(path.trim_start_matches('.').to_owned()),
    }
}

#[test]
fn the_default_run_saves_energy_within_the_limit() {
    let document = json(&[]);
    assert_eq!(document["schema"], "gpoeo-sim.run.v1");
    assert_eq!((&document["suite"], &document["workload"]), (&"a100".into(), &"vit_large".into()));
    assert_eq!((&document["minutes"], &document["decision"]["kind"]), (&20.0.into(), &"held".into()));
    let truth = &document["truth"];
    assert!(truth["saving"].as_f64().unwrap() > 0.07, "{truth}");
    assert!(truth["slowdown"].as_f64().unwrap() < 0.06, "{truth}");
    assert!(document["period"]["time_s"].as_f64().is_some_and(|period_s| (period_s / 0.423 - 1.0).abs() < 0.01));
}

#[test]
fn the_account_has_this_shape() {
    let output = run(&["lstm_fp32", "--minutes", "8", "--seed", "3"]);
    let account = text(output.stdout);
    let (costs, decision) = account.split_once("\nHeld ").unwrap();
    let (decision, best) = decision.split_once("\n\n").unwrap();
    assert!(decision.replace('\n', " ").contains(": least energy within 5 % slowdown among "), "{decision}");
    insta::assert_snapshot!(shape(&format!("{costs}\n{best}")));
    let events = text(output.stderr);
    assert!(events.starts_with("[ 0:0") && events.contains("] settled on "), "{events}");
    assert!(!account.contains('\x1b') && !events.contains('\x1b'), "no colour without a terminal");
}

#[test]
fn a_policy_that_measures_nothing_has_a_shorter_account() {
    let output = run(&["ppo", "--policy", "oracle", "--minutes", "5"]);
    assert!(text(output.stderr).trim().is_empty());
    insta::assert_snapshot!(text(output.stdout));
}

#[test]
fn the_json_has_these_keys() {
    let mut paths = Vec::new();
    keys(&json(&["lstm_fp32", "--minutes", "5"]), "", &mut paths);
    insta::assert_snapshot!(paths.join("\n"));
}

#[test]
fn what_is_not_known_is_null() {
    let document = json(&["gpt_ragged", "--minutes", "0.02"]);
    assert_eq!(document["decision"]["kind"], "unfinished");
    assert_eq!((&document["measured"]["saving"], &document["period"]["time_s"]), (&Value::Null, &Value::Null));
    assert_eq!(document["trials"], Value::Array(Vec::new()));
    let document = json(&["sac", "--policy", "default", "--minutes", "1"]);
    assert_eq!(
        (&document["measured"], &document["period"], &document["time"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[test]
fn equal_seeds_give_equal_bytes_in_every_file() {
    let folder = folder("equal");
    let path = |name: &str| folder.join(name).display().to_string();
    for turn in ["a", "b"] {
        let files = ["json", "html", "svg"].map(|kind| path(&format!("{turn}.{kind}")));
        let output = run(&[
            "wgan",
            "--minutes",
            "4",
            "--seed",
            "7",
            "-q",
            "--json",
            &files[0],
            "--html",
            &files[1],
            "--svg",
            &files[2],
        ]);
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(text(output.stdout).starts_with("wgan, 4 minutes on a simulated A100_SXM\n"));
    }
    for kind in ["json", "html", "svg"] {
        let read = |turn: &str| fs::read(folder.join(format!("{turn}.{kind}"))).unwrap();
        assert!(read("a") == read("b") && read("a").len() > 1000, "{kind}");
    }
    let _left_behind = fs::remove_dir_all(folder);
}

#[test]
fn the_page_needs_nothing_else_and_names_are_escaped() {
    let folder = folder("page");
    let table = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1.1,0.8\n1290,,1.04,0.9\n1410,,1,1\n";
    fs::write(folder.join("t.csv"), table).unwrap();
    fs::write(folder.join("suite.csv"), "name,table,trace\n<script>&,t.csv,\n").unwrap();
    let (job, page) = (folder.join("<script>&"), folder.join("page.html"));
    let arguments = [&job.display().to_string(), "--minutes", "2", "--html", &page.display().to_string()];
    assert!(run(&arguments).status.success());
    let page = fs::read_to_string(page).unwrap();
    for outside in ["<script", "<link", "src=", "http://", "https://", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("&lt;script&gt;&amp;") && page.contains("<svg"));
    for hole in ["NaN", "inf\"", "inf "] {
        assert!(!page.contains(hole), "{hole}");
    }
    let _left_behind = fs::remove_dir_all(folder);
}

#[test]
fn every_policy_and_objective_can_be_shown() {
    let folder = folder("every");
    let page = folder.join("page.html").display().to_string();
    for policy in ["gpoeo", "model-free", "default", "power-limit", "oracle", "hull"] {
        assert!(run(&["sac", "--minutes", "0.5", "--policy", policy, "--html", &page]).status.success(), "{policy}");
    }
    for objective in ["ed2p", "ed2p-within", "edp", "energy", "time"] {
        let output = run(&["sac", "--minutes", "2", "--objective", objective, "--html", &page]);
        assert!(output.status.success(), "{objective}");
    }
    let _left_behind = fs::remove_dir_all(folder);
}

#[test]
fn bad_input_ends_with_2_and_one_line() {
    let refused = |arguments: &[&str]| {
        let output = run(arguments);
        let error = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty() && error.lines().count() == 1, "{arguments:?}: {error}");
        error
    };
    let unknown = refused(&["vit_huge"]);
    assert!(unknown.starts_with("gpoeo-sim: suite a100 has no job vit_huge; it has vit_large, "), "{unknown}");
    assert!(unknown.trim_end().ends_with("; did you mean vit_large?"), "{unknown}");
    assert!(refused(&["gnn_csl_gim"]).trim_end().ends_with("; did you mean gnn_csl_gin?"));
    assert!(refused(&["papr71/x"]).contains("suites within the program are a100 and paper71; did you mean paper71?"));
    assert!(refused(&["paper71/x", "--gpu", "rtx3080"]).contains("; did you mean rtx3080ti?"));
    assert!(refused(&["a100/x"]).starts_with("gpoeo-sim: suite a100 has no job x; "));
    assert!(refused(&["/nonexistent/x"]).starts_with("gpoeo-sim: /nonexistent/suite.csv: cannot read it: "));
    assert!(refused(&["--gpu", "gtx"]).contains("no job measured on gpu gtx; it has A100_SXM"));
    assert!(refused(&["--json", "/nonexistent/x"]).starts_with("gpoeo-sim: /nonexistent/x: cannot write it: "));
}

#[test]
fn wrong_usage_is_answered_in_two_lines_of_ours() {
    for (arguments, said) in [
        (["--minutes", "-5"], "choose a time above 0"),
        (["--max-slowdown", "-0.1"], "choose a ratio from 0 to 0.9"),
        (["--policy", "orcale"], "a similar value exists: 'oracle'"),
        (["--minuts", "5"], "a similar argument exists: '--minutes'"),
        (["--seed", "-1"], "invalid value '-1' for '--seed <K>'"),
    ] {
        let output = run(&arguments);
        let error = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.starts_with("gpoeo-sim: ") && error.contains(said) && error.lines().count() == 2, "{error}");
    }
}

#[test]
fn every_event_says_when() {
    let document = json(&["lstm_fp32", "--minutes", "5"]);
    let events = document["events"].as_array().unwrap();
    let times: Vec<f64> = events.iter().map(|event| event["at_s"].as_f64().unwrap()).collect();
    assert!(times.len() > 3 && times.is_sorted(), "{times:?}");
    assert!(events.iter().any(|event| event["event"] == "tried" && event["clocks"]["sm"].is_number()), "{events:?}");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [["--policy", "best"], ["--minutes", "0"], ["--seed", "-1"], ["--pace", "0"], ["--gpu", ""]] {
        assert_eq!(run(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}
