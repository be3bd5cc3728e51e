//! Sets from files. The core reads none itself: the embedder says how.

use std::io;

use super::card::{Card, ModelKind, Variant};
use super::error::ModelSetError;
use super::set::{ModelFiles, ModelSet, TrainedModels};
use crate::gbdt::from_json;

impl Card {
    /// Reads `card.json`; `file` is its name for errors.
    ///
    /// # Errors
    /// [`ModelSetError::Card`] if it is no JSON, or lacks a field.
    pub fn from_json(bytes: &[u8], file: &str) -> Result<Self, ModelSetError> {
        from_json(bytes).map_err(|error| ModelSetError::Card { file: file.to_owned(), problem: error.to_string() })
    }
}

impl ModelSet {
    /// Loads a set with a function that reads a file of the set's folder, by its path from there; one that is not there is an
    /// error of kind [`io::ErrorKind::NotFound`]. Variants lie in folders of their names, or a single one in the folder
    /// itself.
    ///
    /// ```
    /// # use gpoeo_core::{ModelSet, ModelSetError};
    /// # fn demo(folder: &std::path::Path) -> Result<ModelSet, ModelSetError> {
    /// ModelSet::load(|name| std::fs::read(folder.join(name)))
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ModelSetError`]: anything that is broken, and a folder without any variant.
    pub fn load(mut read: impl FnMut(&str) -> io::Result<Vec<u8>>) -> Result<Self, ModelSetError> {
        let mut variants = Vec::new();
        for folder in [None].into_iter().chain(Variant::ALL.map(Some)) {
            let path = |name: &str| folder.map_or(name.to_owned(), |variant| format!("{variant}/{name}"));
            let Some(card) = read_if_there(&mut read, path("card.json"))? else { continue };
            let file = path("card.json");
            let card = Card::from_json(&card, &file)?;
            if folder.is_some_and(|variant| variant != card.variant) {
                let problem = "it is another one than the folder's name says";
                return Err(ModelSetError::CardField { file, field: "variant".to_owned(), problem });
            }
            let mut bytes = [const { None }; ModelKind::ALL.len()];
            for (kind, bytes) in ModelKind::ALL.into_iter().zip(&mut bytes) {
                if card.models.entry(kind).is_some() {
                    let file = path(kind.file());
                    *bytes = Some(read_if_there(&mut read, file.clone())?.ok_or(ModelSetError::Missing { file })?);
                }
            }
            let [time_sm, energy_sm, time_mem, energy_mem] = &bytes;
            let files = ModelFiles {
                time_sm: time_sm.as_deref().unwrap_or_default(),
                energy_sm: energy_sm.as_deref().unwrap_or_default(),
                time_mem: time_mem.as_deref(),
                energy_mem: energy_mem.as_deref(),
            };
            variants.push(TrainedModels::new(card, files)?);
        }
        Self::new(variants)
    }
}

fn read_if_there(
    read: &mut impl FnMut(&str) -> io::Result<Vec<u8>>,
    file: String,
) -> Result<Option<Vec<u8>>, ModelSetError> {
    match read(&file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ModelSetError::Read { file, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{Folder, tiny_folder};
    use super::*;

    fn load(folder: &Folder) -> Result<ModelSet, ModelSetError> {
        ModelSet::load(|name| folder.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn refused(change: impl FnOnce(&mut Folder)) -> ModelSetError {
        let mut folder = tiny_folder(Variant::Nvml);
        change(&mut folder);
        load(&folder).expect_err("it must be refused")
    }

    fn edit(folder: &mut Folder, file: &str, from: &str, to: &str) {
        let text = String::from_utf8(folder[file].clone()).unwrap();
        assert!(text.contains(from), "{text}");
        folder.insert(file.to_owned(), text.replace(from, to).into_bytes());
    }

    #[test]
    fn loads_what_lies_in_the_variants_folders_or_in_the_folder_itself() {
        let set = load(&tiny_folder(Variant::Nvml)).unwrap();
        assert_eq!((set.family(), set.variants().len()), ("test", 1));
        let mut both = tiny_folder(Variant::Nvml);
        both.extend(tiny_folder(Variant::Counters));
        let set = load(&both).unwrap();
        let variants: Vec<Variant> = set.variants().iter().map(|trained| trained.card().variant).collect();
        assert_eq!(variants, [Variant::Counters, Variant::Nvml]);
        let flat: Folder = tiny_folder(Variant::Gpm)
            .into_iter()
            .map(|(name, bytes)| (name.trim_start_matches("gpm/").to_owned(), bytes))
            .collect();
        assert_eq!(load(&flat).unwrap().variants()[0].card().variant, Variant::Gpm);
    }

    #[test]
    fn a_broken_set_is_never_no_set_and_the_error_names_the_file() {
        assert!(matches!(load(&BTreeMap::new()), Err(ModelSetError::Empty)));
        let cases: [(&str, ModelSetError); 7] = [
            ("nvml/time_sm.ubj", refused(|folder| drop(folder.remove("nvml/time_sm.ubj")))),
            ("nvml/energy_mem.ubj", refused(|folder| drop(folder.remove("nvml/energy_mem.ubj")))),
            ("nvml/time_sm.ubj", refused(|folder| folder.get_mut("nvml/time_sm.ubj").unwrap().push(b' '))),
            ("nvml/card.json", refused(|folder| edit(folder, "nvml/card.json", "\"format\":1", "\"format\":2"))),
            ("nvml/card.json", refused(|folder| edit(folder, "nvml/card.json", "\"family\"", "\"fam\""))),
            ("nvml/card.json", refused(|folder| edit(folder, "nvml/card.json", "\"nvml\"", "\"counters\""))),
            ("nvml/card.json", refused(|folder| folder.get_mut("nvml/card.json").unwrap().truncate(100))),
        ];
        for (file, error) in cases {
            let text = error.to_string();
            assert!(text.contains(file) && text.lines().count() == 1, "{text}");
        }
        let mut folder = tiny_folder(Variant::Nvml);
        folder.extend(tiny_folder(Variant::Counters));
        edit(&mut folder, "counters/card.json", "\"test\"", "\"other\"");
        assert!(matches!(load(&folder), Err(ModelSetError::Families { .. })));
        let unreadable = ModelSet::load(|_| Err(io::ErrorKind::PermissionDenied.into()));
        assert!(matches!(unreadable, Err(ModelSetError::Read { .. })));
    }

    #[test]
    fn inputs_are_bound_by_name_and_none_is_unknown() {
        let unlisted = refused(|folder| edit(folder, "nvml/card.json", "\"power_per_limit\"", "\"power_swing\""));
        assert!(matches!(unlisted, ModelSetError::FeatureNotOnCard { .. }), "{unlisted}");
        let unknown = refused(|folder| edit(folder, "nvml/card.json", "\"power_per_limit\"", "\"power_level\""));
        assert!(unknown.to_string().starts_with("nvml/card.json: the input \"power_level\" is unknown"), "{unknown}");
    }

    #[test]
    fn our_reader_and_serde_json_agree_on_a_card() {
        let folder = tiny_folder(Variant::Counters);
        let bytes = &folder["counters/card.json"];
        let ours = Card::from_json(bytes, "card.json").unwrap();
        let theirs: Card = serde_json::from_slice(bytes).unwrap();
        assert_eq!(ours, theirs);
        assert_eq!(Card::from_json(&serde_json::to_vec(&ours).unwrap(), "card.json").unwrap(), ours);
    }
}
