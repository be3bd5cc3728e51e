//! What all members of a group can do.

use crate::caps::{Capabilities, ClockPair};
use crate::units::Mhz;

/// Why a list of GPUs is no [`Group`](crate::Group).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// No pair of clocks is supported by all.
    #[error("no pair of clocks is supported by all {members} GPUs; group GPUs of one model")]
    NoCommonClocks {
        /// Number of GPUs given.
        members: usize,
    },
    /// The list is empty.
    #[error("a group of no GPU was asked for; give the capabilities of at least one")]
    NoMember,
    /// More GPUs than a group can have.
    #[error("{members} GPUs given, a group can have {most}; make several groups")]
    TooManyMembers {
        /// Number of GPUs given.
        members: usize,
        /// Most that are possible.
        most: usize,
    },
}

/// Most members: what a machine has, with room to spare.
const MOST_MEMBERS: usize = 1024;

/// The pairs that all have, the slowest sensors, the fewest counters, the name if it is one.
pub(super) fn common(members: &[Capabilities]) -> Result<Capabilities, GroupError> {
    let (first, others) = members.split_first().ok_or(GroupError::NoMember)?;
    if members.len() > MOST_MEMBERS {
        return Err(GroupError::TooManyMembers { members: members.len(), most: MOST_MEMBERS });
    }
    let pairs = first.pairs().filter(|pair| others.iter().all(|caps| caps.pair_of(pair.mem(), pair.sm()).is_some()));
    // By memory clock; `Capabilities::new` joins what has the same.
    let clocks = pairs.map(|pair: ClockPair| -> (Mhz, Vec<Mhz>) { (pair.mem(), vec![pair.sm()]) });
    let mut caps = Capabilities::new(clocks).map_err(|_| GroupError::NoCommonClocks { members: members.len() })?;
    caps = caps.with_counters(members.iter().map(Capabilities::counter_passes).min().unwrap_or(0));
    if members.iter().any(Capabilities::is_read_only) {
        caps = caps.read_only();
    }
    if let Some(limit_w) = members.iter().map(Capabilities::power_limit_w).sum() {
        caps = caps.with_power_limit_w(limit_w);
    }
    if let Some(name) = first.gpu_name().filter(|&name| others.iter().all(|caps| caps.gpu_name() == Some(name))) {
        caps = caps.with_gpu_name(name);
    }
    let longest = |of: fn(&Capabilities) -> core::time::Duration| members.iter().map(of).max().unwrap_or_default();
    Ok(caps
        .with_sample_interval(longest(Capabilities::sample_interval))
        .with_sensor_lag(longest(Capabilities::sensor_lag))
        .with_settle_time(longest(Capabilities::settle_time))
        .with_gpus(members.len() as u16))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn caps(mem: u32, sm: &[u32]) -> Capabilities {
        Capabilities::new([(Mhz(mem), sm.iter().copied().map(Mhz).collect())]).unwrap()
    }

    #[test]
    fn only_what_all_have_is_left() {
        let one = caps(1593, &[900, 1000, 1100]).with_counters(2).with_settle_time(Duration::from_secs(1));
        let one = one.with_power_limit_w(300.0);
        let other = caps(1593, &[1000, 1050, 1100]).with_counters(1).with_sensor_lag(Duration::from_secs(2));
        let both = common(&[one, other]).unwrap();
        assert_eq!(both.pairs().map(|pair| pair.sm().0).collect::<Vec<_>>(), [1000, 1100]);
        assert_eq!((both.counter_passes(), both.is_read_only(), both.gpus()), (1, false, 2));
        assert_eq!((both.settle_time(), both.sensor_lag()), (Duration::from_secs(1), Duration::from_secs(2)));
    }

    #[test]
    fn a_single_gpu_is_left_as_it_is() {
        let caps = caps(1593, &[900, 1000]).with_counters(1).with_sample_interval(Duration::from_millis(100));
        assert_eq!(common(core::slice::from_ref(&caps)), Ok(caps));
    }

    #[test]
    fn one_that_must_not_be_set_holds_all_back() {
        let both = common(&[caps(1, &[2, 3]), caps(1, &[2, 3]).read_only()]).unwrap();
        assert!(both.is_read_only());
    }

    #[test]
    fn refuses_what_is_no_group() {
        assert_eq!(common(&[]), Err(GroupError::NoMember));
        let strangers = [caps(1593, &[1000]), caps(2619, &[1000])];
        assert_eq!(common(&strangers), Err(GroupError::NoCommonClocks { members: 2 }));
        let many = vec![caps(1, &[2]); 1025];
        assert_eq!(common(&many), Err(GroupError::TooManyMembers { members: 1025, most: 1024 }));
    }
}
