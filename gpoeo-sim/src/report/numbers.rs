//! Rounding for programs: what is beyond is noise, and equal runs are to give equal bytes on any machine.

/// A ratio, or a quantity of one iteration: to 6 decimals, and without a negative zero.
pub(super) fn ratio(value: f64) -> f64 {
    (value * 1e6).round() / 1e6 + 0.0
}

/// A time in s, to the millisecond.
pub(super) fn millis(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3 + 0.0
}

/// An energy in J, to the millijoule.
pub(super) fn joules(joules: f64) -> f64 {
    millis(joules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign() {
        assert!(ratio(-1e-12).is_sign_positive() && millis(-1e-9).is_sign_positive());
    }
}
