/* A stand-in for libnvidia-ml.so.1, as little as the tests of the command need: two GPUs that draw 300 W and 100 W in
 * turns of 0.2 s. Set and reset calls are appended to the file named by FAKE_NVML_LOG.
 *
 * FAKE_NVML_INIT=CODE      what nvmlInit_v2 returns
 * FAKE_NVML_GPUS=N         number of GPUs (2)
 * FAKE_NVML_SET=CODE       what every call that sets or resets clocks returns
 * FAKE_NVML_RING=CODE      what the ring of power samples returns instead of samples
 * FAKE_NVML_LOST_AFTER=N   after so many readings of the ring or of power the GPU is lost
 * FAKE_NVML_CLOCKS=N       number of SM clocks (110)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };
enum { RING = 119, STEP_US = 20000 };
typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { u32 index; } gpu_t;
typedef union { double d; u32 u; u64 ull; } value_t;
typedef struct { u64 time_us; value_t value; } sample_t;
typedef struct { u32 id, scope; long long time_us, latency_us; u32 type, status; value_t value; } field_t;
typedef struct { char legacy[16]; u32 domain, bus, device, id, subsystem; char bus_id[32]; } pci_t;

static gpu_t gpus[8];
static u32 readings;

static u32 setting(const char *name, u32 otherwise) {
    const char *text = getenv(name);
    return text ? (u32)strtoul(text, NULL, 10) : otherwise;
}

static u64 now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (u64)t.tv_sec * 1000000 + (u64)t.tv_nsec / 1000;
}

static u32 power_mw(u64 time_us) { return time_us / 200000 % 2 ? 300000 : 100000; }

static u32 lost(void) { return readings >= setting("FAKE_NVML_LOST_AFTER", ~0u); }

static u32 copy(char *out, u32 size, const char *text) {
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return OK;
}

static u32 effect(gpu_t *gpu, const char *what, u32 min, u32 max) {
    u32 code = lost() ? GPU_IS_LOST : setting("FAKE_NVML_SET", OK);
    const char *path = getenv("FAKE_NVML_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    if (log) {
        fprintf(log, "%u %s %u %u -> %u\n", gpu->index, what, min, max, code);
        fclose(log);
    }
    return code;
}

u32 nvmlInit_v2(void) {
    for (u32 i = 0; i < 8; i++) gpus[i].index = i;
    return setting("FAKE_NVML_INIT", OK);
}
u32 nvmlShutdown(void) { return OK; }
u32 nvmlSystemGetDriverVersion(char *out, u32 size) { return copy(out, size, "580.159.03"); }
u32 nvmlSystemGetNVMLVersion(char *out, u32 size) { return copy(out, size, "13.580.159.03"); }
u32 nvmlDeviceGetCount_v2(u32 *count) { return *count = setting("FAKE_NVML_GPUS", 2), OK; }

u32 nvmlDeviceGetHandleByIndex_v2(u32 index, gpu_t **gpu) {
    if (index >= setting("FAKE_NVML_GPUS", 2)) return INVALID_ARGUMENT;
    return *gpu = &gpus[index], OK;
}
u32 nvmlDeviceGetUUID(gpu_t *gpu, char *out, u32 size) {
    char text[64];
    snprintf(text, sizeof text, "GPU-%u0000000-fake-0000-0000-000000000000", gpu->index + 1);
    return copy(out, size, text);
}
u32 nvmlDeviceGetHandleByUUID(const char *uuid, gpu_t **gpu) {
    for (u32 i = 0; i < setting("FAKE_NVML_GPUS", 2); i++) {
        char text[64];
        nvmlDeviceGetUUID(&gpus[i], text, sizeof text);
        if (!strcmp(text, uuid)) return *gpu = &gpus[i], OK;
    }
    return NOT_FOUND;
}
u32 nvmlDeviceGetName(gpu_t *gpu, char *out, u32 size) { return (void)gpu, copy(out, size, "Fake 9000"); }
u32 nvmlDeviceGetPciInfo_v3(gpu_t *gpu, pci_t *pci) {
    memset(pci, 0, sizeof *pci);
    pci->bus = gpu->index + 1;
    snprintf(pci->legacy, sizeof pci->legacy, "0000:%02x:00.0", pci->bus);
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02x:00.0", pci->bus);
    return OK;
}

u32 nvmlDeviceGetSamples(gpu_t *gpu, u32 type, u64 last_us, u32 *value_type, u32 *count, sample_t *out) {
    (void)gpu;
    if (type != 0) return NOT_SUPPORTED;
    if (getenv("FAKE_NVML_RING")) return setting("FAKE_NVML_RING", OK);
    *value_type = 1;
    if (!out) return *count = RING + 1, OK;
    if (readings++, lost()) return GPU_IS_LOST;
    u64 newest = now_us() / STEP_US * STEP_US;
    u32 n = 0;
    for (u64 t = newest - (RING - 1) * STEP_US; t <= newest && n < *count; t += STEP_US)
        if (t > last_us) out[n].time_us = t, out[n].value.u = power_mw(t), n++;
    return *count = n, n ? OK : NOT_FOUND;
}
u32 nvmlDeviceGetFieldValues(gpu_t *gpu, int count, field_t *fields) {
    (void)gpu;
    if (readings++, lost()) return GPU_IS_LOST;
    for (int i = 0; i < count; i++) {
        fields[i].status = fields[i].id == 186 ? OK : NOT_SUPPORTED;
        fields[i].type = 1;
        fields[i].value.u = power_mw(now_us());
    }
    return OK;
}
u32 nvmlDeviceGetPowerUsage(gpu_t *gpu, u32 *mw) { return (void)gpu, *mw = 200000, OK; }
u32 nvmlDeviceGetTotalEnergyConsumption(gpu_t *gpu, u64 *mj) {
    (void)gpu;
    if (lost()) return GPU_IS_LOST;
    return *mj = now_us() / 100000 * 100000 / 5 % 1000000000000, OK; /* 200 W in steps of 100 ms */
}
u32 nvmlDeviceGetUtilizationRates(gpu_t *gpu, u32 *rates) { return (void)gpu, rates[0] = 98, rates[1] = 40, OK; }
u32 nvmlDeviceGetClockInfo(gpu_t *gpu, u32 type, u32 *mhz) { return (void)gpu, *mhz = type == 2 ? 2619 : 1980, OK; }
u32 nvmlDeviceGetSupportedMemoryClocks(gpu_t *gpu, u32 *count, u32 *mhz) {
    (void)gpu;
    if (*count < 2) return *count = 2, INSUFFICIENT_SIZE;
    return *count = 2, mhz[0] = 2619, mhz[1] = 1593, OK;
}
u32 nvmlDeviceGetSupportedGraphicsClocks(gpu_t *gpu, u32 memory, u32 *count, u32 *mhz) {
    (void)gpu;
    u32 n = setting("FAKE_NVML_CLOCKS", 110), room = *count;
    if (memory != 2619 && memory != 1593) return NOT_FOUND;
    *count = n;
    if (room < n) return INSUFFICIENT_SIZE;
    for (u32 i = 0; i < n; i++) mhz[i] = 345 + 15 * (n - 1 - i);
    return OK;
}
u32 nvmlDeviceSetGpuLockedClocks(gpu_t *gpu, u32 min, u32 max) { return effect(gpu, "lock sm", min, max); }
u32 nvmlDeviceResetGpuLockedClocks(gpu_t *gpu) { return effect(gpu, "reset sm", 0, 0); }
u32 nvmlDeviceSetMemoryLockedClocks(gpu_t *gpu, u32 min, u32 max) { return effect(gpu, "lock memory", min, max); }
u32 nvmlDeviceResetMemoryLockedClocks(gpu_t *gpu) { return effect(gpu, "reset memory", 0, 0); }
u32 nvmlDeviceGetCudaComputeCapability(gpu_t *gpu, int *major, int *minor) {
    return (void)gpu, *major = 9, *minor = 0, OK;
}
u32 nvmlDeviceGetMigMode(gpu_t *gpu, u32 *current, u32 *pending) { return (void)gpu, *current = *pending = 0, OK; }
u32 nvmlDeviceGetPersistenceMode(gpu_t *gpu, u32 *mode) { return (void)gpu, *mode = 1, OK; }
u32 nvmlDeviceGetPowerManagementLimit(gpu_t *gpu, u32 *mw) { return (void)gpu, *mw = 700000, OK; }
u32 nvmlDeviceGetPowerManagementDefaultLimit(gpu_t *gpu, u32 *mw) { return (void)gpu, *mw = 700000, OK; }
u32 nvmlDeviceGetEnforcedPowerLimit(gpu_t *gpu, u32 *mw) { return (void)gpu, *mw = 650000, OK; }
u32 nvmlDeviceGetPowerManagementLimitConstraints(gpu_t *gpu, u32 *min, u32 *max) {
    return (void)gpu, *min = 200000, *max = 700000, OK;
}
