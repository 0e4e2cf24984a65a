/* walker.c - walks of all pending asyncio tasks (--tasks): when, in what pieces, and their records. */
#include "walker.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/clocks.h"
#include "python/awaited.h"
#include "python/awaits.h"
#include "python/task_list.h"

struct pam_walker {
    uint64_t every_ns, due_ns;
    bool running;
    size_t process;            /* which of the attached ones */
    bool listed;               /* its tasks are in the list ... */
    pid_t pid;                 /* ... and are those of this process, ... */
    uint32_t epoch;            /* ... recorded with ids of this epoch */
    bool begun_anew;           /* an epoch ended in the middle of it */
    uint64_t began_ns;
    size_t at;                 /* in the list */
    size_t batch;              /* as many as the time allowed are followed together */
    struct pam_task_walk sums; /* its record, once it is complete */
    struct pam_task_list list;
    struct pam_awaits awaits[PAM_AWAIT_TASKS];
};

struct pam_walker *pam_walker_new(uint64_t every_ns)
{
    struct pam_walker *walker = calloc(1, sizeof *walker);

    if (walker) {
        walker->every_ns = every_ns;
        walker->batch = PAM_AWAIT_TASKS;
    }
    return walker;
}

void pam_walker_free(struct pam_walker *walker)
{
    free(walker);
}

/* --- a task's record ----------------------------------------------------------------------------------- */

static struct pam_code_entry *code_at(struct pam_tasks *tasks, uint64_t address)
{
    return pam_code_get(tasks->codes, tasks->recorder, address);
}

/* The chain as a stack, outermost first. 0: a code of it could not be read, or a table is full. */
static uint64_t record_chain(struct pam_tasks *tasks, const struct pam_awaits *awaits)
{
    uint64_t stack = 0;

    for (uint32_t i = 0; i < awaits->depth; i++) {
        const struct pam_code_entry *code = code_at(tasks, awaits->chain[i].code);
        uint64_t unit_plus1 = 0, frame;

        if (!code)
            return 0;
        if (awaits->state != PAM_TASK_NOT_STARTED &&
            !pam_unit_plus1(tasks->codes, code, awaits->chain[i].place, &unit_plus1))
            return 0;
        frame = pam_recorder_frame(tasks->recorder, code->id, unit_plus1);
        stack = frame ? pam_recorder_stack(tasks->recorder, stack, frame, false) : 0;
        if (!stack)
            return 0;
    }
    return stack;
}

static uint64_t type_string(struct pam_tasks *tasks, uint64_t address)
{
    const struct pam_type *type =
        address ? pam_type_get(&tasks->types, &tasks->heap, address) : NULL;

    return type ? pam_recorder_string(tasks->recorder, pam_text(type->name)) : 0;
}

/* Distinguishes what a task can wait for: where it stands, and what it awaits there. */
static uint64_t hash_waits(const struct pam_awaits *awaits)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)awaits->state;

    for (uint32_t i = 0; i < awaits->depth; i++) {
        hash = (hash ^ awaits->chain[i].code) * UINT64_C(0x100000001b3);
        hash = (hash ^ awaits->chain[i].place.instruction) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return (hash ^ awaits->end) * UINT64_C(0x100000001b3);
}

static uint64_t waits_since(struct pam_task_entry *entry, const struct pam_awaits *awaits,
                            uint64_t now_ns)
{
    const uint64_t hash = hash_waits(awaits);

    if (entry->waits_hash != hash || !entry->waits_since_ns) {
        entry->waits_hash = hash;
        entry->waits_since_ns = now_ns;
    }
    return entry->waits_since_ns;
}

/* False when it makes no sense. */
static bool record_task(const struct pam_walker *walker, struct pam_tasks *tasks,
                        const struct pam_awaits *awaits)
{
    unsigned char awaited[PAM_MAX_AWAITED];
    const struct pam_code_entry *code =
        awaits->depth ? code_at(tasks, awaits->chain[0].code) : NULL;
    struct pam_pending pending = {.walk = walker->sums.walk, .state = awaits->state};
    struct pam_task_entry *entry;

    pending.stack = record_chain(tasks, awaits);
    if (awaits->depth && !pending.stack)
        return false;
    pending.awaited = (struct pam_bytes){awaited, pam_awaited_ids(tasks, awaits, awaited)};
    pending.group_owner = pam_group_owner_id(tasks, awaits);
    if (!code && !pam_task_is_recorded(tasks, &awaits->task))
        code = pam_coroutine_code(tasks, pam_task_coroutine(tasks, &awaits->task));
    entry = pam_task_get(tasks, &awaits->task, code);
    if (!entry)
        return false;
    pending.task = entry->id;
    pending.awaitable = type_string(tasks, awaits->end_type);
    pending.since_us =
        (tasks->recorder->time_ns - waits_since(entry, awaits, tasks->recorder->time_ns)) / 1000;
    pam_recorder_put(tasks->recorder, PAM_pending, &pending);
    return true;
}

