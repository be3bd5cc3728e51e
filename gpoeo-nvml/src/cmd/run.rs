//! `gpoeo run`: runs a command and watches its GPUs, or saves their energy; an account at the end.

use core::sync::atomic::AtomicBool;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use clap::Args;
use gpoeo_core::{ModelSet, Objective};
use gpoeo_nvml::{BackendOptions, ClockRange, Control, FoundLocks, Gpu, GpuIdentity, MemoryClocks, NvmlApi};
use rustix::process::{Signal, getpid, kill_process};

use super::account::{Account, GpuAccount, Mode};
use super::error::CliError;
use super::job::{Job, Meaning, Message, catch_signals, meaning};
use super::session::{Flow, Log, Session, StopGuard, drive};
use super::{GpuChoice, Node, say};

/// Run a command and save the energy of its GPU
///
/// The command's output is left alone; the account comes on stderr. Its exit code is passed on, 128+n if signal n ended
/// it; gpoeo's own codes appear only where the command was not started (2, 3, 4), or ended well on a GPU that was
/// lost (5). Signals are passed on to the command; the clocks go back at its end, on a signal, and on a panic.
///
/// Nothing puts the clocks back if gpoeo itself is killed with kill -9, because it has no watchdog yet. So it sets clocks
/// only with --allow-unwatched, and otherwise only observes.
#[derive(Debug, Args)]
#[command(after_help = "Example: gpoeo run -i 0 -- python train.py")]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: GpuChoice,
    /// Set clocks although nothing restores them after a kill -9 of gpoeo
    #[arg(long)]
    allow_unwatched: bool,
    /// Never set a clock
    #[arg(long)]
    dry_run: bool,
    /// Most time that may be lost, as a share
    #[arg(long, value_name = "RATIO", default_value_t = 0.05, value_parser = ratio)]
    max_slowdown: f64,
    /// Start from the trained models in this folder in place of those that are compiled in
    #[arg(long, value_name = "DIR", conflicts_with = "no_models")]
    models: Option<PathBuf>,
    /// Start without models
    #[arg(long)]
    no_models: bool,
    /// Lock the memory clock too, where the GPU has several
    #[arg(long)]
    mem_clocks: bool,
    /// Lock of the SM clock that is in force now, to be put back at the end; NVML cannot tell
    #[arg(long, value_name = "MIN,MAX", value_parser = clock_range)]
    found_sm: Option<ClockRange>,
    /// The same for the memory clock
    #[arg(long, value_name = "MIN,MAX", value_parser = clock_range)]
    found_mem: Option<ClockRange>,
    /// Account as one JSON object, on stderr
    #[arg(long)]
    json: bool,
    /// No account
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Print the optimizer's events on stderr
    #[arg(short, long)]
    verbose: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Arguments {
    fn mode(&self) -> Mode {
        match (self.dry_run, self.allow_unwatched) {
            (true, _) => Mode::DryRun,
            (false, true) => Mode::Control,
            (false, false) => Mode::Unwatched,
        }
    }

    fn backend_options(&self) -> BackendOptions {
        BackendOptions {
            control: if self.mode() == Mode::Control { Control::Clocks } else { Control::Observe },
            memory_clocks: if self.mem_clocks { MemoryClocks::All } else { MemoryClocks::Highest },
            found: FoundLocks { sm: self.found_sm, memory: self.found_mem },
        }
    }
}

pub(crate) fn run(arguments: &Arguments, library: Option<&Path>) -> Result<ExitCode, CliError> {
    let node = Node::open(library)?;
    let chosen = choose(&node, arguments)?;
    let objective = Objective::MinEnergy { max_slowdown: arguments.max_slowdown };
    let models = arguments.models.as_deref().map(load_models).transpose()?;
    let mut sessions = Vec::new();
    let mut meters = Vec::new();
    for identity in chosen {
        let chosen_models = match &models {
            Some(set) => Some(Arc::clone(set)),
            None if arguments.no_models => None,
            None => identity.name.as_deref().and_then(ModelSet::embedded_for).map(Arc::new),
        };
        let session = Session::open(&node, identity, arguments.backend_options(), objective, chosen_models)?;
        meters.push(Meter { gpu: session.gpu.clone(), start_j: None });
        sessions.push(session);
    }
    let (sender, messages) = mpsc::channel();
    // Before the start: a signal in between would end us and leave the command alone.
    catch_signals(sender.clone()).map_err(CliError::System)?;
    if arguments.mode() == Mode::Unwatched && !arguments.quiet && !arguments.json {
        say(Mode::Unwatched.because());
    }
    let started = Instant::now();
    meters.iter_mut().for_each(Meter::start);
    let job = Job::start(&arguments.command)
        .map_err(|source| CliError::Start { command: arguments.command[0].to_string_lossy().into_owned(), source })?;
    job.announce_end(sender).map_err(CliError::System)?;

    let gpus = accompany(sessions, &job, &messages, arguments);
    let elapsed_s = started.elapsed().as_secs_f64();
    let gpus = gpus.into_iter().zip(meters).map(|(gpu, meter)| meter.complete(gpu)).collect();
    let exit_code = job.reap().map_err(CliError::System)?;
    let account = Account { mode: arguments.mode(), elapsed_s, exit_code, gpus };
    if arguments.json {
        let _ = writeln!(io::stderr(), "{}", account.json());
    } else if !arguments.quiet {
        account.lines().iter().for_each(say);
    }
    // Even when quiet: somebody has to act.
    account.alarms().iter().for_each(say);
    Ok(ExitCode::from(account.final_code()))
}

