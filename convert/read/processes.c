/* processes.c - what each process used, interval by interval, from the resource records. */
#include "processes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PROCESSES = 4096 }; /* alive at once; the collector's bound is lower */

/* PSS and, on old kernels, the number of open files are not read at every interval. */
static const uint64_t HELD_NS = UINT64_C(120000000000);

struct held {
    uint64_t plus1;
    uint64_t read_ns;
};

/* One process at one interval. */
struct reading {
    struct pam_resource resource;
    struct held pss, fds;
};

struct readings {
    struct reading *all;
    size_t count;
};

struct pam_processes {
    struct readings before, now; /* of the interval before and of this one */
    uint64_t before_ns;          /* when the readings `before` were taken; 0: there are none */
    struct pam_usage *usages;
    size_t count;
    uint64_t clock_ticks_hz;
    uint64_t target_pid;
    bool gap; /* records of this interval were lost */
};

/* What is counted since the start of a process, and what becomes of it. */
static const struct {
    size_t counter; /* in struct pam_resource, plus one */
    size_t rate;    /* in struct pam_usage */
} rates[] = {
#define RATE(name)                                                                                 \
    {offsetof(struct pam_resource, name##_plus1), offsetof(struct pam_usage, name##_per_s)}
    RATE(minor_faults),
    RATE(major_faults),
    RATE(main_voluntary),
    RATE(main_involuntary),
    RATE(read_bytes),
    RATE(written_bytes),
    RATE(read_calls),
    RATE(write_calls),
    RATE(disk_read_bytes),
    RATE(disk_written_bytes),
#undef RATE
};

enum { RATES = sizeof rates / sizeof *rates };

int pam_processes_new(struct pam_processes **ret, struct pam_error *error)
{
    struct pam_processes *processes = calloc(1, sizeof *processes);

    if (processes) {
        processes->before.all = calloc(MAX_PROCESSES, sizeof *processes->before.all);
        processes->now.all = calloc(MAX_PROCESSES, sizeof *processes->now.all);
        processes->usages = calloc(MAX_PROCESSES, sizeof *processes->usages);
    }
    if (!processes || !processes->before.all || !processes->now.all || !processes->usages) {
        pam_processes_free(processes);
        return pam_fail(error, PAM_MEMORY, "not enough memory for the processes of a capture");
    }
    *ret = processes;
    return 0;
}

void pam_processes_free(struct pam_processes *processes)
{
    if (!processes)
        return;
    free(processes->before.all);
    free(processes->now.all);
    free(processes->usages);
    free(processes);
}

void pam_processes_add(struct pam_processes *processes, const struct pam_event *event)
{
    struct readings *now = &processes->now;

    if (event->kind == PAM_EVENT_GAP)
        processes->gap = true;
    if (event->kind != PAM_EVENT_RECORD)
        return;
    if (event->record.type == PAM_host)
        processes->clock_ticks_hz = event->record.host.clock_ticks_hz;
    if (event->record.type == PAM_process && event->record.process.is_target)
        processes->target_pid = event->record.process.pid;
    if (event->record.type == PAM_resource && now->count < MAX_PROCESSES)
        now->all[now->count++] = (struct reading){.resource = event->record.resource};
}

/* --- one process ----------------------------------------------------------------------------- */

static double known(uint64_t plus1)
{
    return plus1 ? (double)(plus1 - 1) : NAN;
}

static double ticks_s(const struct pam_processes *processes, uint64_t ticks_plus1)
{
    return processes->clock_ticks_hz ? known(ticks_plus1) / (double)processes->clock_ticks_hz : NAN;
}

static double cpu_s(const struct pam_processes *processes, const struct pam_resource *resource)
{
    if (resource->cpu_ns_plus1)
        return known(resource->cpu_ns_plus1) / 1e9;
    return ticks_s(processes, resource->user_ticks_plus1) +
           ticks_s(processes, resource->system_ticks_plus1);
}

static uint64_t counter(const struct pam_resource *resource, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)resource + offset, sizeof value);
    return value;
}

/* A second, of what is counted. What went back, as an estimate of the kernel may, is unknown. */
static double rate(double now, double before, double seconds)
{
    return seconds > 0 && now >= before ? (now - before) / seconds : NAN;
}

static double percent(double now, double before, double seconds)
{
    return seconds > 0 && now >= before ? 100 * (now - before) / seconds : NAN;
}

