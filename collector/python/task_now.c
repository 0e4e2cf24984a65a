/* task_now.c - which asyncio task a thread was running when its stack was read. */
#include "python/task_now.h"

#include <string.h>

enum {
    MOST_OUTER = 8,  /* coroutines in a stack that no other one awaits: eager tasks start in each other */
    IDLE_WALKS = 16, /* a task that so many stacks of its thread were not of is no longer copied */
};

/* A coroutine in the stack that is called by something else than a coroutine or generator: what a task,
 * if there is one, runs. */
struct outer {
    uint64_t coroutine;
    uint32_t depth;
    const struct pam_code_entry *code;
};

/* Innermost first. */
static size_t find_outer(const struct pam_task_stack *stack, struct outer outer[MOST_OUTER])
{
    size_t count = 0;

    for (uint32_t i = stack->kept; i-- > 0 && count < MOST_OUTER;) {
        const struct pam_raw_frame *frame = &stack->chain->frames[stack->chain->depth - 1 - i];

        if (stack->entries[i]->is_coroutine && frame->generator && (i == 0 || !frame[1].generator))
            outer[count++] = (struct outer){frame->generator, i, stack->entries[i]};
    }
    return count;
}

/* --- the task that the thread ran last, copied with the stack -------------------------------------- */

static bool take_copy(struct pam_tasks *tasks, const struct pam_task_stack *stack, unsigned pass,
                      struct pam_task_copy *copy)
{
    const struct pam_py_thread *thread = stack->thread;
    const unsigned char *task = pam_region_copy(&thread->task, stack->arena, pass);
    const unsigned char *name = pam_region_copy(&thread->task_name, stack->arena, pass);

    if (!task || !name)
        return false;
    copy->address = thread->task.address;
    memcpy(copy->task, task, thread->task.size);
    copy->name.address = thread->task_name.address;
    copy->name.size = thread->task_name.size;
    memcpy(copy->name.bytes, name, thread->task_name.size);
    return pam_task_is_valid(tasks, copy);
}

static bool is_copied(struct pam_tasks *tasks, const struct pam_task_stack *stack,
                      uint64_t coroutine, struct pam_task_copy *copy)
{
    struct pam_task_copy first;

    return stack->thread->task.size && take_copy(tasks, stack, 0, &first) &&
           take_copy(tasks, stack, 1, copy) && pam_task_coroutine(tasks, copy) == coroutine &&
           pam_task_is_same(tasks, &first, copy);
}

static void copy_from_now_on(struct pam_tasks *tasks, struct pam_py_thread *thread,
                             const struct pam_task_copy *copy)
{
    thread->task =
        (struct pam_region){.address = copy->address, .size = tasks->heap.layout->task_bytes};
    thread->task_name = (struct pam_region){
        .address = copy->name.address, .size = sizeof copy->name.bytes};
}

/* --- another one, read after the stack ---------------------------------------------------------------- */

enum { COROUTINE_BYTES = 256, PROBE_PIECES = 3 + PAM_RUNNING_PIECES };

/* One read: a task that may be the one, its name, the coroutine, and whatever else there is room for. */
struct probe {
    struct pam_piece pieces[PROBE_PIECES];
    size_t count;
    struct pam_task_copy copy;
    unsigned char coroutine[COROUTINE_BYTES];
};

static void begin_probe(const struct pam_tasks *tasks, uint64_t address, uint64_t name,
                        const struct outer *outer, struct probe *probe)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint32_t last = layout->generator_state > layout->generator_code ? layout->generator_state
                                                                           : layout->generator_code;

    probe->pieces[0] = (struct pam_piece){
        .address = outer->coroutine,
        .into = probe->coroutine,
        .size = last + 8 < COROUTINE_BYTES ? last + 8 : COROUTINE_BYTES};
    probe->count = 1 + pam_task_pieces(tasks, &probe->copy, address, name, probe->pieces + 1);
}

static bool has_coroutine(const struct pam_tasks *tasks, const struct probe *probe,
                          const struct outer *outer)
{
    return probe->pieces[1].ok && pam_task_coroutine(tasks, &probe->copy) == outer->coroutine;
}

