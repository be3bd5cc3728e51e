//! Driver time stamps to [`Timestamp`]s.
//!
//! NVML says only "CPU time stamp in µs". Seen: Unix time (H100, driver 580) and time since boot (DGX Spark). So the
//! epoch is learnt: whichever clock of the host makes the newest sample youngest. Once known, each read converts by
//! the difference of the two host clocks at that moment, so that a slewed wall clock costs nothing; a wall clock that
//! *steps* is seen by the same difference.

use core::time::Duration;

use gpoeo_core::Timestamp;

/// A stamp may lie this far in the future before it is disbelieved: reading two clocks takes a moment.
const TOLERANCE_NS: i128 = 1_000_000;
/// A ring that slept may show an old newest sample, but no clock of the host is closer than this to another by chance
/// (Unix time and time since boot differ by decades).
const MAX_AGE_NS: i128 = 600 * 1_000_000_000;
/// A change of (wall clock - monotonic clock) between two reads above this is a step, not slewing (500 ppm).
const STEP_NS: i128 = 200_000_000;

/// The host's clocks, read at one moment, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostTimes {
    /// Time since boot without suspension (`CLOCK_MONOTONIC`): the clock of [`Timestamp`]s.
    pub monotonic_ns: u64,
    /// Time since boot with suspension (`CLOCK_BOOTTIME`).
    pub boottime_ns: u64,
    /// Unix time (`CLOCK_REALTIME`).
    pub realtime_ns: u64,
}

/// The host's clocks and a way to wait.
pub trait HostClock {
    /// All clocks at this moment.
    fn times(&mut self) -> HostTimes;

    /// Waits for `span`; may return early.
    fn wait(&mut self, span: Duration);
}

