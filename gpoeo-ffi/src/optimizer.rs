//! The machine behind its handle: one entry point a method of the core's `Optimizer`.

use std::error::Error;
use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

use gpoeo_core::{ActionId, Input, ModelSet, ModelSetError, Optimizer, Report, Timestamp};

use crate::action::{gpoeo_action, gpoeo_fault};
use crate::capabilities::gpoeo_capabilities;
use crate::config::{gpoeo_config, gpoeo_objective};
use crate::event::{gpoeo_event, gpoeo_phase};
use crate::handle::{Cell, In, InSlice, Out, OutSlice, TextIn, TextOut, reclaim};
use crate::panic::{Guarded, call, call_without_handle, drop_quietly};
use crate::report::{gpoeo_report, gpoeo_setting_cost, gpoeo_trial};
use crate::sample::{gpoeo_counters, gpoeo_sample};
use crate::status::{Failure, gpoeo_status};

/// The machine for one GPU.
#[derive(Debug)]
pub struct gpoeo_optimizer(Guarded<Machine>);

#[derive(Debug)]
struct Machine {
    optimizer: Optimizer,
    /// The last that was asked for: `gpoeo_optimizer_trial` gives its settings.
    report: Option<Report>,
}

/// Makes a machine that has seen nothing yet, and puts its handle into `*optimizer` (NULL if that fails). Both structs are
/// copied, with the lists of clocks.
///
/// As there is no handle yet that could keep it, the message of a failure goes to `error` (of `error_size` bytes; may be
/// NULL).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_new(
    config: *const gpoeo_config,
    config_size: usize,
    capabilities: *const gpoeo_capabilities,
    capabilities_size: usize,
    optimizer: *mut *mut gpoeo_optimizer,
    error: *mut c_char,
    error_size: usize,
) -> gpoeo_status {
    // SAFETY: rule 2 of the header.
    let (config, capabilities, place, error) = unsafe {
        let config = In::new(config, config_size);
        let capabilities = In::new(capabilities, capabilities_size);
        (config, capabilities, Cell::new(optimizer), TextOut::new(error, error_size))
    };
    call_without_handle(Some(&error), || {
        let place = place.required("the place for the handle")?;
        place.write(std::ptr::null_mut());
        let config = config.read()?.check()?;
        // SAFETY: rule 2 of the header holds for the lists, too.
        let capabilities = unsafe { capabilities.read()?.check()? };
        let machine = Machine { optimizer: Optimizer::new(config, capabilities), report: None };
        place.write(Box::into_raw(Box::new(gpoeo_optimizer(Guarded::new(machine)))));
        Ok(gpoeo_status::Ok)
    })
}

/// Gives the machine trained models, from which its search starts: reads the set in the folder (with card.json in it, or
/// in folders counters, gpm and nvml below it). To be called before the first input; without it the search starts from
/// measurements alone. Models for other GPUs than `gpu_name` (NVML's product name; NULL: not known) are not used.
/// `power_limit_w` is the limit in force (0: not known); models take the power relative to it.
///
/// Fails with BAD_MODELS (the message names the file) and, after the first input, REFUSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_load_models(
    optimizer: *mut gpoeo_optimizer,
    folder: *const c_char,
    gpu_name: *const c_char,
    power_limit_w: f64,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, folder, gpu_name) = unsafe { (machine(optimizer), TextIn::new(folder), TextIn::new(gpu_name)) };
    call(handle, |machine| {
        let folder = folder.to_text().ok_or_else(|| Failure::null("the folder"))?;
        let folder = Path::new(folder.as_ref());
        let set =
            ModelSet::load(|name| std::fs::read(folder.join(name))).map_err(|error| bad_models(folder, &error))?;
        if machine.optimizer.has_begun() {
            let why = "models must be loaded before the first input";
            return Err(Failure::new(gpoeo_status::Refused, why));
        }
        let mut capabilities = machine.optimizer.capabilities().clone().with_power_limit_w(power_limit_w);
        if let Some(name) = gpu_name.to_text() {
            capabilities = capabilities.with_gpu_name(&name);
        }
        let config = machine.optimizer.config().clone();
        machine.optimizer = Optimizer::new(config, capabilities).with_models(Arc::new(set));
        Ok(gpoeo_status::Ok)
    })
}

