//! `gpoeo-sim pool`: jobs to train models with, as tables.

use std::io::{BufWriter, Write};

use clap::{Args, ValueEnum};
use gpoeo_core::features::Feature;
use gpoeo_sim::{Gpu, PoolJob, PoolPart, PoolSettings, Suite};
use rayon::prelude::*;

use super::Failure;

/// Jobs that are made at a time, so that memory stays small.
const BATCH: u32 = 64;

/// Arguments of `pool`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  gpoeo-sim pool --part train --count 4000 > train.csv\n  \
                        gpoeo-sim pool --part test --count 1000 --all-settings > test.csv\n  \
                        gpoeo-sim pool --part suite > paper71.csv")]
pub(crate) struct Pool {
    /// Which jobs; the suite is paper71, to be reported beside the pool, never to be trained on
    #[arg(long, value_enum, default_value = "train")]
    part: Part,

    /// How many of them
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,

    /// The card
    #[arg(long, default_value = "rtx3080ti")]
    gpu: Gpu,

    /// Every setting, not only the SM clocks at the default memory clock and the reverse
    #[arg(long)]
    all_settings: bool,

    /// Instead: the inputs that a model can have, as JSON
    #[arg(long, exclusive = true)]
    inputs: bool,
}

/// Which jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// To fit trees to
    Train,
    /// To choose their number
    Validate,
    /// To say how good they are
    Test,
    /// The 71 of paper71
    Suite,
}

impl Pool {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        if self.inputs {
            return write_inputs(&mut out);
        }
        let part = match self.part {
            Part::Train => PoolPart::Train,
            Part::Validate => PoolPart::Validate,
            Part::Test => PoolPart::Test,
            Part::Suite => return self.suite(&mut out),
        };
        PoolJob::write_header(&mut out)?;
        for first in (0..self.count).step_by(BATCH as usize) {
            let numbers = first..(first + BATCH).min(self.count);
            self.write(numbers.into_par_iter().map(|number| PoolJob::draw(self.gpu, part, number)), &mut out)?;
        }
        Ok(out.flush()?)
    }

    fn suite(&self, out: &mut impl Write) -> Result<(), Failure> {
        let suite = Suite::find_on("paper71", Some(self.gpu.key()))?;
        PoolJob::write_header(out)?;
        let jobs = suite.workloads().par_iter().enumerate();
        self.write(jobs.filter_map(|(number, workload)| PoolJob::of(workload, number as u64)), out)?;
        Ok(out.flush()?)
    }

    fn write(&self, jobs: impl ParallelIterator<Item = PoolJob>, out: &mut impl Write) -> Result<(), Failure> {
        let settings = if self.all_settings { PoolSettings::All } else { PoolSettings::Axes };
        let texts: Vec<Vec<u8>> = jobs
            .map(|job| {
                let mut text = Vec::new();
                job.write_rows(settings, &mut text).map(|()| text)
            })
            .collect::<Result<_, _>>()?;
        for text in texts {
            out.write_all(&text)?;
        }
        Ok(())
    }
}

/// Name, unit and formula of every input, as JSON.
fn write_inputs(out: &mut impl Write) -> Result<(), Failure> {
    let inputs: Vec<_> = Feature::ALL
        .into_iter()
        .map(
            |feature| serde_json::json!({"name": feature.name(), "unit": feature.unit(), "formula": feature.formula()}),
        )
        .collect();
    let text = serde_json::to_string_pretty(&inputs).map_err(std::io::Error::from)?;
    Ok(writeln!(out, "{text}")?)
}
