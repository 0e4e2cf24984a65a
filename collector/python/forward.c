/* forward.c - the root side of a stack whose leaf never holds still: frame after frame from the root. */
#include "python/walk.h"

enum { MAX_BETWEEN = 64 }; /* frames on the heap between two in a chunk */

void pam_reverse_frames(struct pam_raw_frame *frames, uint32_t count)
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

    for (unsigned pass = 0; pass < 2; pass++) {
        copies[pass] = pam_find_frame(layout, arena, thread, pass, address, &frame->chunk, NULL);
        if (!copies[pass])
            return false;
    }
    frame->address = address;
    frame->code = pam_frame_code(layout, copies[1]);
    frame->place = pam_place_of(layout, copies[1]);
    frame->generator = pam_frame_generator(layout, copies[1], address, frame->chunk < 0);
    same->previous = pam_u64_at(copies[1], layout->frame_previous);
    same->moved = !pam_same_place(pam_place_of(layout, copies[0]), frame->place);
    frame->entered = pam_frame_is_entry(layout, copies[1]);
    same->runs_code = pam_frame_runs(layout, copies[1]);
    return pam_frame_code(layout, copies[0]) == frame->code &&
           pam_u64_at(copies[0], layout->frame_previous) == same->previous &&
           copies[0][layout->frame_owner] == copies[1][layout->frame_owner];
}

/* How far the newest chunk was in use at both copies; 0 where another one was the newest. */
static uint64_t lower_top(const struct pam_layout *layout, const unsigned char *arena,
                          const struct pam_py_thread *thread)
{
    uint64_t lower = UINT64_MAX;

    for (unsigned pass = 0; pass < 2; pass++) {
        const unsigned char *state = pam_region_copy(&thread->state, arena, pass);
        uint64_t top;

        if (!state || pam_u64_at(state, layout->tstate_chunk) != thread->chunks[0].address)
            return 0;
        top = pam_u64_at(state, layout->tstate_chunk_top);
        lower = top < lower ? top : lower;
    }
    return lower;
}

/* The frames on the heap between `caller` and `leaf`, whose `previous` is given, outermost first.
 * Negative when `previous` does not lead to the caller. */
static int find_between(const struct pam_layout *layout, const unsigned char *arena,
                        const struct pam_py_thread *thread, struct pam_raw_frame *leaf,
                        uint64_t previous, uint64_t caller, struct pam_raw_frame between[MAX_BETWEEN])
{
    struct pam_raw_frame *callee = leaf;
    int count = 0;

    for (int steps = 0; previous != caller; steps++) {
        struct same_frame same;

        if (steps == MAX_BETWEEN || !previous ||
            !same_in_both(layout, arena, thread, previous, &same) || same.frame.chunk >= 0 ||
            same.moved)
            return -1;
        previous = same.previous;
        if (same.runs_code) {
            between[count] = same.frame;
            callee = &between[count++];
        } else {
            callee->entered = true;
        }
    }
    pam_reverse_frames(between, (uint32_t)count);
    return count;
}

bool pam_forward_accept(const struct pam_raw_frame *frame, struct pam_chain *chain,
                        struct pam_codes *codes, struct pam_recorder *recorder,
                        struct pam_code_entry **entries)
{
    uint64_t unit_plus1;

    if (chain->depth == PAM_MAX_DEPTH)
        return false;
    entries[chain->depth] = pam_code_get(codes, recorder, frame->code);
    if (!entries[chain->depth] ||
        !pam_unit_plus1(codes, entries[chain->depth], frame->place, &unit_plus1))
        return false;
    chain->frames[chain->depth++] = *frame;
    return true;
}

uint32_t pam_walk_forward(const struct pam_layout *layout, const unsigned char *arena,
                          const struct pam_py_thread *thread, struct pam_chain *chain,
                          struct pam_codes *codes, struct pam_recorder *recorder,
                          struct pam_code_entry **entries, bool *held)
{
    int32_t chunk = (int32_t)thread->chunk_count - 1;
    const uint64_t top = chunk >= 0 ? lower_top(layout, arena, thread) : 0;
    uint64_t next = chunk >= 0 ? thread->chunks[chunk].address + layout->chunk_data + 8 : 0;
    uint64_t caller = 0;
    bool goes_on = top > 0;

    if (!layout->tstate_chunk)
        return pam_walk_forward_objects(layout, arena, thread, chain, codes, recorder, entries, held);
    *held = false;
    chain->depth = 0;
    while (goes_on && (chunk > 0 || next + layout->frame_bytes <= top)) {
        struct pam_raw_frame between[MAX_BETWEEN];
        struct same_frame same;
        int count;

        if (!same_in_both(layout, arena, thread, next, &same) || same.frame.chunk != chunk) {
            if (chunk == 0) {
                *held = true; /* below the top of both copies there was another frame in each */
                break;
            }
            chunk--; /* the newer chunk starts with the frame that did not fit */
            next = thread->chunks[chunk].address + layout->chunk_data;
            continue;
        }
        count = find_between(layout, arena, thread, &same.frame, same.previous, caller, between);
        goes_on = count >= 0;
        for (int i = 0; goes_on && i < count; i++)
            goes_on = pam_forward_accept(&between[i], chain, codes, recorder, entries);
        if (!goes_on || !pam_forward_accept(&same.frame, chain, codes, recorder, entries))
            break;
        caller = next;
        next += entries[chain->depth - 1]->frame_bytes;
        goes_on = !same.moved;
    }
    pam_reverse_frames(chain->frames, chain->depth); /* chains are leaf first */
    return chain->depth;
}
