//! A loaded model, and the margins of rows.

use core::fmt;

use super::error::ModelError;
use super::format::{Format, Json, Source, Ubjson};
use super::names::FeatureNames;
use super::node::{Index, Inputs, Node, Nodes, Tree, lay_out};
use super::objective::Objective;
use super::schema::{Document, Parts};

/// Inputs for which a single row needs no allocation: those of 127 features.
const INPUTS_ON_STACK: usize = 256;

/// Trees that are walked in step, so that the processor works on one while it waits for the node of another.
const TREES_IN_STEP: usize = 8;

/// A model that XGBoost trained: gradient-boosted trees with one output.
///
/// Immutable, `Send` and `Sync`. Margins equal those of the XGBoost that wrote the file bit by bit: the base, plus the leaf
/// of each tree in order, rounded to f32 each time. (The base of a logarithmic or logistic objective takes the C library's
/// `logf`; this is pinned on glibc, elsewhere its last bit may differ.) Only NaN counts as missing.
///
/// ```
/// use gpoeo_core::gbdt::Model;
///
/// // One tree: x < 1.5 -> -1, otherwise (or x missing) 1. As XGBoost would write it, fields without use left out.
/// let text = br#"{"version": [3, 2, 0], "learner": {
///     "objective": {"name": "reg:squarederror"},
///     "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "1"},
///     "gradient_booster": {"name": "gbtree", "model": {
///         "gbtree_model_param": {"num_trees": "1", "num_parallel_tree": "1"}, "tree_info": [0],
///         "trees": [{"id": 0, "tree_param": {"num_nodes": "3", "num_deleted": "0", "size_leaf_vector": "1"},
///             "left_children": [1, -1, -1], "right_children": [2, -1, -1], "parents": [2147483647, 0, 0],
///             "split_indices": [0, 0, 0], "split_conditions": [1.5, -1, 1], "default_left": [0, 0, 0]}]}}}}"#;
/// let model = Model::from_slice(text)?;
/// assert_eq!(model.margin(&[1.0])?, -0.5);
/// assert_eq!(model.margin(&[1.5])?, 1.5);
/// assert_eq!(model.margin(&[f32::NAN])?, 1.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Model {
    pub(super) nodes: Nodes,
    pub(super) trees: Vec<Tree>,
    pub(super) inputs: Inputs,
    pub(super) base: f32,
    pub(super) num_features: usize,
    /// The first tree of each iteration, then the number of trees.
    iterations: Vec<usize>,
    feature_names: FeatureNames,
    objective: Objective,
    best_iteration: Option<Box<str>>,
    version: Option<[u32; 3]>,
}

/// Why a row has no margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A row, or rows put together, of another length than the model's features.
    #[error("the rows have {found} values, the model needs {expected}; give one a feature, NaN where it is missing")]
    RowLength {
        /// Values given.
        found: usize,
        /// Values needed.
        expected: usize,
    },
    /// Room for another number of margins than there are.
    #[error("there is room for {found} margins, but {expected} are asked for; give a slice of that length")]
    OutLength {
        /// Room.
        found: usize,
        /// Margins.
        expected: usize,
    },
}

/// Why a model cannot be cut to its first iterations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IterationError {
    /// The attribute `best_iteration` is no iteration of the model.
    #[error(
        "learner.attributes.best_iteration is {text:?}, the model has {num_iterations} iterations; \
         use all of them or save the model again"
    )]
    BestIteration {
        /// What it is, shortened.
        text: Box<str>,
        /// Iterations of the model.
        num_iterations: usize,
    },
    /// More iterations than there are.
    #[error("{asked} iterations are asked for, the model has {num_iterations}; ask for fewer")]
    TooMany {
        /// Iterations asked for.
        asked: usize,
        /// Iterations of the model.
        num_iterations: usize,
    },
}

