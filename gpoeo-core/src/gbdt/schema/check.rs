//! The rules between the fields of a file, in the order in which a file that breaks several of them is told so.

use super::super::error::{BaseScoreProblem, ModelError, shortened};
use super::super::names::FeatureNames;
use super::super::objective::{Objective, parse_base_score};
use super::super::place::FieldPath;
use super::document::{Document, TreeModel};
use super::parameter;
use super::structure::shown;
use super::tree::{Forest, RawTree};

/// The version that began to keep base scores of logistic objectives away from 0 and 1.
const CLAMPS_SINCE: [u32; 3] = [3, 2, 0];

/// What a model is made of, all rules kept.
#[derive(Debug)]
pub(in super::super) struct Parts {
    pub(in super::super) version: Option<[u32; 3]>,
    pub(in super::super) best_iteration: Option<Box<str>>,
    pub(in super::super) feature_names: FeatureNames,
    pub(in super::super) num_features: usize,
    pub(in super::super) objective: Objective,
    /// The margin before the first tree.
    pub(in super::super) base: f32,
    /// The first tree of each iteration, then the number of trees.
    pub(in super::super) iterations: Vec<usize>,
    forest: Forest,
}

impl Parts {
    /// The trees in the order in which they are added.
    pub(in super::super) fn trees(&self) -> Result<Vec<RawTree<'_>>, ModelError> {
        self.forest.by_id()
    }
}

impl Document {
    /// Judges what was read.
    pub(in super::super) fn check(mut self) -> Result<Parts, ModelError> {
        self.check_booster()?;
        self.check_vector_leaf()?;
        self.check_outputs()?;
        let objective = self.objective()?;
        let base = self.base(objective)?;
        let num_features = self.parameter("num_feature", self.parameters.num_feature.as_deref())?;
        let iterations = self.check_counts(num_features)?;
        let forest = self.check_trees(num_features)?;
        let Self { version, best_iteration, feature_names, .. } = self;
        Ok(Parts { version, best_iteration, feature_names, num_features, objective, base, iterations, forest })
    }

    fn check_booster(&self) -> Result<(), ModelError> {
        let path = || FieldPath::of(&["learner", "gradient_booster", "name"]);
        if self.booster.as_deref() == Some("dart") {
            return Err(ModelError::Dart { path: path() });
        }
        if self.has_weight_drop {
            return Err(ModelError::Dart { path: FieldPath::of(&["weight_drop"]) });
        }
        match self.booster.as_deref() {
            Some("gbtree") => Ok(()),
            Some("gblinear") => Err(ModelError::Gblinear),
            Some(name) => Err(ModelError::Booster { name: shortened(name) }),
            None => Err(ModelError::MissingField { path: path() }),
        }
    }

    fn check_vector_leaf(&self) -> Result<(), ModelError> {
        let path = || TreeModel::path().key("gbtree_model_param").key("size_leaf_vector");
        if let Some(size_leaf_vector) = self.model.size_leaf_vector.as_deref() {
            let size = parameter(Some(size_leaf_vector), path)?;
            if size > 1 {
                return Err(ModelError::VectorLeaf { path: path(), size });
            }
        }
        match self.model.forest.as_ref().and_then(|forest| forest.vector_leaf) {
            Some((tree, size)) => {
                let path = TreeModel::path().key("trees").index(tree).key("tree_param").key("size_leaf_vector");
                Err(ModelError::VectorLeaf { path, size })
            }
            None => Ok(()),
        }
    }

    fn check_outputs(&self) -> Result<(), ModelError> {
        let parameters = &self.parameters;
        let num_class = self.parameter("num_class", parameters.num_class.as_deref())?;
        // Since XGBoost 1.6; there was one before.
        let num_target = self.parameter("num_target", parameters.num_target.as_deref().or(Some("1")))?;
        for (key, outputs) in [("num_class", num_class), ("num_target", num_target)] {
            if outputs > 1 {
                let value = i64::try_from(outputs).unwrap_or(i64::MAX);
                return Err(ModelError::MoreThanOneOutput { path: parameter_path(key), value });
            }
        }
        match self.model.tree_info.as_ref().and_then(|info| info.other_group) {
            Some((tree, value)) => {
                Err(ModelError::MoreThanOneOutput { path: TreeModel::path().key("tree_info").index(tree), value })
            }
            None => Ok(()),
        }
    }

