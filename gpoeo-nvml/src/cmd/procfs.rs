//! What `/proc/self` says about this process.

use std::fs;

/// Bit of `CAP_SYS_ADMIN` in a capability mask.
const CAP_SYS_ADMIN: u32 = 21;

/// Whether this process has `CAP_SYS_ADMIN` of the host, which the kernel module asks of whoever sets clocks.
/// `None`: not known.
pub(crate) fn has_admin_capability() -> Option<bool> {
    let mask = mask(&fs::read_to_string("/proc/self/status").ok()?, "CapEff")?;
    let is_initial_namespace = is_identity(&fs::read_to_string("/proc/self/uid_map").ok()?);
    Some(mask & (1 << CAP_SYS_ADMIN) != 0 && is_initial_namespace)
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignalSet(u64);

impl SignalSet {
    pub(crate) fn contains(self, signal: i32) -> bool {
        // Bit 0 is signal 1.
        (1..=64).contains(&signal) && self.0 & (1 << (signal - 1)) != 0
    }
}

/// The signals that this process ignores; none where that cannot be known.
pub(crate) fn ignored_signals() -> SignalSet {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    SignalSet(mask(&status, "SigIgn").unwrap_or(0))
}

/// A hexadecimal mask of `/proc/self/status`.
fn mask(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

/// Whether a `uid_map` maps every id to itself, as that of the initial user namespace does.
fn is_identity(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tgpoeo\nSigIgn:\t0000000000001001\nCapEff:\t0000000000200000\n";

    #[test]
    fn a_mask_is_found_by_its_name() {
        assert_eq!(mask(STATUS, "CapEff"), Some(1 << CAP_SYS_ADMIN));
        assert_eq!(mask(STATUS, "Cap"), None);
        assert_eq!(mask("CapEff:\tnonsense\n", "CapEff"), None);
    }

    #[test]
    fn ignored_signals_are_counted_from_one() {
        let ignored = SignalSet(mask(STATUS, "SigIgn").unwrap());
        let numbers: Vec<i32> = (-1..200).filter(|&signal| ignored.contains(signal)).collect();
        assert_eq!(numbers, [1, 13]);
    }

    #[test]
    fn only_the_initial_user_namespace_maps_every_id_to_itself() {
        assert!(is_identity("         0          0 4294967295\n"));
        assert!(!is_identity("         0       1000          1\n"));
        assert!(!is_identity(""));
    }
}
