use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{code, faked, output, stderr, stdout};

#[test]
fn each_line_is_one_object_with_what_was_seen_and_what_it_cost() {
    let result = output(&mut faked(&["watch", "-i", "0", "--json", "--interval", "0.3", "-n", "2"]));
    assert_eq!(code(&result), Some(0), "{}", stderr(&result));
    let lines: Vec<Value> = stdout(&result).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let line = &lines[1];
    assert_eq!(line["schema"], "gpoeo.watch.v1");
    assert_eq!(line["gpu"], "GPU-10000000-fake-0000-0000-000000000000");
    assert_eq!(line["power_source"], "ring");
    assert_eq!(line["sm_clock_mhz"], 1980);
    assert!((100.0..=300.0).contains(&line["power_w"].as_f64().unwrap()));
    assert!(line["outcome"].is_string());
    assert_eq!(line["failures"], 0);
    for key in ["time_unix_s", "energy_j", "samples_per_s", "reads_per_s", "nvml_calls_per_s", "read_ms", "cpu_share"] {
        assert!(line[key].is_number(), "{key}: {line}");
    }
    assert!(line.as_object().unwrap().contains_key("period_s"));
}

#[test]
fn without_a_ring_the_instant_power_is_watched() {
    let mut command = faked(&["watch", "-i", "1", "--json", "--interval", "0.3", "-n", "1"]);
    let result = output(command.env("FAKE_NVML_RING", "3"));
    let line: Value = serde_json::from_str(stdout(&result)).unwrap();
    assert_eq!((&line["power_source"], &line["index"]), (&Value::from("instant_field"), &Value::from(1)));
}

#[test]
fn whoever_reads_enough_and_goes_ends_it_well() {
    let mut child = faked(&["watch", "--json", "--interval", "0.05"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_gpu_that_is_lost_ends_it_with_5() {
    let result = output(faked(&["watch", "-i", "0", "--interval", "0.1"]).env("FAKE_NVML_LOST_AFTER", "3"));
    assert_eq!(code(&result), Some(5));
    assert!(stderr(&result).contains("was lost"), "{}", stderr(&result));
}
