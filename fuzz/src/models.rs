//! Model files of XGBoost: whatever the bytes, a refusal that says why, or a model whose rows, batches and sweeps agree.

use gpoeo_core::gbdt::{Model, ModelError, Sweep};

/// Longest file: longer ones show nothing new.
const LONGEST: usize = 1 << 16;

/// Numbers that the rows and the sweeps are made of; thresholds of the corpus are among them.
const NUMBERS: [f32; 11] = [f32::NEG_INFINITY, -1.0, -0.0, 1e-45, 0.25, 0.5, 0.9, 1.0, 2.0, f32::INFINITY, f32::NAN];

/// [`Model::from_json`].
pub fn model_json(data: &[u8]) {
    check(data, Model::from_json);
}

/// [`Model::from_ubj`].
pub fn model_ubj(data: &[u8]) {
    check(data, Model::from_ubj);
}

fn check(data: &[u8], load: fn(&[u8]) -> Result<Model, ModelError>) {
    if data.len() > LONGEST {
        return;
    }
    let model = match load(data) {
        Ok(model) => model,
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() < 500 && !message.contains('\n') && message.contains(": "), "{message:?}");
            return;
        }
    };
    let by_content = Model::from_slice(data).expect("what one format takes is told from the other");
    assert_eq!(by_content.num_trees(), model.num_trees());
    assert!([0, model.num_features()].contains(&model.feature_names().len()));
    // A file of a few bytes may claim any number of features: rows of them would only be slow.
    if model.num_features() > 64 {
        assert!(model.margin(&[]).is_err());
        return;
    }
    used(&model);
    if let Ok(Some(best)) = model.best_iteration() {
        used(&model.first_iterations(best + 1).expect("it is an iteration of the model"));
    }
    let half = model.first_iterations(model.num_iterations() / 2).expect("it has more than half of them");
    used(&half);
    assert!(model.first_iterations(model.num_iterations() + 1).is_err());
}

/// Rows one by one, all in one batch, and a sweep over every feature: the same bits, NaN but for its own.
fn used(model: &Model) {
    let features = model.num_features();
    let rows: Vec<Vec<f32>> = (0..4)
        .map(|row: usize| (0..features).map(|feature| NUMBERS[(row * 3 + feature * 5) % NUMBERS.len()]).collect())
        .collect();
    let mut batch = vec![0.0; rows.len()];
    model.margins(&rows.concat(), &mut batch).expect("the rows have the length that the model says");
    let values: Vec<f32> = NUMBERS.into_iter().filter(|number| number.is_finite()).collect();
    let mut swept = vec![0.0; values.len()];
    for (row, batched) in rows.iter().zip(batch) {
        assert!(same(margin(model, row), batched));
        assert!(model.predict(row).is_ok());
        for feature in 0..features {
            let mut sweep = Sweep::new(model, feature, &values).expect("the values are finite and ascend");
            sweep.margins(row, &mut swept).expect("the row has the length that the model says");
            let mut row = row.clone();
            for (value, swept) in values.iter().zip(&swept) {
                row[feature] = *value;
                assert!(same(margin(model, &row), *swept), "feature {feature}, {row:?}");
            }
        }
    }
}

fn margin(model: &Model, row: &[f32]) -> f32 {
    model.margin(row).expect("the row has the length that the model says")
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}
