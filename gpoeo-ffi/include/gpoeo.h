/*
 * gpoeo.h: saves the energy of GPU training jobs while they run.
 *
 * The machine does no I/O, has no clock, no thread and no global state: you feed it telemetry, it
 * asks for clocks. One handle a GPU. Your loop:
 *
 *   1. Feed ONE input: gpoeo_optimizer_handle_...(), gpoeo_optimizer_stop().
 *   2. Poll actions until there is none; carry each out, and answer it ONCE with
 *      gpoeo_optimizer_handle_applied() or gpoeo_optimizer_handle_failed() (these are inputs, too).
 *   3. Poll events until there is none.
 *   4. Wait for data, at most until gpoeo_optimizer_poll_timeout(); then feed it, or
 *      gpoeo_optimizer_handle_timeout().
 *   5. Again from 1, until gpoeo_optimizer_is_stopped().
 *
 * Times are nanoseconds since an origin that you choose, the same for all calls with a handle. Each
 * stream (samples; counters; answers, timeouts and the stop) must be in order within itself, and
 * the time of a sample never lies after the time at which you feed it. Ratios are ratios: 0.05 is
 * 5 %.
 *
 * Rules:
 *
 *   1. A handle is NULL, or came from its _new() function and was not freed. It may move between
 *      threads, but only one thread may use it at a time: a second one gets GPOEO_STATUS_BUSY.
 *   2. Any other pointer is NULL, or points at as much memory as its type, the size and the count
 *      beside it say. The size of a struct is always sizeof: it tells the library which version of
 *      the struct you know. Nothing that you pass in is kept, everything is copied.
 *
 * All else is checked: NULL where a value is needed, a wrong size, a wrong order and the use of a
 * handle after a failure give a status, never a crash. Every function may be called from every
 * thread. Structs that may grow are passed with their size and grow at their end only; numbers are
 * only ever added to enums.
 *
 * Made by cbindgen from gpoeo-ffi/src; docs/c-abi.md has more, gpoeo.hpp wraps it for C++.
 */


#ifndef GPOEO_H
#define GPOEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An enum of 32 bits. C before C23 can only say so of the name. */
#ifdef __cplusplus
#define GPOEO_ENUM(name) enum name : uint32_t
#else
#define GPOEO_ENUM(name) typedef uint32_t name; enum name
#endif

/** `energy_j` of a gpoeo_sample is known. */
#define GPOEO_SAMPLE_ENERGY 1

/** `sm_util` of a gpoeo_sample is known. */
#define GPOEO_SAMPLE_SM_UTIL 2

/** `mem_util` of a gpoeo_sample is known. */
#define GPOEO_SAMPLE_MEM_UTIL 4

/** `sm_mhz` of a gpoeo_sample is known. */
#define GPOEO_SAMPLE_SM_CLOCK 8

/** `mem_mhz` of a gpoeo_sample is known. */
#define GPOEO_SAMPLE_MEM_CLOCK 16

/** `instructions` of a gpoeo_counters is known. */
#define GPOEO_COUNTER_INSTRUCTIONS 1

/**
 * Version of this header: major * 10000 + minor * 100 + patch. Before 1.0 a new minor version may break programs, from
 * then on only a new major version does.
 */
#define GPOEO_VERSION 100

/**
 * How a call went. Numbers are only ever added; treat one that you do not know as a failure.
 *
 * A call that failed has changed nothing, unless its own text says otherwise.
 */
GPOEO_ENUM(gpoeo_status) {
    /** Done. */
    GPOEO_STATUS_OK = 0,
    /** Done, and there is nothing to give: no action, no event, no deadline. No failure. */
    GPOEO_STATUS_NONE = 1,
    /** A pointer that must not be NULL was. */
    GPOEO_STATUS_NULL_POINTER = 2,
    /** The size given for a struct is none that this library knows: header and library do not match. */
    GPOEO_STATUS_WRONG_SIZE = 3,
    /** A number that stands for nothing: an unknown objective, fault or flag, or an absurd count. */
    GPOEO_STATUS_INVALID_VALUE = 4,
    /** A value of the configuration is out of range, or two of them do not fit. */
    GPOEO_STATUS_BAD_CONFIG = 5,
    /** The clocks listed are no GPU's. */
    GPOEO_STATUS_BAD_CLOCKS = 6,
    /** A measured value is NaN, infinite or beyond all reason. */
    GPOEO_STATUS_BAD_SAMPLE = 7,
    /** A time lies before one of the same stream that was fed already; for samples: it is not later. */
    GPOEO_STATUS_TIME_WENT_BACK = 8,
    /** The action is not open: answered already, timed out, or never asked. */
    GPOEO_STATUS_UNKNOWN_ACTION = 9,
    /** No entry has this index. */
    GPOEO_STATUS_OUT_OF_RANGE = 10,
    /** Another thread is inside a call with this handle. A handle may move between threads, but not be shared. */
    GPOEO_STATUS_BUSY = 11,
    /**
     * This call, or an earlier one with this handle, hit a bug in the library. The handle does nothing any more; put the
     * clocks back yourself, then free it.
     */
    GPOEO_STATUS_PANICKED = 12,
    /** The input was refused for a reason that this version of the ABI has no number for; the message has it. */
    GPOEO_STATUS_REFUSED = 13,
    /** The simulated GPU has no such workload. */
    GPOEO_STATUS_UNKNOWN_WORKLOAD = 14,
    /** The simulated GPU cannot do that. */
    GPOEO_STATUS_NOT_SUPPORTED = 15,
    /** A set of models is broken, or not there; the message names the file. */
    GPOEO_STATUS_BAD_MODELS = 16,
};

