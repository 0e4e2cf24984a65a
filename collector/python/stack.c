/* stack.c - the Python stacks of many threads by one vectored read, validated, never stopping them. */
#include "python/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "python/reader.h"
#include "python/regions.h"

enum {
    MORE_ROUNDS = 8,        /* reads until the regions of a thread are known */
    UNSTABLE_RETRIES = 5,   /* reads repeated because the thread moved during one */
    MAX_CALLS = 50000,      /* of one look at all threads: 0.1 s. 4,096 new threads need 10 each */
};

static bool record_stack(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                         uint32_t kept, uint64_t *stack_id)
{
    const struct pam_chain *chain = &reader->chains[1];
    uint64_t parent = *stack_id;

    if (!pam_thread_node_room(thread, kept))
        return false;
    if (thread->base != parent)
        thread->depth = 0;
    thread->base = parent;
    for (uint32_t i = 0; i < kept; i++) {
        const struct pam_raw_frame *raw = &chain->frames[chain->depth - 1 - i];
        struct pam_node *node = &thread->nodes[i];
        uint64_t unit_plus1 = 0, frame;

        (void)pam_unit_plus1(reader->codes, reader->entries[i], raw->place, &unit_plus1);
        if (i >= thread->depth || node->code_id != reader->entries[i]->id ||
            node->unit_plus1 != unit_plus1 || node->entered != raw->entered) {
            thread->depth = i;
            frame = pam_recorder_frame(reader->recorder, reader->entries[i]->id, unit_plus1);
            *node = (struct pam_node){reader->entries[i]->id, unit_plus1,
                                      frame ? pam_recorder_stack(reader->recorder, parent, frame,
                                                                 raw->entered) : 0,
                                      raw->entered};
            if (!node->stack_id)
                return false;
            thread->depth = i + 1;
        }
        parent = node->stack_id;
    }
    thread->depth = kept;
    *stack_id = parent;
    return true;
}

static void tell_task(struct pam_stack_reader *reader, struct pam_py_thread *thread, uint32_t kept,
                      struct pam_stack_result *result)
{
    const struct pam_task_stack stack = {thread, &reader->chains[1], reader->entries, kept,
                                         reader->arena};

    if (!pam_task_now(reader->tasks, &stack, &result->task, &result->task_depth))
        reader->health->tasks_unknown++;
}

/* Adds the outcome to the health counts. */
static void count_outcome(struct pam_health *health, const struct pam_stack_result *result)
{
    uint64_t *const reasons[] = {
        [PAM_WALK_MORE] = &health->fail_unstable,    [PAM_WALK_READ] = &health->fail_read,
        [PAM_WALK_POINTER] = &health->fail_pointer,  [PAM_WALK_CODE] = &health->fail_code,
        [PAM_WALK_GEOMETRY] = &health->fail_geometry, [PAM_WALK_UNSTABLE] = &health->fail_unstable,
        [PAM_WALK_DEPTH] = &health->fail_depth,
    };
    uint64_t *const outcomes[] = {
        [PAM_STACK_WHOLE] = &health->whole,
        [PAM_STACK_TRUNCATED] = &health->truncated,
        [PAM_STACK_NO_FRAME] = &health->no_frame,
        [PAM_STACK_FAILED] = &health->failed,
    };

    (*outcomes[result->outcome])++;
    if (result->outcome == PAM_STACK_FAILED)
        (*reasons[result->why])++;
    health->frames_kept += result->kept;
    health->frames_dropped += result->dropped;
}

static void swap_with_best(struct pam_stack_reader *reader)
{
    struct pam_code_entry **const entries = reader->entries;
    const struct pam_chain chain = reader->chains[1];

    reader->entries = reader->best.entries;
    reader->chains[1] = reader->best.chain;
    reader->best.entries = entries;
    reader->best.chain = chain;
}

/* Remembers a try that another one follows, if it is better than those before. */
static void keep_best(struct pam_stack_reader *reader, uint32_t kept, uint32_t depth)
{
    struct best *best = &reader->best;
    const uint32_t lost = depth - kept, best_lost = best->depth - best->kept;

    if (!kept || (best->kept && (lost > best_lost || (lost == best_lost && kept <= best->kept))))
        return;
    swap_with_best(reader);
    best->kept = kept;
    best->depth = depth;
    best->moment = *reader->moment;
}

