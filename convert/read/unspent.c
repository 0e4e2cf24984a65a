/* unspent.c - a thread's CPU time, until it is known for what. */
#include "unspent.h"

void pam_unspent_use(struct pam_unspent *unspent, uint64_t cpu_us)
{
    unspent->cpu_us = pam_add_up(unspent->cpu_us, cpu_us);
}

void pam_unspent_look(struct pam_unspent *unspent, struct pam_span *span, bool exact)
{
    span->looks++;
    unspent->looks++;
    unspent->caught = *span;
    unspent->was_caught = true;
    if (!exact)
        pam_unspent_pay(unspent, span);
}

/* Of what is left, so that all is spent with the last look. */
void pam_unspent_pay(struct pam_unspent *unspent, struct pam_span *span)
{
    const uint64_t looks = span->looks < unspent->looks ? span->looks : unspent->looks;
    uint64_t part;

    span->looks = 0;
    if (!looks)
        return;
    part = looks == unspent->looks
               ? unspent->cpu_us
               : (uint64_t)((double)unspent->cpu_us * (double)looks / (double)unspent->looks);
    span->cpu_us += part;
    unspent->cpu_us -= part;
    unspent->looks -= looks;
}

bool pam_span_same_stack(const struct pam_span *a, const struct pam_span *b)
{
    return a->stack == b->stack && a->native_plus1 == b->native_plus1 && (!a->native_plus1 || a->on == b->on);
}

bool pam_unspent_end(struct pam_unspent *unspent, struct pam_span *last, struct pam_span *rest)
{
    const bool elsewhere = unspent->was_caught && !pam_span_same_stack(&unspent->caught, last);
    const uint64_t cpu_us = unspent->looks ? 0 : unspent->cpu_us;

    unspent->cpu_us -= cpu_us;
    if (!elsewhere) {
        last->cpu_us += cpu_us;
        return false;
    }
    *rest = unspent->caught;
    rest->cpu_us = cpu_us;
    rest->events = rest->looks = rest->ticks = 0;
    return cpu_us != 0;
}