fn bad_models(folder: &Path, error: &ModelSetError) -> Failure {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(gpoeo_status::BadModels, format_args!("{}: {error}{cause}", folder.display()))
}

/// Frees a machine; NULL is fine. Clocks that it had locked stay locked: gpoeo_optimizer_stop() first, and go on with the
/// loop until it has stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_free(optimizer: *mut gpoeo_optimizer) {
    // SAFETY: rule 1 of the header: it came from gpoeo_optimizer_new() and is not used again.
    drop_quietly(unsafe { reclaim(optimizer) });
}

/// Copies the message of the last call with this handle that failed, with a NUL, as far as it fits. Returns the length of
/// the whole message without the NUL; 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_last_error(
    optimizer: *const gpoeo_optimizer,
    text: *mut c_char,
    text_size: usize,
) -> usize {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, text) = unsafe { (optimizer.as_ref(), TextOut::new(text, text_size)) };
    handle.map_or_else(|| text.write(""), |handle| handle.0.last_error(&text))
}

/// Feeds one sample. Its time must be later than that of the sample before.
///
/// Fails with BAD_SAMPLE, TIME_WENT_BACK, INVALID_VALUE (a flag).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_sample(
    optimizer: *mut gpoeo_optimizer,
    sample: *const gpoeo_sample,
    sample_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, sample) = unsafe { (machine(optimizer), In::new(sample, sample_size)) };
    call(handle, |machine| {
        machine.optimizer.handle_sample(sample.read()?.check()?)?;
        Ok(gpoeo_status::Ok)
    })
}

/// Feeds `count` samples, oldest first, as if one by one; `sample_size` is that of one. Stops at the first that is refused:
/// `*taken` (may be NULL) says how many were fed before.
///
/// Good for what a driver gives at once. Poll the actions after it: with much more than a second of samples in one call
/// the machine learns late that its action was carried out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_samples(
    optimizer: *mut gpoeo_optimizer,
    samples: *const gpoeo_sample,
    count: usize,
    sample_size: usize,
    taken: *mut usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, samples, taken) =
        unsafe { (machine(optimizer), InSlice::new(samples, count, sample_size), Cell::new(taken)) };
    taken.write(0);
    call(handle, |machine| {
        for (index, sample) in samples?.iter().enumerate() {
            machine.optimizer.handle_sample(sample.check()?)?;
            taken.write(index + 1);
        }
        Ok(gpoeo_status::Ok)
    })
}

/// Feeds the counters of a window: after the action CLOSE_COUNTERS was carried out, before it is answered.
///
/// Fails with TIME_WENT_BACK, INVALID_VALUE (a flag).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_counters(
    optimizer: *mut gpoeo_optimizer,
    counters: *const gpoeo_counters,
    counters_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, counters) = unsafe { (machine(optimizer), In::new(counters, counters_size)) };
    call(handle, |machine| {
        machine.optimizer.handle_counters(counters.read()?.check()?)?;
        Ok(gpoeo_status::Ok)
    })
}

/// The action `id` was carried out.
///
/// Fails with UNKNOWN_ACTION (the machine has given it up after the action timeout: go on), TIME_WENT_BACK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_applied(
    optimizer: *mut gpoeo_optimizer,
    id: u64,
    now_ns: u64,
) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || Ok(Input::Applied { id: ActionId(id), now: Timestamp::from_nanos(now_ns) }))
}

/// The action `id` failed; `fault` is one of gpoeo_fault.
///
/// Fails with UNKNOWN_ACTION (the machine has given it up after the action timeout: go on), TIME_WENT_BACK, INVALID_VALUE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_failed(
    optimizer: *mut gpoeo_optimizer,
    id: u64,
    fault: u32,
    now_ns: u64,
) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || {
        let fault = gpoeo_fault::check(fault)?;
        Ok(Input::Failed { id: ActionId(id), fault, now: Timestamp::from_nanos(now_ns) })
    })
}

/// The device failed outside an action, for example when it was read; `fault` is one of gpoeo_fault.
///
/// Fails with TIME_WENT_BACK, INVALID_VALUE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_fault(
    optimizer: *mut gpoeo_optimizer,
    fault: u32,
    now_ns: u64,
) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || Ok(Input::Fault { fault: gpoeo_fault::check(fault)?, now: Timestamp::from_nanos(now_ns) }))
}

