/* kernel_records.c - what the records of perf_event say, into the watches of their threads. */
#include "kernel/kernel_records.h"

#include <string.h>

/* What `sample_type` appends to every record. */
struct sample_id {
    uint32_t pid, tid;
    uint64_t time_ns;
};

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
        drain->threads_changed = true; /* a new one */
        return;
    }
    /* What was before the thread's clock was read is in that reading; only the state counts. */
    counted_ns = id.time_ns > watch->read_ns ? id.time_ns : watch->read_ns;
    watch->moved = watch->ran = true;
    watch->since_ns += off ? (int64_t)counted_ns : -(int64_t)counted_ns;
    watch->runs += off ? -1 : 1;
    watch->bursts += off;
    /* Rings of several CPUs are read one after the other: times decide, not the order. */
    if (id.time_ns >= watch->switched_ns) {
        watch->switched_ns = id.time_ns;
        watch->on_cpu = !waits;
        watch->running = !off;
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

/* A sample of the clock has nothing but what sample_type asks for. Of a CPU's clock most are about
 * threads of others. */
static void take_on_cpu(struct pam_drain *drain, const struct perf_event_header *record)
{
    struct sample_id id;

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

/* struct { header; u32 pid, ppid; u32 tid, ptid; u64 time; } */
static void take_fork(struct pam_drain *drain, const struct perf_event_header *record)
{
    uint32_t pids[2];

    drain->threads_changed = true;
    if (record->size < sizeof *record + sizeof pids)
        return;
    memcpy(pids, record + 1, sizeof pids);
    drain->children_changed |= pids[0] != pids[1];
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
            take_on_cpu(drain, record);
        break;
    case PERF_RECORD_FORK: take_fork(drain, record); break;
    case PERF_RECORD_EXIT: drain->threads_changed = true; break;
    case PERF_RECORD_LOST: drain->lost += lost_records(record); break;
    case PERF_RECORD_THROTTLE: drain->throttled++; break;
    default: break;
    }
}
