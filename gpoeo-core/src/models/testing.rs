//! Small sets for tests.

use std::collections::BTreeMap;

use super::card::{Card, CardFeature, CardModel, CardModels, DefaultClocks, ErrorPoint, ModelKind, Variant};
use super::set::file_of;
use super::sha256::sha256_hex;

/// Files by their path from the set's folder.
pub(crate) type Folder = BTreeMap<String, Vec<u8>>;

/// A model of one tree a step: the value of `curve` at the middle of each of `steps` equal steps of the clock ratio from 0
/// to 1, and at 1.
pub(crate) fn stepwise_model(steps: u32, curve: impl Fn(f64) -> f64) -> Vec<u8> {
    let value = |step: u32| curve((f64::from(step) + 0.5) / f64::from(steps));
    let mut trees = Vec::new();
    // Each tree adds the step from one value to the next.
    for step in 0..steps {
        let threshold = f64::from(step) / f64::from(steps);
        let jump = if step == 0 { value(0) } else { value(step) - value(step - 1) };
        let below = if step == 0 { jump } else { 0.0 };
        trees.push(tree(step, threshold, below, jump));
    }
    let last = curve(1.0) - value(steps - 1);
    trees.push(tree(steps, 1.0, 0.0, last));
    let count = trees.len();
    let info = vec!["0"; count].join(",");
    format!(
        r#"{{"version":[3,2,0],"learner":{{"feature_names":["clock_ratio","power_per_limit"],
        "objective":{{"name":"reg:squarederror"}},
        "learner_model_param":{{"base_score":"[0E0]","num_class":"0","num_feature":"2"}},
        "gradient_booster":{{"name":"gbtree","model":{{
        "gbtree_model_param":{{"num_trees":"{count}","num_parallel_tree":"1"}},"tree_info":[{info}],
        "trees":[{}]}}}}}}}}"#,
        trees.join(",")
    )
    .into_bytes()
}

fn tree(id: u32, threshold: f64, below: f64, above: f64) -> String {
    format!(
        r#"{{"id":{id},"tree_param":{{"num_nodes":"3","num_deleted":"0","size_leaf_vector":"1"}},
        "left_children":[1,-1,-1],"right_children":[2,-1,-1],"parents":[2147483647,0,0],
        "split_indices":[0,0,0],"split_conditions":[{threshold:e},{below:e},{above:e}],"default_left":[0,0,0]}}"#
    )
}

/// A card for the four files.
pub(crate) fn card(variant: Variant, files: [&[u8]; 4]) -> Card {
    let entry = |bytes: &[u8]| CardModel {
        sha256: sha256_hex(bytes),
        error: vec![ErrorPoint { ratio: 0.3, stderr: 0.1 }, ErrorPoint { ratio: 1.0, stderr: 0.0 }],
    };
    let feature = |name: &str, low, high, required| CardFeature {
        name: name.to_owned(),
        unit: "1".to_owned(),
        formula: "test".to_owned(),
        low,
        high,
        required,
    };
    let [time_sm, energy_sm, time_mem, energy_mem] = files.map(entry);
    Card {
        format: 1,
        family: "test".to_owned(),
        gpus: Vec::new(),
        variant,
        default_clocks: DefaultClocks { sm_mhz: 2000, mem_mhz: 9000 },
        features: vec![feature("clock_ratio", 0.1, 1.0, true), feature("power_per_limit", 0.1, 1.0, false)],
        models: CardModels { time_sm, energy_sm, time_mem: Some(time_mem), energy_mem: Some(energy_mem) },
        source: "made by hand".to_owned(),
        training: "none".to_owned(),
        notice: None,
        metrics: BTreeMap::from([("time_sm_mape".to_owned(), 0.01)]),
    }
}

/// A set of one variant with simple curves.
pub(crate) fn tiny_folder(variant: Variant) -> Folder {
    let curves: [fn(f64) -> f64; 4] = [|x| 0.7 + 0.3 / x, |x| 0.5 + 0.5 * x * x, |x| 0.9 + 0.1 / x, |x| 0.7 + 0.3 * x];
    let files = curves.map(|curve| stepwise_model(20, curve));
    let card = card(variant, files.each_ref().map(Vec::as_slice));
    let mut folder = Folder::new();
    folder.insert(file_of(variant, "card.json"), serde_json::to_vec(&card).expect("a card is JSON"));
    for (kind, bytes) in ModelKind::ALL.into_iter().zip(files) {
        folder.insert(file_of(variant, kind.file()), bytes);
    }
    folder
}
