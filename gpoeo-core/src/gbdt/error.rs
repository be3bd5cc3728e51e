//! Why a model file is refused. Every message begins with the class of the fault, then says where, what, how to mend it.

use super::place::{Byte, FieldPath, Shown, ValueKind};

/// How most broken files are mended.
const SAVE_AGAIN: &str = "save the model again with Booster.save_model of XGBoost 1.7 to 3.2";

/// What is malformed at one byte of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// Something else than what the grammar allows here.
    #[error("expected {expected}, found {}", Byte(*found))]
    Expected {
        /// What may stand here.
        expected: &'static str,
        /// The byte that does.
        found: u8,
    },
    /// A length or a key without the marker `L` in front.
    #[error("unknown marker {} where the marker L of a length must stand", Byte(*found))]
    LengthMarker {
        /// The byte that stands there.
        found: u8,
    },
    /// The first bytes are those of neither format.
    #[error("this is neither a JSON nor a UBJSON model")]
    NotAModel,
    /// Text that is not UTF-8.
    #[error("text that is not UTF-8")]
    NotUtf8,
    /// The binary format that XGBoost wrote before JSON.
    #[error(
        "this seems to be the old binary format: load it with the XGBoost that wrote it, then save_model(\"m.json\")"
    )]
    OldBinary,
    /// A surrogate escape in a JSON text without its other half.
    #[error("half a surrogate pair in a text")]
    Surrogate,
}

/// What is wrong with a base score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseScoreProblem {
    /// No number at all.
    #[error("there is none")]
    None,
    /// Not the text of a number.
    #[error("it is no number")]
    NotANumber,
    /// NaN or infinite as an f32.
    #[error("it is not finite")]
    NotFinite,
    /// Outside what the objective's link allows.
    #[error("{0}")]
    OutsideDomain(&'static str),
    /// Several numbers: one for each output.
    #[error("there are several, one for each output")]
    Several,
}

