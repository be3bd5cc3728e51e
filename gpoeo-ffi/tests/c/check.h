/* What the test programs share: checks that say where they failed, and a loop over the simulated GPU. */
#ifndef CHECK_H
#define CHECK_H

#include "gpoeo.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The status that a call must have. */
#define EXPECT(status, call)                                                                       \
    do {                                                                                           \
        gpoeo_status seen_ = (call);                                                               \
        if (seen_ != GPOEO_STATUS_##status) {                                                      \
            fprintf(stderr, "%s:%d: %s, not " #status ": %s\n", __FILE__, __LINE__,                \
                    gpoeo_status_text(seen_), #call);                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define SECOND UINT64_C(1000000000)

/* A machine for a GPU with three SM clocks. */
static inline gpoeo_optimizer *new_optimizer(void)
{
    static const uint32_t sm_mhz[] = {1410, 1200, 1305};
    const gpoeo_memory_clock memory = {1593, sm_mhz, 3};
    gpoeo_config config;
    gpoeo_capabilities capabilities;
    gpoeo_optimizer *optimizer = NULL;
    EXPECT(OK, gpoeo_config_init(&config, sizeof config));
    EXPECT(OK, gpoeo_capabilities_init(&capabilities, sizeof capabilities));
    capabilities.memory = &memory;
    capabilities.memory_count = 1;
    EXPECT(OK, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                   &optimizer, NULL, 0));
    CHECK(optimizer != NULL);
    return optimizer;
}

/* The message of the last failure contains this. */
static inline void expect_error(const gpoeo_optimizer *optimizer, const char *part)
{
    char text[512];
    size_t length = gpoeo_optimizer_last_error(optimizer, text, sizeof text);
    CHECK(length < sizeof text && strlen(text) == length);
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "the message is not about '%s': %s\n", part, text);
        exit(1);
    }
}

#ifdef GPOEO_SIM

/* A simulated GPU with a machine on it, and what is told about both. */
typedef struct {
    gpoeo_sim *sim;
    gpoeo_optimizer *optimizer;
    uint64_t next_read_ns;
    uint64_t read_interval_ns;
    /* Answer every so many clock commands with a passing failure; 0: never. */
    unsigned fail_every;
    unsigned clock_commands;
    /* The last clock command that was accepted. */
    gpoeo_command accepted;
    unsigned settled;
    gpoeo_stop_reason stop_reason;
} bench;

static inline bench new_bench(const char *workload, uint64_t seed, uint64_t length_ns)
{
    bench bench = {0};
    gpoeo_config config;
    gpoeo_capabilities capabilities;
    EXPECT(OK, gpoeo_sim_new(workload, seed, length_ns, &bench.sim, NULL, 0));
    EXPECT(OK, gpoeo_config_init(&config, sizeof config));
    EXPECT(OK, gpoeo_sim_capabilities(bench.sim, &capabilities, sizeof capabilities));
    EXPECT(OK, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                   &bench.optimizer, NULL, 0));
    bench.read_interval_ns = config.read_interval_ns;
    return bench;
}

static inline void free_bench(bench *bench)
{
    gpoeo_optimizer_free(bench->optimizer);
    gpoeo_sim_free(bench->sim);
}

static inline uint64_t now_of(const bench *bench)
{
    uint64_t now_ns = 0;
    EXPECT(OK, gpoeo_sim_now(bench->sim, &now_ns));
    return now_ns;
}

static inline gpoeo_status carry_out(bench *bench, const gpoeo_action *action)
{
    gpoeo_counters counters;
    gpoeo_status status;
    switch (action->command) {
    case GPOEO_COMMAND_SET_CLOCKS:
    case GPOEO_COMMAND_RESTORE_CLOCKS:
        bench->clock_commands += 1;
        if (bench->fail_every != 0 && bench->clock_commands % bench->fail_every == 0)
            return GPOEO_STATUS_NOT_SUPPORTED;
        status = action->command == GPOEO_COMMAND_SET_CLOCKS
                     ? gpoeo_sim_set_clocks(bench->sim, action->clocks)
                     : gpoeo_sim_restore_clocks(bench->sim);
        if (status == GPOEO_STATUS_OK)
            bench->accepted = action->command;
        return status;
    case GPOEO_COMMAND_OPEN_COUNTERS:
        return gpoeo_sim_open_counters(bench->sim, action->pass);
    case GPOEO_COMMAND_CLOSE_COUNTERS:
        status = gpoeo_sim_close_counters(bench->sim, &counters, sizeof counters);
        if (status == GPOEO_STATUS_OK)
            EXPECT(OK, gpoeo_optimizer_handle_counters(bench->optimizer, &counters, sizeof counters));
        return status;
    case GPOEO_COMMAND_SET_SAMPLE_INTERVAL:
        return gpoeo_sim_set_sample_interval(bench->sim, action->interval_ns);
    default:
        return GPOEO_STATUS_NOT_SUPPORTED;
    }
}

/* Steps 2 and 3 of the loop. */
static inline void drain(bench *bench)
{
    gpoeo_action action;
    gpoeo_event event;
    while (gpoeo_optimizer_poll_action(bench->optimizer, &action, sizeof action) == GPOEO_STATUS_OK) {
        CHECK(action.command != GPOEO_COMMAND_OTHER);
        if (carry_out(bench, &action) == GPOEO_STATUS_OK)
            EXPECT(OK, gpoeo_optimizer_handle_applied(bench->optimizer, action.id, now_of(bench)));
        else
            EXPECT(OK, gpoeo_optimizer_handle_failed(bench->optimizer, action.id, GPOEO_FAULT_TRANSIENT,
                                                     now_of(bench)));
    }
    while (gpoeo_optimizer_poll_event(bench->optimizer, &event, sizeof event) == GPOEO_STATUS_OK) {
        CHECK(event.kind != GPOEO_EVENT_KIND_OTHER);
        if (event.kind == GPOEO_EVENT_KIND_SETTLED)
            bench->settled += 1;
        if (event.kind == GPOEO_EVENT_KIND_STOPPED)
            bench->stop_reason = event.stop_reason;
    }
}

/* One turn of the loop. */
static inline void turn(bench *bench)
{
    gpoeo_sample samples[64];
    uint64_t wake_ns = 0;
    size_t count;
    if (gpoeo_optimizer_poll_timeout(bench->optimizer, &wake_ns) != GPOEO_STATUS_OK)
        return;
    if (bench->next_read_ns < wake_ns)
        wake_ns = bench->next_read_ns;
    EXPECT(OK, gpoeo_sim_sleep_until(bench->sim, wake_ns));
    if (now_of(bench) >= bench->next_read_ns) {
        bench->next_read_ns = now_of(bench) + bench->read_interval_ns;
        do {
            EXPECT(OK, gpoeo_sim_read_samples(bench->sim, samples, 64, sizeof samples[0], &count));
            EXPECT(OK, gpoeo_optimizer_handle_samples(bench->optimizer, samples, count, sizeof samples[0],
                                                      NULL));
            drain(bench);
        } while (count == 64);
    }
    EXPECT(OK, gpoeo_optimizer_handle_timeout(bench->optimizer, now_of(bench)));
    drain(bench);
}

#endif /* GPOEO_SIM */
#endif /* CHECK_H */
