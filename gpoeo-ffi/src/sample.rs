//! Telemetry and counters as C structs.

use gpoeo_core::{Counter, CounterSet, Mhz, Sample, Timestamp};

use crate::handle::Plain;
use crate::status::Failure;

/// `energy_j` of a gpoeo_sample is known.
pub const GPOEO_SAMPLE_ENERGY: u32 = 1;
/// `sm_util` of a gpoeo_sample is known.
pub const GPOEO_SAMPLE_SM_UTIL: u32 = 2;
/// `mem_util` of a gpoeo_sample is known.
pub const GPOEO_SAMPLE_MEM_UTIL: u32 = 4;
/// `sm_mhz` of a gpoeo_sample is known.
pub const GPOEO_SAMPLE_SM_CLOCK: u32 = 8;
/// `mem_mhz` of a gpoeo_sample is known.
pub const GPOEO_SAMPLE_MEM_CLOCK: u32 = 16;

const ALL_OF_SAMPLE: u32 =
    GPOEO_SAMPLE_ENERGY | GPOEO_SAMPLE_SM_UTIL | GPOEO_SAMPLE_MEM_UTIL | GPOEO_SAMPLE_SM_CLOCK | GPOEO_SAMPLE_MEM_CLOCK;

/// `instructions` of a gpoeo_counters is known.
pub const GPOEO_COUNTER_INSTRUCTIONS: u32 = 1;

const ALL_OF_COUNTERS: u32 = GPOEO_COUNTER_INSTRUCTIONS;

/// One reading of a GPU's telemetry. Time and power are always needed; set the flag in `known` for every other value that
/// the device gave. A value without its flag is not looked at, so a struct full of zeros knows nothing and claims nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_sample {
    /// When the device measured it: the end of the interval that `power_w` averages over.
    pub time_ns: u64,
    /// Board power, W.
    pub power_w: f64,
    /// The running energy counter, J, as the device last updated it.
    pub energy_j: f64,
    /// Share of time with a kernel on the SMs, 0..1.
    pub sm_util: f32,
    /// Share of time with the memory controller busy, 0..1.
    pub mem_util: f32,
    /// SM clock in force, MHz.
    pub sm_mhz: u32,
    /// Memory clock in force, MHz.
    pub mem_mhz: u32,
    /// Which of the values above are known: GPOEO_SAMPLE_... added up.
    pub known: u32,
}

/// The counters of one counter window. Set the flag in `known` for every value that the device gave.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_counters {
    /// Begin of the window.
    pub start_ns: u64,
    /// End of the window.
    pub end_ns: u64,
    /// Instructions executed in it, on all SMs (sm__inst_executed.sum).
    pub instructions: f64,
    /// Which of the values above are known: GPOEO_COUNTER_... added up.
    pub known: u32,
}

// SAFETY: integers and floats only.
unsafe impl Plain for gpoeo_sample {
    const NAME: &'static str = "gpoeo_sample";
}

// SAFETY: integers and floats only.
unsafe impl Plain for gpoeo_counters {
    const NAME: &'static str = "gpoeo_counters";
}

impl gpoeo_sample {
    pub(crate) fn check(&self) -> Result<Sample, Failure> {
        check_flags(self.known, ALL_OF_SAMPLE)?;
        let is_known = |flag| self.known & flag != 0;
        let mut sample = Sample::new(Timestamp::from_nanos(self.time_ns), self.power_w);
        sample.energy_j = is_known(GPOEO_SAMPLE_ENERGY).then_some(self.energy_j);
        sample.sm_util = is_known(GPOEO_SAMPLE_SM_UTIL).then_some(self.sm_util);
        sample.mem_util = is_known(GPOEO_SAMPLE_MEM_UTIL).then_some(self.mem_util);
        sample.sm_clock = is_known(GPOEO_SAMPLE_SM_CLOCK).then_some(Mhz(self.sm_mhz));
        sample.mem_clock = is_known(GPOEO_SAMPLE_MEM_CLOCK).then_some(Mhz(self.mem_mhz));
        Ok(sample)
    }

