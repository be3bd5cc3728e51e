//! Which faults happen when: `ignore-set@t=100@for=60,ring-gap=500@p=0.01`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gpoeo_core::Mhz;

use crate::noise::{Noise, Stream};

/// What can go wrong with a device or its driver.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DeviceFault {
    /// `cap-power=MHZ`: a power cap; the SM clock wanders by some gears below this one.
    CapPower {
        /// Highest SM clock.
        sm: Mhz,
    },
    /// `cap-thermal=MHZ`: the device is too hot; the SM clock does not exceed this one.
    CapThermal {
        /// Highest SM clock.
        sm: Mhz,
    },
    /// `clamp-set=MHZ`: a set succeeds and goes to the gear nearest to this clock.
    ClampSet {
        /// The SM clock that it goes to.
        sm: Mhz,
    },
    /// `counter-reset`: the energy counter starts again at 0, as after a driver reload.
    CounterReset,
    /// `counter-stuck`: the energy counter stands still.
    CounterStuck,
    /// `foreign-set=MHZ`: another controller sets this clock, and again every 30 s; at its end it resets the clocks, which
    /// undoes the locks of everybody.
    ForeignSet {
        /// The SM clock that it sets.
        sm: Mhz,
    },
    /// `hang=SECONDS`: a call takes this long and then fails, as one that is given up after a time-out.
    Hang {
        /// How long it takes.
        time: Duration,
    },
    /// `ignore-set`: a set succeeds and nothing changes; a restore works.
    IgnoreSet,
    /// `lost`: every call says that the GPU is lost. With an end it is back again, at default clocks.
    Lost,
    /// `noperm`: sets and restores are refused.
    NoPermission,
    /// `ring-dup`: samples come twice.
    RingDuplicate,
    /// `ring-empty`: there are no samples.
    RingEmpty,
    /// `ring-gap=MS`: the samples of this time are lost; at the begin, or with a probability a second.
    RingGap {
        /// How long the gap is.
        length: Duration,
    },
    /// `stuck-clock`: sets and restores succeed and the clock stays.
    StuckClock,
    /// `transient`: a call fails and may work the next time.
    Transient,
}

/// A fault with its schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedFault {
    /// What goes wrong.
    pub fault: DeviceFault,
    /// From when on, since the injector was made.
    pub from: Duration,
    /// For how long; `None`: to the end.
    pub lasts: Option<Duration>,
    /// How likely each call (sample, second) is hit while it lasts, 0..1.
    pub probability: f64,
}

/// A list of faults with their schedules.
///
/// ```
/// use gpoeo_sim::FaultPlan;
///
/// let plan: FaultPlan = "ignore-set@t=100@for=60,ring-gap=500@p=0.01".parse()?;
/// assert_eq!(plan.faults().len(), 2);
/// assert_eq!(plan.to_string(), "ignore-set@t=100@for=60,ring-gap=500@p=0.01");
/// # Ok::<(), gpoeo_sim::FaultError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    faults: Vec<PlannedFault>,
}

/// The faults of a run.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Faults {
    /// None.
    #[default]
    None,
    /// These, in every run.
    Planned(FaultPlan),
    /// Every kind that passes, each once: see [`FaultPlan::all`].
    All,
    /// All kinds that pass, one after the other at random times, each run its own: see [`FaultPlan::random`].
    Random,
}

impl Faults {
    /// The faults of one run.
    #[must_use]
    pub fn plan(&self, seed: u64, length: Duration, highest: Mhz) -> FaultPlan {
        match self {
            Self::None => FaultPlan::default(),
            Self::Planned(plan) => plan.clone(),
            Self::All => FaultPlan::all(length, highest),
            Self::Random => FaultPlan::random(seed, length, highest),
        }
    }
}

