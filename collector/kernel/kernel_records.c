/* kernel_records.c - what the records of perf_event say, into the watches of their threads. */
#include "kernel/kernel_records.h"

#include <string.h>

/* What `sample_type` appends to every record. */
struct sample_id {
    uint32_t pid, tid;
    uint64_t time_ns;
};

static void change(struct pam_drain *drain, enum pam_change_kind kind, pid_t pid, pid_t parent)
{
    drain->take_change(&(struct pam_change){kind, pid, parent}, drain->context);
}

static void take_switch(struct pam_drain *drain, const struct perf_event_header *record)
{
    const bool off = record->misc & PERF_RECORD_MISC_SWITCH_OUT;
    const bool preempted = off && record->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
    const bool waits = off && !preempted; /* preempted, maybe by us, it would still run */
    struct pam_switch_event event;
    struct pam_watch *watch;
    uint64_t counted_ns;
    struct sample_id id;

    memcpy(&id, (const unsigned char *)record + record->size - sizeof id, sizeof id);
    watch = drain->find((pid_t)id.tid, drain->context);
    if (!watch) {
        change(drain, PAM_THREADS_CHANGED, (pid_t)id.pid, 0); /* a new one */
        return;
    }
    /* What was before the thread's clock was read is in that reading; only the state counts. */
    counted_ns = id.time_ns > watch->read_ns ? id.time_ns : watch->read_ns;
    watch->heard = watch->moved = watch->ran = true;
    watch->since_ns += off ? (int64_t)counted_ns : -(int64_t)counted_ns;
    watch->runs += off ? -1 : 1;
    watch->bursts += off;
    /* Rings of several CPUs are read one after the other: times decide, not the order. */
    if (id.time_ns >= watch->switched_ns) {
        watch->switched_ns = id.time_ns;
        watch->on_cpu = !waits;
        watch->running = !off;
        if (!off) {
            watch->came_on_ns = id.time_ns;
            watch->cpu_plus1 = drain->cpu + 1;
        }
    }
    if (!off && (!watch->first_on_ns || id.time_ns < watch->first_on_ns))
        watch->first_on_ns = id.time_ns;
    if (waits && id.time_ns > watch->last_off_ns)
        watch->last_off_ns = id.time_ns;
    if (drain->take) {
        event = (struct pam_switch_event){
            .tid = (pid_t)id.tid,
            .time_ns = id.time_ns,
            .off = off,
            .preempted = preempted,
        };
        drain->take(&event, drain->context);
    }
}

/* A sample of the clock has nothing but who and when; one with more is of a thread that goes off. Of a
 * CPU's clock most are about threads of others. */
static void take_sample(struct pam_drain *drain, const struct perf_event_header *record)
{
    struct sample_id id;

    if (record->size > sizeof *record + sizeof id) {
        if (drain->take_switched)
            drain->take_switched(record, drain->context);
        return;
    }
    memcpy(&id, record + 1, sizeof id);
    if (!drain->find((pid_t)id.tid, drain->context))
        return;
    drain->take_on_cpu(
        &(struct pam_on_cpu_event){
            .tid = (pid_t)id.tid,
            .time_ns = id.time_ns,
            .in_kernel = (record->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL,
        },
        drain->context);
}

/* Of a fork or an exit: struct { header; u32 pid, ppid; u32 tid, ptid; u64 time; }. A thread has its
 * parent's pid. */
static void take_task(struct pam_drain *drain, const struct perf_event_header *record)
{
    const bool is_fork = record->type == PERF_RECORD_FORK;
    uint32_t ids[4];

    if (record->size < sizeof *record + sizeof ids)
        return;
    memcpy(ids, record + 1, sizeof ids);
    if (is_fork && ids[0] != ids[1])
        change(drain, PAM_PROCESS_BORN, (pid_t)ids[0], (pid_t)ids[1]);
    else if (!is_fork && ids[0] == ids[2])
        change(drain, PAM_PROCESS_EXITS, (pid_t)ids[0], 0);
    else
        change(drain, PAM_THREADS_CHANGED, (pid_t)ids[0], 0);
}

/* struct { header; u32 pid, tid; char comm[]; } */
static void take_comm(struct pam_drain *drain, const struct perf_event_header *record)
{
    uint32_t pid;

    if (!(record->misc & PERF_RECORD_MISC_COMM_EXEC) || record->size < sizeof *record + sizeof pid)
        return;
    memcpy(&pid, record + 1, sizeof pid);
    change(drain, PAM_PROGRAM_CHANGED, (pid_t)pid, 0);
}

/* struct { header; u32 pid, tid; u64 addr, len, pgoff; char name[]; }, also those of mprotect(2) */
static void take_mapping(struct pam_drain *drain, const struct perf_event_header *record)
{
    struct {
        uint32_t pid, tid;
        uint64_t start, size_bytes, file_page;
    } told;
    struct pam_mapping mapping = {.path = (const char *)(record + 1) + sizeof told};

    if (!drain->take_mapping || record->size <= sizeof *record + sizeof told ||
        !memchr(mapping.path, 0, record->size - sizeof *record - sizeof told))
        return;
    memcpy(&told, record + 1, sizeof told);
    mapping.start = told.start;
    mapping.size_bytes = told.size_bytes;
    drain->take_mapping((pid_t)told.pid, &mapping, drain->context);
}

/* struct { header; u64 id; u64 lost; } */
static uint64_t lost_records(const struct perf_event_header *record)
{
    uint64_t lost = 0;

    if (record->size >= sizeof *record + 16)
        memcpy(&lost, (const unsigned char *)record + sizeof *record + 8, sizeof lost);
    return lost;
}

void pam_take_kernel_record(const struct perf_event_header *record, void *context)
{
    struct pam_drain *drain = context;

    switch (record->type) {
    case PERF_RECORD_SWITCH:
        if (record->size >= sizeof *record + sizeof(struct sample_id))
            take_switch(drain, record);
        break;
    case PERF_RECORD_SAMPLE:
        if (record->size >= sizeof *record + sizeof(struct sample_id))
            take_sample(drain, record);
        break;
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT: take_task(drain, record); break;
    case PERF_RECORD_COMM: take_comm(drain, record); break;
    case PERF_RECORD_MMAP: take_mapping(drain, record); break;
    case PERF_RECORD_LOST: drain->lost += lost_records(record); break;
    case PERF_RECORD_THROTTLE: drain->throttled++; break;
    default: break;
    }
}
