//! A job on a card: the point that each request leads to, under the voltage limit, the power limit and what CUDA allows.

use gpoeo_core::{Capabilities, ClockPair, Mhz, RelativeCost};

use crate::profile::GpuProfile;

use super::JobModel;
use super::cost::Cost;

/// Bisections of the clock at a power limit: to a millionth of the range.
const BISECTIONS: u32 = 20;

/// A job on a card.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Law {
    card: GpuProfile,
    job: JobModel,
    capabilities: Capabilities,
    default: Point,
}

/// Where a request leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// What an iteration costs there.
    pub(crate) cost: Cost,
    /// What keeps the clock below the request.
    pub(crate) held_by: HeldBy,
}

/// What keeps the SM clock below the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldBy {
    /// Nothing: the clock is what was asked for (or a low gear that gives less).
    Request,
    /// The power limit.
    Power,
    /// The voltage limit.
    Voltage,
}

impl Law {
    pub(crate) fn new(card: GpuProfile, job: JobModel) -> Self {
        let capabilities = card.capabilities();
        let default = point(&card, &job, capabilities.default_pair(), card.limit_w.default);
        Self { card, job, capabilities, default }
    }

    pub(crate) fn card(&self) -> &GpuProfile {
        &self.card
    }

    pub(crate) fn job(&self) -> &JobModel {
        &self.job
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The point at default clocks and the default power limit.
    pub(crate) fn default_point(&self) -> &Point {
        &self.default
    }

    /// Where a request leads to under a power limit.
    pub(crate) fn point(&self, request: ClockPair, limit_w: f64) -> Point {
        point(&self.card, &self.job, request, limit_w)
    }

    /// The same point with the clock off by a small `ratio`, as it wanders.
    pub(crate) fn moved(&self, point: &Point, ratio: f64) -> Point {
        let highest_mhz = self.card.voltage.highest_mhz;
        let sm_mhz = (point.cost.sm_mhz * (1.0 + ratio)).clamp(f64::from(self.card.sm.low_mhz), 1.02 * highest_mhz);
        Point { cost: self.job.cost(&self.card, sm_mhz, point.cost.memory), ..*point }
    }

    /// A running clock as the driver shows it: the nearest one of its list.
    pub(crate) fn shown_sm(&self, sm_mhz: f64) -> Mhz {
        let sm = &self.card.sm;
        let steps = ((sm_mhz - f64::from(sm.low_mhz)) / sm.step_mhz).round().max(0.0);
        Mhz((f64::from(sm.low_mhz) + steps * sm.step_mhz) as u32)
    }

    /// Time and energy of an iteration relative to default clocks.
    pub(crate) fn relative(&self, point: &Point) -> RelativeCost {
        let default = &self.default.cost;
        let time = point.cost.time / default.time;
        RelativeCost { time, energy: time * point.cost.power_w / default.power_w }
    }
}

fn point(card: &GpuProfile, job: &JobModel, request: ClockPair, limit_w: f64) -> Point {
    let memory = card.running_memory(request.mem());
    let asked_mhz = f64::from(request.sm().0);
    let top_mhz = card.running_sm_mhz(asked_mhz.min(card.voltage.highest_mhz));
    let cost = job.cost(card, top_mhz, memory);
    if cost.power_w <= limit_w {
        let held_by = if asked_mhz > card.voltage.highest_mhz { HeldBy::Voltage } else { HeldBy::Request };
        return Point { cost, held_by };
    }
    // Power rises with the clock, so the clock at the limit lies between the lowest one and the request.
    let (mut low_mhz, mut high_mhz) = (f64::from(card.sm.low_mhz).min(top_mhz), top_mhz);
    for _ in 0..BISECTIONS {
        let middle_mhz = 0.5 * (low_mhz + high_mhz);
        if job.cost(card, middle_mhz, memory).power_w > limit_w {
            high_mhz = middle_mhz;
        } else {
            low_mhz = middle_mhz;
        }
    }
    Point { cost: job.cost(card, low_mhz, memory), held_by: HeldBy::Power }
}