/** What an action asks for. */
GPOEO_ENUM(gpoeo_command) {
    /** Something that this header has no name for: answer with GPOEO_FAULT_NOT_SUPPORTED. */
    GPOEO_COMMAND_OTHER = 0,
    /** Lock the clocks at `clocks`, then answer. Accepted is enough; they need not be reached yet. */
    GPOEO_COMMAND_SET_CLOCKS = 1,
    /** Put the clocks back to what was found before the first set (normally the driver's default), then answer. */
    GPOEO_COMMAND_RESTORE_CLOCKS = 2,
    /** Start reading the counters of `pass` (0-based), then answer. */
    GPOEO_COMMAND_OPEN_COUNTERS = 3,
    /** Stop reading counters, feed gpoeo_optimizer_handle_counters(), then answer. */
    GPOEO_COMMAND_CLOSE_COUNTERS = 4,
    /** Read telemetry every `interval_ns` from now on, then answer. */
    GPOEO_COMMAND_SET_SAMPLE_INTERVAL = 5,
};

/** What happened. */
GPOEO_ENUM(gpoeo_event_kind) {
    /** Something that this header has no name for: pass over it. */
    GPOEO_EVENT_KIND_OTHER = 0,
    /** The device failed to carry an action out, or to be read: `fault`. */
    GPOEO_EVENT_KIND_ACTION_FAILED = 1,
    /** Time and energy of an iteration at the found clocks are known: `measured`. */
    GPOEO_EVENT_KIND_BASELINE_MEASURED = 2,
    /** `clocks` were accepted, but the SM clock `seen_sm_mhz` is in force. */
    GPOEO_EVENT_KIND_CLOCK_NOT_REACHED = 3,
    /** Detection has an answer: `outcome`; with a period also `period_s`, `confidence`. */
    GPOEO_EVENT_KIND_DETECTED = 4,
    /** More time was lost so far than the limit allows: `slowdown`. */
    GPOEO_EVENT_KIND_LIMIT_BROKEN = 5,
    /** The machine does something else now: `from`, `to`. */
    GPOEO_EVENT_KIND_PHASE_CHANGED = 6,
    /**
     * The search is over; `clocks` are held (the slower of the two where two share the time), with the expected `saving`
     * and `slowdown`.
     */
    GPOEO_EVENT_KIND_SETTLED = 7,
    /** The machine has stopped: `stop_reason`. */
    GPOEO_EVENT_KIND_STOPPED = 8,
    /** `clocks` were measured: `measured`. */
    GPOEO_EVENT_KIND_TRIED = 9,
    /** The job is not what it was; noticed at `at_ns`. */
    GPOEO_EVENT_KIND_WORKLOAD_CHANGED = 10,
    /** The models expect `clocks` to be best, with `saving` and `slowdown`: the search starts there. */
    GPOEO_EVENT_KIND_PREDICTED = 11,
    /** The models have nothing to say of this job, or are for another GPU: the search starts without them. */
    GPOEO_EVENT_KIND_NOT_PREDICTED = 12,
};

/** How a device failed, as far as the machine must know. */
GPOEO_ENUM(gpoeo_fault) {
    /** None, or one that this header has no name for. Only given, never taken. */
    GPOEO_FAULT_OTHER = 0,
    /** The GPU is gone (fell off the bus, driver unloaded). */
    GPOEO_FAULT_GPU_LOST = 1,
    /** The process may not do this. */
    GPOEO_FAULT_NO_PERMISSION = 2,
    /** The GPU or driver cannot do this. */
    GPOEO_FAULT_NOT_SUPPORTED = 3,
    /** Anything that may go away by itself. */
    GPOEO_FAULT_TRANSIENT = 4,
};

