/* NULL where a value is needed is a status; NULL where none is needed is fine. */
#include "check.h"

static void without_a_handle(void)
{
    gpoeo_sample sample = {0};
    gpoeo_counters counters = {0};
    gpoeo_action action;
    gpoeo_event event;
    gpoeo_report report;
    gpoeo_trial trial;
    gpoeo_setting_cost cost;
    gpoeo_phase phase;
    uint64_t time_ns;
    size_t taken = 7;
    char text[8] = "before";
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_sample(NULL, &sample, sizeof sample));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_samples(NULL, &sample, 1, sizeof sample, &taken));
    CHECK(taken == 0);
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_counters(NULL, &counters, sizeof counters));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_applied(NULL, 0, 0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_failed(NULL, 0, GPOEO_FAULT_TRANSIENT, 0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_fault(NULL, GPOEO_FAULT_TRANSIENT, 0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_timeout(NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_stop(NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_poll_action(NULL, &action, sizeof action));
    EXPECT(NULL_POINTER, gpoeo_optimizer_poll_event(NULL, &event, sizeof event));
    EXPECT(NULL_POINTER, gpoeo_optimizer_poll_timeout(NULL, &time_ns));
    EXPECT(NULL_POINTER, gpoeo_optimizer_phase(NULL, &phase));
    EXPECT(NULL_POINTER, gpoeo_optimizer_report(NULL, &report, sizeof report));
    EXPECT(NULL_POINTER, gpoeo_optimizer_trial(NULL, 0, &trial, sizeof trial));
    EXPECT(NULL_POINTER, gpoeo_optimizer_load_models(NULL, "models", NULL, 0.0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_mark(NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_set_objective(NULL, GPOEO_OBJECTIVE_EDP, 0.0, 0));
    taken = 7;
    EXPECT(NULL_POINTER, gpoeo_optimizer_costs(NULL, &cost, 1, sizeof cost, &taken));
    CHECK(taken == 0);
    CHECK(gpoeo_optimizer_is_stopped(NULL) && !gpoeo_optimizer_may_hold_clocks(NULL));
    CHECK(gpoeo_optimizer_last_error(NULL, text, sizeof text) == 0 && text[0] == '\0');
    gpoeo_optimizer_free(NULL);
}

static void without_a_place(void)
{
    size_t count = 7;
    gpoeo_optimizer *optimizer = new_optimizer();
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_sample(optimizer, NULL, sizeof(gpoeo_sample)));
    expect_error(optimizer, "gpoeo_sample is NULL");
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_samples(optimizer, NULL, 1, sizeof(gpoeo_sample), NULL));
    EXPECT(OK, gpoeo_optimizer_handle_samples(optimizer, NULL, 0, sizeof(gpoeo_sample), NULL));
    EXPECT(NULL_POINTER, gpoeo_optimizer_handle_counters(optimizer, NULL, sizeof(gpoeo_counters)));
    EXPECT(NULL_POINTER, gpoeo_optimizer_poll_action(optimizer, NULL, sizeof(gpoeo_action)));
    EXPECT(NULL_POINTER, gpoeo_optimizer_poll_event(optimizer, NULL, sizeof(gpoeo_event)));
    EXPECT(NULL_POINTER, gpoeo_optimizer_poll_timeout(optimizer, NULL));
    EXPECT(NULL_POINTER, gpoeo_optimizer_phase(optimizer, NULL));
    EXPECT(NULL_POINTER, gpoeo_optimizer_report(optimizer, NULL, sizeof(gpoeo_report)));
    EXPECT(NULL_POINTER, gpoeo_optimizer_trial(optimizer, 0, NULL, sizeof(gpoeo_trial)));
    EXPECT(NULL_POINTER, gpoeo_optimizer_costs(optimizer, NULL, 1, sizeof(gpoeo_setting_cost), &count));
    EXPECT(NULL_POINTER, gpoeo_optimizer_costs(optimizer, NULL, 0, sizeof(gpoeo_setting_cost), NULL));
    EXPECT(OK, gpoeo_optimizer_costs(optimizer, NULL, 0, sizeof(gpoeo_setting_cost), &count));
    CHECK(count == 0);
    CHECK(gpoeo_optimizer_last_error(optimizer, NULL, 0) > 0);
    CHECK(gpoeo_optimizer_last_error(optimizer, NULL, 100) > 0);
    CHECK(!gpoeo_optimizer_is_stopped(optimizer));
    gpoeo_optimizer_free(optimizer);
}

static void without_arguments(void)
{
    const uint32_t sm_mhz[] = {1410};
    gpoeo_memory_clock memory = {1593, sm_mhz, 1};
    gpoeo_config config;
    gpoeo_capabilities capabilities;
    gpoeo_optimizer *optimizer = NULL;
    char error[64];
    EXPECT(NULL_POINTER, gpoeo_config_init(NULL, sizeof config));
    EXPECT(NULL_POINTER, gpoeo_capabilities_init(NULL, sizeof capabilities));
    EXPECT(OK, gpoeo_config_init(&config, sizeof config));
    EXPECT(OK, gpoeo_capabilities_init(&capabilities, sizeof capabilities));
    capabilities.memory = &memory;
    capabilities.memory_count = 1;
    EXPECT(NULL_POINTER, gpoeo_optimizer_new(NULL, sizeof config, &capabilities, sizeof capabilities,
                                             &optimizer, error, sizeof error));
    CHECK(strcmp(error, "gpoeo_config is NULL") == 0 && optimizer == NULL);
    EXPECT(NULL_POINTER, gpoeo_optimizer_new(&config, sizeof config, NULL, sizeof capabilities, &optimizer,
                                             error, sizeof error));
    EXPECT(NULL_POINTER, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                             NULL, error, sizeof error));
    memory.sm_mhz = NULL;
    EXPECT(NULL_POINTER, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                             &optimizer, error, sizeof error));
    capabilities.memory = NULL;
    EXPECT(NULL_POINTER, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                             &optimizer, NULL, 0));
}

