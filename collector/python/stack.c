/* stack.c - the Python stacks of many threads by one vectored read, validated, never stopping them. */
#include "python/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "python/reader.h"
#include "python/regions.h"

enum {
    MORE_ROUNDS = 8,        /* reads until the regions of a thread are known; ... */
    MORE_OBJECTS = 4,       /* ... where these are frame objects, each of them takes long */
    MORE_AT_FIRST = 32,     /* ... until the outermost one is known, ... */
    FIRST_LOOKS = 4,        /* ... in so many looks at a thread that is always busy */
    UNSTABLE_RETRIES = 5,   /* reads repeated because the thread moved during one */
    MAX_CALLS = 50000,      /* of one look at all threads: 0.1 s. 4,096 new threads need 10 each */
};

static bool record_stack(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                         uint32_t kept, uint64_t *stack_id)
{
    const struct pam_chain *chain = &reader->now.chain;
    struct pam_code_entry *const *const entries = reader->now.entries;
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

        (void)pam_unit_plus1(reader->codes, entries[i], raw->place, &unit_plus1);
        if (i >= thread->depth || node->code_id != entries[i]->id ||
            node->unit_plus1 != unit_plus1 || node->entered != raw->entered) {
            thread->depth = i;
            frame = pam_recorder_frame(reader->recorder, entries[i]->id, unit_plus1);
            *node = (struct pam_node){entries[i]->id, unit_plus1,
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
    const struct pam_task_stack stack = {thread, &reader->now.chain, reader->now.entries, kept,
                                         reader->arena, &reader->now.moment.running};

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

enum progress { DONE, AGAIN_MORE, AGAIN_UNSTABLE };

static bool is_held(const struct pam_chain *first, const struct pam_chain *second, uint32_t kept)
{
    return kept && kept < first->depth && kept < second->depth &&
           pam_same_place(first->frames[first->depth - kept].place, second->frames[second->depth - kept].place);
}

/* Of a stack whose root side alone is known at least the leaf is missing, and there are as many frames as the
 * walks met, if not in a circle. */
static uint32_t least_depth(const struct pam_try *now, enum pam_walk why)
{
    if (!now->kept)
        return 0;
    return why == PAM_WALK_DEPTH || now->depth <= now->kept ? now->kept + 1 : now->depth;
}

/* How the copies were understood. */
struct look {
    enum pam_walk why;  /* what ended it; PAM_WALK_UNSTABLE when all of both was the same, too */
    unsigned pass;      /* the copy that did not fit the memory any more, ... */
    uint64_t missing;   /* ... as it told of this frame, or, 0, of other C frames or chunks */
    bool reached_codes; /* both were chains of frames */
};

/* Makes what is certain of the two copies that were read. What hangs at the root already is certain even where
 * the innermost frame cannot be found. */
static struct look look(struct pam_stack_reader *reader, struct pam_py_thread *thread)
{
    const unsigned first = thread->state.copy[0].offset == thread->state.copy[1].offset; /* one copy is both */
    struct pam_chain *const chains[] = {&reader->earlier, &reader->now.chain};
    struct pam_try *const now = &reader->now;
    struct look look = {.why = PAM_WALK_OK};

    now->kept = now->depth = 0;
    now->moment = *reader->moment;
    for (unsigned pass = first; pass < 2 && look.why == PAM_WALK_OK; pass++) {
        struct pam_chain *chain = chains[pass];

        look.pass = pass;
        look.why = pam_walk_chain(reader->layout, reader->arena, thread, pass, chain);
        look.missing = chain->missing;
        now->depth = chain->depth > now->depth ? chain->depth : now->depth;
        if (look.why == PAM_WALK_OK && chain->depth)
            thread->root = chain->frames[chain->depth - 1].address;
    }
    look.reached_codes = look.why == PAM_WALK_OK && now->depth;
    if (look.reached_codes) {
        now->kept = pam_walk_agree(reader->layout, thread, chains[first], &now->chain, reader->codes,
                                   reader->recorder, now->entries, &look.why);
        now->held = is_held(chains[first], &now->chain, now->kept);
    }
    if (!now->kept && look.why != PAM_WALK_OK && look.why != PAM_WALK_GONE) {
        now->kept = pam_walk_forward(reader->layout, reader->arena, thread, &now->chain, reader->codes,
                                     reader->recorder, now->entries, &now->held);
        now->depth = least_depth(now, look.why);
    }
    return look;
}

static enum progress prepare_again(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                                   const struct look *look)
{
    if (look->reached_codes && (look->why == PAM_WALK_GEOMETRY || look->why == PAM_WALK_POINTER)) {
        /* perhaps another code object has the address */
        pam_codes_check(reader->codes, reader->recorder);
        pam_tries_begin(&reader->tries);
        return AGAIN_UNSTABLE;
    }
    pam_tries_keep(&reader->tries, &reader->now);
    return look->why == PAM_WALK_MORE && pam_regions_learn(reader->remote, reader->layout, reader->arena,
                                                           thread, look->pass, look->missing)
               ? AGAIN_MORE
               : AGAIN_UNSTABLE;
}

/* The stack of the try that counts. */
static void conclude(struct pam_stack_reader *reader, struct pam_py_thread *thread, enum pam_walk why,
                     struct pam_stack_result *result)
{
    const struct pam_try *const now = &reader->now;

    pam_tries_settle(&reader->tries, &reader->now);
    if (!now->kept || !record_stack(reader, thread, now->kept, &result->stack_id))
        result->outcome = PAM_STACK_FAILED;
    else
        result->outcome = pam_try_is_whole(now) ? PAM_STACK_WHOLE : PAM_STACK_TRUNCATED;
    result->between = result->outcome == PAM_STACK_WHOLE &&
                      pam_walk_is_between(reader->layout, reader->arena, thread, &now->chain, now->entries);
    result->why = (uint8_t)why;
    result->kept = now->kept;
    result->dropped = now->depth - now->kept;
    if (result->outcome != PAM_STACK_FAILED && reader->tasks)
        tell_task(reader, thread, now->kept, result);
}

/* Tries to make a stack of the two copies that were read. `last`: there will be no further try, so
 * what there is counts. */
static enum progress decode(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                            struct pam_stack_result *result, bool last)
{
    const struct look found = look(reader, thread);
    const bool is_none = found.why == PAM_WALK_OK; /* and no frame to compare */
    const bool is_whole = found.why == PAM_WALK_UNSTABLE && pam_try_is_whole(&reader->now);

    result->gone = found.why == PAM_WALK_GONE;
    if (result->gone || (is_none && !reader->tries.first_count)) {
        result->outcome = PAM_STACK_NO_FRAME;
        thread->depth = 0;
        return DONE;
    }
    if (!last && !is_none && !is_whole && pam_tries_agree(&reader->tries, &reader->now))
        return prepare_again(reader, thread, &found);
    conclude(reader, thread, found.why, result);
    return DONE;
}

static unsigned most_rounds(const struct pam_layout *layout, const struct pam_py_thread *thread)
{
    if (layout->tstate_chunk)
        return MORE_ROUNDS;
    return thread->root || thread->bad_in_a_row >= FIRST_LOOKS ? MORE_OBJECTS : MORE_AT_FIRST;
}

/* Reads one thread until it is done; the first read was made with others. */
static int finish_thread(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                         struct pam_stack_result *result)
{
    unsigned more = 0, unstable = 0;
    bool last = false;

    pam_tries_begin(&reader->tries);
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
            pam_regions_age(reader->layout, reader->arena, thread);
            pam_regions_doubt(thread, result->outcome == PAM_STACK_TRUNCATED ||
                                          result->outcome == PAM_STACK_FAILED);
            result->gil = pam_gil_state(&reader->gil, &reader->now.moment.gil, thread->interpreter,
                                        thread->tstate);
            result->collecting = pam_gil_collecting(&reader->now.moment.gil, result->gil, thread->tstate);
            return 0;
        }
        reader->health->retried += progress == AGAIN_UNSTABLE;
        more += progress == AGAIN_MORE;
        unstable += progress == AGAIN_UNSTABLE;
        last = more >= most_rounds(reader->layout, thread) || unstable >= UNSTABLE_RETRIES;
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
