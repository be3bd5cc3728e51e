//! Whatever a caller feeds within the header's rules, no handle panics.

use std::ptr::null_mut;

use gpoeo::*;

/// SplitMix64, and how seldom something absurd comes: one in so many.
struct Random(u64, u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// Mostly a bit later than the last one.
    fn time(&mut self, last: &mut u64) -> u64 {
        if self.is_absurd() {
            *last = self.pick(&[0, *last, last.saturating_add(86_400_000_000_000), u64::MAX / 2, self.0]);
        } else {
            *last = last.saturating_add(20_000_000);
        }
        *last
    }

    /// Mostly a power.
    fn number(&mut self, index: u64) -> f64 {
        if self.is_absurd() {
            let bits = f64::from_bits(self.next());
            return self.pick(&[f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, -1e300, f64::MIN_POSITIVE, bits]);
        }
        (if index % 20 < 13 { 350.0 } else { 120.0 }) + self.below(100) as f64 * 0.1
    }

    fn is_absurd(&mut self) -> bool {
        self.below(self.1) == 0
    }
}

fn optimizer(random: &mut Random) -> *mut gpoeo_optimizer {
    let sm_mhz = [1410, 1395, 1380, 1200, 900];
    let memory = [1593, 810].map(|mem_mhz| gpoeo_memory_clock { mem_mhz, sm_mhz: sm_mhz.as_ptr(), sm_count: 5 });
    let mut config = std::mem::MaybeUninit::uninit();
    let mut handle = null_mut();
    // SAFETY: places with their sizes; the configuration is full after the first call, and the lists outlive the second.
    let status = unsafe {
        assert_eq!(gpoeo_config_init(config.as_mut_ptr(), size_of::<gpoeo_config>()), gpoeo_status::Ok);
        let config = gpoeo_config { objective: 1 + random.below(4) as u32, min_saving: 0.1, ..config.assume_init() };
        let caps = gpoeo_capabilities {
            memory: memory.as_ptr(),
            memory_count: 1 + random.below(2) as usize,
            read_only: u32::from(random.below(8) == 0),
            counter_passes: random.below(2) as u32,
            sensor_lag_ns: random.pick(&[20_000_000, 1_000_000_000, u64::MAX]),
            settle_time_ns: random.pick(&[0, 150_000_000, u64::MAX]),
        };
        let (config_size, caps_size) = (size_of::<gpoeo_config>(), size_of::<gpoeo_capabilities>());
        gpoeo_optimizer_new(&config, config_size, &caps, caps_size, &mut handle, null_mut(), 0)
    };
    assert_eq!(status, gpoeo_status::Ok);
    handle
}

fn run(seed: u64) -> u32 {
    let mut random = Random(seed, [50, 1000, 20_000, 1_000_000][seed as usize % 4]);
    let handle = optimizer(&mut random);
    let (mut sampled, mut spoken, mut counted) = (0, 0, 0);
    let (mut last_id, mut farthest) = (0, 0);
    for index in 0..12_000 {
        let sample = gpoeo_sample {
            time_ns: random.time(&mut sampled),
            power_w: random.number(index),
            energy_j: random.number(0) * 0.0 + index as f64 * 5.4,
            sm_util: random.number(index) as f32 / 400.0,
            mem_util: random.number(index) as f32 / 400.0,
            sm_mhz: random.pick(&[0, 1410, 1200, u32::MAX]),
            mem_mhz: random.pick(&[0, 1593, 810]),
            known: random.below(2) as u32 * random.below(32) as u32,
        };
        let counters = gpoeo_counters {
            start_ns: counted,
            end_ns: random.time(&mut counted),
            instructions: random.number(index) * 1e9,
            known: random.below(2) as u32,
        };
        let now = random.time(&mut spoken).max(sampled);
        spoken = now;
        let (fault, input) = (if random.is_absurd() { 1 + random.below(4) as u32 } else { 4 }, random.below(400));
        // SAFETY: a live handle; structs with their sizes.
        let status = unsafe {
            match input {
                0 => gpoeo_optimizer_handle_counters(handle, &counters, size_of::<gpoeo_counters>()),
                1 => gpoeo_optimizer_handle_fault(handle, fault, now),
                2 => gpoeo_optimizer_handle_failed(handle, last_id, fault, now),
                3 if index > 11_000 => gpoeo_optimizer_stop(handle, now),
                3 => gpoeo_optimizer_set_objective(handle, random.below(7) as u32, random.number(0) * 2e-4, now),
                4 => gpoeo_optimizer_handle_mark(handle, now),
                5..20 => gpoeo_optimizer_handle_timeout(handle, now),
                _ => gpoeo_optimizer_handle_sample(handle, &sample, size_of::<gpoeo_sample>()),
            }
        };
        assert_ne!(status, gpoeo_status::Panicked, "seed {seed}, step {index}: {}", message(handle));
        let mut report = std::mem::MaybeUninit::uninit();
        // SAFETY: a live handle, and a place with its size, which is full when the status is `Ok`.
        let report: gpoeo_report = unsafe {
            let status = gpoeo_optimizer_report(handle, report.as_mut_ptr(), size_of::<gpoeo_report>());
            assert_eq!(status, gpoeo_status::Ok, "seed {seed}, step {index}: {}", message(handle));
            report.assume_init()
        };
        farthest |= 1 << report.phase as u32;
        last_id = drain(handle, &mut random, now).unwrap_or(last_id);
    }
    // SAFETY: it is not used again.
    unsafe { gpoeo_optimizer_free(handle) };
    farthest
}

/// Polls everything; answers most actions. The id of one that was left open.
fn drain(handle: *mut gpoeo_optimizer, random: &mut Random, now: u64) -> Option<u64> {
    let mut action = std::mem::MaybeUninit::<gpoeo_action>::uninit();
    let mut event = std::mem::MaybeUninit::uninit();
    let mut deadline = 0;
    // SAFETY: a live handle, and places with their sizes; the action is full when the status is `Ok`.
    unsafe {
        while gpoeo_optimizer_poll_event(handle, event.as_mut_ptr(), size_of::<gpoeo_event>()) == gpoeo_status::Ok {}
        let status = gpoeo_optimizer_poll_timeout(handle, &mut deadline);
        assert!(matches!(status, gpoeo_status::Ok | gpoeo_status::None), "{}", message(handle));
        while gpoeo_optimizer_poll_action(handle, action.as_mut_ptr(), size_of::<gpoeo_action>()) == gpoeo_status::Ok {
            let id = action.assume_init().id;
            if random.below(30) == 0 {
                return Some(id);
            }
            gpoeo_optimizer_handle_applied(handle, id, now);
        }
    }
    None
}

fn message(handle: *const gpoeo_optimizer) -> String {
    let mut text = [0_u8; 512];
    // SAFETY: a live handle, and a buffer with its size.
    let length = unsafe { gpoeo_optimizer_last_error(handle, text.as_mut_ptr().cast(), text.len()) };
    String::from_utf8_lossy(&text[..length.min(text.len() - 1)]).into_owned()
}

#[test]
fn random_calls_never_panic() {
    let phases = (0..32).map(run).fold(0, |all, phases| all | phases);
    assert_eq!(phases, 0b111_1110, "every phase was reached");
}
