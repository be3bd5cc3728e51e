//! Loading a model, the margin of a row, the sweep of a row over 128 gears beside the 128 rows that it stands for.
//!
//! Times are one machine's; what is asserted is the ratio of the last two. Beside XGBoost itself: `gpoeo-compare`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench has a clock and reads its model")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use gpoeo_core::gbdt::{Model, Sweep};

const GEARS: usize = 128;
const TURNS: usize = 200;
/// A sweep must be so many times faster than its rows, one by one.
const GOAL: f64 = 8.0;

fn main() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/p03_gears_3.2.ubj");
    let bytes = std::fs::read(file).expect("the model is in the repository");
    let model = Model::from_slice(&bytes).expect("it loads");
    let gears: Vec<f32> = (0..GEARS).map(|gear| 0.3 + 0.7 * gear as f32 / (GEARS - 1) as f32).collect();
    let mut sweep = Sweep::new(&model, 0, &gears).expect("the gears ascend");
    let rows: Vec<Vec<f32>> = (0..32)
        .map(|row: usize| {
            (0..model.num_features()).map(|feature| (row * 7 + feature * 13) as f32 % 10.0 / 10.0).collect()
        })
        .collect();
    let mut out = vec![0.0; GEARS];

    let load = fastest_us(1, || {
        black_box(Model::from_slice(black_box(&bytes)).is_ok());
    });
    let plan = fastest_us(1, || {
        black_box(Sweep::new(&model, 0, black_box(&gears)).is_ok());
    });
    let row = fastest_us(rows.len(), || {
        for row in &rows {
            black_box(model.margin(black_box(row)).expect("the row has the model's length"));
        }
    });
    let swept = fastest_us(rows.len(), || {
        for row in &rows {
            sweep.margins(black_box(row), &mut out).expect("the row has the model's length");
            black_box(&out);
        }
    });
    let ratio = row * GEARS as f64 / swept;
    println!("{} trees, {} bytes, fastest of {TURNS}", model.num_trees(), bytes.len());
    println!("load {load:.1} us, plan of a sweep {plan:.1} us, row {row:.3} us, sweep of {GEARS} gears {swept:.3} us");
    println!("a sweep is {ratio:.1} times faster than its {GEARS} rows (goal: {GOAL})");
    assert!(ratio > GOAL, "a sweep is only {ratio} times faster than its rows");
}

/// The fastest of some turns, µs for each of `count` things done in one.
fn fastest_us(count: usize, mut turn: impl FnMut()) -> f64 {
    let mut fastest = f64::INFINITY;
    for _ in 0..TURNS {
        let start = Instant::now();
        turn();
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    fastest * 1e6 / count as f64
}
