//! The files of the suite within the program: those of `gpoeo-sim/data` that its list names.

/// Name of the suite.
pub(super) const NAME: &str = "a100";

/// A file by its path within the suite's folder.
pub(super) fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| *name == path).map(|&(_, text)| text)
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../data/", $path)))),*]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "suite.csv",
    "a100_sxm.csv",
    "traces/vit_large.trace.csv",
    "traces/vit_large.truth.csv",
    "traces/gpt2_medium_accum8.trace.csv",
    "traces/gpt2_medium_accum8.truth.csv",
    "traces/wgan.trace.csv",
    "traces/wgan.truth.csv",
    "traces/lstm_fp32.trace.csv",
    "traces/lstm_fp32.truth.csv",
    "traces/swin_checkpoints.trace.csv",
    "traces/swin_checkpoints.truth.csv",
    "traces/gpt_accum32.trace.csv",
    "traces/gpt_accum32.truth.csv",
    "traces/ppo.trace.csv",
    "traces/ppo.truth.csv",
    "traces/resnet50_slow_loader.trace.csv",
    "traces/resnet50_slow_loader.truth.csv",
    "traces/resnet50_amp.trace.csv",
    "traces/resnet50_amp.truth.csv",
    "traces/efficientnet_workers.trace.csv",
    "traces/efficientnet_workers.truth.csv",
    "traces/sac.trace.csv",
    "traces/sac.truth.csv",
    "traces/gpt_ragged.trace.csv",
    "traces/gpt_ragged.truth.csv",
    "traces/gcn_full_graph.trace.csv",
    "traces/gcn_full_graph.truth.csv",
    "traces/kmeans_aperiodic.trace.csv",
    "traces/kmeans_aperiodic.truth.csv",
    "traces/random_search_aperiodic.trace.csv",
    "traces/random_search_aperiodic.truth.csv",
];
