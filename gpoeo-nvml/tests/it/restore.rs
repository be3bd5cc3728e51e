//! Clocks that were really set go back, whatever ends the run. The optimizer needs some seconds of real time until it
//! sets the first clock, so these tests run only when asked for: `cargo test -p gpoeo-nvml -- --ignored`.

use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{effects, faked, unique_path};

/// Waits for a line in the log of effects that contains `what`, and tells how long that took.
fn wait_for(log: &Path, what: &str, limit: Duration) -> Duration {
    let start = Instant::now();
    while !effects(log).iter().any(|line| line.contains(what)) {
        assert!(start.elapsed() < limit, "no {what:?} after {limit:?}: {:?}", effects(log));
        thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A run whose command shrugs off every signal and ends by itself after 60 s, with a clock set.
fn running_with_a_clock_set(log: &Path) -> Child {
    let script = "trap '' HUP INT QUIT TERM ABRT ALRM VTALRM PROF IO XCPU XFSZ TSTP; exec sleep 60";
    let mut command = faked(&["run", "-q", "--allow-unwatched", "-i", "0", "--", "sh", "-c", script]);
    let child = command.env("FAKE_NVML_LOG", log).spawn().unwrap();
    wait_for(log, "lock sm", Duration::from_secs(50));
    child
}

#[test]
#[ignore = "needs a minute of real time"]
fn on_every_signal_that_can_be_caught_at_once_and_only_once() {
    let signals = ["HUP", "INT", "QUIT", "TERM", "ABRT", "ALRM", "VTALRM", "PROF", "IO", "XCPU", "XFSZ"];
    thread::scope(|scope| {
        for signal in signals {
            scope.spawn(move || {
                let log = unique_path(signal);
                let mut child = running_with_a_clock_set(&log);
                send(signal, &child);
                send(signal, &child);
                let took = wait_for(&log, "reset sm", Duration::from_secs(5));
                assert!(took < Duration::from_millis(500), "{signal}: {took:?}");
                // The command goes on at the found clocks, and its end is what ends us.
                assert_eq!(child.try_wait().unwrap(), None, "{signal}");
                assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
                let effects = effects(&log);
                assert_eq!(effects.iter().filter(|line| line.contains("reset sm")).count(), 1, "{signal}: {effects:?}");
                assert!(effects.last().unwrap().contains("reset sm"), "{signal}: {effects:?}");
            });
        }
    });
}

#[test]
#[ignore = "needs a minute of real time"]
fn before_it_stands_still() {
    let log = unique_path("log");
    let mut child = running_with_a_clock_set(&log);
    send("TSTP", &child);
    assert!(wait_for(&log, "reset sm", Duration::from_secs(5)) < Duration::from_millis(500));
    let stopped = format!("/proc/{}/stat", child.id());
    while !std::fs::read_to_string(&stopped).unwrap().contains(") T ") {
        thread::sleep(Duration::from_millis(5));
    }
    send("CONT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(effects(&log).last().unwrap().contains("reset sm"));
}

#[test]
#[ignore = "needs a minute of real time"]
fn at_the_end_of_the_command() {
    let log = unique_path("log");
    let mut command = faked(&["run", "-q", "--allow-unwatched", "-i", "0", "--", "sleep", "30"]);
    assert_eq!(command.env("FAKE_NVML_LOG", &log).status().unwrap().code(), Some(0));
    let effects = effects(&log);
    assert!(effects.iter().any(|line| line.contains("lock sm")), "{effects:?}");
    assert_eq!(effects.iter().filter(|line| line.contains("reset sm")).count(), 1);
    assert!(effects.last().unwrap().contains("reset sm"), "{effects:?}");
    assert!(effects.iter().all(|line| !line.contains("memory")), "memory was left alone: {effects:?}");
}

#[test]
#[ignore = "needs a minute of real time"]
fn to_the_lock_that_was_told_to_be_there_before() {
    let log = unique_path("log");
    let options = ["run", "-q", "--allow-unwatched", "--found-sm", "345,1500", "-i", "0", "--", "sleep", "30"];
    assert_eq!(faked(&options).env("FAKE_NVML_LOG", &log).status().unwrap().code(), Some(0));
    assert_eq!(effects(&log).last().unwrap(), "0 lock sm 345 1500 -> 0");
}

#[test]
#[ignore = "needs a minute of real time"]
fn a_refused_set_leaves_the_command_alone_and_says_what_is_needed() {
    let log = unique_path("log");
    let mut command = faked(&["run", "--allow-unwatched", "-i", "0", "--", "sh", "-c", "sleep 30; exit 3"]);
    let result = command.env("FAKE_NVML_LOG", &log).env("FAKE_NVML_SET", "4").output().unwrap();
    assert_eq!(result.status.code(), Some(3));
    let account = String::from_utf8(result.stderr).unwrap();
    assert!(account.contains("CAP_SYS_ADMIN"), "{account}");
    assert!(!effects(&log).is_empty());
}
