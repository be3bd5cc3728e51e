//! The samples of all members as one stream.
//!
//! The members sample by themselves, out of phase and in batches. One of them, the *leader*, sets the slots: each of its
//! samples is one, and the others' power is drawn as a line between their two samples around that moment. Power and energy
//! add up. A slot waits until every member has reported beyond it, or until it is late; a member that is missing then
//! counts as the mean of the others, for they move in step. If the leader itself is late, the next member leads.
//!
//! With one member this is the identity. Which member reports first within the time that a slot waits changes nothing.
//! Source: ours; on recordings of two GPUs of one data-parallel job the sum shows the iteration better than either.
//! State: one bounded queue a member.

use core::time::Duration;
use std::collections::VecDeque;

use crate::sample::Sample;
use crate::time::Timestamp;
use crate::units::Mhz;

/// A counter reading older than this says nothing about a slot.
const LONGEST_READING: Duration = Duration::from_secs(2);

/// What is known about one member.
#[derive(Clone, Debug)]
struct Lane {
    is_out: bool,
    /// The last sample up to the newest slot.
    before: Option<Sample>,
    /// Later ones, oldest first.
    queue: VecDeque<Sample>,
    newest: Option<Timestamp>,
    /// The last reading of the energy counter up to the newest slot, J, and when.
    reading: Option<(Timestamp, f64)>,
}

impl Lane {
    /// Takes all samples up to a slot out of the queue.
    fn advance(&mut self, to: Timestamp) {
        while let Some(sample) = self.queue.front().copied().filter(|sample| sample.time <= to) {
            self.queue.pop_front();
            if let Some(energy_j) = sample.energy_j {
                self.reading = Some((sample.time, energy_j));
            }
            self.before = Some(sample);
        }
    }

    fn has_reported(&self, slot: Timestamp) -> bool {
        self.newest.is_some_and(|newest| newest >= slot)
    }

    /// The power at a slot, W, and the sample that the rest is taken from.
    fn at(&self, slot: Timestamp, bridge: Duration) -> Option<(f64, Sample)> {
        let before = self.before?;
        if before.time == slot {
            return Some((before.power_w, before));
        }
        if slot.saturating_since(before.time) > bridge {
            return None;
        }
        let Some(after) = self.queue.front().filter(|after| after.time.saturating_since(before.time) <= bridge) else {
            return Some((before.power_w, before));
        };
        let share = slot.seconds_since(before.time) / after.time.seconds_since(before.time);
        Some((before.power_w + share * (after.power_w - before.power_w), before))
    }

    /// The counter at a slot, J.
    fn energy_j(&self, slot: Timestamp) -> Option<f64> {
        let (time, energy_j) = self.reading?;
        (self.has_reported(slot) && slot.saturating_since(time) <= LONGEST_READING).then_some(energy_j)
    }
}

/// Makes one stream of several.
#[derive(Clone, Debug)]
pub(super) struct Merge {
    lanes: Vec<Lane>,
    leader: usize,
    /// The newest slot.
    last: Option<Timestamp>,
    /// A slot waits so long, by the time stamps of the samples.
    late: Duration,
    bridge: Duration,
    capacity: usize,
}

impl Merge {
    /// `late`: how long a slot waits for a member. `bridge`: samples farther apart than this are not joined by a line.
    pub(super) fn new(members: usize, interval: Duration, late: Duration, bridge: Duration) -> Self {
        const LONGEST_QUEUE: usize = 4096;
        let a_slot_waits = late.as_secs_f64() / interval.as_secs_f64().max(1e-6);
        let capacity = ((2.0 * a_slot_waits) as usize).clamp(32, LONGEST_QUEUE);
        let lane = |_| Lane {
            is_out: false,
            before: None,
            queue: VecDeque::with_capacity(if members > 1 { capacity } else { 1 }),
            newest: None,
            reading: None,
        };
        Self { lanes: (0..members).map(lane).collect(), leader: 0, last: None, late, bridge, capacity }
    }

    /// Time of a member's newest sample.
    pub(super) fn newest(&self, index: usize) -> Option<Timestamp> {
        self.lanes.get(index).and_then(|lane| lane.newest)
    }

