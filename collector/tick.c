/* tick.c - a sampling tick: who may have run, their stacks, their records. */
#include <string.h>

#include "session.h"

static const uint64_t ATTACH_WAIT_MAX_NS = UINT64_C(500000000);

enum {
    SAMPLE_BYTES = 64,   /* no sample record is longer */
    HOPELESS_SCANS = 200, /* thread lists that made no sense in a row: another runtime, or none */
};

/* Threads that may have run since their last sample, and those that never had one. */
static size_t choose_threads(struct pam_sampler *sampler, uint64_t now_ns, bool all)
{
    const struct pam_activity *activity = sampler->threads.activity;
    const uint64_t scheduler_tick_ns = sampler->host.record.scheduler_tick_ns;
    size_t count = 0;

    for (size_t i = 0; i < sampler->threads.count; i++) {
        struct pam_thread_entry *entry = sampler->threads.entries[i];
        bool may_have_run;

        if (!entry->has_python) {
            /* Threads enter and leave the interpreter's list while they run, and those of it tell when
             * they exit; so only one that ran without being on the list can have changed it. */
            sampler->list_wanted |= entry->watch.moved;
            entry->watch.moved = false;
            continue;
        }
        if (count == PAM_MAX_PY_THREADS)
            continue;
        may_have_run = activity->look(sampler->threads.activity_state, &entry->watch, now_ns,
                                      scheduler_tick_ns);
        sampler->scan_wanted |= entry->watch.gone;
        if (entry->watch.gone ||
            (!may_have_run && entry->sampled && !entry->unfinished && !all))
            continue;
        entry->py.still = activity->exact && entry->watch.switched_ns && !entry->watch.on_cpu;
        entry->py.moved = false;
        sampler->wanted[count] = entry;
        sampler->wanted_py[count] = &entry->py;
        sampler->results[count] = (struct pam_stack_result){.outcome = PAM_STACK_FAILED};
        count++;
    }
    return count;
}

static void record_switch(const struct pam_switch_event *event, void *context)
{
    struct pam_sampler *sampler = context;
    const struct pam_thread_entry *entry = pam_threads_find(&sampler->threads, event->tid);
    struct pam_context_switch record;

    if (!entry || !entry->announced)
        return;
    record = (struct pam_context_switch){
        .thread = entry->id,
        .ago_ns = (int64_t)(sampler->recorder.time_ns - event->time_ns),
        .off = event->off ? 1 + event->preempted : 0,
    };
    pam_recorder_put(&sampler->recorder, PAM_context_switch, &record);
}

static void record_on_cpu(const struct pam_on_cpu_event *event, void *context)
{
    struct pam_sampler *sampler = context;
    const struct pam_thread_entry *entry = pam_threads_find(&sampler->threads, event->tid);
    struct pam_on_cpu record;

    if (!entry || !entry->announced)
        return;
    record = (struct pam_on_cpu){
        .thread = entry->id,
        .ago_us = (int64_t)(sampler->recorder.time_ns - event->time_ns) / 1000,
        .in_kernel = event->in_kernel,
    };
    pam_recorder_put(&sampler->recorder, PAM_on_cpu, &record);
}

static struct pam_watch *find_watch(pid_t tid, void *context)
{
    struct pam_sampler *sampler = context;
    struct pam_thread_entry *entry = pam_threads_find(&sampler->threads, tid);

    return entry ? &entry->watch : NULL;
}

/* Which threads the lost records were about is not known: each may have run, and may run now. */
static void suspect_all(struct pam_sampler *sampler)
{
    for (size_t i = 0; i < sampler->threads.count; i++) {
        struct pam_watch *watch = &sampler->threads.entries[i]->watch;

        watch->moved = watch->doubtful = true;
    }
}

void pam_drain_activity(struct pam_sampler *sampler)
{
    struct pam_drain drain = {
        .find = find_watch,
        .take = sampler->settings.keep_switches ? record_switch : NULL,
        .take_on_cpu = record_on_cpu,
        .context = sampler,
    };

    sampler->threads.activity->drain(sampler->threads.activity_state, &drain);
    sampler->scan_wanted |= drain.threads_changed;
    sampler->tasks_changed |= drain.threads_changed || drain.children_changed || drain.lost;
    sampler->health.lost_records += drain.lost;
    sampler->health.throttled += drain.throttled;
    if (drain.lost)
        suspect_all(sampler);
}

