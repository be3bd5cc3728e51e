//! `gpoeo-sim evaluate`: its JSON, and what it says to bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const TABLE: &str = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1.1,0.8\n1290,,1.04,0.9\n1410,,1,1\n";
const LIST: &str = "name,table,trace\njob,t.csv,\n";

fn evaluate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).arg("evaluate").args(arguments).output().unwrap()
}

/// A folder that is removed at the end of a test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("gpoeo-sim-evaluate-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

/// The one line on standard error of a run that must end with exit code 2, with the folder's name cut off.
fn refused(test: &str, files: &[(&str, &str)]) -> String {
    let folder = Folder::new(test, files);
    let path = folder.path().display().to_string();
    let output = evaluate(&["--suite", &path, "--minutes", "1"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{test}: {error}");
    assert!(output.stdout.is_empty(), "{test}");
    assert_eq!(error.lines().count(), 1, "{test}: {error}");
    error.trim_end().replace(&path, "F")
}

#[test]
fn equal_seeds_give_equal_bytes_whatever_the_number_of_threads() {
    let run = |threads: &str| {
        let arguments = ["evaluate", "--minutes", "2", "--seeds", "2", "--json", "-"];
        Command::new(env!("CARGO_BIN_EXE_gpoeo-sim"))
            .env("RAYON_NUM_THREADS", threads)
            .args(arguments)
            .output()
            .unwrap()
    };
    let (one, four) = (run("1"), run("4"));
    assert!(one.status.success());
    assert_eq!(one.stdout, four.stdout);
}

#[test]
fn plays_a_folder_and_writes_json_beside_the_tables() {
    let folder = Folder::new("plays", &[("suite.csv", LIST), ("t.csv", TABLE)]);
    let json = folder.path().join("out.json").display().to_string();
    let suite = folder.path().display().to_string();
    let output =
        evaluate(&["--suite", &suite, "--policy", "oracle,default", "--json", &json, "--max-slowdown", "0.05"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("job "));
    let document: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(document["gpu"], Value::Null);
    assert_eq!(document["minutes"], 20.0);
    let run = &document["policies"]["oracle"]["workloads"][0];
    assert_eq!((run["name"].as_str(), run["oracle_sm_mhz"].as_u64()), (Some("job"), Some(1275)));
    assert_eq!(run["oracle_mem_mhz"], Value::Null, "the table does not name its memory clock");
    assert_eq!(document["policies"]["default"]["capture"], 0.0);
}

#[test]
fn bad_input_ends_with_2_and_one_line_that_says_where_and_how_to_mend() {
    let suite = |table: &'static str| [("suite.csv", LIST), ("t.csv", table)];
    assert!(refused("nothing", &[]).starts_with("gpoeo-sim: F/suite.csv: cannot read it: "));
    let gone = refused("gone", &[("suite.csv", LIST)]);
    assert!(
        gone.starts_with("gpoeo-sim: F/suite.csv:2: the table cannot be used: F/t.csv: cannot read it: "),
        "{gone}"
    );
    let one = refused("one", &suite("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1,1\n"));
    assert!(one.ends_with("F/t.csv:2: the table has one setting only; a sweep needs two rows or more"), "{one}");
    let nan = refused("nan", &suite("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1,1\n1300,,NaN,1\n"));
    assert!(nan.contains("F/t.csv:3: time_s is \"NaN\", which is not a finite number;"), "{nan}");
    let text = refused("text", &suite("sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,quick,1\n1300,,1,1\n"));
    assert!(text.contains("F/t.csv:2: time_s is \"quick\", which is not a number;"), "{text}");
    let column = refused("column", &suite("sm_clock_mhz,time_s,energy_j\n1200,1,1\n"));
    assert!(column.contains("F/t.csv:1: there is no column mem_clock_mhz;"), "{column}");
    let list = [("suite.csv", "name,table,trace\njob,t.csv,r.trace.csv\n"), ("t.csv", TABLE)];
    let gone = refused("no-trace", &list);
    assert!(gone.contains("F/suite.csv:2: the recording cannot be used: F/r.trace.csv: cannot read it: "), "{gone}");
    let with = |trace: &'static str| [list[0], list[1], ("r.trace.csv", trace)];
    let empty = refused("empty-trace", &with("t_s,power_w\n"));
    assert!(empty.contains("F/r.trace.csv: there are no rows;"), "{empty}");
    let back = refused("back", &with("t_s,power_w\n0,1\n0.5,1\n0.4,1\n"));
    assert!(back.contains("F/r.trace.csv:4: time goes back from 0.5 s to 0.4 s; sort the rows by t_s"), "{back}");
}

#[test]
fn unknown_columns_are_ignored() {
    let table = "note,sm_clock_mhz,mem_clock_mhz,time_s,energy_j,power_limit_w\nx,1200,,1.1,0.8,\ny,1410,,1,1,400\n";
    let folder = Folder::new("columns", &[("suite.csv", "note,name,table,trace\nx,job,t.csv,\n"), ("t.csv", table)]);
    let output = evaluate(&["--suite", &folder.path().display().to_string(), "--minutes", "1"]);
    assert!(output.status.success());
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        ["--policy", "best"],
        ["--minutes", "0"],
        ["--seeds", "0"],
        ["--max-slowdown", "NaN"],
        ["--objective", "speed"],
        ["--gpu", "h100"],
        ["--suite", "/nonexistent"],
        ["--json", "/nonexistent/out.json"],
        ["--html", "/nonexistent/out.html"],
    ] {
        assert_eq!(evaluate(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// The clock sweeps of the built-in suite: the figures that the evaluation is measured by, pinned.
#[test]
fn the_built_in_suite_has_the_oracle_and_hull_of_its_measured_sweeps() {
    let output = evaluate(&["--policy", "oracle,hull", "--json", "-"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |policy: &str, key: &str| document["policies"][policy][key].as_f64().unwrap();
    assert!((number("oracle", "mean_saving") - 0.118).abs() < 0.001);
    assert!((number("oracle", "mean_slowdown") - 0.0449).abs() < 0.001);
    assert!((number("hull", "capture") - 1.105).abs() < 0.005);
    assert!((number("hull", "mean_slowdown") - 0.05).abs() < 1e-5);
}

#[test]
fn a_row_is_that_of_run_with_the_same_seed() {
    for (suite, job, policies) in
        [("a100", "ppo", "gpoeo,power-limit,hull"), ("paper71", "aibench_image_classification", "gpoeo,power-limit")]
    {
        let arguments = ["--suite", suite, "--policy", policies, "--minutes", "3", "--seeds", "2", "--json", "-"];
        let document: Value = serde_json::from_slice(&evaluate(&arguments).stdout).unwrap();
        for policy in policies.split(',') {
            let rows = document["policies"][policy]["workloads"].as_array().unwrap();
            let row = rows.iter().find(|row| row["name"] == job && row["seed"] == 1).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_gpoeo-sim"))
                .args(["run", &format!("{suite}/{job}"), "--policy", policy, "--minutes", "3", "--seed", "1", "-q"])
                .args(["--json", "-"])
                .output()
                .unwrap();
            let run: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(run["truth"]["saving"], row["saving"], "{suite}/{job} {policy}");
            assert_eq!(run["truth"]["slowdown"], row["slowdown"], "{suite}/{job} {policy}");
            assert_eq!(run["final"]["sm_mhz"], row["final_sm_mhz"], "{suite}/{job} {policy}");
        }
    }
}

/// Whether a process has said what is to happen on SIGINT.
fn catches_interrupts(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap_or(0) & 0b10 != 0
}

#[test]
fn an_interrupted_evaluation_leaves_a_valid_part_and_goes_on_to_the_same_bytes() {
    let folder = Folder::new("interrupted", &[]);
    let (part, whole) = (folder.path().join("part.json"), folder.path().join("whole.json"));
    let arguments = |json: &Path| {
        let fixed = ["evaluate", "--policy", "default,oracle", "--minutes", "20", "--seeds", "12", "--json"];
        fixed.iter().map(|&text| text.to_owned()).chain([json.display().to_string()]).collect::<Vec<_>>()
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_gpoeo-sim"))
        .args(arguments(&part))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !catches_interrupts(child.id()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let stopped = child.wait_with_output().unwrap();
    let said = String::from_utf8(stopped.stderr).unwrap();
    assert_eq!(stopped.status.code(), Some(130), "{said}");
    assert!(
        said.contains(" of 384 runs: ") && said.contains("goes on from there") && said.lines().count() == 1,
        "{said}"
    );
    let document: Value = serde_json::from_slice(&fs::read(&part).unwrap()).unwrap();
    assert_eq!(document["complete"], false);
    let done = |policy: &str| document["policies"][policy]["workloads"].as_array().unwrap().len();
    assert_eq!(done("default") + done("oracle") + document["missing"].as_array().unwrap().len(), 384);

    let resumed = Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).args(arguments(&part)).output().unwrap();
    let fresh = Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).args(arguments(&whole)).output().unwrap();
    assert!(resumed.status.success() && fresh.status.success());
    assert!(resumed.stdout == fresh.stdout, "the tables are the same");
    assert!(fs::read(&part).unwrap() == fs::read(&whole).unwrap(), "the documents are the same");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
}

#[test]
fn the_page_needs_nothing_else_and_says_what_is_simulated() {
    let folder =
        Folder::new("page", &[("suite.csv", "name,table,trace\n<b>&,t.csv,\nother,t.csv,\n"), ("t.csv", TABLE)]);
    let page = folder.path().join("page.html").display().to_string();
    for (suite, said) in
        [(folder.path().display().to_string(), "recorded power"), ("paper71".to_owned(), "stand-in suite")]
    {
        let arguments = ["--suite", &suite, "--policy", "gpoeo,default,oracle", "--minutes", "1", "--html", &page];
        let output = evaluate(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let page = fs::read_to_string(&page).unwrap();
        for outside in
            ["<script", "<link", "src=", "http://", "https://", "url(", "@import", "<b>&", "NaN", "inf\"", "inf "]
        {
            assert!(!page.contains(outside), "{suite}: {outside}");
        }
        for part in [said, "The policies compared", "The jobs under gpoeo", "The worst", "How it was measured", "of 71"]
        {
            assert!(page.contains(part) || (part == "of 71" && suite != "paper71"), "{suite}: {part}");
        }
        assert_eq!(page.matches("<article").count(), if suite == "paper71" { 3 } else { 2 });
    }
}

#[test]
fn one_job_and_every_objective_have_pages_too() {
    let folder = Folder::new("odd", &[("suite.csv", LIST), ("t.csv", TABLE)]);
    let (suite, page) = (folder.path().display().to_string(), folder.path().join("page.html").display().to_string());
    for extra in [["--objective", "edp"], ["--objective", "time"], ["--policy", "default"], ["--seeds", "2"]] {
        let arguments = [&["--suite", &suite, "--minutes", "1", "--html", &page], &extra[..]].concat();
        assert!(evaluate(&arguments).status.success(), "{extra:?}");
        let page = fs::read_to_string(&page).unwrap();
        assert!(page.contains("How it was measured") && !page.contains("NaN") && !page.contains("inf"), "{extra:?}");
    }
}