static uint32_t walk_forward(struct pam_stack_reader *reader, struct pam_py_thread *thread)
{
    return pam_walk_forward(reader->layout, reader->arena, thread, &reader->chains[1], reader->codes,
                            reader->recorder, reader->entries);
}

/* Before frame objects are learnt that may be gone then: what hangs at the root already. */
static void keep_root_side(struct pam_stack_reader *reader, struct pam_py_thread *thread)
{
    const uint32_t kept = walk_forward(reader, thread);

    keep_best(reader, kept, kept + 1);
}

enum progress { DONE, AGAIN_MORE, AGAIN_UNSTABLE };

/* Tries to make a stack of the two copies that were read. `last`: there will be no further try, so
 * what there is counts. */
static enum progress decode(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                            struct pam_stack_result *result, bool last)
{
    const unsigned first = thread->state.copy[0].offset == thread->state.copy[1].offset; /* one copy is both */
    enum pam_walk why = PAM_WALK_OK;
    uint32_t kept = 0, depth = 0;

    for (unsigned pass = first; pass < 2 && why == PAM_WALK_OK; pass++) {
        struct pam_chain *chain = &reader->chains[pass];

        why = pam_walk_chain(reader->layout, reader->arena, thread, pass, chain);
        depth = chain->depth > depth ? chain->depth : depth;
        if (why == PAM_WALK_OK && chain->depth)
            thread->root = chain->frames[chain->depth - 1].address;
        if (why == PAM_WALK_MORE && !last && !reader->layout->tstate_chunk)
            keep_root_side(reader, thread);
        if (why == PAM_WALK_MORE && !last)
            return pam_regions_learn(reader->remote, reader->layout, reader->arena, thread, pass,
                                     chain->missing)
                       ? AGAIN_MORE
                       : AGAIN_UNSTABLE;
    }
    result->gone = why == PAM_WALK_GONE;
    if (result->gone || (why == PAM_WALK_OK && !depth)) {
        result->outcome = PAM_STACK_NO_FRAME;
        thread->depth = 0;
        return DONE;
    }
    if (why == PAM_WALK_OK) {
        kept = pam_walk_agree(reader->layout, thread, &reader->chains[first], &reader->chains[1],
                              reader->codes, reader->recorder, reader->entries, &why);
        pam_regions_age(reader->layout, reader->arena, thread);
    }
    if ((why != PAM_WALK_UNSTABLE || kept < depth) && !last) {
        if (why == PAM_WALK_GEOMETRY || why == PAM_WALK_POINTER) {
            /* perhaps another code object has the address */
            pam_codes_check(reader->codes, reader->recorder);
            reader->best.kept = 0;
        } else {
            keep_best(reader, kept, depth);
        }
        return AGAIN_UNSTABLE;
    }
    if (reader->best.kept && (!kept || depth - kept > reader->best.depth - reader->best.kept)) {
        swap_with_best(reader);
        kept = reader->best.kept;
        depth = reader->best.depth;
        *reader->moment = reader->best.moment;
    }
    if (!kept) {
        kept = walk_forward(reader, thread);
        depth = kept ? kept + 1 : 0; /* at least the leaf is missing */
    }
    if (!kept || !record_stack(reader, thread, kept, &result->stack_id))
        result->outcome = PAM_STACK_FAILED;
    else
        result->outcome = kept == depth ? PAM_STACK_WHOLE : PAM_STACK_TRUNCATED;
    result->between = result->outcome == PAM_STACK_WHOLE &&
                      pam_walk_is_between(reader->layout, reader->arena, thread, &reader->chains[1],
                                          reader->entries);
    result->why = (uint8_t)why;
    result->kept = kept;
    result->dropped = depth - kept;
    if (result->outcome != PAM_STACK_FAILED && reader->tasks)
        tell_task(reader, thread, kept, result);
    return DONE;
}

