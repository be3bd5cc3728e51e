//! The sweep: the margins of rows that differ in one feature only, all in one walk over the trees.
//!
//! The rows that reach a node form an interval of the ascending values, and as every split on the swept feature cuts at
//! values known beforehand, so are the intervals: the plan works them out once, drops branches that no value reaches, and
//! keeps for each leaf the columns that it adds to. What is left for a row: walk the other splits, follow both sides of
//! those on the swept feature, then add the leaves. Each column gets one addition a tree, in the order of the trees, so the
//! result is that of [`Model::margin`] to the bit.
//!
//! Values between which no threshold of the model lies share a column. Source: ours; see `walk` and `add` for the two loops.

mod add;
mod node;
mod plan;
mod walk;

use core::fmt;

use super::model::{Model, RowError};
use super::node::Inputs;
use add::Adder;
use node::{Nodes, Step};
use plan::Plan;
use walk::{Block, Walker};

/// Columns that are walked at once.
const PANEL: usize = 128;

/// Trees that are walked together, level by level, before their leaves are added.
const TREES_A_BLOCK: usize = 64;

/// Leaves that the trees of a block come to at most.
const LEAVES_A_BLOCK: usize = 1024;

/// Margins of one model for all values of one feature, the rest of the row given.
///
/// Made once for a model and a list of values; then each row costs microseconds and no allocation. Holds what it needs of
/// the model, in about the same memory.
///
/// ```
/// # use gpoeo_core::gbdt::{Model, Sweep};
/// # fn demo(model: &Model, row: &[f32]) -> Result<(), Box<dyn std::error::Error>> {
/// let clock_ratios: Vec<f32> = (0..120_u8).map(|gear| (210.0 + 15.0 * f32::from(gear)) / 1995.0).collect();
/// let mut sweep = Sweep::new(model, 0, &clock_ratios)?;
/// let mut margins = vec![0.0; clock_ratios.len()];
/// sweep.margins(row, &mut margins)?; // margins[k] as if row[0] were clock_ratios[k]
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sweep {
    panels: Vec<Panel>,
    walker: Walker,
    adder: Adder,
    base: f32,
    inputs: Inputs,
    filled: Vec<f32>,
    num_features: usize,
    /// The margin of each column.
    sums: Vec<f32>,
    /// The column of each value.
    columns: Vec<usize>,
}

/// Up to [`PANEL`] columns, and the trees as they need them.
#[derive(Clone)]
struct Panel {
    nodes: Nodes,
    blocks: Vec<Block>,
    num_columns: usize,
}

/// Why there is no sweep over these values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The model has no such feature.
    #[error("feature {feature} is to be swept, the model has {num_features}; count from 0")]
    Feature {
        /// The feature.
        feature: usize,
        /// Features of the model.
        num_features: usize,
    },
    /// A value that is NaN or infinite.
    #[error("value {index} of the sweep is not finite; leave it out")]
    NotFinite {
        /// Its place among the values.
        index: usize,
    },
    /// A value below the one before it.
    #[error("value {index} of the sweep is below the one before it; sort them")]
    NotAscending {
        /// Its place among the values.
        index: usize,
    },
}

impl Sweep {
    /// Plans a sweep of `feature` over `values`: finite, ascending, equal ones allowed.
    ///
    /// # Errors
    /// [`SweepError`] if the model has no such feature or the values are not like that.
    pub fn new(model: &Model, feature: usize, values: &[f32]) -> Result<Self, SweepError> {
        let num_features = model.num_features();
        if feature >= num_features {
            return Err(SweepError::Feature { feature, num_features });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(SweepError::NotFinite { index });
        }
        if let Some(before) = values.windows(2).position(|pair| matches!(pair, [a, b] if a > b)) {
            return Err(SweepError::NotAscending { index: before + 1 });
        }
        let (columns, values_of_columns) = plan::columns(model, feature, values);
        let panels = values_of_columns.chunks(PANEL).map(|values| {
            let Plan { nodes, trees } = Plan::new(model, feature, values);
            Panel { nodes: Nodes::new(nodes), blocks: Block::all(&trees), num_columns: values.len() }
        });
        Ok(Self {
            panels: panels.collect(),
            walker: Walker::new(),
            adder: Adder::new(),
            base: model.base,
            filled: node::inputs(node::FIRST_INPUT + model.inputs.len()),
            inputs: model.inputs.clone(),
            num_features,
            sums: vec![0.0; values_of_columns.len()],
            columns,
        })
    }

    /// Number of values that are swept over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The margins of `row` with the swept feature set to each of the values in turn; what the row itself has there does
    /// not matter. NaN is a missing value. Does not allocate.
    ///
    /// # Errors
    /// [`RowError`] if the row does not have a value for each feature of the model, or `out` not one for each value.
    pub fn margins(&mut self, row: &[f32], out: &mut [f32]) -> Result<(), RowError> {
        if row.len() != self.num_features {
            return Err(RowError::RowLength { found: row.len(), expected: self.num_features });
        }
        if out.len() != self.columns.len() {
            return Err(RowError::OutLength { found: out.len(), expected: self.columns.len() });
        }
        self.inputs.fill_values(row, &mut self.filled[node::FIRST_INPUT..]);
        for (panel, sums) in self.panels.iter().zip(self.sums.chunks_mut(PANEL)) {
            self.adder.begin(self.base);
            let (walker, adder) = (&mut self.walker, &mut self.adder);
            match &panel.nodes {
                Nodes::Narrow(nodes) => {
                    let inputs = self.filled.first_chunk().expect("there is room for narrow nodes");
                    panel.all_blocks(walker, adder, nodes, inputs);
                }
                Nodes::Wide(nodes) => panel.all_blocks(walker, adder, nodes, &self.filled),
            }
            adder.write(sums);
        }
        for (margin, column) in out.iter_mut().zip(&self.columns) {
            *margin = self.sums[*column];
        }
        Ok(())
    }
}

impl Panel {
    /// Walks and adds one block after the other.
    fn all_blocks<N: Step>(&self, walker: &mut Walker, adder: &mut Adder, nodes: &[N], inputs: &N::Inputs) {
        for block in &self.blocks {
            adder.add(self.num_columns, walker.walk(block, nodes, inputs), nodes);
        }
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep").field("len", &self.len()).finish_non_exhaustive()
    }
}
