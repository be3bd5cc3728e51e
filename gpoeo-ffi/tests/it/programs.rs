//! The programs in `tests/c` and `tests/cpp`: compiled without a warning, run plainly, under the sanitizers and under
//! Valgrind.

use std::path::PathBuf;

use crate::header::crate_dir;
use crate::toolchain::{Check, Language, build_and_run, expect_success};

fn sources(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(crate_dir().join("tests").join(folder)).unwrap();
    let mut sources: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.extension().is_some_and(|found| found == extension));
    sources.sort();
    assert!(!sources.is_empty());
    sources
}

fn run_all(language: Language, check: Check) {
    if !language.is_there() {
        eprintln!("SKIPPED: this machine has no C++ compiler (c++, or $CXX)");
        return;
    }
    if !check.is_there(language) {
        eprintln!("SKIPPED: this machine cannot run programs under {check:?}");
        return;
    }
    let sources = match language {
        Language::C => sources("c", "c"),
        Language::Cxx => sources("cpp", "cpp"),
    };
    for source in sources {
        build_and_run(language, &source, check);
    }
}

#[test]
fn the_c_programs_run() {
    run_all(Language::C, Check::Plain);
}

#[test]
fn the_c_programs_are_clean_under_sanitizers() {
    run_all(Language::C, Check::Sanitizers);
}

#[test]
fn the_c_programs_are_clean_under_valgrind() {
    run_all(Language::C, Check::Valgrind);
}

#[test]
fn the_cpp_programs_run() {
    run_all(Language::Cxx, Check::Plain);
}

#[test]
fn the_cpp_programs_are_clean_under_sanitizers() {
    run_all(Language::Cxx, Check::Sanitizers);
}

#[test]
fn the_cpp_programs_are_clean_under_valgrind() {
    run_all(Language::Cxx, Check::Valgrind);
}

/// The programs in `docs/c-abi.md` are whole: each is compiled and run.
#[test]
fn the_documented_programs_run() {
    for (language, name) in [(Language::C, "documented.c"), (Language::Cxx, "documented.cpp")] {
        let source = documented("docs/c-abi.md", language, name);
        if language.is_there() {
            let said = build_and_run(language, &source, Check::Plain);
            let (_, after) = said.split_once("an iteration takes ").unwrap();
            let period_s: f64 = after.split(' ').next().unwrap().parse().unwrap();
            assert!((period_s - 0.3).abs() < 0.003, "{said}");
        }
    }
}

#[test]
fn the_readme_compiles() {
    let source = documented("README.md", Language::C, "readme.c");
    expect_success(Language::C.command().arg("-c").arg(&source).arg("-o").arg(source.with_extension("o")));
}

/// The first block of code in that language, as a file.
fn documented(page: &str, language: Language, name: &str) -> PathBuf {
    let fence = match language {
        Language::C => "\n```c\n",
        Language::Cxx => "\n```cpp\n",
    };
    let text = std::fs::read_to_string(crate_dir().join("..").join(page)).unwrap();
    let (_, after) = text.split_once(fence).unwrap();
    let (code, _) = after.split_once("\n```\n").unwrap();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, format!("{code}\n")).unwrap();
    path
}
