/* forward.c - the root side of a stack whose leaf never holds still: frame after frame from the root. */
#include "python/walk.h"

enum { MAX_BETWEEN = 64 }; /* frames on the heap between two in a chunk */

static void reverse_frames(struct pam_raw_frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        const struct pam_raw_frame swap = frames[i];

        frames[i] = frames[count - 1 - i];
        frames[count - 1 - i] = swap;
    }
}

/* A frame as both copies have it, and what follows from it. */
struct same_frame {
    struct pam_raw_frame frame;
    uint64_t previous;
    bool moved;      /* it stood elsewhere in its code in the first copy */
    bool runs_code;  /* it is no frame of the C stack */
};

/* False when the copies differ in more than where the frame stands in its code. */
static bool same_in_both(const struct pam_layout *layout, const unsigned char *arena,
                         const struct pam_py_thread *thread, uint64_t address,
                         struct same_frame *same)
{
    struct pam_raw_frame *frame = &same->frame;
    const unsigned char *copies[2];
    uint32_t hint = 0;

    for (unsigned pass = 0; pass < 2; pass++) {
        copies[pass] = pam_find_frame(layout, arena, thread, pass, address, &frame->chunk, &hint);
        if (!copies[pass])
            return false;
    }
    frame->address = address;
    frame->code = pam_u64_at(copies[1], layout->frame_code);
    frame->instruction = pam_u64_at(copies[1], layout->frame_instruction);
    same->previous = pam_u64_at(copies[1], layout->frame_previous);
    same->moved = pam_u64_at(copies[0], layout->frame_instruction) != frame->instruction;
    same->runs_code = !layout->frame_owned_by_c_stack ||
                      copies[1][layout->frame_owner] != layout->frame_owned_by_c_stack;
    return pam_u64_at(copies[0], layout->frame_code) == frame->code &&
           pam_u64_at(copies[0], layout->frame_previous) == same->previous &&
           copies[0][layout->frame_owner] == copies[1][layout->frame_owner];
}

/* How far the newest chunk was in use at both copies. */
static uint64_t lower_top(const struct pam_layout *layout, const unsigned char *arena,
                          const struct pam_py_thread *thread)
{
    const unsigned char *first = pam_region_copy(&thread->state, arena, 0);
    const unsigned char *second = pam_region_copy(&thread->state, arena, 1);
    const uint64_t tops[2] = {first ? pam_u64_at(first, layout->tstate_chunk_top) : 0,
                              second ? pam_u64_at(second, layout->tstate_chunk_top) : 0};

    return tops[0] < tops[1] ? tops[0] : tops[1];
}

/* The frames on the heap between `caller` and the frame whose `previous` is given, outermost first.
 * Negative when `previous` does not lead to the caller. */
static int find_between(const struct pam_layout *layout, const unsigned char *arena,
                        const struct pam_py_thread *thread, uint64_t previous, uint64_t caller,
                        struct pam_raw_frame between[MAX_BETWEEN])
{
    int count = 0;

    for (int steps = 0; previous != caller; steps++) {
        struct same_frame same;

        if (steps == MAX_BETWEEN || !previous ||
            !same_in_both(layout, arena, thread, previous, &same) || same.frame.chunk >= 0 ||
            same.moved)
            return -1;
        previous = same.previous;
        if (same.runs_code)
            between[count++] = same.frame;
    }
    reverse_frames(between, (uint32_t)count);
    return count;
}

static bool accept(const struct pam_layout *layout, const struct pam_raw_frame *frame,
                   struct pam_chain *chain, struct pam_codes *codes, struct pam_recorder *recorder,
                   struct pam_code_entry **entries)
{
    uint64_t unit_plus1;

    if (chain->depth == PAM_MAX_DEPTH)
        return false;
    entries[chain->depth] = pam_code_get(codes, recorder, frame->code);
    if (!entries[chain->depth] ||
        !pam_unit_plus1(layout, entries[chain->depth], frame->instruction, &unit_plus1))
        return false;
    chain->frames[chain->depth++] = *frame;
    return true;
}

uint32_t pam_walk_forward(const struct pam_layout *layout, const unsigned char *arena,
                          const struct pam_py_thread *thread, struct pam_chain *chain,
                          struct pam_codes *codes, struct pam_recorder *recorder,
                          struct pam_code_entry **entries)
{
    const uint64_t top = lower_top(layout, arena, thread);
    int32_t chunk = (int32_t)thread->chunk_count - 1;
    uint64_t next = chunk >= 0 ? thread->chunks[chunk].address + layout->chunk_data + 8 : 0;
    uint64_t caller = 0;
    bool goes_on = chunk >= 0;

    chain->depth = 0;
    while (goes_on && (chunk > 0 || next + layout->frame_bytes <= top)) {
        struct pam_raw_frame between[MAX_BETWEEN];
        struct same_frame same;
        int count;

        if (!same_in_both(layout, arena, thread, next, &same) || same.frame.chunk != chunk) {
            if (chunk == 0)
                break;
            chunk--; /* the newer chunk starts with the frame that did not fit */
            next = thread->chunks[chunk].address + layout->chunk_data;
            continue;
        }
        count = find_between(layout, arena, thread, same.previous, caller, between);
        goes_on = count >= 0;
        for (int i = 0; goes_on && i < count; i++)
            goes_on = accept(layout, &between[i], chain, codes, recorder, entries);
        if (!goes_on || !accept(layout, &same.frame, chain, codes, recorder, entries))
            break;
        caller = next;
        next += entries[chain->depth - 1]->frame_bytes;
        goes_on = !same.moved;
    }
    reverse_frames(chain->frames, chain->depth); /* chains are leaf first */
    return chain->depth;
}
