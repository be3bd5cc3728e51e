//! Lengths of time across the border: nanoseconds for what one sets, seconds for what was measured.

use std::time::Duration;

/// Saturates at the largest `u64` (584 years).
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// NaN where nothing is known.
pub(crate) fn seconds(span: Option<Duration>) -> f64 {
    span.map_or(f64::NAN, |span| span.as_secs_f64())
}