static struct held hold(uint64_t plus1, const struct held *before, uint64_t time_ns)
{
    if (plus1)
        return (struct held){plus1, time_ns};
    return before && time_ns - before->read_ns <= HELD_NS ? *before : (struct held){0};
}

static struct pam_usage use(const struct pam_processes *processes, const struct reading *now,
                            const struct pam_resource *before, double seconds)
{
    const struct pam_resource *resource = &now->resource;
    struct pam_usage usage = {
        .pid = resource->pid,
        .cpu_percent = percent(cpu_s(processes, resource), cpu_s(processes, before), seconds),
        .user_percent = percent(ticks_s(processes, resource->user_ticks_plus1),
                                ticks_s(processes, before->user_ticks_plus1), seconds),
        .system_percent = percent(ticks_s(processes, resource->system_ticks_plus1),
                                  ticks_s(processes, before->system_ticks_plus1), seconds),
        .memory_bytes = known(resource->rss_bytes_plus1),
        .pss_bytes = known(now->pss.plus1),
        .threads = resource->threads ? (double)resource->threads : NAN,
        .fds = known(now->fds.plus1),
    };

    for (size_t i = 0; i < RATES; i++) {
        const double value = rate(known(counter(resource, rates[i].counter)),
                                  known(counter(before, rates[i].counter)), seconds);

        memcpy((char *)&usage + rates[i].rate, &value, sizeof value);
    }
    return usage;
}

/* --- an interval ----------------------------------------------------------------------------- */

static const struct reading *find(const struct readings *readings, size_t likely, uint64_t pid)
{
    if (likely < readings->count && readings->all[likely].resource.pid == pid)
        return &readings->all[likely];
    for (size_t i = 0; i < readings->count; i++)
        if (readings->all[i].resource.pid == pid)
            return &readings->all[i];
    return NULL;
}

/* The process as it was an interval ago. A child whose CPU time went back is another of the same id;
 * the target's is not given again while it is watched. */
static const struct reading *earlier(const struct pam_processes *processes, size_t index)
{
    const struct pam_resource *now = &processes->now.all[index].resource;
    const struct reading *before = find(&processes->before, index, now->pid);

    if (before && now->pid != processes->target_pid &&
        cpu_s(processes, &before->resource) > cpu_s(processes, now))
        return NULL;
    return before;
}

static void use_all(struct pam_processes *processes, uint64_t time_ns, double seconds)
{
    /* One that is new has used all it has since the interval before. */
    static const struct pam_resource unborn = {
        .cpu_ns_plus1 = 1,           .user_ticks_plus1 = 1,   .system_ticks_plus1 = 1,
        .minor_faults_plus1 = 1,     .major_faults_plus1 = 1, .main_voluntary_plus1 = 1,
        .main_involuntary_plus1 = 1, .read_bytes_plus1 = 1,   .written_bytes_plus1 = 1,
        .read_calls_plus1 = 1,       .write_calls_plus1 = 1,  .disk_read_bytes_plus1 = 1,
        .disk_written_bytes_plus1 = 1,
    };
    static const struct pam_resource unknown = {0};

    for (size_t i = 0; i < processes->now.count; i++) {
        struct reading *now = &processes->now.all[i];
        const struct reading *before = earlier(processes, i);

        now->pss = hold(now->resource.pss_bytes_plus1, before ? &before->pss : NULL, time_ns);
        now->fds = hold(now->resource.fds_plus1, before ? &before->fds : NULL, time_ns);
        processes->usages[i] = use(processes, now,
                                   before           ? &before->resource
                                   : processes->gap ? &unknown
                                                    : &unborn,
                                   seconds);
    }
    processes->count = processes->now.count;
}

double pam_processes_close(struct pam_processes *processes, uint64_t time_ns)
{
    const struct readings swap = processes->before;
    double seconds = 0;

    processes->count = 0;
    if (!processes->now.count)
        return 0;
    if (processes->before_ns && time_ns > processes->before_ns)
        seconds = (double)(time_ns - processes->before_ns) / 1e9;
    use_all(processes, time_ns, seconds);
    processes->before = processes->now;
    processes->before_ns = time_ns;
    processes->now = swap;
    processes->now.count = 0;
    processes->gap = false;
    return seconds;
}

const struct pam_usage *pam_processes_get(const struct pam_processes *processes, size_t *count)
{
    *count = processes->count;
    return processes->usages;
}
