/* held.h - spans held back for a while, until it is known whether the code they name was itself.
 *
 * The collector notices a little later that the address of a code object holds another one. Spans since
 * then are marked; those that are older have been passed on. */
#ifndef PAM_HELD_H
#define PAM_HELD_H

#include "timeline.h"

struct pam_held {
    struct pam_model *model;
    pam_take_span *take;
    void *context;
    struct pam_span *spans; /* in the order in which they ended */
    size_t first, count, room;
};

void pam_held_done(struct pam_held *held);

/* Would the next one have others passed on before their time? */
bool pam_held_is_full(const struct pam_held *held);

/* Takes a span, and passes on those that have been held long enough at `now_ns`. */
int pam_held_put(struct pam_held *held, const struct pam_span *span, uint64_t now_ns,
                 struct pam_error *error);

/* A code of the model may have been another since then, in that process (0: in any): marks the spans that
 * it is in. */
int pam_held_mark(struct pam_held *held, uint32_t code, uint64_t pid, uint64_t since_ns,
                  struct pam_error *error);

/* Passes on all that is left. */
int pam_held_finish(struct pam_held *held, struct pam_error *error);

#endif
