/* A size that is not the struct's is a status, and loses nothing. */
#include "check.h"

static void of_the_optimizer(size_t error)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_sample sample = {.time_ns = 1, .power_w = 300.0};
    gpoeo_counters counters = {0};
    gpoeo_action action;
    gpoeo_event event;
    gpoeo_report report;
    gpoeo_trial trial;
    size_t taken = 7;
    EXPECT(WRONG_SIZE, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample + error));
    expect_error(optimizer, "pass sizeof(gpoeo_sample)");
    EXPECT(WRONG_SIZE,
           gpoeo_optimizer_handle_samples(optimizer, &sample, 1, sizeof sample + error, &taken));
    CHECK(taken == 0);
    EXPECT(WRONG_SIZE, gpoeo_optimizer_handle_counters(optimizer, &counters, sizeof counters + error));
    EXPECT(OK, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    /* The action and the events that wait now are still there after a refused place for them. */
    EXPECT(WRONG_SIZE, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action + error));
    EXPECT(OK, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action));
    CHECK(action.command == GPOEO_COMMAND_SET_SAMPLE_INTERVAL && action.interval_ns == SECOND / 50);
    EXPECT(OK, gpoeo_optimizer_handle_fault(optimizer, GPOEO_FAULT_TRANSIENT, 2));
    EXPECT(WRONG_SIZE, gpoeo_optimizer_poll_event(optimizer, &event, sizeof event + error));
    EXPECT(OK, gpoeo_optimizer_poll_event(optimizer, &event, sizeof event));
    CHECK(event.kind == GPOEO_EVENT_KIND_ACTION_FAILED && event.fault == GPOEO_FAULT_TRANSIENT);
    CHECK(isnan(event.saving) && isnan(event.measured.time_s));
    EXPECT(WRONG_SIZE, gpoeo_optimizer_report(optimizer, &report, sizeof report + error));
    EXPECT(WRONG_SIZE, gpoeo_optimizer_trial(optimizer, 0, &trial, sizeof trial + error));
    EXPECT(WRONG_SIZE, gpoeo_optimizer_costs(optimizer, NULL, 0, sizeof(gpoeo_setting_cost) + error, &taken));
    gpoeo_optimizer_free(optimizer);
}

static void of_arguments(size_t error)
{
    const uint32_t sm_mhz[] = {1410};
    const gpoeo_memory_clock memory = {1593, sm_mhz, 1};
    gpoeo_config config;
    gpoeo_capabilities capabilities;
    gpoeo_optimizer *optimizer = NULL;
    EXPECT(WRONG_SIZE, gpoeo_config_init(&config, sizeof config + error));
    EXPECT(WRONG_SIZE, gpoeo_capabilities_init(&capabilities, sizeof capabilities + error));
    EXPECT(OK, gpoeo_config_init(&config, sizeof config));
    EXPECT(OK, gpoeo_capabilities_init(&capabilities, sizeof capabilities));
    capabilities.memory = &memory;
    capabilities.memory_count = 1;
    EXPECT(WRONG_SIZE, gpoeo_optimizer_new(&config, sizeof config + error, &capabilities,
                                           sizeof capabilities, &optimizer, NULL, 0));
    EXPECT(WRONG_SIZE, gpoeo_optimizer_new(&config, sizeof config, &capabilities,
                                           sizeof capabilities + error, &optimizer, NULL, 0));
    CHECK(optimizer == NULL);
}

static void of_the_simulated_gpu(size_t error)
{
    gpoeo_capabilities capabilities;
    gpoeo_sample sample;
    gpoeo_counters counters;
    gpoeo_sim_account account;
    gpoeo_sim *sim = NULL;
    size_t count = 7;
    EXPECT(OK, gpoeo_sim_new("kmeans_aperiodic", 0, SECOND, &sim, NULL, 0));
    EXPECT(WRONG_SIZE, gpoeo_sim_capabilities(sim, &capabilities, sizeof capabilities + error));
    EXPECT(WRONG_SIZE, gpoeo_sim_read_samples(sim, &sample, 1, sizeof sample + error, &count));
    CHECK(count == 0);
    EXPECT(OK, gpoeo_sim_open_counters(sim, 0));
    EXPECT(WRONG_SIZE, gpoeo_sim_close_counters(sim, &counters, sizeof counters + error));
    EXPECT(OK, gpoeo_sim_close_counters(sim, &counters, sizeof counters));
    EXPECT(WRONG_SIZE, gpoeo_sim_get_account(sim, &account, sizeof account + error));
    gpoeo_sim_free(sim);
}

int main(void)
{
    /* Too large, too small; and nonsense. */
    const size_t errors[] = {1, 8, (size_t)-1, (size_t)-8, (size_t)1 << 40};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        of_the_optimizer(errors[i]);
        of_arguments(errors[i]);
        of_the_simulated_gpu(errors[i]);
    }
    return 0;
}