/** What the machine is doing. */
GPOEO_ENUM(gpoeo_phase) {
    /** One that this header has no name for; or, in an event of another kind, none. */
    GPOEO_PHASE_OTHER = 0,
    /** Looking for the iteration, at the found clocks. */
    GPOEO_PHASE_DETECT = 1,
    /** Measuring time and energy of an iteration at the found clocks. */
    GPOEO_PHASE_MEASURE_BASELINE = 2,
    /** Measuring other settings. */
    GPOEO_PHASE_SEARCH = 3,
    /** Holding the best setting (or two in turns) and watching for a change. */
    GPOEO_PHASE_HOLD = 4,
    /** Putting the clocks back before stopping. */
    GPOEO_PHASE_RESTORE = 5,
    /** Finished: no further action will come. */
    GPOEO_PHASE_STOPPED = 6,
    /** Reading counters at the found clocks. */
    GPOEO_PHASE_PROFILE = 7,
};

/** Whether a job repeats itself. */
GPOEO_ENUM(gpoeo_outcome) {
    /** Too little was seen so far, or what was seen does not agree. */
    GPOEO_OUTCOME_UNDECIDED = 0,
    /** It was watched for long enough, and does not. */
    GPOEO_OUTCOME_APERIODIC = 1,
    /** It does. */
    GPOEO_OUTCOME_PERIODIC = 2,
};

/** Why the machine stopped. */
GPOEO_ENUM(gpoeo_stop_reason) {
    /** It has not; or for a reason that this header has no name for. */
    GPOEO_STOP_REASON_OTHER = 0,
    /** It was asked to. The clocks are as they were found. */
    GPOEO_STOP_REASON_REQUESTED = 1,
    /** The device refused to set clocks, for good. They are as they were found. */
    GPOEO_STOP_REASON_CLOCKS_REFUSED = 2,
    /** The GPU is gone. */
    GPOEO_STOP_REASON_GPU_LOST = 3,
    /** The clocks could not be put back: somebody must do it. */
    GPOEO_STOP_REASON_RESTORE_FAILED = 4,
};

/** Where the knowledge of progress comes from. */
GPOEO_ENUM(gpoeo_progress) {
    /** Nowhere yet; or from a source that this header has no name for. */
    GPOEO_PROGRESS_OTHER = 0,
    /** The period found in the power signal. */
    GPOEO_PROGRESS_PERIOD = 1,
    /** The rate of executed instructions. */
    GPOEO_PROGRESS_WORK_RATE = 2,
    /** Iterations counted by the embedder: exact. */
    GPOEO_PROGRESS_MARKS = 3,
};

/** Why a setting is held, or not. */
GPOEO_ENUM(gpoeo_verdict) {
    /** For a reason that this header has no name for. */
    GPOEO_VERDICT_OTHER = 0,
    /** It is held, alone or in turns with another one. */
    GPOEO_VERDICT_HELD = 1,
    /** It keeps the limit, but what is held is better. */
    GPOEO_VERDICT_NOT_BETTER = 2,
    /** It breaks the limit by itself, and no mix with it is better than what is held. */
    GPOEO_VERDICT_BEYOND_LIMIT = 3,
    /** It was not measured well enough to be held. */
    GPOEO_VERDICT_UNCERTAIN = 4,
    /** It could not be set or measured: only `clocks` is known. */
    GPOEO_VERDICT_FAILED = 5,
};

/** How many settings may be held. */
GPOEO_ENUM(gpoeo_hold) {
    /** One: no clock changes while holding. For GPUs that run in lockstep. */
    GPOEO_HOLD_ONE = 1,
    /** Two in turns of about 30 s, which saves more: the default. */
    GPOEO_HOLD_TWO = 2,
};

/** What to optimise. */
GPOEO_ENUM(gpoeo_objective) {
    /** Least energy within `max_slowdown`: the default. */
    GPOEO_OBJECTIVE_MIN_ENERGY = 1,
    /** Least time among the settings that save at least `min_saving`. */
    GPOEO_OBJECTIVE_MIN_TIME = 2,
    /** Least energy * time. */
    GPOEO_OBJECTIVE_EDP = 3,
    /** Least energy * time^2. */
    GPOEO_OBJECTIVE_ED2P = 4,
    /** Least energy * time^2 within `max_slowdown`. */
    GPOEO_OBJECTIVE_ED2P_WITHIN = 5,
};

/** The machine for one GPU. */
typedef struct gpoeo_optimizer gpoeo_optimizer;

#if defined(GPOEO_SIM)
/** A simulated GPU with one job on it. Its time stands still but for gpoeo_sim_sleep_until(). */
typedef struct gpoeo_sim gpoeo_sim;
#endif

/** One memory clock with the SM clocks that the GPU supports with it, in any order. This struct never grows. */
typedef struct gpoeo_memory_clock {
    /** Memory clock, MHz. */
    uint32_t mem_mhz;
    /** SM clocks, MHz. */
    const uint32_t *sm_mhz;
    /** Number of them. */
    size_t sm_count;
} gpoeo_memory_clock;