/// The clocks of the operating system.
///
/// Waiting ends early when the waiting thread is unparked (`std::thread::Thread::unpark`), so that a signal or the
/// end of a job is seen at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl HostClock for SystemClock {
    fn times(&mut self) -> HostTimes {
        use rustix::time::{ClockId, clock_gettime};
        let read = |id| {
            let time = clock_gettime(id);
            u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
        };
        let monotonic_ns = read(ClockId::Monotonic);
        #[cfg(target_os = "linux")]
        let boottime_ns = read(ClockId::Boottime);
        #[cfg(not(target_os = "linux"))]
        let boottime_ns = monotonic_ns;
        HostTimes { monotonic_ns, boottime_ns, realtime_ns: read(ClockId::Realtime) }
    }

    fn wait(&mut self, span: Duration) {
        std::thread::park_timeout(span);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Epoch {
    Boottime,
    Monotonic,
    /// None of the host's: the newest sample is taken to be as old as the youngest one ever seen, 0 at first.
    Own {
        /// Driver clock - monotonic clock.
        offset_ns: i128,
    },
    Realtime,
}

impl Epoch {
    /// Driver clock - monotonic clock at the moment of `host`.
    fn offset_ns(self, host: HostTimes) -> i128 {
        let clock_ns = match self {
            Self::Boottime => host.boottime_ns,
            Self::Monotonic => host.monotonic_ns,
            Self::Own { offset_ns } => return offset_ns,
            Self::Realtime => host.realtime_ns,
        };
        i128::from(clock_ns) - i128::from(host.monotonic_ns)
    }
}

/// Converts the stamps of one driver ring.
#[derive(Debug, Default)]
pub(crate) struct DriverClock {
    epoch: Option<Epoch>,
    /// Offset at the last call of [`DriverClock::stepped`].
    offset_ns: Option<i128>,
}

impl DriverClock {
    /// Whether the driver's clock stepped since the last call: what it stamped before is not comparable any more.
    pub(crate) fn stepped(&mut self, host: HostTimes) -> bool {
        let offset_ns = self.epoch.map(|epoch| epoch.offset_ns(host));
        let before_ns = core::mem::replace(&mut self.offset_ns, offset_ns);
        matches!((before_ns, offset_ns), (Some(before), Some(after)) if (after - before).abs() > STEP_NS)
    }

    /// Learns the epoch from the newest stamp of a read that ended at `host`.
    pub(crate) fn learn(&mut self, newest_us: u64, host: HostTimes) {
        let newest_ns = i128::from(newest_us) * 1000;
        let age_ns = |epoch: Epoch| i128::from(host.monotonic_ns) - (newest_ns - epoch.offset_ns(host));
        let now_ns = newest_ns - i128::from(host.monotonic_ns);
        let best = [Epoch::Monotonic, Epoch::Boottime, Epoch::Realtime]
            .into_iter()
            .filter(|&epoch| (-TOLERANCE_NS..=MAX_AGE_NS).contains(&age_ns(epoch)))
            .min_by_key(|&epoch| age_ns(epoch).abs());
        self.epoch = Some(match (best, self.epoch) {
            (Some(epoch), _) => epoch,
            // A larger offset is a younger sample. One far below means that the driver's clock was set back.
            (None, Some(Epoch::Own { offset_ns })) if (offset_ns - MAX_AGE_NS..=offset_ns).contains(&now_ns) => {
                Epoch::Own { offset_ns }
            }
            (None, None | Some(Epoch::Own { .. })) => Epoch::Own { offset_ns: now_ns },
            // Right after the wall clock was set back, the ring still holds samples from the future.
            (None, Some(known)) => known,
        });
    }

    /// The moment of a stamp, or `None` if it lies after `host`, before the origin, or the epoch is unknown.
    pub(crate) fn timestamp(&self, stamp_us: u64, host: HostTimes) -> Option<Timestamp> {
        let now_ns = i128::from(host.monotonic_ns);
        let time_ns = i128::from(stamp_us) * 1000 - self.epoch?.offset_ns(host);
        if time_ns > now_ns + TOLERANCE_NS {
            return None;
        }
        u64::try_from(time_ns.min(now_ns)).ok().map(Timestamp::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const UNIX: u64 = 1_760_000_000 * SECOND;

    /// `at_s` seconds after the start of a host that was up for 5000 s, 300 of them suspended.
    fn host(at_s: f64) -> HostTimes {
        let at = (at_s * 1e9) as u64;
        HostTimes { monotonic_ns: 4700 * SECOND + at, boottime_ns: 5000 * SECOND + at, realtime_ns: UNIX + at }
    }

    fn seconds_ago(clock: &DriverClock, stamp_ns: u64, host: HostTimes) -> Option<f64> {
        let now = Timestamp::from_nanos(host.monotonic_ns);
        clock.timestamp(stamp_ns / 1000, host).map(|time| now.seconds_since(time))
    }

    #[test]
    fn finds_the_epoch_that_makes_the_newest_sample_youngest() {
        for base in [UNIX, 5000 * SECOND, 4700 * SECOND] {
            let mut clock = DriverClock::default();
            clock.learn((base - 30_000_000) / 1000, host(0.0));
            assert_eq!(seconds_ago(&clock, base - 500_000_000, host(0.0)), Some(0.5));
        }
    }

    #[test]
    fn an_epoch_of_its_own_is_anchored_at_the_youngest_sample() {
        let mut clock = DriverClock::default();
        let base = 77 * SECOND * 100_000;
        clock.learn(base / 1000, host(0.0));
        // 0.25 s later the newest sample is only 0.24 s newer: it is older than the first one was.
        clock.learn((base + 240_000_000) / 1000, host(0.25));
        let age = seconds_ago(&clock, base + 240_000_000, host(0.25)).unwrap();
        assert!((age - 0.01).abs() < 1e-9);
    }

    #[test]
    fn a_stamp_from_the_future_is_refused_but_for_the_time_it_takes_to_read_two_clocks() {
        let mut clock = DriverClock::default();
        clock.learn(UNIX / 1000, host(0.0));
        assert_eq!(seconds_ago(&clock, UNIX + 500_000, host(0.0)), Some(0.0));
        assert_eq!(seconds_ago(&clock, UNIX + 2_000_000, host(0.0)), None);
    }

    #[test]
    fn a_step_of_the_wall_clock_is_seen_and_stamps_after_it_convert_right() {
        let mut clock = DriverClock::default();
        clock.learn(UNIX / 1000, host(0.0));
        assert!(!clock.stepped(host(0.0)));
        assert!(!clock.stepped(host(0.25)));
        for step_ns in [3600 * SECOND as i64, -3600 * SECOND as i64] {
            let mut after = host(0.5);
            after.realtime_ns = after.realtime_ns.saturating_add_signed(step_ns);
            assert!(clock.stepped(after));
            clock.learn((after.realtime_ns - 20_000_000) / 1000, after);
            assert_eq!(seconds_ago(&clock, after.realtime_ns - 20_000_000, after), Some(0.02));
            assert!(clock.stepped(host(0.5)), "back again");
        }
    }

    #[test]
    fn the_clock_that_stood_still_while_the_host_slept_is_told_from_the_other() {
        let mut clock = DriverClock::default();
        let fresh = HostTimes { boottime_ns: 4700 * SECOND, ..host(0.0) };
        clock.learn(4700 * SECOND / 1000, fresh);
        let slept = HostTimes { boottime_ns: 5000 * SECOND, ..host(1.0) };
        clock.learn((5000 * SECOND - 20_000_000) / 1000, slept);
        assert_eq!(seconds_ago(&clock, 5000 * SECOND - 20_000_000, slept), Some(0.02));
    }

    #[test]
    fn samples_from_before_the_wall_clock_was_set_back_are_from_the_future() {
        let mut clock = DriverClock::default();
        clock.learn(UNIX / 1000, host(0.0));
        let back = HostTimes { realtime_ns: UNIX - 3600 * SECOND, ..host(0.1) };
        clock.learn(UNIX / 1000, back);
        assert_eq!(seconds_ago(&clock, UNIX, back), None);
        assert_eq!(seconds_ago(&clock, UNIX - 3600 * SECOND - 20_000_000, back), Some(0.02));
    }

    #[test]
    fn slewing_is_no_step() {
        let mut clock = DriverClock::default();
        clock.learn(UNIX / 1000, host(0.0));
        let slewed = |at_s: f64| HostTimes { realtime_ns: host(at_s * 1.0005).realtime_ns, ..host(at_s) };
        assert!((0..1000).all(|i| !clock.stepped(slewed(f64::from(i) * 0.25))));
    }
}
