/* regions.c - which parts of the target's memory hold a thread's frames, learnt from failed walks. */
#include "python/regions.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Copied beyond the top of the newest chunk, so that a few more calls need no second read. */
    CHUNK_SLACK_BYTES = 768,
    MAX_CHUNK_BYTES = 4 << 20, /* a chunk is 16 KiB, more only for a frame that needs more */
    DOUBTED = 16,              /* samples in a row that were not whole: its chunks may have been misread */
    IDLE_WALKS = 16,           /* a heap frame that so many walks did not meet is forgotten; ... */
    IDLE_WALKS_IN_CROWD = 2,   /* ... sooner where these are so many that copying them takes long */
    CROWD = 16,

    /* enum _frameowner: pycore_frame.h, CPython 3.11-3.14. */
    OWNED_BY_THREAD = 0,
    MAX_OWNER = 4, /* FRAME_OWNED_BY_CSTACK of 3.14 */
};

size_t pam_regions_count(const struct pam_py_thread *thread)
{
    return 1 + (size_t)thread->cframe_count + thread->chunk_count + thread->heap_count +
           (thread->task.size ? 2 : 0);
}

size_t pam_regions_bytes(const struct pam_py_thread *thread)
{
    size_t bytes = thread->state.size + thread->task.size + thread->task_name.size;

    for (uint32_t i = 0; i < thread->cframe_count; i++)
        bytes += thread->cframes[i].size;
    for (uint32_t i = 0; i < thread->chunk_count; i++)
        bytes += thread->chunks[i].size;
    for (uint32_t i = 0; i < thread->heap_count; i++)
        bytes += thread->heap[i].size;
    return bytes;
}

/* Room for one more element; arrays grow only when a thread's stack is deeper than ever before. */
static void *grow(void *array, uint32_t count, uint32_t *room, uint32_t max, size_t size)
{
    uint32_t wanted = *room ? *room : 8;
    void *grown;

    if (count < *room)
        return array;
    while (wanted <= count)
        wanted *= 2;
    if (count >= max)
        return NULL;
    if (wanted > max)
        wanted = max;
    grown = realloc(array, wanted * size);
    if (grown)
        *room = wanted;
    return grown;
}

bool pam_thread_node_room(struct pam_py_thread *thread, uint32_t depth)
{
    struct pam_node *grown;

    if (depth <= thread->node_room)
        return true;
    grown = grow(thread->nodes, depth - 1, &thread->node_room, PAM_MAX_DEPTH, sizeof *thread->nodes);
    if (!grown)
        return false;
    thread->nodes = grown;
    return true;
}

static bool add_chunk(struct pam_py_thread *thread, uint64_t address, uint64_t size)
{
    struct pam_region *grown = grow(thread->chunks, thread->chunk_count, &thread->chunk_room,
                                    PAM_MAX_CHUNKS, sizeof *thread->chunks);

    if (!grown)
        return false;
    thread->chunks = grown;
    thread->chunks[thread->chunk_count++] =
        (struct pam_region){.address = address, .capacity = (uint32_t)size};
    return true;
}

static uint32_t used_part(const struct pam_region *chunk, uint64_t used, uint32_t slack)
{
    const uint64_t wanted = used + slack;

    return wanted < chunk->capacity ? (uint32_t)wanted : chunk->capacity;
}

