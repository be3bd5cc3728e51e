#!/usr/bin/env python3
"""The same poll loop as in ../c/scheduler.c, in Python over the C ABI: four simulated GPUs, in virtual time.

    scheduler.py [--library PATH] [MINUTES]

Nothing but the standard library is needed. The structs below are those of gpoeo.h; one that does not fit gets
GPOEO_STATUS_WRONG_SIZE, so a mistake is noticed at the first call.
"""

import argparse
import ctypes as c
import sys

JOBS = ["vit_large", "resnet50_amp", "swin_checkpoints", "kmeans_aperiodic"]

OK, NONE, UNKNOWN_ACTION, NOT_SUPPORTED = 0, 1, 9, 15
SET_CLOCKS, RESTORE_CLOCKS, OPEN_COUNTERS, CLOSE_COUNTERS, SET_SAMPLE_INTERVAL = 1, 2, 3, 4, 5
EVENT_SETTLED, EVENT_STOPPED, STOP_REQUESTED = 7, 8, 1
FAULT_NOT_SUPPORTED = 3


def struct(name, fields):
    """A ctypes struct from lines such as "u64 time_ns"."""
    types = {"u32": c.c_uint32, "u64": c.c_uint64, "f32": c.c_float, "f64": c.c_double, "size": c.c_size_t}
    types |= {"pointer": c.c_void_p, "clocks": globals().get("Clocks"), "estimate": globals().get("Estimate")}
    parsed = [(field, types[kind]) for kind, *names in map(str.split, fields.strip().splitlines()) for field in names]
    return type(name, (c.Structure,), {"_fields_": parsed})


Clocks = struct("Clocks", "u32 sm_mhz mem_mhz")
Estimate = struct("Estimate", "f64 time_s time_stderr_s energy_j energy_stderr_j\nu64 iterations")
Config = struct("Config", """
    u32 objective hold
    f64 max_slowdown min_saving limit_confidence limit_tolerance
    u64 sample_interval_ns read_interval_ns action_timeout_ns""")
Capabilities = struct("Capabilities", """
    pointer memory
    size memory_count
    u32 read_only counter_passes
    u64 sensor_lag_ns settle_time_ns""")
Sample = struct("Sample", """
    u64 time_ns
    f64 power_w energy_j
    f32 sm_util mem_util
    u32 sm_mhz mem_mhz known""")
Counters = struct("Counters", "u64 start_ns end_ns\nf64 instructions\nu32 known")
Action = struct("Action", "u64 id\nu32 command pass_\nclocks clocks\nu64 interval_ns")
Event = struct("Event", """
    u32 kind fault from_ to outcome stop_reason
    clocks clocks
    u32 seen_sm_mhz
    u64 at_ns
    f64 period_s confidence saving slowdown
    estimate measured""")
Report = struct("Report", """
    u32 phase stop_reason outcome progress
    f64 period_s confidence
    estimate baseline
    clocks clocks hold_within hold_beyond
    f64 hold_beyond_share hold_saving hold_slowdown
    f64 elapsed_s energy_j default_time_s default_energy_j
    f64 saving saving_stderr slowdown slowdown_stderr settled_after_s
    u64 settings_tried trial_count events_dropped""")
Account = struct("Account", """
    f64 elapsed_s default_time_s energy_j default_energy_j saving slowdown
    clocks clocks""")