/* Reads one thread until it is done; the first read was made with others. */
static int finish_thread(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                         struct pam_stack_result *result)
{
    unsigned more = 0, unstable = 0;
    bool last = false;

    reader->best.kept = 0;
    reader->moment = &reader->moments[0];
    thread->still = false; /* in further reads, which nobody checks */
    if (thread->moved) {
        const int r = pam_read_copies(reader, &thread, 1, true);

        if (r < 0)
            return r;
    }
    for (;;) {
        const enum progress progress = decode(reader, thread, result, last);
        int r;

        if (progress == DONE) {
            pam_regions_doubt(thread, result->outcome == PAM_STACK_TRUNCATED ||
                                          result->outcome == PAM_STACK_FAILED);
            result->gil = pam_gil_state(&reader->gil, reader->moment, thread->interpreter,
                                        thread->tstate);
            result->collecting = pam_gil_collecting(reader->moment, result->gil, thread->tstate);
            return 0;
        }
        reader->health->retried += progress == AGAIN_UNSTABLE;
        more += progress == AGAIN_MORE;
        unstable += progress == AGAIN_UNSTABLE;
        last = more >= MORE_ROUNDS || unstable >= UNSTABLE_RETRIES;
        r = pam_read_copies(reader, &thread, 1, true);
        if (r < 0)
            return r;
    }
}

/* A thread that is in no other interpreter now has no frame there, or no longer its state. */
static void go_on(struct pam_stack_result *inner, const struct pam_stack_result *outer)
{
    const bool is_there = inner->outcome != PAM_STACK_NO_FRAME && !inner->gone;
    const bool is_cut = is_there && inner->outcome == PAM_STACK_FAILED && outer->outcome == PAM_STACK_WHOLE;
    const struct pam_stack_result found = *inner;

    if (!is_there || is_cut) {
        *inner = *outer;
        inner->gone |= found.gone;
        if (is_cut)
            inner->outcome = PAM_STACK_TRUNCATED;
        return;
    }
    inner->kept += outer->kept;
    inner->dropped += outer->dropped;
    inner->gone |= outer->gone;
}

/* The i-th of the threads, whose copies were read; one that goes on from a stack that was not read to its
 * end has that one's result. */
static int finish(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                  struct pam_stack_result *results, size_t i)
{
    const struct pam_stack_result *outer = threads[i]->is_inner && i ? &results[i - 1] : NULL;
    int r;

    if (outer && outer->outcome != PAM_STACK_WHOLE && outer->outcome != PAM_STACK_NO_FRAME) {
        results[i] = *outer;
        return 0;
    }
    results[i].stack_id = outer ? outer->stack_id : 0;
    r = finish_thread(reader, threads[i], &results[i]);
    if (r == 0 && outer)
        go_on(&results[i], outer);
    return r;
}

static bool is_last_of_thread(struct pam_py_thread *const *threads, size_t count, size_t i)
{
    return i + 1 == count || !threads[i + 1]->is_inner;
}

/* What cannot be read any more is counted as such. */
static int read_threads(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                        struct pam_stack_result *results, size_t count, pam_check_still *check,
                        void *context)
{
    size_t done = 0;

    for (size_t from = 0; from < count;) {
        const size_t n = pam_batch_size(threads + from, count - from);
        int r = pam_read_copies(reader, threads + from, n, false);

        reader->listing = NO_LIST;
        atomic_thread_fence(memory_order_acquire); /* the copies are older than what is checked now */
        if (r == 0 && check)
            check(context);
        for (size_t i = 0; r == 0 && i < n; i++) {
            r = finish(reader, threads, results, from + i);
            done += r == 0;
            if (r == 0 && is_last_of_thread(threads, count, from + i))
                count_outcome(reader->health, &results[from + i]);
        }
        for (; r < 0 && done < count; done++) {
            results[done] = (struct pam_stack_result){.outcome = PAM_STACK_FAILED, .why = PAM_WALK_READ};
            if (is_last_of_thread(threads, count, done))
                count_outcome(reader->health, &results[done]);
        }
        if (r < 0)
            return r;
        from += n;
    }
    return 0;
}

int pam_stacks_read(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                    struct pam_stack_result *results, size_t count, bool list,
                    pam_check_still *check, void *context)
{
    int r;

    reader->listing = list || reader->runtime->interpreter_count > 1 ? THREADS_TOO : INTERPRETERS;
    pam_remote_allow(reader->remote, MAX_CALLS);
    r = read_threads(reader, threads, results, count, check, context);
    pam_remote_allow(reader->remote, 0);
    return r == -EDQUOT ? 0 : r;
}
