/* running.h - which tasks asyncio says that its loops are running now: its dict of them, by one read. */
#ifndef PAM_RUNNING_H
#define PAM_RUNNING_H

#include "python/tasks.h"

enum {
    PAM_MOST_LOOPS = 16,         /* told of those that run a task at the same time, each in a thread */
    PAM_RUNNING_PIECES = 1 + PAM_RUNNING_KEYS,
    PAM_RUNNING_KEYS_BYTES = 320, /* of a dict with as few entries as there are loops */
};

/* A copy of where asyncio keeps them. */
struct pam_running_copy {
    unsigned char dict[96];
    unsigned char keys[PAM_RUNNING_KEYS][PAM_RUNNING_KEYS_BYTES];
    struct pam_piece *pieces;
};

/* What is to be read for it, with whatever else; `tstate` is that of the thread it is about. Returns how
 * many pieces, at most PAM_RUNNING_PIECES; 0: asyncio is not there. */
size_t pam_running_pieces(struct pam_tasks *tasks, uint64_t tstate, struct pam_running_copy *copy,
                          struct pam_piece *pieces);

/* After the read: the addresses of tasks, of which each has to be checked; returns how many. */
size_t pam_running_get(struct pam_tasks *tasks, const struct pam_running_copy *copy,
                       uint64_t addresses[PAM_MOST_LOOPS]);

#endif