static uint64_t steps_ago(uint64_t at_ns, uint64_t tick_ns, uint64_t step_ns)
{
    return at_ns < tick_ns ? (tick_ns - at_ns + step_ns / 2) / step_ns : 0;
}

/* A thread that waits changes nothing; whether it still did while it was copied, the records tell. */
static void check_still(void *context)
{
    struct pam_sampler *sampler = context;

    if (!sampler->threads.activity->exact)
        return;
    pam_drain_activity(sampler);
    for (size_t i = 0; i < sampler->wanted_count; i++) {
        struct pam_thread_entry *entry = sampler->wanted[i];

        entry->py.moved = entry->py.still && entry->watch.moved;
    }
}

/* When it came on and went off, relative to the tick; what happened after the tick's time and before
 * the drain counts as at the tick. */
static void add_switch_times(struct pam_watch *watch, uint64_t tick_ns, uint64_t step_ns,
                             struct pam_sample *record)
{
    record->flags |= PAM_SAMPLE_EXACT;
    if (watch->first_on_ns)
        record->first_on_steps_plus1 = 1 + steps_ago(watch->first_on_ns, tick_ns, step_ns);
    if (!watch->on_cpu)
        record->last_off_steps_plus1 =
            1 + (watch->last_off_ns ? steps_ago(watch->last_off_ns, tick_ns, step_ns) : 0);
    watch->first_on_ns = 0;
    watch->last_off_ns = 0;
}

static uint64_t whole_steps(const struct pam_sampler *sampler, const struct pam_thread_entry *entry,
                            uint64_t ahead_ns)
{
    const uint64_t used_ns = entry->watch.total.cpu_ns + ahead_ns;

    return used_ns > entry->told_cpu_ns ? (used_ns - entry->told_cpu_ns) / sampler->step_ns : 0;
}

/* Whole steps of what was used and not yet told. Whether a part of a step is told now or later is left
 * to chance: otherwise short and long bursts that alternate would have all of it told with the long. */
static uint64_t cpu_steps(struct pam_sampler *sampler, struct pam_thread_entry *entry)
{
    const struct pam_threads *threads = &sampler->threads;
    const uint64_t ahead_ns = pam_random(&sampler->random) % sampler->step_ns;
    uint64_t steps = whole_steps(sampler, entry, ahead_ns);

    /* By an estimate; what it told too much or too little, the next step makes up for. */
    if (steps && threads->activity->account &&
        sampler->recorder.time_ns >= entry->watch.trusted_until_ns) {
        threads->activity->account(threads->activity_state, &entry->watch, sampler->recorder.time_ns);
        steps = whole_steps(sampler, entry, ahead_ns);
    }
    entry->told_cpu_ns += steps * sampler->step_ns;
    return steps;
}

static void record_sample(struct pam_sampler *sampler, struct pam_thread_entry *entry,
                          const struct pam_stack_result *result)
{
    struct pam_sample record = {.thread = entry->id};
    uint64_t stack_plus1 = 0;

    if (!entry->sampled) {
        record.flags = entry->newborn ? 0 : PAM_SAMPLE_FIRST;
        if (!entry->newborn)
            entry->told_cpu_ns = entry->watch.total.cpu_ns;
    }
    entry->sampled = true;
    record.cpu_steps = cpu_steps(sampler, entry);
    if (result->outcome == PAM_STACK_FAILED)
        record.flags |= PAM_SAMPLE_FAILED;
    else
        stack_plus1 = result->stack_id + 1;
    if (result->outcome == PAM_STACK_NO_FRAME)
        record.flags |= PAM_SAMPLE_NO_FRAME;
    if (result->outcome == PAM_STACK_TRUNCATED)
        record.flags |= PAM_SAMPLE_LEAF_CUT;
    entry->unfinished = record.flags & (PAM_SAMPLE_FAILED | PAM_SAMPLE_LEAF_CUT);
    if (sampler->threads.activity->exact && entry->watch.switched_ns)
        add_switch_times(&entry->watch, sampler->recorder.time_ns, sampler->step_ns, &record);
    pam_recorder_reserve(&sampler->recorder, SAMPLE_BYTES);
    if (entry->stack_block != sampler->recorder.block_number || entry->stack_plus1 != stack_plus1)
        record.stack_plus1 = stack_plus1;
    entry->stack_plus1 = stack_plus1;
    entry->stack_block = sampler->recorder.block_number;
    pam_recorder_put(&sampler->recorder, PAM_sample, &record);
}

