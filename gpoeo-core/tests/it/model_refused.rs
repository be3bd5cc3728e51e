//! Whatever the bytes, a model loads or is refused with the class of the fault; what loads can be used.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "reads its fixtures, and fails by panicking")]

use gpoeo_core::gbdt::{Model, ModelError, Sweep};
use proptest::prelude::*;

use crate::model_text::{MadeUp, Tree, made_up};
use crate::models::folder;

/// Loads bytes and, if it can, uses the model; the message of an error is one short line.
fn load(bytes: &[u8]) -> Option<Model> {
    let model = match Model::from_slice(bytes) {
        Ok(model) => model,
        Err(error) => {
            let message = error.to_string();
            assert!(message.lines().count() == 1 && message.len() < 400, "{message:?}");
            return None;
        }
    };
    let row = vec![0.5; model.num_features()];
    let margin = model.margin(&row).unwrap();
    if model.num_features() > 0 {
        let mut swept = [0.0; 3];
        Sweep::new(&model, 0, &[0.0, 0.5, 1.0]).unwrap().margins(&row, &mut swept).unwrap();
        assert!(swept[1].to_bits() == margin.to_bits() || margin.is_nan());
    }
    Some(model)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder("").join(name)).unwrap()
}

#[test]
fn a_file_cut_off_at_any_byte_is_refused() {
    for name in
        ["own/logistic_3.0.json", "own/leaves_3.2.ubj", "own/pruned_3.2.ubj", "malformed/ok_nonfinite_stats.json"]
    {
        let bytes = fixture(name);
        let length = bytes.trim_ascii_end().len();
        assert!(load(&bytes).is_some(), "{name}");
        for end in 0..length {
            assert!(load(&bytes[..end]).is_none(), "{name} loads when cut off at byte {end}");
        }
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    for name in ["malformed/ok_nonfinite_stats.json", "malformed/ok_keys_reversed.ubj", "own/leaves_3.2.ubj"] {
        let mut bytes = fixture(name);
        for at in 0..bytes.len() {
            let before = bytes[at];
            for other in [0, 0xff, b'[', b'"', b'L', b'-', b'9', before ^ 1, before ^ 0x80] {
                bytes[at] = other;
                load(&bytes);
            }
            bytes[at] = before;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn several_changed_bytes_neither(
        made_up in made_up(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        is_json: bool,
    ) {
        let mut bytes = if is_json { made_up.json().into_bytes() } else { made_up.ubj() };
        for (place, value) in changes {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        load(&bytes);
    }

    #[test]
    fn bytes_at_random_neither(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        load(&bytes);
        load(&[b"{L", bytes.as_slice()].concat());
        load(&[b"{\"", bytes.as_slice()].concat());
    }
}

/// Two trees, one of them with a deleted node, as text that the tests below change.
fn text() -> String {
    let split = |feature, left, right| Tree::Split {
        feature,
        threshold: 0.25,
        default_left: true,
        children: Box::new([left, right]),
    };
    let deep = split(0, split(1, Tree::Leaf(1.0), Tree::Leaf(2.0)), Tree::Leaf(4.0));
    MadeUp { base: 0.5, parallel: 1, deleted: 1, trees: vec![deep, Tree::Leaf(8.0)] }.json()
}

/// The error after the first `from` has become `to`.
fn changed(from: &str, to: &str) -> ModelError {
    let text = text();
    assert!(text.contains(from), "{from} is not in {text}");
    let bytes = text.replacen(from, to, 1).into_bytes();
    assert!(load(&bytes).is_none());
    Model::from_slice(&bytes).unwrap_err()
}

/// Asserts the variant, and the class word that the message begins with.
macro_rules! refused {
    ($($from:expr => $to:expr, $variant:pat, $class:literal;)*) => {
        $(
            let (from, to): (&str, &str) = ($from, $to);
            let error = changed(from, to);
            assert!(matches!(error, $variant), "{from} -> {to}: {error:?}");
            assert!(error.to_string().starts_with($class), "{from} -> {to}: {error}");
        )*
    };
}

#[test]
fn each_class_of_broken_file_has_its_variant_and_its_word() {
    assert!(load(text().as_bytes()).is_some());
    let lefts = "\"left_children\":[1, 3, -1, -1, -1, -1]";
    let rights = "\"right_children\":[2, 4, -1, -1, -1, -1]";
    let parents = "\"parents\":[2147483647, 0, 0, 1, 1, 0]";
    let features = "\"split_indices\":[0, 1, 0, 0, 0, 2147483647]";
    let values = "\"split_conditions\":[0.25, 0.25, 4.0, 1.0, 2.0, NaN]";
    refused! {
        "\"id\":0" => "\"id\" 0", ModelError::Syntax { .. }, "syntax: ";
        "{\"version\"" => "<html>", ModelError::Syntax { offset: 0, .. }, "syntax: ";
        "0.25" => "+0.25", ModelError::Syntax { .. }, "syntax: ";
        "0.25" => "nan", ModelError::Syntax { .. }, "syntax: ";
        "}}}}" => "}}}", ModelError::Truncated { .. }, "syntax: the file is truncated";
        "}}}}" => "}}}}}", ModelError::TrailingBytes { .. }, "trailing bytes: ";
        "\"id\":0" => &format!("\"x\":{}{},\"id\":0", "[".repeat(80), "]".repeat(80)), ModelError::TooDeep { .. }, "too deep: ";
        "\"id\":0" => "\"id\":0,\"id\":0", ModelError::DuplicateKey { .. }, "duplicate key: ";
        "\"id\":0," => "", ModelError::MissingField { .. }, "missing field: ";
        "\"tree_info\":[0, 0]," => "", ModelError::MissingField { .. }, "missing field: ";
        "\"num_feature\":\"4\"" => "\"num_feature\":4", ModelError::WrongType { .. }, "wrong type: ";
        "\"left_children\":[1" => "\"left_children\":[1.5", ModelError::WrongType { .. }, "wrong type: ";
        "\"left_children\":[1" => "\"left_children\":[null", ModelError::WrongType { .. }, "wrong type: ";
        "\"id\":0" => "\"id\":\"0\"", ModelError::WrongType { .. }, "wrong type: ";
        "\"default_left\":[1" => "\"default_left\":[2", ModelError::WrongValue { .. }, "wrong value: ";
        "\"num_feature\":\"4\"" => "\"num_feature\":\"4.0\"", ModelError::BadNumber { .. }, "bad number: ";
        "\"num_nodes\":\"6\"" => "\"num_nodes\":\"2147483648\"", ModelError::BadNumber { .. }, "bad number: ";
        "\"num_nodes\":\"6\"" => "\"num_nodes\":\"7\"", ModelError::LengthMismatch { .. }, "length mismatch: ";
        "\"default_left\":[1, " => "\"default_left\":[", ModelError::LengthMismatch { .. }, "length mismatch: ";
        "\"num_trees\":\"2\"" => "\"num_trees\":\"3\"", ModelError::TreeCount { .. }, "tree count: ";
        "\"id\":1" => "\"id\":0", ModelError::TreeId { .. }, "tree id: ";
        "\"id\":1" => "\"id\":-1", ModelError::TreeId { .. }, "tree id: ";
        "\"id\":1" => "\"id\":4294967297", ModelError::TreeId { .. }, "tree id: ";
        "\"tree_info\"" => "\"iteration_indptr\":[0,1],\"tree_info\"", ModelError::IterationIndptr { .. }, "iteration_indptr: ";
        "\"tree_info\"" => "\"iteration_indptr\":[0,2,1],\"tree_info\"", ModelError::IterationIndptr { .. }, "iteration_indptr: ";
        lefts => &lefts.replace("[1, 3", "[1, 6"), ModelError::ChildOutOfRange { .. }, "child out of range: ";
        lefts => &lefts.replace("[1, 3", "[1, -2"), ModelError::ChildOutOfRange { .. }, "child out of range: ";
        lefts => &lefts.replace("[1, 3", "[1, 4294967299"), ModelError::ChildOutOfRange { .. }, "child out of range: ";
        lefts => &lefts.replace("[1, 3", "[1, 99999999999999999999"), ModelError::ChildOutOfRange { .. }, "child out of range: ";
        lefts => &lefts.replace("[1, 3", "[1, -1"), ModelError::HalfASplit { .. }, "half a split: ";
        rights => &rights.replace("[2, 4", "[2, 5"), ModelError::ChildrenNotAdjacent { .. }, "children not adjacent: ";
        parents => &parents.replace("0, 0, 1", "0, 0, 0"), ModelError::ParentDoesNotMatch { .. }, "parent does not match: ";
        parents => &parents.replace("[2147483647", "[0"), ModelError::ParentDoesNotMatch { .. }, "parent does not match: ";
        "\"num_deleted\":\"1\"" => "\"num_deleted\":\"0\"", ModelError::NumDeleted { .. }, "num_deleted: ";
        features => &features.replace("[0, 1", "[0, 4"), ModelError::FeatureOutOfRange { .. }, "feature out of range: ";
        features => &features.replace("[0, 1", "[0, -1"), ModelError::FeatureOutOfRange { .. }, "feature out of range: ";
        values => &values.replace("[0.25", "[NaN"), ModelError::ThresholdIsNan { .. }, "threshold is NaN: ";
        values => &values.replace("4.0", "Infinity"), ModelError::LeafNotFinite { .. }, "leaf not finite: ";
        values => &values.replace("4.0", "1e39"), ModelError::LeafNotFinite { .. }, "leaf not finite: ";
        "\"[5E-1]\"" => "\"[]\"", ModelError::BaseScore { .. }, "base_score: ";
        "\"[5E-1]\"" => "\"[1,2]\"", ModelError::BaseScore { .. }, "base_score: ";
        "\"[5E-1]\"" => "\"inf\"", ModelError::BaseScore { .. }, "base_score: ";
        "\"[5E-1]\"" => "0.5", ModelError::WrongType { .. }, "wrong type: ";
        "\"gbtree\"" => "\"dart\"", ModelError::Dart { .. }, "dart: ";
        "\"gbtree\"" => "\"gblinear\"", ModelError::Gblinear, "gblinear: ";
        "\"gbtree\"" => "\"gbforest\"", ModelError::Booster { .. }, "booster: ";
        "\"size_leaf_vector\":\"1\"" => "\"size_leaf_vector\":\"2\"", ModelError::VectorLeaf { .. }, "vector leaf: ";
        "\"num_class\":\"0\"" => "\"num_class\":\"3\"", ModelError::MoreThanOneOutput { .. }, "more than one output: ";
        "\"tree_info\":[0, 0]" => "\"tree_info\":[0, 1]", ModelError::MoreThanOneOutput { .. }, "more than one output: ";
        "reg:squarederror" => "rank:ndcg", ModelError::Objective { .. }, "objective: ";
        "\"default_left\":[1" => "\"split_type\":[1,0,0,0,0,0],\"default_left\":[1", ModelError::CategoricalSplit { .. }, "categorical split: ";
        "\"default_left\":[1" => "\"categories_nodes\":[0],\"default_left\":[1", ModelError::CategoricalSplit { .. }, "categorical split: ";
    }
}

#[test]
fn cycles_and_second_parents_are_no_trees() {
    let lefts = "\"left_children\":[1, 3, -1, -1, -1, -1]";
    let rights = "\"right_children\":[2, 4, -1, -1, -1, -1]";
    for (left, right) in [
        // To the root, to itself, to a node that has a parent.
        ("[1, 0, -1, -1, -1, -1]", "[2, 1, -1, -1, -1, -1]"),
        ("[1, 1, -1, -1, -1, -1]", "[2, 2, -1, -1, -1, -1]"),
        ("[1, 3, 3, -1, -1, -1]", "[2, 4, 4, -1, -1, -1]"),
    ] {
        let text = text();
        let text = text.replacen(lefts, &format!("\"left_children\":{left}"), 1);
        let text = text.replacen(rights, &format!("\"right_children\":{right}"), 1);
        let error = Model::from_slice(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ModelError::NotATree { tree: 0, .. }), "{error}");
    }
}

#[test]
fn a_live_node_that_no_path_reaches_is_refused() {
    let text = text().replacen("\"num_deleted\":\"1\"", "\"num_deleted\":\"0\"", 1);
    let text = text.replacen(
        "2147483647],\"split_conditions\":[0.25, 0.25, 4.0, 1.0, 2.0, NaN]",
        "0],\"split_conditions\":[0.25, 0.25, 4.0, 1.0, 2.0, 3.0]",
        1,
    );
    let error = Model::from_slice(text.as_bytes()).unwrap_err();
    assert!(matches!(error, ModelError::UnreachableNode { tree: 0, node: 5 }), "{error}");
}

#[test]
fn the_fault_that_comes_first_in_the_order_is_reported() {
    let text = text().replace("\"gbtree\"", "\"dart\"").replace("reg:squarederror", "rank:ndcg");
    assert!(matches!(Model::from_slice(text.as_bytes()), Err(ModelError::Dart { .. })));
    let text = self::text().replace("\"num_class\":\"0\"", "\"num_class\":\"2\"").replace("[5E-1]", "x");
    assert!(matches!(Model::from_slice(text.as_bytes()), Err(ModelError::MoreThanOneOutput { .. })));
    let text = self::text().replace("[5E-1]", "x").replacen("0.25", "NaN", 1);
    assert!(matches!(Model::from_slice(text.as_bytes()), Err(ModelError::BaseScore { .. })));
}

#[test]
fn memory_is_a_small_multiple_of_the_file() {
    let huge = |start: &[u8]| [start, b"L", &i64::MAX.to_be_bytes(), &[0; 64]].concat();
    for bytes in [
        huge(b"{"),
        huge(b"{L\0\0\0\0\0\0\0\x01a[$d#"),
        huge(b"{L\0\0\0\0\0\0\0\x01a[#"),
        fixture("own/forest_3.2.ubj"),
    ] {
        let info = allocation_counter::measure(|| {
            std::hint::black_box(Model::from_slice(&bytes).is_ok());
        });
        assert!(info.bytes_max < 16 * 1024 + 8 * bytes.len() as u64, "{} bytes for {}", info.bytes_max, bytes.len());
    }
    let nested = [b"{\"a\":".to_vec(), b"[".repeat(4 << 20)].concat();
    assert!(matches!(Model::from_slice(&nested), Err(ModelError::TooDeep { .. })));
}
