//! How trees lie in memory for inference: eight bytes a node, one comparison a step, no branch.
//!
//! A row is first spread out into *inputs*: two for each feature that the model uses, one for splits whose missing values
//! go left (NaN stays NaN, and compares false) and one for those whose go right (NaN becomes infinity, and compares true).
//! Then every step is `child + (input >= threshold)`, whatever the default side. A leaf reads an input that is always NaN
//! and has itself as its child, so that walking on from it changes nothing and trees of different depth walk in step.

use super::schema::RawTree;

/// The input that a leaf compares with: always NaN.
pub(super) const LEAF_INPUT: usize = 0;

/// The first input that holds a value of the row.
const FIRST_INPUT: usize = 1;

/// An index of 16 bits, which fit nearly all models, or of 32.
pub(super) trait Index: Copy {
    fn from_usize(index: usize) -> Option<Self>;
    fn to_usize(self) -> usize;
}

impl Index for u16 {
    fn from_usize(index: usize) -> Option<Self> {
        Self::try_from(index).ok()
    }

    #[inline]
    fn to_usize(self) -> usize {
        usize::from(self)
    }
}

impl Index for u32 {
    fn from_usize(index: usize) -> Option<Self> {
        Self::try_from(index).ok()
    }

    #[inline]
    fn to_usize(self) -> usize {
        self as usize
    }
}

/// A node of a tree. Children lie side by side behind their parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<I> {
    /// Threshold of a split, value of a leaf.
    pub(super) value: f32,
    /// The input that is compared with the threshold.
    pub(super) input: I,
    /// How far behind the node its left child lies; 0 in a leaf.
    pub(super) child: I,
}

impl<I: Index> Node<I> {
    /// 1 if the right child comes next, 0 if the left one, or if there is none.
    #[inline]
    pub(super) fn step(&self, inputs: &[f32]) -> usize {
        // An input that is not there cannot be: NaN, and so 0.
        let input = inputs.get(self.input.to_usize()).copied().unwrap_or(f32::NAN);
        self.child.to_usize() + usize::from(input >= self.value)
    }

    fn narrow(node: &Node<u32>) -> Option<Self> {
        let [input, child] = [node.input, node.child].map(|index| I::from_usize(index.to_usize()));
        Some(Self { value: node.value, input: input?, child: child? })
    }
}

/// All nodes of a model, as narrow as they go.
#[derive(Clone, Debug)]
pub(super) enum Nodes {
    Narrow(Vec<Node<u16>>),
    Wide(Vec<Node<u32>>),
}

impl Nodes {
    pub(super) fn new(wide: Vec<Node<u32>>) -> Self {
        match wide.iter().map(Node::narrow).collect() {
            Some(narrow) => Self::Narrow(narrow),
            None => Self::Wide(wide),
        }
    }

    /// A node, whatever its width.
    pub(super) fn get(&self, index: usize) -> Option<Node<u32>> {
        match self {
            Self::Narrow(nodes) => nodes.get(index).map(|node| Node {
                value: node.value,
                input: u32::from(node.input),
                child: u32::from(node.child),
            }),
            Self::Wide(nodes) => nodes.get(index).copied(),
        }
    }

    pub(super) fn truncate(&mut self, length: usize) {
        match self {
            Self::Narrow(nodes) => nodes.truncate(length),
            Self::Wide(nodes) => nodes.truncate(length),
        }
    }
}

/// Where a tree lies among the nodes, and how deep it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    pub(super) root: usize,
    /// Steps from the root to the deepest leaf.
    pub(super) depth: usize,
}

/// Which features the model uses; spreads rows out into inputs.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    /// Ascending.
    features: Vec<usize>,
}

/// A split's side for missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    GoLeft,
    GoRight,
}

impl Inputs {
    /// Of the features in any order.
    pub(super) fn new(mut features: Vec<usize>) -> Self {
        features.sort_unstable();
        features.dedup();
        Self { features }
    }

    /// Number of inputs.
    pub(super) fn len(&self) -> usize {
        FIRST_INPUT + 2 * self.features.len()
    }

    /// The input of a feature that was given to `new`.
    pub(super) fn index(&self, feature: usize, missing: Missing) -> usize {
        let place = self.features.binary_search(&feature).unwrap_or_else(|place| place);
        FIRST_INPUT + 2 * place + usize::from(missing == Missing::GoRight)
    }

    /// The feature of an input, and its side for missing values; `None` for a leaf's.
    pub(super) fn feature(&self, input: usize) -> Option<(usize, Missing)> {
        let place = self.place(input)?;
        let missing = if place % 2 == 0 { Missing::GoLeft } else { Missing::GoRight };
        Some((*self.features.get(place / 2)?, missing))
    }

