/* A handle may move between threads. Shared in spite of the rules it says so, and nothing worse. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

static void *feed_ten_seconds(void *argument)
{
    gpoeo_optimizer *optimizer = argument;
    uint64_t deadline_ns = 0;
    EXPECT(OK, gpoeo_optimizer_poll_timeout(optimizer, &deadline_ns));
    for (uint64_t i = 1; i <= 500; i++) {
        const gpoeo_sample sample = {.time_ns = deadline_ns + i * SECOND / 50, .power_w = 300.0};
        EXPECT(OK, gpoeo_optimizer_handle_sample(optimizer, &sample, sizeof sample));
    }
    return NULL;
}

static void *hammer(void *argument)
{
    gpoeo_optimizer *optimizer = argument;
    for (int i = 0; i < 20000; i++) {
        gpoeo_event event;
        gpoeo_status status = gpoeo_optimizer_poll_event(optimizer, &event, sizeof event);
        CHECK(status == GPOEO_STATUS_OK || status == GPOEO_STATUS_NONE || status == GPOEO_STATUS_BUSY);
        CHECK(!gpoeo_optimizer_is_stopped(optimizer));
    }
    return NULL;
}

int main(void)
{
    gpoeo_optimizer *optimizer = new_optimizer();
    pthread_t threads[4];
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[0], NULL, feed_ten_seconds, optimizer) == 0);
        CHECK(pthread_join(threads[0], NULL) == 0);
    }
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, hammer, optimizer) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    gpoeo_optimizer_free(optimizer);
    return 0;
}