    /// A member is lost: nothing waits for it any more.
    pub(super) fn leave(&mut self, index: usize) {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.is_out = true;
            lane.queue.clear();
        }
    }

    /// Takes a member's sample, later than its last.
    pub(super) fn push(&mut self, index: usize, sample: &Sample) {
        if let Some(lane) = self.lanes.get_mut(index).filter(|lane| !lane.is_out) {
            lane.newest = Some(sample.time);
            lane.queue.push_back(*sample);
        }
    }

    /// The next slot that is complete or late. `wanted`: the SM clock that was asked for, if one was.
    pub(super) fn next(&mut self, wanted: Option<Mhz>) -> Option<Sample> {
        let newest = self.lanes.iter().filter(|lane| !lane.is_out).filter_map(|lane| lane.newest).max()?;
        let is_full = self.lanes.iter().any(|lane| lane.queue.len() >= self.capacity);
        let is_late = |since: Timestamp| is_full || newest.saturating_since(since) > self.late;
        loop {
            let leader = self.lanes.get_mut(self.leader)?;
            if let Some(last) = self.last {
                leader.advance(last); // of a new leader: what others have led through
            }
            let Some(slot) = leader.queue.front().map(|sample| sample.time) else {
                let oldest = self.lanes.iter().filter_map(|lane| lane.queue.front()).map(|sample| sample.time).min()?;
                let since = self.lanes[self.leader].newest.unwrap_or(oldest);
                if !self.lanes[self.leader].is_out && !is_late(since) {
                    return None;
                }
                let after = self.last;
                let leads = |lane: &Lane| lane.queue.back().is_some_and(|sample| Some(sample.time) > after);
                self.leader = self.lanes.iter().position(leads)?;
                continue;
            };
            let is_complete = self.lanes.iter().all(|lane| lane.is_out || lane.has_reported(slot));
            if !is_complete && !is_late(slot) {
                return None;
            }
            self.last = Some(slot);
            self.lanes.iter_mut().for_each(|lane| lane.advance(slot));
            return self.merged(slot, wanted);
        }
    }

    fn merged(&self, slot: Timestamp, wanted: Option<Mhz>) -> Option<Sample> {
        let present = || self.lanes.iter().filter(|lane| !lane.is_out);
        let known = || present().filter_map(|lane| lane.at(slot, self.bridge));
        let lead = self.lanes.get(self.leader)?.before?;
        let members = present().count();
        let power_w: f64 = known().map(|(power_w, _)| power_w).sum();
        let reporting = known().count();
        // Those that are missing count as the mean of the others.
        let missing = if reporting < members { members as f64 / reporting.max(1) as f64 } else { 1.0 };
        let mut sample = Sample::new(slot, power_w * missing);
        sample.energy_j = match lead.energy_j {
            Some(_) => present().map(|lane| lane.energy_j(slot)).sum(),
            None => None,
        };
        sample.sm_util = mean(known().filter_map(|(_, seen)| seen.sm_util));
        sample.mem_util = mean(known().filter_map(|(_, seen)| seen.mem_util));
        sample.sm_clock = odd_one_out(known().filter_map(|(_, seen)| seen.sm_clock), wanted);
        sample.mem_clock = known().filter_map(|(_, seen)| seen.mem_clock).min();
        Some(sample)
    }
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0, 0_u16), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f32::from(count))
}