/// A fault that cannot be understood: which, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault {fault:?}: {reason}")]
#[non_exhaustive]
pub struct FaultError {
    /// The fault as it was written.
    pub fault: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FaultPlan {
    /// From faults.
    #[must_use]
    pub fn new(faults: Vec<PlannedFault>) -> Self {
        Self { faults }
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> &[PlannedFault] {
        &self.faults
    }

    /// A fault of some kind every one to three minutes, lasting from 5 s to a minute, until `length`; clocks are shares of
    /// `highest`. Equal seeds give equal plans. A lost GPU is not among them: whoever controls it gives up.
    #[must_use]
    pub fn random(seed: u64, length: Duration, highest: Mhz) -> Self {
        let mut noise = Noise::new(seed, Stream::FaultPlan);
        let mut faults = Vec::new();
        let mut from = Duration::ZERO;
        loop {
            from += Duration::from_secs_f64(60.0 + 120.0 * noise.uniform());
            if from >= length {
                return Self { faults };
            }
            let sm = share_of(highest, 0.6 + 0.35 * noise.uniform());
            let seconds = Duration::from_secs_f64(1.0 + 4.0 * noise.uniform());
            let kinds = passing(sm, seconds);
            let fault = kinds[((noise.uniform() * kinds.len() as f64) as usize).min(kinds.len() - 1)];
            let lasts = Some(Duration::from_secs_f64(5.0 + 55.0 * noise.uniform()));
            faults.push(PlannedFault { fault, from, lasts, probability: usual_probability(fault) });
        }
    }

    /// Every kind of fault that passes, one after the other at even distances over `length`, each for 30 s at most, in the
    /// order of their names; last a GPU that is lost for a while. Clocks are 70 % of `highest`.
    #[must_use]
    pub fn all(length: Duration, highest: Mhz) -> Self {
        let mut kinds = passing(share_of(highest, 0.7), Duration::from_secs(3)).to_vec();
        kinds.push(DeviceFault::Lost);
        let distance = length / (kinds.len() as u32 + 1);
        let lasts = Some(distance.mul_f64(0.5).min(Duration::from_secs(30)));
        let planned = kinds.into_iter().zip(1..).map(|(fault, turn)| PlannedFault {
            fault,
            from: distance * turn,
            lasts,
            probability: usual_probability(fault),
        });
        Self { faults: planned.collect() }
    }
}

fn share_of(highest: Mhz, share: f64) -> Mhz {
    Mhz((f64::from(highest.0) * share) as u32)
}

/// The faults that pass by themselves, by name.
fn passing(sm: Mhz, length: Duration) -> [DeviceFault; 12] {
    [
        DeviceFault::CapPower { sm },
        DeviceFault::CapThermal { sm },
        DeviceFault::ClampSet { sm },
        DeviceFault::CounterReset,
        DeviceFault::CounterStuck,
        DeviceFault::ForeignSet { sm },
        DeviceFault::Hang { time: length },
        DeviceFault::IgnoreSet,
        DeviceFault::RingDuplicate,
        DeviceFault::RingGap { length },
        DeviceFault::StuckClock,
        DeviceFault::Transient,
    ]
}

/// Calls that fail without end are no test of anything.
fn usual_probability(fault: DeviceFault) -> f64 {
    match fault {
        DeviceFault::Hang { .. } | DeviceFault::Transient | DeviceFault::RingDuplicate => 0.2,
        _ => 1.0,
    }
}

impl PlannedFault {
    /// From the begin to the end, certainly.
    #[must_use]
    pub const fn always(fault: DeviceFault) -> Self {
        Self { fault, from: Duration::ZERO, lasts: None, probability: 1.0 }
    }

    /// From a time on.
    #[must_use]
    pub const fn from(mut self, from: Duration) -> Self {
        self.from = from;
        self
    }

    /// For a time.
    #[must_use]
    pub const fn lasting(mut self, lasts: Duration) -> Self {
        self.lasts = Some(lasts);
        self
    }

    /// Whether it acts at a time since the begin.
    pub(super) fn acts_at(&self, elapsed: Duration) -> bool {
        elapsed >= self.from && self.lasts.is_none_or(|lasts| elapsed < self.from + lasts)
    }

    /// The next moment after `elapsed` at which it begins or ends.
    pub(super) fn next_edge(&self, elapsed: Duration) -> Option<Duration> {
        let end = self.lasts.map(|lasts| self.from + lasts);
        [Some(self.from), end].into_iter().flatten().filter(|edge| *edge > elapsed).min()
    }
}

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Self { faults: words.map(parse).collect::<Result<_, _>>()? })
    }
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            "random" => Ok(Self::Random),
            _ => Ok(Self::Planned(text.parse()?)),
        }
    }
}