/// Time has passed: call it when the deadline is reached, at the latest.
///
/// Fails with TIME_WENT_BACK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_timeout(optimizer: *mut gpoeo_optimizer, now_ns: u64) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || Ok(Input::Timeout { now: Timestamp::from_nanos(now_ns) }))
}

/// An iteration of the job has ended. From an embedder that knows, this is the exact source of progress, and takes the
/// place of the period in the power signal. Marks are a stream of their own, in order within itself.
///
/// Fails with TIME_WENT_BACK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_handle_mark(optimizer: *mut gpoeo_optimizer, time_ns: u64) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || Ok(Input::Mark { time: Timestamp::from_nanos(time_ns) }))
}

/// From now on another objective, one of gpoeo_objective; everything that was measured is kept. `limit` is its largest
/// slowdown (MIN_ENERGY, ED2P_WITHIN) or its smallest saving (MIN_TIME); with the others it is not looked at.
///
/// Fails with INVALID_VALUE, BAD_CONFIG (the limit), TIME_WENT_BACK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_set_objective(
    optimizer: *mut gpoeo_optimizer,
    objective: u32,
    limit: f64,
    now_ns: u64,
) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || {
        let objective = gpoeo_objective::check(objective, limit, limit)?;
        Ok(Input::Objective { objective, now: Timestamp::from_nanos(now_ns) })
    })
}

/// Asks for the clocks to be put back. Go on with the loop until gpoeo_optimizer_is_stopped().
///
/// Fails with TIME_WENT_BACK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_stop(optimizer: *mut gpoeo_optimizer, now_ns: u64) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    feed(handle, || Ok(Input::Stop { now: Timestamp::from_nanos(now_ns) }))
}

/// Gives the next action to carry out; NONE if there is none, or while one is unanswered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_poll_action(
    optimizer: *mut gpoeo_optimizer,
    action: *mut gpoeo_action,
    action_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (machine(optimizer), Out::new(action, action_size)) };
    call(handle, |machine| {
        let out = out?;
        Ok(give(machine.optimizer.poll_action(), |action| out.write(gpoeo_action::of(&action))))
    })
}

/// Gives the next event; NONE if there is none. Of more than 64 unpolled events the oldest are lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_poll_event(
    optimizer: *mut gpoeo_optimizer,
    event: *mut gpoeo_event,
    event_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (machine(optimizer), Out::new(event, event_size)) };
    call(handle, |machine| {
        let out = out?;
        Ok(give(machine.optimizer.poll_event(), |event| out.write(gpoeo_event::of(&event))))
    })
}

/// Gives the moment at which gpoeo_optimizer_handle_timeout() is due at the latest, later than every time fed so far;
/// NONE only when the machine has stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_poll_timeout(
    optimizer: *const gpoeo_optimizer,
    deadline_ns: *mut u64,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, place) = unsafe { (machine(optimizer), Cell::new(deadline_ns)) };
    call(handle, |machine| {
        let place = place.required("the place for the deadline")?;
        Ok(give(machine.optimizer.poll_timeout(), |deadline| place.write(deadline.as_nanos())))
    })
}

/// Gives what the machine is doing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_phase(
    optimizer: *const gpoeo_optimizer,
    phase: *mut gpoeo_phase,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, place) = unsafe { (machine(optimizer), Cell::new(phase)) };
    call(handle, |machine| {
        place.required("the place for the phase")?.write(gpoeo_phase::of(machine.optimizer.phase()));
        Ok(gpoeo_status::Ok)
    })
}

/// Whether the machine has finished: it will ask for nothing any more. True for NULL and for a handle that has panicked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_is_stopped(optimizer: *const gpoeo_optimizer) -> bool {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    let mut is_stopped = false;
    let status = call(handle, |machine| {
        is_stopped = machine.optimizer.is_stopped();
        Ok(gpoeo_status::Ok)
    });
    is_stopped || matches!(status, gpoeo_status::NullPointer | gpoeo_status::Panicked)
}

