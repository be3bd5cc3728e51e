//! The program under test and the stand-in for NVML.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The `gpoeo` of this build.
pub(crate) fn gpoeo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpoeo"));
    command.env_remove("CUDA_VISIBLE_DEVICES");
    command
}

/// `gpoeo` on the stand-in's two GPUs.
pub(crate) fn faked(arguments: &[&str]) -> Command {
    let mut command = gpoeo();
    command.arg("--nvml-lib").arg(fake_nvml()).args(arguments);
    command
}

/// Builds `fake_nvml.c` once a test run.
fn fake_nvml() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = unique_path("libfake-nvml.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fake_nvml.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let status = Command::new(&compiler)
            .args(["-std=gnu11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&library, &source])
            .status()
            .unwrap_or_else(|error| panic!("these tests need a C compiler; {compiler} cannot be run: {error}"));
        assert!(status.success(), "{compiler} failed");
        library
    })
}

/// A path of a file that does not exist yet, in the folder that Cargo gives to tests.
pub(crate) fn unique_path(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{count}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// Runs to the end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

pub(crate) fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The lines that the stand-in has written of set and reset calls; empty if there were none.
pub(crate) fn effects(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
