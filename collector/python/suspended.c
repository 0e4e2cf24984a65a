/* suspended.c - one coroutine, generator or asynchronous generator that is suspended: where it stands,
 * and what it awaits there. */
#include "python/suspended.h"

#include "python/walk.h"

enum {
    LOOK_WORDS = 16,
    MOST_STACK = 1 << 16,
    UNIT_BYTES = 2, /* opcode and argument */
};

static uint32_t at_most(uint32_t size, uint32_t most)
{
    return size < most ? size : most;
}

uint32_t pam_look_bytes(const struct pam_layout *layout)
{
    return at_most(layout->generator_frame + layout->frame_locals + 8 * LOOK_WORDS, PAM_LOOK_BYTES);
}

uint32_t pam_frame_end(const struct pam_layout *layout)
{
    return at_most(layout->generator_frame + layout->frame_bytes, PAM_FRAME_END_BYTES);
}

static unsigned state_of(const struct pam_layout *layout, const unsigned char *place)
{
    return place[layout->generator_frame ? layout->generator_state : layout->frame_state];
}

static bool is_of(const struct pam_layout *layout, const unsigned char *place, uint64_t object)
{
    return !layout->frame_generator || pam_u64_at(place, layout->frame_generator) == object;
}

/* The code unit behind that at which it stands. */
static bool read_next_unit(const struct pam_heap *heap, const struct pam_await *link,
                           unsigned char unit[UNIT_BYTES])
{
    uint64_t from = 0;

    if (heap->layout->code_bytes) {
        if (pam_remote_read(heap->remote, link->code + heap->layout->code_bytes, &from, sizeof from) < 0)
            return false;
        from += heap->layout->bytes_data;
    }
    return pam_remote_read(heap->remote, from + link->place.instruction + UNIT_BYTES, unit, UNIT_BYTES) == 0;
}

/* A coroutine is suspended only where it awaits; the others can be so in a `yield`, too. */
static bool awaits_something(const struct pam_heap *heap, const struct pam_await *link, unsigned state)
{
    const struct pam_layout *layout = heap->layout;
    unsigned char unit[UNIT_BYTES];

    if (link->kind == PAM_TYPE_COROUTINE)
        return true;
    if (!layout->await_opcode)
        return state == layout->frame_awaiting;
    return read_next_unit(heap, link, unit) &&
           (unit[0] == layout->await_opcode || unit[0] == layout->await_opcode_too) &&
           unit[1] >= layout->await_argument;
}

/* A word that was read with the frame, or else is read by itself. */
static uint64_t word_at(const struct pam_heap *heap, const struct pam_look *look, uint64_t place,
                        uint64_t at)
{
    uint64_t word = 0;

    if (at - place + 8 <= look->size)
        word = pam_u64_at(look->bytes, at - place);
    else if (pam_remote_read(heap->remote, at, &word, sizeof word) < 0)
        return 0;
    word &= ~(uint64_t)heap->layout->frame_code_tags; /* as all references in a frame */
    return pam_is_pointer(word) ? word : 0;
}

/* What it awaits is the top of its stack. */
static void take_top(const struct pam_heap *heap, const struct pam_look *look, uint64_t locals,
                     struct pam_await *link)
{
    const struct pam_layout *layout = heap->layout;
    const unsigned char *frame = look->bytes + layout->generator_frame;
    uint64_t end = locals;

    if (layout->frame_stack_pointer) {
        end = pam_u64_at(frame, layout->frame_stack_pointer);
    } else {
        if (layout->frame_stack_base)
            end = pam_u64_at(frame, layout->frame_stack_base);
        end += 8 * (uint64_t)pam_u32_at(frame, layout->frame_stack_index);
    }
    if (end <= locals || end - locals > 8 * MOST_STACK)
        return;
    link->top_at = end - 8;
    link->awaited = word_at(heap, look, link->holder, link->top_at);
}

enum pam_await_state pam_await_take(const struct pam_heap *heap, const struct pam_look *look,
                                    struct pam_await *link)
{
    const struct pam_layout *layout = heap->layout;
    const unsigned char *frame = look->bytes + layout->generator_frame;
    const uint64_t locals = link->holder + layout->generator_frame + layout->frame_locals;
    unsigned state;

    if (look->size < pam_frame_end(layout))
        return PAM_AWAIT_UNREADABLE;
    state = state_of(layout, look->bytes);
    if (!is_of(layout, look->bytes, link->object))
        return PAM_AWAIT_GONE;
    link->code = pam_frame_code(layout, frame);
    link->place = pam_place_of(layout, frame);
    if (state == layout->frame_executing)
        return PAM_AWAIT_RUNS;
    if (state == layout->frame_created ||
        (layout->frame_lasti_bytes && pam_u32_at(frame, layout->frame_instruction) == UINT32_MAX))
        return PAM_AWAIT_NOT_STARTED;
    if (state != layout->frame_suspended && state != layout->frame_awaiting)
        return PAM_AWAIT_GONE;
    link->argument = word_at(heap, look, link->holder, locals);
    if (awaits_something(heap, link, state))
        take_top(heap, look, locals, link);
    return PAM_AWAIT_SUSPENDED;
}

bool pam_await_is_same(const struct pam_layout *layout, const struct pam_await *link,
                       const unsigned char *place, uint64_t top)
{
    const unsigned char *frame = place + layout->generator_frame;

    return is_of(layout, place, link->object) && pam_frame_code(layout, frame) == link->code &&
           pam_same_place(pam_place_of(layout, frame), link->place) &&
           state_of(layout, place) != layout->frame_executing &&
           (!link->awaited || (top & ~(uint64_t)layout->frame_code_tags) == link->awaited);
}
