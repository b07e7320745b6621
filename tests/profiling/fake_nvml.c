/* A small library with the C interface of NVML, for tests of what `flarecli.nvml` makes of it.

   FAKE_NVML names the machine it plays: normal, old_driver, no_gpu, not_loaded, no_init_permission, version_mismatch,
   no_permission, mig, mig_empty, wsl, no_processes, no_energy, lost. The file FAKE_NVML_PROCESS holds the number of the
   process on the GPU and its memory in MB; there is none while the file does not exist. Others take 300 MB. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9,
       GPU_IS_LOST = 15, LIB_RM_VERSION_MISMATCH = 18 };

typedef struct { char kind; unsigned reads; } Device;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;

static Device whole = {'w', 0}, instance = {'i', 0};
static const unsigned long long TOTAL = 16ull << 30, RESERVED = 400ull << 20, OTHERS = 300000000ull;

static int plays(const char *name) { return strcmp(getenv("FAKE_NVML") ? getenv("FAKE_NVML") : "normal", name) == 0; }

static unsigned long long own_bytes(unsigned *pid) {
    double megabytes = 0;
    const char *path = getenv("FAKE_NVML_PROCESS");
    FILE *file = path ? fopen(path, "r") : NULL;
    *pid = 0;
    if (file) { if (fscanf(file, "%u %lf", pid, &megabytes) != 2) megabytes = 0; fclose(file); }
    return (unsigned long long)(megabytes * 1e6);
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (plays("not_loaded")) return DRIVER_NOT_LOADED;
    if (plays("no_init_permission")) return NO_PERMISSION;
    if (plays("version_mismatch")) return LIB_RM_VERSION_MISMATCH;
    return OK;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { return code == NOT_SUPPORTED ? "Not Supported" : "an error of the fake"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { snprintf(text, length, "570.00"); return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = plays("no_gpu") ? 0 : 1; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) { *device = &whole; return index ? NOT_FOUND : OK; }
int nvmlDeviceGetHandleByUUID(const char *uuid, Device **device) {
    *device = strncmp(uuid, "MIG-", 4) ? &whole : &instance;
    return strstr(uuid, "unknown") ? NOT_FOUND : OK;
}
int nvmlDeviceGetName(Device *device, char *text, unsigned length) {
    snprintf(text, length, device == &instance ? "Fake GPU MIG 1g.10gb" : "Fake GPU");
    return OK;
}
int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    if (plays("no_permission")) return NO_PERMISSION;
    if (plays("lost") && ++device->reads > 2) return GPU_IS_LOST;
    unsigned pid;
    unsigned long long used = own_bytes(&pid) + OTHERS;
    memory->total = device == &instance ? TOTAL / 4 : TOTAL;
    memory->free = memory->total - used - RESERVED;
    memory->used = used + RESERVED;
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(Device *device, MemoryV2 *memory) {
    Memory plain;
    int code = plays("old_driver") ? 13 : nvmlDeviceGetMemoryInfo(device, &plain);
    if (code) return code;
    memory->total = plain.total, memory->free = plain.free, memory->reserved = RESERVED;
    memory->used = plain.used - RESERVED;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
    (void)device;
    if (plays("no_processes")) return NO_PERMISSION;
    unsigned pid;
    unsigned long long used = own_bytes(&pid);
    if (*count < 2) { *count = 2; return INSUFFICIENT_SIZE; }
    *count = pid ? 2 : 1;
    processes[0] = (Process){1, OTHERS, 0, 0};
    processes[1] = (Process){pid, plays("wsl") ? ~0ull : used, 0, 0};
    return OK;
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
    (void)device, (void)processes;
    *count = 0;
    return OK;
}
int nvmlDeviceGetTotalEnergyConsumption(Device *device, unsigned long long *millijoules) {
    static unsigned long long counter = 5000;
    *millijoules = counter += 250;
    return plays("no_energy") || device == &instance ? NOT_SUPPORTED : OK;
}
int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    (void)device;
    *current = *pending = plays("mig") || plays("mig_empty");
    return plays("old_driver") ? NOT_SUPPORTED : OK;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *count) { (void)device; *count = 3; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **found) {
    (void)device;
    *found = &instance;
    return index == 1 && plays("mig") ? OK : NOT_FOUND;
}
