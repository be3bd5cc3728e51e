/* What a machine is made of: defaults, values out of range, lists that are no GPU, the buffer for messages. */
#include "check.h"

static const uint32_t sm_mhz[] = {1410, 1200};
static const gpoeo_memory_clock memory = {1593, sm_mhz, 2};

static void refuse(gpoeo_config config, gpoeo_capabilities capabilities, gpoeo_status status, const char *part)
{
    char error[256] = "";
    gpoeo_optimizer *optimizer = (gpoeo_optimizer *)&error;
    gpoeo_status seen = gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                            &optimizer, error, sizeof error);
    if (seen != status || strstr(error, part) == NULL || optimizer != NULL) {
        fprintf(stderr, "status %u, not %u; not about %s: %s\n", (unsigned)seen, (unsigned)status, part, error);
        exit(1);
    }
}

static void values(gpoeo_config config, gpoeo_capabilities capabilities)
{
    gpoeo_config bad = config;
    bad.objective = 0;
    refuse(bad, capabilities, GPOEO_STATUS_INVALID_VALUE, "objective is 0");
    bad.objective = GPOEO_OBJECTIVE_MIN_TIME;
    refuse(bad, capabilities, GPOEO_STATUS_BAD_CONFIG, "min_saving is NaN");
    bad = config;
    bad.hold = 3;
    refuse(bad, capabilities, GPOEO_STATUS_INVALID_VALUE, "hold is 3");
    bad = config;
    bad.max_slowdown = -0.01;
    refuse(bad, capabilities, GPOEO_STATUS_BAD_CONFIG, "max_slowdown is -0.01");
    bad = config;
    bad.read_interval_ns = bad.sample_interval_ns / 2;
    refuse(bad, capabilities, GPOEO_STATUS_BAD_CONFIG, "sample_interval");
    bad = config;
    bad.action_timeout_ns = 0;
    refuse(bad, capabilities, GPOEO_STATUS_BAD_CONFIG, "action_timeout");
}

static void clocks(gpoeo_config config, gpoeo_capabilities capabilities)
{
    static uint32_t many[5000];
    const uint32_t zero[] = {0};
    gpoeo_memory_clock list = {1593, sm_mhz, 0};
    gpoeo_capabilities bad = capabilities;
    bad.memory_count = 0;
    refuse(config, bad, GPOEO_STATUS_BAD_CLOCKS, "no memory clock");
    bad.memory = &list;
    bad.memory_count = 1;
    refuse(config, bad, GPOEO_STATUS_BAD_CLOCKS, "no SM clock");
    list.sm_mhz = zero;
    list.sm_count = 1;
    refuse(config, bad, GPOEO_STATUS_BAD_CLOCKS, "0 MHz");
    for (uint32_t i = 0; i < 5000; i++)
        many[i] = i + 1;
    list.sm_mhz = many;
    list.sm_count = 5000;
    refuse(config, bad, GPOEO_STATUS_BAD_CLOCKS, "5000 clocks");
    list.sm_count = SIZE_MAX;
    refuse(config, bad, GPOEO_STATUS_INVALID_VALUE, "no GPU has that many");
    bad = capabilities;
    bad.counter_passes = 256;
    refuse(config, bad, GPOEO_STATUS_INVALID_VALUE, "counter_passes is 256");
}

static void messages(gpoeo_config config, gpoeo_capabilities capabilities)
{
    char error[8];
    gpoeo_optimizer *optimizer = NULL;
    memset(error, 'x', sizeof error);
    config.hold = 0;
    EXPECT(INVALID_VALUE, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                              &optimizer, error, 5));
    CHECK(memcmp(error, "hold\0xxx", sizeof error) == 0);
    EXPECT(INVALID_VALUE, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities,
                                              &optimizer, error, 0));
    CHECK(error[0] == 'h');
    config.hold = GPOEO_HOLD_ONE;
    capabilities.read_only = 77;
    EXPECT(OK, gpoeo_optimizer_new(&config, sizeof config, &capabilities, sizeof capabilities, &optimizer,
                                   error, sizeof error));
    CHECK(error[0] == '\0');
    CHECK(gpoeo_optimizer_last_error(optimizer, error, sizeof error) == 0);
    CHECK(gpoeo_optimizer_handle_fault(optimizer, 0, 0) == GPOEO_STATUS_INVALID_VALUE);
    CHECK(gpoeo_optimizer_last_error(optimizer, error, sizeof error) > sizeof error);
    CHECK(strcmp(error, "fault i") == 0);
    EXPECT(BAD_MODELS, gpoeo_optimizer_load_models(optimizer, "/no/such/folder", "some GPU", 300.0));
    EXPECT(NULL_POINTER, gpoeo_optimizer_load_models(optimizer, NULL, NULL, 0.0));
    gpoeo_optimizer_free(optimizer);
}

int main(void)
{
    gpoeo_config config;
    gpoeo_capabilities capabilities;
    memset(&config, 0xff, sizeof config);
    memset(&capabilities, 0xff, sizeof capabilities);
    EXPECT(OK, gpoeo_config_init(&config, sizeof config));
    EXPECT(OK, gpoeo_capabilities_init(&capabilities, sizeof capabilities));
    CHECK(config.objective == GPOEO_OBJECTIVE_MIN_ENERGY && config.hold == GPOEO_HOLD_TWO);
    CHECK(config.max_slowdown == 0.05 && isnan(config.min_saving));
    CHECK(config.sample_interval_ns == SECOND / 50 && config.read_interval_ns == SECOND / 4);
    CHECK(capabilities.memory == NULL && capabilities.memory_count == 0 && capabilities.read_only == 0);
    CHECK(capabilities.sensor_lag_ns == SECOND / 50 && capabilities.counter_passes == 0);
    capabilities.memory = &memory;
    capabilities.memory_count = 1;
    values(config, capabilities);
    clocks(config, capabilities);
    messages(config, capabilities);
    CHECK(gpoeo_version() == GPOEO_VERSION && strlen(gpoeo_version_text()) >= 5);
    CHECK(strcmp(gpoeo_status_text(GPOEO_STATUS_OK), "ok") == 0);
    CHECK(strcmp(gpoeo_status_text(12345), "unknown status") == 0);
    return 0;
}
