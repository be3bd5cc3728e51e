//! The arrays of one tree, one element a node, and the trees read so far.

use super::super::error::ModelError;
use super::super::format::{Integer, Reader, Source};
use super::super::place::FieldPath;
use super::document::{TreeModel, text_field};
use super::{parameter, to_i32};

/// The fields of one tree; used again for the next, so that memory follows the largest tree.
#[derive(Debug, Default)]
pub(super) struct Columns {
    id: Option<Integer>,
    num_deleted: Option<Box<str>>,
    num_nodes: Option<Box<str>>,
    size_leaf_vector: Option<Box<str>>,
    pub(super) left_children: Column<i32>,
    pub(super) right_children: Column<i32>,
    pub(super) parents: Column<i32>,
    pub(super) split_indices: Column<i32>,
    pub(super) split_conditions: Column<f32>,
    pub(super) default_left: Column<bool>,
    /// Arrays of which the length must be right and nothing else: name and length.
    unused: Vec<(&'static str, usize)>,
    /// The array that says that there is a categorical split.
    categorical: Option<&'static str>,
}

/// One array.
#[derive(Debug, Default)]
pub(super) struct Column<T> {
    is_there: bool,
    pub(super) values: Vec<T>,
}

impl<T> Column<T> {
    /// Makes it an empty one that is there, ready for all elements that the rest of the file can hold, within reason.
    fn begin<'a>(&mut self, reader: &Reader<impl Source<'a>>) -> &mut Vec<T> {
        const USUAL_NODES: usize = 256;
        self.is_there = true;
        self.values.clear();
        self.values.reserve(reader.remaining().min(USUAL_NODES));
        &mut self.values
    }

    fn clear(&mut self) {
        self.is_there = false;
        self.values.clear();
    }
}

impl Columns {
    pub(super) fn clear(&mut self) {
        (self.id, self.categorical) = (None, None);
        (self.num_deleted, self.num_nodes, self.size_leaf_vector) = (None, None, None);
        for column in [&mut self.left_children, &mut self.right_children, &mut self.parents, &mut self.split_indices] {
            column.clear();
        }
        self.split_conditions.clear();
        self.default_left.clear();
        self.unused.clear();
    }

    /// Reads the value of one key of a tree.
    pub(super) fn read<'a>(&mut self, reader: &mut Reader<impl Source<'a>>, key: &str) -> Result<(), ModelError> {
        match key {
            "id" => {
                self.id = Some(reader.field("id", Reader::integer)?);
                Ok(())
            }
            "tree_param" => reader.field("tree_param", |reader| {
                reader.object(|reader, key| match key {
                    "num_deleted" => text_field(reader, "num_deleted", &mut self.num_deleted),
                    "num_nodes" => text_field(reader, "num_nodes", &mut self.num_nodes),
                    "size_leaf_vector" => text_field(reader, "size_leaf_vector", &mut self.size_leaf_vector),
                    _ => reader.skip(),
                })
            }),
            "left_children" => integers(reader, "left_children", &mut self.left_children),
            "right_children" => integers(reader, "right_children", &mut self.right_children),
            "parents" => integers(reader, "parents", &mut self.parents),
            "split_indices" => integers(reader, "split_indices", &mut self.split_indices),
            "split_conditions" => reader.field("split_conditions", |reader| {
                let values = self.split_conditions.begin(reader);
                reader.numbers(|number| values.push(number.to_f32())).map(drop)
            }),
            "default_left" => reader.field("default_left", |reader| {
                let values = self.default_left.begin(reader);
                reader.flags(|flag| values.push(flag)).map(drop)
            }),
            "base_weights" => self.unused_numbers(reader, "base_weights"),
            "loss_changes" => self.unused_numbers(reader, "loss_changes"),
            "sum_hessian" => self.unused_numbers(reader, "sum_hessian"),
            "split_type" => {
                let mut has_other = false;
                let length = reader
                    .field("split_type", |reader| reader.integers(|_, kind| has_other |= kind != Integer::Value(0)))?;
                self.unused.push(("split_type", length));
                self.categorical = self.categorical.or(has_other.then_some("split_type"));
                Ok(())
            }
            "categories" => self.categories(reader, "categories"),
            "categories_nodes" => self.categories(reader, "categories_nodes"),
            "categories_segments" => self.categories(reader, "categories_segments"),
            "categories_sizes" => self.categories(reader, "categories_sizes"),
            _ => reader.skip(),
        }
    }

    fn unused_numbers<'a>(
        &mut self,
        reader: &mut Reader<impl Source<'a>>,
        key: &'static str,
    ) -> Result<(), ModelError> {
        let length = reader.field(key, |reader| reader.numbers(|_| {}))?;
        self.unused.push((key, length));
        Ok(())
    }

    fn categories<'a>(&mut self, reader: &mut Reader<impl Source<'a>>, key: &'static str) -> Result<(), ModelError> {
        let length = reader.field(key, |reader| reader.integers(|_, _| {}))?;
        self.categorical = self.categorical.or((length > 0).then_some(key));
        Ok(())
    }

    /// Nodes of the tree, deleted ones too, if every array has as many elements.
    pub(super) fn num_nodes(&self, tree: usize) -> Result<usize, ModelError> {
        let num_nodes = parameter(self.num_nodes.as_deref(), || tree_param(tree, "num_nodes"))?;
        let columns = [
            ("left_children", self.left_children.length()),
            ("right_children", self.right_children.length()),
            ("parents", self.parents.length()),
            ("split_indices", self.split_indices.length()),
            ("split_conditions", self.split_conditions.length()),
            ("default_left", self.default_left.length()),
        ];
        for (field, length) in columns {
            if length.is_none() {
                return Err(ModelError::MissingField { path: tree_path(tree).key(field) });
            }
        }
        let lengths = columns.into_iter().filter_map(|(field, length)| Some((field, length?)));
        for (field, found) in lengths.chain(self.unused.iter().copied()) {
            if found != num_nodes {
                let path = tree_path(tree).key(field);
                return Err(ModelError::LengthMismatch { path, found, expected: num_nodes });
            }
        }
        if num_nodes == 0 { Err(ModelError::EmptyTree { tree }) } else { Ok(num_nodes) }
    }

    /// Deleted nodes that the tree says it has.
    pub(super) fn num_deleted(&self, tree: usize) -> Result<usize, ModelError> {
        parameter(self.num_deleted.as_deref(), || tree_param(tree, "num_deleted"))
    }
}

