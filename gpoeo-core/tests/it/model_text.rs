//! Models made up for tests: written as XGBoost writes them, with margins worked out the slow way.
#![allow(clippy::unwrap_used, reason = "fails by panicking")]

use std::fmt::Write as _;

use proptest::prelude::*;

/// Features of a made-up model.
pub(crate) const FEATURES: usize = 4;

/// Numbers that thresholds, rows and swept values are drawn from, so that they often meet.
pub(crate) const NUMBERS: [f32; 12] =
    [f32::MIN, -2.5, -1.0, -f32::MIN_POSITIVE, -0.0, 0.0, 1e-45, 0.25, 0.250_000_03, 1.0, 7.5, f32::MAX];

/// A tree that is easy to walk.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Leaf(f32),
    Split { feature: usize, threshold: f32, default_left: bool, children: Box<[Self; 2]> },
}

impl Tree {
    fn leaf(&self, row: &[f32]) -> f32 {
        match self {
            Self::Leaf(value) => *value,
            Self::Split { feature, threshold, default_left, children } => {
                let x = row[*feature];
                let left = if x.is_nan() { *default_left } else { x < *threshold };
                children[usize::from(!left)].leaf(row)
            }
        }
    }
}

/// A model of such trees.
#[derive(Clone, Debug)]
pub(crate) struct MadeUp {
    pub(crate) base: f32,
    /// Trees an iteration.
    pub(crate) parallel: usize,
    /// Nodes that pruning left behind in each tree.
    pub(crate) deleted: usize,
    pub(crate) trees: Vec<Tree>,
}

/// A tree's arrays, children side by side.
#[derive(Default)]
struct Arrays {
    left: Vec<i32>,
    right: Vec<i32>,
    parents: Vec<i32>,
    features: Vec<i32>,
    values: Vec<f32>,
    default_left: Vec<u8>,
}

impl Arrays {
    fn of(tree: &Tree, deleted: usize) -> Self {
        let mut arrays = Self::default();
        let mut nodes = vec![(tree, i32::MAX)];
        let mut at = 0;
        while let Some((tree, parent)) = nodes.get(at).copied() {
            let left = nodes.len() as i32;
            let (children, feature, value, default_left) = match tree {
                Tree::Leaf(value) => ([-1, -1], 0, *value, false),
                Tree::Split { feature, threshold, default_left, children } => {
                    nodes.extend(children.iter().map(|child| (child, at as i32)));
                    ([left, left + 1], *feature as i32, *threshold, *default_left)
                }
            };
            arrays.push(children, parent, feature, value, default_left);
            at += 1;
        }
        for _ in 0..deleted {
            arrays.push([-1, -1], 0, i32::MAX, f32::NAN, true);
        }
        arrays
    }

    fn push(&mut self, children: [i32; 2], parent: i32, feature: i32, value: f32, default_left: bool) {
        self.left.push(children[0]);
        self.right.push(children[1]);
        self.parents.push(parent);
        self.features.push(feature);
        self.values.push(value);
        self.default_left.push(u8::from(default_left));
    }
}

impl MadeUp {
    /// The base, then the leaf of each tree, rounded each time.
    pub(crate) fn margin(&self, row: &[f32]) -> f32 {
        self.trees.iter().fold(self.base, |sum, tree| sum + tree.leaf(row))
    }

    pub(crate) fn json(&self) -> String {
        let mut trees = String::new();
        for (id, tree) in self.trees.iter().enumerate() {
            let Arrays { left, right, parents, features, values, default_left } = Arrays::of(tree, self.deleted);
            let (nodes, deleted) = (left.len(), self.deleted);
            let comma = if id == 0 { "" } else { "," };
            let values = format!("{values:?}").replace("inf", "Infinity");
            write!(
                trees,
                "{comma}{{\"id\":{id},\"tree_param\":{{\"num_nodes\":\"{nodes}\",\"num_deleted\":\"{deleted}\",\
                 \"size_leaf_vector\":\"1\"}},\"left_children\":{left:?},\"right_children\":{right:?},\
                 \"parents\":{parents:?},\"split_indices\":{features:?},\"split_conditions\":{values},\
                 \"default_left\":{default_left:?}}}"
            )
            .unwrap();
        }
        let (num, parallel, base) = (self.trees.len(), self.parallel, self.base);
        let info = vec![0; num];
        format!(
            "{{\"version\":[3,2,0],\"learner\":{{\"objective\":{{\"name\":\"reg:squarederror\"}},\
             \"learner_model_param\":{{\"base_score\":\"[{base:E}]\",\"num_class\":\"0\",\"num_feature\":\"{FEATURES}\",\
             \"num_target\":\"1\"}},\"gradient_booster\":{{\"name\":\"gbtree\",\"model\":{{\"gbtree_model_param\":\
             {{\"num_trees\":\"{num}\",\"num_parallel_tree\":\"{parallel}\"}},\"tree_info\":{info:?},\
             \"trees\":[{trees}]}}}}}}}}"
        )
    }

