//! The sweep of one feature gives the margins of its rows, bit by bit, whatever the model, the row and the values.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "reads its fixtures, and fails by panicking")]

use gpoeo_core::gbdt::{Model, Sweep, SweepError};
use proptest::prelude::*;

use crate::model_text::{FEATURES, MadeUp, Tree, made_up, number, row};
use crate::models::{file, folder, manifest, rows};

/// The same NaN is not asked for: which of its bits survive an addition is the processor's business.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Compares a sweep with the margins of its rows, one at a time.
fn check(model: &Model, feature: usize, values: &[f32], rows: &[&[f32]]) {
    let mut sweep = Sweep::new(model, feature, values).unwrap();
    assert_eq!((sweep.len(), sweep.is_empty()), (values.len(), values.is_empty()));
    let mut margins = vec![f32::NAN; values.len()];
    for row in rows {
        sweep.margins(row, &mut margins).unwrap();
        let mut row = row.to_vec();
        for (value, margin) in values.iter().zip(&margins) {
            row[feature] = *value;
            let expected = model.margin(&row).unwrap();
            assert!(same(*margin, expected), "feature {feature}, {row:?}: {margin:?} instead of {expected:?}");
        }
    }
}

/// Finite values as they stand in a column, and evenly spread ones, ascending.
fn ascending(column: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut values: Vec<f32> = column.filter(|value| value.is_finite()).collect();
    values.extend((0..40_u8).map(|place| f32::from(place) / 20.0));
    values.sort_by(f32::total_cmp);
    values
}

