/* nested.c - the thread states of one thread: where it entered another interpreter, its stack goes on.
 *
 * Which interpreter was entered from which is not to be seen in the states; an interpreter is younger
 * than the one whose code created it, so the oldest is taken to be the outermost. */
#include <stdlib.h>
#include <string.h>

#include "python/stack.h"

static bool is_of(const struct pam_py_thread *thread, const struct pam_tstate *state)
{
    return thread->tstate == state->address && thread->unique_id == state->unique_id &&
           thread->interpreter == state->interpreter;
}

static void free_parts(struct pam_py_thread *thread)
{
    free(thread->chunks);
    free(thread->heap);
    free(thread->nodes);
}

void pam_inner_end(struct pam_py_thread **place)
{
    while (*place) {
        struct pam_py_thread *inner = *place;

        *place = inner->inner;
        free_parts(inner);
        free(inner);
    }
}

void pam_py_thread_set(struct pam_py_thread *thread, const struct pam_layout *layout,
                       const struct pam_tstate *state)
{
    if (is_of(thread, state))
        return;
    pam_py_thread_done(thread);
    thread->tstate = state->address;
    thread->interpreter = state->interpreter;
    thread->unique_id = state->unique_id;
    thread->ident = state->ident;
    thread->state = (struct pam_region){.address = state->address, .size = layout->tstate_bytes};
}

struct pam_py_thread **pam_inner_thread(struct pam_py_thread **place, const struct pam_layout *layout,
                                        const struct pam_tstate *state)
{
    if (!*place)
        *place = calloc(1, sizeof **place);
    if (!*place)
        return NULL;
    pam_py_thread_set(*place, layout, state);
    (*place)->is_inner = true;
    return &(*place)->inner;
}

void pam_py_thread_forget(struct pam_py_thread *thread)
{
    for (; thread; thread = thread->inner)
        thread->depth = 0;
}

void pam_py_thread_done(struct pam_py_thread *thread)
{
    pam_inner_end(&thread->inner);
    free_parts(thread);
    memset(thread, 0, sizeof *thread);
}
