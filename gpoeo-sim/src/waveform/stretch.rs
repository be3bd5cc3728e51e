//! Recorded power over some time, integrated once so that the energy of any part of it costs a binary search.

/// A stretch of power, constant between its steps. Positions are seconds from its begin, at default clocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stretch {
    /// End of each step, s, ascending.
    ends_s: Vec<f64>,
    power_w: Vec<f64>,
    /// Energy from the begin to the end of each step, J.
    energy_j: Vec<f64>,
    /// Busy time from the begin to the end of each step, s.
    busy_s: Vec<f64>,
}

/// Energy and busy time from the begin of a stretch to a position.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Integral {
    pub(super) energy_j: f64,
    pub(super) busy_s: f64,
}

impl Stretch {
    /// From steps of (length in s, power in W); a step counts as busy above `busy_above_w`. Steps without length are
    /// left out.
    pub(super) fn new(steps: impl IntoIterator<Item = (f64, f64)>, busy_above_w: f64) -> Self {
        let mut stretch = Self::default();
        let (mut end_s, mut integral) = (0.0, Integral::default());
        for (length_s, power_w) in steps.into_iter().filter(|&(length_s, _)| length_s > 0.0) {
            end_s += length_s;
            integral.energy_j += length_s * power_w;
            integral.busy_s += if power_w > busy_above_w { length_s } else { 0.0 };
            stretch.ends_s.push(end_s);
            stretch.power_w.push(power_w);
            stretch.energy_j.push(integral.energy_j);
            stretch.busy_s.push(integral.busy_s);
        }
        stretch
    }

    /// Length, s; 0 if there is no step.
    pub(super) fn length_s(&self) -> f64 {
        self.ends_s.last().copied().unwrap_or_default()
    }

    /// The integrals over the whole stretch.
    pub(super) fn whole(&self) -> Integral {
        Integral {
            energy_j: self.energy_j.last().copied().unwrap_or_default(),
            busy_s: self.busy_s.last().copied().unwrap_or_default(),
        }
    }

    /// The integrals from the begin to `position_s`, which is clamped to the stretch.
    pub(super) fn to(&self, position_s: f64) -> Integral {
        let step = self.ends_s.partition_point(|&end_s| end_s < position_s);
        let (Some(&end_s), Some(&power_w)) = (self.ends_s.get(step), self.power_w.get(step)) else {
            return self.whole();
        };
        let left_s = (end_s - position_s.max(0.0)).max(0.0);
        let busy_before_s = if step == 0 { 0.0 } else { self.busy_s[step - 1] };
        let is_busy = self.busy_s[step] > busy_before_s;
        Integral {
            energy_j: self.energy_j[step] - left_s * power_w,
            busy_s: self.busy_s[step] - if is_busy { left_s } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrates_from_the_begin() {
        let stretch = Stretch::new([(1.0, 100.0), (0.0, 1e9), (2.0, 10.0)], 50.0);
        assert_eq!(stretch.length_s(), 3.0);
        assert_eq!(stretch.to(-1.0), Integral::default());
        assert_eq!(stretch.to(0.5), Integral { energy_j: 50.0, busy_s: 0.5 });
        assert_eq!(stretch.to(1.0), Integral { energy_j: 100.0, busy_s: 1.0 });
        assert_eq!(stretch.to(2.0), Integral { energy_j: 110.0, busy_s: 1.0 });
        assert_eq!(stretch.to(9.0), Integral { energy_j: 120.0, busy_s: 1.0 });
    }
}