/** What a GPU offers. Get the defaults from gpoeo_capabilities_init(), then list the clocks. */
typedef struct gpoeo_capabilities {
    /** Memory clocks, each with its SM clocks; at least one. A GPU that cannot tell has its current clocks only. */
    const struct gpoeo_memory_clock *memory;
    /** Number of them. */
    size_t memory_count;
    /** Not 0: only observe. No clock action will be asked for. */
    uint32_t read_only;
    /** Passes that it takes to read the counters, up to 255; 0: they cannot be read. */
    uint32_t counter_passes;
    /**
     * Span that one power reading averages over: 20 ms for the driver's ring of samples, 1 s for
     * nvmlDeviceGetPowerUsage() on many cards.
     */
    uint64_t sensor_lag_ns;
    /** How long after an accepted clock command the new clock is certainly in force; 150 ms by default. */
    uint64_t settle_time_ns;
} gpoeo_capabilities;

/** What an embedder may choose. Get the defaults from gpoeo_config_init(), then change what you like. */
typedef struct gpoeo_config {
    /** One of gpoeo_objective. */
    uint32_t objective;
    /** One of gpoeo_hold. */
    uint32_t hold;
    /** Largest slowdown over the run, a ratio, 0..1 (0.05 is 5 %). Read with MIN_ENERGY and ED2P_WITHIN. */
    double max_slowdown;
    /** Smallest saving, a ratio, 0..0.9. Read with MIN_TIME. It has no default: NaN until you choose one. */
    double min_saving;
    /** Probability with which the limit plus `limit_tolerance` is kept over the run, 0.5..0.9999. */
    double limit_confidence;
    /** What the measured doubt may add to the slowdown limit, a ratio, 0..0.1. */
    double limit_tolerance;
    /** Interval of the samples, 1 ms to 1 s. 20 ms is the step of the driver's own ring of samples. */
    uint64_t sample_interval_ns;
    /** How often you mean to read them, from `sample_interval_ns` to 10 s. The library only keeps it for you. */
    uint64_t read_interval_ns;
    /** An action that was not answered after this long counts as failed, 0.1 s to 60 s. */
    uint64_t action_timeout_ns;
} gpoeo_config;

/**
 * One reading of a GPU's telemetry. Time and power are always needed; set the flag in `known` for every other value that
 * the device gave. A value without its flag is not looked at, so a struct full of zeros knows nothing and claims nothing.
 */
typedef struct gpoeo_sample {
    /** When the device measured it: the end of the interval that `power_w` averages over. */
    uint64_t time_ns;
    /** Board power, W. */
    double power_w;
    /** The running energy counter, J, as the device last updated it. */
    double energy_j;
    /** Share of time with a kernel on the SMs, 0..1. */
    float sm_util;
    /** Share of time with the memory controller busy, 0..1. */
    float mem_util;
    /** SM clock in force, MHz. */
    uint32_t sm_mhz;
    /** Memory clock in force, MHz. */
    uint32_t mem_mhz;
    /** Which of the values above are known: GPOEO_SAMPLE_... added up. */
    uint32_t known;
} gpoeo_sample;

/** The counters of one counter window. Set the flag in `known` for every value that the device gave. */
typedef struct gpoeo_counters {
    /** Begin of the window. */
    uint64_t start_ns;
    /** End of the window. */
    uint64_t end_ns;
    /** Instructions executed in it, on all SMs (sm__inst_executed.sum). */
    double instructions;
    /** Which of the values above are known: GPOEO_COUNTER_... added up. */
    uint32_t known;
} gpoeo_counters;

/** A memory clock with an SM clock, MHz. Both 0: no lock of ours, the clocks are as they were found. */
typedef struct gpoeo_clocks {
    /** SM clock, MHz. */
    uint32_t sm_mhz;
    /** Memory clock, MHz. */
    uint32_t mem_mhz;
} gpoeo_clocks;

/** Something to carry out, and then to answer once with gpoeo_optimizer_handle_applied() or _handle_failed(). */
typedef struct gpoeo_action {
    /** To be given back with the answer. */
    uint64_t id;
    /** What to do; which of the values below count, it says. */
    gpoeo_command command;
    /** For OPEN_COUNTERS. */
    uint32_t pass;
    /** For SET_CLOCKS. */
    struct gpoeo_clocks clocks;
    /** For SET_SAMPLE_INTERVAL. */
    uint64_t interval_ns;
} gpoeo_action;

/**
 * Time and energy of one iteration, each with its standard error; NaN where nothing is known. This struct never grows.
 *
 * Where progress comes from a rate of work, one "iteration" is the work that the baseline did in one second.
 */
