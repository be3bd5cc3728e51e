//! A simulated GPU to drive from C: a job in virtual time behind the sensors of a driver.

use std::ffi::c_char;
use std::time::Duration;

use ::gpoeo_sim::{SimConfig, SimGpu, Suite};
use gpoeo_core::{BackendError, Capabilities, ClockPair, GpuBackend, Sample, Timestamp};

use crate::capabilities::{gpoeo_capabilities, gpoeo_clocks, gpoeo_memory_clock};
use crate::handle::{Cell, Out, OutSlice, Plain, TextIn, TextOut, reclaim};
use crate::panic::{Guarded, call, call_without_handle, drop_quietly};
use crate::sample::{gpoeo_counters, gpoeo_sample};
use crate::status::{Failure, gpoeo_status};

/// A simulated GPU with one job on it. Its time stands still but for gpoeo_sim_sleep_until().
#[derive(Debug)]
pub struct gpoeo_sim(Guarded<Device>);

#[derive(Debug)]
struct Device {
    gpu: SimGpu,
    capabilities: Capabilities,
    /// What the driver gave and the caller had no room for, oldest first.
    unread: Vec<Sample>,
    lists: Lists,
}

/// The clocks as C reads them: `memory` points into `sm`.
#[derive(Debug)]
struct Lists {
    memory: Box<[gpoeo_memory_clock]>,
    _sm: Vec<Box<[u32]>>,
}

// SAFETY: the pointers lead to heap memory of the same value, which is never written again and moves with it.
unsafe impl Send for Lists {}

impl Lists {
    fn new(caps: &Capabilities) -> Self {
        let of_mem = |gear| caps.pairs_at(gpoeo_core::MemGear(gear));
        let sm: Vec<Box<[u32]>> =
            (0..caps.mem_gears()).map(|gear| of_mem(gear).map(|pair| pair.sm().0).collect()).collect();
        let first = (0..caps.mem_gears()).filter_map(|gear| of_mem(gear).next());
        let memory = first.zip(&sm).map(|(pair, sm)| gpoeo_memory_clock {
            mem_mhz: pair.mem().0,
            sm_mhz: sm.as_ptr(),
            sm_count: sm.len(),
        });
        Self { memory: memory.collect(), _sm: sm }
    }
}

/// What a simulated job has really cost since it began, without noise, beside what the same work costs at default clocks.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct gpoeo_sim_account {
    /// Time since the job began, s.
    pub elapsed_s: f64,
    /// Time that the same work takes at default clocks, s.
    pub default_time_s: f64,
    /// Energy used, J.
    pub energy_j: f64,
    /// Energy of the same work at default clocks, J.
    pub default_energy_j: f64,
    /// Saving over the whole job, ratio.
    pub saving: f64,
    /// Slowdown over the whole job, ratio.
    pub slowdown: f64,
    /// Clocks in force.
    pub clocks: gpoeo_clocks,
}

// SAFETY: integers and floats only.
unsafe impl Plain for gpoeo_sim_account {
    const NAME: &'static str = "gpoeo_sim_account";
}

/// Makes a simulated GPU at default clocks at time 0, on which a workload of the built-in suite begins after a few seconds
/// and runs for `length_ns`; equal seeds give equal noise. `workload` NULL: "vit_large". Puts its handle into `*sim` (NULL
/// if that fails), and the message of a failure into `error` (of `error_size` bytes; may be NULL).
///
/// Fails with UNKNOWN_WORKLOAD; the message lists what there is, and gpoeo_sim_workload() names one by one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_new(
    workload: *const c_char,
    seed: u64,
    length_ns: u64,
    sim: *mut *mut gpoeo_sim,
    error: *mut c_char,
    error_size: usize,
) -> gpoeo_status {
    // SAFETY: rule 2 of the header.
    let (name, place, error) = unsafe { (TextIn::new(workload), Cell::new(sim), TextOut::new(error, error_size)) };
    call_without_handle(Some(&error), || {
        let place = place.required("the place for the handle")?;
        place.write(std::ptr::null_mut());
        let name = name.to_text();
        let device = Device::new(name.as_deref().unwrap_or("vit_large"), seed, Duration::from_nanos(length_ns))?;
        place.write(Box::into_raw(Box::new(gpoeo_sim(Guarded::new(device)))));
        Ok(gpoeo_status::Ok)
    })
}

