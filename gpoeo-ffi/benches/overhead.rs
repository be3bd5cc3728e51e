//! What a sample costs through the C ABI, beside the same sample through the Rust call, in one run.
//!
//! Neither criterion nor divan prints the difference of two things that are measured in turns, which is what is asked
//! for here: blocks alternate, so that a slow moment of the machine falls on both, and the median of the pairs counts.

use std::hint::black_box;
use std::time::Instant;

use gpoeo::{GPOEO_SAMPLE_ENERGY, GPOEO_SAMPLE_SM_CLOCK, gpoeo_sample, gpoeo_status};
use gpoeo_core::{Capabilities, Mhz, Optimizer, OptimizerConfig, Sample, Timestamp};

const BLOCKS: usize = 400;
const SAMPLES: usize = 1000;
const STEP_NS: u64 = 20_000_000;
/// What the ABI may add to a sample, ns.
const GOAL_NS: f64 = 100.0;

type HandleSample = unsafe extern "C" fn(*mut gpoeo::gpoeo_optimizer, *const gpoeo_sample, usize) -> gpoeo_status;
type HandleSamples =
    unsafe extern "C" fn(*mut gpoeo::gpoeo_optimizer, *const gpoeo_sample, usize, usize, *mut usize) -> gpoeo_status;

fn main() {
    // Idle: the machine does next to nothing with a sample, so that the difference shows.
    let idle = measure(|_| 62.0);
    // A job with iterations of 0.3 s: what a sample costs on average while the machine looks for a period.
    let busy = measure(|index| if index % 15 < 10 { 380.0 } else { 140.0 });
    println!("ns per sample, medians of {BLOCKS} blocks of {SAMPLES}");
    for (name, times) in [("idle", &idle), ("busy", &busy)] {
        let [rust, single, array] = [times.rust, times.single, times.array];
        println!("{name}: Rust {rust:.0}, C {single:.0} (x {:.3}), C array {array:.0}", single / rust);
    }
    let (single, array) = (idle.single_over_rust, idle.array_over_rust);
    println!("the C ABI adds {single:.1} ns to a sample, {array:.1} ns in an array (goal: below {GOAL_NS} ns)");
    assert!(single < GOAL_NS, "a sample through the ABI costs {single} ns more than through the Rust call");
}

struct Times {
    rust: f64,
    single: f64,
    array: f64,
    single_over_rust: f64,
    array_over_rust: f64,
}

fn measure(power_w: impl Fn(u64) -> f64) -> Times {
    let (mut rust, single, array) = (machine(), handle(), handle());
    // Neither may be inlined: C calls them through a symbol.
    let one: HandleSample = black_box(gpoeo::gpoeo_optimizer_handle_sample);
    let many: HandleSamples = black_box(gpoeo::gpoeo_optimizer_handle_samples);
    let mut columns = [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for block in 0..BLOCKS {
        let first = (block * SAMPLES) as u64;
        let samples: Vec<gpoeo_sample> = (first..first + SAMPLES as u64).map(|k| sample(k, power_w(k))).collect();
        let mut by_rust = || {
            for sample in &samples {
                let sample = Sample::new(Timestamp::from_nanos(sample.time_ns), sample.power_w)
                    .energy_j(sample.energy_j)
                    .sm_clock(Mhz(sample.sm_mhz));
                rust.handle_sample(black_box(sample)).expect("samples are in order");
            }
        };
        let by_one = || {
            for sample in &samples {
                // SAFETY: a live handle, and a sample with its size.
                let status = unsafe { one(single, black_box(sample), size_of::<gpoeo_sample>()) };
                assert_eq!(status, gpoeo_status::Ok);
            }
        };
        let by_array = || {
            let size = size_of::<gpoeo_sample>();
            // SAFETY: a live handle, and an array with its length.
            let status = unsafe { many(array, samples.as_ptr(), SAMPLES, size, std::ptr::null_mut()) };
            assert_eq!(status, gpoeo_status::Ok);
        };
        // Who comes first finds colder caches, so each does in turn.
        let (mut rust_ns, mut single_ns, mut array_ns) = (0.0, 0.0, 0.0);
        for turn in 0..3 {
            match (block + turn) % 3 {
                0 => rust_ns = nanos(&mut by_rust),
                1 => single_ns = nanos(by_one),
                _ => array_ns = nanos(by_array),
            }
        }
        for (column, value) in
            columns.iter_mut().zip([rust_ns, single_ns, array_ns, single_ns - rust_ns, array_ns - rust_ns])
        {
            column.push(value);
        }
    }
    // SAFETY: both came from `handle`, and are not used again.
    unsafe {
        gpoeo::gpoeo_optimizer_free(single);
        gpoeo::gpoeo_optimizer_free(array);
    }
    let [rust, single, array, single_over_rust, array_over_rust] = columns.map(median);
    Times { rust, single, array, single_over_rust, array_over_rust }
}

fn sample(index: u64, power_w: f64) -> gpoeo_sample {
    gpoeo_sample {
        time_ns: (index + 1) * STEP_NS,
        power_w,
        energy_j: power_w * 0.02 * index as f64,
        sm_util: 0.0,
        mem_util: 0.0,
        sm_mhz: 1410,
        mem_mhz: 0,
        known: GPOEO_SAMPLE_ENERGY | GPOEO_SAMPLE_SM_CLOCK,
    }
}

fn machine() -> Optimizer {
    let caps = Capabilities::new([(Mhz(1593), vec![Mhz(1200), Mhz(1410)])]).expect("a good list");
    Optimizer::new(OptimizerConfig::default(), caps)
}

fn handle() -> *mut gpoeo::gpoeo_optimizer {
    let sm_mhz = [1200, 1410];
    let memory = gpoeo::gpoeo_memory_clock { mem_mhz: 1593, sm_mhz: sm_mhz.as_ptr(), sm_count: sm_mhz.len() };
    let mut config = std::mem::MaybeUninit::uninit();
    let mut caps = std::mem::MaybeUninit::<gpoeo::gpoeo_capabilities>::uninit();
    let mut handle = std::ptr::null_mut();
    // SAFETY: places with their sizes; they are full after the calls that fill them.
    let status = unsafe {
        gpoeo::gpoeo_config_init(config.as_mut_ptr(), size_of::<gpoeo::gpoeo_config>());
        gpoeo::gpoeo_capabilities_init(caps.as_mut_ptr(), size_of::<gpoeo::gpoeo_capabilities>());
        let caps = gpoeo::gpoeo_capabilities { memory: &memory, memory_count: 1, ..caps.assume_init() };
        let (config_size, caps_size) = (size_of::<gpoeo::gpoeo_config>(), size_of::<gpoeo::gpoeo_capabilities>());
        gpoeo::gpoeo_optimizer_new(config.as_ptr(), config_size, &caps, caps_size, &mut handle, std::ptr::null_mut(), 0)
    };
    assert_eq!(status, gpoeo_status::Ok);
    handle
}

/// Per sample of a block.
fn nanos(feed: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    feed();
    begin.elapsed().as_secs_f64() * 1e9 / SAMPLES as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
