/* copies.c - one vectored read of all that threads need, twice; and the life of the reader that does it. */
#include <stdlib.h>
#include <sys/mman.h>

#include "python/reader.h"
#include "python/regions.h"

enum {
    MAX_PIECES = 1 << 14,
    /* Reserved, not used: a thread needs at most 2 x PAM_MAX_REGION_BYTES. The upper half is for
     * threads read again while others of their batch still wait in the lower half. */
    ARENA_BYTES = 64 << 20,
    ARENA_AGAIN = ARENA_BYTES / 2,
    SPAN_BYTES = 4096, /* the smallest page: all of a span can be read, or nothing */
    LOOK_BACK = 8,     /* spans */
    MAX_SPANS = PAM_MAX_HEAP_FRAMES,
};

enum { ARRAYS = 4 }; /* of frames */

static struct pam_raw_frame **frames_of(struct pam_stack_reader *reader, size_t i)
{
    struct pam_raw_frame **const all[ARRAYS] = {&reader->earlier.frames, &reader->now.chain.frames,
                                                &reader->tries.best.chain.frames, &reader->tries.first};

    return all[i];
}

/* Zeros that were never touched take no memory. */
static bool make_arrays(struct pam_stack_reader *reader)
{
    bool made = true;

    for (size_t i = 0; i < ARRAYS; i++) {
        *frames_of(reader, i) = calloc(PAM_MAX_DEPTH, sizeof(struct pam_raw_frame));
        made = made && *frames_of(reader, i);
    }
    reader->pieces = calloc(MAX_PIECES, sizeof *reader->pieces);
    reader->spans = calloc(MAX_SPANS, sizeof *reader->spans);
    reader->now.entries = calloc(PAM_MAX_DEPTH, sizeof(struct pam_code_entry *));
    reader->tries.best.entries = calloc(PAM_MAX_DEPTH, sizeof(struct pam_code_entry *));
    return made && reader->pieces && reader->spans && reader->now.entries && reader->tries.best.entries;
}

int pam_stack_reader_new(struct pam_stack_reader **ret, const struct pam_runtime *runtime,
                         struct pam_remote *remote, struct pam_codes *codes,
                         struct pam_recorder *recorder, struct pam_health *health,
                         struct pam_error *error)
{
    struct pam_stack_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return pam_fail(error, PAM_MEMORY, "not enough memory to read stacks");
    reader->runtime = runtime;
    reader->layout = runtime->layout;
    reader->remote = remote;
    reader->codes = codes;
    reader->recorder = recorder;
    reader->health = health;
    pam_gil_find(&reader->gil, runtime, remote);
    reader->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reader->arena == MAP_FAILED)
        reader->arena = NULL;
    if (!make_arrays(reader) || !reader->arena) {
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
    for (size_t i = 0; i < ARRAYS; i++)
        free(*frames_of(reader, i));
    free(reader->spans);
    free(reader->now.entries);
    free(reader->tries.best.entries);
    free(reader);
}

void pam_stack_reader_tell_tasks(struct pam_stack_reader *reader, struct pam_tasks *tasks)
{
    reader->tasks = tasks;
}

const struct pam_thread_list *pam_stack_thread_list(const struct pam_stack_reader *reader)
{
    return &reader->list;
}

const struct pam_gil *pam_stack_gil(const struct pam_stack_reader *reader)
{
    return &reader->gil;
}

static void begin_read(struct pam_stack_reader *reader, bool again)
{
    const struct pam_runtime *runtime = reader->runtime;

    reader->arena_used = again ? ARENA_AGAIN : 0;
    reader->moment = &reader->moments[again];
    reader->piece_count = 0;
    if (reader->listing != NO_LIST)
        reader->pieces[reader->piece_count++] = (struct pam_piece){
            .address = runtime->runtime + reader->layout->runtime_interpreters,
            .into = reader->list.interpreters,
            .size = sizeof reader->list.interpreters,
        };
    for (size_t i = 0; reader->listing == THREADS_TOO && i < runtime->interpreter_count; i++) {
        const uint32_t places[] = {reader->layout->interp_next_thread_id,
                                   reader->layout->interp_threads_head};

        for (size_t k = 0; k < sizeof places / sizeof *places; k++)
            reader->pieces[reader->piece_count++] = (struct pam_piece){
                .address = runtime->interpreters[i] + places[k],
                .into = &reader->list.of[i][k],
                .size = sizeof reader->list.of[i][k],
            };
    }
}

static void add_piece(struct pam_stack_reader *reader, uint64_t address, uint32_t size)
{
    reader->pieces[reader->piece_count++] = (struct pam_piece){
        .address = address,
        .into = reader->arena + reader->arena_used,
        .size = size,
    };
    reader->arena_used += size;
}

/* The span that the region can be a part of, or a new one. Frames are met in the order of the calls, and those
 * made one after the other mostly lie together, so it is one of the last. */
static struct pam_span *span_of(struct pam_stack_reader *reader, size_t *count, const struct pam_region *region)
{
    const uint64_t to = region->address + region->size;

    for (size_t i = *count; i > 0 && i + LOOK_BACK > *count; i--) {
        struct pam_span *const span = &reader->spans[i - 1];
        const uint64_t lower = span->from < region->address ? span->from : region->address;
        const uint64_t upper = span->to > to ? span->to : to;

        if (lower / SPAN_BYTES != (upper - 1) / SPAN_BYTES)
            continue;
        span->from = lower;
        span->to = upper;
        return span;
    }
    reader->spans[*count] = (struct pam_span){.from = region->address, .to = to};
    return &reader->spans[(*count)++];
}