typedef struct gpoeo_estimate {
    /** Time per iteration, s. */
    double time_s;
    /** Its standard error, s. */
    double time_stderr_s;
    /** Energy per iteration, J. */
    double energy_j;
    /** Its standard error, J. */
    double energy_stderr_j;
    /** Whole iterations that were measured. */
    uint64_t iterations;
} gpoeo_estimate;

/**
 * Something that happened, in order. `kind` says which of the values count; the others are 0, and NaN where they would
 * have been measured.
 */
typedef struct gpoeo_event {
    /** What happened. */
    gpoeo_event_kind kind;
    /** How the device failed. */
    gpoeo_fault fault;
    /** The phase before. */
    gpoeo_phase from;
    /** The phase from now on. */
    gpoeo_phase to;
    /** Whether the job repeats itself. */
    gpoeo_outcome outcome;
    /** Why the machine stopped. */
    gpoeo_stop_reason stop_reason;
    /** A setting; both 0: the found clocks. */
    struct gpoeo_clocks clocks;
    /** The SM clock that was read back, MHz. */
    uint32_t seen_sm_mhz;
    /** A moment. */
    uint64_t at_ns;
    /** The time after which the job repeats itself, s: one iteration, or a small whole number of them. */
    double period_s;
    /** How sure that is, 0..1. */
    double confidence;
    /** A saving, ratio. */
    double saving;
    /** A slowdown, ratio. */
    double slowdown;
    /** A measurement. */
    struct gpoeo_estimate measured;
} gpoeo_event;

/**
 * An account of the run so far. Everything that the machine itself caused (detection, trials) is in it. Measured values
 * are NaN while they are not known.
 */
typedef struct gpoeo_report {
    /** What the machine is doing. */
    gpoeo_phase phase;
    /** Why it stopped, once it did. */
    gpoeo_stop_reason stop_reason;
    /** Whether the job repeats itself. */
    gpoeo_outcome outcome;
    /** Where the knowledge of progress comes from. */
    gpoeo_progress progress;
    /** The time after which the job repeats itself, s: one iteration, or a small whole number of them. */
    double period_s;
    /** How sure that is, 0..1. */
    double confidence;
    /** Time and energy of an iteration at the found clocks. */
    struct gpoeo_estimate baseline;
    /** The clocks that are locked now. */
    struct gpoeo_clocks clocks;
    /** What is (or would be) held: the setting that keeps the limit by itself ... */
    struct gpoeo_clocks hold_within;
    /** ... and the other one; the same where one setting is held. */
    struct gpoeo_clocks hold_beyond;
    /** Share of the iterations at `hold_beyond`, 0..1; NaN before the baseline. */
    double hold_beyond_share;
    /** Expected saving of the hold, ratio. */
    double hold_saving;
    /** Expected slowdown of the hold, ratio. */
    double hold_slowdown;
    /** From the first sample to the last, s. */
    double elapsed_s;
    /** Energy used in that time, J. */
    double energy_j;
    /** Time that the same work would have taken at the found clocks, s. */
    double default_time_s;
    /** Energy that the same work would have taken at the found clocks, J. */
    double default_energy_j;
    /** 1 - energy / energy at the found clocks; NaN before another setting was measured. */
    double saving;
    /** Standard error of `saving`. */
    double saving_stderr;
    /** Time / time at the found clocks - 1; NaN before another setting was measured. */
    double slowdown;
    /** Standard error of `slowdown`. */
    double slowdown_stderr;
    /** From the first sample to the first hold, s. */
    double settled_after_s;
    /** Trials so far. */
    uint64_t settings_tried;
    /** Settings that gpoeo_optimizer_trial() gives: the measured ones, then those that could not be. */
    uint64_t trial_count;
    /** Events that were lost because nobody polled them. */
    uint64_t events_dropped;
} gpoeo_report;

/** One setting that was tried; NaN where nothing is known. */
typedef struct gpoeo_trial {
    /** The setting. */
    struct gpoeo_clocks clocks;
    /** Time and energy of an iteration there, from all measurements so far. */
    struct gpoeo_estimate measured;
    /** 1 - energy per iteration / the same at the found clocks. */
    double saving;
    /** Its standard error. */
    double saving_stderr;
    /** Time per iteration / the same at the found clocks - 1. */
    double slowdown;
    /** Its standard error. */
    double slowdown_stderr;
    /** The saving that was expected before its first trial. */
    double expected_saving;
    /** The slowdown that was expected before its first trial ... */
    double expected_slowdown;
    /** ... and its standard deviation. */
    double expected_slowdown_stderr;
    /** Time spent there, s. */
    double spent_s;
    /** Why it is held, or not. */
    gpoeo_verdict verdict;
} gpoeo_trial;

