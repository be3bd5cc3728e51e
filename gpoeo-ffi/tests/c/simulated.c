/* The simulated GPU by itself: its time, its samples, its clocks, what it refuses. */
#include "check.h"

static void names(void)
{
    char name[64], error[1024];
    gpoeo_sim *sim = (gpoeo_sim *)&name;
    size_t count = 0;
    while (gpoeo_sim_workload(count, name, sizeof name) > 0) {
        CHECK(strlen(name) > 0);
        if (count++ % 8 == 0) {
            EXPECT(OK, gpoeo_sim_new(name, 1, SECOND, &sim, error, sizeof error));
            gpoeo_sim_free(sim);
        }
    }
    CHECK(count >= 12 && name[0] == '\0');
    EXPECT(UNKNOWN_WORKLOAD, gpoeo_sim_new("no such", 1, SECOND, &sim, error, sizeof error));
    CHECK(sim == NULL && strstr(error, "no workload no such") != NULL && strstr(error, "vit_large") != NULL);
    EXPECT(UNKNOWN_WORKLOAD, gpoeo_sim_new("\xff\xfe", 1, SECOND, &sim, error, sizeof error));
}

static void samples(void)
{
    gpoeo_sim *sim = NULL;
    gpoeo_sample some[7];
    size_t count, all = 0;
    uint64_t now_ns = 1, last_ns = 0;
    EXPECT(OK, gpoeo_sim_new(NULL, 3, 60 * SECOND, &sim, NULL, 0));
    EXPECT(OK, gpoeo_sim_now(sim, &now_ns));
    CHECK(now_ns == 0);
    EXPECT(OK, gpoeo_sim_read_samples(sim, some, 7, sizeof some[0], &count));
    CHECK(count == 0);
    EXPECT(OK, gpoeo_sim_sleep_until(sim, 2 * SECOND));
    EXPECT(OK, gpoeo_sim_sleep_until(sim, SECOND));
    EXPECT(OK, gpoeo_sim_now(sim, &now_ns));
    CHECK(now_ns == 2 * SECOND);
    do {
        EXPECT(OK, gpoeo_sim_read_samples(sim, some, 7, sizeof some[0], &count));
        for (size_t i = 0; i < count; i++) {
            CHECK(some[i].time_ns > last_ns && some[i].time_ns <= now_ns && some[i].power_w > 0.0);
            CHECK((some[i].known & GPOEO_SAMPLE_SM_CLOCK) == 0 || some[i].sm_mhz > 0);
            CHECK(((some[i].known & GPOEO_SAMPLE_ENERGY) != 0) == isfinite(some[i].energy_j));
            last_ns = some[i].time_ns;
        }
        all += count;
    } while (count == 7);
    CHECK(all > 80 && all <= 100);
    gpoeo_sim_free(sim);
}

static void clocks(void)
{
    gpoeo_sim *sim = NULL;
    gpoeo_capabilities capabilities;
    gpoeo_sim_account account;
    gpoeo_clocks lowest;
    char error[256];
    EXPECT(OK, gpoeo_sim_new("wgan", 3, 60 * SECOND, &sim, NULL, 0));
    EXPECT(OK, gpoeo_sim_capabilities(sim, &capabilities, sizeof capabilities));
    CHECK(capabilities.memory_count >= 1 && capabilities.memory[0].sm_count > 10);
    CHECK(capabilities.counter_passes == 0 && capabilities.read_only == 0);
    lowest.mem_mhz = capabilities.memory[0].mem_mhz;
    lowest.sm_mhz = capabilities.memory[0].sm_mhz[0];
    EXPECT(OK, gpoeo_sim_set_clocks(sim, lowest));
    EXPECT(OK, gpoeo_sim_sleep_until(sim, 50 * SECOND));
    EXPECT(OK, gpoeo_sim_get_account(sim, &account, sizeof account));
    CHECK(account.clocks.sm_mhz == lowest.sm_mhz && account.clocks.mem_mhz == lowest.mem_mhz);
    CHECK(account.slowdown > 0.1 && account.energy_j > 0.0);
    lowest.sm_mhz += 1;
    EXPECT(NOT_SUPPORTED, gpoeo_sim_set_clocks(sim, lowest));
    CHECK(gpoeo_sim_last_error(sim, error, sizeof error) > 0 && strstr(error, "no SM clock") != NULL);
    EXPECT(OK, gpoeo_sim_restore_clocks(sim));
    EXPECT(OK, gpoeo_sim_sleep_until(sim, 51 * SECOND));
    EXPECT(OK, gpoeo_sim_get_account(sim, &account, sizeof account));
    CHECK(account.clocks.sm_mhz == capabilities.memory[0].sm_mhz[capabilities.memory[0].sm_count - 1]);
    CHECK(!gpoeo_sim_is_over(sim));
    EXPECT(OK, gpoeo_sim_sleep_until(sim, UINT64_MAX));
    CHECK(gpoeo_sim_is_over(sim));
    EXPECT(NOT_SUPPORTED, gpoeo_sim_open_counters(sim, 0));
    EXPECT(INVALID_VALUE, gpoeo_sim_open_counters(sim, 1000));
    EXPECT(OK, gpoeo_sim_set_sample_interval(sim, 0));
    EXPECT(OK, gpoeo_sim_set_sample_interval(sim, UINT64_MAX));
    gpoeo_sim_free(sim);
}

static void counters(void)
{
    gpoeo_sim *sim = NULL;
    gpoeo_counters counters;
    EXPECT(OK, gpoeo_sim_new("kmeans_aperiodic", 3, 60 * SECOND, &sim, NULL, 0));
    EXPECT(NOT_SUPPORTED, gpoeo_sim_close_counters(sim, &counters, sizeof counters));
    EXPECT(OK, gpoeo_sim_sleep_until(sim, 20 * SECOND));
    EXPECT(OK, gpoeo_sim_open_counters(sim, 0));
    EXPECT(OK, gpoeo_sim_sleep_until(sim, 22 * SECOND));
    EXPECT(OK, gpoeo_sim_close_counters(sim, &counters, sizeof counters));
    CHECK(counters.start_ns == 20 * SECOND && counters.end_ns == 22 * SECOND);
    CHECK(counters.known == GPOEO_COUNTER_INSTRUCTIONS && counters.instructions > 0.0);
    gpoeo_sim_free(sim);
}

int main(void)
{
    names();
    samples();
    clocks();
    counters();
    return 0;
}
