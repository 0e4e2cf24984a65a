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
};

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
    reader->list_pieces = reader->piece_count;
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
    if (thread->task.size) {
        act(reader, &thread->task, pass);
        act(reader, &thread->task_name, pass);
    }
}

static void take_result(struct pam_stack_reader *reader, struct pam_region *region, unsigned pass)
{
    region->ok[pass] = reader->pieces[reader->piece_count++].ok;
}

/* All first copies, then all second ones: the more time between the two, the more they tell. A thread
 * that is still needs one only. What both copies agree on was so between them: there the GIL is read. */
int pam_read_copies(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                    size_t count, bool again)
{
    size_t gil_at, gil_pieces;
    int r;

    begin_read(reader, again);
    for (size_t i = 0; i < count; i++)
        each_region(reader, threads[i], 0, add_piece);
    gil_at = reader->piece_count;
    gil_pieces = pam_gil_pieces(&reader->gil, reader->moment, reader->pieces + gil_at);
    reader->piece_count += gil_pieces;
    for (size_t i = 0; i < count; i++)
        if (!threads[i]->still)
            each_region(reader, threads[i], 1, add_piece);
    r = pam_remote_readv(reader->remote, reader->pieces, reader->piece_count);
    reader->piece_count = reader->list_pieces;
    for (size_t i = 0; i < count; i++)
        each_region(reader, threads[i], 0, take_result);
    pam_gil_take(&reader->gil, reader->moment, reader->pieces + gil_at, gil_pieces);
    reader->piece_count += gil_pieces;
    for (size_t i = 0; i < count; i++)
        each_region(reader, threads[i], 1, threads[i]->still ? share_copy : take_result);
    return r;
}

size_t pam_batch_size(struct pam_py_thread *const *threads, size_t count)
{
    size_t pieces = 1 + 2 * PAM_MAX_INTERPRETERS + PAM_GIL_PIECES, bytes = 0, n = 0;

    for (; n < count; n++) {
        pieces += 2 * pam_regions_count(threads[n]);
        bytes += 2 * pam_regions_bytes(threads[n]);
        if (n && (pieces > MAX_PIECES || bytes > ARENA_AGAIN))
            break;
    }
    return n;
}
