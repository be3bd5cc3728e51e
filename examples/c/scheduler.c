/*
 * A scheduler's poll loop in C with four GPUs in it. The GPUs are simulated, and so is time; where a real scheduler would
 * talk to a driver or wait, a comment says so.
 *
 *     scheduler [MINUTES]
 */
#include <gpoeo.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define GPUS 4
/* The longest that a driver's ring of samples holds is about this many. */
#define SAMPLES 128

struct gpu {
    const char *job;
    gpoeo_sim *device;
    gpoeo_optimizer *optimizer;
    uint64_t next_read_ns;
    /* It failed, and is not looked after any more. */
    bool retired;
};

static const char *const jobs[GPUS] = {"vit_large", "resnet50_amp", "swin_checkpoints", "kmeans_aperiodic"};

static void say(const struct gpu *gpu, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", gpu->job);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* Whatever happens to the machine, the clocks go back: they outlive this process. */
static void retire(struct gpu *gpu)
{
    if (gpoeo_sim_restore_clocks(gpu->device) != GPOEO_STATUS_OK)
        say(gpu, "the clocks could not be put back");
    gpu->retired = true;
}

/* True if the call went well; else the GPU is left alone from now on. */
static bool well(struct gpu *gpu, gpoeo_status status)
{
    char message[256];
    if (status == GPOEO_STATUS_OK || status == GPOEO_STATUS_NONE)
        return true;
    gpoeo_optimizer_last_error(gpu->optimizer, message, sizeof message);
    say(gpu, "%s: %s", gpoeo_status_text(status), message);
    retire(gpu);
    return false;
}

static uint64_t now_of(const struct gpu *gpu)
{
    /* A real scheduler: the clock that the driver stamps its samples with. */
    uint64_t now_ns = 0;
    gpoeo_sim_now(gpu->device, &now_ns);
    return now_ns;
}

/* Does to the device what the machine asks for. A real scheduler: NVML, and its error as a gpoeo_fault. */
static gpoeo_status carry_out(struct gpu *gpu, const gpoeo_action *action)
{
    gpoeo_counters counters;
    gpoeo_status status;
    switch (action->command) {
    case GPOEO_COMMAND_SET_CLOCKS:
        return gpoeo_sim_set_clocks(gpu->device, action->clocks);
    case GPOEO_COMMAND_RESTORE_CLOCKS:
        return gpoeo_sim_restore_clocks(gpu->device);
    case GPOEO_COMMAND_OPEN_COUNTERS:
        return gpoeo_sim_open_counters(gpu->device, action->pass);
    case GPOEO_COMMAND_CLOSE_COUNTERS:
        status = gpoeo_sim_close_counters(gpu->device, &counters, sizeof counters);
        if (status == GPOEO_STATUS_OK)
            status = gpoeo_optimizer_handle_counters(gpu->optimizer, &counters, sizeof counters);
        return status;
    case GPOEO_COMMAND_SET_SAMPLE_INTERVAL:
        return gpoeo_sim_set_sample_interval(gpu->device, action->interval_ns);
    default:
        return GPOEO_STATUS_NOT_SUPPORTED;
    }
}

/* After every input: carry out and answer what is asked, hear what is told. */
static void drain(struct gpu *gpu)
{
    gpoeo_action action;
    gpoeo_event event;
    while (!gpu->retired &&
           gpoeo_optimizer_poll_action(gpu->optimizer, &action, sizeof action) == GPOEO_STATUS_OK) {
        gpoeo_status done = carry_out(gpu, &action);
        gpoeo_status status =
            done == GPOEO_STATUS_OK
                ? gpoeo_optimizer_handle_applied(gpu->optimizer, action.id, now_of(gpu))
                : gpoeo_optimizer_handle_failed(gpu->optimizer, action.id, GPOEO_FAULT_NOT_SUPPORTED, now_of(gpu));
        /* Carrying it out took longer than the machine waits: it has gone on without. */
        if (status != GPOEO_STATUS_UNKNOWN_ACTION)
            well(gpu, status);
    }
    while (gpoeo_optimizer_poll_event(gpu->optimizer, &event, sizeof event) == GPOEO_STATUS_OK) {
        if (event.kind == GPOEO_EVENT_KIND_SETTLED)
            say(gpu, "settled at %u MHz: %.1f %% less energy for %.1f %% more time expected", event.clocks.sm_mhz,
                100.0 * event.saving, 100.0 * event.slowdown);
        if (event.kind == GPOEO_EVENT_KIND_STOPPED && event.stop_reason != GPOEO_STOP_REASON_REQUESTED)
            say(gpu, "stopped for reason %u", (unsigned)event.stop_reason);
    }
}

/* When this GPU wants to be looked after again. */
static uint64_t wake_of(const struct gpu *gpu)
{
    uint64_t deadline_ns = 0;
    if (gpu->retired || gpoeo_optimizer_poll_timeout(gpu->optimizer, &deadline_ns) != GPOEO_STATUS_OK)
        return UINT64_MAX;
    return deadline_ns < gpu->next_read_ns ? deadline_ns : gpu->next_read_ns;
}

/* Something is due: read the samples if it is time to, and tell the time. */
static void look_after(struct gpu *gpu, uint64_t read_interval_ns)
{
    gpoeo_sample samples[SAMPLES];
    size_t count = 0;
    if (now_of(gpu) >= gpu->next_read_ns) {
        gpu->next_read_ns = now_of(gpu) + read_interval_ns;
        if (gpoeo_sim_read_samples(gpu->device, samples, SAMPLES, sizeof samples[0], &count) == GPOEO_STATUS_OK)
            well(gpu, gpoeo_optimizer_handle_samples(gpu->optimizer, samples, count, sizeof samples[0], NULL));
        else
            well(gpu, gpoeo_optimizer_handle_fault(gpu->optimizer, GPOEO_FAULT_TRANSIENT, now_of(gpu)));
        drain(gpu);
    }
    if (!gpu->retired && well(gpu, gpoeo_optimizer_handle_timeout(gpu->optimizer, now_of(gpu))))
        drain(gpu);
}

static bool start(struct gpu *gpu, const char *job, uint64_t seed, uint64_t length_ns, const gpoeo_config *config)
{
    gpoeo_capabilities capabilities;
    char error[256] = "";
    gpu->job = job;
    if (gpoeo_sim_new(job, seed, length_ns, &gpu->device, error, sizeof error) != GPOEO_STATUS_OK ||
        gpoeo_sim_capabilities(gpu->device, &capabilities, sizeof capabilities) != GPOEO_STATUS_OK ||
        gpoeo_optimizer_new(config, sizeof *config, &capabilities, sizeof capabilities, &gpu->optimizer, error,
                            sizeof error) != GPOEO_STATUS_OK) {
        say(gpu, "%s", error);
        return false;
    }
    return true;
}

static void print_account(const struct gpu *gpu)
{
    gpoeo_report report;
    gpoeo_sim_account truth;
    if (gpu->retired || gpoeo_optimizer_report(gpu->optimizer, &report, sizeof report) != GPOEO_STATUS_OK ||
        gpoeo_sim_get_account(gpu->device, &truth, sizeof truth) != GPOEO_STATUS_OK) {
        printf("%-17s no account\n", gpu->job);
        return;
    }
    printf("%-17s saved %4.1f %% of energy for %3.1f %% more time, as measured; %4.1f %% and %3.1f %% in truth;"
           " %llu settings tried\n",
           gpu->job, 100.0 * report.saving, 100.0 * report.slowdown, 100.0 * truth.saving, 100.0 * truth.slowdown,
           (unsigned long long)report.settings_tried);
}

int main(int argc, char **argv)
{
    const double minutes = argc > 1 ? atof(argv[1]) : 10.0;
    const uint64_t length_ns = (uint64_t)(minutes * 60e9);
    struct gpu gpus[GPUS] = {0};
    gpoeo_config config;
    int failed = 0;
    if (gpoeo_version() != GPOEO_VERSION || gpoeo_config_init(&config, sizeof config) != GPOEO_STATUS_OK)
        return 1;
    config.max_slowdown = 0.05;
    for (unsigned i = 0; i < GPUS; i++)
        if (!start(&gpus[i], jobs[i], i + 1, length_ns, &config))
            return 1;
    for (;;) {
        uint64_t wake_ns = UINT64_MAX;
        for (unsigned i = 0; i < GPUS; i++)
            if (wake_of(&gpus[i]) < wake_ns)
                wake_ns = wake_of(&gpus[i]);
        if (wake_ns == UINT64_MAX)
            break;
        for (unsigned i = 0; i < GPUS; i++) {
            struct gpu *gpu = &gpus[i];
            /* A real scheduler: one epoll_wait() or ppoll() for all of them and for all else that it does. */
            gpoeo_sim_sleep_until(gpu->device, wake_ns);
            if (wake_of(gpu) <= now_of(gpu))
                look_after(gpu, config.read_interval_ns);
            /* The job is over: the clocks go back before the machine is done. */
            if (gpoeo_sim_is_over(gpu->device) && !gpu->retired && !gpoeo_optimizer_is_stopped(gpu->optimizer)) {
                well(gpu, gpoeo_optimizer_stop(gpu->optimizer, now_of(gpu)));
                drain(gpu);
            }
        }
    }
    for (unsigned i = 0; i < GPUS; i++) {
        print_account(&gpus[i]);
        failed += gpus[i].retired;
        gpoeo_optimizer_free(gpus[i].optimizer);
        gpoeo_sim_free(gpus[i].device);
    }
    return failed == 0 ? 0 : 1;
}
