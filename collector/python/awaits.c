/* awaits.c - what tasks wait for: from the coroutine of each to what that awaits, and so on to the end. */
#include "python/awaits.h"

#include <string.h>

enum {
    MOST_STEPS = 3 * PAM_AWAIT_DEPTH, /* frames that are objects and wrappers between them included */
    PIECES = PAM_AWAIT_TASKS * (1 + 2 * PAM_AWAIT_DEPTH),
};

/* --- one object ---------------------------------------------------------------------------------------- */

static void end_at(struct pam_awaits *awaits, uint64_t object, uint64_t type)
{
    awaits->end = object;
    awaits->end_type = type;
}

/* What the first field of the object points to; 0: to nothing. */
static uint64_t wrapped_by(const struct pam_tasks *tasks, const struct pam_look *look)
{
    const uint64_t address = pam_u64_at(look->bytes, tasks->heap.layout->wrapped);

    return pam_is_pointer(address) ? address : 0;
}

/* The frame of the coroutine, generator or asynchronous generator whose turn it is. Only the outermost
 * one can be without having started. */
static void take_frame(struct pam_tasks *tasks, const struct pam_look *look, struct pam_awaits *awaits,
                       uint64_t *next)
{
    struct pam_await *link = &awaits->chain[awaits->depth];
    const enum pam_await_state state = pam_await_take(&tasks->heap, look, link);

    if (state == PAM_AWAIT_RUNS) {
        awaits->state = PAM_TASK_RUNS;
        awaits->depth = 0;
    } else if (state == PAM_AWAIT_SUSPENDED) {
        awaits->depth++;
        *next = link->awaited;
    } else if (state == PAM_AWAIT_NOT_STARTED && awaits->depth == 0) {
        awaits->state = PAM_TASK_NOT_STARTED;
        awaits->depth++;
    } else {
        awaits->outcome = state == PAM_AWAIT_UNREADABLE ? PAM_AWAITS_UNREADABLE : PAM_AWAITS_CHANGED;
    }
}

/* Where frames are objects, that of a coroutine is read after it: its address is the first field. */
static void take_coroutine(struct pam_tasks *tasks, const struct pam_look *look, uint64_t object,
                           enum pam_type_kind kind, struct pam_awaits *awaits, uint64_t *next)
{
    awaits->chain[awaits->depth] =
        (struct pam_await){.object = object, .kind = kind, .holder = object};
    if (tasks->heap.layout->generator_frame)
        take_frame(tasks, look, awaits, next);
    else if (!(*next = wrapped_by(tasks, look)))
        awaits->outcome = PAM_AWAITS_CHANGED;
}

/* Takes what was read of the object; `next` gets what is to be read after it, 0 at the end. */
static void take_look(struct pam_tasks *tasks, const struct pam_look *look, uint64_t object,
                      struct pam_awaits *awaits, uint64_t *next)
{
    const uint64_t address = pam_u64_at(look->bytes, tasks->heap.layout->object_type);
    const struct pam_type *type =
        look->size ? pam_type_get(&tasks->types, &tasks->heap, address) : NULL;
    const bool is_deepest = awaits->depth == PAM_AWAIT_DEPTH;

    *next = 0;
    if (!type) {
        awaits->outcome = PAM_AWAITS_UNREADABLE;
        return;
    }
    switch (type->kind) {
    case PAM_TYPE_COROUTINE:
    case PAM_TYPE_GENERATOR:
    case PAM_TYPE_ASYNC_GENERATOR:
        if (!is_deepest)
            take_coroutine(tasks, look, object, type->kind, awaits, next);
        return;
    case PAM_TYPE_FRAME:
        if (is_deepest || tasks->heap.layout->generator_frame)
            return;
        awaits->chain[awaits->depth].holder = object;
        take_frame(tasks, look, awaits, next);
        return;
    case PAM_TYPE_WRAPPER: *next = wrapped_by(tasks, look); return;
    default: end_at(awaits, object, address);
    }
}

/* --- some tasks together --------------------------------------------------------------------------------- */

/* From weak references to what they refer to; 0: to nothing any more. */
static int resolve(struct pam_tasks *tasks, const uint64_t *items, size_t count, uint64_t *addresses)
{
    struct pam_piece pieces[PAM_AWAIT_TASKS];
    size_t used = 0;
    int r;

    for (size_t i = 0; i < count; i++) {
        addresses[i] = items[i] & 1 ? 0 : items[i];
        if (items[i] & 1)
            pieces[used++] = (struct pam_piece){
                .address = items[i] - 1 + tasks->heap.layout->weakref_object,
                .into = &addresses[i],
                .size = sizeof addresses[i]};
    }
    r = used ? pam_remote_readv(tasks->heap.remote, pieces, used) : 0;
    for (size_t i = 0; i < count; i++)
        if (!pam_is_pointer(addresses[i]))
            addresses[i] = 0;
    return r;
}