#[test]
fn equals_the_margins_of_xgboosts_models_over_every_feature() {
    let folder = folder("");
    for entry in manifest(&folder).iter().filter(|entry| entry["expect"] == "ok") {
        let (name, bytes) = file(&folder, entry);
        let model = Model::from_slice(&bytes).unwrap();
        let (rows, count) = rows(&folder.join(name.rsplit_once('.').unwrap().0.to_owned() + ".rows.csv"));
        let rows: Vec<&[f32]> = rows.chunks(model.num_features()).collect();
        for feature in 0..model.num_features() {
            let values = ascending(rows.iter().map(|row| row[feature]));
            check(&model, feature, &values, &rows.iter().copied().step_by(1 + count / 40).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn rows_batches_and_both_formats_equal_the_slow_way(made_up in made_up(), rows in prop::collection::vec(row(), 1..8)) {
        let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
        let again = Model::from_slice(&made_up.ubj()).unwrap();
        prop_assert_eq!(model.num_trees(), made_up.trees.len());
        prop_assert_eq!(model.num_iterations(), made_up.trees.len() / made_up.parallel);
        let mut batch = vec![0.0; rows.len()];
        model.margins(&rows.concat(), &mut batch).unwrap();
        for (row, batched) in rows.iter().zip(batch) {
            let expected = made_up.margin(row);
            for margin in [model.margin(row).unwrap(), again.margin(row).unwrap(), batched] {
                prop_assert!(same(margin, expected), "{margin} instead of {expected}");
            }
        }
    }

    #[test]
    fn equals_the_margins_of_made_up_models(
        made_up in made_up(),
        rows in prop::collection::vec(row(), 1..4),
        feature in 0..FEATURES,
        // Equal ones, exact thresholds, and enough of them to fill several lanes.
        mut values in prop::collection::vec(prop_oneof![number(), -3.0_f32..9.0], 0..150),
    ) {
        values.sort_by(f32::total_cmp);
        let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
        check(&model, feature, &values, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn first_iterations_are_the_model_with_fewer_trees(mut made_up in made_up(), row in row(), keep in 0.0..1.0) {
        let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
        let iterations = (model.num_iterations() as f64 * keep) as usize;
        let model = model.first_iterations(iterations).unwrap();
        made_up.trees.truncate(iterations * made_up.parallel);
        prop_assert!(same(model.margin(&row).unwrap(), made_up.margin(&row)));
        check(&model, 0, &[-1.0, 0.0, 0.25, 1.0], &[row.as_slice()]);
    }
}

/// A chain of splits on feature 0 at 0.5, 1.5, …: as many intervals as there are splits, and one more.
fn staircase(steps: u16) -> Tree {
    (0..steps).rev().fold(Tree::Leaf(-1.0), |rest, step| Tree::Split {
        feature: 0,
        threshold: f32::from(step) + 0.5,
        default_left: false,
        children: Box::new([Tree::Leaf(f32::from(step) * 0.37), rest]),
    })
}

#[test]
fn a_tree_may_part_every_value_from_the_next() {
    for steps in [1, 7, 8, 9, 63, 127, 128, 300] {
        let values: Vec<f32> = (0..=steps).map(f32::from).collect();
        let trees = (0..40).map(|_| staircase(steps)).collect();
        let made_up = MadeUp { base: 0.1, parallel: 1, deleted: 0, trees };
        let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
        check(&model, 0, &values, &[&[0.0; FEATURES]]);
    }
}

#[test]
fn more_values_and_columns_than_16_bits_count() {
    let steps = 400;
    let made_up = MadeUp { base: 0.0, parallel: 1, deleted: 0, trees: vec![staircase(steps), Tree::Leaf(2.0)] };
    let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
    let values: Vec<f32> = (0..70_000_u32).map(|place| place as f32 / 170.0).collect();
    check(&model, 0, &values, &[&[0.0; FEATURES]]);
}

#[test]
fn more_features_than_narrow_nodes_can_choose_from_sweep_the_same() {
    let features = 200;
    let split = |feature: usize, left: Tree, right: Tree| Tree::Split {
        feature,
        threshold: (feature % 7) as f32 * 0.3,
        default_left: feature % 2 == 0,
        children: Box::new([left, right]),
    };
    let leaf = |feature: usize| Tree::Leaf(feature as f32 * 0.17 - 9.0);
    let tree = |feature: usize| {
        let below = split(features - 1 - feature, leaf(feature), split(3, leaf(feature + 1), leaf(feature + 2)));
        split(feature, below, split(5, leaf(feature + 3), leaf(feature + 4)))
    };
    let made_up = MadeUp { base: 0.3, parallel: 1, deleted: 0, trees: (0..features).map(tree).collect() };
    let text = made_up.json().replace("\"num_feature\":\"4\"", "\"num_feature\":\"200\"");
    let model = Model::from_slice(text.as_bytes()).unwrap();
    let rows: Vec<Vec<f32>> = (0..3)
        .map(|row: usize| {
            (0..features).map(move |f| if (f + row) % 11 == 0 { f32::NAN } else { (f * row % 5) as f32 * 0.4 })
        })
        .map(Iterator::collect)
        .collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    assert!(same(model.margin(rows[1]).unwrap(), made_up.margin(rows[1])));
    for feature in [3, 5, 198] {
        check(&model, feature, &[-1.0, 0.0, 0.3, 0.6, 0.9, 1.2, 5.0], &rows);
    }
}

#[test]
fn a_base_below_zero_that_is_zero_stays_so_without_trees() {
    let made_up = MadeUp { base: -0.0, parallel: 1, deleted: 0, trees: vec![staircase(3), Tree::Leaf(-0.0)] };
    let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
    check(&model, 0, &[0.0, 1.0], &[&[0.0; FEATURES]]);
    let empty = model.first_iterations(0).unwrap();
    let mut margins = [1.0; 2];
    Sweep::new(&empty, 0, &[0.0, 1.0]).unwrap().margins(&[0.0; FEATURES], &mut margins).unwrap();
    assert_eq!(margins.map(f32::to_bits), [(-0.0_f32).to_bits(); 2]);
}

#[test]
fn refuses_values_out_of_order_and_rows_of_another_length() {
    let made_up = MadeUp { base: 0.0, parallel: 1, deleted: 0, trees: vec![staircase(2)] };
    let model = Model::from_slice(made_up.json().as_bytes()).unwrap();
    let error = |feature, values: &[f32]| Sweep::new(&model, feature, values).unwrap_err();
    assert_eq!(error(FEATURES, &[]), SweepError::Feature { feature: FEATURES, num_features: FEATURES });
    assert_eq!(error(0, &[0.0, f32::NAN]), SweepError::NotFinite { index: 1 });
    assert_eq!(error(0, &[f32::INFINITY]), SweepError::NotFinite { index: 0 });
    assert_eq!(error(0, &[1.0, 2.0, 1.5]), SweepError::NotAscending { index: 2 });
    let mut sweep = Sweep::new(&model, 0, &[1.0, 2.0]).unwrap();
    assert!(sweep.margins(&[0.0; FEATURES - 1], &mut [0.0; 2]).is_err());
    assert!(sweep.margins(&[0.0; FEATURES], &mut [0.0; 3]).is_err());
}

#[test]
fn neither_a_sweep_nor_a_row_allocates() {
    let folder = folder("");
    let bytes = std::fs::read(folder.join("p03_gears_3.2.ubj")).unwrap();
    let model = Model::from_slice(&bytes).unwrap();
    let values: Vec<f32> = (0..128_u8).map(|gear| 0.3 + 0.7 * f32::from(gear) / 127.0).collect();
    let mut sweep = Sweep::new(&model, 0, &values).unwrap();
    let mut margins = vec![0.0; values.len()];
    let (rows, _) = rows(&folder.join("p03_gears_3.2.rows.csv"));
    let info = allocation_counter::measure(|| {
        for row in rows.chunks(model.num_features()) {
            sweep.margins(row, &mut margins).unwrap();
            std::hint::black_box((&margins, model.margin(row).unwrap()));
        }
    });
    assert_eq!(info.count_total, 0);
}
