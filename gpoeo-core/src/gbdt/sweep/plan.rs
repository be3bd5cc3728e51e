//! The trees of a model as a panel needs them: which columns reach which node is settled here.

use super::super::model::Model;
use super::super::node::{self, Tree};
use super::node::{FIRST_INPUT, WideNode};

/// Trees planned for the columns of a panel.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Splits that some column reaches, and leaves.
    pub(super) nodes: Vec<WideNode>,
    pub(super) trees: Vec<PlannedTree>,
}

/// A tree and how many of its nodes a walk can meet at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedTree {
    pub(super) tree: Tree,
    pub(super) max_leaves: usize,
}

impl Plan {
    /// For the values of the columns, ascending, at least one.
    pub(super) fn new(model: &Model, feature: usize, values: &[f32]) -> Self {
        let mut planner = Planner { model, feature, values, plan: Self::default() };
        for tree in &model.trees {
            let planned = planner.tree(tree.root);
            planner.plan.trees.push(planned);
        }
        planner.plan
    }
}

/// For each value of a sweep its column, and a value for each column: values between which no threshold lies share one.
pub(super) fn columns(model: &Model, feature: usize, values: &[f32]) -> (Vec<usize>, Vec<f32>) {
    let mut firsts: Vec<usize> = (0..)
        .map_while(|index| model.nodes.get(index))
        .filter(|node| model.inputs.feature(node.input as usize).is_some_and(|(split, _)| split == feature))
        .map(|node| values.partition_point(|value| *value < node.value))
        .chain([0])
        .filter(|first| *first < values.len())
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    let columns = (0..values.len()).map(|place| firsts.partition_point(|first| *first <= place) - 1).collect();
    (columns, firsts.into_iter().filter_map(|first| values.get(first).copied()).collect())
}

struct Planner<'a> {
    model: &'a Model,
    feature: usize,
    values: &'a [f32],
    plan: Plan,
}

/// A node of the model and the columns that reach it, at least one.
#[derive(Clone, Copy)]
struct Reached {
    index: usize,
    node: node::Node<u32>,
    start: usize,
    end: usize,
}

impl Planner<'_> {
    /// Appends a tree, level by level, children side by side.
    fn tree(&mut self, root: usize) -> PlannedTree {
        let start = self.plan.nodes.len();
        let mut level: Vec<Reached> = self.reach(root, 0, self.values.len()).into_iter().collect();
        let mut next_level = Vec::new();
        let (mut depth, mut leaves) = (0, 0);
        loop {
            let mut child = self.plan.nodes.len() + level.len();
            for reached in level.drain(..) {
                let value = reached.node.value;
                let node = match self.children(&reached) {
                    None => {
                        leaves += 1;
                        WideNode { value, child: 0, input: to_u32(reached.start), width: 1 }
                    }
                    Some((input, width, children)) => {
                        next_level.extend(children);
                        child += 2;
                        let offset = to_u32(child - 2 - self.plan.nodes.len());
                        WideNode { value, child: offset, input: to_u32(input), width }
                    }
                };
                self.plan.nodes.push(node);
            }
            if next_level.is_empty() {
                break;
            }
            depth += 1;
            core::mem::swap(&mut level, &mut next_level);
        }
        PlannedTree { tree: Tree { root: start, depth }, max_leaves: leaves.min(self.values.len()) }
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

    /// The first column that goes right at a split on the swept feature.
    fn cut(&self, reached: &Reached) -> Option<usize> {
        let (feature, _) = self.model.inputs.feature(reached.node.input as usize)?;
        (feature == self.feature).then(|| self.values.partition_point(|value| *value < reached.node.value))
    }

    /// The input that a split compares, how many sides are followed, and what they come to; `None` for a leaf.
    fn children(&self, reached: &Reached) -> Option<(usize, u32, [Reached; 2])> {
        let Reached { index, node, start, end } = *reached;
        if node.child == 0 {
            return None;
        }
        let left = index + node.child as usize;
        let (input, width, middle) = match self.cut(reached) {
            // Compares with NaN, and so the left one is the first that comes next.
            Some(cut) => (0, 2, [cut, cut]),
            None => (FIRST_INPUT + self.model.inputs.place(node.input as usize)?, 1, [end, start]),
        };
        Some((input, width, [self.reach(left, start, middle[0])?, self.reach(left + 1, middle[1], end)?]))
    }
}

/// Indices among the nodes of a model that was loaded: their number is far below 2³².
fn to_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