/* Returns false when the target cannot be read any more. */
static bool sample_threads(struct pam_sampler *sampler, uint64_t now_ns, bool all)
{
    const size_t count = choose_threads(sampler, now_ns, all);
    int r;

    sampler->health.ticks++;
    sampler->health.wanted += count;
    if (!count) {
        sampler->empty_ticks++;
        return true;
    }
    pam_recorder_time(&sampler->recorder, now_ns, sampler->empty_ticks, true);
    sampler->empty_ticks = 0;
    sampler->wanted_count = count;
    sampler->list_wanted |= !sampler->threads.activity->exact;
    r = pam_stacks_read(sampler->stacks, sampler->wanted_py, sampler->results, count,
                        sampler->list_wanted, check_still, sampler);
    sampler->list_wanted = false;
    for (size_t i = 0; i < count; i++) {
        record_sample(sampler, sampler->wanted[i], &sampler->results[i]);
        sampler->scan_wanted |= sampler->results[i].gone;
    }
    if (memcmp(pam_stack_thread_list(sampler->stacks), sampler->thread_list,
               sizeof sampler->thread_list) != 0)
        sampler->scan_wanted = true;
    return r == 0;
}

static void start_epoch(struct pam_sampler *sampler, uint64_t now_ns)
{
    if (sampler->attached)
        pam_codes_check(&sampler->codes, &sampler->recorder); /* their ids end with the epoch */
    if (pam_recorder_start_epoch(&sampler->recorder, now_ns))
        pam_repeat_state(sampler);
}

/* A command that was just started becomes Python after a while: look again, ever more rarely. */
static void try_attach(struct pam_sampler *sampler, uint64_t now_ns)
{
    struct pam_error ignored;

    if (now_ns < sampler->next_attach_ns)
        return;
    if (pam_attach(sampler, &ignored) == 0) {
        sampler->attach_wait_ns = PAM_ATTACH_WAIT_MIN_NS;
        pam_record_process(sampler, &sampler->monitor.processes[0]);
        return;
    }
    sampler->next_attach_ns = now_ns + sampler->attach_wait_ns;
    if (sampler->attach_wait_ns < ATTACH_WAIT_MAX_NS) /* it is missed for a ninth of its start at most */
        sampler->attach_wait_ns += sampler->attach_wait_ns / 8;
}

void pam_tick(struct pam_sampler *sampler, uint64_t now_ns)
{
    bool all = false;

    if (pam_recorder_epoch_due(&sampler->recorder, now_ns)) {
        start_epoch(sampler, now_ns);
        all = true;
    }
    if (!sampler->attached)
        try_attach(sampler, now_ns);
    if (!sampler->attached) {
        sampler->empty_ticks = 0;
        return;
    }
    pam_drain_activity(sampler);
    if (now_ns - sampler->codes.checked_ns >= PAM_CODE_CHECK_NS)
        pam_codes_check(&sampler->codes, &sampler->recorder);
    if (sampler->scan_wanted && pam_scan_threads(sampler)) {
        /* those that have gone may have lived until now, not just until the tick before */
        pam_recorder_time(&sampler->recorder, now_ns, 0, false);
        pam_threads_bury(&sampler->threads, &sampler->recorder);
        pam_name_threads(sampler, now_ns);
        pam_threads_announce(&sampler->threads, &sampler->recorder);
        now_ns = pam_monotonic_ns(); /* that took a while; samples carry the time of their read */
    }
    if (sampler->scan_failures > HOPELESS_SCANS)
        pam_detach(sampler);
    else if ((sampler->scan_failures || !sample_threads(sampler, now_ns, all)) &&
             !pam_target_alive(sampler->target))
        pam_sampler_stop(sampler, "the target exited");
}
