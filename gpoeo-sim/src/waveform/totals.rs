//! What a stretch of a job amounts to, and what a setting makes of it.

/// What a moment of a job consists of; settings bend each kind in their own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Kernels run.
    Busy,
    /// The job waits for the host; clocks and power are those of a working GPU.
    Waiting,
    /// Nothing has run for so long that the driver has put the GPU to rest.
    Asleep,
}

/// Time and energy at default clocks by kind, and iterations; differences of them are what lies between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) busy_s: f64,
    pub(crate) busy_j: f64,
    pub(crate) waiting_s: f64,
    pub(crate) waiting_j: f64,
    pub(crate) asleep_s: f64,
    pub(crate) asleep_j: f64,
    pub(crate) iterations: f64,
}

/// What one second of each kind, or one iteration, counts for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weights {
    pub(crate) busy: f64,
    pub(crate) waiting: f64,
    pub(crate) asleep: f64,
    pub(crate) iterations: f64,
}

impl Weights {
    /// Time at default clocks.
    pub(crate) const TIME: Self = Self { busy: 1.0, waiting: 1.0, asleep: 1.0, iterations: 0.0 };
    /// Iterations.
    #[cfg(test)]
    pub(crate) const ITERATIONS: Self = Self { busy: 0.0, waiting: 0.0, asleep: 0.0, iterations: 1.0 };
}

impl Totals {
    /// A step of one kind.
    pub(crate) fn step(kind: Kind, length_s: f64, power_w: f64, iterations: f64) -> Self {
        let energy_j = length_s * power_w;
        let none = Self { iterations, ..Self::default() };
        match kind {
            Kind::Busy => Self { busy_s: length_s, busy_j: energy_j, ..none },
            Kind::Waiting => Self { waiting_s: length_s, waiting_j: energy_j, ..none },
            Kind::Asleep => Self { asleep_s: length_s, asleep_j: energy_j, ..none },
        }
    }

    /// Time at default clocks, s.
    pub(crate) fn time_s(&self) -> f64 {
        self.busy_s + self.waiting_s + self.asleep_s
    }

    /// Energy at default clocks, J.
    pub(crate) fn energy_j(&self) -> f64 {
        self.busy_j + self.waiting_j + self.asleep_j
    }

    /// The weighted sum.
    pub(crate) fn measure(&self, weights: &Weights) -> f64 {
        weights.busy * self.busy_s
            + weights.waiting * self.waiting_s
            + weights.asleep * self.asleep_s
            + weights.iterations * self.iterations
    }

    /// This and `times` times the other.
    pub(crate) fn plus(&self, other: &Self, times: f64) -> Self {
        Self {
            busy_s: self.busy_s + times * other.busy_s,
            busy_j: self.busy_j + times * other.busy_j,
            waiting_s: self.waiting_s + times * other.waiting_s,
            waiting_j: self.waiting_j + times * other.waiting_j,
            asleep_s: self.asleep_s + times * other.asleep_s,
            asleep_j: self.asleep_j + times * other.asleep_j,
            iterations: self.iterations + times * other.iterations,
        }
    }

    /// From the other to this.
    pub(crate) fn since(&self, other: &Self) -> Self {
        self.plus(other, -1.0)
    }
}

/// What a setting does to one kind of moment: to its time, and to its power `p` (`offset_w + scale * p`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) time: f64,
    pub(crate) offset_w: f64,
    pub(crate) scale: f64,
}

/// What a setting does to a waveform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bend {
    pub(crate) busy: Part,
    pub(crate) waiting: Part,
    pub(crate) asleep: Part,
}

impl Part {
    /// Nothing is changed.
    pub(crate) const NONE: Self = Self { time: 1.0, offset_w: 0.0, scale: 1.0 };

    fn energy_j(&self, length_s: f64, energy_j: f64) -> f64 {
        self.time * (self.offset_w * length_s + self.scale * energy_j)
    }
}

impl Bend {
    /// Nothing is changed: default clocks, and the lead-in.
    pub(crate) const NONE: Self = Self { busy: Part::NONE, waiting: Part::NONE, asleep: Part::NONE };

    /// All moments alike.
    pub(crate) const fn uniform(part: Part) -> Self {
        Self { busy: part, waiting: part, asleep: part }
    }

    /// What a second of each kind takes at the setting, s.
    pub(crate) const fn times(&self) -> Weights {
        Weights { busy: self.busy.time, waiting: self.waiting.time, asleep: self.asleep.time, iterations: 0.0 }
    }

    /// Time of a stretch at the setting, s.
    pub(crate) fn time_s(&self, stretch: &Totals) -> f64 {
        stretch.measure(&self.times())
    }

    /// Energy of a stretch at the setting, J.
    pub(crate) fn energy_j(&self, stretch: &Totals) -> f64 {
        self.busy.energy_j(stretch.busy_s, stretch.busy_j)
            + self.waiting.energy_j(stretch.waiting_s, stretch.waiting_j)
            + self.asleep.energy_j(stretch.asleep_s, stretch.asleep_j)
    }
}
