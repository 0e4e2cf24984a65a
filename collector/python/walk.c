/* walk.c - one copy of a thread's memory into a chain of frames, and two into a stack. */
#include "python/walk.h"

const unsigned char *pam_region_copy(const struct pam_region *region, const unsigned char *arena,
                                     unsigned pass)
{
    return region->copy[pass].ok ? arena + region->copy[pass].offset : NULL;
}

/* Looks first where the walk before met it, and puts it into the order of this one. */
static const struct pam_region *find_on_heap(const struct pam_py_thread *thread, uint64_t address,
                                             uint32_t *met)
{
    const uint32_t from = met ? *met : 0;

    for (uint32_t k = 0; k < thread->heap_count; k++) {
        struct pam_region *const found = &thread->heap[(from + k) % thread->heap_count];
        struct pam_region *place = found;

        if (found->address != address)
            continue;
        found->idle = 0;
        if (met && (*met)++ < thread->heap_count) {
            const struct pam_region swap = *found;

            place = &thread->heap[from];
            *found = *place;
            *place = swap;
        }
        return place;
    }
    return NULL;
}

const unsigned char *pam_find_frame(const struct pam_layout *layout, const unsigned char *arena,
                                    const struct pam_py_thread *thread, unsigned pass,
                                    uint64_t address, int32_t *chunk, uint32_t *met)
{
    const struct pam_region *on_heap;

    for (uint32_t i = 0; i < thread->chunk_count; i++) {
        const struct pam_region *region = &thread->chunks[i];

        if (address < region->address || address - region->address >= region->capacity)
            continue;
        *chunk = (int32_t)i;
        if (address - region->address + layout->frame_bytes > region->size || !region->copy[pass].ok)
            return NULL;
        return pam_region_copy(region, arena, pass) + (address - region->address);
    }
    *chunk = -1;
    on_heap = find_on_heap(thread, address, met);
    return on_heap ? pam_region_copy(on_heap, arena, pass) : NULL;
}

bool pam_frame_is_evaluated(const struct pam_layout *layout, const unsigned char *copy)
{
    const unsigned state = copy[layout->frame_state];

    return !layout->frame_state || (state < 32 && layout->frame_running >> state & 1);
}

static const struct pam_region *find_cframe(const struct pam_py_thread *thread, uint64_t address)
{
    for (uint32_t i = 0; i < thread->cframe_count; i++)
        if (thread->cframes[i].address == address)
            return &thread->cframes[i];
    return NULL;
}

/* Where the walk starts: the innermost frame, if the remembered regions are still the right ones. */
static enum pam_walk first_frame(const struct pam_layout *layout, const unsigned char *arena,
                                 const struct pam_py_thread *thread, unsigned pass,
                                 uint64_t *address)
{
    const unsigned char *state = pam_region_copy(&thread->state, arena, pass);
    const struct pam_region *region;
    const unsigned char *cframe;

    if (!state)
        return PAM_WALK_READ;
    if (pam_u64_at(state, layout->tstate_unique_id) != thread->unique_id)
        return PAM_WALK_GONE;
    if (layout->tstate_chunk && pam_u64_at(state, layout->tstate_chunk) !=
                                    (thread->chunk_count ? thread->chunks[0].address : 0))
        return PAM_WALK_MORE;
    if (!layout->tstate_cframe) {
        *address = pam_u64_at(state, layout->tstate_current);
        return PAM_WALK_OK;
    }
    region = find_cframe(thread, pam_u64_at(state, layout->tstate_cframe));
    if (!region)
        return PAM_WALK_MORE;
    cframe = pam_region_copy(region, arena, pass);
    if (!cframe)
        return PAM_WALK_READ;
    *address = pam_u64_at(cframe, layout->cframe_current);
    return PAM_WALK_OK;
}

/* Does the chain reach the root? A generator that was suspended since has no caller any more, and a frame
 * object that was freed neither, so that a chain can end with it: it does not run then, or what the data
 * stack holds hangs in the air. */
static bool is_rooted(const struct pam_layout *layout, const unsigned char *arena,
                      const struct pam_py_thread *thread, unsigned pass,
                      const struct pam_chain *chain, const unsigned char *last)
{
    uint64_t start;

    if (!thread->chunk_count)
        return pam_frame_is_evaluated(layout, last);
    start = thread->chunks[thread->chunk_count - 1].address + layout->chunk_data + 8;
    for (uint32_t i = chain->depth; i > 0; i--)
        if (chain->frames[i - 1].chunk >= 0)
            return chain->frames[i - 1].address == start;
    return thread->chunk_count == 1 &&
           pam_u64_at(pam_region_copy(&thread->state, arena, pass), layout->tstate_chunk_top) <= start;
}

/* As many as there can be: a longer chain goes round in a circle, as a torn copy's may. Some run no code. */
static uint64_t most_frames(const struct pam_layout *layout, const struct pam_py_thread *thread)
{
    uint64_t in_chunks_bytes = 0, most;

    for (uint32_t i = 0; i < thread->chunk_count; i++)
        in_chunks_bytes += thread->chunks[i].size;
    most = thread->heap_count + in_chunks_bytes / layout->frame_bytes;
    return most < 2 * PAM_MAX_DEPTH ? most : 2 * PAM_MAX_DEPTH;
}

enum pam_walk pam_walk_chain(const struct pam_layout *layout, const unsigned char *arena,
                             const struct pam_py_thread *thread, unsigned pass,
                             struct pam_chain *chain)
{
    const unsigned char *copy = NULL;
    const uint64_t most = most_frames(layout, thread);
    uint64_t followed = 0;
    uint32_t met = 0;
    uint64_t address = 0;
    const enum pam_walk start = first_frame(layout, arena, thread, pass, &address);

