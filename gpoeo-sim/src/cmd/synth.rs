//! `gpoeo-sim synth`: synthetic recordings as files.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use gpoeo_sim::{Family, SyntheticRecording};

use super::Failure;
use super::options::families;

/// Arguments of `synth`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  gpoeo-sim synth recordings --count 42\n  \
                        gpoeo-sim synth recordings --family power-limit --count 10 --seed 3\n  \
                        gpoeo-sim detect --score recordings/*.trace.csv")]
pub(crate) struct Synth {
    /// Where NAME.trace.csv and NAME.truth.csv are written; made if it is not there
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// How many recordings
    #[arg(long, value_name = "N", default_value_t = Family::ALL.len())]
    count: usize,

    /// Seed; sets of different seeds share no recording
    #[arg(long, value_name = "K", default_value_t = 0)]
    seed: u64,

    /// Only this family; all in turn unless given
    #[arg(long, value_name = "NAME", value_parser = families())]
    family: Option<Family>,
}

impl Synth {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.folder).map_err(|error| self.failed(&self.folder, &error))?;
        let mut out = std::io::stdout().lock();
        for (family, seed) in SyntheticRecording::draw_some(self.count, self.seed, self.family) {
            let recording = SyntheticRecording::draw(family, seed);
            let name = recording.trace.name();
            self.write(&format!("{name}.trace.csv"), |out| recording.trace.write_csv(out))?;
            self.write(&format!("{name}.truth.csv"), |out| recording.truth.write_csv(out))?;
            writeln!(out, "{name}")?;
        }
        Ok(())
    }

    fn write(&self, file: &str, write: impl Fn(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<(), Failure> {
        let path = self.folder.join(file);
        let into = |path: &PathBuf| {
            let mut out = BufWriter::new(File::create(path)?);
            write(&mut out)?;
            out.flush()
        };
        into(&path).map_err(|error| self.failed(&path, &error))
    }

    fn failed(&self, path: &std::path::Path, error: &std::io::Error) -> Failure {
        Failure {
            code: super::BAD_INPUT,
            line: format!("{}: cannot write it: {error}; choose a folder to write in", path.display()),
        }
    }
}
