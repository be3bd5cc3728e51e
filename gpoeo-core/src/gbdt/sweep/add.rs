//! Adding the leaves of a block of trees to the columns, without a branch that depends on the row.
//!
//! Columns go in lanes of 16. Most leaves cover whole lanes, so a tree is not spread out over its columns: a table says for
//! each of its lanes which of a few prepared lanes to add. A leaf prepares two: one with its value everywhere, and one for
//! the lane that it begins in, where the columns before it keep what they had. The table is filled from there to the end
//! and written over by the leaves that follow.

use super::TREES_A_BLOCK;
use super::plan::Leaf;

/// Columns of a lane.
const LANE: usize = 16;

/// Table entries that are written at once: all that 128 columns have.
const ENTRIES: usize = 8;

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

/// Sixteen columns, aligned so that the processor adds straight from memory.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Lane([f32; LANE]);

/// The sums of the columns, and room to prepare a block of trees.
#[derive(Clone, Debug)]
pub(super) struct Adder {
    base: f32,
    sums: Vec<Lane>,
    /// Two for each leaf of the block.
    prepared: Vec<Lane>,
    /// The prepared lane for each tree of a block and lane, with room to write beyond the last.
    table: Vec<u32>,
}

impl Adder {
    /// For blocks of at most `max_leaves` leaves.
    pub(super) fn new(base: f32, num_columns: usize, max_leaves: usize) -> Self {
        let num_lanes = num_columns.div_ceil(LANE);
        Self {
            base,
            sums: vec![Lane([base; LANE]); num_lanes],
            prepared: vec![Lane([0.0; LANE]); 2 * max_leaves],
            table: vec![0; (num_lanes + ENTRIES) * TREES_A_BLOCK],
        }
    }

    pub(super) fn begin(&mut self) {
        self.sums.fill(Lane([self.base; LANE]));
    }

    /// The sum of a column.
    pub(super) fn sum(&self, column: usize) -> f32 {
        self.sums[column / LANE].0[column % LANE]
    }

    /// Adds the leaves of a block: all of a tree one after the other, columns ascending.
    pub(super) fn add(&mut self, indices: impl Iterator<Item = u32>, leaves: &[Leaf]) {
        let num_trees = self.prepare(indices, leaves);
        self.add_prepared(num_trees);
    }

    /// Fills the table; returns the number of trees.
    #[inline(never)]
    fn prepare(&mut self, indices: impl Iterator<Item = u32>, leaves: &[Leaf]) -> usize {
        let num_lanes = self.sums.len();
        let stride = num_lanes + ENTRIES;
        let mut num_trees = 0;
        let mut row = 0;
        for (place, index) in indices.enumerate() {
            let leaf = leaves[index as usize];
            let is_first = usize::from(leaf.start == 0);
            num_trees += is_first;
            row = (num_trees - 1) * stride;
            let (lane, column) = (leaf.start as usize / LANE, leaf.start % LANE as u32);
            let before = self.prepared[self.table[row + lane] as usize];
            let mask = &KEEP[column as usize];
            let value = leaf.value.to_bits();
            let mut head = before;
            for (head, mask) in head.0.iter_mut().zip(mask) {
                *head = f32::from_bits((head.to_bits() & mask) | (value & !mask));
            }
            self.prepared[2 * place] = head;
            self.prepared[2 * place + 1] = Lane([leaf.value; LANE]);
            self.table[row + lane] = 2 * place as u32;
            let mut next = lane + 1;
            loop {
                let entries: &mut [u32; ENTRIES] = (&mut self.table[row + next..row + next + ENTRIES]).try_into().expect("");
                *entries = [2 * place as u32 + 1; ENTRIES];
                next += ENTRIES;
                if next >= num_lanes {
                    break;
                }
            }
        }
        num_trees
    }

    #[inline(never)]
    fn add_prepared(&mut self, num_trees: usize) {
        let stride = self.sums.len() + ENTRIES;
        for (lane, sums) in self.sums.iter_mut().enumerate() {
            let mut local = *sums;
            for tree in 0..num_trees {
                let entry = self.table[tree * stride + lane];
                let values = &self.prepared[entry as usize];
                for (sum, value) in local.0.iter_mut().zip(&values.0) {
                    *sum += value;
                }
            }
            *sums = local;
        }
    }
}
