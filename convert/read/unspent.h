/* unspent.h - a thread's CPU time, until it is known for what: it goes in equal parts to the looks that found the
 * thread on a CPU, for about a second at a time.
 *
 * Chance places the looks, so what uses so much of the CPU time has so many of them. What was used since the look
 * before says nothing more: it is more where a thread that takes turns with others is caught late in its turn. */
#ifndef PAM_UNSPENT_H
#define PAM_UNSPENT_H

#include "timeline.h"

struct pam_unspent {
    uint64_t cpu_us;
    uint64_t looks;         /* among which it is divided; 0: it waits for the next one */
    struct pam_span caught; /* what the thread did at the last look; no time of its own */
    bool was_caught;
};

void pam_unspent_use(struct pam_unspent *unspent, uint64_t cpu_us);

/* A look found the thread on a CPU, at what this span shows. Where it is not known whether it was on one (not
 * `exact`) the span gets all at once: then what was used says more than how often the thread was seen there. */
void pam_unspent_look(struct pam_unspent *unspent, struct pam_span *span, bool exact);

/* Gives a span the part of its looks. Each span that had some since the last time, once. */
void pam_unspent_pay(struct pam_unspent *unspent, struct pam_span *span);

/* What nobody will look for any more, when the thread's last span ends: true if `rest` is to be a span of its own,
 * without a duration, of what the thread was last caught at; else it belongs to the last span or waits for its looks. */
bool pam_unspent_end(struct pam_unspent *unspent, struct pam_span *last, struct pam_span *rest);

/* Do they show the same, as far as one sees it in a profile? */
bool pam_span_same_stack(const struct pam_span *a, const struct pam_span *b);

#endif