/// A set of models from its folder.
fn load_models(folder: &Path) -> Result<Arc<ModelSet>, CliError> {
    let set = ModelSet::load(|name| std::fs::read(folder.join(name)));
    set.map(Arc::new).map_err(|source| CliError::Models { folder: folder.to_owned(), source })
}

/// Drives the GPUs until the command ends; its signals are ours.
fn accompany(
    sessions: Vec<Session>,
    job: &Job,
    messages: &Receiver<Message>,
    arguments: &Arguments,
) -> Vec<GpuAccount> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let identities: Vec<GpuIdentity> = sessions.iter().map(|session| session.identity.clone()).collect();
        let workers: Vec<_> =
            sessions.into_iter().map(|session| scope.spawn(|| work(session, &stop, arguments.verbose))).collect();
        let guard = StopGuard { stop: &stop, workers: workers.iter().map(|worker| worker.thread().clone()).collect() };
        while let Ok(Message::Signal { signal, is_from_terminal }) = messages.recv() {
            let meaning = meaning(signal);
            if meaning != Meaning::Pass {
                guard.stop();
            }
            if !is_from_terminal {
                job.signal(signal);
            }
            if meaning == Meaning::Stop {
                // Not before the clocks are back: nobody can say when we go on.
                while !workers.iter().all(|worker| worker.is_finished()) {
                    thread::park_timeout(core::time::Duration::from_millis(5));
                }
                let _ = kill_process(getpid(), Signal::STOP);
            }
        }
        drop(guard);
        let joined = workers.into_iter().map(|worker| worker.join());
        identities
            .into_iter()
            .zip(joined)
            .map(|(identity, result)| result.unwrap_or_else(|_| GpuAccount::panicked(identity)))
            .collect()
    })
}

fn work(session: Session, stop: &AtomicBool, is_verbose: bool) -> GpuAccount {
    let Session { identity, driver, .. } = session;
    let mut log = Log::new(is_verbose.then(|| identity.to_string()));
    let result = drive(driver, stop, &mut log, |_, _| Flow::More);
    GpuAccount::new(identity, result, log)
}

/// The energy counter from the start of the command to its end.
struct Meter {
    gpu: Gpu,
    start_j: Option<f64>,
}

impl Meter {
    fn start(&mut self) {
        self.start_j = self.gpu.energy_j().ok();
    }

    fn complete(mut self, account: GpuAccount) -> GpuAccount {
        let end_j = self.gpu.energy_j().ok();
        match self.start_j.zip(end_j) {
            // A counter that went back was reset under the command.
            Some((start_j, end_j)) if end_j >= start_j => account.with_counter(end_j - start_j),
            _ => account,
        }
    }
}

/// The GPUs named; else the only one; else those whose UUIDs the command will see in `CUDA_VISIBLE_DEVICES`. Numbers
/// there do not count: CUDA's order is not NVML's.
fn choose(node: &Node, arguments: &Arguments) -> Result<Vec<GpuIdentity>, CliError> {
    let is_named = !arguments.choice.ids.is_empty();
    let chosen = if is_named || node.gpus.len() == 1 {
        node.choose(&arguments.choice)?
    } else {
        let visible = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
        let ids: Vec<String> = visible.split(',').map(str::trim).map(str::to_owned).collect();
        if !ids.iter().all(|id| id.starts_with("GPU-")) {
            let known = node.gpus.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(CliError::WhichGpu { known });
        }
        node.choose(&GpuChoice { ids })?
    };
    if chosen.len() > 1 && arguments.mode() == Mode::Control {
        return Err(CliError::SeveralGpus);
    }
    Ok(chosen)
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().map_err(|_| "give a share, for example 0.05".to_owned())?;
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err("give a share from 0 to 1, for example 0.05".to_owned()) }
}

fn clock_range(text: &str) -> Result<ClockRange, String> {
    let (min, max) = text.split_once(',').ok_or("give two clocks in MHz, for example 300,1500")?;
    let parse = |clock: &str| clock.trim().parse::<u32>().map_err(|_| format!("{clock:?} is no clock in MHz"));
    let (min_mhz, max_mhz) = (parse(min)?, parse(max)?);
    if min_mhz > max_mhz {
        return Err(format!("{min_mhz} is above {max_mhz}; give the lower clock first"));
    }
    Ok(ClockRange { min_mhz, max_mhz })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_range_is_two_clocks_in_order() {
        assert_eq!(clock_range("300, 1500"), Ok(ClockRange { min_mhz: 300, max_mhz: 1500 }));
        assert_eq!(clock_range("1410,1410"), Ok(ClockRange { min_mhz: 1410, max_mhz: 1410 }));
        for bad in ["", "300", "300,", "a,b", "1500,300", "-1,2"] {
            assert!(clock_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_lies_between_0_and_1() {
        assert_eq!(ratio("0.05"), Ok(0.05));
        for bad in ["5", "-0.1", "nan", "x"] {
            assert!(ratio(bad).is_err(), "{bad}");
        }
    }
}
