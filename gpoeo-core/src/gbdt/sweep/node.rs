//! Nodes of a sweep: eight bytes each, one comparison a step, no branch.
//!
//! As in the nodes of a model, `child + (input >= threshold)` is the way on, and comparing with an input that is NaN leads to
//! the left child, or back to the node itself if that is 0. The first inputs are always NaN, one for each column of a panel:
//! a leaf, which compares with one of them, tells by the choice in which column it begins.

use super::super::node::Index;
use super::PANEL;

/// The first input that holds a value of the row; those before are NaN.
pub(super) const FIRST_INPUT: usize = PANEL;

/// Inputs that narrow nodes can choose from.
const NARROW_INPUTS: usize = 256;

/// A node of a planned tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<I, J> {
    /// Threshold of a split, value of a leaf.
    pub(super) value: f32,
    /// How far behind the node its left child lies; 0 in a leaf.
    pub(super) child: I,
    /// The input that is compared with the threshold.
    pub(super) input: J,
    /// How many nodes it gives to the next level: 2 if some columns go left and others right.
    pub(super) width: J,
}

/// Fits nearly every model: up to 64 features in use, trees of some ten thousand nodes.
pub(super) type NarrowNode = Node<u16, u8>;

/// Fits every model.
pub(super) type WideNode = Node<u32, u32>;

/// A node of either size, and the inputs it goes with.
pub(super) trait Step: Copy {
    /// Of a length that is known beforehand where that saves checking it at each step.
    type Inputs: ?Sized;

    /// The first of the nodes that come next, if this is the one at `index`.
    fn next(&self, index: u32, inputs: &Self::Inputs) -> u32;

    /// How many come next, side by side.
    fn width(&self) -> u32;

    /// The value of a leaf, and the column of the panel in which it begins.
    fn leaf(&self) -> (f32, usize);
}

impl Step for NarrowNode {
    type Inputs = [f32; NARROW_INPUTS];

    #[inline]
    fn next(&self, index: u32, inputs: &Self::Inputs) -> u32 {
        let goes_right = inputs[usize::from(self.input)] >= self.value;
        index + u32::from(self.child) + u32::from(goes_right)
    }

    #[inline]
    fn width(&self) -> u32 {
        u32::from(self.width)
    }

    #[inline]
    fn leaf(&self) -> (f32, usize) {
        (self.value, usize::from(self.input))
    }
}

impl Step for WideNode {
    type Inputs = [f32];

    #[inline]
    fn next(&self, index: u32, inputs: &Self::Inputs) -> u32 {
        // An input that is not there cannot be: NaN, and so left.
        let input = inputs.get(self.input.to_usize()).copied().unwrap_or(f32::NAN);
        index + self.child + u32::from(input >= self.value)
    }

    #[inline]
    fn width(&self) -> u32 {
        self.width
    }

    #[inline]
    fn leaf(&self) -> (f32, usize) {
        (self.value, self.input.to_usize())
    }
}

impl NarrowNode {
    fn of(node: &WideNode) -> Option<Self> {
        let [input, width] = [node.input, node.width].map(u8::try_from);
        Some(Self { value: node.value, child: u16::try_from(node.child).ok()?, input: input.ok()?, width: width.ok()? })
    }
}

/// The nodes of all trees, as narrow as they go.
#[derive(Clone, Debug)]
pub(super) enum Nodes {
    Narrow(Vec<NarrowNode>),
    Wide(Vec<WideNode>),
}

impl Nodes {
    pub(super) fn new(wide: Vec<WideNode>) -> Self {
        match wide.iter().map(NarrowNode::of).collect() {
            Some(narrow) => Self::Narrow(narrow),
            None => Self::Wide(wide),
        }
    }
}

/// Inputs for any node of a model with so many, the first [`FIRST_INPUT`] of them NaN.
pub(super) fn inputs(len: usize) -> Vec<f32> {
    vec![f32::NAN; len.max(NARROW_INPUTS)]
}
