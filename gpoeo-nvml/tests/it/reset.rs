use serde_json::Value;

use crate::support::{code, effects, faked, output, stderr, stdout, unique_path};

#[test]
fn both_domains_of_all_gpus_are_reset() {
    let log = unique_path("log");
    let result = output(faked(&["reset"]).env("FAKE_NVML_LOG", &log));
    assert_eq!(code(&result), Some(0), "{}", stderr(&result));
    let expected = ["0 reset memory 0 0 -> 0", "0 reset sm 0 0 -> 0", "1 reset memory 0 0 -> 0", "1 reset sm 0 0 -> 0"];
    assert_eq!(effects(&log), expected);
}

#[test]
fn only_the_gpus_named_are_reset_and_none_in_a_dry_run() {
    let log = unique_path("log");
    assert_eq!(code(&output(faked(&["reset", "--dry-run"]).env("FAKE_NVML_LOG", &log))), Some(0));
    assert_eq!(effects(&log), [""; 0]);
    assert_eq!(code(&output(faked(&["reset", "-i", "GPU-2"]).env("FAKE_NVML_LOG", &log))), Some(0));
    assert!(effects(&log).iter().all(|line| line.starts_with("1 reset")));
}

#[test]
fn a_refusal_ends_with_3_and_names_the_capability() {
    let result = output(faked(&["reset", "-i", "0"]).env("FAKE_NVML_SET", "4"));
    assert_eq!(code(&result), Some(3));
    assert!(stderr(&result).contains("CAP_SYS_ADMIN"), "{}", stderr(&result));
}

#[test]
fn a_gpu_that_cannot_be_locked_ends_with_4_and_a_lost_one_with_5() {
    assert_eq!(code(&output(faked(&["reset"]).env("FAKE_NVML_SET", "3"))), Some(4));
    assert_eq!(code(&output(faked(&["reset"]).env("FAKE_NVML_SET", "15"))), Some(5));
}

#[test]
fn the_json_tells_each_gpu() {
    let result = output(&mut faked(&["reset", "--json"]));
    let document: Value = serde_json::from_str(stdout(&result)).unwrap();
    assert_eq!(document["schema"], "gpoeo.reset.v1");
    assert_eq!(document["gpus"][1]["reset"], true);
    assert_eq!(document["gpus"][1]["errors"].as_array().unwrap().len(), 0);
}
