/* stack.c - the Python stacks of many threads by one vectored read, validated, never stopping them. */
#include "python/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "python/regions.h"
#include "python/walk.h"

enum {
    MAX_PIECES = 1 << 14,
    /* Reserved, not used: a thread needs at most 2 x PAM_MAX_REGION_BYTES. The upper half is for
     * threads read again while others of their batch still wait in the lower half. */
    ARENA_BYTES = 64 << 20,
    ARENA_AGAIN = ARENA_BYTES / 2,
    MORE_ROUNDS = 8,        /* reads until the regions of a thread are known */
    UNSTABLE_RETRIES = 5,   /* reads repeated because the thread moved during one */
};

struct pam_stack_reader {
    const struct pam_layout *layout;
    struct pam_remote *remote;
    struct pam_codes *codes;
    struct pam_recorder *recorder;
    struct pam_health *health;
    uint64_t thread_list_address;
    uint64_t thread_list[2];
    bool list_wanted;
    size_t piece_count;
    size_t arena_used;
    unsigned char *arena;
    struct pam_piece *pieces;
    struct pam_chain chains[2];
    struct pam_code_entry **entries;
    struct best {            /* of the tries of a thread, the one that lost fewest frames */
        struct pam_chain chain;
        struct pam_code_entry **entries;
        uint32_t kept, depth;
    } best;
};

int pam_stack_reader_new(struct pam_stack_reader **ret, const struct pam_runtime *runtime,
                         struct pam_remote *remote, struct pam_codes *codes,
                         struct pam_recorder *recorder, struct pam_health *health,
                         struct pam_error *error)
{
    struct pam_stack_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return pam_fail(error, PAM_MEMORY, "not enough memory to read stacks");
    reader->layout = runtime->layout;
    reader->remote = remote;
    reader->codes = codes;
    reader->recorder = recorder;
    reader->health = health;
    reader->thread_list_address = runtime->interpreter + runtime->layout->interp_next_thread_id;
    reader->pieces = calloc(MAX_PIECES, sizeof *reader->pieces);
    for (size_t i = 0; i < 2; i++)
        reader->chains[i].frames = calloc(PAM_MAX_DEPTH, sizeof *reader->chains[i].frames);
    reader->best.chain.frames = calloc(PAM_MAX_DEPTH, sizeof *reader->best.chain.frames);
    reader->entries = calloc(PAM_MAX_DEPTH, sizeof *reader->entries);
    reader->best.entries = calloc(PAM_MAX_DEPTH, sizeof *reader->best.entries);
    reader->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reader->arena == MAP_FAILED)
        reader->arena = NULL;
    if (!reader->arena || !reader->pieces || !reader->chains[0].frames || !reader->chains[1].frames ||
        !reader->best.chain.frames || !reader->entries || !reader->best.entries) {
        pam_stack_reader_free(reader);
        return pam_fail(error, PAM_MEMORY, "not enough memory to read stacks");
    }
    *ret = reader;
    return 0;
}

void pam_stack_reader_free(struct pam_stack_reader *reader)
{
    if (!reader)
        return;
    if (reader->arena)
        (void)munmap(reader->arena, ARENA_BYTES);
    free(reader->pieces);
    free(reader->chains[0].frames);
    free(reader->chains[1].frames);
    free(reader->best.chain.frames);
    free(reader->entries);
    free(reader->best.entries);
    free(reader);
}

const uint64_t *pam_stack_thread_list(const struct pam_stack_reader *reader)
{
    return reader->thread_list;
}

/* --- one vectored read ------------------------------------------------------------------------- */

static void begin_read(struct pam_stack_reader *reader, size_t arena_from)
{
    reader->arena_used = arena_from;
    reader->piece_count = 0;
    if (reader->list_wanted)
        reader->pieces[reader->piece_count++] = (struct pam_piece){
            .address = reader->thread_list_address,
            .into = reader->thread_list,
            .size = sizeof reader->thread_list,
        };
}

static void add_piece(struct pam_stack_reader *reader, struct pam_region *region, unsigned pass)
{
    uint32_t *const offset = pass ? &region->second : &region->offset;

    *offset = (uint32_t)reader->arena_used;
    reader->arena_used += region->size;
    reader->pieces[reader->piece_count++] = (struct pam_piece){
        .address = region->address,
        .into = reader->arena + *offset,
        .size = region->size,
    };
}

static void share_copy(struct pam_stack_reader *reader, struct pam_region *region, unsigned pass)
{
    (void)reader;
    region->second = region->offset;
    region->ok[pass] = region->ok[0];
}

