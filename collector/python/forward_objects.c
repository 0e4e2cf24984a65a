/* forward_objects.c - the root side of a stack of frame objects: who of those remembered called whom. */
#include "python/walk.h"

/* A frame object as both copies have it. */
struct same_object {
    struct pam_raw_frame frame;
    uint64_t previous;
    bool moved; /* it stood elsewhere in its code in the first copy */
};

/* False when the copies differ in more than where the frame stands in its code, or it does not run. */
static bool same_in_both(const struct pam_layout *layout, const unsigned char *arena,
                         const struct pam_region *region, struct same_object *same)
{
    const unsigned char *first = pam_region_copy(region, arena, 0);
    const unsigned char *second = pam_region_copy(region, arena, 1);

    if (!first || !second || !pam_frame_is_evaluated(layout, first) || !pam_frame_is_evaluated(layout, second))
        return false;
    same->previous = pam_u64_at(second, layout->frame_previous);
    same->frame = (struct pam_raw_frame){
        .address = region->address,
        .code = pam_frame_code(layout, second),
        .place = pam_place_of(layout, second),
        .generator = pam_frame_generator(layout, second, region->address, true),
        .chunk = -1,
        .entered = pam_frame_is_entry(layout, second),
    };
    same->moved = !pam_same_place(pam_place_of(layout, first), same->frame.place);
    return pam_frame_code(layout, first) == same->frame.code &&
           pam_u64_at(first, layout->frame_previous) == same->previous;
}

/* The frame that runs and was called by `caller`: there is but one. Without a caller it is the root that
 * the last chain had: one that was freed can be another thread's root now. They are in the order of the
 * walk before, leaf first, so it is mostly the one before its caller, at `*at`. */
static bool find_called(const struct pam_layout *layout, const unsigned char *arena,
                        const struct pam_py_thread *thread, uint64_t caller, uint32_t *at,
                        struct same_object *same)
{
    for (uint32_t k = 0; k < thread->heap_count; k++) {
        const uint32_t i = (*at + thread->heap_count - k) % thread->heap_count;

        if (same_in_both(layout, arena, &thread->heap[i], same) && same->previous == caller &&
            (caller || same->frame.address == thread->root)) {
            thread->heap[i].idle = 0;
            *at = (i + thread->heap_count - 1) % thread->heap_count;
            return true;
        }
    }
    return false;
}

/* Was another frame the innermost one in both copies? */
static bool was_calling(const struct pam_layout *layout, const unsigned char *arena,
                        const struct pam_py_thread *thread, uint64_t address)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        const unsigned char *state = pam_region_copy(&thread->state, arena, pass);

        if (!state || pam_u64_at(state, layout->tstate_current) == address)
            return false;
    }
    return true;
}

uint32_t pam_walk_forward_objects(const struct pam_layout *layout, const unsigned char *arena,
                                  const struct pam_py_thread *thread, struct pam_chain *chain,
                                  struct pam_codes *codes, struct pam_recorder *recorder,
                                  struct pam_code_entry **entries, bool *held)
{
    struct same_object same = {.moved = false};
    uint32_t at = thread->heap_count ? thread->heap_count - 1 : 0;
    uint64_t caller = 0;

    chain->depth = 0;
    while (!same.moved && find_called(layout, arena, thread, caller, &at, &same)) {
        if (!pam_forward_accept(&same.frame, chain, codes, recorder, entries))
            break;
        caller = same.frame.address;
    }
    *held = !same.moved && was_calling(layout, arena, thread, caller);
    pam_reverse_frames(chain->frames, chain->depth);
    return chain->depth;
}
