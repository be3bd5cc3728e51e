/* A handle that has panicked answers with one status ever after, and can be freed. */
#include "check.h"

/* Only in the library that the tests build. */
gpoeo_status gpoeo_test_panic(gpoeo_optimizer *optimizer);

int main(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_optimizer *other = new_optimizer();
    const gpoeo_sample sample = {.time_ns = 1, .power_w = 300.0};
    const gpoeo_counters counters = {0};
    gpoeo_action action;
    gpoeo_event event;
    gpoeo_report report;
    gpoeo_trial trial;
    gpoeo_phase phase;
    uint64_t time_ns;
    size_t taken;
    EXPECT(PANICKED, gpoeo_test_panic(optimizer));
    expect_error(optimizer, "bug in the library, please report: asked for by a test");
    EXPECT(PANICKED, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    EXPECT(PANICKED, gpoeo_optimizer_handle_samples(optimizer, &sample, 1, sizeof sample, &taken));
    EXPECT(PANICKED, gpoeo_optimizer_handle_counters(optimizer, &counters, sizeof counters));
    EXPECT(PANICKED, gpoeo_optimizer_handle_applied(optimizer, 0, 0));
    EXPECT(PANICKED, gpoeo_optimizer_handle_failed(optimizer, 0, GPOEO_FAULT_TRANSIENT, 0));
    EXPECT(PANICKED, gpoeo_optimizer_handle_fault(optimizer, GPOEO_FAULT_TRANSIENT, 0));
    EXPECT(PANICKED, gpoeo_optimizer_handle_timeout(optimizer, 0));
    EXPECT(PANICKED, gpoeo_optimizer_stop(optimizer, 0));
    EXPECT(PANICKED, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action));
    EXPECT(PANICKED, gpoeo_optimizer_poll_event(optimizer, &event, sizeof event));
    EXPECT(PANICKED, gpoeo_optimizer_poll_timeout(optimizer, &time_ns));
    EXPECT(PANICKED, gpoeo_optimizer_phase(optimizer, &phase));
    EXPECT(PANICKED, gpoeo_optimizer_report(optimizer, &report, sizeof report));
    EXPECT(PANICKED, gpoeo_optimizer_trial(optimizer, 0, &trial, sizeof trial));
    EXPECT(PANICKED, gpoeo_optimizer_handle_mark(optimizer, 0));
    EXPECT(PANICKED, gpoeo_optimizer_set_objective(optimizer, GPOEO_OBJECTIVE_EDP, 0.0, 0));
    EXPECT(PANICKED, gpoeo_optimizer_costs(optimizer, NULL, 0, sizeof(gpoeo_setting_cost), &taken));
    CHECK(gpoeo_optimizer_is_stopped(optimizer) && gpoeo_optimizer_may_hold_clocks(optimizer));
    expect_error(optimizer, "bug in the library");
    gpoeo_optimizer_free(optimizer);
    /* It is about this handle only. */
    EXPECT(OK, gpoeo_optimizer_handle_sample(other, &sample, sizeof sample));
    gpoeo_optimizer_free(other);
    return 0;
}
