//! Small sets of models made by hand, for the tests of the machine and of the loader.

use std::collections::BTreeMap;
use std::sync::Arc;

use gpoeo_core::{
    Card, CardFeature, CardModel, CardModels, DefaultClocks, ErrorPoint, ModelFiles, ModelSet, TrainedModels, Variant,
};

/// Cost over the clock ratio: time and energy over the SM clock, the same over the memory clock.
pub(crate) type Curves<'a> = [&'a dyn Fn(f64) -> f64; 4];

/// Steps of the clock ratio from 0 to 1.
const STEPS: u32 = 60;

/// A model that gives the value of `curve` at the middle of each step, and at 1; its second input does not matter.
fn stepwise_model(curve: &dyn Fn(f64) -> f64) -> Vec<u8> {
    let value = |step: u32| curve((f64::from(step) + 0.5) / f64::from(STEPS));
    // Each tree adds the step from one value to the next.
    let mut trees = vec![tree(0, 0.0, value(0), value(0))];
    for step in 1..STEPS {
        trees.push(tree(step, f64::from(step) / f64::from(STEPS), 0.0, value(step) - value(step - 1)));
    }
    trees.push(tree(STEPS, 1.0, 0.0, curve(1.0) - value(STEPS - 1)));
    let (count, info, trees) = (trees.len(), vec!["0"; trees.len()].join(","), trees.join(","));
    format!(
        r#"{{"version":[3,2,0],"learner":{{"feature_names":["clock_ratio","power_per_limit"],
        "objective":{{"name":"reg:squarederror"}},
        "learner_model_param":{{"base_score":"[0E0]","num_class":"0","num_feature":"2"}},
        "gradient_booster":{{"name":"gbtree","model":{{
        "gbtree_model_param":{{"num_trees":"{count}","num_parallel_tree":"1"}},"tree_info":[{info}],
        "trees":[{trees}]}}}}}}}}"#
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

/// The four files of these curves and their card; `error`: of every model at a third of the default clock.
pub(crate) fn files(variant: Variant, curves: Curves<'_>, error: f64) -> (Card, [Vec<u8>; 4]) {
    let files = curves.map(stepwise_model);
    let error = vec![ErrorPoint { ratio: 0.33, stderr: error }, ErrorPoint { ratio: 1.0, stderr: 0.0 }];
    let [time_sm, energy_sm, time_mem, energy_mem] = files.each_ref().map(|file| CardModel::new(file, error.clone()));
    let feature = |name: &str, low, high, required| CardFeature {
        name: name.to_owned(),
        unit: "1".to_owned(),
        formula: "by hand".to_owned(),
        low,
        high,
        required,
    };
    let card = Card {
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
    };
    (card, files)
}

/// A set of one variant with these curves.
pub(crate) fn set(variant: Variant, curves: Curves<'_>, error: f64) -> Arc<ModelSet> {
    let (card, [time_sm, energy_sm, time_mem, energy_mem]) = files(variant, curves, error);
    let files = ModelFiles {
        time_sm: &time_sm,
        energy_sm: &energy_sm,
        time_mem: Some(&time_mem),
        energy_mem: Some(&energy_mem),
    };
    let trained = TrainedModels::new(card, files).expect("a set that was made right");
    Arc::new(ModelSet::new([trained]).expect("one variant is a set"))
}
