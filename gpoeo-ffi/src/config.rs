//! The configuration as a C struct.

use std::time::Duration;

use gpoeo_core::{HoldPolicy, Objective, OptimizerConfig};

use crate::handle::{Out, Plain};
use crate::panic::call_without_handle;
use crate::status::{Failure, gpoeo_status};
use crate::time::nanos;

/// What to optimise.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_objective {
    /// Least energy within `max_slowdown`: the default.
    MinEnergy = 1,
    /// Least time among the settings that save at least `min_saving`.
    MinTime = 2,
    /// Least energy * time.
    Edp = 3,
    /// Least energy * time^2.
    Ed2p = 4,
    /// Least energy * time^2 within `max_slowdown`.
    Ed2pWithin = 5,
}

/// How many settings may be held.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum gpoeo_hold {
    /// One: no clock changes while holding. For GPUs that run in lockstep.
    One = 1,
    /// Two in turns of about 30 s, which saves more: the default.
    Two = 2,
}

/// What an embedder may choose. Get the defaults from gpoeo_config_init(), then change what you like.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_config {
    /// One of gpoeo_objective.
    pub objective: u32,
    /// One of gpoeo_hold.
    pub hold: u32,
    /// Largest slowdown over the run, a ratio, 0..1 (0.05 is 5 %). Read with MIN_ENERGY and ED2P_WITHIN.
    pub max_slowdown: f64,
    /// Smallest saving, a ratio, 0..0.9. Read with MIN_TIME. It has no default: NaN until you choose one.
    pub min_saving: f64,
    /// Probability with which the limit plus `limit_tolerance` is kept over the run, 0.5..0.9999.
    pub limit_confidence: f64,
    /// What the measured doubt may add to the slowdown limit, a ratio, 0..0.1.
    pub limit_tolerance: f64,
    /// Interval of the samples, 1 ms to 1 s. 20 ms is the step of the driver's own ring of samples.
    pub sample_interval_ns: u64,
    /// How often you mean to read them, from `sample_interval_ns` to 10 s. The library only keeps it for you.
    pub read_interval_ns: u64,
    /// An action that was not answered after this long counts as failed, 0.1 s to 60 s.
    pub action_timeout_ns: u64,
}

// SAFETY: integers and floats only.
unsafe impl Plain for gpoeo_config {
    const NAME: &'static str = "gpoeo_config";
}

impl gpoeo_config {
    fn defaults() -> Self {
        let config = OptimizerConfig::default();
        let hold = match config.hold_policy() {
            HoldPolicy::One => gpoeo_hold::One,
            _ => gpoeo_hold::Two,
        };
        let (objective, max_slowdown) = match config.objective() {
            Objective::MinEnergy { max_slowdown } => (gpoeo_objective::MinEnergy, max_slowdown),
            other => unreachable!("the core's default is least energy within a limit, not {other:?}"),
        };
        Self {
            objective: objective as u32,
            hold: hold as u32,
            max_slowdown,
            min_saving: f64::NAN,
            limit_confidence: config.limit_confidence(),
            limit_tolerance: config.limit_tolerance(),
            sample_interval_ns: nanos(config.sample_interval()),
            read_interval_ns: nanos(config.read_interval()),
            action_timeout_ns: nanos(config.action_timeout()),
        }
    }

    pub(crate) fn check(&self) -> Result<OptimizerConfig, Failure> {
        let config = OptimizerConfig::builder()
            .objective(self.objective()?)
            .hold_policy(self.hold()?)
            .limit_confidence(self.limit_confidence)
            .limit_tolerance(self.limit_tolerance)
            .sample_interval(Duration::from_nanos(self.sample_interval_ns))
            .read_interval(Duration::from_nanos(self.read_interval_ns))
            .action_timeout(Duration::from_nanos(self.action_timeout_ns));
        Ok(config.build()?)
    }

    fn objective(&self) -> Result<Objective, Failure> {
        gpoeo_objective::check(self.objective, self.max_slowdown, self.min_saving)
    }

    fn hold(&self) -> Result<HoldPolicy, Failure> {
        match self.hold {
            known if known == gpoeo_hold::One as u32 => Ok(HoldPolicy::One),
            known if known == gpoeo_hold::Two as u32 => Ok(HoldPolicy::Two),
            other => Err(Failure::invalid("hold", other, "choose one of gpoeo_hold")),
        }
    }
}

impl gpoeo_objective {
    /// From its number, and the limits that it may have.
    pub(crate) fn check(number: u32, max_slowdown: f64, min_saving: f64) -> Result<Objective, Failure> {
        match number {
            known if known == Self::MinEnergy as u32 => Ok(Objective::MinEnergy { max_slowdown }),
            known if known == Self::MinTime as u32 => Ok(Objective::MinTime { min_saving }),
            known if known == Self::Edp as u32 => Ok(Objective::Edp),
            known if known == Self::Ed2p as u32 => Ok(Objective::Ed2p),
            known if known == Self::Ed2pWithin as u32 => Ok(Objective::Ed2pWithin { max_slowdown }),
            other => Err(Failure::invalid("objective", other, "choose one of gpoeo_objective")),
        }
    }
}

/// Fills in the defaults.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_config_init(config: *mut gpoeo_config, config_size: usize) -> gpoeo_status {
    // SAFETY: rule 2 of the header.
    let out = unsafe { Out::new(config, config_size) };
    call_without_handle(None, || {
        out?.write(gpoeo_config::defaults());
        Ok(gpoeo_status::Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_core() {
        let (ours, core) = (gpoeo_config::defaults().check().unwrap(), OptimizerConfig::default());
        // What was asked for and what holds unless asked for are different things to the core (a group holds one), so the
        // values are compared.
        assert_eq!(ours.objective(), core.objective());
        assert_eq!(ours.hold_policy(), core.hold_policy());
        assert_eq!(ours.limit_confidence(), core.limit_confidence());
        assert_eq!(ours.limit_tolerance(), core.limit_tolerance());
        assert_eq!(ours.sample_interval(), core.sample_interval());
        assert_eq!(ours.read_interval(), core.read_interval());
        assert_eq!(ours.action_timeout(), core.action_timeout());
    }

    #[test]
    fn a_field_out_of_range_is_named() {
        let failure = gpoeo_config { max_slowdown: f64::NAN, ..gpoeo_config::defaults() }.check().unwrap_err();
        assert_eq!(failure.status, gpoeo_status::BadConfig);
        assert!(failure.message.contains("max_slowdown"), "{}", failure.message);
        let failure = gpoeo_config { objective: 0, ..gpoeo_config::defaults() }.check().unwrap_err();
        assert_eq!(failure.status, gpoeo_status::InvalidValue);
        let unset = gpoeo_config { objective: gpoeo_objective::MinTime as u32, ..gpoeo_config::defaults() };
        assert!(unset.check().unwrap_err().message.contains("min_saving is NaN"));
    }
}
