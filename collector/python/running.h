/* running.h - which tasks asyncio says that its loops are running now: its dict of them, by one read. */
#ifndef PAM_RUNNING_H
#define PAM_RUNNING_H

#include "python/tasks.h"

enum {
    PAM_MOST_LOOPS = 16,         /* told of those that run a task at the same time, each in a thread */
    PAM_RUNNING_PIECES = PAM_MOST_LOOPS, /* more than of a dict, and its keys */
    PAM_RUNNING_KEYS_BYTES = 320, /* of a dict with as few entries as there are loops */
};

/* A copy of where asyncio keeps them: a dict, or, from 3.14 on, one pointer in each thread's state. */
struct pam_running_copy {
    unsigned char dict[8 * PAM_MOST_LOOPS];
    unsigned char keys[PAM_RUNNING_KEYS][PAM_RUNNING_KEYS_BYTES];
    const struct pam_piece *pieces;
    size_t count;
};

/* Addresses of tasks, of which each has to be checked. */
struct pam_running {
    uint64_t addresses[PAM_MOST_LOOPS];
    size_t count;
};

/* What is to be read for it, with whatever else; the states are those of the threads it is about. Returns how
 * many pieces, at most PAM_RUNNING_PIECES; 0: asyncio is not there. */
size_t pam_running_pieces(struct pam_tasks *tasks, const uint64_t *tstates, size_t tstate_count,
                          struct pam_running_copy *copy, struct pam_piece *pieces);

/* After the read, and without another one: false when what was copied is not all that it takes. */
bool pam_running_take(const struct pam_tasks *tasks, const struct pam_running_copy *copy,
                      struct pam_running *running);

/* The same, with whatever reads it takes. */
void pam_running_get(struct pam_tasks *tasks, const struct pam_running_copy *copy,
                     struct pam_running *running);

#endif