/// The clock farthest from the one asked for; the lowest, which sets the pace of all, where none was.
fn odd_one_out(clocks: impl Iterator<Item = Mhz>, wanted: Option<Mhz>) -> Option<Mhz> {
    match wanted {
        Some(wanted) => clocks.max_by_key(|clock| clock.0.abs_diff(wanted.0)),
        None => clocks.min(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(1);

    fn merge(members: usize) -> Merge {
        Merge::new(members, INTERVAL, LATE, Duration::from_millis(100))
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    fn feed(merge: &mut Merge, index: usize, sample: Sample) -> Vec<Sample> {
        merge.push(index, &sample);
        core::iter::from_fn(|| merge.next(None)).collect()
    }

    #[test]
    fn one_member_goes_through_untouched() {
        let mut merge = merge(1);
        for k in 0..50 {
            let mut sample = Sample::new(at(1000 + 20 * k + k % 3), 100.0 + k as f64).sm_clock(Mhz(1000)).sm_util(0.3);
            if k % 7 == 0 {
                sample = sample.energy_j(5.0 * k as f64);
            }
            assert_eq!(feed(&mut merge, 0, sample), [sample]);
        }
    }

    #[test]
    fn power_and_energy_add_up_at_the_moments_of_the_leader() {
        let mut merge = merge(2);
        assert!(feed(&mut merge, 0, Sample::new(at(0), 100.0).energy_j(7.0)).is_empty(), "waits for the other");
        assert!(feed(&mut merge, 1, Sample::new(at(10), 200.0).energy_j(3.0)).len() == 1);
        assert!(feed(&mut merge, 0, Sample::new(at(20), 110.0).energy_j(9.0).sm_util(0.5)).is_empty());
        let slots = feed(&mut merge, 1, Sample::new(at(30), 300.0).energy_j(4.0).sm_util(0.7));
        assert_eq!(slots, [Sample::new(at(20), 110.0 + 250.0).energy_j(12.0).sm_util(0.5)]);
    }

    #[test]
    fn a_member_that_is_late_counts_as_the_mean_of_the_others() {
        let mut merge = merge(3);
        let mut slots = Vec::new();
        for k in 0..100 {
            slots.extend(feed(&mut merge, 0, Sample::new(at(20 * k), 100.0).energy_j(k as f64)));
            slots.extend(feed(&mut merge, 1, Sample::new(at(20 * k), 200.0).energy_j(k as f64)));
        }
        assert_eq!(slots.len(), 50 - 1, "a second back");
        assert!(slots.iter().all(|slot| slot.power_w == 450.0 && slot.energy_j.is_none()));
        // Back again: it counts by itself, and its energy is known.
        for k in 98..100 {
            slots = feed(&mut merge, 2, Sample::new(at(20 * k), 60.0).energy_j(1.0));
        }
        assert_eq!(slots.last(), Some(&Sample::new(at(1980), 360.0).energy_j(199.0)));
    }

    #[test]
    fn another_member_leads_where_the_leader_is_late_or_lost() {
        let mut silent = merge(2);
        let mut slots = Vec::new();
        for k in 0..100 {
            slots.extend(feed(&mut silent, 1, Sample::new(at(20 * k), 100.0)));
        }
        assert_eq!(slots.len(), 49);
        assert!(slots.iter().all(|slot| slot.power_w == 200.0));
        let mut lost = merge(2);
        feed(&mut lost, 0, Sample::new(at(0), 100.0));
        feed(&mut lost, 1, Sample::new(at(5), 100.0));
        lost.leave(0);
        assert_eq!(feed(&mut lost, 1, Sample::new(at(25), 130.0)).last(), Some(&Sample::new(at(25), 130.0)));
    }

    #[test]
    fn a_gap_in_one_member_is_not_joined_by_a_line() {
        let mut merge = merge(2);
        feed(&mut merge, 1, Sample::new(at(0), 50.0));
        feed(&mut merge, 1, Sample::new(at(500), 150.0));
        let mut slots = Vec::new();
        for k in 0..20 {
            slots.extend(feed(&mut merge, 0, Sample::new(at(20 * k), 100.0)));
        }
        assert_eq!(slots[3].power_w, 150.0, "shortly after, what it was");
        assert_eq!(slots[15].power_w, 200.0, "later, like the other");
    }

    #[test]
    fn the_clock_is_that_of_the_member_that_strays() {
        let clocks = || [Mhz(1200), Mhz(1215), Mhz(1980)].into_iter();
        assert_eq!(odd_one_out(clocks(), Some(Mhz(1215))), Some(Mhz(1980)));
        assert_eq!(odd_one_out(clocks(), None), Some(Mhz(1200)));
        assert_eq!(odd_one_out([].into_iter(), None), None);
    }

    #[test]
    fn queues_stay_within_their_bounds() {
        let mut merge = merge(2);
        let capacity = merge.lanes[1].queue.capacity();
        for k in 0..100_000 {
            feed(&mut merge, usize::from(k % 5000 < 2500), Sample::new(at(k), 100.0));
            assert!(merge.lanes.iter().all(|lane| lane.queue.capacity() == capacity));
        }
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_within_a_slots_time_changes_nothing(
            offsets in prop::collection::vec(0u64..19, 3 * 60),
            delays in prop::collection::vec(0u64..900, 3 * 60),
        ) {
            let mut samples: Vec<(usize, Sample)> = Vec::new();
            for (k, &offset) in offsets.iter().enumerate() {
                let (member, slot) = (k % 3, (k / 3) as u64);
                let power_w = 100.0 + (k * k % 97) as f64;
                samples.push((member, Sample::new(at(20 * slot + offset), power_w).energy_j(slot as f64)));
            }
            let run = |order: &[(usize, Sample)]| {
                let mut merge = merge(3);
                let mut slots: Vec<Sample> = Vec::new();
                for (member, sample) in order {
                    slots.extend(feed(&mut merge, *member, *sample));
                }
                slots
            };
            let straight = run(&samples);
            // Each sample arrives when it was measured, plus a delay; a member's own samples stay in order.
            let mut arrivals: Vec<(u64, usize)> = Vec::new();
            let mut latest = [0; 3];
            for (index, (member, sample)) in samples.iter().enumerate() {
                let arrival = (sample.time.as_nanos() / 1_000_000 + delays[index]).max(latest[*member]);
                latest[*member] = arrival;
                arrivals.push((arrival, index));
            }
            arrivals.sort();
            let delayed: Vec<_> = arrivals.iter().map(|&(_, index)| samples[index]).collect();
            prop_assert_eq!(run(&delayed), straight);
        }
    }
}