/* Lists the chunks of the data stack, newest first. */
static bool list_chunks(struct pam_remote *remote, const struct pam_layout *layout,
                         const unsigned char *state, struct pam_py_thread *thread)
{
    uint64_t address = pam_u64_at(state, layout->tstate_chunk);
    const uint64_t top = pam_u64_at(state, layout->tstate_chunk_top);

    thread->chunk_count = 0;
    while (address) {
        unsigned char header[64];
        struct pam_region *chunk;
        uint64_t size;

        if (!pam_is_pointer(address) ||
            pam_remote_read(remote, address, header, layout->chunk_data) < 0)
            return false;
        size = pam_u64_at(header, layout->chunk_size);
        if (size < layout->chunk_data || size > MAX_CHUNK_BYTES || !add_chunk(thread, address, size))
            return false;
        chunk = &thread->chunks[thread->chunk_count - 1];
        if (thread->chunk_count == 1)
            chunk->size = used_part(chunk, top - address, CHUNK_SLACK_BYTES);
        else
            chunk->size = used_part(
                chunk, layout->chunk_data + 8 * pam_u64_at(header, layout->chunk_top), 0);
        address = pam_u64_at(header, layout->chunk_previous);
    }
    return pam_regions_bytes(thread) <= PAM_MAX_REGION_BYTES;
}

/* A list that makes no sense is not kept: it would be read all the same. */
static bool learn_chunks(struct pam_remote *remote, const struct pam_layout *layout,
                         const unsigned char *state, struct pam_py_thread *thread)
{
    if (list_chunks(remote, layout, state, thread))
        return true;
    thread->chunk_count = 0;
    return false;
}

static bool is_known(const struct pam_py_thread *thread, uint64_t address)
{
    for (uint32_t i = 0; i < thread->chunk_count; i++)
        if (address - thread->chunks[i].address < thread->chunks[i].capacity)
            return true;
    for (uint32_t i = 0; i < thread->heap_count; i++)
        if (thread->heap[i].address == address)
            return true;
    return false;
}

static bool add_heap_frame(const struct pam_layout *layout, struct pam_py_thread *thread,
                           uint64_t address)
{
    struct pam_region *grown = grow(thread->heap, thread->heap_count, &thread->heap_room,
                                    PAM_MAX_HEAP_FRAMES, sizeof *thread->heap);

    if (!grown)
        return false;
    thread->heap = grown;
    thread->heap[thread->heap_count++] =
        (struct pam_region){.address = address, .size = layout->frame_bytes};
    return true;
}

/* What a walk that went astray came to is seldom one. Frames that a thread owns lie on its data stack; those of
 * generators and entry frames do not. */
static bool may_be_on_heap(const struct pam_layout *layout, const unsigned char *frame)
{
    const unsigned owner = frame[layout->frame_owner];

    return !layout->tstate_chunk || (owner != OWNED_BY_THREAD && owner <= MAX_OWNER);
}

/* Follows a chain of frames and keeps those that are in no chunk: up to one that is known, or, for
 * a thread of which no stack is known yet, to the root. */
static bool learn_heap_frames(struct pam_remote *remote, const struct pam_layout *layout,
                              struct pam_py_thread *thread, uint64_t address)
{
    const bool to_the_root = thread->depth == 0;
    bool learnt = false;

    for (int steps = 0; address && steps < 2 * PAM_MAX_DEPTH; steps++) {
        const bool known = is_known(thread, address);
        unsigned char frame[128];

        if ((known && !to_the_root) || !pam_is_pointer(address) ||
            pam_remote_read(remote, address, frame, layout->frame_bytes) < 0)
            break;
        if (!known && !may_be_on_heap(layout, frame))
            break;
        if (!known && !add_heap_frame(layout, thread, address)) {
            thread->heap_count = 0; /* full of what may no longer be there: learn anew */
            return false;
        }
        learnt |= !known;
        address = pam_u64_at(frame, layout->frame_previous);
    }
    return learnt;
}

/* Takes the place of the one that has not been the innermost for longest. */
static void learn_cframe(const struct pam_layout *layout, struct pam_py_thread *thread, uint64_t address)
{
    struct pam_region *place = &thread->cframes[0];

    for (uint32_t i = 0; i < thread->cframe_count; i++)
        if (thread->cframes[i].address == address)
            return;
    if (thread->cframe_count < PAM_MAX_CFRAMES)
        place = &thread->cframes[thread->cframe_count++];
    for (uint32_t i = 0; place->address && i < thread->cframe_count; i++)
        if (thread->cframes[i].idle > place->idle)
            place = &thread->cframes[i];
    *place = (struct pam_region){.address = address, .size = layout->cframe_current + 8};
}