int pam_awaits_read_tasks(struct pam_tasks *tasks, const uint64_t *addresses, size_t count,
                          struct pam_task_copy *const *copies, bool *ok)
{
    struct pam_piece pieces[PAM_AWAIT_TASKS], both[2];
    const struct pam_layout *layout = tasks->heap.layout;
    int r;

    for (size_t i = 0; i < count; i++) {
        (void)pam_task_pieces(tasks, copies[i], addresses[i], 0, both);
        pieces[i] = both[0];
    }
    r = pam_remote_readv(tasks->heap.remote, pieces, count);
    for (size_t i = 0; i < count; i++) {
        ok[i] = addresses[i] && pieces[i].ok;
        copies[i]->name.address = ok[i] ? pam_u64_at(copies[i]->task, layout->task_name) : 0;
        ok[i] = ok[i] && pam_task_is_valid(tasks, copies[i]);
        (void)pam_task_pieces(tasks, copies[i], addresses[i], copies[i]->name.address, both);
        pieces[i] = both[1];
    }
    if (r == 0)
        r = pam_remote_readv(tasks->heap.remote, pieces, count);
    for (size_t i = 0; i < count; i++)
        ok[i] = ok[i] && pieces[i].ok;
    return r;
}

/* Of what a weak reference refers to when its task is gone. */
static bool is_none(struct pam_tasks *tasks, const struct pam_task_copy *copy)
{
    const uint64_t address = pam_u64_at(copy->task, tasks->heap.layout->object_type);
    const struct pam_type *type = pam_type_get(&tasks->types, &tasks->heap, address);

    return type && !strcmp(type->name, "NoneType");
}

/* Reads each object that is next; what is at the end of readable memory is small. */
static int read_looks(struct pam_tasks *tasks, const uint64_t *next, size_t count, struct pam_look *looks)
{
    const uint32_t size = pam_look_bytes(tasks->heap.layout);
    const uint32_t end = pam_frame_end(tasks->heap.layout);
    const uint32_t small_size = tasks->heap.layout->wrapped + 8;
    struct pam_piece pieces[PAM_AWAIT_TASKS];
    size_t used = 0;
    int r;

    for (size_t i = 0; i < count; i++)
        if (next[i])
            pieces[used++] =
                (struct pam_piece){.address = next[i], .into = looks[i].bytes, .size = size};
    r = used ? pam_remote_readv(tasks->heap.remote, pieces, used) : 0;
    for (size_t i = 0, k = 0; i < count; i++) {
        if (!next[i])
            continue;
        looks[i].size = pieces[k++].ok ? size : 0;
        if (!looks[i].size &&
            pam_remote_read(tasks->heap.remote, next[i], looks[i].bytes, end) == 0)
            looks[i].size = end;
        else if (!looks[i].size &&
                 pam_remote_read(tasks->heap.remote, next[i], looks[i].bytes, small_size) == 0)
            looks[i].size = small_size;
    }
    return r;
}

static int follow(struct pam_tasks *tasks, size_t count, struct pam_awaits *awaits)
{
    static struct pam_look looks[PAM_AWAIT_TASKS]; /* the sampling thread's alone */
    uint64_t next[PAM_AWAIT_TASKS];
    size_t active = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        next[i] = awaits[i].outcome == PAM_AWAITS_FOLLOWED ? pam_task_coroutine(tasks, &awaits[i].task) : 0;
        active += next[i] != 0;
    }
    for (unsigned step = 0; r == 0 && active && step < MOST_STEPS; step++) {
        r = read_looks(tasks, next, count, looks);
        active = 0;
        for (size_t i = 0; r == 0 && i < count; i++) {
            if (next[i])
                take_look(tasks, &looks[i], next[i], &awaits[i], &next[i]);
            active += next[i] != 0;
        }
    }
    return r;
}

/* --- the second reading ---------------------------------------------------------------------------------- */

static bool same_task(const struct pam_tasks *tasks, const struct pam_awaits *awaits,
                      const struct pam_task_copy *again)
{
    return pam_task_coroutine(tasks, again) == pam_task_coroutine(tasks, &awaits->task) &&
           pam_task_name(tasks, again) == pam_task_name(tasks, &awaits->task) &&
           pam_u64_at(again->task, tasks->heap.layout->task_waiter) == pam_awaits_waiter(tasks, awaits) &&
           pam_task_is_pending(tasks, again);
}