/* --- a walk ---------------------------------------------------------------------------------------------- */

static void list_tasks(struct pam_walker *walker, struct pam_attachment *attachment)
{
    struct pam_tasks *tasks = &attachment->tasks;
    const struct pam_layout *layout = tasks->heap.layout;

    pam_types_forget(&tasks->types);
    pam_task_list_sets(&walker->list, tasks);
    if (layout->tstate_tasks) {
        pam_task_list_left(&walker->list, tasks);
        for (size_t i = 0; i < attachment->threads.count; i++)
            if (attachment->threads.entries[i]->has_python)
                pam_task_list_linked(&walker->list, tasks,
                                     attachment->threads.entries[i]->py.tstate + layout->tstate_tasks);
    }
    pam_tasks_make_room(tasks, (uint32_t)walker->list.count);
}

static void begin_process(struct pam_walker *walker, struct pam_attachment *attachment,
                          const struct pam_recorder *recorder)
{
    walker->listed = true;
    walker->pid = attachment->pid;
    walker->epoch = recorder->epoch;
    walker->began_ns = recorder->time_ns;
    walker->at = 0;
    walker->sums = (struct pam_task_walk){
        .walk = walker->sums.walk + 1, .pid = (uint64_t)attachment->pid};
    list_tasks(walker, attachment);
    walker->sums.left_out = walker->list.left_out;
    walker->sums.unreadable = walker->list.unreadable;
}

/* Those that are followed together, as far as the time allows, but one at least: what a task waits for can be
 * a thousand others. The rest is followed again, as it may have gone on until then. */
static void walk_some(struct pam_walker *walker, struct pam_tasks *tasks, uint64_t until_ns)
{
    const size_t left = walker->list.count - walker->at;
    const size_t count = left < walker->batch ? left : walker->batch;
    size_t i;

    (void)pam_awaits_follow(tasks, walker->list.items + walker->at, count, walker->awaits);
    for (i = 0; i < count && (i == 0 || pam_monotonic_ns() < until_ns); i++) {
        const struct pam_awaits *awaits = &walker->awaits[i];

        walker->at++;
        walker->sums.changed += awaits->outcome == PAM_AWAITS_CHANGED;
        walker->sums.unreadable += awaits->outcome == PAM_AWAITS_UNREADABLE;
        if (awaits->outcome != PAM_AWAITS_FOLLOWED)
            continue;
        if (record_task(walker, tasks, awaits))
            walker->sums.tasks++;
        else
            walker->sums.unreadable++;
    }
    if (i < count)
        walker->batch = i;
    else if (walker->batch < PAM_AWAIT_TASKS)
        walker->batch++;
}

static void end_process(struct pam_walker *walker, struct pam_recorder *recorder)
{
    walker->sums.began_us = (recorder->time_ns - walker->began_ns) / 1000;
    pam_recorder_put(recorder, PAM_task_walk, &walker->sums);
    walker->listed = false;
    walker->begun_anew = false;
    walker->process++;
}

/* What was told of this process belongs to an epoch that has ended: from the beginning, but once. A walk
 * that fills an epoch by itself would never come to its end. */
static void begin_anew(struct pam_walker *walker, struct pam_attachment *attachment,
                       struct pam_recorder *recorder)
{
    const bool hopeless = walker->begun_anew;

    begin_process(walker, attachment, recorder);
    walker->begun_anew = true;
    if (!hopeless)
        return;
    walker->at = walker->list.count;
    walker->sums.left_out += walker->list.count;
}

/* A piece of the walk of the process whose turn it is. */
static void walk_piece(struct pam_walker *walker, struct pam_recorder *recorder,
                       struct pam_attachment *attachment, uint64_t until_ns)
{
    if (!attachment->is_python || !pam_tasks_find_module(&attachment->tasks)) {
        walker->listed = walker->begun_anew = false;
        walker->process++;
        return;
    }
    if (!walker->listed || walker->pid != attachment->pid)
        begin_process(walker, attachment, recorder);
    else if (walker->epoch != recorder->epoch)
        begin_anew(walker, attachment, recorder);
    else
        walk_some(walker, &attachment->tasks, until_ns);
    if (walker->at == walker->list.count)
        end_process(walker, recorder);
}

void pam_walker_step(struct pam_walker *walker, struct pam_recorder *recorder,
                     struct pam_attachment *const *attached, size_t count, uint64_t budget_ns)
{
    const uint64_t start_ns = pam_monotonic_ns();

    if (!walker->running) {
        if (start_ns < walker->due_ns)
            return;
        walker->due_ns = start_ns + walker->every_ns;
        walker->running = true;
        walker->listed = false;
        walker->process = 0;
    }
    pam_recorder_time(recorder, start_ns, 0, false);
    do {
        if (walker->process < count)
            walk_piece(walker, recorder, attached[walker->process], start_ns + budget_ns);
        walker->running = walker->process < count;
    } while (walker->running && pam_monotonic_ns() - start_ns < budget_ns);
}
