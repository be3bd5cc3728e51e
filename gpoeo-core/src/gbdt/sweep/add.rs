//! Adding the leaves of a block of trees to the columns of a panel, almost without a branch that depends on the row.
//!
//! Columns go in lanes of eight. Most leaves cover whole lanes, so a tree is not spread out over its columns: a table says
//! for each of its lanes which of a few prepared lanes to add. A leaf prepares two: one for the lane that it begins in, where
//! the columns before it keep what they had, and one with its value everywhere. The table is filled from there to the end
//! and written over by the leaves that follow.

use super::node::Step;
use super::{LEAVES_A_BLOCK, PANEL, TREES_A_BLOCK};

/// Columns of a lane.
const LANE: usize = 8;

/// Lanes of a panel.
const LANES: usize = PANEL / LANE;

/// Lanes that are added to at once, so that one addition need not wait for another: as many as registers hold.
const AT_ONCE: usize = 4;

/// For a leaf that begins at column k of a lane: which bits of each column are kept.
static KEEP: [[u32; LANE]; LANE] = {
    let mut masks = [[0; LANE]; LANE];
    let mut start = 0;
    while start < LANE {
        let mut column = 0;
        while column < start {
            masks[start][column] = u32::MAX;
            column += 1;
        }
        start += 1;
    }
    masks
};

/// Eight columns, aligned so that the processor adds straight from memory.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Lane([f32; LANE]);

/// For each leaf of a block: the lane that it begins in, then a lane that it fills.
type Prepared = [Lane; 2 * LEAVES_A_BLOCK];

/// The sums of a panel's columns, and room to prepare a block of trees.
#[derive(Clone, Debug)]
pub(super) struct Adder {
    sums: [Lane; LANES],
    prepared: Box<Prepared>,
    /// The prepared lane for each tree of a block and lane, with room to write beyond the last.
    table: Vec<[u16; 2 * LANES]>,
}

impl Adder {
    pub(super) fn new() -> Self {
        let lane = Lane([0.0; LANE]);
        Self {
            sums: [lane; LANES],
            prepared: Box::new([lane; 2 * LEAVES_A_BLOCK]),
            table: vec![[0; 2 * LANES]; TREES_A_BLOCK],
        }
    }

    pub(super) fn begin(&mut self, base: f32) {
        self.sums.fill(Lane([base; LANE]));
    }

    /// Writes the sums of the first columns out.
    pub(super) fn write(&self, out: &mut [f32]) {
        for (out, sums) in out.chunks_mut(LANE).zip(&self.sums) {
            out.copy_from_slice(&sums.0[..out.len()]);
        }
    }

    /// Adds the leaves of a block to the first `num_columns` columns: all of a tree one after the other, columns ascending.
    pub(super) fn add<N: Step>(&mut self, num_columns: usize, leaves: &[u32], nodes: &[N]) {
        let num_trees = self.prepare(leaves, nodes);
        self.add_prepared(num_columns, num_trees);
    }

    /// Fills the table; returns the number of trees.
    fn prepare<N: Step>(&mut self, leaves: &[u32], nodes: &[N]) -> usize {
        let mut num_trees = 0;
        let mut begun = Lane([0.0; LANE]);
        let mut full = begun;
        let mut begun_lane = usize::MAX;
        for ((place, index), prepared) in (0_u16..).step_by(2).zip(leaves).zip(self.prepared.chunks_exact_mut(2)) {
            let (value, start) = nodes[*index as usize].leaf();
            num_trees += usize::from(start == 0);
            let (lane, column) = (start / LANE % LANES, start % LANE);
            // What the leaf before left there: it may have begun in the same lane.
            let before = if lane == begun_lane { begun } else { full };
            for ((begun, before), keep) in begun.0.iter_mut().zip(&before.0).zip(&KEEP[column]) {
                *begun = f32::from_bits((before.to_bits() & keep) | (value.to_bits() & !keep));
            }
            full = Lane([value; LANE]);
            begun_lane = lane;
            prepared[0] = begun;
            prepared[1] = full;

            let row = &mut self.table[num_trees - 1];
            row[lane] = place;
            row[lane + 1..lane + 1 + LANES].fill(place + 1);
        }
        num_trees
    }

    fn add_prepared(&mut self, num_columns: usize, num_trees: usize) {
        let groups = num_columns.div_ceil(LANE * AT_ONCE);
        for (group, sums) in self.sums.chunks_exact_mut(AT_ONCE).enumerate().take(groups) {
            let sums: &mut [Lane; AT_ONCE] = sums.try_into().expect("a chunk has that length");
            add_rows(sums, &self.prepared, &self.table[..num_trees], group * AT_ONCE);
        }
    }
}

/// Adds what the table says to the lanes from `first` on. On its own, for here the compiler knows how all is aligned.
#[inline(never)]
fn add_rows(sums: &mut [Lane; AT_ONCE], prepared: &Prepared, table: &[[u16; 2 * LANES]], first: usize) {
    let first = first.min(LANES);
    let mut local = *sums;
    for row in table {
        let entries = &row[first..first + AT_ONCE];
        for (local, entry) in local.iter_mut().zip(entries) {
            let values = &prepared[usize::from(*entry)];
            for (sum, value) in local.0.iter_mut().zip(&values.0) {
                *sum += value;
            }
        }
    }
    *sums = local;
}
