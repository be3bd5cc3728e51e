//! Which part of a recording is the job at work, and where it can be looped.
//!
//! With true iteration times: from mark to mark, so that the end of an iteration is followed by the begin of one.
//! Where some marks are special (a validation pass, a checkpoint), from one special mark to another if that keeps at
//! least half of the recording, so that their rhythm continues too.
//! Without: the longest run of blocks of 0.5 s whose mean power is well above idle (pauses up to 2 s belong to it), cut
//! to where what follows looks most like what follows the begin.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::truth::{Label, Truth};

/// Shortest part that is worth looping, s.
const SHORTEST_S: f64 = 1.0;
/// Length of the blocks that are busy or idle, s.
const BLOCK_S: f64 = 0.5;
/// Longest pause within the busy part, in blocks.
const LONGEST_PAUSE: usize = 4;
/// A block is busy if its mean lies above idle by this share of what a typical busy block does.
const BUSY_SHARE: f64 = 0.4;
/// Grid on which the ends of a loop are compared, s: the step of the recordings.
const GRID_S: f64 = 0.02;

/// One step of a recording: the mean power over the time up to `end_s`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    pub(super) power_w: f64,
}

/// The part to loop, s on the clock of the recording; `None` if nothing of it is long enough.
pub(super) fn busy_part(steps: &[Step], idle_w: f64, truth: Option<&Truth>) -> Option<Range<f64>> {
    let whole = steps.first()?.start_s..steps.last()?.end_s;
    let part =
        truth.and_then(|truth| between_marks(truth, &whole)).or_else(|| by_power(steps, idle_w)).unwrap_or(whole);
    (part.end - part.start >= SHORTEST_S).then_some(part)
}

fn between_marks(truth: &Truth, whole: &Range<f64>) -> Option<Range<f64>> {
    let marks: Vec<_> = truth.marks().iter().filter(|mark| (whole.start..=whole.end).contains(&mark.time_s)).collect();
    let all = marks.first()?.time_s..marks.last()?.time_s;
    if all.end - all.start < SHORTEST_S {
        return None;
    }
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    for mark in &marks {
        *counts.entry(mark.label).or_default() += 1;
    }
    let usual = counts.into_iter().max_by_key(|&(_, count)| count)?.0;
    let mut special = marks.iter().filter(|mark| mark.label != usual).map(|mark| mark.time_s);
    let epochs = special.next().zip(special.next_back()).map(|(first, last)| first..last);
    let is_long = |part: &Range<f64>| part.end - part.start >= 0.5 * (all.end - all.start);
    Some(epochs.filter(is_long).unwrap_or(all))
}

fn by_power(steps: &[Step], idle_w: f64) -> Option<Range<f64>> {
    let start_s = steps.first()?.start_s;
    let blocks = grid(steps, start_s, steps.last()?.end_s, BLOCK_S);
    let mut sorted = blocks.clone();
    sorted.sort_by(f64::total_cmp);
    // The upper third of the blocks is busy in any recording of a job, whatever its start and end.
    let typical_w = sorted.get(sorted.len() * 2 / 3).copied()?;
    let run = longest_run(&blocks, idle_w + BUSY_SHARE * (typical_w - idle_w))?;
    let at = |block: usize| start_s + BLOCK_S * block as f64;
    // The first and the last block are busy only in part.
    let part = at(run.start + 1)..at(run.end.saturating_sub(1));
    (part.end - part.start >= SHORTEST_S).then(|| continued(steps, part))
}

/// The longest run of blocks above a level, short pauses included.
fn longest_run(blocks: &[f64], above_w: f64) -> Option<Range<usize>> {
    let mut best: Option<Range<usize>> = None;
    let mut run: Option<Range<usize>> = None;
    for index in (0..blocks.len()).filter(|&index| blocks[index] > above_w) {
        run = match run.take() {
            Some(open) if index - open.end <= LONGEST_PAUSE => Some(open.start..index + 1),
            _ => Some(index..index + 1),
        };
        if run.as_ref().map(ExactSizeIterator::len) > best.as_ref().map(ExactSizeIterator::len) {
            best.clone_from(&run);
        }
    }
    best
}

/// Moves the end of a part to where what follows looks most like what follows its begin.
fn continued(steps: &[Step], part: Range<f64>) -> Range<f64> {
    let grid = grid(steps, part.start, part.end, GRID_S);
    let window = grid.len().min(500) / 5;
    let head = &grid[..window];
    let likeness = |end: &usize| {
        let difference: f64 = head.iter().zip(&grid[*end..]).map(|(a, b)| (a - b).powi(2)).sum();
        -difference
    };
    let ends = grid.len() * 3 / 5..=grid.len() - window;
    match ends.max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(end) => part.start..part.start + GRID_S * end as f64,
        None => part,
    }
}

/// Mean power over successive cells, W.
fn grid(steps: &[Step], start_s: f64, end_s: f64, cell_s: f64) -> Vec<f64> {
    let mut next = steps.partition_point(|step| step.end_s <= start_s);
    let cells = ((end_s - start_s) / cell_s) as usize;
    (0..cells)
        .map(|cell| {
            let (from, to) = (start_s + cell_s * cell as f64, start_s + cell_s * (cell + 1) as f64);
            let mut energy_j = 0.0;
            while let Some(step) = steps.get(next) {
                energy_j += step.power_w * (step.end_s.min(to) - step.start_s.max(from)).max(0.0);
                if step.end_s > to {
                    break;
                }
                next += 1;
            }
            energy_j / cell_s
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 W for 3 s, a square wave of 0.4 s between 300 and 500 W for 12 s, 100 W for 2 s.
    fn recording() -> Vec<Step> {
        (0..850)
            .map(|index| {
                let power_w = match index {
                    150..750 => 300.0 + 200.0 * f64::from((index - 150) / 10 % 2),
                    _ => 100.0,
                };
                let start_s = 0.02 * f64::from(index);
                Step { start_s, end_s: start_s + 0.02, power_w }
            })
            .collect()
    }

    #[test]
    fn without_marks_the_part_is_busy_and_a_whole_number_of_periods() {
        let part = busy_part(&recording(), 100.0, None).unwrap();
        assert!(part.start >= 3.0 && part.end <= 15.0, "{part:?}");
        let periods = (part.end - part.start) / 0.4;
        assert!(periods > 15.0 && (periods - periods.round()).abs() < 1e-6, "{periods} periods");
    }

    #[test]
    fn marks_decide_where_there_are_any() {
        let truth = Truth::parse("t_s,label\n4,train\n8,train\n9,train\n99,train\n".as_bytes(), "x").unwrap();
        assert_eq!(busy_part(&recording(), 100.0, Some(&truth)), Some(4.0..9.0));
    }

    #[test]
    fn a_loop_of_epochs_is_preferred_if_it_is_long_enough() {
        let text = "t_s,label\n4,train\n5,val\n6,train\n7,train\n8,val\n9,train\n";
        let truth = Truth::parse(text.as_bytes(), "x").unwrap();
        assert_eq!(busy_part(&recording(), 100.0, Some(&truth)), Some(5.0..8.0));
    }

    #[test]
    fn a_moment_is_no_recording() {
        assert_eq!(busy_part(&recording()[..20], 100.0, None), None);
    }
}