static void age_cframes(struct pam_py_thread *thread, uint64_t innermost)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < thread->cframe_count; i++) {
        struct pam_region *cframe = &thread->cframes[i];

        cframe->idle = cframe->address == innermost ? 0 : cframe->idle + 1;
        if (cframe->idle <= IDLE_WALKS)
            thread->cframes[kept++] = *cframe;
    }
    memset(&thread->cframes[kept], 0, (thread->cframe_count - kept) * sizeof *thread->cframes);
    thread->cframe_count = kept;
}

/* A walk that meets one sets `idle` to 0. */
static void age_heap_frames(struct pam_py_thread *thread)
{
    uint32_t longest, not_met = 0, kept = 0;

    for (uint32_t i = 0; i < thread->heap_count; i++)
        not_met += thread->heap[i].idle > 0;
    longest = not_met > CROWD ? IDLE_WALKS_IN_CROWD : IDLE_WALKS;
    for (uint32_t i = 0; i < thread->heap_count; i++)
        if (thread->heap[i].idle++ < longest)
            thread->heap[kept++] = thread->heap[i];
    thread->heap_count = kept;
}

bool pam_regions_learn(struct pam_remote *remote, const struct pam_layout *layout,
                       const unsigned char *arena, struct pam_py_thread *thread, unsigned pass,
                       uint64_t missing)
{
    const unsigned char *state = pam_region_copy(&thread->state, arena, pass);

    if (!state)
        return false;
    if (!missing) { /* the thread state points elsewhere than it did */
        const uint64_t cframe = layout->tstate_cframe ? pam_u64_at(state, layout->tstate_cframe) : 0;
        const uint64_t newest = thread->chunk_count ? thread->chunks[0].address : 0;

        if (layout->tstate_cframe && !pam_is_pointer(cframe))
            return false;
        if (cframe)
            learn_cframe(layout, thread, cframe);
        return pam_u64_at(state, layout->tstate_chunk) == newest ||
               learn_chunks(remote, layout, state, thread);
    }
    for (uint32_t i = 0; i < thread->chunk_count; i++) {
        struct pam_region *chunk = &thread->chunks[i];

        if (missing - chunk->address >= chunk->capacity)
            continue;
        if (missing - chunk->address + layout->frame_bytes > chunk->capacity)
            return false;
        if (missing - chunk->address + layout->frame_bytes <= chunk->size)
            return learn_chunks(remote, layout, state, thread); /* it was there but unreadable */
        chunk->size = used_part(chunk, missing - chunk->address + layout->frame_bytes,
                                CHUNK_SLACK_BYTES);
        if (pam_regions_bytes(thread) <= PAM_MAX_REGION_BYTES)
            return true;
        thread->chunk_count = 0;
        return false;
    }
    return learn_heap_frames(remote, layout, thread, missing);
}

void pam_regions_age(const struct pam_layout *layout, const unsigned char *arena,
                     struct pam_py_thread *thread)
{
    const unsigned char *state = pam_region_copy(&thread->state, arena, 1);

    age_heap_frames(thread);
    if (state && layout->tstate_cframe)
        age_cframes(thread, pam_u64_at(state, layout->tstate_cframe));
    if (state && thread->chunk_count) {
        const uint64_t used =
            pam_u64_at(state, layout->tstate_chunk_top) - thread->chunks[0].address;

        if (used <= thread->chunks[0].capacity)
            thread->chunks[0].size = used_part(&thread->chunks[0], used, CHUNK_SLACK_BYTES);
    }
}

void pam_regions_doubt(struct pam_py_thread *thread, bool is_bad)
{
    thread->bad_in_a_row = is_bad ? thread->bad_in_a_row + 1 : 0;
    if (thread->bad_in_a_row % DOUBTED == DOUBTED - 1)
        thread->chunk_count = 0;
}
