//! `--faults`: plans from the command line and from files, and what is said to bad ones.

use std::path::PathBuf;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpoeo-sim")).args(arguments).output().unwrap()
}

/// A file that is removed at the end of a test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gpoeo-sim-faults-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_file(&self.0);
    }
}

fn account(faults: &str) -> serde_json::Value {
    let output = run(&["run", "ppo", "--policy", "default", "--minutes", "2", "--faults", faults, "--json", "-", "-q"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_file_and_a_list_of_the_same_faults_give_the_same_run() {
    let file = File::new("cap.toml", "[[fault]]\nwhat = \"cap-thermal=1000\"\nfrom_s = 20\nfor_s = 60\n");
    let by_file = account(file.path());
    assert_eq!(by_file, account("cap-thermal=1000@t=20@for=60"));
    assert_ne!(by_file, account("none"));
    assert_ne!(by_file, account("random"));
}

#[test]
fn a_plan_that_cannot_be_ends_with_2_and_says_why() {
    let refused = |faults: &str| {
        let output = run(&["evaluate", "--minutes", "1", "--policy", "default", "--faults", faults]);
        assert_eq!(output.status.code(), Some(2), "{faults}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    assert!(refused("fire").contains("fault \"fire\": there is no such fault; there are cap-power=MHZ"));
    assert!(refused("clamp-set=-900").contains("write clamp-set=MHZ, a number above 0"));
    assert!(refused("hang=3@p=2").contains("write @t=SECONDS, @for=SECONDS or @p=PROBABILITY"));
    assert!(refused("/nonexistent.toml").contains("cannot read it"));
    let file = File::new("bad.toml", "[[fault]]\nwhat = \"lost\"\nwhen = 3\n");
    assert!(refused(file.path()).contains("line 3: unknown field"));
}