class Error(Exception):
    """A call that failed."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Handle:
    """A handle, and its calls: `handle.call("stop", now)` is gpoeo_optimizer_stop(handle, now)."""

    def __init__(self, library, kind, *arguments):
        self.library, self.kind, self.pointer = library, kind, c.c_void_p()
        error = c.create_string_buffer(512)
        status = self.function("new")(*arguments, c.byref(self.pointer), error, c.c_size_t(len(error)))
        if status != OK:
            raise Error(status, error.value.decode())

    def function(self, name):
        return getattr(self.library, f"gpoeo_{self.kind}_{name}")

    def call(self, name, *arguments):
        """True if done, False if there was nothing to give."""
        status = self.function(name)(self.pointer, *arguments)
        if status in (OK, NONE):
            return status == OK
        text = c.create_string_buffer(512)
        self.function("last_error")(self.pointer, text, c.c_size_t(len(text)))
        raise Error(status, text.value.decode())

    def get(self, name, cls):
        """What a call that fills a struct gives, or None."""
        out = cls()
        return out if self.call(name, c.byref(out), c.c_size_t(c.sizeof(out))) else None

    def time(self, name):
        """A moment in ns, or None."""
        out = c.c_uint64()
        return out.value if self.call(name, c.byref(out)) else None

    def free(self):
        self.function("free")(self.pointer)
        self.pointer = c.c_void_p()


class Gpu:
    """A GPU that is looked after. One that failed is left alone, with its clocks put back."""

    def __init__(self, library, job, seed, length_ns, config):
        self.job, self.retired, self.next_read, self.read_interval = job, False, 0, config.read_interval_ns
        self.device = Handle(library, "sim", job.encode(), c.c_uint64(seed), c.c_uint64(length_ns))
        capabilities = self.device.get("capabilities", Capabilities)
        sizes = [c.c_size_t(c.sizeof(Config)), c.c_size_t(c.sizeof(Capabilities))]
        self.optimizer = Handle(library, "optimizer", c.byref(config), sizes[0], c.byref(capabilities), sizes[1])
        self.samples = (Sample * 128)()

    def now(self):
        return self.device.time("now")

    def wake(self):
        """When it wants to be looked after again; None once it is done."""
        deadline = None if self.retired else self.optimizer.time("poll_timeout")
        return None if deadline is None else min(deadline, self.next_read)

    def look_after(self):
        """Reads and tells the time if that is due, and stops when the job is over."""
        try:
            wake = self.wake()
            if wake is not None and wake <= self.now():
                self.feed()
            is_over = self.device.function("is_over")(self.device.pointer)
            if is_over and not self.retired and not self.optimizer.function("is_stopped")(self.optimizer.pointer):
                self.optimizer.call("stop", c.c_uint64(self.now()))
                self.drain()
        except Error as error:
            print(f"{self.job}: {error}", file=sys.stderr)
            self.retire()

    def feed(self):
        if self.now() >= self.next_read:
            self.next_read = self.now() + self.read_interval
            count, size = c.c_size_t(), c.c_size_t(c.sizeof(Sample))
            self.device.call("read_samples", self.samples, c.c_size_t(len(self.samples)), size, c.byref(count))
            self.optimizer.call("handle_samples", self.samples, count, size, None)
            self.drain()
        self.optimizer.call("handle_timeout", c.c_uint64(self.now()))
        self.drain()

    def drain(self):
        """After every input: carry out and answer what is asked, hear what is told."""
        while (action := self.optimizer.get("poll_action", Action)) is not None:
            done = self.carry_out(action)
            try:
                if done:
                    self.optimizer.call("handle_applied", c.c_uint64(action.id), c.c_uint64(self.now()))
                else:
                    fault = c.c_uint32(FAULT_NOT_SUPPORTED)
                    self.optimizer.call("handle_failed", c.c_uint64(action.id), fault, c.c_uint64(self.now()))
            except Error as error:
                # Carrying it out took longer than the machine waits: it has gone on without.
                if error.status != UNKNOWN_ACTION:
                    raise
        while (event := self.optimizer.get("poll_event", Event)) is not None:
            if event.kind == EVENT_SETTLED:
                print(f"{self.job}: settled at {event.clocks.sm_mhz} MHz", file=sys.stderr)
            if event.kind == EVENT_STOPPED and event.stop_reason != STOP_REQUESTED:
                print(f"{self.job}: stopped for reason {event.stop_reason}", file=sys.stderr)

    def carry_out(self, action):
        """Does to the device what the machine asks for. A real scheduler: NVML."""
        try:
            if action.command == SET_CLOCKS:
                return self.device.call("set_clocks", action.clocks)
            if action.command == RESTORE_CLOCKS:
                return self.device.call("restore_clocks")
            if action.command == OPEN_COUNTERS:
                return self.device.call("open_counters", c.c_uint32(action.pass_))
            if action.command == CLOSE_COUNTERS:
                counters = self.device.get("close_counters", Counters)
                return self.optimizer.call("handle_counters", c.byref(counters), c.c_size_t(c.sizeof(counters)))
            if action.command == SET_SAMPLE_INTERVAL:
                return self.device.call("set_sample_interval", c.c_uint64(action.interval_ns))
        except Error as error:
            if error.status != NOT_SUPPORTED:
                raise
        return False

    def retire(self):
        """Whatever happens to the machine, the clocks go back: they outlive this process."""
        self.retired = True
        self.device.call("restore_clocks")

    def account(self):
        if self.retired:
            return f"{self.job:17} no account"
        report, truth = self.optimizer.get("report", Report), self.device.get("get_account", Account)
        return (
            f"{self.job:17} saved {100 * report.saving:4.1f} % of energy for {100 * report.slowdown:3.1f} % more time, "
            f"as measured; {100 * truth.saving:4.1f} % and {100 * truth.slowdown:3.1f} % in truth; "
            f"{report.settings_tried} settings tried"
        )

    def free(self):
        self.optimizer.free()
        self.device.free()


def main():
    parser = argparse.ArgumentParser(description="Four simulated GPUs under gpoeo.")
    parser.add_argument("minutes", nargs="?", type=float, default=10.0)
    parser.add_argument("--library", default="libgpoeo.so", help="built with the feature sim")
    options = parser.parse_args()
    library = c.CDLL(options.library)
    for kind in ("sim", "optimizer"):
        getattr(library, f"gpoeo_{kind}_last_error").restype = c.c_size_t
    library.gpoeo_sim_is_over.restype = library.gpoeo_optimizer_is_stopped.restype = c.c_bool
    config = Config()
    if library.gpoeo_config_init(c.byref(config), c.c_size_t(c.sizeof(config))) != OK:
        sys.exit("this script does not fit the library")
    config.max_slowdown = 0.05
    length_ns = int(options.minutes * 60e9)
    gpus = [Gpu(library, job, index + 1, length_ns, config) for index, job in enumerate(JOBS)]
    while wakes := [wake for gpu in gpus if (wake := gpu.wake()) is not None]:
        for gpu in gpus:
            # A real scheduler: one select() for all of them and for all else that it does.
            gpu.device.call("sleep_until", c.c_uint64(min(wakes)))
            gpu.look_after()
    for gpu in gpus:
        print(gpu.account())
        gpu.free()
    sys.exit(1 if any(gpu.retired for gpu in gpus) else 0)


if __name__ == "__main__":
    main()
