//! What was measured: the calibration targets of each chip. Sources in `docs/calibration.md`; tolerances are ours.

use std::fmt;

use crate::profile::Gpu;

use super::shown;

/// A range of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Lowest.
    pub low: f64,
    /// Highest.
    pub high: f64,
}

impl Band {
    pub(super) const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    const fn around(value: f64, tolerance: f64) -> Self {
        Self { low: value - tolerance, high: value + tolerance }
    }

    /// Whether a value lies in it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.high == f64::INFINITY {
            write!(f, "above {}", shown(self.low))
        } else if self.low == f64::NEG_INFINITY {
            write!(f, "below {}", shown(self.high))
        } else {
            write!(f, "{} to {}", shown(self.low), shown(self.high))
        }
    }
}

/// The targets of a chip; `None` where nobody has measured it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Targets {
    /// C1: end of the voltage floor over the highest clock.
    pub(super) knee: Option<Band>,
    /// C1: width of the corner, MHz.
    pub(super) corner_mhz: Option<Band>,
    /// C2: the clock, MHz, and the voltage there over the floor.
    pub(super) voltage: Option<(f64, Band)>,
    /// C3: static share of the power of compute-bound work.
    pub(super) intercept: Option<Band>,
    /// C4: clock of least energy over the highest, compute-bound.
    pub(super) least_energy_at: Option<Band>,
    /// C5: least energy of the training mix, % saved, and its slowdown, %.
    pub(super) least_energy: Option<(Band, Band)>,
    /// C6: mean oracle saving at 5 %, %.
    pub(super) oracle: Option<Band>,
    /// C6: smallest and largest oracle saving, %.
    pub(super) spread: Option<(Band, Band)>,
    /// C7: mean saving of the training mix at 1, 2, 5, 10 and 20 %, %.
    pub(super) by_limit: Option<[Band; 5]>,
    /// C8: share of the suite with an elasticity below 0.1, above 0.9, and between 0.4 and 0.7, %.
    pub(super) elasticities: Option<[Band; 3]>,
    /// C9: streaming work: time at 0.33 of the clock, power at 0.78, power at 1890 over 1470 MHz.
    pub(super) streaming: Option<[Band; 3]>,
    /// C10: share of the suite above 0.85 of the power limit, and below 0.4, %.
    pub(super) near_limit: Option<(Band, Band)>,
    /// C11: half the memory clock: power lost, W (least and most), and time (least and most).
    pub(super) half_memory: Option<[Band; 4]>,
    /// C12: CNN training at 0.7 of the memory clock: time, energy.
    pub(super) cnn_memory: Option<(Band, Band)>,
    /// C14: energy that the first minute of a cold card saves, %.
    pub(super) cold: Option<Band>,
}

/// The targets of a card.
pub(super) fn of(gpu: Gpu) -> Targets {
    // C8 and C10 are of suites and trainings on many cards, so they hold for the suite's home card alone.
    match gpu {
        // GA102: the same card, RTX A4000 and A10G, and a suite of trainings.
        Gpu::Rtx3080Ti => Targets {
            knee: Some(Band::around(0.75, 0.05)),
            corner_mhz: Some(Band::new(30.0, 60.0)),
            voltage: Some((1890.0, Band::around(1.40, 0.07))),
            intercept: Some(Band::around(0.25, 0.05)),
            least_energy_at: Some(Band::new(0.75, 0.80)),
            least_energy: Some((Band::new(22.0, 30.0), Band::new(15.0, 25.0))),
            oracle: Some(Band::new(18.0, 25.0)),
            spread: Some((Band::new(0.0, 2.0), Band::new(40.0, 50.0))),
            by_limit: None,
            elasticities: Some([Band::around(15.0, 5.0), Band::new(25.0, 42.0), Band::new(10.0, 40.0)]),
            streaming: Some([Band::new(0.99, 1.01), Band::around(0.70, 0.05), Band::new(1.3, 1.45)]),
            near_limit: Some((Band::new(19.5, 40.0), Band::new(25.0, 40.0))),
            half_memory: Some([
                Band::new(20.0, 30.0),
                Band::new(70.0, 110.0),
                Band::new(1.0, 1.02),
                Band::new(1.4, 1.8),
            ]),
            cnn_memory: Some((Band::new(1.14, 1.18), Band::new(1.0, 1.03))),
            cold: Some(Band::new(2.0, 14.0)),
        },
        // GA100: 48 stage passes of GPT-3 and BLOOM on an A100 SXM.
        Gpu::A100 => Targets {
            knee: Some(Band::around(0.78, 0.03)),
            corner_mhz: Some(Band::new(30.0, 60.0)),
            voltage: Some((1395.0, Band::around(1.19, 0.03))),
            intercept: Some(Band::around(0.10, 0.03)),
            least_energy_at: Some(Band::new(0.75, 0.80)),
            least_energy: Some((Band::new(22.0, 30.0), Band::new(15.0, 25.0))),
            oracle: None,
            spread: None,
            by_limit: Some([3.0, 6.0, 12.0, 19.0, 27.0].map(|percent| Band::around(percent, 3.0))),
            ..Targets::default()
        },
        // TU102 and GV100 of the same generation: Quadro RTX 8000, V100 under kernels.
        Gpu::V100 => Targets {
            knee: Some(Band::around(0.65, 0.05)),
            corner_mhz: Some(Band::new(30.0, 60.0)),
            voltage: Some((1530.0, Band::around(1.28, 0.05))),
            intercept: Some(Band::around(0.30, 0.1)),
            least_energy_at: Some(Band::new(0.65, 0.75)),
            oracle: Some(Band::new(7.0, 13.0)),
            ..Targets::default()
        },
        // GH100: nothing of the kind has been published.
        Gpu::H100 => Targets::default(),
    }
}
