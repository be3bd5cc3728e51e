//! One pass over a model file.

use super::super::error::ModelError;
use super::super::format::{Integer, Reader, Source};
use super::super::names::FeatureNames;
use super::super::place::FieldPath;
use super::to_i32;
use super::tree::{Columns, Forest};

/// What a file says, before the rules between its fields are checked. `None`: the field is not there.
#[derive(Debug, Default)]
pub(in super::super) struct Document {
    pub(super) version: Option<[u32; 3]>,
    pub(super) best_iteration: Option<Box<str>>,
    pub(super) feature_names: FeatureNames,
    pub(super) objective: Option<Box<str>>,
    pub(super) parameters: Parameters,
    pub(super) booster: Option<Box<str>>,
    pub(super) has_weight_drop: bool,
    pub(super) model: TreeModel,
}

/// `learner_model_param`: texts, whatever they mean.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) base_score: Option<Box<str>>,
    pub(super) num_class: Option<Box<str>>,
    pub(super) num_feature: Option<Box<str>>,
    pub(super) num_target: Option<Box<str>>,
}

/// `gradient_booster.model`.
#[derive(Debug, Default)]
pub(super) struct TreeModel {
    pub(super) num_parallel_tree: Option<Box<str>>,
    pub(super) num_trees: Option<Box<str>>,
    pub(super) size_leaf_vector: Option<Box<str>>,
    pub(super) iteration_indptr: Option<Vec<i32>>,
    pub(super) tree_info: Option<TreeInfo>,
    pub(super) forest: Option<Forest>,
}

/// `tree_info`, of which only this is needed.
#[derive(Debug, Default)]
pub(super) struct TreeInfo {
    pub(super) length: usize,
    /// The first tree of another group than 0, and which.
    pub(super) other_group: Option<(usize, i64)>,
}

impl Document {
    /// Reads a whole file.
    pub(in super::super) fn read<'a>(source: impl Source<'a>) -> Result<Self, ModelError> {
        let mut reader = Reader::new(source);
        let mut document = Self::default();
        reader.object(|reader, key| match key {
            "learner" => reader.field("learner", |reader| document.read_learner(reader)),
            "version" => reader.field("version", |reader| document.read_version(reader)),
            _ => reader.skip(),
        })?;
        reader.end()?;
        document.has_weight_drop = reader.has_weight_drop();
        Ok(document)
    }

    fn read_version<'a>(&mut self, reader: &mut Reader<impl Source<'a>>) -> Result<(), ModelError> {
        let mut version = [0; 3];
        let mut negative = None;
        let found = reader.integers(|index, integer| {
            // A version beyond 32 bits is a late one.
            let number = match integer {
                Integer::Value(value) if value < 0 => {
                    negative.get_or_insert(index);
                    0
                }
                Integer::Value(value) => u32::try_from(value).unwrap_or(u32::MAX),
                Integer::Beyond64Bits => u32::MAX,
            };
            if let Some(part) = version.get_mut(index) {
                *part = number;
            }
        })?;
        if found != version.len() {
            return Err(ModelError::LengthMismatch { path: reader.path().clone(), found, expected: version.len() });
        }
        if let Some(index) = negative {
            return Err(reader.wrong_value(index, "0 or more"));
        }
        self.version = Some(version);
        Ok(())
    }

    fn read_learner<'a>(&mut self, reader: &mut Reader<impl Source<'a>>) -> Result<(), ModelError> {
        reader.object(|reader, key| match key {
            "attributes" => reader.field("attributes", |reader| self.read_attributes(reader)),
            "feature_names" => reader.field("feature_names", |reader| {
                let names = &mut self.feature_names;
                reader.texts(|name| names.push(name)).map(drop)
            }),
            "gradient_booster" => reader.field("gradient_booster", |reader| self.read_booster(reader)),
            "learner_model_param" => reader.field("learner_model_param", |reader| self.parameters.read(reader)),
            "objective" => reader.field("objective", |reader| {
                reader.object(|reader, key| match key {
                    "name" => text_field(reader, "name", &mut self.objective),
                    _ => reader.skip(),
                })
            }),
            _ => reader.skip(),
        })
    }

    fn read_attributes<'a>(&mut self, reader: &mut Reader<impl Source<'a>>) -> Result<(), ModelError> {
        reader.object(|reader, key| match key {
            "best_iteration" => text_field(reader, "best_iteration", &mut self.best_iteration),
            _ => reader.text().map(drop),
        })
    }

    fn read_booster<'a>(&mut self, reader: &mut Reader<impl Source<'a>>) -> Result<(), ModelError> {
        reader.object(|reader, key| match key {
            "model" => reader.field("model", |reader| self.model.read(reader)),
            "name" => text_field(reader, "name", &mut self.booster),
            _ => reader.skip(),
        })
    }
}

impl Parameters {
    fn read<'a>(&mut self, reader: &mut Reader<impl Source<'a>>) -> Result<(), ModelError> {
        reader.object(|reader, key| match key {
            "base_score" => text_field(reader, "base_score", &mut self.base_score),
            "num_class" => text_field(reader, "num_class", &mut self.num_class),
            "num_feature" => text_field(reader, "num_feature", &mut self.num_feature),
            "num_target" => text_field(reader, "num_target", &mut self.num_target),
            _ => reader.skip(),
        })
    }
}

impl TreeModel {
    /// Where it stands.
    pub(super) fn path() -> FieldPath {
        FieldPath::of(&["learner", "gradient_booster", "model"])
    }

    fn read<'a>(&mut self, reader: &mut Reader<impl Source<'a>>) -> Result<(), ModelError> {
        reader.object(|reader, key| match key {
            "gbtree_model_param" => reader.field("gbtree_model_param", |reader| {
                reader.object(|reader, key| match key {
                    "num_parallel_tree" => text_field(reader, "num_parallel_tree", &mut self.num_parallel_tree),
                    "num_trees" => text_field(reader, "num_trees", &mut self.num_trees),
                    "size_leaf_vector" => text_field(reader, "size_leaf_vector", &mut self.size_leaf_vector),
                    _ => reader.skip(),
                })
            }),
            "iteration_indptr" => reader.field("iteration_indptr", |reader| {
                let starts = self.iteration_indptr.insert(Vec::new());
                reader.integers(|_, start| starts.push(to_i32(start))).map(drop)
            }),
            "tree_info" => reader.field("tree_info", |reader| {
                let mut info = TreeInfo::default();
                info.length = reader.integers(|tree, group| {
                    let group = match group {
                        Integer::Value(group) => group,
                        Integer::Beyond64Bits => i64::MAX,
                    };
                    if group != 0 {
                        info.other_group.get_or_insert((tree, group));
                    }
                })?;
                self.tree_info = Some(info);
                Ok(())
            }),
            "trees" => reader.field("trees", |reader| {
                let forest = self.forest.insert(Forest::default());
                let mut columns = Columns::default();
                reader
                    .objects(|reader, _| {
                        columns.clear();
                        reader.entries(|reader, key| columns.read(reader, key))?;
                        forest.add(&columns);
                        Ok(())
                    })
                    .map(drop)
            }),
            _ => reader.skip(),
        })
    }
}

/// Reads a text into its place.
pub(super) fn text_field<'a>(
    reader: &mut Reader<impl Source<'a>>,
    key: &'static str,
    place: &mut Option<Box<str>>,
) -> Result<(), ModelError> {
    let text = reader.field(key, Reader::text)?;
    *place = Some(text.into());
    Ok(())
}
