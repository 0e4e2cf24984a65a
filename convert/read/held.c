/* held.c - spans held back for a while, until it is known whether the code they name was itself. */
#include "held.h"

#include <stdlib.h>
#include <string.h>

/* The collector looks every 0.4 s, and may be late. */
static const uint64_t HOLD_NS = UINT64_C(1000000000);

enum { MAX_HELD = 1 << 16 }; /* spans; more than 65,536 a second are passed on earlier */

void pam_held_done(struct pam_held *held)
{
    free(held->spans);
    held->spans = NULL;
    held->first = held->count = held->room = 0;
}

static int pass_on(struct pam_held *held, struct pam_error *error)
{
    const struct pam_span *span = &held->spans[held->first++];

    held->count--;
    return held->take(span, held->context, error);
}

/* Room for one more behind the last: those that were passed on leave some. */
static bool make_room(struct pam_held *held)
{
    const size_t room = held->room ? 2 * held->room : 256;
    struct pam_span *grown;

    if (held->first + held->count < held->room)
        return true;
    if (held->first > held->room / 2) {
        memmove(held->spans, held->spans + held->first, held->count * sizeof *held->spans);
        held->first = 0;
        return true;
    }
    grown = realloc(held->spans, room * sizeof *grown);
    if (!grown)
        return false;
    held->spans = grown;
    held->room = room;
    return true;
}

static bool append(struct pam_held *held, const struct pam_span *span)
{
    if (!make_room(held))
        return false;
    held->spans[held->first + held->count++] = *span;
    return true;
}

bool pam_held_is_full(const struct pam_held *held)
{
    return held->count >= MAX_HELD;
}

int pam_held_put(struct pam_held *held, const struct pam_span *span, uint64_t now_ns,
                 struct pam_error *error)
{
    int r = 0;

    if (!append(held, span))
        return pam_fail(error, PAM_MEMORY, "not enough memory to hold spans back");
    while (r == 0 && held->count &&
           (held->count > MAX_HELD || now_ns - held->spans[held->first].end_ns > HOLD_NS))
        r = pass_on(held, error);
    return r;
}

/* Appends what becomes of a span: itself, or the part before and the marked part since then. */
static int mark_span(struct pam_held *held, const struct pam_span *span, uint32_t code,
                     uint64_t since_ns)
{
    const bool earlier = span->end_ns < since_ns || (span->end_ns == since_ns && span->start_ns < since_ns);
    const int64_t marked =
        earlier ? (int64_t)span->stack : pam_model_mark(held->model, span->stack, code);
    struct pam_span before, after;

    if (marked < 0)
        return -1;
    if (marked == span->stack)
        return append(held, span) ? 0 : -1;
    before = pam_span_part(span, 0, since_ns);
    after = pam_span_part(span, since_ns, UINT64_MAX);
    after.stack = (uint32_t)marked;
    if (before.end_ns > before.start_ns && !append(held, &before))
        return -1;
    return append(held, &after) ? 0 : -1;
}

/* A span of another process is passed on as it is. */
static int mark_if_of(struct pam_held *marked, const struct pam_span *span, uint32_t code, uint64_t pid,
                      uint64_t since_ns)
{
    if (pid && pam_model_thread(marked->model, span->thread)->pid != pid)
        return append(marked, span) ? 0 : -1;
    return mark_span(marked, span, code, since_ns);
}

int pam_held_mark(struct pam_held *held, uint32_t code, uint64_t pid, uint64_t since_ns,
                  struct pam_error *error)
{
    struct pam_held marked = {.model = held->model, .take = held->take, .context = held->context};
    int r = 0;

    for (size_t i = 0; i < held->count && r == 0; i++)
        r = mark_if_of(&marked, &held->spans[held->first + i], code, pid, since_ns);
    if (r < 0) {
        pam_held_done(&marked);
        return pam_fail(error, PAM_MEMORY, "not enough memory to mark spans");
    }
    free(held->spans);
    *held = marked;
    return 0;
}

int pam_held_finish(struct pam_held *held, struct pam_error *error)
{
    int r = 0;

    while (r == 0 && held->count)
        r = pass_on(held, error);
    return r;
}