/// Whether a lock of ours may be in force: whoever gives the machine up before it has stopped must then put the clocks back.
/// True for a handle that has panicked, or that another thread uses: nobody knows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_may_hold_clocks(optimizer: *const gpoeo_optimizer) -> bool {
    // SAFETY: rule 1 of the header.
    let handle = unsafe { machine(optimizer) };
    let mut may_hold = false;
    let status = call(handle, |machine| {
        may_hold = machine.optimizer.may_hold_clocks();
        Ok(gpoeo_status::Ok)
    });
    may_hold || matches!(status, gpoeo_status::Busy | gpoeo_status::Panicked)
}

/// Gives the account of the run so far, and keeps its list of settings for gpoeo_optimizer_trial().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_report(
    optimizer: *mut gpoeo_optimizer,
    report: *mut gpoeo_report,
    report_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (machine(optimizer), Out::new(report, report_size)) };
    call(handle, |machine| {
        let out = out?;
        let report = machine.optimizer.report();
        out.write(gpoeo_report::of(&report));
        machine.report = Some(report);
        Ok(gpoeo_status::Ok)
    })
}

/// Gives a setting that was tried, by its index in the last gpoeo_optimizer_report(), in the order of their first
/// trial.
///
/// Fails with OUT_OF_RANGE unless `index` is less than that report's `trial_count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_trial(
    optimizer: *const gpoeo_optimizer,
    index: usize,
    trial: *mut gpoeo_trial,
    trial_size: usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out) = unsafe { (machine(optimizer), Out::new(trial, trial_size)) };
    call(handle, |machine| {
        let out = out?;
        let report = machine.report.as_ref();
        let trial = report.and_then(|report| gpoeo_trial::at(report, index)).ok_or_else(|| {
            let count = report.map_or(0, |report| report.trials.len() + report.failed.len());
            Failure::new(gpoeo_status::OutOfRange, format_args!("the last report has {count} trials, not one {index}"))
        })?;
        out.write(trial);
        Ok(gpoeo_status::Ok)
    })
}

/// Gives what every setting of the default memory clock costs, and every measured one of other memory clocks, ascending:
/// as many as there is room for (`capacity` of `cost_size` bytes each). `*count` says how many there are; 0 before the
/// baseline. For embedders that decide over several GPUs; takes about a millisecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_optimizer_costs(
    optimizer: *const gpoeo_optimizer,
    costs: *mut gpoeo_setting_cost,
    capacity: usize,
    cost_size: usize,
    count: *mut usize,
) -> gpoeo_status {
    // SAFETY: rules 1 and 2 of the header.
    let (handle, out, place) =
        unsafe { (machine(optimizer), OutSlice::new(costs, capacity, cost_size), Cell::new(count)) };
    place.write(0);
    call(handle, |machine| {
        let (out, place) = (out?, place.required("the place for the count")?);
        let costs = machine.optimizer.costs();
        out.fill(costs.iter().map(gpoeo_setting_cost::of));
        place.write(costs.len());
        Ok(gpoeo_status::Ok)
    })
}

/// Panics inside the handle. Only in builds for this crate's own tests, and not in the header.
/// cbindgen:ignore
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpoeo_test_panic(optimizer: *mut gpoeo_optimizer) -> gpoeo_status {
    // SAFETY: rule 1 of the header.
    call(unsafe { machine(optimizer) }, |_| panic!("asked for by a test"))
}

/// # Safety
/// Rule 1 of the header: NULL, or from `gpoeo_optimizer_new` and not freed for the lifetime.
unsafe fn machine<'a>(optimizer: *const gpoeo_optimizer) -> Option<&'a Guarded<Machine>> {
    // SAFETY: the promise of this function.
    unsafe { optimizer.as_ref() }.map(|optimizer| &optimizer.0)
}

fn feed(handle: Option<&Guarded<Machine>>, input: impl FnOnce() -> Result<Input, Failure>) -> gpoeo_status {
    call(handle, |machine| {
        machine.optimizer.handle(input()?)?;
        Ok(gpoeo_status::Ok)
    })
}

fn give<T>(thing: Option<T>, write: impl FnOnce(T)) -> gpoeo_status {
    let Some(thing) = thing else { return gpoeo_status::None };
    write(thing);
    gpoeo_status::Ok
}