impl Model {
    /// Loads a model that XGBoost 1.7 to 3.2 saved as JSON or UBJSON, told apart by content.
    ///
    /// Linear in the length, without recursion; memory is a small multiple of it.
    ///
    /// # Errors
    /// Whatever in `bytes` is not such a model, or one of a kind that is not supported: [`ModelError`] lists all cases.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, ModelError> {
        match Format::of(bytes)? {
            Format::Json => Self::from_json(bytes),
            Format::Ubjson => Self::from_ubj(bytes),
        }
    }

    /// Loads a model from JSON.
    ///
    /// # Errors
    /// As [`Self::from_slice`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::read(Json::new(bytes)?)
    }

    /// Loads a model from UBJSON.
    ///
    /// # Errors
    /// As [`Self::from_slice`].
    pub fn from_ubj(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::read(Ubjson::new(bytes))
    }

    fn read<'a>(source: impl Source<'a>) -> Result<Self, ModelError> {
        let parts = Document::read(source)?.check()?;
        let (nodes, trees, inputs) = lay_out(&parts.trees()?);
        let nodes = Nodes::new(nodes);
        let Parts { version, best_iteration, feature_names, num_features, objective, base, iterations, .. } = parts;
        Ok(Self {
            nodes,
            trees,
            inputs,
            base,
            num_features,
            iterations,
            feature_names,
            objective,
            best_iteration,
            version,
        })
    }

    /// Values of a row.
    #[must_use]
    pub fn num_features(&self) -> usize {
        self.num_features
    }

    /// The features' names in the order of a row's values: one each, or none at all if the model was trained without.
    #[must_use]
    pub fn feature_names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.feature_names.iter()
    }

    /// What the model was trained for.
    #[must_use]
    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// Number of trees.
    #[must_use]
    pub fn num_trees(&self) -> usize {
        self.trees.len()
    }

    /// Rounds of boosting; each may have added several trees.
    #[must_use]
    pub fn num_iterations(&self) -> usize {
        self.iterations.len().saturating_sub(1)
    }

    /// The version of XGBoost that wrote the file: major, minor, patch. `None` if it does not say.
    #[must_use]
    pub fn xgboost_version(&self) -> Option<[u32; 3]> {
        self.version
    }

    /// The iteration at which early stopping found the model best, from 0; `None` if the file does not say. For it alone
    /// and those before it: [`Self::first_iterations`] of one more.
    ///
    /// # Errors
    /// [`IterationError::BestIteration`] if what the file says is no iteration of the model.
    pub fn best_iteration(&self) -> Result<Option<usize>, IterationError> {
        let Some(text) = self.best_iteration.as_deref() else { return Ok(None) };
        let num_iterations = self.num_iterations();
        match text.parse::<usize>() {
            Ok(iteration) if iteration < num_iterations => Ok(Some(iteration)),
            _ => Err(IterationError::BestIteration { text: super::error::shortened(text), num_iterations }),
        }
    }

    /// The model as it was after so many iterations.
    ///
    /// # Errors
    /// [`IterationError::TooMany`] if it had fewer.
    pub fn first_iterations(&self, iterations: usize) -> Result<Self, IterationError> {
        let num_iterations = self.num_iterations();
        let too_many = IterationError::TooMany { asked: iterations, num_iterations };
        let num_trees = *self.iterations.get(iterations).ok_or(too_many)?;
        let mut model = self.clone();
        if let Some(next) = model.trees.get(num_trees) {
            model.nodes.truncate(next.root);
        }
        model.trees.truncate(num_trees);
        model.iterations.truncate(iterations + 1);
        Ok(model)
    }

    /// The margin of one row: the sum before the objective's link. NaN is a missing value.
    ///
    /// Does not allocate for up to 127 features that the model uses.
    ///
    /// # Errors
    /// [`RowError::RowLength`] if the row does not have [`Self::num_features`] values.
    pub fn margin(&self, row: &[f32]) -> Result<f32, RowError> {
        let mut margin = [0.0];
        self.check_rows(row, 1)?;
        let length = self.inputs.len();
        let mut on_stack = [0.0; INPUTS_ON_STACK];
        match on_stack.get_mut(..length) {
            Some(inputs) => self.sum(row, inputs, &mut margin),
            None => self.sum(row, &mut vec![0.0; length], &mut margin),
        }
        Ok(margin[0])
    }

    /// The margins of rows put together, `out.len() × num_features`, row-major.
    ///
    /// # Errors
    /// [`RowError::RowLength`] if `rows` has another number of values.
    pub fn margins(&self, rows: &[f32], out: &mut [f32]) -> Result<(), RowError> {
        self.check_rows(rows, out.len())?;
        let mut inputs = vec![0.0; self.inputs.len()];
        if self.num_features == 0 {
            self.sum(&[], &mut inputs, out.get_mut(..1).unwrap_or_default());
            if let Some(first) = out.first().copied() {
                out.fill(first);
            }
            return Ok(());
        }
        for (row, margin) in rows.chunks_exact(self.num_features).zip(out.chunks_exact_mut(1)) {
            self.sum(row, &mut inputs, margin);
        }
        Ok(())
    }

    /// The prediction of one row: the objective's inverse link of its margin. Only the margin is promised to the bit.
    ///
    /// # Errors
    /// As [`Self::margin`].
    pub fn predict(&self, row: &[f32]) -> Result<f32, RowError> {
        Ok(self.objective.prediction(self.margin(row)?))
    }

    fn check_rows(&self, rows: &[f32], count: usize) -> Result<(), RowError> {
        let expected = self.num_features.saturating_mul(count);
        if rows.len() == expected { Ok(()) } else { Err(RowError::RowLength { found: rows.len(), expected }) }
    }

    fn sum(&self, row: &[f32], inputs: &mut [f32], margin: &mut [f32]) {
        self.inputs.fill(row, inputs);
        let sum = match &self.nodes {
            Nodes::Narrow(nodes) => sum(nodes, &self.trees, inputs, self.base),
            Nodes::Wide(nodes) => sum(nodes, &self.trees, inputs, self.base),
        };
        if let [margin] = margin {
            *margin = sum;
        }
    }
}

/// Walks all trees, [`TREES_IN_STEP`] at a time, and adds their leaves in order.
fn sum<I: Index>(nodes: &[Node<I>], trees: &[Tree], inputs: &[f32], base: f32) -> f32 {
    let mut margin = base;
    for group in trees.chunks(TREES_IN_STEP) {
        let mut at = [0; TREES_IN_STEP];
        let mut depth = 0;
        for (at, tree) in at.iter_mut().zip(group) {
            *at = tree.root;
            depth = depth.max(tree.depth);
        }
        for _ in 0..depth {
            for at in &mut at {
                *at += nodes.get(*at).map_or(0, |node| node.step(inputs));
            }
        }
        for (at, _) in at.iter().zip(group) {
            margin += nodes.get(*at).map_or(0.0, |leaf| leaf.value);
        }
    }
    margin
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("objective", &self.objective)
            .field("num_features", &self.num_features)
            .field("num_trees", &self.num_trees())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
