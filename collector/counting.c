/* counting.c - the counts of --event: opened for threads and processes, recorded when they changed. */
#include "counting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/procfile.h"

enum {
    COUNT_BYTES = 48,       /* no count record is longer: two lengths, an id, four numbers of 10 bytes */
    MAX_FAMILIES = 1 << 14, /* threads that a process may begin with: each has a descriptor an event */
};

/* --- a process ---------------------------------------------------------------------------------------- */

struct thread_list {
    pid_t *tids;
    size_t count, room;
    bool failed; /* memory is short */
};

static bool list_thread(pid_t tid, void *context)
{
    struct thread_list *list = context;

    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        pid_t *grown = realloc(list->tids, room * sizeof *grown);

        list->failed = !grown;
        if (!grown)
            return false;
        list->tids = grown;
        list->room = room;
    }
    list->tids[list->count++] = tid;
    return list->count <= MAX_FAMILIES;
}

/* The list is complete before the first is opened: a thread that is born later descends from one that
 * counts already, and would be counted twice. One that is born in between, of a thread whose turn has not
 * come, is missed. */
static int open_families(struct pam_process_counts *counts, const struct pam_events *events, int proc_fd,
                         struct pam_error *error)
{
    struct thread_list list = {0};
    size_t refused = 0;
    int r = pam_each_number(proc_fd, "task", list_thread, &list);

    counts->families = calloc(list.count ? list.count : 1, sizeof *counts->families);
    counts->told = calloc(events->count, sizeof *counts->told);
    if (!counts->families || !counts->told || list.failed)
        r = pam_fail(error, PAM_MEMORY, "not enough memory for counters");
    else if (r < 0)
        r = pam_fail(error, PAM_NO_TARGET, "process %d went away", (int)counts->pid);
    else if (list.count > MAX_FAMILIES)
        r = pam_fail(error, PAM_FAILED, "process %d has more than %d threads, too many to count events in",
                     (int)counts->pid, MAX_FAMILIES);
    for (size_t i = 0; i < list.count && r == 0; i++) {
        r = pam_counters_open(&counts->families[counts->count], events, list.tids[i],
                              PAM_COUNTERS_OF_FAMILY, &refused);
        counts->count += r == 0;
        if (r == -ESRCH) /* it is gone already */
            r = 0;
        else if (r < 0)
            r = pam_counters_refused(&events->list[refused], -r, error);
    }
    free(list.tids);
    return r;
}

/* What the kernel refuses for a thread of the target it refuses before sampling starts. */
static int try_thread(const struct pam_events *events, pid_t tid, struct pam_error *error)
{
    struct pam_counters counters;
    size_t refused;
    const int r = pam_counters_open(&counters, events, tid, PAM_COUNTERS_OF_THREAD, &refused);

    if (r == -ESRCH)
        return 0;
    if (r < 0)
        return pam_counters_refused(&events->list[refused], -r, error);
    pam_counters_close(&counters, events);
    return 0;
}

int pam_process_counts_new(struct pam_process_counts **ret, const struct pam_counting *counting, pid_t pid,
                           int proc_fd, struct pam_error *error)
{
    struct pam_process_counts *counts = calloc(1, sizeof *counts);
    int r;

    if (!counts)
        return pam_fail(error, PAM_MEMORY, "not enough memory for counters");
    counts->pid = pid;
    r = try_thread(counting->events, pid, error);
    if (r == 0)
        r = open_families(counts, counting->events, proc_fd, error);
    if (r < 0) {
        pam_process_counts_free(counts, counting);
        return r;
    }
    *ret = counts;
    return 0;
}

void pam_process_counts_free(struct pam_process_counts *counts, const struct pam_counting *counting)
{
    if (!counts)
        return;
    for (size_t i = 0; i < counts->count; i++)
        pam_counters_close(&counts->families[i], counting->events);
    free(counts->families);
    free(counts->told);
    free(counts);
}

void pam_process_counts_forget_recorded(struct pam_process_counts *counts,
                                        const struct pam_counting *counting)
{
    memset(counts->told, 0, counting->events->count * sizeof *counts->told);
}

/* --- records ------------------------------------------------------------------------------------------ */

void pam_counting_init(struct pam_counting *counting, const struct pam_events *events)
{
    *counting = (struct pam_counting){.events = events};
    for (size_t i = 0; i < events->count; i++)
        counting->per_sample |= events->list[i].per_sample;
}

void pam_counting_announce(const struct pam_counting *counting, struct pam_recorder *recorder)
{
    for (size_t i = 0; i < counting->events->count; i++) {
        const struct pam_event_spec *spec = &counting->events->list[i];
        const struct pam_counter record = {
            .id = i + 1,
            .name = pam_text(spec->name),
            .type_plus1 = spec->code.type + UINT64_C(1),
            .config = spec->code.config,
            .unit = pam_text(spec->unit),
            .group = spec->group,
            .excludes = spec->code.excludes,
            .whole_process = spec->whole_process,
            .per_sample = spec->per_sample,
            .config1 = spec->code.config1,
            .config2 = spec->code.config2,
        };

        pam_recorder_put(recorder, PAM_counter, &record);
    }
}