impl<T> Column<T> {
    fn length(&self) -> Option<usize> {
        self.is_there.then_some(self.values.len())
    }
}

fn integers<'a>(
    reader: &mut Reader<impl Source<'a>>,
    key: &'static str,
    column: &mut Column<i32>,
) -> Result<(), ModelError> {
    reader.field(key, |reader| {
        let values = column.begin(reader);
        reader.integers(|_, integer| values.push(to_i32(integer))).map(drop)
    })
}

fn tree_path(tree: usize) -> FieldPath {
    TreeModel::path().key("trees").index(tree)
}

fn tree_param(tree: usize, field: &'static str) -> FieldPath {
    tree_path(tree).key("tree_param").key(field)
}

/// A node as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct RawNode {
    /// Threshold of a split, value of a leaf.
    pub(in super::super) value: f32,
    /// Feature of a split. Checked against the number of features only at the end of the file.
    pub(in super::super) feature: i32,
    /// Left child, the right one follows it; 0 in a leaf, as the root is nobody's child.
    pub(in super::super) left: u32,
    pub(in super::super) default_left: bool,
}

/// All trees of a file.
#[derive(Debug, Default)]
pub(in super::super) struct Forest {
    /// The nodes of all trees, each tree's in the order of the file, deleted ones too.
    nodes: Vec<RawNode>,
    trees: Vec<Span>,
    /// The first tree with several values a leaf, and how many.
    pub(super) vector_leaf: Option<(usize, usize)>,
    /// The first other fault.
    pub(super) error: Option<ModelError>,
}

/// One tree among the nodes of all.
#[derive(Clone, Copy, Debug)]
struct Span {
    id: i64,
    start: usize,
    end: usize,
}

impl Forest {
    /// Adds the tree that was just read, or notes what is wrong with it.
    pub(super) fn add(&mut self, columns: &Columns) {
        let tree = self.trees.len();
        let start = self.nodes.len();
        if let Err(error) = self.try_add(columns, tree) {
            self.error.get_or_insert(error);
        }
        let id = match columns.id {
            Some(Integer::Value(id)) => id,
            Some(Integer::Beyond64Bits) | None => i64::MAX,
        };
        self.trees.push(Span { id, start, end: self.nodes.len() });
    }

    fn try_add(&mut self, columns: &Columns, tree: usize) -> Result<(), ModelError> {
        let size_leaf_vector = parameter(columns.size_leaf_vector.as_deref(), || tree_param(tree, "size_leaf_vector"))?;
        if size_leaf_vector > 1 {
            self.vector_leaf.get_or_insert((tree, size_leaf_vector));
            return Ok(());
        }
        if let Some(field) = columns.categorical {
            return Err(ModelError::CategoricalSplit { tree, field });
        }
        if columns.id.is_none() {
            return Err(ModelError::MissingField { path: tree_path(tree).key("id") });
        }
        // After a fault the nodes are of no use any more.
        if self.error.is_none() {
            super::structure::check(columns, tree, &mut self.nodes)?;
        }
        Ok(())
    }

    /// Number of trees.
    pub(super) fn len(&self) -> usize {
        self.trees.len()
    }

    /// The trees in the order of their ids, which must be a permutation of 0 … n-1.
    pub(super) fn by_id(&self) -> Result<Vec<RawTree<'_>>, ModelError> {
        let mut places = vec![None; self.trees.len()];
        for (tree, span) in self.trees.iter().enumerate() {
            let place = usize::try_from(span.id).ok().and_then(|id| places.get_mut(id)).filter(|place| place.is_none());
            match place {
                Some(place) => *place = Some(tree),
                None => return Err(ModelError::TreeId { tree, id: span.id }),
            }
        }
        let trees = places.into_iter().flatten().filter_map(|tree| {
            let span = self.trees.get(tree)?;
            Some(RawTree { tree, nodes: self.nodes.get(span.start..span.end)? })
        });
        Ok(trees.collect())
    }
}

/// One tree: checked nodes in the order of the file, of which some may be deleted, that is out of reach from the first.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct RawTree<'a> {
    /// Its place in the file, for errors.
    pub(in super::super) tree: usize,
    pub(in super::super) nodes: &'a [RawNode],
}
