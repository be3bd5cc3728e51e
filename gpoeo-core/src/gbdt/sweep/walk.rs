//! The walk: a block of trees level by level, without a branch that depends on the row.
//!
//! A level is a list of nodes in the order of trees and columns. Each gives one or two of the next level: both children are
//! written, the place to write moves on by one, or by two if both are followed. A leaf gives itself.

use super::node::Step;
use super::plan::PlannedTree;
use super::{LEAVES_A_BLOCK, TREES_A_BLOCK};

/// Room for a level. One more: both children are written before one of them is dropped.
type Level = [u32; LEAVES_A_BLOCK + 1];

/// Trees that are walked together.
#[derive(Clone, Debug)]
pub(super) struct Block {
    roots: Vec<u32>,
    depth: usize,
}

impl Block {
    /// All trees in blocks, each as large as there is room for the leaves.
    pub(super) fn all(trees: &[PlannedTree]) -> Vec<Self> {
        let mut blocks: Vec<Self> = Vec::new();
        let mut leaves = LEAVES_A_BLOCK;
        for PlannedTree { tree, max_leaves } in trees {
            leaves += max_leaves;
            let block = match blocks.last_mut() {
                Some(block) if leaves <= LEAVES_A_BLOCK && block.roots.len() < TREES_A_BLOCK => block,
                _ => {
                    leaves = *max_leaves;
                    blocks.push(Self { roots: Vec::new(), depth: 0 });
                    let Some(block) = blocks.last_mut() else { continue };
                    block
                }
            };
            block.roots.push(u32::try_from(tree.root).unwrap_or(u32::MAX));
            block.depth = block.depth.max(tree.depth);
        }
        blocks
    }
}

/// Room for two levels.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    level: Box<Level>,
    next_level: Box<Level>,
}

impl Walker {
    pub(super) fn new() -> Self {
        let level = Box::new([0; LEAVES_A_BLOCK + 1]);
        Self { level: level.clone(), next_level: level }
    }

    /// The leaves that a row comes to in the trees of a block: all of a tree one after the other, columns ascending.
    pub(super) fn walk<N: Step>(&mut self, block: &Block, nodes: &[N], inputs: &N::Inputs) -> &[u32] {
        let mut length = block.roots.len();
        self.level[..length].copy_from_slice(&block.roots);
        for _ in 0..block.depth {
            length = step(nodes, inputs, &self.level[..length], &mut self.next_level);
            core::mem::swap(&mut self.level, &mut self.next_level);
        }
        &self.level[..length]
    }
}

/// One level; returns the length of the next.
fn step<N: Step>(nodes: &[N], inputs: &N::Inputs, level: &[u32], next_level: &mut Level) -> usize {
    let mut length = 0_u32;
    for index in level {
        let node = nodes[*index as usize];
        let next = node.next(*index, inputs);
        next_level[length as usize..length as usize + 2].copy_from_slice(&[next, next + 1]);
        length += node.width();
    }
    length as usize
}