/* All pieces of all tasks, in one call: what is the same as before was so all the time between. */
struct second {
    struct pam_piece pieces[PIECES];
    struct pam_task_copy tasks[PAM_AWAIT_TASKS];
    unsigned char places[PAM_AWAIT_TASKS][PAM_AWAIT_DEPTH][PAM_FRAME_END_BYTES];
    uint64_t tops[PAM_AWAIT_TASKS][PAM_AWAIT_DEPTH];
};

static size_t list_pieces(const struct pam_tasks *tasks, size_t count, const struct pam_awaits *awaits,
                          struct second *second)
{
    struct pam_piece both[2];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (awaits[i].outcome != PAM_AWAITS_FOLLOWED)
            continue;
        (void)pam_task_pieces(tasks, &second->tasks[i], awaits[i].task.address, 0, both);
        second->pieces[used++] = both[0];
        for (uint32_t k = 0; k < awaits[i].depth; k++) {
            const struct pam_await *link = &awaits[i].chain[k];

            second->pieces[used++] = (struct pam_piece){.address = link->holder,
                                                        .into = second->places[i][k],
                                                        .size = pam_frame_end(tasks->heap.layout)};
            if (link->awaited)
                second->pieces[used++] = (struct pam_piece){
                    .address = link->top_at, .into = &second->tops[i][k], .size = 8};
        }
    }
    return used;
}

static int check(struct pam_tasks *tasks, size_t count, struct pam_awaits *awaits)
{
    static struct second second; /* the sampling thread's alone; touched as far as it is used */
    const size_t used = list_pieces(tasks, count, awaits, &second);
    const int r = used ? pam_remote_readv(tasks->heap.remote, second.pieces, used) : 0;
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        bool same;

        if (awaits[i].outcome != PAM_AWAITS_FOLLOWED)
            continue;
        same = second.pieces[at++].ok && same_task(tasks, &awaits[i], &second.tasks[i]);
        for (uint32_t k = 0; k < awaits[i].depth; k++) {
            const struct pam_await *link = &awaits[i].chain[k];

            same = same && second.pieces[at].ok && (!link->awaited || second.pieces[at + 1].ok) &&
                   pam_await_is_same(tasks->heap.layout, link, second.places[i][k],
                                     second.tops[i][k]);
            at += link->awaited ? 2 : 1;
        }
        if (!same)
            awaits[i].outcome = PAM_AWAITS_CHANGED;
    }
    return r;
}

/* Where the chain does not tell what the task waits for, the task itself does. */
static void find_ends(struct pam_tasks *tasks, size_t count, struct pam_awaits *awaits)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t waiter = pam_awaits_waiter(tasks, &awaits[i]);

        if (awaits[i].outcome != PAM_AWAITS_FOLLOWED || awaits[i].state == PAM_TASK_RUNS ||
            awaits[i].state == PAM_TASK_NOT_STARTED)
            continue;
        awaits[i].state = waiter ? PAM_TASK_WAITS : PAM_TASK_READY;
        if (!awaits[i].end && pam_is_pointer(waiter) &&
            pam_remote_read(tasks->heap.remote, waiter + tasks->heap.layout->object_type,
                            &awaits[i].end_type, 8) == 0)
            awaits[i].end = waiter;
    }
}

int pam_awaits_follow(struct pam_tasks *tasks, const uint64_t *items, size_t count,
                      struct pam_awaits *awaits)
{
    struct pam_task_copy *copies[PAM_AWAIT_TASKS] = {NULL};
    uint64_t addresses[PAM_AWAIT_TASKS] = {0};
    bool ok[PAM_AWAIT_TASKS];
    int r = resolve(tasks, items, count, addresses);

    for (size_t i = 0; i < count; i++) {
        copies[i] = &awaits[i].task;
        awaits[i].outcome = PAM_AWAITS_NONE;
        awaits[i].state = PAM_TASK_WAITS;
        awaits[i].depth = 0;
        awaits[i].end = awaits[i].end_type = 0;
    }
    if (r == 0)
        r = pam_awaits_read_tasks(tasks, addresses, count, copies, ok);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (ok[i] && pam_task_is_pending(tasks, copies[i]))
            awaits[i].outcome = PAM_AWAITS_FOLLOWED;
        else if (!ok[i] && addresses[i] && !is_none(tasks, copies[i]))
            awaits[i].outcome = PAM_AWAITS_UNREADABLE;
    if (r == 0)
        r = follow(tasks, count, awaits);
    find_ends(tasks, count, awaits);
    return r == 0 ? check(tasks, count, awaits) : r;
}
