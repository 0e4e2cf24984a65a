/* task_now.h - which asyncio task a thread was running when its stack was read.
 *
 * It is the task whose coroutine's frame is in the stack. The task that a thread ran last is copied with
 * its stack, twice, so that the two belong to the same instant. Of another one the address is: it is read
 * right after, or looked for, and must still have that coroutine. */
#ifndef PAM_TASK_NOW_H
#define PAM_TASK_NOW_H

#include "python/running.h"
#include "python/walk.h"

/* A stack as it was read: frames from the leaf on, the codes of those kept, from the root on. */
struct pam_task_stack {
    struct pam_py_thread *thread;
    const struct pam_chain *chain;
    struct pam_code_entry *const *entries;
    uint32_t kept;
    const unsigned char *arena;
    const struct pam_running *running; /* between the copies of the stack; may be none */
};

/* Fills the task's id and how many frames are outside of its coroutine; 0 and 0 when the thread runs
 * none. False when it runs a coroutine and no task is known that does. */
bool pam_task_now(struct pam_tasks *tasks, const struct pam_task_stack *stack, uint64_t *task,
                  uint32_t *depth);

#endif
