//! Every target on stable, without a fuzzer: the corpus, all findings of the past, and bytes at random.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// Runs a target over its files, then over `rounds` strings of up to `longest` random bytes, each behind one of `starts`.
fn replay(name: &str, target: fn(&[u8]), rounds: u64, longest: u64, starts: &[&[u8]]) {
    let mut files = 0;
    for folder in ["corpus", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
        // Git keeps no empty folder.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            println!("{}", path.display()); // seen when it fails
            target(&fs::read(&path).unwrap());
            files += 1;
        }
    }
    assert!(files > 0, "{name} has no corpus");
    let mut random = Random(1);
    for round in 0..rounds {
        println!("random bytes, round {round}");
        let mut bytes = starts[round as usize % starts.len()].to_vec();
        let length = random.next() % longest;
        bytes.extend((0..length).map(|_| random.next() as u8));
        target(&bytes);
    }
}

/// SplitMix64 (Steele et al. 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[test]
fn dvfs_table() {
    replay("dvfs_table", gpoeo_fuzz::dvfs_table, 20_000, 200, &[b"", b"sm_clock_mhz,mem_clock_mhz,time_s,energy_j\n"]);
}

#[test]
fn model_json() {
    replay("model_json", gpoeo_fuzz::model_json, 20_000, 200, &[b"", b"{\"learner\":{"]);
}

#[test]
fn model_ubj() {
    replay("model_ubj", gpoeo_fuzz::model_ubj, 20_000, 200, &[b"", b"{L\0\0\0\0\0\0\0\x07learner{"]);
}

#[test]
fn optimizer() {
    replay("optimizer", gpoeo_fuzz::optimizer, 300, 120, &[b"", &[0; 6]]);
}

#[test]
fn trace() {
    replay("trace", gpoeo_fuzz::trace, 20_000, 200, &[b"", b"t_s,power_w\n"]);
}

#[test]
fn truth() {
    replay("truth", gpoeo_fuzz::truth, 20_000, 200, &[b"", b"t_s,label\n"]);
}