static void without_a_simulated_gpu(void)
{
    const gpoeo_clocks clocks = {1410, 1593};
    gpoeo_capabilities capabilities;
    gpoeo_sample sample;
    gpoeo_counters counters;
    gpoeo_sim_account account;
    gpoeo_sim *sim = NULL;
    uint64_t time_ns;
    size_t count = 7;
    char text[8] = "before";
    EXPECT(NULL_POINTER, gpoeo_sim_new(NULL, 0, SECOND, NULL, NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_sim_capabilities(NULL, &capabilities, sizeof capabilities));
    EXPECT(NULL_POINTER, gpoeo_sim_now(NULL, &time_ns));
    EXPECT(NULL_POINTER, gpoeo_sim_sleep_until(NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_sim_read_samples(NULL, &sample, 1, sizeof sample, &count));
    CHECK(count == 0);
    EXPECT(NULL_POINTER, gpoeo_sim_set_clocks(NULL, clocks));
    EXPECT(NULL_POINTER, gpoeo_sim_restore_clocks(NULL));
    EXPECT(NULL_POINTER, gpoeo_sim_open_counters(NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_sim_close_counters(NULL, &counters, sizeof counters));
    EXPECT(NULL_POINTER, gpoeo_sim_set_sample_interval(NULL, 1));
    EXPECT(NULL_POINTER, gpoeo_sim_get_account(NULL, &account, sizeof account));
    CHECK(gpoeo_sim_is_over(NULL));
    CHECK(gpoeo_sim_last_error(NULL, text, sizeof text) == 0 && text[0] == '\0');
    gpoeo_sim_free(NULL);
    EXPECT(OK, gpoeo_sim_new(NULL, 0, SECOND, &sim, NULL, 0));
    EXPECT(NULL_POINTER, gpoeo_sim_capabilities(sim, NULL, sizeof capabilities));
    EXPECT(NULL_POINTER, gpoeo_sim_now(sim, NULL));
    EXPECT(NULL_POINTER, gpoeo_sim_read_samples(sim, NULL, 1, sizeof sample, &count));
    EXPECT(NULL_POINTER, gpoeo_sim_read_samples(sim, &sample, 1, sizeof sample, NULL));
    EXPECT(OK, gpoeo_sim_read_samples(sim, NULL, 0, sizeof sample, &count));
    EXPECT(NULL_POINTER, gpoeo_sim_close_counters(sim, NULL, sizeof counters));
    EXPECT(NULL_POINTER, gpoeo_sim_get_account(sim, NULL, sizeof account));
    gpoeo_sim_free(sim);
}

int main(void)
{
    without_a_handle();
    without_a_place();
    without_arguments();
    without_a_simulated_gpu();
    return 0;
}
