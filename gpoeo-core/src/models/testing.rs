//! A small set for tests, as files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::card::{ModelKind, Variant};
use super::set::{ModelSet, file_of};

#[path = "../../tests/it/hand_made.rs"]
mod hand_made;

use hand_made::Curves;

/// Files by their path from the set's folder.
pub(crate) type Folder = BTreeMap<String, Vec<u8>>;

const CURVES: Curves<'static> = [&|x| 0.7 + 0.3 / x, &|x| 0.5 + 0.5 * x * x, &|x| 0.9 + 0.1 / x, &|x| 0.7 + 0.3 * x];

/// A set of one variant.
pub(crate) fn tiny_folder(variant: Variant) -> Folder {
    let (card, files) = hand_made::files(variant, CURVES, 0.1);
    let mut folder = Folder::new();
    folder.insert(file_of(variant, "card.json"), serde_json::to_vec(&card).expect("a card is JSON"));
    for (kind, bytes) in ModelKind::ALL.into_iter().zip(files) {
        folder.insert(file_of(variant, kind.file()), bytes);
    }
    folder
}

/// The same, loaded.
pub(crate) fn tiny_set(variant: Variant) -> Arc<ModelSet> {
    hand_made::set(variant, CURVES, 0.1)
}
