/* walker.h - walks of all pending asyncio tasks (--tasks): when, in what pieces, and their records. */
#ifndef PAM_WALKER_H
#define PAM_WALKER_H

#include "attachment.h"

struct pam_walker;

/* For a walk every so often. NULL when memory is short. */
struct pam_walker *pam_walker_new(uint64_t every_ns);
void pam_walker_free(struct pam_walker *walker);

/* Goes on with a walk, or begins one that is due, between two ticks: for about `budget_ns`, and at least
 * a piece of it. `attached` are the processes there are now. */
void pam_walker_step(struct pam_walker *walker, struct pam_recorder *recorder,
                     struct pam_attachment *const *attached, size_t count, uint64_t budget_ns);

#endif
