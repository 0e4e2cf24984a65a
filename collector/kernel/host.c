/* host.c - facts about the machine that a capture must carry. */
#include "kernel/host.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "kernel/procfile.h"

/* Where boards and PCs tell what they are, the first that is there. */
static const char *const model_paths[] = {
    "/proc/device-tree/model",
    "/sys/class/dmi/id/product_name",
};

static void read_model(char *model, size_t room)
{
    model[0] = '\0';
    for (size_t i = 0; i < sizeof model_paths / sizeof *model_paths; i++)
        if (pam_read_file(AT_FDCWD, model_paths[i], model, room) > 0)
            break;
    model[strcspn(model, "\n")] = '\0';
}

void pam_host_read(struct pam_host_facts *facts)
{
    static const char boot_path[] = "/proc/sys/kernel/random/boot_id";
    char meminfo[4096];
    struct timespec tick = {0};
    uint64_t kib = 0;

    memset(facts, 0, sizeof *facts);
    (void)uname(&facts->names);
    read_model(facts->model, sizeof facts->model);
    if (pam_read_file(AT_FDCWD, "/proc/meminfo", meminfo, sizeof meminfo) > 0)
        (void)pam_parse_key(meminfo, "MemTotal", &kib);
    if (pam_read_file(AT_FDCWD, boot_path, facts->boot_id, sizeof facts->boot_id) > 0)
        facts->boot_id[strcspn(facts->boot_id, "\n")] = '\0';
    (void)clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    facts->record = (struct pam_host){
        .arch = pam_text(facts->names.machine),
        .kernel = pam_text(facts->names.release),
        .hostname = pam_text(facts->names.nodename),
        .model = pam_text(facts->model),
        .cores = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
        .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
        .memory_bytes = kib * 1024,
        .clock_ticks_hz = (uint64_t)sysconf(_SC_CLK_TCK),
        .scheduler_tick_ns = (uint64_t)tick.tv_sec * 1000000000u + (uint64_t)tick.tv_nsec,
        .boot_id = pam_text(facts->boot_id),
    };
}

int64_t pam_utc_offset_s(void)
{
    const time_t now = time(NULL);
    struct tm local;

    tzset();
    return localtime_r(&now, &local) ? local.tm_gmtoff : 0;
}
