/* awaited.h - the tasks that a task waits for, where asyncio's own data say so: another one that it
 * awaits, and those of gather(), shield(), wait(), wait_for(), as_completed() and of a TaskGroup,
 * anyio's too. */
#ifndef PAM_AWAITED_H
#define PAM_AWAITED_H

#include "python/awaits.h"

/* Writes the ids of those that are pending, a varint each, and returns their size, at most
 * PAM_MAX_AWAITED; 0 when there are none. Records those that are new. */
size_t pam_awaited_ids(struct pam_tasks *tasks, const struct pam_awaits *awaits, unsigned char *ids);

/* The id of the pending task whose TaskGroup it is in, 0 when it is in none. Such a task waits for it at
 * the end of the group, if not yet. */
uint64_t pam_group_owner_id(struct pam_tasks *tasks, const struct pam_awaits *awaits);

/* The code of a coroutine object, or NULL. */
const struct pam_code_entry *pam_coroutine_code(struct pam_tasks *tasks, uint64_t coroutine);

#endif
