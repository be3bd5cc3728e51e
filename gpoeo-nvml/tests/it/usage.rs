use crate::support::{code, faked, gpoeo, output, stderr, stdout, unique_path};

const MISSING: &str = "/nonexistent/libnvidia-ml.so.1";

#[test]
fn every_help_works_without_a_driver_and_shows_an_example() {
    let top = output(gpoeo().arg("--help"));
    assert_eq!(code(&top), Some(0));
    assert!(stdout(&top).contains("Exit codes: 0 done, 2 usage or bad input"), "{}", stdout(&top));
    for command in ["devices", "reset", "run", "watch"] {
        let help = output(gpoeo().args([command, "--help"]));
        assert_eq!(code(&help), Some(0));
        assert!(stdout(&help).contains(&format!("Example: gpoeo {command}")), "{}", stdout(&help));
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let cases: [&[&str]; 12] = [
        &[],
        &["fly"],
        &["devices", "--bad"],
        &["watch", "--interval", "0"],
        &["watch", "--interval", "soon"],
        &["watch", "--lines", "-1"],
        &["run"],
        &["run", "true"],
        &["run", "--max-slowdown", "5", "--", "true"],
        &["run", "--found-sm", "1500,300", "--", "true"],
        &["run", "--quiet", "--json", "--", "true"],
        &["run", "--"],
    ];
    for arguments in cases {
        let result = output(gpoeo().args(arguments));
        assert_eq!(code(&result), Some(2), "{arguments:?}");
        assert_eq!(stdout(&result), "", "{arguments:?}");
    }
}

#[test]
fn without_a_driver_one_line_says_what_is_missing_and_how_to_mend_it() {
    let cases: [&[&str]; 4] = [&["devices", "--json"], &["watch"], &["reset"], &["run", "--", "true"]];
    for arguments in cases {
        let result = output(gpoeo().args(["--nvml-lib", MISSING]).args(arguments));
        assert_eq!((code(&result), stdout(&result)), (Some(4), ""), "{arguments:?}");
        let line = stderr(&result);
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with("gpoeo: no NVIDIA driver found: "), "{line}");
        assert!(line.contains("install the driver"), "{line}");
    }
}

#[test]
fn without_a_driver_the_command_is_not_started() {
    let file = unique_path("started");
    let result = output(gpoeo().args(["--nvml-lib", MISSING, "run", "--", "touch"]).arg(&file));
    assert_eq!(code(&result), Some(4));
    assert!(!file.exists());
}

#[test]
fn a_library_that_is_not_nvml_ends_with_4() {
    let result = output(gpoeo().args(["--nvml-lib", env!("CARGO_BIN_EXE_gpoeo"), "devices"]));
    assert_eq!(code(&result), Some(4));
}

#[test]
fn a_driver_that_does_not_start_ends_with_4_and_one_that_may_not_be_opened_with_3() {
    for (init, expected, hint) in [("9", 4, "modprobe"), ("18", 4, "reboot"), ("999", 4, ""), ("4", 3, "/dev/nvidia")] {
        let result = output(faked(&["devices"]).env("FAKE_NVML_INIT", init));
        assert_eq!((code(&result), stdout(&result)), (Some(expected), ""));
        assert!(stderr(&result).contains(hint), "{}", stderr(&result));
        assert_eq!(stderr(&result).lines().count(), 1);
    }
}

#[test]
fn a_driver_without_a_gpu_ends_with_4() {
    let result = output(faked(&["devices"]).env("FAKE_NVML_GPUS", "0"));
    assert_eq!(code(&result), Some(4));
    assert!(stderr(&result).contains("there is no GPU"), "{}", stderr(&result));
}

#[test]
fn an_id_that_is_no_gpu_ends_with_2_and_the_list() {
    for command in ["devices", "watch", "reset"] {
        let result = output(&mut faked(&[command, "-i", "7"]));
        assert_eq!((code(&result), stdout(&result)), (Some(2), ""));
        assert!(stderr(&result).contains("GPU-10000000-fake"), "{}", stderr(&result));
    }
}