/* In the order in which they depend on each other: what a region says was true when the regions
 * after it were copied, or their copies will not fit it. */
static void each_region(struct pam_stack_reader *reader, struct pam_py_thread *thread, unsigned pass,
                        void (*act)(struct pam_stack_reader *, struct pam_region *, unsigned))
{
    act(reader, &thread->state, pass);
    for (uint32_t i = 0; i < thread->cframe_count; i++)
        act(reader, &thread->cframes[i], pass);
    for (uint32_t i = 0; i < thread->chunk_count; i++)
        act(reader, &thread->chunks[i], pass);
    for (uint32_t i = 0; i < thread->heap_count; i++)
        act(reader, &thread->heap[i], pass);
}

static void take_result(struct pam_stack_reader *reader, struct pam_region *region, unsigned pass)
{
    region->ok[pass] = reader->pieces[reader->piece_count++].ok;
}

/* All first copies, then all second ones: the more time between the two, the more they tell. A thread
 * that is still needs one only. */
static int read_copies(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                            size_t count, size_t arena_from)
{
    int r;

    begin_read(reader, arena_from);
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            if (!pass || !threads[i]->still)
                each_region(reader, threads[i], pass, add_piece);
    r = pam_remote_readv(reader->remote, reader->pieces, reader->piece_count);
    reader->piece_count = reader->list_wanted;
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            each_region(reader, threads[i], pass,
                        pass && threads[i]->still ? share_copy : take_result);
    return r;
}

/* How many of the threads fit into one read. At least one does: its bounds are below the room. */
static size_t batch_size(struct pam_py_thread *const *threads, size_t count)
{
    size_t pieces = 1, bytes = 0, n = 0;

    for (; n < count; n++) {
        pieces += 2 * pam_regions_count(threads[n]);
        bytes += 2 * pam_regions_bytes(threads[n]);
        if (n && (pieces > MAX_PIECES || bytes > ARENA_AGAIN))
            break;
    }
    return n;
}

/* --- one thread ---------------------------------------------------------------------------------- */

