/* tick.c - a sampling tick: who may have run, their stacks, their records. */
#include <string.h>

#include "session.h"

static const uint64_t ATTACH_WAIT_MIN_NS = UINT64_C(5000000); /* then ever longer */
static const uint64_t TARGET_WAIT_MAX_NS = UINT64_C(500000000);
static const uint64_t CHILD_WAIT_MAX_NS = UINT64_C(60000000000); /* most will never be Python */

enum {
    SAMPLE_BYTES = 80,   /* no sample record is longer */
    HOPELESS_SCANS = 200, /* thread lists that made no sense in a row: another runtime, or none */
};

static void want(struct pam_sampler *sampler, struct pam_thread_entry *entry)
{
    const enum pam_outcome outcome = entry->has_python ? PAM_STACK_FAILED : PAM_STACK_NO_FRAME;
    struct pam_py_thread *py = &entry->py;

    sampler->health.wanted++;
    sampler->health.no_frame += !entry->has_python;
    for (; py && sampler->wanted_count < PAM_MAX_PY_THREADS; py = entry->has_python ? py->inner : NULL) {
        const size_t count = sampler->wanted_count++;

        py->still = entry->watch.heard && !entry->watch.on_cpu;
        py->moved = false;
        sampler->wanted[count] = entry;
        sampler->wanted_py[count] = py;
        sampler->results[count] = (struct pam_stack_result){.outcome = outcome};
    }
}

/* Threads that may have run since their last sample, and those that never had one; those with Python or
 * those without. */
static void choose_threads(struct pam_sampler *sampler, struct pam_attachment *attachment,
                           uint64_t now_ns, bool all, bool python)
{
    const struct pam_activity *activity = sampler->table.activity;
    const uint64_t scheduler_tick_ns = sampler->host.record.scheduler_tick_ns;
    const struct pam_threads *threads = &attachment->threads;

    for (size_t i = 0; i < threads->count && sampler->wanted_count < PAM_MAX_PY_THREADS; i++) {
        struct pam_thread_entry *entry = threads->entries[i];
        bool may_have_run;

        if (entry->has_python != python)
            continue;
        may_have_run = entry->tid < 0 || activity->look(sampler->table.activity_state, &entry->watch,
                                                        now_ns, scheduler_tick_ns);
        attachment->scan_wanted |= entry->watch.gone;
        if (!entry->watch.gone && (may_have_run || !entry->sampled || entry->unfinished || all))
            want(sampler, entry);
    }
}

/* Threads enter and leave the interpreter's list while they run, and those of it tell when they exit; so
 * only one that ran without being on the list can have changed it. */
static void look_at_others(struct pam_attachment *attachment, bool are_sampled)
{
    for (size_t i = 0; i < attachment->threads.count; i++) {
        struct pam_thread_entry *entry = attachment->threads.entries[i];

        if (entry->has_python)
            continue;
        attachment->list_wanted |= entry->watch.moved;
        if (!are_sampled)
            entry->watch.moved = false;
    }
}

static void record_switch(const struct pam_switch_event *event, void *context)
{
    struct pam_sampler *sampler = context;
    const struct pam_thread_entry *entry = pam_threads_find(&sampler->table, event->tid);
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
    const struct pam_thread_entry *entry = pam_threads_find(&sampler->table, event->tid);
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
    struct pam_thread_entry *entry = pam_threads_find(&sampler->table, tid);

    return entry ? &entry->watch : NULL;
}

static void take_change(const struct pam_change *change, void *context)
{
    struct pam_sampler *sampler = context;

    pam_processes_change(sampler, change);
    sampler->tasks_changed = true;
}

/* Which threads the lost records were about is not known: each may have run, and may run now. */
static void suspect_all(struct pam_sampler *sampler)
{
    for (size_t i = 0; i < sampler->attached_count; i++) {
        const struct pam_threads *threads = &sampler->attached[i]->threads;

        for (size_t j = 0; j < threads->count; j++) {
            struct pam_watch *watch = &threads->entries[j]->watch;

            watch->moved = watch->doubtful = watch->gap = true;
            watch->trusted_until_ns = 0;
        }
        sampler->attached[i]->scan_wanted = true;
    }
    sampler->tasks_changed = sampler->children_wanted = true;
}

void pam_drain_activity(struct pam_sampler *sampler)
{
    struct pam_drain drain = {
        .find = find_watch,
        .take = sampler->settings.keep_switches ? record_switch : NULL,
        .take_on_cpu = record_on_cpu,
        .take_change = take_change,
        .take_switched = sampler->below ? pam_below_take_switched : NULL,
        .take_mapping = sampler->below ? pam_below_take_mapping : NULL,
        .context = sampler,
    };

    sampler->table.activity->drain(sampler->table.activity_state, &drain);
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

    if (!sampler->table.activity->exact)
        return;
    pam_drain_activity(sampler);
    for (size_t i = 0; i < sampler->wanted_count; i++) {
        struct pam_py_thread *py = sampler->wanted_py[i];

        py->moved = py->still && sampler->wanted[i]->watch.moved;
    }
}

