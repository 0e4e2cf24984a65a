/* awaits.h - what tasks wait for: from the coroutine of each to what that awaits, and so on to the end.
 *
 * The target runs meanwhile. Some tasks at a time are followed, one more step of all of them by each
 * read; then all that was read of them is read again, at once: a task of which anything moved is dropped. */
#ifndef PAM_AWAITS_H
#define PAM_AWAITS_H

#include "python/suspended.h"
#include "python/tasks.h"

enum {
    PAM_AWAIT_TASKS = 32, /* followed together */
    PAM_AWAIT_DEPTH = 64, /* coroutines that await each other; what is deeper is not told */
};

enum pam_awaits_end {
    PAM_AWAITS_FOLLOWED,  /* `end` is what the last one awaits, 0: nothing that can be told */
    PAM_AWAITS_NONE,      /* no task, or one that is done */
    PAM_AWAITS_UNREADABLE,
    PAM_AWAITS_CHANGED,   /* it went on meanwhile */
};

struct pam_awaits {
    struct pam_task_copy task;
    enum pam_awaits_end outcome;
    enum pam_task_state state;
    uint32_t depth;
    uint64_t end, end_type; /* and the address of its type */
    struct pam_await chain[PAM_AWAIT_DEPTH]; /* outermost first */
};

/* Fills `awaits` for each of the tasks, at most PAM_AWAIT_TASKS, whose `items` are as in a
 * pam_task_list. 0, or a negative errno when the process cannot be read at all any more. */
int pam_awaits_follow(struct pam_tasks *tasks, const uint64_t *items, size_t count,
                      struct pam_awaits *awaits);

/* Reads tasks, at most PAM_AWAIT_TASKS; `ok` tells which of them are asyncio's own. */
int pam_awaits_read_tasks(struct pam_tasks *tasks, const uint64_t *addresses, size_t count,
                          struct pam_task_copy *const *copies, bool *ok);

/* What the task's future is that has to be done before it goes on; 0: none, or it is not in one. */
static inline uint64_t pam_awaits_waiter(const struct pam_tasks *tasks, const struct pam_awaits *awaits)
{
    return pam_u64_at(awaits->task.task, tasks->heap.layout->task_waiter);
}

#endif
