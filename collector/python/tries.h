/* tries.h - private to the stack reader: of several tries to read a stack, the one that counts.
 *
 * A thread that moved while it was copied is copied again, and moves on meanwhile. Told would be the first
 * stack in which it happened to hold still, so whatever follows upon busy code would be told in its place:
 * 0.1 ms of calls in every 0.26 ms were told as 17 % for 35 on 3.11, as 1 % for 41 on 3.9
 * (tests/e2e/test_phases.py); of 0.7 ms in every 6 ms a tenth to a sixth was missing on 3.11. So a sample is of
 * the moment of its first try: frames on which that one's copies agreed were there. Later tries may add to
 * them, and what they find without them is of another moment. */
#ifndef PAM_TRIES_H
#define PAM_TRIES_H

#include "python/gil.h"
#include "python/running.h"
#include "python/walk.h"

/* What was read between the copies. */
struct pam_moment {
    struct pam_gil_copy gil;
    struct pam_running running; /* of threads that have run tasks lately */
};

/* What a try came to: the frames of a chain that are certain, from the root on, and their codes. */
struct pam_try {
    struct pam_chain chain;
    struct pam_code_entry **entries; /* root first */
    uint32_t kept, depth;            /* certain ones, and all */
    bool held;                       /* the innermost of them was calling another in both copies */
    struct pam_moment moment;
};

struct pam_tries {
    struct pam_try best;
    struct pam_raw_frame *first; /* what the first one was certain of, root first; PAM_MAX_DEPTH of them */
    uint32_t first_count;        /* 0: no try was certain of anything yet */
    bool first_held;
};

static inline bool pam_try_is_whole(const struct pam_try *now)
{
    return now->kept && now->kept == now->depth;
}

static inline void pam_tries_begin(struct pam_tries *tries)
{
    tries->first_count = 0;
    tries->best.kept = 0;
}

/* Can what this try found be of the same moment as what the first one did? */
bool pam_tries_agree(const struct pam_tries *tries, const struct pam_try *now);

/* Remembers a try that another one follows; its arrays may become others. */
void pam_tries_keep(struct pam_tries *tries, struct pam_try *now);

/* Makes the best try the one that counts, if this one is not better. `now` that does not agree with the first is
 * no better one. */
void pam_tries_settle(struct pam_tries *tries, struct pam_try *now);

#endif