/* When it came on and went off, relative to the tick; what happened after the tick's time and before
 * the drain counts as at the tick. One that was preempted since the tick was due was so by us, as a rule. */
static void add_switch_times(const struct pam_sampler *sampler, struct pam_watch *watch, struct pam_sample *record)
{
    const uint64_t tick_ns = sampler->recorder.time_ns, step_ns = sampler->step_ns;

    record->flags |= PAM_SAMPLE_EXACT;
    if (watch->on_cpu && !watch->running && watch->switched_ns < sampler->due_ns)
        record->flags |= PAM_SAMPLE_QUEUED;
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
    const struct pam_thread_table *table = &sampler->table;
    const uint64_t ahead_ns = pam_random(&sampler->random) % sampler->step_ns;
    uint64_t steps = whole_steps(sampler, entry, ahead_ns);

    /* By an estimate; what it told too much or too little, the next step makes up for. */
    if (steps && table->activity->account &&
        sampler->recorder.time_ns >= entry->watch.trusted_until_ns) {
        table->activity->account(table->activity_state, &entry->watch, sampler->recorder.time_ns);
        steps = whole_steps(sampler, entry, ahead_ns);
    }
    entry->told_cpu_ns += steps * sampler->step_ns;
    return steps;
}

/* What a sample says of the GIL. */
static uint64_t gil_flags(const struct pam_stack_result *result)
{
    static const uint64_t flags[PAM_GIL_AWAITED + 1] = {
        [PAM_GIL_UNKNOWN] = PAM_SAMPLE_GIL_UNKNOWN,
        [PAM_GIL_HELD] = PAM_SAMPLE_HOLDS_GIL,
        [PAM_GIL_AWAITED] = PAM_SAMPLE_WAITS_GIL,
    };

    return flags[result->gil] | (result->collecting ? PAM_SAMPLE_COLLECTS : 0);
}

static void record_sample(struct pam_sampler *sampler, size_t wanted)
{
    struct pam_thread_entry *entry = sampler->wanted[wanted];
    const struct pam_stack_result *result = &sampler->results[wanted];
    struct pam_sample record = {
        .thread = entry->id,
        .native = pam_below_id(sampler, wanted),
        .task = result->task,
        .task_depth = result->task_depth,
    };
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
    if (result->between)
        record.flags |= PAM_SAMPLE_BETWEEN;
    if (entry->has_python)
        record.flags |= gil_flags(result);
    entry->unfinished = record.flags & (PAM_SAMPLE_FAILED | PAM_SAMPLE_LEAF_CUT);
    if (entry->watch.heard)
        add_switch_times(sampler, &entry->watch, &record);
    pam_recorder_reserve(&sampler->recorder,
                         SAMPLE_BYTES + (entry->counts ? pam_counts_sample_bytes(&sampler->counting) : 0));
    if (entry->stack_block != sampler->recorder.block_number || entry->stack_plus1 != stack_plus1)
        record.stack_plus1 = stack_plus1;
    entry->stack_plus1 = stack_plus1;
    entry->stack_block = sampler->recorder.block_number;
    pam_recorder_put(&sampler->recorder, PAM_sample, &record);
    if (entry->counts)
        pam_counts_record_sample(entry->counts, &sampler->counting, &sampler->recorder);
}

/* The first process with a thread that ran brings the tick's record. */
static void begin_samples(struct pam_sampler *sampler, uint64_t now_ns)
{
    if (!sampler->tick_begun)
        pam_recorder_time(&sampler->recorder, now_ns, sampler->empty_ticks, true);
    sampler->tick_begun = true;
    sampler->empty_ticks = 0;
}

static int read_python(struct pam_sampler *sampler, struct pam_attachment *attachment, size_t count)
{
    int r;

    attachment->list_wanted |= !sampler->table.activity->exact;
    r = pam_stacks_read(attachment->stacks, sampler->wanted_py, sampler->results, count,
                        attachment->list_wanted, check_still, sampler);
    attachment->list_wanted = false;
    pam_waits_look(sampler, attachment, count);
    for (size_t i = 0; i < count; i++)
        attachment->scan_wanted |= sampler->results[i].gone;
    if (memcmp(pam_stack_thread_list(attachment->stacks), &attachment->list,
               sizeof attachment->list) != 0)
        attachment->scan_wanted = true;
    return r;
}

/* Returns false when the process cannot be read any more. */
static bool sample_process(struct pam_sampler *sampler, struct pam_attachment *attachment,
                           uint64_t now_ns, bool all)
{
    size_t python_count, left;
    int r = 0;

    sampler->wanted_count = 0;
    all |= attachment->resample;
    look_at_others(attachment, sampler->below != NULL);
    choose_threads(sampler, attachment, now_ns, all, true);
    python_count = sampler->wanted_count;
    if (sampler->below)
        choose_threads(sampler, attachment, now_ns, all, false);
    if (!sampler->wanted_count)
        return true;
    begin_samples(sampler, now_ns);
    pam_below_copy(sampler, attachment);
    if (python_count)
        r = read_python(sampler, attachment, python_count);
    left = pam_below_settle(sampler, attachment);
    for (size_t i = 0; i < sampler->wanted_count; i++)
        if (i + 1 == sampler->wanted_count || !sampler->wanted_py[i + 1]->is_inner)
            record_sample(sampler, i); /* the last of a thread has the whole stack */
    return r == 0 && (attachment->is_python || !left);
}

