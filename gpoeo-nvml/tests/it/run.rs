use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{code, effects, faked, output, stderr, stdout, unique_path};

/// `gpoeo run OPTIONS -i 0 -- sh -c SCRIPT`.
fn shell(options: &[&str], script: &str) -> Command {
    faked(&[&["run"], options, &["-i", "0", "--", "sh", "-c", script]].concat())
}

fn run(options: &[&str], script: &str) -> Output {
    output(&mut shell(options, script))
}

#[test]
fn output_input_and_exit_code_of_the_command_are_its_own() {
    let mut command = shell(&["--quiet"], "cat; echo err >&2; exit 3");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"in\n").unwrap();
    let result = child.wait_with_output().unwrap();
    assert_eq!((code(&result), stdout(&result), stderr(&result)), (Some(3), "in\n", "err\n"));
}

#[test]
fn the_account_is_on_stderr_and_says_why_no_clock_was_set() {
    let result = run(&[], "exit 0");
    assert_eq!((code(&result), stdout(&result)), (Some(0), ""));
    assert!(stderr(&result).contains("kill -9"), "{}", stderr(&result));
    assert!(stderr(&result).contains("GPU 0 (GPU-10000000-fake"), "{}", stderr(&result));
}

#[test]
fn the_account_as_json_is_the_last_line_of_stderr() {
    let result = run(&["--dry-run", "--json"], "echo noise >&2; exit 4");
    let account: Value = serde_json::from_str(stderr(&result).lines().last().unwrap()).unwrap();
    assert_eq!(account["schema"], "gpoeo.run.v1");
    assert_eq!(account["mode"], "dry_run");
    assert_eq!(account["exit_code"], 4);
    assert_eq!(account["gpus"][0]["uuid"], "GPU-10000000-fake-0000-0000-000000000000");
    assert_eq!(account["gpus"][0]["energy_source"], "counter");
    assert!(account["gpus"][0]["energy_j"].is_number());
    assert!(account["gpus"][0]["report"]["outcome"].is_string() || account["gpus"][0]["report"]["outcome"].is_object());
}

#[test]
fn a_command_killed_by_a_signal_ends_with_128_and_its_number() {
    assert_eq!(code(&run(&["-q"], "kill -KILL $$")), Some(137));
}

#[test]
fn every_signal_is_passed_on_and_the_command_decides() {
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3), ("USR1", 10), ("USR2", 12), ("ALRM", 14)]
    {
        let script = format!("trap 'exit 7' {name}; kill -{number} $PPID; while :; do sleep 0.01; done");
        let result = run(&["-q", "--allow-unwatched"], &script);
        assert_eq!(code(&result), Some(7), "{name}: {}", stderr(&result));
    }
}

#[test]
fn a_second_signal_is_passed_on_too() {
    let script = "trap 'trap \"exit 8\" TERM; kill -TERM $PPID' TERM; kill -TERM $PPID; while :; do sleep 0.01; done";
    assert_eq!(code(&run(&["-q"], script)), Some(8));
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored_for_both() {
    // As under nohup: gpoeo goes on, and so does the command.
    let gpoeo = shell(&["-q"], "kill -HUP $PPID; kill -HUP $$; exit 9");
    let quoted: Vec<String> = [gpoeo.get_program()]
        .into_iter()
        .chain(gpoeo.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let script = format!("trap '' HUP; exec {}", quoted.join(" "));
    assert_eq!(code(&output(Command::new("sh").args(["-c", &script]))), Some(9));
}

#[test]
fn a_command_that_cannot_be_started_ends_with_2() {
    let result = output(&mut faked(&["run", "-i", "0", "--", "/nonexistent"]));
    assert_eq!(code(&result), Some(2));
    assert!(stderr(&result).contains("cannot start \"/nonexistent\""), "{}", stderr(&result));
}

#[test]
fn with_several_gpus_one_must_be_named() {
    let result = output(&mut faked(&["run", "--", "true"]));
    assert_eq!(code(&result), Some(2));
    assert!(stderr(&result).contains("say with -i"), "{}", stderr(&result));
    // CUDA's numbers are not NVML's.
    assert_eq!(code(&output(faked(&["run", "--", "true"]).env("CUDA_VISIBLE_DEVICES", "0"))), Some(2));
}

#[test]
fn the_uuids_that_the_command_will_see_name_the_gpus_as_well() {
    let result = output(faked(&["run", "--json", "--", "true"]).env("CUDA_VISIBLE_DEVICES", "GPU-2000"));
    let account: Value = serde_json::from_str(stderr(&result).lines().last().unwrap()).unwrap();
    assert_eq!((code(&result), &account["gpus"][0]["index"]), (Some(0), &Value::from(1)));
}

#[test]
fn several_gpus_are_observed_but_not_controlled() {
    assert_eq!(code(&output(&mut faked(&["run", "-q", "-i", "0,1", "--", "true"]))), Some(0));
    let result = output(&mut faked(&["run", "--allow-unwatched", "-i", "0,1", "--", "true"]));
    assert_eq!(code(&result), Some(2));
    assert!(stderr(&result).contains("one decision"), "{}", stderr(&result));
}

#[test]
fn a_command_that_ends_well_on_a_lost_gpu_ends_with_5_and_else_with_its_own_code() {
    for (script, expected) in [("sleep 3.5", 5), ("sleep 3.5; exit 6", 6)] {
        let result = output(shell(&["-q"], script).env("FAKE_NVML_LOST_AFTER", "3"));
        assert_eq!(code(&result), Some(expected), "{}", stderr(&result));
    }
}

#[test]
fn without_the_users_word_nothing_is_ever_set() {
    let log = unique_path("log");
    for options in [&["-q"][..], &["-q", "--dry-run"], &["-q", "--dry-run", "--allow-unwatched"]] {
        assert_eq!(code(&output(shell(options, "sleep 0.3").env("FAKE_NVML_LOG", &log))), Some(0));
    }
    assert_eq!(effects(&log), [""; 0]);
}

#[test]
fn nobody_reading_the_account_does_not_change_the_exit_code() {
    let mut child = shell(&[], "exit 3").stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}