/// Frees a simulated GPU; NULL is fine. The lists of its capabilities end with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_free(sim: *mut gpoeo_sim) {
    // SAFETY: rule 1 of the header: it came from gpoeo_sim_new() and is not used again.
    drop_quietly(unsafe { reclaim(sim) });
}

/// Copies the name of a workload of the built-in suite, with a NUL, as far as it fits. Returns its whole length without the
/// NUL; 0 beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_workload(index: usize, name: *mut c_char, name_size: usize) -> usize {
    // SAFETY: rule 2 of the header.
    let text = unsafe { TextOut::new(name, name_size) };
    let mut length = 0;
    call_without_handle(None, || {
        let suite = Suite::built_in();
        length = text.write(suite.workloads().get(index).map_or("", |workload| workload.name()));
        Ok(gpoeo_status::Ok)
    });
    length
}

/// Copies the message of the last call with this handle that failed: see gpoeo_optimizer_last_error().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_last_error(sim: *const gpoeo_sim, text: *mut c_char, text_size: usize) -> usize {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, text) = unsafe { (sim.as_ref(), TextOut::new(text, text_size)) };
    handle.map_or_else(|| text.write(""), |handle| handle.0.last_error(&text))
}

/// Gives what the GPU offers, ready for gpoeo_optimizer_new(). Its lists belong to the handle and last as long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_capabilities(
    sim: *const gpoeo_sim,
    capabilities: *mut gpoeo_capabilities,
    capabilities_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (device(sim), Out::new(capabilities, capabilities_size)) };
    call(handle, |device| {
        let memory = &device.lists.memory;
        out?.write(gpoeo_capabilities::of(&device.capabilities, memory.as_ptr(), memory.len()));
        Ok(gpoeo_status::Ok)
    })
}

/// Gives the time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_now(sim: *const gpoeo_sim, now_ns: *mut u64) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, place) = unsafe { (device(sim), Cell::new(now_ns)) };
    call(handle, |device| {
        place.required("the place for the time")?.write(device.gpu.time().as_nanos());
        Ok(gpoeo_status::Ok)
    })
}

/// Lets time pass until `deadline_ns`, or until it has run out; one in the past does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_sleep_until(sim: *mut gpoeo_sim, deadline_ns: u64) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    call(unsafe { device(sim) }, |device| {
        device.gpu.sleep_until(Timestamp::from_nanos(deadline_ns));
        Ok(gpoeo_status::Ok)
    })
}

/// Whether the time has run out. True for NULL and for a handle that has panicked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_is_over(sim: *const gpoeo_sim) -> bool {
    let mut is_over = false;
    // SAFETY: rule 1 of the header.
    let status = call(unsafe { device(sim) }, |device| {
        is_over = device.gpu.is_over();
        Ok(gpoeo_status::Ok)
    });
    is_over || matches!(status, gpoeo_status::NullPointer | gpoeo_status::Panicked)
}

/// Reads up to `capacity` samples that are new, oldest first, and says in `*count` how many. The rest stays for the next
/// call: read until there are fewer than there is room for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_read_samples(
    sim: *mut gpoeo_sim,
    samples: *mut gpoeo_sample,
    capacity: usize,
    sample_size: usize,
    count: *mut usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, samples, place) =
        unsafe { (device(sim), OutSlice::new(samples, capacity, sample_size), Cell::new(count)) };
    place.write(0);
    call(handle, |device| {
        let (samples, place) = (samples?, place.required("the place for the count")?);
        device.gpu.read_samples(&mut device.unread)?;
        let count = device.unread.len().min(samples.capacity());
        samples.fill(device.unread.drain(..count).map(|sample| gpoeo_sample::of(&sample)));
        place.write(count);
        Ok(gpoeo_status::Ok)
    })
}

/// Locks the clocks.
///
/// Fails with NOT_SUPPORTED for a pair that the capabilities do not list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_set_clocks(sim: *mut gpoeo_sim, clocks: gpoeo_clocks) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    call(unsafe { device(sim) }, |device| {
        let pair = device.pair(clocks)?;
        device.gpu.set_clocks(pair)?;
        Ok(gpoeo_status::Ok)
    })
}