    pub(crate) fn ubj(&self) -> Vec<u8> {
        let mut out = Ubjson(Vec::new());
        out.object(&["version", "learner"], |out, key| match key {
            "version" => out.integers(&[3, 2, 0]),
            _ => out.object(&["objective", "learner_model_param", "gradient_booster"], |out, key| match key {
                "objective" => out.texts(&[("name", "reg:squarederror".to_owned())]),
                "learner_model_param" => out.texts(&[
                    ("base_score", format!("[{:E}]", self.base)),
                    ("num_class", "0".to_owned()),
                    ("num_feature", FEATURES.to_string()),
                ]),
                _ => out.object(&["name", "model"], |out, key| match key {
                    "name" => out.text("gbtree"),
                    _ => out.object(&["gbtree_model_param", "tree_info", "trees"], |out, key| match key {
                        "gbtree_model_param" => out.texts(&[
                            ("num_trees", self.trees.len().to_string()),
                            ("num_parallel_tree", self.parallel.to_string()),
                        ]),
                        "tree_info" => out.integers(&vec![0; self.trees.len()]),
                        _ => self.ubj_trees(out),
                    }),
                }),
            }),
        });
        out.0
    }

    fn ubj_trees(&self, out: &mut Ubjson) {
        out.0.extend(b"[#");
        out.length(self.trees.len());
        for (id, tree) in self.trees.iter().enumerate() {
            let arrays = Arrays::of(tree, self.deleted);
            let keys = [
                "id",
                "tree_param",
                "left_children",
                "right_children",
                "parents",
                "split_indices",
                "split_conditions",
                "default_left",
            ];
            out.object(&keys, |out, key| match key {
                "id" => {
                    out.0.push(b'l');
                    out.0.extend((id as i32).to_be_bytes());
                }
                "tree_param" => out.texts(&[
                    ("num_nodes", arrays.left.len().to_string()),
                    ("num_deleted", self.deleted.to_string()),
                    ("size_leaf_vector", "1".to_owned()),
                ]),
                "left_children" => out.integers(&arrays.left),
                "right_children" => out.integers(&arrays.right),
                "parents" => out.integers(&arrays.parents),
                "split_indices" => out.integers(&arrays.features),
                "split_conditions" => {
                    out.0.extend(b"[$d#");
                    out.length(arrays.values.len());
                    out.0.extend(arrays.values.iter().flat_map(|value| value.to_be_bytes()));
                }
                _ => {
                    out.0.extend(b"[$U#");
                    out.length(arrays.default_left.len());
                    out.0.extend(&arrays.default_left);
                }
            });
        }
    }
}

/// What is written of a UBJSON file.
struct Ubjson(Vec<u8>);

impl Ubjson {
    fn length(&mut self, length: usize) {
        self.0.push(b'L');
        self.0.extend((length as i64).to_be_bytes());
    }

    fn key(&mut self, key: &str) {
        self.length(key.len());
        self.0.extend(key.bytes());
    }

    fn object(&mut self, keys: &[&'static str], mut value: impl FnMut(&mut Self, &'static str)) {
        self.0.push(b'{');
        for key in keys {
            self.key(key);
            value(self, key);
        }
        self.0.push(b'}');
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'S');
        self.key(text);
    }

    fn texts(&mut self, fields: &[(&'static str, String)]) {
        self.0.push(b'{');
        for (key, text) in fields {
            self.key(key);
            self.text(text);
        }
        self.0.push(b'}');
    }

    fn integers(&mut self, values: &[i32]) {
        self.0.extend(b"[$l#");
        self.length(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }
}

/// Any of [`NUMBERS`].
pub(crate) fn number() -> impl Strategy<Value = f32> {
    prop::sample::select(&NUMBERS[..])
}

fn leaf() -> impl Strategy<Value = Tree> {
    prop_oneof![4 => -3.0_f32..3.0, 1 => Just(-0.0), 1 => Just(1e-45), 1 => Just(3e38)].prop_map(Tree::Leaf)
}

fn tree() -> impl Strategy<Value = Tree> {
    // Half of the splits are on feature 0, which most tests sweep.
    let feature = prop_oneof![Just(0), 0..FEATURES];
    let threshold = prop_oneof![8 => number(), 1 => Just(f32::INFINITY), 1 => Just(f32::NEG_INFINITY)];
    let split = (feature, threshold, any::<bool>());
    leaf().prop_recursive(7, 60, 2, move |child| {
        (split.clone(), child.clone(), child).prop_map(|((feature, threshold, default_left), left, right)| {
            Tree::Split { feature, threshold, default_left, children: Box::new([left, right]) }
        })
    })
}

/// Models with anything from no tree at all to several blocks of them.
pub(crate) fn made_up() -> impl Strategy<Value = MadeUp> {
    let base = prop_oneof![Just(0.5), Just(-0.0), number().prop_map(|base| base.clamp(-1e30, 1e30))];
    (base, 1_usize..4, 0_usize..4, prop::collection::vec(tree(), 0..40)).prop_map(
        |(base, parallel, deleted, mut trees)| {
            trees.truncate(trees.len() / parallel * parallel);
            MadeUp { base, parallel, deleted, trees }
        },
    )
}

/// Rows of such a model, some values missing or infinite.
pub(crate) fn row() -> impl Strategy<Value = Vec<f32>> {
    let value = prop_oneof![6 => number(), 2 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(f32::NEG_INFINITY)];
    prop::collection::vec(value, FEATURES)
}
