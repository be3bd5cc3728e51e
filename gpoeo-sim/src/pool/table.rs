//! Jobs of the pool as a DVFS table: the contract's columns, and the inputs of models in each job's default row.

use std::io::{self, Write};

use gpoeo_core::ClockPair;
use gpoeo_core::features::Feature;

use super::PoolJob;

/// Which settings of a job are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolSettings {
    /// All of them: to judge what is chosen.
    All,
    /// Every third SM clock at the default memory clock, and every memory clock at the default SM clock: to train.
    Axes,
}

impl PoolSettings {
    /// Whether a setting is written.
    fn has(self, clocks: ClockPair, default: ClockPair) -> bool {
        match self {
            Self::All => true,
            Self::Axes => {
                let steps = i32::from(default.sm_gear().0) - i32::from(clocks.sm_gear().0);
                let on_sm_axis = clocks.mem() == default.mem() && steps % 3 == 0;
                on_sm_axis || clocks.sm() == default.sm()
            }
        }
    }
}

impl PoolJob {
    /// Writes the header of a table of jobs.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_header(out: &mut impl Write) -> io::Result<()> {
        write!(out, "workload,gpu,family,sm_clock_mhz,mem_clock_mhz,time_s,energy_j")?;
        for feature in inputs() {
            write!(out, ",{feature}")?;
        }
        writeln!(out)
    }

    /// Writes the job's rows: true costs, and in the default row what a profile of it shows.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_rows(&self, settings: PoolSettings, out: &mut impl Write) -> io::Result<()> {
        let curve = self.workload.curve();
        let default = curve.default_clocks();
        let gpu = self.workload.gpu().unwrap_or_default();
        for (clocks, cost) in curve.settings().filter(|(clocks, _)| settings.has(*clocks, default)) {
            let time_s = cost.time * curve.default_time_s();
            let energy_j = cost.energy * curve.default_energy_j();
            let (name, family) = (self.workload.name(), &self.family);
            write!(out, "{name},{gpu},{family},{},{},{time_s},{energy_j}", clocks.sm().0, clocks.mem().0)?;
            for feature in inputs() {
                match self.features.value(feature).filter(|_| clocks == default) {
                    Some(value) => write!(out, ",{value}")?,
                    None => write!(out, ",")?,
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// What a profile may show.
fn inputs() -> impl Iterator<Item = Feature> {
    Feature::ALL.into_iter().filter(|feature| *feature != Feature::ClockRatio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dvfs::DvfsTable;
    use crate::pool::PoolPart;
    use crate::profile::Gpu;

    #[test]
    fn the_rows_are_a_table_of_the_contract() {
        let job = PoolJob::draw(Gpu::Rtx3080Ti, PoolPart::Test, 1);
        let mut text = Vec::new();
        PoolJob::write_header(&mut text).unwrap();
        job.write_rows(PoolSettings::Axes, &mut text).unwrap();
        let tables = DvfsTable::parse(&text[..], "pool").unwrap();
        assert_eq!((tables.len(), tables[0].gpu()), (1, Some("rtx3080ti")));
        // 42 of 124 SM clocks, and three more memory clocks (405 MHz has no such SM clock).
        assert_eq!(tables[0].rows().len(), 45);
        let text = String::from_utf8(text).unwrap();
        let first_input = |line: &str| line.split(',').nth(7).unwrap_or_default().to_owned();
        let filled: Vec<String> = text.lines().map(first_input).filter(|field| !field.is_empty()).collect();
        assert_eq!(filled.len(), 2, "the header and the default row");
    }
}