fn parse(word: &str) -> Result<PlannedFault, FaultError> {
    let wrong = |reason: String| FaultError { fault: word.to_owned(), reason };
    let mut parts = word.split('@');
    let knob = parts.next().unwrap_or_default();
    let (name, value) = knob.split_once('=').map_or((knob, None), |(name, value)| (name, Some(value)));
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let needed = |what: &str| {
        let number = value.and_then(number).filter(|number| *number > 0.0);
        number.ok_or_else(|| wrong(format!("write {name}={what}, a number above 0")))
    };
    let sm = || needed("MHZ").map(|mhz| Mhz(mhz.min(1e6) as u32));
    // A day is longer than any call or gap.
    let seconds = |number: f64| Duration::from_secs_f64(number.min(86_400.0));
    let fault = match name {
        "cap-power" => DeviceFault::CapPower { sm: sm()? },
        "cap-thermal" => DeviceFault::CapThermal { sm: sm()? },
        "clamp-set" => DeviceFault::ClampSet { sm: sm()? },
        "counter-reset" => DeviceFault::CounterReset,
        "counter-stuck" => DeviceFault::CounterStuck,
        "foreign-set" => DeviceFault::ForeignSet { sm: sm()? },
        "hang" => DeviceFault::Hang { time: seconds(needed("SECONDS")?) },
        "ignore-set" => DeviceFault::IgnoreSet,
        "lost" => DeviceFault::Lost,
        "noperm" => DeviceFault::NoPermission,
        "ring-dup" => DeviceFault::RingDuplicate,
        "ring-empty" => DeviceFault::RingEmpty,
        "ring-gap" => DeviceFault::RingGap { length: seconds(needed("MS")? * 1e-3) },
        "stuck-clock" => DeviceFault::StuckClock,
        "transient" => DeviceFault::Transient,
        _ => return Err(wrong(format!("there is no such fault; there are {KNOBS}"))),
    };
    let mut planned = PlannedFault::always(fault);
    for part in parts {
        let given = part.split_once('=').and_then(|(key, value)| Some((key, number(value)?)));
        match given {
            Some(("t", from)) if from <= 1e9 => planned.from = Duration::from_secs_f64(from),
            Some(("for", lasts)) if lasts <= 1e9 => planned.lasts = Some(Duration::from_secs_f64(lasts)),
            Some(("p", probability)) if probability <= 1.0 => planned.probability = probability,
            _ => {
                let reason =
                    format!("{part:?} is no schedule; write @t=SECONDS, @for=SECONDS or @p=PROBABILITY (0..1)");
                return Err(wrong(reason));
            }
        }
    }
    Ok(planned)
}

const KNOBS: &str = "cap-power=MHZ, cap-thermal=MHZ, clamp-set=MHZ, counter-reset, counter-stuck, foreign-set=MHZ, \
                     hang=SECONDS, ignore-set, lost, noperm, ring-dup, ring-empty, ring-gap=MS, stuck-clock, transient";

