//! The command that `gpoeo run` wraps: started, told about signals, waited for.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::Sender;
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts as signals;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;

use super::procfs;

/// Signals that end a process unless it catches them: control ends, the clocks go back. Not those that a fault of the
/// process itself raises (`SIGSEGV`, `SIGBUS`, …), which cannot be caught in a way that leads on.
const ENDING: [i32; 11] = [
    signals::SIGABRT,
    signals::SIGALRM,
    signals::SIGHUP,
    signals::SIGINT,
    signals::SIGIO,
    signals::SIGPROF,
    signals::SIGQUIT,
    signals::SIGTERM,
    signals::SIGVTALRM,
    signals::SIGXCPU,
    signals::SIGXFSZ,
];

/// Signals that mean something to the command only.
const PASSING: [i32; 3] = [signals::SIGCONT, signals::SIGUSR1, signals::SIGUSR2];

/// What happens while the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// It has ended, and waits to be reaped.
    Ended,
    /// We got a signal.
    Signal {
        signal: i32,
        /// The terminal sends its signals to the whole foreground group: the command has it already.
        is_from_terminal: bool,
    },
}

/// What a signal asks of us, beside passing it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Put the clocks back; the command decides for itself when it ends.
    End,
    /// Nothing.
    Pass,
    /// Put the clocks back, then stand still (Ctrl-Z).
    Stop,
}

pub(crate) fn meaning(signal: i32) -> Meaning {
    match signal {
        signals::SIGTSTP => Meaning::Stop,
        _ if ENDING.contains(&signal) => Meaning::End,
        _ => Meaning::Pass,
    }
}

/// Catches every signal that can be caught and sends it as a message. What was ignored when we were started stays
/// ignored, so that `nohup gpoeo run` does what it says.
pub(crate) fn catch_signals(messages: Sender<Message>) -> io::Result<()> {
    let ignored = procfs::ignored_signals();
    let wanted = ENDING.into_iter().chain(PASSING).chain([signals::SIGTSTP]);
    let mut caught = SignalsInfo::<WithOrigin>::new(wanted.filter(|&signal| !ignored.contains(signal)))?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for origin in &mut caught {
            let is_from_terminal = origin.process.is_none();
            if messages.send(Message::Signal { signal: origin.signal, is_from_terminal }).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// The running command.
pub(crate) struct Job {
    child: Child,
    pid: Pid,
}

impl Job {
    /// Starts the command in our own process group, with our input and output.
    pub(crate) fn start(command: &[OsString]) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let child = Command::new(program).args(arguments).spawn()?;
        let raw = i32::try_from(child.id()).map_err(io::Error::other)?;
        let pid = Pid::from_raw(raw).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { child, pid })
    }

    /// Sends [`Message::Ended`] when the command has ended. It is not reaped: until [`Job::reap`] its process id
    /// cannot become another process's, and a signal can go to it safely.
    pub(crate) fn announce_end(&self, messages: Sender<Message>) -> io::Result<()> {
        let pid = self.pid;
        thread::Builder::new().name("job".into()).spawn(move || {
            while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
                .is_err_and(|error| error == rustix::io::Errno::INTR)
            {}
            // Whoever does not listen any more needs no message.
            let _ = messages.send(Message::Ended);
        })?;
        Ok(())
    }

    /// Passes a signal on; a command that has ended does not mind.
    pub(crate) fn signal(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Waits for the end, and tells the exit code as a shell does: 128 + n for signal n.
    pub(crate) fn reap(mut self) -> io::Result<u8> {
        self.child.wait().map(exit_code)
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn run(script: &str) -> u8 {
        let command: Vec<OsString> = ["sh", "-c", script].map(Into::into).into();
        let job = Job::start(&command).unwrap();
        let (sender, messages) = mpsc::channel();
        job.announce_end(sender).unwrap();
        assert_eq!(messages.recv(), Ok(Message::Ended));
        job.reap().unwrap()
    }

    #[test]
    fn the_exit_code_is_passed_on() {
        assert_eq!([run("exit 0"), run("exit 3"), run("exit 255")], [0, 3, 255]);
    }

    #[test]
    fn a_command_killed_by_a_signal_ends_with_128_and_its_number() {
        assert_eq!([run("kill -KILL $$"), run("kill -TERM $$")], [137, 143]);
    }

    #[test]
    fn a_signal_is_passed_on() {
        let command: Vec<OsString> = ["sleep", "600"].map(Into::into).into();
        let job = Job::start(&command).unwrap();
        job.signal(signals::SIGINT);
        assert_eq!(job.reap().unwrap(), 130);
    }

    #[test]
    fn a_command_that_does_not_exist_is_an_error() {
        assert_eq!(Job::start(&["/nonexistent".into()]).err().unwrap().kind(), io::ErrorKind::NotFound);
        assert!(Job::start(&[]).is_err());
    }

    #[test]
    fn every_signal_that_would_end_us_ends_control_and_the_users_own_do_not() {
        assert!(ENDING.iter().all(|&signal| meaning(signal) == Meaning::End));
        assert!(PASSING.iter().all(|&signal| meaning(signal) == Meaning::Pass));
        assert_eq!(meaning(signals::SIGTSTP), Meaning::Stop);
    }
}
