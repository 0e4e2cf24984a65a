/* event_names.c - the names that need no library: those that perf gives to the kernel's generic events. */
#include <ctype.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/events.h"

/* tools/perf/util/parse-events.c of Linux: event_symbols_hw, event_symbols_sw. */
static const struct {
    const char *name;
    uint32_t type;
    uint64_t config;
    const char *unit;
} names[] = {
    {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, ""},
    {"cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, ""},
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, ""},
    {"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES, ""},
    {"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, ""},
    {"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, ""},
    {"branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, ""},
    {"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, ""},
    {"bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES, ""},
    {"stalled-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND, ""},
    {"idle-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND, ""},
    {"stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND, ""},
    {"idle-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND, ""},
    {"ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES, ""},
    {"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, "ns"},
    {"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, "ns"},
    {"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, ""},
    {"faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, ""},
    {"minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, ""},
    {"major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, ""},
    {"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, ""},
    {"cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, ""},
    {"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, ""},
    {"migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, ""},
    {"alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS, ""},
    {"emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS, ""},
};

/* perf_event_open(2): config = cache | operation << 8 | result << 16. Names as perf puts them together. */
static const char *const caches[] = {
    [PERF_COUNT_HW_CACHE_L1D] = "L1-dcache",   [PERF_COUNT_HW_CACHE_L1I] = "L1-icache",
    [PERF_COUNT_HW_CACHE_LL] = "LLC",          [PERF_COUNT_HW_CACHE_DTLB] = "dTLB",
    [PERF_COUNT_HW_CACHE_ITLB] = "iTLB",       [PERF_COUNT_HW_CACHE_BPU] = "branch",
    [PERF_COUNT_HW_CACHE_NODE] = "node",
};
static const char *const operations[][2] = {
    [PERF_COUNT_HW_CACHE_OP_READ] = {"loads", "load-misses"},
    [PERF_COUNT_HW_CACHE_OP_WRITE] = {"stores", "store-misses"},
    [PERF_COUNT_HW_CACHE_OP_PREFETCH] = {"prefetches", "prefetch-misses"},
};

enum {
    NAMES = sizeof names / sizeof *names,
    CACHES = sizeof caches / sizeof *caches,
    OPERATIONS = sizeof operations / sizeof *operations,
    CACHE_EVENTS = CACHES * OPERATIONS * 2,
    CACHE_NAME_BYTES = 32,
};

static struct pam_event_code cache_event(size_t number, char name[CACHE_NAME_BYTES])
{
    const size_t cache = number / (OPERATIONS * 2), operation = number / 2 % OPERATIONS, miss = number % 2;

    (void)snprintf(name, CACHE_NAME_BYTES, "%s-%s", caches[cache], operations[operation][miss]);
    return (struct pam_event_code){.type = PERF_TYPE_HW_CACHE,
                                   .config = cache | operation << 8 | miss << 16};
}

void pam_event_names_each(void (*visit)(const char *name, const struct pam_event_code *code,
                                        void *context),
                          void *context)
{
    for (size_t i = 0; i < NAMES; i++) {
        const struct pam_event_code code = {.type = names[i].type, .config = names[i].config};

        visit(names[i].name, &code, context);
    }
    for (size_t i = 0; i < CACHE_EVENTS; i++) {
        char name[CACHE_NAME_BYTES];
        const struct pam_event_code code = cache_event(i, name);

        visit(name, &code, context);
    }
}

/* "r1a8": what the CPU's manual calls event 0x1a8. */
static bool find_raw(const char *name, struct pam_event_code *code)
{
    char *end;

    if (name[0] != 'r' || !isxdigit((unsigned char)name[1]) || (name[1] == '0' && tolower(name[2]) == 'x'))
        return false;
    errno = 0;
    *code = (struct pam_event_code){.type = PERF_TYPE_RAW, .config = strtoull(name + 1, &end, 16)};
    return *end == '\0' && errno == 0;
}

bool pam_event_name_find(const char *name, struct pam_event_code *code, const char **unit)
{
    char cache_name[CACHE_NAME_BYTES];

    *unit = "";
    for (size_t i = 0; i < NAMES; i++)
        if (!strcasecmp(names[i].name, name)) {
            *code = (struct pam_event_code){.type = names[i].type, .config = names[i].config};
            *unit = names[i].unit;
            return true;
        }
    for (size_t i = 0; i < CACHE_EVENTS; i++) {
        *code = cache_event(i, cache_name);
        if (!strcasecmp(cache_name, name))
            return true;
    }
    return find_raw(name, code);
}
