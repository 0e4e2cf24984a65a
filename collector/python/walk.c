/* walk.c - one copy of a thread's memory into a chain of frames, and two into a stack. */
#include "python/walk.h"

const unsigned char *pam_region_copy(const struct pam_region *region, const unsigned char *arena,
                                     unsigned pass)
{
    return region->ok[pass] ? arena + (pass ? region->second : region->offset) : NULL;
}

const unsigned char *pam_find_frame(const struct pam_layout *layout, const unsigned char *arena,
                                    const struct pam_py_thread *thread, unsigned pass,
                                    uint64_t address, int32_t *chunk, uint32_t *hint)
{
    for (uint32_t i = 0; i < thread->chunk_count; i++) {
        const struct pam_region *region = &thread->chunks[i];

        if (address < region->address || address - region->address >= region->capacity)
            continue;
        *chunk = (int32_t)i;
        if (address - region->address + layout->frame_bytes > region->size || !region->ok[pass])
            return NULL;
        return pam_region_copy(region, arena, pass) + (address - region->address);
    }
    *chunk = -1;
    for (uint32_t k = 0; k < thread->heap_count; k++) {
        const uint32_t i = (*hint + k) % thread->heap_count;

        if (thread->heap[i].address == address) {
            *hint = i + 1;
            thread->heap[i].idle = 0;
            return pam_region_copy(&thread->heap[i], arena, pass);
        }
    }
    return NULL;
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
    if (pam_u64_at(state, layout->tstate_chunk) !=
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

/* Does the chain reach the root? A generator that was suspended since has no caller any more, so that a
 * chain can end with it: then what the data stack holds hangs in the air. */
static bool is_rooted(const struct pam_layout *layout, const unsigned char *arena,
                      const struct pam_py_thread *thread, unsigned pass,
                      const struct pam_chain *chain)
{
    uint64_t start;

    if (!thread->chunk_count)
        return true;
    start = thread->chunks[thread->chunk_count - 1].address + layout->chunk_data + 8;
    for (uint32_t i = chain->depth; i > 0; i--)
        if (chain->frames[i - 1].chunk >= 0)
            return chain->frames[i - 1].address == start;
    return thread->chunk_count == 1 &&
           pam_u64_at(pam_region_copy(&thread->state, arena, pass), layout->tstate_chunk_top) <= start;
}

enum pam_walk pam_walk_chain(const struct pam_layout *layout, const unsigned char *arena,
                             const struct pam_py_thread *thread, unsigned pass,
                             struct pam_chain *chain)
{
    uint32_t hint = 0, followed = 0;
    uint64_t address = 0;
    const enum pam_walk start = first_frame(layout, arena, thread, pass, &address);

    chain->depth = 0;
    chain->missing = 0;
    if (start != PAM_WALK_OK)
        return start;
    while (address) {
        struct pam_raw_frame *frame;
        const unsigned char *copy;

        if (!pam_is_pointer(address))
            return PAM_WALK_POINTER;
        if (chain->depth == PAM_MAX_DEPTH || followed++ == 2 * PAM_MAX_DEPTH)
            return PAM_WALK_DEPTH;
        frame = &chain->frames[chain->depth];
        copy = pam_find_frame(layout, arena, thread, pass, address, &frame->chunk, &hint);
        if (!copy) {
            chain->missing = address;
            return PAM_WALK_MORE;
        }
        frame->address = address;
        frame->code = pam_u64_at(copy, layout->frame_code);
        frame->instruction = pam_u64_at(copy, layout->frame_instruction);
        address = pam_u64_at(copy, layout->frame_previous);
        /* Between C and the Python it calls stand frames that run no code. */
        if (!layout->frame_owned_by_c_stack ||
            copy[layout->frame_owner] != layout->frame_owned_by_c_stack)
            chain->depth++;
    }
    return !chain->depth || is_rooted(layout, arena, thread, pass, chain) ? PAM_WALK_OK
                                                                          : PAM_WALK_UNSTABLE;
}

bool pam_unit_plus1(const struct pam_layout *layout, const struct pam_code_entry *entry,
                    uint64_t instruction, uint64_t *unit_plus1)
{
    /* A new frame points one unit before its first. */
    const uint64_t from = entry->address + layout->code_first_unit - 2;

    *unit_plus1 = (instruction - from) / 2;
    return instruction >= from && (instruction - from) % 2 == 0 && *unit_plus1 <= entry->units;
}

/* Where the next frame of a chunk has to start: frames lie end to end. CPython 3.11-3.13,
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
        if (!pam_unit_plus1(layout, entries[i], b->instruction, &unit_plus1))
            return i;
        *why = PAM_WALK_GEOMETRY;
        if (!fits(layout, thread, &geometry, b, entries[i]->frame_bytes))
            return i;
        *why = PAM_WALK_UNSTABLE;
        if (a->instruction != b->instruction)
            return i + 1; /* it went on: what it calls now is not what it called then */
    }
    return shorter;
}
