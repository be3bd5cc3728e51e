//! Programs of others that load the same models: installed from package registries into a folder of this package, and run
//! as child processes that time themselves, so that nothing of a peer is in this process.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What is installed, and the models that it made.
#[derive(Debug)]
pub(crate) struct Peers {
    python: PathBuf,
    hessboost: Option<PathBuf>,
    models: PathBuf,
}

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeersError {
    /// A program that cannot be started.
    #[error("{program} cannot be started: {error}; {help}")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        error: io::Error,
        /// What to do.
        help: &'static str,
    },
    /// A program that failed.
    #[error("{what} failed: {last_line}; {help}")]
    Failed {
        /// What it was to do.
        what: &'static str,
        /// The last line that it wrote.
        last_line: String,
        /// What to do.
        help: &'static str,
    },
    /// A peer that does not answer as agreed.
    #[error("{peer} answers {answer:?}; see what it wrote above")]
    Answer {
        /// The peer.
        peer: &'static str,
        /// Its answer, shortened.
        answer: String,
    },
    /// A file of the models that cannot be read.
    #[error("{}: {error}; delete the folder, it is made again", path.display())]
    Models {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

const NO_PYTHON: &str = "install Python 3 with its module venv, or run another --part";
const NO_REGISTRY: &str = "see that the package registry can be reached, or run another --part";

impl Peers {
    /// Installs what is not there yet: XGBoost by pip, hessboost by cargo; trains the models.
    pub(crate) fn install(text: &mut dyn Write) -> Result<Self, PeersError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let venv = folder.join(".venv");
        let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let models = folder.join("models");
        if run("importing XGBoost", Command::new(&python).args(["-c", "import xgboost"]), NO_PYTHON).is_err() {
            let _unseen = writeln!(text, "installing XGBoost into {}", venv.display());
            run("making a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&venv), NO_PYTHON)?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
            let mut command = Command::new(&python);
            run("pip install", command.args(pip).arg(folder.join("requirements.txt")), NO_REGISTRY)?;
        }
        if !models.join("500x8.ubj").exists() {
            let _unseen = writeln!(text, "training the models into {}", models.display());
            let mut command = Command::new(&python);
            run("training", command.arg(folder.join("train.py")).arg(&models), "delete that folder and try again")?;
        }
        let project = folder.join("hessboost");
        let mut command = Command::new("cargo");
        // Flags for this workspace's own build are none of its business, and its files stay in its own folder.
        command.args(["build", "--release", "--quiet"]).current_dir(&project).env_remove("RUSTFLAGS");
        let built = run("building hessboost", command.env("CARGO_TARGET_DIR", project.join("target")), NO_REGISTRY);
        let hessboost = match built {
            Ok(()) => Some(project.join("target/release/hessboost-peer")),
            Err(error) => {
                eprintln!("gpoeo-compare: hessboost is left out: {error} (it needs Rust 1.93)");
                None
            }
        };
        Ok(Self { python, hessboost, models })
    }

    /// Where the models, the rows and the gears are.
    pub(crate) fn models(&self) -> &Path {
        &self.models
    }

    /// Starts every peer for rows of so many features.
    pub(crate) fn start(&self, num_features: usize) -> Result<Vec<Peer>, PeersError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/xgboost_peer.py");
        let mut xgboost = Command::new(&self.python);
        xgboost.arg(script);
        let mut all = vec![("xgboost", xgboost)];
        all.extend(self.hessboost.as_ref().map(|program| ("hessboost", Command::new(program))));
        let start = |(name, mut command): (&'static str, Command)| {
            command.args(["rows.f32", "gears.f32"].map(|file| self.models.join(file))).arg(num_features.to_string());
            Peer::start(name, command)
        };
        all.into_iter().map(start).collect()
    }
}

/// Runs a program to its end.
fn run(what: &'static str, command: &mut Command, help: &'static str) -> Result<(), PeersError> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(|error| PeersError::Start { program, error, help })?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    let last_line = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(PeersError::Failed { what, last_line: last_line.trim().to_owned(), help })
}

/// A peer that waits for lines.
#[derive(Debug)]
pub(crate) struct Peer {
    name: &'static str,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(name: &'static str, mut command: Command) -> Result<Self, PeersError> {
        let program = PathBuf::from(command.get_program());
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let help = "delete the folder peers/.venv and try again";
        let mut process = started.map_err(|error| PeersError::Start { program, error, help })?;
        let (questions, answers) = (process.stdin.take(), process.stdout.take());
        let questions = questions.expect("its standard input is piped");
        let answers = BufReader::new(answers.expect("its standard output is piped"));
        Ok(Self { name, process, questions, answers })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Loads a model.
    pub(crate) fn load(&mut self, model: &Path) -> Result<(), PeersError> {
        let answer = self.ask(&format!("load {}", model.display()))?;
        if answer == "loaded" { Ok(()) } else { Err(self.unexpected(&answer)) }
    }

    /// The bits of all margins in hexadecimal.
    pub(crate) fn bits(&mut self, kind: &str) -> Result<String, PeersError> {
        self.ask(&format!("{kind} bits"))
    }

    /// One pass over all rows: µs of each of them.
    pub(crate) fn times_us(&mut self, kind: &str) -> Result<Vec<f64>, PeersError> {
        let answer = self.ask(kind)?;
        let times: Result<Vec<f64>, _> = answer.split_whitespace().map(str::parse).collect();
        times.map_err(|_| self.unexpected(&answer))
    }

    fn ask(&mut self, question: &str) -> Result<String, PeersError> {
        let mut answer = String::new();
        let asked = writeln!(self.questions, "{question}").and_then(|()| self.questions.flush());
        if asked.and_then(|()| self.answers.read_line(&mut answer)).is_err() || answer.is_empty() {
            return Err(self.unexpected("nothing"));
        }
        Ok(answer.trim().to_owned())
    }

    fn unexpected(&self, answer: &str) -> PeersError {
        PeersError::Answer { peer: self.name, answer: answer.chars().take(60).collect() }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; nothing else is known to do about it.
        let _ended = self.process.kill();
        let _code = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_or_fails_is_an_error_that_says_what_to_do() {
        let error = run("x", &mut Command::new("/nonexistent/python3"), NO_PYTHON).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/python3 cannot be started: ") && error.ends_with(NO_PYTHON), "{error}");
        let error = run("pip install", Command::new("sh").args(["-c", "echo no network >&2; exit 1"]), NO_REGISTRY);
        assert_eq!(error.unwrap_err().to_string(), format!("pip install failed: no network; {NO_REGISTRY}"));
    }

    #[test]
    fn a_peer_answers_line_by_line_and_its_end_is_noticed() {
        let mut command = Command::new("sh");
        command.args(["-c", "read a; echo loaded; read b; echo 2.5 3"]);
        let mut peer = Peer::start("sh", command).unwrap();
        peer.load(Path::new("model")).unwrap();
        assert_eq!(peer.times_us("row").unwrap(), [2.5, 3.0]);
        assert!(peer.bits("row").unwrap_err().to_string().contains("sh answers \"nothing\""));
    }
}
