//! Adding the leaves of a block of trees to the columns, almost without a branch that depends on the row.
//!
//! Columns go in lanes of eight. Most leaves cover whole lanes, so a tree is not spread out over its columns: a table says
//! for each of its lanes which of a few prepared lanes to add. A leaf prepares two: one for the lane that it begins in, where
//! the columns before it keep what they had, and one with its value everywhere. The table is filled from there to the end
//! and written over by the leaves that follow.

use super::TREES_A_BLOCK;
use super::plan::Leaf;

/// Columns of a lane.
const LANE: usize = 8;

/// Lanes that are added to at once, so that one addition need not wait for another: as many as registers hold.
const AT_ONCE: usize = 4;

/// Table entries that are written at once: all that 128 columns have.
const ENTRIES: usize = 16;

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

/// The sums of the columns, and room to prepare a block of trees.
#[derive(Clone, Debug)]
pub(super) struct Adder {
    base: f32,
    sums: Vec<Lane>,
    /// For each leaf of the block: the lane that it begins in, a lane that it fills.
    prepared: Vec<[Lane; 2]>,
    /// The prepared lane for each tree of a block and lane, with room to write beyond the last.
    table: Vec<u32>,
}

impl Adder {
    /// For blocks of at most `max_leaves` leaves.
    pub(super) fn new(base: f32, num_columns: usize, max_leaves: usize) -> Self {
        let num_lanes = num_columns.div_ceil(LANE).next_multiple_of(AT_ONCE);
        Self {
            base,
            sums: vec![Lane([base; LANE]); num_lanes],
            prepared: vec![[Lane([0.0; LANE]); 2]; max_leaves],
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
    fn prepare(&mut self, indices: impl Iterator<Item = u32>, leaves: &[Leaf]) -> usize {
        let stride = self.sums.len() + ENTRIES;
        let mut row = 0;
        let mut next_row = 0;
        let mut begun = Lane([0.0; LANE]);
        let mut full = begun;
        let mut begun_lane = usize::MAX;
        for ((place, index), prepared) in (0_u32..).zip(indices).zip(&mut self.prepared) {
            let leaf = leaves[index as usize];
            if leaf.start == 0 {
                row = next_row;
                next_row += stride;
            }
            let (lane, column) = (leaf.start as usize / LANE, leaf.start as usize % LANE);
            // What the leaf before left there: it may have begun in the same lane.
            let before = if lane == begun_lane { begun } else { full };
            let value = leaf.value.to_bits();
            for ((begun, before), keep) in begun.0.iter_mut().zip(&before.0).zip(&KEEP[column]) {
                *begun = f32::from_bits((before.to_bits() & keep) | (value & !keep));
            }
            full = Lane([leaf.value; LANE]);
            begun_lane = lane;
            *prepared = [begun, full];

            self.table[row + lane] = 2 * place;
            let mut next = lane + 1;
            loop {
                self.table[row + next..row + next + ENTRIES].fill(2 * place + 1);
                next += ENTRIES;
                if next >= self.sums.len() {
                    break;
                }
            }
        }
        next_row / stride
    }

    fn add_prepared(&mut self, num_trees: usize) {
        let stride = self.sums.len() + ENTRIES;
        let prepared = self.prepared.as_flattened();
        for (group, sums) in self.sums.chunks_exact_mut(AT_ONCE).enumerate() {
            let sums: &mut [Lane; AT_ONCE] = sums.try_into().expect("a chunk has that length");
            let mut local = *sums;
            for row in self.table.chunks_exact(stride).take(num_trees) {
                let entries = &row[group * AT_ONCE..][..AT_ONCE];
                for (local, entry) in local.iter_mut().zip(entries) {
                    for (sum, value) in local.0.iter_mut().zip(&prepared[*entry as usize].0) {
                        *sum += value;
                    }
                }
            }
            *sums = local;
        }
    }
}