    chain->depth = 0;
    chain->missing = 0;
    if (start != PAM_WALK_OK)
        return start;
    while (address) {
        struct pam_raw_frame *frame;

        if (!pam_is_pointer(address))
            return PAM_WALK_POINTER;
        if (chain->depth == PAM_MAX_DEPTH || followed > most)
            return PAM_WALK_DEPTH;
        frame = &chain->frames[chain->depth];
        copy = pam_find_frame(layout, arena, thread, pass, address, &frame->chunk, &met);
        if (!copy) {
            chain->missing = address;
            return PAM_WALK_MORE;
        }
        followed++;
        frame->address = address;
        frame->code = pam_frame_code(layout, copy);
        frame->place = pam_place_of(layout, copy);
        frame->entered = pam_frame_is_entry(layout, copy);
        frame->generator = pam_frame_generator(layout, copy, address, frame->chunk < 0);
        address = pam_u64_at(copy, layout->frame_previous);
        if (pam_frame_runs(layout, copy))
            chain->depth++;
        else if (chain->depth)
            chain->frames[chain->depth - 1].entered = true;
    }
    return !chain->depth || is_rooted(layout, arena, thread, pass, chain, copy) ? PAM_WALK_OK
                                                                                : PAM_WALK_UNSTABLE;
}

/* Where the next frame of a chunk has to start: frames lie end to end. CPython 3.11-3.14,
 * Python/pystate.c push_chunk(): the first word of the oldest chunk stays unused. */
struct geometry {
    int32_t chunk;
    uint64_t next;
};

static bool fits(const struct pam_layout *layout, const struct pam_py_thread *thread,
                 struct geometry *geometry, const struct pam_raw_frame *frame, uint32_t frame_bytes)
{
    if (frame->chunk < 0)
        return true;
    if (frame->chunk != geometry->chunk) {
        const int32_t oldest = (int32_t)thread->chunk_count - 1;

        if (geometry->chunk >= 0 && frame->chunk != geometry->chunk - 1)
            return false;
        if (geometry->chunk < 0 && frame->chunk != oldest)
            return false;
        geometry->chunk = frame->chunk;
        geometry->next = thread->chunks[frame->chunk].address + layout->chunk_data +
                         (frame->chunk == oldest ? 8 : 0);
    }
    if (frame->address != geometry->next)
        return false;
    geometry->next += frame_bytes;
    return true;
}

uint32_t pam_walk_agree(const struct pam_layout *layout, const struct pam_py_thread *thread,
                        const struct pam_chain *first, const struct pam_chain *second,
                        struct pam_codes *codes, struct pam_recorder *recorder,
                        struct pam_code_entry **entries, enum pam_walk *why)
{
    const uint32_t shorter = first->depth < second->depth ? first->depth : second->depth;
    struct geometry geometry = {.chunk = -1};

    *why = PAM_WALK_UNSTABLE;
    for (uint32_t i = 0; i < shorter; i++) {
        const struct pam_raw_frame *a = &first->frames[first->depth - 1 - i];
        const struct pam_raw_frame *b = &second->frames[second->depth - 1 - i];
        uint64_t unit_plus1;

        if (a->address != b->address || a->code != b->code)
            return i;
        entries[i] = pam_code_get(codes, recorder, b->code);
        *why = PAM_WALK_CODE;
        if (!entries[i])
            return i;
        *why = PAM_WALK_POINTER;
        if (!pam_unit_plus1(codes, entries[i], b->place, &unit_plus1))
            return i;
        *why = PAM_WALK_GEOMETRY;
        if (!fits(layout, thread, &geometry, b, entries[i]->frame_bytes))
            return i;
        *why = PAM_WALK_UNSTABLE;
        if (!pam_same_place(a->place, b->place))
            return i + 1; /* it went on: what it calls now is not what it called then */
    }
    return shorter;
}

/* CPython 3.11-3.13, pycore_frame.h _PyFrame_GetStackPointer(): a frame that runs, or calls C, does not say how
 * much of its stack is in use (-1). In later ones it says so in calls of C, too. */
static bool has_called_python(const struct pam_layout *layout, const unsigned char *copy)
{
    return layout->frame_stack_index && !layout->frame_stack_base &&
           (int32_t)pam_u32_at(copy, layout->frame_stack_index) >= 0;
}

bool pam_walk_is_between(const struct pam_layout *layout, const unsigned char *arena,
                         const struct pam_py_thread *thread, const struct pam_chain *chain,
                         struct pam_code_entry *const *entries)
{
    uint32_t i = 0;
    uint64_t end;

    for (unsigned pass = 0; pass < 2 && chain->depth; pass++) {
        int32_t chunk;
        const unsigned char *leaf =
            pam_find_frame(layout, arena, thread, pass, chain->frames[0].address, &chunk, NULL);

        if (leaf && has_called_python(layout, leaf))
            return true;
    }
    while (i < chain->depth && chain->frames[i].chunk < 0)
        i++; /* frames of generators */
    if (i == chain->depth || !thread->chunk_count)
        return false;
    if (chain->frames[i].chunk > 0)
        return true; /* a newer chunk has but the frame of the function */
    end = chain->frames[i].address + entries[chain->depth - 1 - i]->frame_bytes;
    for (unsigned pass = 0; pass < 2; pass++) {
        const unsigned char *state = pam_region_copy(&thread->state, arena, pass);

        if (state && pam_u64_at(state, layout->tstate_chunk_top) != end)
            return true;
    }
    return false;
}