/** What a setting costs, as far as all measurements so far tell. */
typedef struct gpoeo_setting_cost {
    /** The setting. */
    struct gpoeo_clocks clocks;
    /** 1 - energy per iteration / the same at the found clocks. */
    double saving;
    /** Its standard error. */
    double saving_stderr;
    /** Time per iteration / the same at the found clocks - 1. */
    double slowdown;
    /** Its standard error. */
    double slowdown_stderr;
    /** 1: the setting itself was measured; 0: this is told from the measured ones and from physics. */
    uint32_t is_measured;
} gpoeo_setting_cost;

#if defined(GPOEO_SIM)
/** What a simulated job has really cost since it began, without noise, beside what the same work costs at default clocks. */
typedef struct gpoeo_sim_account {
    /** Time since the job began, s. */
    double elapsed_s;
    /** Time that the same work takes at default clocks, s. */
    double default_time_s;
    /** Energy used, J. */
    double energy_j;
    /** Energy of the same work at default clocks, J. */
    double default_energy_j;
    /** Saving over the whole job, ratio. */
    double saving;
    /** Slowdown over the whole job, ratio. */
    double slowdown;
    /** Clocks in force. */
    struct gpoeo_clocks clocks;
} gpoeo_sim_account;
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/** Fills in the defaults: no clocks yet, clocks may be set, no counters, the driver's ring of samples. */
gpoeo_status gpoeo_capabilities_init(struct gpoeo_capabilities *capabilities,
                                     size_t capabilities_size);

/** Fills in the defaults. */
gpoeo_status gpoeo_config_init(struct gpoeo_config *config, size_t config_size);

/**
 * Makes a machine that has seen nothing yet, and puts its handle into `*optimizer` (NULL if that fails). Both structs are
 * copied, with the lists of clocks.
 *
 * As there is no handle yet that could keep it, the message of a failure goes to `error` (of `error_size` bytes; may be
 * NULL).
 */
gpoeo_status gpoeo_optimizer_new(const struct gpoeo_config *config,
                                 size_t config_size,
                                 const struct gpoeo_capabilities *capabilities,
                                 size_t capabilities_size,
                                 struct gpoeo_optimizer **optimizer,
                                 char *error,
                                 size_t error_size);

/**
 * Gives the machine trained models, from which its search starts: reads the set in the folder (with card.json in it, or
 * in folders counters, gpm and nvml below it). To be called before the first input; without it the search starts from
 * measurements alone. Models for other GPUs than `gpu_name` (NVML's product name; NULL: not known) are not used.
 * `power_limit_w` is the limit in force (0: not known); models take the power relative to it.
 *
 * Fails with BAD_MODELS (the message names the file) and, after the first input, REFUSED.
 */
gpoeo_status gpoeo_optimizer_load_models(struct gpoeo_optimizer *optimizer,
                                         const char *folder,
                                         const char *gpu_name,
                                         double power_limit_w);

/**
 * Frees a machine; NULL is fine. Clocks that it had locked stay locked: gpoeo_optimizer_stop() first, and go on with the
 * loop until it has stopped.
 */
void gpoeo_optimizer_free(struct gpoeo_optimizer *optimizer);

/**
 * Copies the message of the last call with this handle that failed, with a NUL, as far as it fits. Returns the length of
 * the whole message without the NUL; 0 if there is none.
 */
size_t gpoeo_optimizer_last_error(const struct gpoeo_optimizer *optimizer,
                                  char *text,
                                  size_t text_size);

/**
 * Feeds one sample. Its time must be later than that of the sample before.
 *
 * Fails with BAD_SAMPLE, TIME_WENT_BACK, INVALID_VALUE (a flag).
 */
gpoeo_status gpoeo_optimizer_handle_sample(struct gpoeo_optimizer *optimizer,
                                           const struct gpoeo_sample *sample,
                                           size_t sample_size);

/**
 * Feeds `count` samples, oldest first, as if one by one; `sample_size` is that of one. Stops at the first that is refused:
 * `*taken` (may be NULL) says how many were fed before.
 *
 * Good for what a driver gives at once. Poll the actions after it: with much more than a second of samples in one call
 * the machine learns late that its action was carried out.
 */
gpoeo_status gpoeo_optimizer_handle_samples(struct gpoeo_optimizer *optimizer,
                                            const struct gpoeo_sample *samples,
                                            size_t count,
                                            size_t sample_size,
                                            size_t *taken);

/**
 * Feeds the counters of a window: after the action CLOSE_COUNTERS was carried out, before it is answered.
 *
 * Fails with TIME_WENT_BACK, INVALID_VALUE (a flag).
 */
gpoeo_status gpoeo_optimizer_handle_counters(struct gpoeo_optimizer *optimizer,
                                             const struct gpoeo_counters *counters,
                                             size_t counters_size);

/**
 * The action `id` was carried out.
 *
 * Fails with UNKNOWN_ACTION (the machine has given it up after the action timeout: go on), TIME_WENT_BACK.
 */
