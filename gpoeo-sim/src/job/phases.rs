//! The phases of an iteration as text: `30x1.06 55x1.08 5x0.80 h`.

use crate::waveform::Phase;

use super::JobError;

const FIELD: &str = "waveform";
const HOW: &str = "write phases such as 30x0.95 60x1.07 10x0.8: length times power, both relative to the others";

/// Reads phases: `LENGTHxPOWER`, separated by blanks. `h` (with or without a length) stands for the wait for the host; how
/// long that is, the host's share of the time says.
///
/// # Errors
/// [`JobError`] if a phase is malformed, has no length or no power, or if there is none.
pub(crate) fn parse_phases(text: &str) -> Result<Vec<Phase>, JobError> {
    let mut phases = Vec::new();
    for word in text.split_whitespace() {
        if word == "h" || word.ends_with("xh") {
            continue;
        }
        let wrong = |reason: &str| JobError::new(FIELD, format!("{text:?}, at {word:?}"), reason);
        let (length, power) = word.split_once('x').ok_or_else(|| wrong(HOW))?;
        let number =
            |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| wrong(HOW));
        let phase = Phase { length: number(length)?, power: number(power)? };
        if phase.length <= 0.0 {
            return Err(wrong("a phase has a length above 0"));
        }
        if phase.power <= 0.0 {
            return Err(wrong("a phase has a power above 0; waiting for the host is written h"));
        }
        phases.push(phase);
    }
    if phases.is_empty() { Err(JobError::new(FIELD, format!("{text:?}"), HOW)) } else { Ok(phases) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_phases_and_leaves_out_the_wait() {
        let phases = parse_phases("0.291x1.00 0.5x1.02  0.127xh").unwrap();
        assert_eq!(phases, [Phase { length: 0.291, power: 1.0 }, Phase { length: 0.5, power: 1.02 }]);
        assert_eq!(parse_phases("60x1.10 40x0.85 h").unwrap().len(), 2);
    }

    #[test]
    fn says_which_phase_is_wrong_and_why() {
        let message = |text: &str| parse_phases(text).unwrap_err().to_string();
        assert!(message("").starts_with("waveform is \"\"; write phases such as"));
        assert!(message("h").starts_with("waveform is \"h\"; write phases"));
        assert!(message("30x1 20").contains("at \"20\"; write phases"));
        assert!(message("30x1 20xhigh").contains("at \"20xhigh\"; write phases"));
        assert_eq!(
            message("30x1 20x-5"),
            "waveform is \"30x1 20x-5\", at \"20x-5\"; a phase has a power above 0; waiting for the host is written h"
        );
        assert!(message("0x1").ends_with("a phase has a length above 0"));
        assert!(message("NaNx1").contains("write phases"));
    }
}