static uint64_t waited_ns(const struct pam_counted *counted)
{
    return counted->enabled_ns > counted->running_ns ? counted->enabled_ns - counted->running_ns : 0;
}

/* Of a thread, or with thread 0 of a process. An event that has not happened since is not worth a record,
 * unless it had no place to be counted in. */
static void record_changes(const struct pam_events *events, const struct pam_counted *now,
                           struct pam_counted *told, uint64_t thread, pid_t pid,
                           struct pam_recorder *recorder)
{
    for (size_t i = 0; i < events->count; i++) {
        const struct pam_count record = {
            .counter = i + 1,
            .value = now[i].value,
            .enabled_ns = now[i].enabled_ns,
            .waited_ns = waited_ns(&now[i]),
            .thread = thread,
            .pid = (uint64_t)pid,
        };

        if (now[i].value == told[i].value && record.waited_ns == waited_ns(&told[i]))
            continue;
        pam_recorder_put(recorder, PAM_count, &record);
        told[i] = now[i];
    }
}

void pam_process_counts_record(struct pam_process_counts *counts, const struct pam_counting *counting,
                               struct pam_recorder *recorder)
{
    const struct pam_events *events = counting->events;
    struct pam_counted sums[PAM_MAX_EVENTS] = {{0}};

    for (size_t i = 0; i < counts->count; i++)
        for (size_t first = 0; first < events->count; first = pam_events_group_end(events, first)) {
            struct pam_counted counted[PAM_MAX_EVENTS];

            if (!pam_counters_read(&counts->families[i], events, first, counted))
                continue;
            for (size_t k = first; k < pam_events_group_end(events, first); k++) {
                sums[k].value += counted[k].value;
                sums[k].enabled_ns += counted[k].enabled_ns;
                sums[k].running_ns += counted[k].running_ns;
            }
        }
    record_changes(events, sums, counts->told, 0, counts->pid, recorder);
}

/* --- a thread ----------------------------------------------------------------------------------------- */

struct pam_counts *pam_counts_new(struct pam_counting *counting, pid_t tid)
{
    const size_t events = counting->events->count;
    struct pam_counts *counts = calloc(1, sizeof *counts);
    size_t refused;
    int r = -ENOMEM;

    if (counts) {
        counts->told = calloc(2 * events, sizeof *counts->told);
        counts->sampled = counts->told ? counts->told + events : NULL;
    }
    if (counts && counts->told)
        r = pam_counters_open(&counts->counters, counting->events, tid, PAM_COUNTERS_OF_THREAD, &refused);
    if (r == 0)
        return counts;
    counting->refused += r != -ESRCH;
    pam_counts_free(counts, counting);
    return NULL;
}

void pam_counts_free(struct pam_counts *counts, const struct pam_counting *counting)
{
    if (!counts)
        return;
    pam_counters_close(&counts->counters, counting->events);
    free(counts->told);
    free(counts);
}

void pam_counts_forget_recorded(struct pam_counts *counts, const struct pam_counting *counting)
{
    memset(counts->told, 0, counting->events->count * sizeof *counts->told);
}

void pam_counts_record(struct pam_counts *counts, const struct pam_counting *counting, uint64_t thread,
                       struct pam_recorder *recorder)
{
    const struct pam_events *events = counting->events;
    struct pam_counted now[PAM_MAX_EVENTS];

    memcpy(now, counts->told, events->count * sizeof *now);
    for (size_t first = 0; first < events->count; first = pam_events_group_end(events, first))
        (void)pam_counters_read(&counts->counters, events, first, now);
    record_changes(events, now, counts->told, thread, 0, recorder);
}

static void record_group_of_sample(struct pam_counts *counts, const struct pam_events *events, size_t first,
                                   struct pam_recorder *recorder)
{
    struct pam_counted now[PAM_MAX_EVENTS];

    if (!pam_counters_read(&counts->counters, events, first, now))
        return;
    for (size_t i = first; i < pam_events_group_end(events, first); i++) {
        struct pam_counted *before = &counts->sampled[i];
        const struct pam_counted since = {
            .value = now[i].value - before->value,
            .enabled_ns = now[i].enabled_ns - before->enabled_ns,
            .running_ns = now[i].running_ns - before->running_ns,
        };
        struct pam_count record = {
            .counter = i + 1,
            .value = since.value,
            .of_sample = 1,
            .enabled_ns = since.enabled_ns,
            .waited_ns = waited_ns(&since),
        };

        if (!record.waited_ns) /* as nearly always: then nobody needs to know how long that was */
            record.enabled_ns = 0;
        if (record.value || record.waited_ns)
            pam_recorder_put(recorder, PAM_count, &record);
        *before = now[i];
    }
}

void pam_counts_record_sample(struct pam_counts *counts, const struct pam_counting *counting,
                              struct pam_recorder *recorder)
{
    const struct pam_events *events = counting->events;

    if (!counting->per_sample)
        return;
    for (size_t first = 0; first < events->count; first = pam_events_group_end(events, first))
        if (events->list[first].per_sample)
            record_group_of_sample(counts, events, first, recorder);
}

size_t pam_counts_sample_bytes(const struct pam_counting *counting)
{
    return counting->per_sample ? counting->events->count * COUNT_BYTES : 0;
}
