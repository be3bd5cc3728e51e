use serde_json::Value;

use crate::support::{code, faked, output, stdout};

fn json(arguments: &[&str], environment: &[(&str, &str)]) -> Value {
    let result = output(faked(&[&["devices", "--json"], arguments].concat()).envs(environment.iter().copied()));
    assert_eq!(code(&result), Some(0));
    serde_json::from_str(stdout(&result)).unwrap()
}

#[test]
fn everything_that_was_probed_is_in_the_json() {
    let document = json(&[], &[]);
    assert_eq!(document["schema"], "gpoeo.devices.v1");
    assert_eq!(document["driver_version"], "580.159.03");
    assert_eq!(document["gpus"].as_array().unwrap().len(), 2);
    let gpu = &document["gpus"][1];
    assert_eq!(gpu["uuid"], "GPU-20000000-fake-0000-0000-000000000000");
    assert_eq!(gpu["pci_bus_id"], "00000000:02:00.0");
    assert_eq!(gpu["power_source"], "ring");
    assert_eq!(gpu["power_ring"]["samples"], 119);
    assert_eq!(gpu["power_ring"]["median_step_s"], 0.02);
    assert_eq!(gpu["energy_counter"], true);
    assert_eq!(gpu["supported_clocks"][1]["mem_clock_mhz"], 2619);
    assert_eq!(gpu["supported_clocks"][1]["sm_clocks_mhz"].as_array().unwrap().len(), 110);
    assert_eq!(gpu["power_limits"]["enforced_w"], 650.0);
    assert_eq!(gpu["compute_capability"], "9.0");
    assert!(gpu["control"] == "direct" || gpu["control"] == "unknown");
    assert!(gpu["locks_found"].is_null() && gpu["locks_found_because"].is_string());
}

#[test]
fn gpus_are_chosen_by_index_start_of_uuid_and_bus_id() {
    for id in ["1", "GPU-2", "0000:02:00.0", "gpu-20000000-fake-0000-0000-000000000000"] {
        let document = json(&["-i", id], &[]);
        assert_eq!(document["gpus"].as_array().unwrap().len(), 1);
        assert_eq!(document["gpus"][0]["index"], 1, "{id}");
    }
    assert_eq!(json(&["-i", "1,0"], &[])["gpus"].as_array().unwrap().len(), 2);
}

#[test]
fn without_a_ring_the_next_source_is_chosen() {
    let document = json(&["-i", "0"], &[("FAKE_NVML_RING", "3")]);
    assert_eq!(document["gpus"][0]["power_source"], "instant_field");
    assert!(document["gpus"][0]["power_ring"].is_null());
}

#[test]
fn a_list_of_clocks_that_cannot_be_read_leaves_no_control_and_says_why() {
    let document = json(&["-i", "0"], &[("FAKE_NVML_CLOCKS", "150")]);
    let gpu = &document["gpus"][0];
    assert!(gpu["supported_clocks"].is_null());
    assert!(gpu["clocks_unknown_because"].is_string());
    assert_eq!(gpu["control"], "none");
}

#[test]
fn the_table_for_people_has_a_block_for_each_gpu() {
    let result = output(&mut faked(&["devices"]));
    let text = stdout(&result);
    assert_eq!(text.lines().filter(|line| line.starts_with("GPU ")).count(), 2, "{text}");
    assert!(text.contains("ring of 119 samples, 2.36 s deep, step 20 ms"), "{text}");
    assert!(text.contains("memory 2619 MHz: 110 SM clocks, 345 to 1980 MHz"), "{text}");
}
