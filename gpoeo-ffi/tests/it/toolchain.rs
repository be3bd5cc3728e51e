//! The C and C++ compilers of this machine, and the library that cargo has built for these tests.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::header::crate_dir;

/// What a Rust static library needs beside itself.
const SYSTEM_LIBRARIES: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// The folder with the libraries: where this test program lies, too.
pub(crate) fn library_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Language {
    C,
    Cxx,
}

impl Language {
    fn compiler(self) -> OsString {
        let (variable, usual) = match self {
            Self::C => ("CC", "cc"),
            Self::Cxx => ("CXX", "c++"),
        };
        std::env::var_os(variable).unwrap_or_else(|| usual.into())
    }

    /// Whether there is a compiler. A C compiler is required (Rust links with it), one for C++ is not.
    pub(crate) fn is_there(self) -> bool {
        self == Self::C || succeeds(Command::new(self.compiler()).arg("--version"))
    }

    pub(crate) fn command(self) -> Command {
        let mut command = Command::new(self.compiler());
        match self {
            Self::C => command.arg("-std=c11"),
            Self::Cxx => command.arg("-std=c++17"),
        };
        command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"]);
        command.arg("-I").arg(crate_dir().join("include"));
        command
    }
}

/// How a program is checked while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Check {
    /// Not at all.
    Plain,
    /// AddressSanitizer and UndefinedBehaviorSanitizer on the C side; both sides share its allocator, so leaks and wild
    /// writes of either are found.
    Sanitizers,
    Valgrind,
}

impl Check {
    /// Whether this machine has it.
    pub(crate) fn is_there(self, language: Language) -> bool {
        match self {
            Self::Plain => true,
            Self::Sanitizers => {
                let source = crate_dir().join("tests/c/empty.c");
                let program = scratch(&format!("sanitizers-{language:?}"));
                let mut command = Command::new(language.compiler());
                command.arg("-x").arg("c").args(Self::SANITIZERS).arg(source).arg("-o").arg(&program);
                succeeds(&mut command) && succeeds(&mut Command::new(program))
            }
            Self::Valgrind => succeeds(Command::new("valgrind").arg("--version")),
        }
    }

    const SANITIZERS: [&str; 3] =
        ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
}

/// Compiles a program against the static library and runs it. What it says; a failure is the test's.
pub(crate) fn build_and_run(language: Language, source: &Path, check: Check) -> String {
    let name = source.file_stem().and_then(OsStr::to_str).unwrap();
    let program = scratch(&format!("{name}-{language:?}-{check:?}"));
    let mut compile = language.command();
    if check == Check::Sanitizers {
        compile.args(Check::SANITIZERS);
    }
    compile.arg("-DGPOEO_SIM").arg(source).arg("-o").arg(&program);
    compile.arg(library_dir().join("libgpoeo.a")).args(SYSTEM_LIBRARIES);
    expect_success(&mut compile);
    let mut run = if check == Check::Valgrind {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all"]);
        valgrind.arg(&program);
        valgrind
    } else {
        Command::new(&program)
    };
    let said = expect_success(&mut run);
    // Each is larger than 10 MB.
    std::fs::remove_file(program).unwrap();
    said
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

pub(crate) fn expect_success(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