gpoeo_status gpoeo_optimizer_handle_applied(struct gpoeo_optimizer *optimizer,
                                            uint64_t id,
                                            uint64_t now_ns);

/**
 * The action `id` failed; `fault` is one of gpoeo_fault.
 *
 * Fails with UNKNOWN_ACTION (the machine has given it up after the action timeout: go on), TIME_WENT_BACK, INVALID_VALUE.
 */
gpoeo_status gpoeo_optimizer_handle_failed(struct gpoeo_optimizer *optimizer,
                                           uint64_t id,
                                           uint32_t fault,
                                           uint64_t now_ns);

/**
 * The device failed outside an action, for example when it was read; `fault` is one of gpoeo_fault.
 *
 * Fails with TIME_WENT_BACK, INVALID_VALUE.
 */
gpoeo_status gpoeo_optimizer_handle_fault(struct gpoeo_optimizer *optimizer,
                                          uint32_t fault,
                                          uint64_t now_ns);

/**
 * Time has passed: call it when the deadline is reached, at the latest.
 *
 * Fails with TIME_WENT_BACK.
 */
gpoeo_status gpoeo_optimizer_handle_timeout(struct gpoeo_optimizer *optimizer, uint64_t now_ns);

/**
 * An iteration of the job has ended. From an embedder that knows, this is the exact source of progress, and takes the
 * place of the period in the power signal. Marks are a stream of their own, in order within itself.
 *
 * Fails with TIME_WENT_BACK.
 */
gpoeo_status gpoeo_optimizer_handle_mark(struct gpoeo_optimizer *optimizer,
                                         uint64_t time_ns);

/**
 * From now on another objective, one of gpoeo_objective; everything that was measured is kept. `limit` is its largest
 * slowdown (MIN_ENERGY, ED2P_WITHIN) or its smallest saving (MIN_TIME); with the others it is not looked at.
 *
 * Fails with INVALID_VALUE, BAD_CONFIG (the limit), TIME_WENT_BACK.
 */
gpoeo_status gpoeo_optimizer_set_objective(struct gpoeo_optimizer *optimizer,
                                           uint32_t objective,
                                           double limit,
                                           uint64_t now_ns);

/**
 * Asks for the clocks to be put back. Go on with the loop until gpoeo_optimizer_is_stopped().
 *
 * Fails with TIME_WENT_BACK.
 */
gpoeo_status gpoeo_optimizer_stop(struct gpoeo_optimizer *optimizer, uint64_t now_ns);

/** Gives the next action to carry out; NONE if there is none, or while one is unanswered. */
gpoeo_status gpoeo_optimizer_poll_action(struct gpoeo_optimizer *optimizer,
                                         struct gpoeo_action *action,
                                         size_t action_size);

/** Gives the next event; NONE if there is none. Of more than 64 unpolled events the oldest are lost. */
gpoeo_status gpoeo_optimizer_poll_event(struct gpoeo_optimizer *optimizer,
                                        struct gpoeo_event *event,
                                        size_t event_size);

/**
 * Gives the moment at which gpoeo_optimizer_handle_timeout() is due at the latest, later than every time fed so far;
 * NONE only when the machine has stopped.
 */
gpoeo_status gpoeo_optimizer_poll_timeout(const struct gpoeo_optimizer *optimizer,
                                          uint64_t *deadline_ns);

/** Gives what the machine is doing. */
gpoeo_status gpoeo_optimizer_phase(const struct gpoeo_optimizer *optimizer, gpoeo_phase *phase);

/** Whether the machine has finished: it will ask for nothing any more. True for NULL and for a handle that has panicked. */
bool gpoeo_optimizer_is_stopped(const struct gpoeo_optimizer *optimizer);

/**
 * Whether a lock of ours may be in force: whoever gives the machine up before it has stopped must then put the clocks back.
 * True for a handle that has panicked, or that another thread uses: nobody knows.
 */
bool gpoeo_optimizer_may_hold_clocks(const struct gpoeo_optimizer *optimizer);

/** Gives the account of the run so far, and keeps its list of settings for gpoeo_optimizer_trial(). */
gpoeo_status gpoeo_optimizer_report(struct gpoeo_optimizer *optimizer,
                                    struct gpoeo_report *report,
                                    size_t report_size);

/**
 * Gives a setting that was tried, by its index in the last gpoeo_optimizer_report(), in the order of their first
 * trial.
 *
 * Fails with OUT_OF_RANGE unless `index` is less than that report's `trial_count`.
 */
gpoeo_status gpoeo_optimizer_trial(const struct gpoeo_optimizer *optimizer,
                                   size_t index,
                                   struct gpoeo_trial *trial,
                                   size_t trial_size);

