//! What becomes of a period that is too short for the points, or may be the mirror image of one.
//!
//! Two lines that mirror each other at half a cycle a point look the same, and so do their periods, but for lags that
//! are whole numbers of points: a high correlation there is a fact. Such a lag, a small multiple of the period, is
//! claimed; if there is none, nothing is. Whoever shows the period in what is slower than the points is exempt. Ours.

use crate::config::CandidateConfig;

use super::autocorr::Acf;

/// The rhythm of the sampler of NVIDIA's ring, points: 100 ms, when the slower fields are read, too.
const SAMPLER_POINTS: f32 = 5.0;

/// Whether a lag is a whole number of the sampler's rounds. It is late every fifth time: what it took at the same moment of
/// a round looks more alike than the rest.
pub(super) fn is_in_step(lag: f32, config: &CandidateConfig) -> bool {
    let rounds = lag / SAMPLER_POINTS;
    (rounds - rounds.round()).abs() * SAMPLER_POINTS < config.sampler_off
}

/// The period to claim for a period of `lag` points, if any; `part` is the shortest part of it that repeats.
pub(super) fn settle(acf: Acf<'_>, lag: f32, part: f32, config: &CandidateConfig) -> Option<f32> {
    // Mean of cos(2 pi f) over the power: half of it is above 0.2 cycles a point (10 Hz at 20 ms).
    const FAST: f32 = 0.0;
    const MIRRORED: f32 = 0.4; // a line above it, cycles a point, is as likely the image of one beyond half a cycle
    let beyond = acf.0.get(config.shortest_lag as usize..).unwrap_or_default();
    let height = beyond.iter().copied().fold(0.0, f32::max);
    let is_fast = acf.0.get(1).is_some_and(|&next| next < FAST);
    let slow = acf.slow(0.0);
    let is_slow_too = slow >= config.least_slow_power && acf.slow(lag) >= config.least_slow * slow;
    // A long period on top of a ripple of two or three points may be where the ripple and the points come into step, unless
    // it shows in what is slow; at a whole number of the sampler's rounds not even that is enough.
    let has_ripple =
        |longest: usize| (2..=longest).any(|short| acf.is_peak(short) && acf.0[short] > config.ripple_share * height);
    let is_beat = lag > config.multiple_to
        && ((slow < config.ripple_slow && has_ripple(3)) || (is_in_step(lag, config) && has_ripple(5)));
    // Whatever makes the signal fast is part of a period that the points resolve well.
    let is_resolved = part >= config.resolved;
    if lag >= config.shortest_plain && !is_beat && (!is_fast || is_slow_too || is_resolved) {
        return Some(lag);
    }

    let is_fact = |lag: f32| {
        let whole = lag.round();
        let here = acf.0.get(whole as usize).copied().unwrap_or(0.0);
        (lag - whole).abs() <= config.whole_off && here >= config.fact_share * height
    };
    let multiple =
        (1..=4_u8).map(|count| f32::from(count) * lag).find(|&lag| lag >= config.multiple_from && is_fact(lag));
    if let Some(multiple) = multiple.filter(|_| lag <= config.multiple_to) {
        return Some(multiple);
    }
    let whole = (config.multiple_from as usize..=config.multiple_to as usize)
        .filter(|&lag| acf.is_peak(lag))
        .max_by(|&a, &b| acf.0[a].total_cmp(&acf.0[b]))
        .filter(|&lag| acf.0[lag] >= config.whole_share * height)?;
    let multiple = (whole as f32 / lag).round() * lag;
    let is_close = (multiple - whole as f32).abs() <= config.whole_off && lag <= config.multiple_to;
    Some(if is_close && acf.strongest_line() <= MIRRORED { multiple } else { whole as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f32::consts::TAU;

    /// The correlation of lines of these frequencies (cycles a point) and shares of the power.
    fn lines(lines: &[(f32, f32)]) -> Vec<f32> {
        (0..150).map(|lag| lines.iter().map(|(f, share)| share * (TAU * f * lag as f32).cos()).sum()).collect()
    }

    fn settled(values: &[f32], lag: f32) -> Option<f32> {
        settle(Acf(values), lag, lag, &CandidateConfig::default())
    }

    #[test]
    fn a_slow_period_is_taken_as_it_is() {
        assert_eq!(settled(&lines(&[(0.07, 1.0)]), 14.3), Some(14.3));
    }

    #[test]
    fn a_line_and_its_mirror_image_settle_on_the_same_lag() {
        let (line, image) = (1.0 / 2.17, 1.0 - 1.0 / 2.17);
        let claims = [line, image].map(|f| settled(&lines(&[(f, 1.0)]), 4.34).unwrap());
        assert!((claims[0] - claims[1]).abs() < 1e-3, "{claims:?}");
        // A whole number of true periods, to 2 %, whichever of the two it is.
        for f in [line, image] {
            let count = (claims[0] * f).round();
            assert!((claims[0] * f / count - 1.0).abs() < 0.02, "{claims:?} at {f}");
        }
    }

    #[test]
    fn a_beat_of_a_short_period_with_the_points_is_no_period_unless_it_shows_in_what_is_slow() {
        let settled = |shares: [f32; 2]| {
            settle(Acf(&lines(&[(0.485, shares[0]), (0.03, shares[1])])), 66.0, 2.06, &CandidateConfig::default())
        };
        assert_eq!(settled([0.98, 0.02]), None);
        assert_eq!(settled([0.7, 0.3]), Some(66.0));
    }

    #[test]
    fn a_long_period_in_step_with_the_sampler_is_in_doubt_if_there_is_a_ripple() {
        let ripple = lines(&[(0.45, 0.6), (0.02, 0.4)]);
        assert_eq!(settled(&ripple, 50.03), None);
        assert_eq!(settled(&ripple, 52.0), Some(52.0));
        assert_eq!(settled(&lines(&[(0.02, 1.0)]), 50.03), Some(50.03));
    }
}