/* It is the task. A coroutine that has not started yet took the place of the one in the stack. */
static bool is_the_one(struct pam_tasks *tasks, const struct probe *probe, const struct outer *outer)
{
    const struct pam_layout *layout = tasks->heap.layout;

    return probe->pieces[0].ok && has_coroutine(tasks, probe, outer) && probe->copy.name.address &&
           probe->pieces[2].ok && pam_task_is_valid(tasks, &probe->copy) &&
           probe->coroutine[layout->generator_state] != layout->frame_created &&
           (pam_u64_at(probe->coroutine, layout->generator_code) &
            ~(uint64_t)layout->frame_code_tags) == outer->code->address;
}

/* Of one of the coroutines in the stack? Its name mostly stands where that of the task did that had this
 * address before. */
static const struct outer *try_task(struct pam_tasks *tasks, uint64_t address,
                                    const struct outer *outer, size_t count, struct probe *probe)
{
    const struct pam_task_entry *known = pam_task_at(tasks, address);
    uint64_t name = known ? known->name : 0;

    for (size_t i = 0; i < count; i++)
        for (int tries = 0; tries < 2; tries++) {
            begin_probe(tasks, address, name, &outer[i], probe);
            if (pam_remote_readv(tasks->heap.remote, probe->pieces, probe->count) < 0 ||
                !has_coroutine(tasks, probe, &outer[i]))
                break;
            if (is_the_one(tasks, probe, &outer[i]))
                return &outer[i];
            name = pam_task_name(tasks, &probe->copy);
        }
    return NULL;
}

/* They may have gone on to another task since, but the one in the stack is mostly still there. */
static const struct outer *try_each(struct pam_tasks *tasks, const struct pam_running *running,
                                    const struct outer *outer, size_t count, struct probe *probe)
{
    const struct outer *found = NULL;

    for (size_t i = 0; i < running->count && !found; i++)
        found = try_task(tasks, running->addresses[i], outer, count, probe);
    return found;
}

/* The task that had this coroutine when it was seen before, else what asyncio says that its loops run:
 * both by the first read. */
static const struct outer *search(struct pam_tasks *tasks, uint64_t tstate, const struct outer *outer,
                                  size_t count, struct probe *probe)
{
    const struct pam_task_entry *known =
        count == 1 ? pam_task_of_coroutine(tasks, outer[0].coroutine) : NULL;
    struct pam_running_copy copy;
    struct pam_running running;
    size_t loops;

    begin_probe(tasks, known ? known->address : 0, known ? known->name : 0, &outer[0], probe);
    probe->count = known ? probe->count : 0;
    loops = pam_running_pieces(tasks, &tstate, 1, &copy, probe->pieces + probe->count);
    if (pam_remote_readv(tasks->heap.remote, probe->pieces, probe->count + loops) < 0)
        return NULL;
    if (known && is_the_one(tasks, probe, &outer[0]))
        return &outer[0];
    pam_running_get(tasks, &copy, &running);
    return try_each(tasks, &running, outer, count, probe);
}

bool pam_task_now(struct pam_tasks *tasks, const struct pam_task_stack *stack, uint64_t *task,
                  uint32_t *depth)
{
    struct pam_py_thread *thread = stack->thread;
    struct outer outer[MOST_OUTER];
    const struct pam_task_entry *entry;
    const struct outer *found;
    struct probe probe;
    size_t count;

    *task = 0;
    *depth = 0;
    if (thread->task.size && thread->task.idle++ == IDLE_WALKS)
        thread->task.size = thread->task_name.size = 0;
    count = find_outer(stack, outer);
    if (!count)
        return true;
    /* With several, only asyncio can tell which task is running now. */
    if (count == 1 && is_copied(tasks, stack, outer[0].coroutine, &probe.copy))
        found = &outer[0];
    else if (!(found = try_each(tasks, stack->running, outer, count, &probe)))
        found = search(tasks, thread->tstate, outer, count, &probe);
    entry = found ? pam_task_get(tasks, &probe.copy, found->code) : NULL;
    if (!entry)
        return false;
    if (!thread->task.size || thread->task.address != entry->address ||
        thread->task_name.address != entry->name)
        copy_from_now_on(tasks, thread, &probe.copy);
    thread->task.idle = 0;
    *task = entry->id;
    *depth = found->depth;
    return true;
}