/**
 * Gives what every setting of the default memory clock costs, and every measured one of other memory clocks, ascending:
 * as many as there is room for (`capacity` of `cost_size` bytes each). `*count` says how many there are; 0 before the
 * baseline. For embedders that decide over several GPUs; takes about a millisecond.
 */
gpoeo_status gpoeo_optimizer_costs(const struct gpoeo_optimizer *optimizer,
                                   struct gpoeo_setting_cost *costs,
                                   size_t capacity,
                                   size_t cost_size,
                                   size_t *count);

#if defined(GPOEO_SIM)
/**
 * Makes a simulated GPU at default clocks at time 0, on which a workload of the built-in suite begins after a few seconds
 * and runs for `length_ns`; equal seeds give equal noise. `workload` NULL: "vit_large". Puts its handle into `*sim` (NULL
 * if that fails), and the message of a failure into `error` (of `error_size` bytes; may be NULL).
 *
 * Fails with UNKNOWN_WORKLOAD; the message lists what there is, and gpoeo_sim_workload() names one by one.
 */
gpoeo_status gpoeo_sim_new(const char *workload,
                           uint64_t seed,
                           uint64_t length_ns,
                           struct gpoeo_sim **sim,
                           char *error,
                           size_t error_size);

/** Frees a simulated GPU; NULL is fine. The lists of its capabilities end with it. */
void gpoeo_sim_free(struct gpoeo_sim *sim);

/**
 * Copies the name of a workload of the built-in suite, with a NUL, as far as it fits. Returns its whole length without the
 * NUL; 0 beyond the last.
 */
size_t gpoeo_sim_workload(size_t index,
                          char *name,
                          size_t name_size);

/** Copies the message of the last call with this handle that failed: see gpoeo_optimizer_last_error(). */
size_t gpoeo_sim_last_error(const struct gpoeo_sim *sim,
                            char *text,
                            size_t text_size);

/** Gives what the GPU offers, ready for gpoeo_optimizer_new(). Its lists belong to the handle and last as long. */
gpoeo_status gpoeo_sim_capabilities(const struct gpoeo_sim *sim,
                                    struct gpoeo_capabilities *capabilities,
                                    size_t capabilities_size);

/** Gives the time. */
gpoeo_status gpoeo_sim_now(const struct gpoeo_sim *sim, uint64_t *now_ns);

/** Lets time pass until `deadline_ns`, or until it has run out; one in the past does nothing. */
gpoeo_status gpoeo_sim_sleep_until(struct gpoeo_sim *sim, uint64_t deadline_ns);

/** Whether the time has run out. True for NULL and for a handle that has panicked. */
bool gpoeo_sim_is_over(const struct gpoeo_sim *sim);

/**
 * Reads up to `capacity` samples that are new, oldest first, and says in `*count` how many. The rest stays for the next
 * call: read until there are fewer than there is room for.
 */
gpoeo_status gpoeo_sim_read_samples(struct gpoeo_sim *sim,
                                    struct gpoeo_sample *samples,
                                    size_t capacity,
                                    size_t sample_size,
                                    size_t *count);

/**
 * Locks the clocks.
 *
 * Fails with NOT_SUPPORTED for a pair that the capabilities do not list.
 */
gpoeo_status gpoeo_sim_set_clocks(struct gpoeo_sim *sim, struct gpoeo_clocks clocks);

/** Puts the clocks back to the default. */
gpoeo_status gpoeo_sim_restore_clocks(struct gpoeo_sim *sim);

/**
 * Starts reading the counters of a pass.
 *
 * Fails with NOT_SUPPORTED if the job's counters cannot be read.
 */
gpoeo_status gpoeo_sim_open_counters(struct gpoeo_sim *sim, uint32_t pass);

/**
 * Stops reading counters and gives what was counted.
 *
 * Fails with NOT_SUPPORTED if they were not open.
 */
gpoeo_status gpoeo_sim_close_counters(struct gpoeo_sim *sim,
                                      struct gpoeo_counters *counters,
                                      size_t counters_size);

/** Samples come at this interval from now on. */
gpoeo_status gpoeo_sim_set_sample_interval(struct gpoeo_sim *sim, uint64_t interval_ns);

/** Gives what the job has really cost so far. */
gpoeo_status gpoeo_sim_get_account(const struct gpoeo_sim *sim,
                                   struct gpoeo_sim_account *account,
                                   size_t account_size);
#endif

/** What a status means, in a few words. Never NULL; the text is static. */
const char *gpoeo_status_text(uint32_t status);

/**
 * Version of the library: GPOEO_VERSION of the header that it was built with. Compare it with yours where header and
 * library may come from different places.
 */
uint32_t gpoeo_version(void);

/** The same as a text, such as "0.1.0". Never NULL; the text is static. */
const char *gpoeo_version_text(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GPOEO_H */
