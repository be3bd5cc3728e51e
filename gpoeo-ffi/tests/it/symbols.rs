//! What the shared library exports is what the header declares, all of it named `gpoeo_*`.

use std::collections::BTreeSet;
use std::process::Command;

use crate::header;
use crate::toolchain::{expect_success, library_dir};

/// In the library that is built for these tests only.
const FOR_TESTS: &str = "gpoeo_test_panic";

#[test]
fn exported_symbols_are_those_of_the_header() {
    let library = library_dir().join("libgpoeo.so");
    if Command::new("nm").arg("--version").output().is_err() || !library.exists() {
        eprintln!("SKIPPED: this machine has no nm, or no ELF libraries");
        return;
    }
    let listed = expect_success(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let mut exported: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert!(exported.remove(FOR_TESTS));
    let text = std::fs::read_to_string(header::path()).unwrap();
    assert_eq!(exported, declared(&text));
    assert!(exported.iter().all(|name| name.starts_with("gpoeo_")));
}

/// Names before an opening parenthesis, outside comments.
fn declared(header: &str) -> BTreeSet<&str> {
    let lines = header.lines().filter(|line| !line.trim_start().starts_with(['*', '/', '#']));
    let names = lines.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("gpoeo_")).collect()
}