static bool record_stack(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                         uint32_t kept, uint64_t *stack_id)
{
    const struct pam_chain *chain = &reader->chains[1];
    uint64_t parent = 0;

    if (!pam_thread_node_room(thread, kept))
        return false;
    for (uint32_t i = 0; i < kept; i++) {
        const uint64_t instruction = chain->frames[chain->depth - 1 - i].instruction;
        struct pam_node *node = &thread->nodes[i];
        uint64_t unit_plus1 = 0, frame;

        (void)pam_unit_plus1(reader->layout, reader->entries[i], instruction, &unit_plus1);
        if (i >= thread->depth || node->code_id != reader->entries[i]->id ||
            node->unit_plus1 != unit_plus1) {
            thread->depth = i;
            frame = pam_recorder_frame(reader->recorder, reader->entries[i]->id, unit_plus1);
            *node = (struct pam_node){reader->entries[i]->id, unit_plus1,
                                      frame ? pam_recorder_stack(reader->recorder, parent, frame) : 0};
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

/* Adds the outcome to the health counts. */
static void count_outcome(struct pam_health *health, enum pam_outcome outcome, enum pam_walk why,
                          uint64_t kept, uint64_t dropped)
{
    uint64_t *const reasons[] = {
        [PAM_WALK_MORE] = &health->fail_unstable,    [PAM_WALK_READ] = &health->fail_read,
        [PAM_WALK_POINTER] = &health->fail_pointer,  [PAM_WALK_CODE] = &health->fail_code,
        [PAM_WALK_GEOMETRY] = &health->fail_geometry, [PAM_WALK_UNSTABLE] = &health->fail_unstable,
        [PAM_WALK_DEPTH] = &health->fail_depth,      [PAM_WALK_GONE] = &health->fail_read,
    };
    uint64_t *const outcomes[] = {
        [PAM_STACK_WHOLE] = &health->whole,
        [PAM_STACK_TRUNCATED] = &health->truncated,
        [PAM_STACK_NO_FRAME] = &health->no_frame,
        [PAM_STACK_FAILED] = &health->failed,
    };

    (*outcomes[outcome])++;
    if (outcome == PAM_STACK_FAILED)
        (*reasons[why])++;
    health->frames_kept += kept;
    health->frames_dropped += dropped;
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

    if (!kept || (best->kept && depth - kept >= best->depth - best->kept))
        return;
    swap_with_best(reader);
    best->kept = kept;
    best->depth = depth;
}

enum progress { DONE, AGAIN_MORE, AGAIN_UNSTABLE };

/* Tries to make a stack of the two copies that were read. `last`: there will be no further try, so
 * what there is counts. */
static enum progress decode(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                            struct pam_stack_result *result, bool last)
{
    const unsigned first = thread->state.second == thread->state.offset; /* one copy is both */
    enum pam_walk why = PAM_WALK_OK;
    uint32_t kept = 0, depth = 0;

    for (unsigned pass = first; pass < 2 && why == PAM_WALK_OK; pass++) {
        struct pam_chain *chain = &reader->chains[pass];

        why = pam_walk_chain(reader->layout, reader->arena, thread, pass, chain);
        depth = chain->depth > depth ? chain->depth : depth;
        if (why == PAM_WALK_MORE && !last)
            return pam_regions_learn(reader->remote, reader->layout, reader->arena, thread, pass,
                                     chain->missing)
                       ? AGAIN_MORE
                       : AGAIN_UNSTABLE;
    }
    result->gone = why == PAM_WALK_GONE;
    if (why == PAM_WALK_OK) {
        if (!depth) {
            result->outcome = PAM_STACK_NO_FRAME;
            thread->depth = 0;
            count_outcome(reader->health, result->outcome, why, 0, 0);
            return DONE;
        }
        kept = pam_walk_agree(reader->layout, thread, &reader->chains[first], &reader->chains[1],
                              reader->codes, reader->recorder, reader->entries, &why);
        pam_regions_age(reader->layout, reader->arena, thread);
    }
    if ((why != PAM_WALK_UNSTABLE || kept < depth) && !last && !result->gone) {
        if (why == PAM_WALK_GEOMETRY || why == PAM_WALK_POINTER) {
            /* perhaps another code object has the address */
            pam_codes_check(reader->codes, reader->recorder);
            reader->best.kept = 0;
        } else {
            keep_best(reader, kept, depth);
        }
        return AGAIN_UNSTABLE;
    }
    if (!result->gone && reader->best.kept &&
        (!kept || depth - kept > reader->best.depth - reader->best.kept)) {
        swap_with_best(reader);
        kept = reader->best.kept;
        depth = reader->best.depth;
    }
    if (!kept && !result->gone) {
        kept = pam_walk_forward(reader->layout, reader->arena, thread, &reader->chains[1],
                                reader->codes, reader->recorder, reader->entries);
        depth = kept ? kept + 1 : 0; /* at least the leaf is missing */
    }
    if (!kept || !record_stack(reader, thread, kept, &result->stack_id))
        result->outcome = PAM_STACK_FAILED;
    else
        result->outcome = kept == depth ? PAM_STACK_WHOLE : PAM_STACK_TRUNCATED;
    count_outcome(reader->health, result->outcome, why, kept, depth - kept);
    return DONE;
}

/* Reads one thread until it is done; the first read was made with others. */
static int finish_thread(struct pam_stack_reader *reader, struct pam_py_thread *thread,
                         struct pam_stack_result *result)
{
    unsigned more = 0, unstable = 0;
    bool last = false;

    reader->best.kept = 0;
    thread->still = false; /* in further reads, which nobody checks */
    if (thread->moved) {
        const int r = read_copies(reader, &thread, 1, ARENA_AGAIN);

        if (r < 0)
            return r;
    }
    for (;;) {
        const enum progress progress = decode(reader, thread, result, last);
        int r;

        if (progress == DONE)
            return 0;
        reader->health->retried += progress == AGAIN_UNSTABLE;
        more += progress == AGAIN_MORE;
        unstable += progress == AGAIN_UNSTABLE;
        last = more >= MORE_ROUNDS || unstable >= UNSTABLE_RETRIES;
        r = read_copies(reader, &thread, 1, ARENA_AGAIN);
        if (r < 0)
            return r;
    }
}

int pam_stacks_read(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                    struct pam_stack_result *results, size_t count, bool list,
                    pam_check_still *check, void *context)
{
    size_t done = 0;

    reader->list_wanted = list;
    for (size_t from = 0; from < count;) {
        const size_t n = batch_size(threads + from, count - from);
        int r = read_copies(reader, threads + from, n, 0);

        reader->list_wanted = false;
        atomic_thread_fence(memory_order_acquire); /* the copies are older than what is checked now */
        if (r == 0 && check)
            check(context);
        for (size_t i = 0; r == 0 && i < n; i++) {
            r = finish_thread(reader, threads[from + i], &results[from + i]);
            done += r == 0;
        }
        for (; r < 0 && done < count; done++) /* the process is gone */
            count_outcome(reader->health, PAM_STACK_FAILED, PAM_WALK_READ, 0, 0);
        if (r < 0)
            return r;
        from += n;
    }
    return 0;
}