impl fmt::Display for DeviceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CapPower { sm } => write!(f, "cap-power={}", sm.0),
            Self::CapThermal { sm } => write!(f, "cap-thermal={}", sm.0),
            Self::ClampSet { sm } => write!(f, "clamp-set={}", sm.0),
            Self::CounterReset => f.write_str("counter-reset"),
            Self::CounterStuck => f.write_str("counter-stuck"),
            Self::ForeignSet { sm } => write!(f, "foreign-set={}", sm.0),
            Self::Hang { time } => write!(f, "hang={}", time.as_secs_f64()),
            Self::IgnoreSet => f.write_str("ignore-set"),
            Self::Lost => f.write_str("lost"),
            Self::NoPermission => f.write_str("noperm"),
            Self::RingDuplicate => f.write_str("ring-dup"),
            Self::RingEmpty => f.write_str("ring-empty"),
            Self::RingGap { length } => write!(f, "ring-gap={}", length.as_secs_f64() * 1e3),
            Self::StuckClock => f.write_str("stuck-clock"),
            Self::Transient => f.write_str("transient"),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::None => f.write_str("none"),
            Self::Planned(plan) => plan.fmt(f),
            Self::Random => f.write_str("random"),
        }
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, planned) in self.faults.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", planned.fault)?;
            if !planned.from.is_zero() {
                write!(f, "@t={}", planned.from.as_secs_f64())?;
            }
            if let Some(lasts) = planned.lasts {
                write!(f, "@for={}", lasts.as_secs_f64())?;
            }
            if planned.probability < 1.0 {
                write!(f, "@p={}", planned.probability)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_back_from_what_it_shows() {
        let text = "cap-power=1500@t=10,cap-thermal=1200@t=10@for=5,clamp-set=900,counter-reset@t=3,counter-stuck,\
                    foreign-set=600,hang=2.5@p=0.1,ignore-set,lost@t=7@for=20,noperm,ring-dup@p=0.5,ring-empty@for=3,\
                    ring-gap=500,stuck-clock,transient@p=0.25";
        let plan: FaultPlan = text.parse().unwrap();
        assert_eq!(plan.to_string(), text);
        assert_eq!(plan.faults().len(), 15);
        let random = FaultPlan::random(3, Duration::from_secs(3600), Mhz(1980));
        assert!(random.faults().len() > 15);
        assert_eq!(random.to_string().parse::<FaultPlan>().unwrap().faults().len(), random.faults().len());
        assert_eq!(random, FaultPlan::random(3, Duration::from_secs(3600), Mhz(1980)));
        assert_ne!(random, FaultPlan::random(4, Duration::from_secs(3600), Mhz(1980)));
    }

    #[test]
    fn says_what_it_does_not_understand() {
        let message = |text: &str| text.parse::<FaultPlan>().unwrap_err().to_string();
        assert!(message("fire").starts_with("fault \"fire\": there is no such fault; there are cap-power=MHZ,"));
        assert_eq!(message("clamp-set"), "fault \"clamp-set\": write clamp-set=MHZ, a number above 0");
        assert!(message("hang=-3").ends_with("write hang=SECONDS, a number above 0"));
        assert!(message("lost@p=2").contains("\"p=2\" is no schedule;"));
        assert!(message("lost@when=2").contains("is no schedule;"));
        assert!(message("lost@t=1e300").contains("is no schedule;"));
        assert_eq!("random".parse(), Ok(Faults::Random));
        assert_eq!("none".parse(), Ok(Faults::None));
    }

    #[test]
    fn a_fault_acts_from_its_begin_to_its_end() {
        let seconds = Duration::from_secs;
        let fault = PlannedFault::always(DeviceFault::Lost).from(seconds(10)).lasting(seconds(5));
        assert_eq!([9, 10, 14, 15].map(|at| fault.acts_at(seconds(at))), [false, true, true, false]);
        assert_eq!([0, 10, 15].map(|at| fault.next_edge(seconds(at))), [Some(seconds(10)), Some(seconds(15)), None]);
    }
}
