/* A whole run in virtual time: the machine finds a better setting, and its account is that of the simulator. */
#include "check.h"

int main(void)
{
    bench bench = new_bench("vit_large", 5, 200 * SECOND);
    gpoeo_report report;
    gpoeo_sim_account truth;
    unsigned held = 0;
    while (!gpoeo_sim_is_over(bench.sim) && !gpoeo_optimizer_is_stopped(bench.optimizer))
        turn(&bench);
    EXPECT(OK, gpoeo_sim_get_account(bench.sim, &truth, sizeof truth));
    EXPECT(OK, gpoeo_optimizer_report(bench.optimizer, &report, sizeof report));
    printf("saving %.3f +- %.3f (true: %.3f), slowdown %.3f +- %.3f (true: %.3f), %" PRIu64 " trials\n",
           report.saving, report.saving_stderr, truth.saving, report.slowdown, report.slowdown_stderr,
           truth.slowdown, report.settings_tried);
    CHECK(bench.settled > 0 && report.phase == GPOEO_PHASE_HOLD && report.outcome == GPOEO_OUTCOME_PERIODIC);
    CHECK(truth.saving > 0.02 && truth.slowdown < 0.06);
    CHECK(fabs(report.saving - truth.saving) < 0.03 && fabs(report.slowdown - truth.slowdown) < 0.02);
    CHECK(report.progress == GPOEO_PROGRESS_PERIOD && report.baseline.iterations > 0);
    CHECK(report.stop_reason == GPOEO_STOP_REASON_OTHER && report.events_dropped == 0);
    CHECK(report.trial_count > 0);
    for (size_t i = 0; i < report.trial_count; i++) {
        gpoeo_trial trial;
        EXPECT(OK, gpoeo_optimizer_trial(bench.optimizer, i, &trial, sizeof trial));
        CHECK(trial.clocks.sm_mhz > 0 && trial.spent_s > 0.0 && trial.measured.time_s > 0.0);
        CHECK(trial.verdict != GPOEO_VERDICT_OTHER && trial.verdict != GPOEO_VERDICT_FAILED);
        held += trial.verdict == GPOEO_VERDICT_HELD;
    }
    CHECK(held > 0);
    gpoeo_trial none;
    EXPECT(OUT_OF_RANGE,
           gpoeo_optimizer_trial(bench.optimizer, (size_t)report.trial_count, &none, sizeof none));
    gpoeo_setting_cost costs[128];
    size_t count = 0, measured = 0;
    EXPECT(OK, gpoeo_optimizer_costs(bench.optimizer, costs, 128, sizeof costs[0], &count));
    CHECK(count > 10 && count <= 128);
    for (size_t i = 0; i < count; i++) {
        CHECK(i == 0 || costs[i].clocks.sm_mhz > costs[i - 1].clocks.sm_mhz);
        CHECK(isfinite(costs[i].saving) && isfinite(costs[i].slowdown_stderr));
        measured += costs[i].is_measured;
    }
    CHECK(measured > 0 && measured < count);
    free_bench(&bench);
    return 0;
}