/* What a piece costs is finding its page, so what lies in the same one is read as one, with all that is between. */
static void add_regions(struct pam_stack_reader *reader, struct pam_region *regions, uint32_t region_count,
                        unsigned pass)
{
    const size_t first_piece = reader->piece_count;
    size_t count = 0;

    for (uint32_t i = 0; i < region_count; i++)
        regions[i].copy[pass].piece = (uint32_t)(span_of(reader, &count, &regions[i]) - reader->spans);
    for (size_t i = 0; i < count; i++)
        add_piece(reader, reader->spans[i].from, (uint32_t)(reader->spans[i].to - reader->spans[i].from));
    for (uint32_t i = 0; i < region_count; i++) {
        struct pam_region_copy *const copy = &regions[i].copy[pass];
        const struct pam_piece *const piece = &reader->pieces[first_piece + copy->piece];

        copy->offset = (uint32_t)((const unsigned char *)piece->into - reader->arena) +
                       (uint32_t)(regions[i].address - piece->address);
        copy->piece += (uint32_t)first_piece;
    }
}

static void take_results(struct pam_stack_reader *reader, struct pam_region *regions, uint32_t count,
                         unsigned pass)
{
    for (uint32_t i = 0; i < count; i++)
        regions[i].copy[pass].ok = reader->pieces[regions[i].copy[pass].piece].ok;
}

static void share_copies(struct pam_stack_reader *reader, struct pam_region *regions, uint32_t count,
                         unsigned pass)
{
    (void)reader;
    for (uint32_t i = 0; i < count; i++)
        regions[i].copy[pass] = regions[i].copy[0];
}

/* In the order in which they depend on each other: what a region says was true when the regions
 * after it were copied, or their copies will not fit it. */
static void each_region(struct pam_stack_reader *reader, struct pam_py_thread *thread, unsigned pass,
                        void (*act)(struct pam_stack_reader *, struct pam_region *, uint32_t, unsigned))
{
    act(reader, &thread->state, 1, pass);
    act(reader, thread->cframes, thread->cframe_count, pass);
    for (uint32_t i = 0; i < thread->chunk_count; i++)
        act(reader, &thread->chunks[i], 1, pass);
    act(reader, thread->heap, thread->heap_count, pass);
    if (thread->task.size) {
        act(reader, &thread->task, 1, pass);
        act(reader, &thread->task_name, 1, pass);
    }
}

static size_t running_pieces(struct pam_stack_reader *reader, struct pam_py_thread *const *threads, size_t count,
                             struct pam_running_copy *copy, struct pam_piece *pieces)
{
    uint64_t tstates[PAM_MOST_LOOPS];
    size_t found = 0;

    copy->count = 0;
    for (size_t i = 0; i < count && found < PAM_MOST_LOOPS; i++)
        if (threads[i]->task.size)
            tstates[found++] = threads[i]->tstate;
    return found ? pam_running_pieces(reader->tasks, tstates, found, copy, pieces) : 0;
}

/* All first copies, then all second ones: the more time between the two, the more they tell. A thread
 * that is still needs one only. What both copies agree on was so between them: there the GIL is read, and which
 * tasks run. */
int pam_read_copies(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                    size_t count, bool again)
{
    struct pam_running_copy running;
    size_t gil_at, gil_pieces;
    int r;

    begin_read(reader, again);
    for (size_t i = 0; i < count; i++)
        each_region(reader, threads[i], 0, add_regions);
    gil_at = reader->piece_count;
    gil_pieces = pam_gil_pieces(&reader->gil, &reader->moment->gil, reader->pieces + gil_at);
    reader->piece_count += gil_pieces;
    reader->piece_count +=
        running_pieces(reader, threads, count, &running, reader->pieces + reader->piece_count);
    for (size_t i = 0; i < count; i++)
        if (!threads[i]->still)
            each_region(reader, threads[i], 1, add_regions);
    r = pam_remote_readv(reader->remote, reader->pieces, reader->piece_count);
    pam_gil_take(&reader->gil, &reader->moment->gil, reader->pieces + gil_at, gil_pieces);
    reader->moment->running.count = 0;
    if (running.count)
        (void)pam_running_take(reader->tasks, &running, &reader->moment->running);
    for (size_t i = 0; i < count; i++) {
        each_region(reader, threads[i], 0, take_results);
        each_region(reader, threads[i], 1, threads[i]->still ? share_copies : take_results);
    }
    return r;
}

/* With what lies between neighbours. */
static size_t most_bytes(const struct pam_py_thread *thread)
{
    return pam_regions_bytes(thread) + ((size_t)thread->cframe_count + thread->heap_count) * (SPAN_BYTES / 2);
}

size_t pam_batch_size(struct pam_py_thread *const *threads, size_t count)
{
    size_t pieces = 1 + 2 * PAM_MAX_INTERPRETERS + PAM_GIL_PIECES + PAM_RUNNING_PIECES, bytes = 0, n = 0;

    for (; n < count; n++) {
        pieces += 2 * pam_regions_count(threads[n]);
        bytes += 2 * most_bytes(threads[n]);
        if (n && (pieces > MAX_PIECES || bytes > ARENA_AGAIN))
            break;
    }
    return n;
}