    fn objective(&self) -> Result<Objective, ModelError> {
        let path = || FieldPath::of(&["learner", "objective", "name"]);
        let name = self.objective.as_deref().ok_or_else(|| ModelError::MissingField { path: path() })?;
        Objective::from_name(name).ok_or_else(|| ModelError::Objective { name: shortened(name) })
    }

    fn base(&self, objective: Objective) -> Result<f32, ModelError> {
        let text = self.parameters.base_score.as_deref();
        let text = text.ok_or_else(|| ModelError::MissingField { path: parameter_path("base_score") })?;
        let refused = |problem: BaseScoreProblem| ModelError::BaseScore { text: shortened(text), problem };
        let clamps = self.version.is_some_and(|version| version >= CLAMPS_SINCE);
        parse_base_score(text).and_then(|score| objective.base_margin(score, clamps)).map_err(refused)
    }

    /// Lengths of what has one element a tree, an iteration or a feature; returns where the iterations begin.
    fn check_counts(&mut self, num_features: usize) -> Result<Vec<usize>, ModelError> {
        let model = &self.model;
        let param = |key| move || TreeModel::path().key("gbtree_model_param").key(key);
        let num_trees = parameter(model.num_trees.as_deref(), param("num_trees"))?;
        let num_parallel_tree = parameter(model.num_parallel_tree.as_deref(), param("num_parallel_tree"))?;
        let trees = model.forest.as_ref().map(Forest::len);
        let tree_info = model.tree_info.as_ref().map(|info| info.length);
        for (key, length) in [("trees", trees), ("tree_info", tree_info)] {
            let path = TreeModel::path().key(key);
            let Some(found) = length else { return Err(ModelError::MissingField { path }) };
            if found != num_trees {
                return Err(ModelError::TreeCount { path, found, num_trees });
            }
        }
        let names = self.feature_names.len();
        if names > 0 && names != num_features {
            let path = FieldPath::of(&["learner", "feature_names"]);
            return Err(ModelError::LengthMismatch { path, found: names, expected: num_features });
        }
        match &model.iteration_indptr {
            Some(starts) => iterations(starts, num_trees),
            // A model before 2.0: as many trees in each.
            None => Ok((0..num_trees).step_by(num_parallel_tree.max(1)).chain([num_trees]).collect()),
        }
    }

    fn check_trees(&mut self, num_features: usize) -> Result<Forest, ModelError> {
        let mut forest = self.model.forest.take().unwrap_or_default();
        if let Some(error) = forest.error.take() {
            return Err(error);
        }
        for RawTree { tree, nodes } in forest.by_id()? {
            let out_of_range = |feature: i32| usize::try_from(feature).map_or(true, |feature| feature >= num_features);
            let first = nodes.iter().position(|node| node.left > 0 && out_of_range(node.feature));
            if let Some((node, raw)) = first.and_then(|node| Some((node, nodes.get(node)?))) {
                return Err(ModelError::FeatureOutOfRange { tree, node, feature: shown(raw.feature), num_features });
            }
        }
        Ok(forest)
    }

    fn parameter(&self, key: &'static str, text: Option<&str>) -> Result<usize, ModelError> {
        parameter(text, || parameter_path(key))
    }
}

fn parameter_path(key: &'static str) -> FieldPath {
    FieldPath::of(&["learner", "learner_model_param", key])
}

/// `iteration_indptr`: from 0 to the number of trees, each iteration with a tree or more.
fn iterations(starts: &[i32], num_trees: usize) -> Result<Vec<usize>, ModelError> {
    let refused = |index| ModelError::IterationIndptr { index, num_trees };
    let mut iterations: Vec<usize> = Vec::with_capacity(starts.len());
    for (index, start) in starts.iter().enumerate() {
        let start = usize::try_from(*start).map_err(|_| refused(index))?;
        let fits = match iterations.last() {
            None => start == 0,
            Some(last) => start > *last,
        };
        if !fits {
            return Err(refused(index));
        }
        iterations.push(start);
    }
    match iterations.last() {
        Some(last) if *last == num_trees => Ok(iterations),
        Some(_) => Err(refused(iterations.len() - 1)),
        // Nothing to say where there is nothing.
        None if num_trees == 0 => Ok(vec![0]),
        None => Err(refused(0)),
    }
}
