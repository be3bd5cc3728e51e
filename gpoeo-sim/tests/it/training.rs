//! The trained sets: what is shipped is what its cards say, and does what they say.

use std::path::{Path, PathBuf};
use std::process::Command;

use gpoeo_core::features::Feature;
use gpoeo_core::{ModelKind, ModelSet, Variant};
use gpoeo_sim::{Gpu, PoolJob, PoolPart};

const TRAINING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/training");
const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gpoeo-core/models");
/// All that is shipped may take so many bytes.
const MOST_BYTES: u64 = 3 << 20;

fn load(folder: &Path) -> ModelSet {
    // Checks the hash of every model.
    ModelSet::load(|name| std::fs::read(folder.join(name))).unwrap()
}

fn shipped() -> [(Gpu, ModelSet); 2] {
    [Gpu::Rtx3080Ti, Gpu::H100].map(|gpu| (gpu, load(&Path::new(MODELS).join(gpu.key()))))
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { bytes_in(&path) } else { path.metadata().unwrap().len() }).sum()
}

#[test]
fn what_training_says_of_every_input_is_what_the_core_says() {
    let text = std::fs::read_to_string(format!("{TRAINING}/inputs.json")).unwrap();
    let inputs: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(inputs.len(), Feature::ALL.len());
    for (input, feature) in inputs.iter().zip(Feature::ALL) {
        let wanted = serde_json::json!({"name": feature.name(), "unit": feature.unit(), "formula": feature.formula()});
        assert_eq!(*input, wanted, "run `gpoeo-sim pool --inputs > gpoeo-sim/training/inputs.json`");
    }
}

#[test]
fn the_shipped_cards_are_those_of_the_shipped_models() {
    let [(_, geforce), (_, hopper)] = shipped();
    let variants = |set: &ModelSet| -> Vec<Variant> { set.variants().iter().map(|one| one.card().variant).collect() };
    assert_eq!(variants(&geforce), [Variant::Counters, Variant::Nvml]);
    assert_eq!(variants(&hopper), [Variant::Gpm, Variant::Nvml]);
    assert!(geforce.is_for("NVIDIA GeForce RTX 3080 Ti") && hopper.is_for("NVIDIA H100 80GB HBM3"));
    assert!(!geforce.is_for("NVIDIA GeForce RTX 3080"));
    for trained in geforce.variants().iter().chain(hopper.variants()) {
        let card = trained.card();
        assert!(card.notice.as_deref().is_some_and(|notice| notice.contains("not validated on hardware")));
        assert!(card.features.iter().all(|feature| Feature::from_name(&feature.name).is_some()));
    }
    assert!(bytes_in(Path::new(MODELS)) <= MOST_BYTES);
}

/// The goals: 3 and 4 % with counters, 6 and 8 % with telemetry alone, 1.5 points of saving lost by the best prediction.
#[test]
fn the_shipped_cards_report_what_was_aimed_at() {
    for (_, set) in shipped() {
        for card in set.variants().iter().map(|one| one.card()) {
            let (time, energy) = if card.variant == Variant::Nvml { (0.06, 0.08) } else { (0.03, 0.04) };
            let metric = |name: &str| card.metrics[&format!("test.{name}")];
            assert!(metric("time_error_median") <= time, "{} {}", card.family, card.variant);
            assert!(metric("energy_error_median") <= energy, "{} {}", card.family, card.variant);
            assert!(metric("lost_points_median") <= 1.5, "{} {}", card.family, card.variant);
            assert!(metric("time_error_median") < card.metrics["mean_curve.time_error_median"]);
        }
    }
}

/// The core's own inputs and forecasts, on jobs beyond those that the card was written with.
#[test]
fn the_shipped_models_predict_jobs_that_nobody_trained_on() {
    for (gpu, set) in shipped() {
        let jobs: Vec<PoolJob> = (0..24).map(|number| PoolJob::draw(gpu, PoolPart::Test, 1_000_000 + number)).collect();
        for trained in set.variants() {
            for kind in [ModelKind::TimeSm, ModelKind::EnergySm] {
                let model = trained.model(kind).unwrap();
                let order: Vec<Feature> = model.feature_names().map(|name| Feature::from_name(name).unwrap()).collect();
                let mut errors: Vec<f64> = jobs
                    .iter()
                    .map(|job| {
                        let curve = job.workload().curve();
                        let default = curve.default_clocks();
                        let forecast = |ratio: f64| {
                            let mut row = vec![0.0; order.len()];
                            job.features().with(Feature::ClockRatio, ratio as f32).fill(&order, &mut row);
                            f64::from(model.predict(&row).unwrap())
                        };
                        let on_axis = curve.settings().filter(|(clocks, _)| clocks.mem_gear() == default.mem_gear());
                        let errors: Vec<f64> = on_axis
                            .map(|(clocks, cost)| {
                                let ratio = f64::from(clocks.sm().0) / f64::from(default.sm().0);
                                let wanted = if kind == ModelKind::TimeSm { cost.time } else { cost.energy };
                                (forecast(ratio) / forecast(1.0) / wanted - 1.0).abs()
                            })
                            .collect();
                        errors.iter().sum::<f64>() / errors.len() as f64
                    })
                    .collect();
                errors.sort_by(f64::total_cmp);
                let median = errors[errors.len() / 2];
                assert!(median < 0.04, "{gpu} {} {kind:?}: {median}", trained.card().variant);
            }
        }
    }
}

#[test]
#[ignore = "needs Python with the packages of gpoeo-sim/training/requirements.txt (PYTHON names it)"]
fn training_twice_gives_the_same_bytes() {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let train = |name: &str| -> PathBuf {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let status = Command::new(&python)
            .arg(format!("{TRAINING}/train.py"))
            .args(["--simulator", env!("CARGO_BIN_EXE_gpoeo-sim"), "--gpu", "h100", "--count", "40", "--out"])
            .arg(&out)
            .status()
            .unwrap();
        assert!(status.success());
        out.join("h100")
    };
    let (first, second) = (train("training-first"), train("training-second"));
    load(&first);
    for variant in ["gpm", "nvml"] {
        let files = ["card.json", "time_sm.ubj", "energy_sm.ubj", "time_mem.ubj", "energy_mem.ubj"];
        for file in files.map(|file| Path::new(variant).join(file)) {
            assert_eq!(
                std::fs::read(first.join(&file)).unwrap(),
                std::fs::read(second.join(&file)).unwrap(),
                "{file:?}"
            );
        }
    }
}
