/* system.c - what the whole machine does: cores, load, memory, pressure. */
#include "kernel/system.h"

#include <fcntl.h>
#include <string.h>

#include "kernel/procfs.h"
#include "kernel/procsys.h"

enum {
    STAT_BYTES = 16 << 10, /* 128 lines of cores; the interrupts behind them are not wanted */
    MEMINFO_BYTES = 4096,  /* 1.5 kB */
    SHORT_BYTES = 256,     /* loadavg and pressure are one and two lines */
};

static const char *const pressure_paths[PAM_PRESSURES] = {
    [PAM_PRESSURE_CPU] = "/proc/pressure/cpu",
    [PAM_PRESSURE_MEMORY] = "/proc/pressure/memory",
    [PAM_PRESSURE_IO] = "/proc/pressure/io",
};

void pam_system_init(struct pam_system_watch *watch)
{
    memset(watch, 0, sizeof *watch);
    watch->stat = pam_kept_closed();
    watch->loadavg = pam_kept_closed();
    watch->meminfo = pam_kept_closed();
    for (int i = 0; i < PAM_PRESSURES; i++)
        watch->pressures[i] = pam_kept_closed();
}

void pam_system_done(struct pam_system_watch *watch)
{
    pam_kept_close(&watch->stat);
    pam_kept_close(&watch->loadavg);
    pam_kept_close(&watch->meminfo);
    for (int i = 0; i < PAM_PRESSURES; i++)
        pam_kept_close(&watch->pressures[i]);
}

static void take_all_cores(const struct pam_cpu_times *times, struct pam_system *system)
{
    system->user_ticks_plus1 = times->user + 1;
    system->system_ticks_plus1 = times->system + 1;
    system->idle_ticks_plus1 = times->idle + 1;
    system->io_wait_ticks_plus1 = times->io_wait + 1;
    system->stolen_ticks_plus1 = times->stolen + 1;
}

static void take_core(struct pam_system_watch *watch, const struct pam_cpu_times *times)
{
    if (watch->core_count == PAM_MAX_CORES)
        return;
    watch->cores[watch->core_count++] = (struct pam_core){
        .core_plus1 = (uint64_t)times->core + 1,
        .busy_ticks_plus1 = times->user + times->system + times->stolen + 1,
        .idle_ticks_plus1 = times->idle + times->io_wait + 1,
    };
}

/* The lines of the cores come first; a line that the end of the text cuts is no line. */
static void read_stat(struct pam_system_watch *watch, uint64_t now_ns, struct pam_system *system)
{
    char text[STAT_BYTES];
    const char *line = text;
    const char *end;

    watch->core_count = 0;
    if (!pam_kept_read(&watch->stat, AT_FDCWD, "/proc/stat", text, sizeof text, now_ns))
        return;
    while ((end = strchr(line, '\n'))) {
        struct pam_cpu_times times;

        if (!pam_parse_cpu_times(line, &times))
            break;
        if (times.core == PAM_ALL_CORES)
            take_all_cores(&times, system);
        else
            take_core(watch, &times);
        line = end + 1;
    }
}

static void read_load(struct pam_system_watch *watch, uint64_t now_ns, struct pam_system *system)
{
    char text[SHORT_BYTES];
    struct pam_load load;

    if (!pam_kept_read(&watch->loadavg, AT_FDCWD, "/proc/loadavg", text, sizeof text, now_ns) ||
        !pam_parse_load(text, &load))
        return;
    system->load_1_plus1 = load.of_1_min + 1;
    system->load_5_plus1 = load.of_5_min + 1;
    system->load_15_plus1 = load.of_15_min + 1;
}

static void read_memory(struct pam_system_watch *watch, uint64_t now_ns, struct pam_system *system)
{
    char text[MEMINFO_BYTES];
    uint64_t available, total, unused;

    if (!pam_kept_read(&watch->meminfo, AT_FDCWD, "/proc/meminfo", text, sizeof text, now_ns))
        return;
    if (pam_parse_key(text, "MemAvailable", &available))
        system->available_bytes_plus1 = available * 1024 + 1;
    if (pam_parse_key(text, "SwapTotal", &total) && pam_parse_key(text, "SwapFree", &unused) &&
        total >= unused)
        system->swap_used_bytes_plus1 = (total - unused) * 1024 + 1;
}

/* Absent before Linux 4.20, and where it was not switched on (psi=1). */
static bool read_pressure(struct pam_system_watch *watch, enum pam_pressure_file file,
                          uint64_t now_ns, struct pam_pressure *pressure)
{
    char text[SHORT_BYTES];

    return pam_kept_read(&watch->pressures[file], AT_FDCWD, pressure_paths[file], text, sizeof text,
                         now_ns) &&
           pam_parse_pressure(text, pressure);
}

static void read_pressures(struct pam_system_watch *watch, uint64_t now_ns,
                           struct pam_system *system)
{
    const struct {
        uint64_t *some, *full;
    } fields[PAM_PRESSURES] = {
        [PAM_PRESSURE_CPU] = {&system->cpu_some_us_plus1, &system->cpu_full_us_plus1},
        [PAM_PRESSURE_MEMORY] = {&system->memory_some_us_plus1, &system->memory_full_us_plus1},
        [PAM_PRESSURE_IO] = {&system->io_some_us_plus1, &system->io_full_us_plus1},
    };

    for (int i = 0; i < PAM_PRESSURES; i++) {
        struct pam_pressure pressure;

        if (!read_pressure(watch, (enum pam_pressure_file)i, now_ns, &pressure))
            continue;
        *fields[i].some = pressure.some_us + 1;
        *fields[i].full = pressure.has_full ? pressure.full_us + 1 : 0;
    }
}

void pam_system_read(struct pam_system_watch *watch, uint64_t now_ns, struct pam_system *system)
{
    *system = (struct pam_system){0};
    read_stat(watch, now_ns, system);
    read_load(watch, now_ns, system);
    read_memory(watch, now_ns, system);
    read_pressures(watch, now_ns, system);
}