    /// What is not known is NaN, or 0 MHz, as well.
    #[cfg(feature = "sim")]
    pub(crate) fn of(sample: &Sample) -> Self {
        let flag = |is_known: bool, flag: u32| if is_known { flag } else { 0 };
        Self {
            time_ns: sample.time.as_nanos(),
            power_w: sample.power_w,
            energy_j: sample.energy_j.unwrap_or(f64::NAN),
            sm_util: sample.sm_util.unwrap_or(f32::NAN),
            mem_util: sample.mem_util.unwrap_or(f32::NAN),
            sm_mhz: sample.sm_clock.map_or(0, |clock| clock.0),
            mem_mhz: sample.mem_clock.map_or(0, |clock| clock.0),
            known: flag(sample.energy_j.is_some(), GPOEO_SAMPLE_ENERGY)
                | flag(sample.sm_util.is_some(), GPOEO_SAMPLE_SM_UTIL)
                | flag(sample.mem_util.is_some(), GPOEO_SAMPLE_MEM_UTIL)
                | flag(sample.sm_clock.is_some(), GPOEO_SAMPLE_SM_CLOCK)
                | flag(sample.mem_clock.is_some(), GPOEO_SAMPLE_MEM_CLOCK),
        }
    }
}

impl gpoeo_counters {
    pub(crate) fn check(&self) -> Result<CounterSet, Failure> {
        check_flags(self.known, ALL_OF_COUNTERS)?;
        let set = CounterSet::new(Timestamp::from_nanos(self.start_ns), Timestamp::from_nanos(self.end_ns));
        let is_known = self.known & GPOEO_COUNTER_INSTRUCTIONS != 0;
        Ok(if is_known { set.with(Counter::Instructions, self.instructions) } else { set })
    }

    #[cfg(feature = "sim")]
    pub(crate) fn of(set: &CounterSet) -> Self {
        let instructions = set.value(Counter::Instructions);
        Self {
            start_ns: set.start().as_nanos(),
            end_ns: set.end().as_nanos(),
            instructions: instructions.unwrap_or(f64::NAN),
            known: if instructions.is_some() { GPOEO_COUNTER_INSTRUCTIONS } else { 0 },
        }
    }
}

/// A flag of a later header says that there is a value which would be ignored here.
fn check_flags(known: u32, all: u32) -> Result<(), Failure> {
    match known & !all {
        0 => Ok(()),
        other => Err(Failure::invalid("a flag in known", other, "use those of this library's header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::gpoeo_status;

    const NOTHING: gpoeo_sample = gpoeo_sample {
        time_ns: 7,
        power_w: 1.0,
        energy_j: 0.0,
        sm_util: 0.0,
        mem_util: 0.0,
        sm_mhz: 0,
        mem_mhz: 0,
        known: 0,
    };

    #[test]
    fn zeros_without_flags_are_unknown() {
        assert_eq!(NOTHING.check().unwrap(), Sample::new(Timestamp::from_nanos(7), 1.0));
    }

    #[test]
    fn each_flag_lets_its_own_value_in() {
        let sample = gpoeo_sample {
            energy_j: 2.0,
            sm_util: 0.5,
            mem_util: 0.25,
            sm_mhz: 1410,
            mem_mhz: 1593,
            known: ALL_OF_SAMPLE,
            ..NOTHING
        };
        let seen = sample.check().unwrap();
        let expected = Sample::new(Timestamp::from_nanos(7), 1.0).energy_j(2.0).sm_util(0.5).mem_util(0.25);
        assert_eq!(seen, expected.sm_clock(Mhz(1410)).mem_clock(Mhz(1593)));
    }

    #[test]
    fn a_flag_of_another_header_is_refused() {
        let sample = gpoeo_sample { known: 1 << 30, ..NOTHING };
        assert_eq!(sample.check().map_err(|failure| failure.status), Err(gpoeo_status::InvalidValue));
    }
}
