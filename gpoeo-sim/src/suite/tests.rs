use std::fs;
use std::path::PathBuf;

use super::*;

const TABLE: &str = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1.1,0.8\n1410,,1,1\n";

/// A folder of its own for one test, with these files.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("gpoeo-sim-suite-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

fn message(test: &str, files: &[(&str, &str)]) -> String {
    let folder = folder(test, files);
    let error = Suite::read(&folder).unwrap_err().to_string();
    fs::remove_dir_all(&folder).unwrap();
    error.replace(&folder.display().to_string(), "F")
}

#[test]
fn the_built_in_suite_is_that_of_the_data_folder() {
    let built_in = Suite::built_in();
    let folder = Suite::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data")).unwrap();
    assert_eq!((built_in.name(), built_in.gpu()), ("a100", Some("A100_SXM")));
    assert_eq!(built_in.workloads().len(), folder.workloads().len());
    for (a, b) in built_in.workloads().iter().zip(folder.workloads()) {
        assert_eq!(
            (a.name(), a.curve(), a.waveform(), a.counters()),
            (b.name(), b.curve(), b.waveform(), b.counters())
        );
    }
}

#[test]
fn reads_a_folder_without_recordings() {
    let list = "name,table,trace,gpu,note\none,t.csv,,H,x\ntwo,t.csv,,H,y\n";
    let folder = folder("plain", &[("suite.csv", list), ("t.csv", TABLE)]);
    let suite = Suite::read(&folder).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(suite.gpu(), Some("H"));
    assert_eq!(suite.workload("two").unwrap().counters(), WorkCounters::Absent);
    assert!((suite.workload("one").unwrap().waveform().mean_power_w() - 1.0).abs() < 0.01);
}

#[test]
fn chooses_among_the_tables_of_a_file() {
    let tables =
        "workload,sm_clock_mhz,mem_clock_mhz,time_s,energy_j\na,1200,,2,1\na,1410,,1,1\nb,1200,,3,1\nb,1410,,1,1\n";
    let list = |workload: &str| format!("name,table,trace,workload\none,t.csv,,{workload}\n");
    let folder = folder("choose", &[("suite.csv", &list("b")), ("t.csv", tables)]);
    let suite = Suite::read(&folder).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let (_, slowest) = suite.workloads()[0].curve().settings().next().unwrap();
    assert_eq!(slowest.time, 3.0);
    assert_eq!(
        message("unknown", &[("suite.csv", &list("c")), ("t.csv", tables)]),
        "F/suite.csv:2: F/t.csv holds no table of workload c; it holds workload a and 1 more"
    );
    assert_eq!(
        message("several", &[("suite.csv", &list("")), ("t.csv", tables)]),
        "F/suite.csv:2: F/t.csv holds several tables that fit; name one in the columns workload and gpu, such as workload a"
    );
}

#[test]
fn says_which_file_and_line_is_wrong() {
    assert!(message("none", &[]).starts_with("F/suite.csv: cannot read it:"));
    assert!(
        message("header", &[("suite.csv", "name,table\n")]).starts_with("F/suite.csv:1: there is no column trace;")
    );
    assert!(message("empty", &[("suite.csv", "name,table,trace\n")]).starts_with("F/suite.csv: there are no rows;"));
    let list = "name,table,trace\none,t.csv,\none,t.csv,\n";
    let twice = message("twice", &[("suite.csv", list), ("t.csv", TABLE)]);
    assert_eq!(twice, "F/suite.csv:3: the name one stands in line 2 already; give each job its own");
    let list = "name,table,trace\n,t.csv,\n";
    assert!(message("name", &[("suite.csv", list)]).starts_with("F/suite.csv:2: name is empty;"));
    let list = "name,table,trace\none,nope.csv,\n";
    let missing = message("missing", &[("suite.csv", list)]);
    assert!(missing.starts_with("F/suite.csv:2: the table cannot be used: F/nope.csv: cannot read it:"), "{missing}");
    let list = "name,table,trace\none,t.csv,nope.trace.csv\n";
    let missing = message("trace", &[("suite.csv", list), ("t.csv", TABLE)]);
    assert!(missing.starts_with("F/suite.csv:2: the recording cannot be used: F/nope.trace.csv: cannot"), "{missing}");
    let files = [("suite.csv", list), ("t.csv", TABLE), ("nope.trace.csv", "t_s,power_w\n0,100\n0.5,101\n")];
    let short = message("short", &files);
    assert!(short.contains("there is no busy part of a second or more in 0.5 s"), "{short}");
    let files = [("suite.csv", list), ("t.csv", TABLE), ("nope.trace.csv", "t_s,power_w\n0,0\n5,0\n")];
    assert!(message("dark", &files).contains("the mean power is 0 W, not above zero; check power_w"));
    let list = "name,table,trace,counters\none,t.csv,,many\n";
    assert!(message("counters", &[("suite.csv", list), ("t.csv", TABLE)]).contains("counters is \"many\""));
    let one_row = "sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n1200,,1.1,0.8\n";
    let list = "name,table,trace\none,t.csv,\n";
    let table = message("row", &[("suite.csv", list), ("t.csv", one_row)]);
    assert!(table.starts_with("F/suite.csv:2: the table cannot be used: F/t.csv:2: the table has one setting only;"));
}
