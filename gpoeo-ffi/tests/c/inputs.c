/* Inputs that are refused: each has its status, and the machine goes on as if it had not seen them. */
#include "check.h"

static void feed(gpoeo_optimizer *optimizer, uint64_t time_ns)
{
    const gpoeo_sample sample = {.time_ns = time_ns, .power_w = 300.0};
    EXPECT(OK, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
}

static void samples(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_sample sample = {.time_ns = 2 * SECOND, .power_w = 300.0};
    feed(optimizer, 2 * SECOND);
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    expect_error(optimizer, "time went back from 2.000 s to 2.000 s");
    sample.time_ns = SECOND;
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    sample.time_ns = 3 * SECOND;
    sample.power_w = NAN;
    EXPECT(BAD_SAMPLE, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    expect_error(optimizer, "power_w");
    sample.power_w = -1e300;
    EXPECT(BAD_SAMPLE, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    sample.power_w = 300.0;
    sample.energy_j = INFINITY;
    sample.known = GPOEO_SAMPLE_ENERGY;
    EXPECT(BAD_SAMPLE, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    expect_error(optimizer, "energy_j");
    sample.known = UINT32_C(1) << 31;
    EXPECT(INVALID_VALUE, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    /* Without its flag the infinite energy is not looked at. */
    sample.known = 0;
    EXPECT(OK, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    gpoeo_optimizer_free(optimizer);
}

static void arrays(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_sample array[4] = {{.time_ns = 1, .power_w = 1.0},
                             {.time_ns = 2, .power_w = 1.0},
                             {.time_ns = 2, .power_w = 1.0},
                             {.time_ns = 3, .power_w = 1.0}};
    size_t taken = 0;
    EXPECT(TIME_WENT_BACK,
           gpoeo_optimizer_handle_samples(optimizer, array, 4, sizeof array[0], &taken));
    CHECK(taken == 2);
    EXPECT(OK, gpoeo_optimizer_handle_samples(optimizer, array + 3, 1, sizeof array[0], &taken));
    CHECK(taken == 1);
    EXPECT(INVALID_VALUE, gpoeo_optimizer_handle_samples(optimizer, array, SIZE_MAX / 2,
                                                         sizeof array[0], &taken));
    CHECK(taken == 0);
    gpoeo_optimizer_free(optimizer);
}

static void answers(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_action action;
    EXPECT(NONE, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action));
    feed(optimizer, SECOND);
    EXPECT(OK, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action));
    EXPECT(NONE, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action));
    EXPECT(UNKNOWN_ACTION, gpoeo_optimizer_handle_applied(optimizer, action.id + 1, SECOND));
    expect_error(optimizer, "is not open");
    EXPECT(INVALID_VALUE, gpoeo_optimizer_handle_failed(optimizer, action.id, 0, SECOND));
    EXPECT(INVALID_VALUE, gpoeo_optimizer_handle_failed(optimizer, action.id, 99, SECOND));
    expect_error(optimizer, "fault is 99");
    EXPECT(OK, gpoeo_optimizer_handle_applied(optimizer, action.id, SECOND));
    EXPECT(UNKNOWN_ACTION, gpoeo_optimizer_handle_applied(optimizer, action.id, SECOND));
    EXPECT(UNKNOWN_ACTION,
           gpoeo_optimizer_handle_failed(optimizer, action.id, GPOEO_FAULT_TRANSIENT, SECOND));
    gpoeo_optimizer_free(optimizer);
}

static void times(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_counters counters = {.start_ns = 0, .end_ns = 2 * SECOND, .instructions = 1e9};
    uint64_t deadline_ns = 0;
    EXPECT(OK, gpoeo_optimizer_handle_timeout(optimizer, 2 * SECOND));
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_handle_timeout(optimizer, SECOND));
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_handle_fault(optimizer, GPOEO_FAULT_TRANSIENT, SECOND));
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_stop(optimizer, SECOND));
    EXPECT(INVALID_VALUE, gpoeo_optimizer_handle_fault(optimizer, 77, 2 * SECOND));
    EXPECT(INVALID_VALUE, gpoeo_optimizer_set_objective(optimizer, 77, 0.05, 2 * SECOND));
    EXPECT(BAD_CONFIG, gpoeo_optimizer_set_objective(optimizer, GPOEO_OBJECTIVE_MIN_TIME, NAN, 2 * SECOND));
    expect_error(optimizer, "min_saving");
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_set_objective(optimizer, GPOEO_OBJECTIVE_EDP, NAN, SECOND));
    EXPECT(OK, gpoeo_optimizer_set_objective(optimizer, GPOEO_OBJECTIVE_EDP, NAN, 2 * SECOND));
    EXPECT(OK, gpoeo_optimizer_handle_counters(optimizer, &counters, sizeof counters));
    counters.end_ns = SECOND;
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_handle_counters(optimizer, &counters, sizeof counters));
    counters.end_ns = 3 * SECOND;
    counters.known = 2;
    EXPECT(INVALID_VALUE, gpoeo_optimizer_handle_counters(optimizer, &counters, sizeof counters));
    EXPECT(OK, gpoeo_optimizer_handle_mark(optimizer, SECOND));
    EXPECT(TIME_WENT_BACK, gpoeo_optimizer_handle_mark(optimizer, SECOND / 2));
    /* Samples may be older than the time spoken: they come late. */
    feed(optimizer, SECOND);
    EXPECT(OK, gpoeo_optimizer_poll_timeout(optimizer, &deadline_ns));
    CHECK(deadline_ns > 2 * SECOND);
    gpoeo_optimizer_free(optimizer);
}

static void after_the_stop(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    gpoeo_phase phase;
    gpoeo_event event;
    gpoeo_action action;
    uint64_t deadline_ns = 7;
    EXPECT(OK, gpoeo_optimizer_phase(optimizer, &phase));
    CHECK(phase == GPOEO_PHASE_DETECT && !gpoeo_optimizer_is_stopped(optimizer));
    EXPECT(OK, gpoeo_optimizer_stop(optimizer, SECOND));
    CHECK(gpoeo_optimizer_is_stopped(optimizer));
    EXPECT(NONE, gpoeo_optimizer_poll_timeout(optimizer, &deadline_ns));
    EXPECT(OK, gpoeo_optimizer_phase(optimizer, &phase));
    CHECK(phase == GPOEO_PHASE_STOPPED);
    EXPECT(NONE, gpoeo_optimizer_poll_action(optimizer, &action, sizeof action));
    while (gpoeo_optimizer_poll_event(optimizer, &event, sizeof event) == GPOEO_STATUS_OK)
        if (event.kind == GPOEO_EVENT_KIND_STOPPED)
            CHECK(event.stop_reason == GPOEO_STOP_REASON_REQUESTED);
    EXPECT(OK, gpoeo_optimizer_handle_timeout(optimizer, 0));
    feed(optimizer, 0);
    gpoeo_optimizer_free(optimizer);
}

int main(void)
{
    samples();
    arrays();
    answers();
    times();
    after_the_stop();
    return 0;
}