static void start_epoch(struct pam_sampler *sampler, uint64_t now_ns)
{
    for (size_t i = 0; i < sampler->attached_count; i++)
        if (sampler->attached[i]->is_python) /* the ids of its codes end with the epoch */
            pam_codes_check(&sampler->attached[i]->codes, &sampler->recorder);
    if (pam_recorder_start_epoch(&sampler->recorder, now_ns))
        pam_repeat_state(sampler);
}

/* A program that was just started becomes Python after a while: look again, ever more rarely, so that
 * it is missed for a ninth of its start at most. */
static void try_attach(struct pam_sampler *sampler, struct pam_attachment *attachment, uint64_t now_ns)
{
    const uint64_t longest_ns =
        attachment->is_target && !sampler->below ? TARGET_WAIT_MAX_NS : CHILD_WAIT_MAX_NS;
    struct pam_error ignored;

    if (now_ns < attachment->next_attach_ns)
        return;
    if (pam_attach(sampler, attachment, &ignored) == 0) {
        pam_record_process(sampler, pam_monitor_adopt(&sampler->monitor, attachment->pid));
        return;
    }
    if (attachment->attach_wait_ns < ATTACH_WAIT_MIN_NS)
        attachment->attach_wait_ns = ATTACH_WAIT_MIN_NS;
    attachment->next_attach_ns = now_ns + attachment->attach_wait_ns;
    if (attachment->attach_wait_ns < longest_ns)
        attachment->attach_wait_ns += attachment->attach_wait_ns / 8;
}

/* Those that have gone may have lived until now, not just until the tick before. Always true. */
static bool list_threads(struct pam_sampler *sampler, struct pam_attachment *attachment, uint64_t now_ns)
{
    pam_recorder_time(&sampler->recorder, now_ns, 0, false);
    if (sampler->below) /* those without Python are sampled too */
        pam_threads_scan_kernel(&attachment->threads, &sampler->recorder);
    else
        pam_threads_bury(&attachment->threads, &sampler->recorder);
    if (attachment->is_python)
        pam_name_threads(attachment, now_ns);
    else
        attachment->scan_wanted = false;
    pam_threads_announce(&attachment->threads, &sampler->recorder);
    return true;
}

/* What a process needs before its threads can be sampled. True when it took a while. */
static bool prepare(struct pam_sampler *sampler, struct pam_attachment *attachment, uint64_t now_ns)
{
    pam_below_prepare(sampler, attachment, now_ns);
    if (!attachment->is_python)
        try_attach(sampler, attachment, now_ns);
    if (!attachment->is_python)
        return sampler->below && attachment->scan_wanted && list_threads(sampler, attachment, now_ns);
    if (now_ns >= attachment->codes.check_due_ns)
        pam_codes_check(&attachment->codes, &sampler->recorder);
    if (attachment->scan_failures > HOPELESS_SCANS)
        pam_detach(sampler, attachment);
    if (!attachment->is_python || !attachment->scan_wanted || !pam_scan_threads(attachment))
        return false;
    return list_threads(sampler, attachment, now_ns);
}

/* What cannot be read may have exited. */
static void suspect(struct pam_sampler *sampler, const struct pam_attachment *attachment)
{
    if (!attachment->is_target)
        pam_processes_change(sampler, &(struct pam_change){PAM_PROCESS_EXITS, attachment->pid, 0});
    else if (!pam_target_alive(sampler->target))
        pam_target_exited(sampler);
}

static void sample_all(struct pam_sampler *sampler, uint64_t now_ns, bool all)
{
    bool any = false;

    sampler->tick_begun = false;
    for (size_t i = 0; i < sampler->attached_count; i++) {
        struct pam_attachment *attachment = sampler->attached[i];

        if (!attachment->is_python && !sampler->below)
            continue;
        any = true;
        if (attachment->scan_failures || !sample_process(sampler, attachment, now_ns, all))
            suspect(sampler, attachment);
    }
    sampler->health.ticks += any;
    sampler->empty_ticks = any ? sampler->empty_ticks + !sampler->tick_begun : 0;
}

void pam_tick(struct pam_sampler *sampler, uint64_t now_ns)
{
    const bool new_epoch = pam_recorder_epoch_due(&sampler->recorder, now_ns);
    bool slow = false;

    if (new_epoch)
        start_epoch(sampler, now_ns);
    pam_drain_activity(sampler);
    pam_processes_review(sampler, now_ns);
    for (size_t i = 0; i < sampler->attached_count; i++)
        slow |= prepare(sampler, sampler->attached[i], now_ns);
    if (slow)
        now_ns = pam_monotonic_ns(); /* samples carry the time of their read */
    sample_all(sampler, now_ns, new_epoch);
    if (sampler->table.waits_wanted)
        pam_waits_catch_up(sampler);
}