/// Puts the clocks back to the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_restore_clocks(sim: *mut gpoeo_sim) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    call(unsafe { device(sim) }, |device| {
        device.gpu.restore_clocks()?;
        Ok(gpoeo_status::Ok)
    })
}

/// Starts reading the counters of a pass.
///
/// Fails with NOT_SUPPORTED if the job's counters cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_open_counters(sim: *mut gpoeo_sim, pass: u32) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    call(unsafe { device(sim) }, |device| {
        let pass = u8::try_from(pass).map_err(|_| Failure::invalid("pass", pass, "at most 255 are possible"))?;
        device.gpu.open_counters(pass)?;
        Ok(gpoeo_status::Ok)
    })
}

/// Stops reading counters and gives what was counted.
///
/// Fails with NOT_SUPPORTED if they were not open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_close_counters(
    sim: *mut gpoeo_sim,
    counters: *mut gpoeo_counters,
    counters_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (device(sim), Out::new(counters, counters_size)) };
    call(handle, |device| {
        let out = out?;
        out.write(gpoeo_counters::of(&device.gpu.close_counters()?));
        Ok(gpoeo_status::Ok)
    })
}

/// Samples come at this interval from now on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_set_sample_interval(sim: *mut gpoeo_sim, interval_ns: u64) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    call(unsafe { device(sim) }, |device| {
        device.gpu.set_sample_interval(Duration::from_nanos(interval_ns))?;
        Ok(gpoeo_status::Ok)
    })
}

/// Gives what the job has really cost so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_sim_get_account(
    sim: *const gpoeo_sim,
    account: *mut gpoeo_sim_account,
    account_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (device(sim), Out::new(account, account_size)) };
    call(handle, |device| {
        let out = out?;
        let account = device.gpu.account();
        out.write(gpoeo_sim_account {
            elapsed_s: account.elapsed_s,
            default_time_s: account.work_s,
            energy_j: account.energy_j,
            default_energy_j: account.default_energy_j,
            saving: account.saving(),
            slowdown: account.slowdown(),
            clocks: gpoeo_clocks::of(Some(device.gpu.clocks())),
        });
        Ok(gpoeo_status::Ok)
    })
}

impl Device {
    fn new(name: &str, seed: u64, length: Duration) -> Result<Self, Failure> {
        let suite = Suite::built_in();
        let workload = suite.workload(name).ok_or_else(|| {
            let known: Vec<&str> = suite.workloads().iter().map(|workload| workload.name()).collect();
            let text = format!("there is no workload {name}; the workloads are {}", known.join(", "));
            Failure::new(gpoeo_status::UnknownWorkload, text)
        })?;
        let mut gpu = SimGpu::new(workload.clone(), SimConfig::default().with_seed(seed), length);
        let capabilities = gpu.capabilities()?;
        let lists = Lists::new(&capabilities);
        Ok(Self { gpu, capabilities, unread: Vec::new(), lists })
    }

    fn pair(&self, clocks: gpoeo_clocks) -> Result<ClockPair, Failure> {
        self.capabilities.pairs().find(|&pair| gpoeo_clocks::of(Some(pair)) == clocks).ok_or_else(|| {
            let gpoeo_clocks { sm_mhz, mem_mhz } = clocks;
            let text = format!("this GPU has no SM clock of {sm_mhz} MHz with a memory clock of {mem_mhz} MHz; take both from its capabilities");
            Failure::new(gpoeo_status::NotSupported, text)
        })
    }
}

impl From<BackendError> for Failure {
    /// A simulated GPU only ever refuses.
    fn from(error: BackendError) -> Self {
        Self::new(gpoeo_status::NotSupported, error)
    }
}

/// # Safety
/// Rule 1 of the header: NULL, or from `gpoeo_sim_new` and not freed for the lifetime.
unsafe fn device<'a>(sim: *const gpoeo_sim) -> Option<&'a Guarded<Device>> {
    // SAFETY: the promise of this function.
    unsafe { sim.as_ref() }.map(|sim| &sim.0)
}
