//! The trees of a model as a sweep needs them: which values reach which node is settled here.

use super::super::model::Model;
use super::super::node::{BOTH_INPUT, LEAF_INPUT, Node, Tree};

/// A leaf that some value can reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) value: f32,
    /// The first column that it adds to.
    pub(super) start: u32,
}

/// Trees planned for one feature and its values.
#[derive(Debug)]
pub(super) struct Plan {
    /// Splits and leaves; the value of a leaf is the bits of its index among the leaves.
    pub(super) nodes: Vec<Node<u32>>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) trees: Vec<PlannedTree>,
    /// The column of each value.
    pub(super) columns: Vec<usize>,
    pub(super) num_columns: usize,
}

/// A tree and how many of its nodes a walk can meet at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedTree {
    pub(super) tree: Tree,
    pub(super) max_leaves: usize,
}

impl Plan {
    pub(super) fn new(model: &Model, feature: usize, values: &[f32]) -> Self {
        let planner = Planner { model, feature, cuts: cuts(model, feature, values), values };
        let num_columns = planner.cuts.len() + 1;
        let mut plan =
            Self { nodes: Vec::new(), leaves: Vec::new(), trees: Vec::new(), columns: Vec::new(), num_columns };
        let column = |place: usize| planner.cuts.partition_point(|cut| *cut <= place);
        plan.columns = (0..values.len()).map(column).collect();
        plan.trees =
            model.trees.iter().map(|tree| planner.tree(tree.root, &mut plan.nodes, &mut plan.leaves)).collect();
        plan
    }
}

/// Places among the values, ascending, where some split of the model separates a value from the one before it.
fn cuts(model: &Model, feature: usize, values: &[f32]) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..)
        .map_while(|index| model.nodes.get(index))
        .filter(|node| model.inputs.feature(node.input as usize).is_some_and(|(split, _)| split == feature))
        .map(|node| rank(node.value, values))
        .filter(|rank| *rank > 0 && *rank < values.len())
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// How many values go left at a threshold.
fn rank(threshold: f32, values: &[f32]) -> usize {
    values.partition_point(|value| *value < threshold)
}

struct Planner<'a> {
    model: &'a Model,
    feature: usize,
    cuts: Vec<usize>,
    values: &'a [f32],
}

/// A node of the model and the columns that reach it, at least one.
#[derive(Clone, Copy)]
struct Reached {
    index: usize,
    node: Node<u32>,
    start: usize,
    end: usize,
}

impl Planner<'_> {
    /// Appends a tree, level by level, children side by side.
    fn tree(&self, root: usize, nodes: &mut Vec<Node<u32>>, leaves: &mut Vec<Leaf>) -> PlannedTree {
        let start = nodes.len();
        let first_leaf = leaves.len();
        let mut level: Vec<Reached> = self.reach(root, 0, self.cuts.len() + 1).into_iter().collect();
        let mut next_level = Vec::new();
        let mut depth = 0;
        loop {
            let mut child = nodes.len() + level.len();
            for reached in level.drain(..) {
                let offset = child - nodes.len();
                let (value, input, offset) = match self.children(&reached) {
                    None => {
                        let index = leaves.len();
                        leaves.push(Leaf { value: reached.node.value, start: to_u32(reached.start) });
                        (f32::from_bits(to_u32(index)), LEAF_INPUT, 0)
                    }
                    Some((input, children)) => {
                        next_level.extend(children);
                        child += 2;
                        (reached.node.value, input, offset)
                    }
                };
                nodes.push(Node { value, input: to_u32(input), child: to_u32(offset) });
            }
            if next_level.is_empty() {
                break;
            }
            depth += 1;
            core::mem::swap(&mut level, &mut next_level);
        }
        let max_leaves = (leaves.len() - first_leaf).min(self.cuts.len() + 1);
        PlannedTree { tree: Tree { root: start, depth }, max_leaves }
    }

    /// The node that columns `start..end` come to at `index`, behind splits that do not part them.
    fn reach(&self, mut index: usize, start: usize, end: usize) -> Option<Reached> {
        loop {
            let node = self.model.nodes.get(index)?;
            let reached = Reached { index, node, start, end };
            match self.cut(&reached) {
                Some(cut) if cut <= start => index += node.child as usize + 1,
                Some(cut) if cut >= end => index += node.child as usize,
                _ => return Some(reached),
            }
        }
    }

    /// The column at which a split on the swept feature cuts.
    fn cut(&self, reached: &Reached) -> Option<usize> {
        let (feature, _) = self.model.inputs.feature(reached.node.input as usize)?;
        let place = (feature == self.feature).then(|| rank(reached.node.value, self.values))?;
        Some(match place {
            0 => 0,
            place => self.cuts.partition_point(|cut| *cut < place) + 1,
        })
    }

    /// The input that a split compares, and what its two sides come to; `None` for a leaf.
    fn children(&self, reached: &Reached) -> Option<(usize, [Reached; 2])> {
        let Reached { index, node, start, end } = *reached;
        if node.child == 0 {
            return None;
        }
        let left = index + node.child as usize;
        let (input, middle) = match self.cut(reached) {
            Some(cut) => (BOTH_INPUT, [cut, cut]),
            None => (node.input as usize, [end, start]),
        };
        Some((input, [self.reach(left, start, middle[0])?, self.reach(left + 1, middle[1], end)?]))
    }
}

/// Indices among the nodes of a model that was loaded: their number is far below 2³².
fn to_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
