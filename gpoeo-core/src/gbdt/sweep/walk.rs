//! The walk: a block of trees level by level, without a branch that depends on the row.
//!
//! A level is a list of nodes in the order of trees and columns. Each gives one or two of the next level: both children are
//! written, the place to write moves on by one, or by two if both are followed. A leaf gives itself.

use super::super::node::{BOTH_INPUT, Index, Node};
use super::TREES_A_BLOCK;
use super::plan::PlannedTree;

/// The roots of the blocks, and room for two levels.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    blocks: Vec<Block>,
    level: Vec<u32>,
    next_level: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Block {
    roots: Vec<u32>,
    depth: usize,
}

impl Walker {
    pub(super) fn new(trees: &[PlannedTree]) -> Self {
        let mut room = 0;
        let blocks = trees.chunks(TREES_A_BLOCK).map(|trees| {
            // One more: both children are written before one of them is dropped.
            room = room.max(1 + trees.iter().map(|planned| planned.max_leaves).sum::<usize>());
            Block {
                roots: trees.iter().map(|planned| u32::try_from(planned.tree.root).unwrap_or(u32::MAX)).collect(),
                depth: trees.iter().map(|planned| planned.tree.depth).max().unwrap_or(0),
            }
        });
        let blocks = blocks.collect();
        Self { blocks, level: vec![0; room], next_level: vec![0; room] }
    }

    /// Most leaves that a block can give.
    pub(super) fn max_leaves(&self) -> usize {
        self.level.len().saturating_sub(1)
    }

    pub(super) fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The leaves that a row comes to in the trees of a block: all of a tree one after the other, columns ascending.
    pub(super) fn walk<I: Index>(
        &mut self,
        block: usize,
        nodes: &[Node<I>],
        inputs: &[f32],
    ) -> impl Iterator<Item = u32> {
        let (roots, depth) = self.blocks.get(block).map_or((&[][..], 0), |block| (&block.roots, block.depth));
        let mut length = roots.len();
        if let Some(level) = self.level.get_mut(..length) {
            level.copy_from_slice(roots);
        }
        for _ in 0..depth {
            length = step(nodes, inputs, &self.level[..length], &mut self.next_level);
            core::mem::swap(&mut self.level, &mut self.next_level);
        }
        self.level[..length].iter().map(|index| nodes[*index as usize].value.to_bits())
    }
}

/// One level; returns the length of the next.
fn step<I: Index>(nodes: &[Node<I>], inputs: &[f32], level: &[u32], next_level: &mut [u32]) -> usize {
    let mut length = 0;
    for index in level {
        let node = &nodes[*index as usize];
        let next = *index + node.step(inputs) as u32;
        next_level[length] = next;
        next_level[length + 1] = next + 1;
        length += 1 + usize::from(node.input.to_usize() == BOTH_INPUT);
    }
    length
}
