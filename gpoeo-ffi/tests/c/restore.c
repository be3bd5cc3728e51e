/* Stopped in the middle of a trial, with clock commands that fail now and then: the last that was accepted puts the clocks
 * back. */
#include "check.h"

static void stop_after(unsigned clock_commands, unsigned fail_every)
{
    bench bench = new_bench("vit_large", 9, 300 * SECOND);
    bench.fail_every = fail_every;
    while (bench.clock_commands < clock_commands && !gpoeo_sim_is_over(bench.sim))
        turn(&bench);
    CHECK(!gpoeo_sim_is_over(bench.sim) && gpoeo_optimizer_may_hold_clocks(bench.optimizer));
    EXPECT(OK, gpoeo_optimizer_stop(bench.optimizer, now_of(&bench)));
    drain(&bench);
    while (!gpoeo_optimizer_is_stopped(bench.optimizer))
        turn(&bench);
    CHECK(!gpoeo_optimizer_may_hold_clocks(bench.optimizer));
    CHECK(bench.accepted == GPOEO_COMMAND_RESTORE_CLOCKS);
    CHECK(bench.stop_reason == GPOEO_STOP_REASON_REQUESTED);
    free_bench(&bench);
}

int main(void)
{
    stop_after(1, 0);
    stop_after(2, 0);
    stop_after(3, 2);
    return 0;
}