/// Why a model file was refused: the class of the fault, its place, and how to mend it.
///
/// `tree` counts the elements of `learner.gradient_booster.model.trees`, `node` those of the tree's arrays, both from 0;
/// `offset` counts bytes from 0. A message is one line, whatever the file holds.
///
/// ```
/// use gpoeo_core::gbdt::{Model, ModelError};
///
/// let error = Model::from_slice(b"<html>404</html>").unwrap_err();
/// assert!(matches!(error, ModelError::Syntax { offset: 0, .. }));
/// assert!(error.to_string().starts_with("syntax: this is neither a JSON nor a UBJSON model"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A parameter, which XGBoost writes as text, that is no decimal integer in 0 … 2³¹-1.
    #[error("bad number: {path} is {text:?}, no decimal integer in 0 to 2147483647; {SAVE_AGAIN}")]
    BadNumber {
        /// Its place.
        path: FieldPath,
        /// The text, shortened.
        text: Box<str>,
    },
    /// The base score cannot be used.
    #[error("base_score: learner.learner_model_param.base_score is {text:?}: {problem}; {SAVE_AGAIN}")]
    BaseScore {
        /// The text, shortened.
        text: Box<str>,
        /// What is wrong with it.
        problem: BaseScoreProblem,
    },
    /// A booster that XGBoost does not have, or none that we know.
    #[error("booster: learner.gradient_booster.name is {name:?}, which is not supported; train with booster=gbtree")]
    Booster {
        /// Its name, shortened.
        name: Box<str>,
    },
    /// A split on a categorical feature.
    #[error(
        "categorical split: trees[{tree}].{field} marks one, which is not supported; \
         train with numeric features (enable_categorical=False)"
    )]
    CategoricalSplit {
        /// The tree.
        tree: usize,
        /// The array that says so.
        field: &'static str,
    },
    /// A child that is neither -1 nor a node of the tree.
    #[error(
        "child out of range: trees[{tree}].{side}[{node}] is {child}, neither -1 nor one of {num_nodes} nodes; {SAVE_AGAIN}"
    )]
    ChildOutOfRange {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// `left_children` or `right_children`.
        side: &'static str,
        /// What stands there.
        child: Shown,
        /// Nodes of the tree.
        num_nodes: usize,
    },
    /// A right child that does not follow its left sibling, as it does in every file of XGBoost.
    #[error(
        "children not adjacent: node {node} of trees[{tree}] has {left} and {right}, not {left} and its successor; {SAVE_AGAIN}"
    )]
    ChildrenNotAdjacent {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// Its left child.
        left: i32,
        /// Its right child.
        right: i32,
    },
    /// The booster `dart`, whose trees have weights of their own.
    #[error("dart: {path} says so; trees with weights are not supported: train with booster=gbtree")]
    Dart {
        /// The field that says so.
        path: FieldPath,
    },
    /// A key twice in one object.
    #[error("duplicate key: {key:?} at byte {offset} stands twice in its object; {SAVE_AGAIN}")]
    DuplicateKey {
        /// Where the later one begins.
        offset: usize,
        /// The key, shortened.
        key: Box<str>,
    },
    /// A tree without a node.
    #[error("empty tree: trees[{tree}] has no node; {SAVE_AGAIN}")]
    EmptyTree {
        /// The tree.
        tree: usize,
    },
    /// A split on a feature that the model does not have.
    #[error(
        "feature out of range: trees[{tree}].split_indices[{node}] is {feature}, the model has {num_features} features; {SAVE_AGAIN}"
    )]
    FeatureOutOfRange {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// What stands there.
        feature: Shown,
        /// Features of the model.
        num_features: usize,
    },
    /// The booster `gblinear`, which has no trees.
    #[error(
        "gblinear: learner.gradient_booster.name says so, and such a model has no trees; train with booster=gbtree"
    )]
    Gblinear,
    /// One child -1, the other not.
    #[error("half a split: node {node} of trees[{tree}] has one child only; {SAVE_AGAIN}")]
    HalfASplit {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
    },
    /// `iteration_indptr` that does not ascend from 0 to the number of trees.
    #[error("iteration_indptr: element {index} does not fit: it must ascend from 0 to {num_trees}; {SAVE_AGAIN}")]
    IterationIndptr {
        /// The first element that does not fit; its length where one is missing.
        index: usize,
        /// Trees of the model.
        num_trees: usize,
    },
    /// A leaf whose value is NaN or infinite as an f32.
    #[error(
        "leaf not finite: trees[{tree}].split_conditions[{node}] is the value of a leaf; train with other parameters"
    )]
    LeafNotFinite {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
    },
    /// An array whose length differs from what another field says.
    #[error("length mismatch: {path} has {found} elements, {expected} are needed; {SAVE_AGAIN}")]
    LengthMismatch {
        /// The array.
        path: FieldPath,
        /// Its length.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// A field that every model has is not there.
    #[error("missing field: there is no {path}; {SAVE_AGAIN}")]
    MissingField {
        /// Where it should stand.
        path: FieldPath,
    },
    /// A model with several outputs.
    #[error("more than one output: {path} is {value}; train one model for each output")]
    MoreThanOneOutput {
        /// The field that says so.
        path: FieldPath,
        /// What it says.
        value: i64,
    },
    /// A UBJSON length below zero.
    #[error("negative length: {length} at byte {offset}; {SAVE_AGAIN}")]
    NegativeLength {
        /// Where it stands.
        offset: usize,
        /// The length.
        length: i64,
    },
    /// Nodes that are no tree: two parents, the root as a child, or a cycle.
    #[error("not a tree: node {node} of trees[{tree}] has two parents, is the root, or lies on a cycle; {SAVE_AGAIN}")]
    NotATree {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
    },
    /// The number of deleted nodes is not what the tree says, or one of them can be reached.
    #[error("num_deleted: trees[{tree}] says {expected}, but {found} nodes are deleted and out of reach; {SAVE_AGAIN}")]
    NumDeleted {
        /// The tree.
        tree: usize,
        /// What the tree says.
        expected: usize,
        /// Deleted nodes that no path reaches.
        found: usize,
    },
    /// An objective whose margin is not one number, or that we do not know.
    #[error(
        "objective: learner.objective.name is {name:?}, which is not supported; \
         train with reg:squarederror, reg:gamma or another regression with one output, or with binary:logistic"
    )]
    Objective {
        /// Its name, shortened.
        name: Box<str>,
    },
    /// A live node whose entry in `parents` is not the node that has it as a child.
    #[error("parent does not match: trees[{tree}].parents[{node}] is {found}; {SAVE_AGAIN}")]
    ParentDoesNotMatch {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
        /// What stands there.
        found: Shown,
    },
    /// Malformed JSON or UBJSON, or another kind of file.
    #[error("syntax: {problem} at byte {offset}; {SAVE_AGAIN}")]
    Syntax {
        /// Where.
        offset: usize,
        /// What is malformed.
        problem: SyntaxProblem,
    },
    /// A threshold that compares with nothing.
    #[error("threshold is NaN: trees[{tree}].split_conditions[{node}]; {SAVE_AGAIN}")]
    ThresholdIsNan {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
    },
    /// Arrays and objects nested deeper than 64.
    #[error("too deep: more than 64 levels of arrays and objects at byte {offset}; {SAVE_AGAIN}")]
    TooDeep {
        /// Where the 65th begins.
        offset: usize,
    },
    /// Something after the end of the model.
    #[error("trailing bytes: the model ends at byte {offset}, the file goes on; cut it off or {SAVE_AGAIN}")]
    TrailingBytes {
        /// Where the first of them stands.
        offset: usize,
    },
    /// A list with one element a tree whose length is not the number of trees.
    #[error("tree count: {path} has {found} elements, num_trees is {num_trees}; {SAVE_AGAIN}")]
    TreeCount {
        /// The list.
        path: FieldPath,
        /// Its length.
        found: usize,
        /// Trees that the model says it has.
        num_trees: usize,
    },
    /// An `id` that is no place of a tree, or that another tree has too.
    #[error("tree id: trees[{tree}].id is {id}, which is taken or not in 0 to the number of trees - 1; {SAVE_AGAIN}")]
    TreeId {
        /// The tree.
        tree: usize,
        /// The id.
        id: i64,
    },
    /// The file ends within the model.
    #[error("syntax: the file is truncated: it ends at byte {offset} within the model; copy it again or {SAVE_AGAIN}")]
    Truncated {
        /// The length of the file, or where a length stands that goes beyond its end.
        offset: usize,
    },
    /// A UBJSON type that XGBoost does not write.
    #[error("unknown marker: {} at byte {offset} is no type of value that XGBoost writes; {SAVE_AGAIN}", Byte(*marker))]
    UnknownMarker {
        /// Where it stands.
        offset: usize,
        /// The marker.
        marker: u8,
    },
    /// A node that is not deleted and yet cannot be reached from the root.
    #[error("unreachable node: no path leads to node {node} of trees[{tree}], and it is not deleted; {SAVE_AGAIN}")]
    UnreachableNode {
        /// The tree.
        tree: usize,
        /// The node.
        node: usize,
    },
    /// Trees with several values a leaf.
    #[error(
        "vector leaf: {path} is {size}; train with multi_strategy=one_output_per_tree and one model for each output"
    )]
    VectorLeaf {
        /// The field that says so.
        path: FieldPath,
        /// Values of a leaf.
        size: usize,
    },
    /// A value of another kind than the field must have.
    #[error("wrong type: {path} at byte {offset} is {found}, it must be {expected}; {SAVE_AGAIN}")]
    WrongType {
        /// The field.
        path: FieldPath,
        /// Where its value begins.
        offset: usize,
        /// What must stand there.
        expected: ValueKind,
        /// What stands there.
        found: ValueKind,
    },
    /// A value of the right kind that the field cannot have.
    #[error("wrong value: {path} at byte {offset} must be {expected}; {SAVE_AGAIN}")]
    WrongValue {
        /// The field.
        path: FieldPath,
        /// Where its value begins.
        offset: usize,
        /// What may stand there.
        expected: &'static str,
    },
}

/// A text of the file for a message: short, whatever the file holds.
pub(super) fn shortened(text: &str) -> Box<str> {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_the_file_holds() {
        let name = shortened(&format!("multi\nline\u{7f}{}", "x".repeat(1000)));
        let text = ModelError::Objective { name }.to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.len() < 300, "{text}");
    }

    #[test]
    fn errors_stay_small_enough_to_pass_around() {
        assert!(size_of::<ModelError>() <= 72, "{}", size_of::<ModelError>());
    }
}
