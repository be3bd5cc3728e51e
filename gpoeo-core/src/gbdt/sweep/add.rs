//! Adding the leaves of a block of trees to the columns.

use super::TREES_A_BLOCK;
use super::plan::Leaf;

/// Columns that are written at once.
const STRIDE: usize = 16;

/// The sums of the columns, and room for the leaves of a block of trees spread out over them.
#[derive(Clone, Debug)]
pub(super) struct Adder {
    base: f32,
    /// Columns rounded up to whole strides.
    width: usize,
    sums: Vec<f32>,
    spread: Vec<f32>,
}

impl Adder {
    pub(super) fn new(base: f32, num_columns: usize) -> Self {
        let width = num_columns.next_multiple_of(STRIDE);
        // A leaf is written in whole strides and may reach beyond its last column: the next one writes over that.
        Self { base, width, sums: vec![0.0; width], spread: vec![0.0; width * TREES_A_BLOCK + STRIDE] }
    }

    pub(super) fn begin(&mut self) {
        self.sums.fill(self.base);
    }

    pub(super) fn sums(&self) -> &[f32] {
        &self.sums
    }

    pub(super) fn add(&mut self, indices: impl Iterator<Item = u32>, leaves: &[Leaf]) {
        let trees = self.spread_out(indices, leaves);
        let width = self.width;
        for (chunk, sums) in self.sums.chunks_exact_mut(STRIDE).enumerate() {
            let sums: &mut [f32; STRIDE] = sums.try_into().expect("a whole stride");
            let mut local = *sums;
            for tree in 0..trees {
                let start = tree * width + chunk * STRIDE;
                let values: &[f32; STRIDE] = self.spread[start..start + STRIDE].try_into().expect("a whole stride");
                for (sum, value) in local.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            *sums = local;
        }
    }

    #[inline(never)]
    fn spread_out(&mut self, indices: impl Iterator<Item = u32>, leaves: &[Leaf]) -> usize {
        let mut tree = 0_usize;
        for index in indices {
            let leaf = leaves[index as usize];
            tree += usize::from(leaf.start == 0);
            let row = (tree - 1) * self.width;
            let (mut start, end) = (row + leaf.start as usize, row + leaf.end as usize);
            loop {
                let room: &mut [f32; STRIDE] = (&mut self.spread[start..start + STRIDE]).try_into().expect("a stride");
                *room = [leaf.value; STRIDE];
                start += STRIDE;
                if start >= end {
                    break;
                }
            }
        }
        tree
    }
}