    /// The place of an input among those that hold a value of the row; `None` for a leaf's.
    pub(super) fn place(&self, input: usize) -> Option<usize> {
        input.checked_sub(FIRST_INPUT)
    }

    /// Spreads a row out.
    pub(super) fn fill(&self, row: &[f32], inputs: &mut [f32]) {
        let (constants, values) = inputs.split_at_mut(FIRST_INPUT.min(inputs.len()));
        constants.fill(f32::NAN);
        self.fill_values(row, values);
    }

    /// Spreads a row out, without the inputs that are always NaN.
    pub(super) fn fill_values(&self, row: &[f32], values: &mut [f32]) {
        for (pair, feature) in values.chunks_exact_mut(2).zip(&self.features) {
            let value = row.get(*feature).copied().unwrap_or(f32::NAN);
            if let [left, right] = pair {
                *left = value;
                *right = if value.is_nan() { f32::INFINITY } else { value };
            }
        }
    }
}

/// Lays the trees of a file out one after the other, each level by level, deleted nodes left out.
pub(super) fn lay_out(raw_trees: &[RawTree<'_>]) -> (Vec<Node<u32>>, Vec<Tree>, Inputs) {
    let splits = raw_trees.iter().flat_map(|raw| raw.nodes).filter(|node| node.left > 0);
    let inputs = Inputs::new(splits.filter_map(|node| usize::try_from(node.feature).ok()).collect());
    let mut nodes = Vec::new();
    let mut level = Vec::new();
    let mut next_level = Vec::new();
    let trees = raw_trees.iter().map(|raw| {
        let root = nodes.len();
        let mut depth = 0;
        level.push(0);
        loop {
            // The next level begins where this one ends.
            let mut child = nodes.len() + level.len();
            for index in level.drain(..) {
                let Some(raw) = raw.nodes.get(index) else { continue };
                let left = usize::try_from(raw.left).ok().filter(|left| *left > 0);
                let (input, offset) = match left {
                    None => (LEAF_INPUT, 0),
                    Some(left) => {
                        let missing = if raw.default_left { Missing::GoLeft } else { Missing::GoRight };
                        let feature = usize::try_from(raw.feature).unwrap_or(usize::MAX);
                        next_level.extend([left, left + 1]);
                        let offset = child - nodes.len();
                        child += 2;
                        (inputs.index(feature, missing), offset)
                    }
                };
                // A file with 2³² nodes would be far larger than any that loads.
                let [input, child] = [input, offset].map(|index| u32::try_from(index).unwrap_or(0));
                nodes.push(Node { value: raw.value, input, child });
            }
            if next_level.is_empty() {
                break;
            }
            depth += 1;
            core::mem::swap(&mut level, &mut next_level);
        }
        Tree { root, depth }
    });
    let trees = trees.collect();
    (nodes, trees, inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_takes_the_side_of_its_split_and_a_number_compares() {
        let inputs = Inputs::new(vec![7, 3, 7]);
        let mut row = [0.0; 8];
        let mut filled = vec![0.0; inputs.len()];
        for threshold in [f32::NEG_INFINITY, -1.0, -0.0, 0.0, 1e-45, 2.0, f32::INFINITY] {
            for x in [f32::NEG_INFINITY, -1.0, -0.0, 0.0, 1e-45, 2.0, f32::INFINITY, f32::NAN] {
                row[7] = x;
                inputs.fill(&row, &mut filled);
                for missing in [Missing::GoLeft, Missing::GoRight] {
                    let input = u16::from_usize(inputs.index(7, missing)).unwrap();
                    let node = Node { value: threshold, input, child: 5_u16 };
                    let right = if x.is_nan() { missing == Missing::GoRight } else { x >= threshold };
                    assert_eq!(node.step(&filled), 5 + usize::from(right), "{x} {threshold} {missing:?}");
                }
                let leaf = Node { value: threshold, input: 0_u16, child: 0 };
                assert_eq!(leaf.step(&filled), 0);
            }
        }
        assert_eq!(inputs.feature(inputs.index(3, Missing::GoRight)), Some((3, Missing::GoRight)));
        assert_eq!(inputs.feature(LEAF_INPUT), None);
    }

    #[test]
    fn indices_beyond_16_bits_make_all_nodes_wide() {
        let node = |child| Node { value: 1.0, input: 2, child };
        assert!(matches!(Nodes::new(vec![node(1), node(65535)]), Nodes::Narrow(_)));
        let wide = Nodes::new(vec![node(1), node(65536)]);
        assert!(matches!(wide, Nodes::Wide(_)));
        assert_eq!(wide.get(1).map(|node| node.child), Some(65536));
    }
}
