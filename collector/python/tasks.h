/* tasks.h - the asyncio tasks of the target: where they are kept, and each known by its address,
 * checked against reuse.
 *
 * Only tasks of asyncio's own C accelerator are known: the Task of _asyncio and what is derived from
 * it, which uvloop uses too. One that ends gives its address, and often that of its coroutine and of
 * its name, to the next: the name's characters are part of what identifies a task. */
#ifndef PAM_TASKS_H
#define PAM_TASKS_H

#include "python/code.h"
#include "python/types.h"

enum {
    PAM_MAX_TASKS = 1 << 14, /* known at once; a full table is forgotten and starts anew */
    PAM_TASK_BYTES = 256,    /* more than any version's TaskObj */
    PAM_RUNNING_KEYS = 3,    /* remembered of the dict of running tasks: running.c */
};

/* A task as it was at one instant. */
struct pam_task_copy {
    uint64_t address;
    unsigned char task[PAM_TASK_BYTES];
    struct pam_str_copy name; /* or the beginning of an int: a task's number is not yet its name */
};

struct pam_task_entry {
    uint64_t address;
    uint64_t coroutine;
    uint64_t name;       /* address */
    uint64_t name_hash;  /* of what stands there */
    uint64_t id;         /* in the capture's epoch; 0: not recorded in it */
    uint64_t waits_hash; /* of what the walk before found it waiting for */
    uint64_t waits_since_ns; /* and when a walk first found that */
};

struct pam_tasks {
    struct pam_heap heap;
    struct pam_codes *codes;
    struct pam_recorder *recorder;
    uint64_t interpreter;
    uint64_t pid;
    struct pam_types types;
    uint64_t module;       /* __dict__ of _asyncio; 0 while it is not known to be imported */
    uint64_t current;      /* its _current_tasks */
    struct pam_keys_place {
        uint64_t address;
        uint32_t size;
    } keys[PAM_RUNNING_KEYS]; /* that one has had; the last one learnt is the first */
    uint64_t look_due_ns;  /* when to look for it again */
    uint32_t count;
    uint32_t *slots;       /* hash table by address, of entry index + 1 */
    uint32_t slot_mask;    /* of those in use */
    uint32_t *by_coroutine; /* entry index + 1: where a coroutine was last seen */
    struct pam_task_entry *entries;
};

/* False when memory is short. */
bool pam_tasks_init(struct pam_tasks *tasks, const struct pam_heap *heap, struct pam_codes *codes,
                    struct pam_recorder *recorder, uint64_t interpreter, pid_t pid);
void pam_tasks_done(struct pam_tasks *tasks);

/* For a new epoch: nothing is recorded of any task any more. */
void pam_tasks_forget_recorded(struct pam_tasks *tasks);

/* Makes sure that so many more tasks can be known without any being forgotten. */
void pam_tasks_make_room(struct pam_tasks *tasks, uint32_t count);

/* Is the task of this copy recorded in this epoch? */
bool pam_task_is_recorded(struct pam_tasks *tasks, const struct pam_task_copy *copy);

/* Is asyncio's accelerator imported? Looks for it at most once a second. */
bool pam_tasks_find_module(struct pam_tasks *tasks);

/* Pieces of a task that one read brings: at most 2; returns how many. The name's, where `name` is its
 * address. */
size_t pam_task_pieces(const struct pam_tasks *tasks, struct pam_task_copy *copy, uint64_t address,
                       uint64_t name, struct pam_piece pieces[2]);

/* After the read: is it a task whose name stands where it was read? */
bool pam_task_is_valid(struct pam_tasks *tasks, const struct pam_task_copy *copy);

/* Are both copies of the same task? */
bool pam_task_is_same(struct pam_tasks *tasks, const struct pam_task_copy *a,
                      const struct pam_task_copy *b);

/* The entry of a valid copy, recorded when it is new in the epoch. `code`: of its coroutine, NULL when
 * it is not a Python function's. NULL when nothing more can be recorded in this epoch. */
struct pam_task_entry *pam_task_get(struct pam_tasks *tasks, const struct pam_task_copy *copy,
                                    const struct pam_code_entry *code);

/* The task that was last seen with that coroutine, or at that address: to be read and compared. NULL:
 * none. */
const struct pam_task_entry *pam_task_of_coroutine(const struct pam_tasks *tasks, uint64_t coroutine);
const struct pam_task_entry *pam_task_at(const struct pam_tasks *tasks, uint64_t address);

static inline uint64_t pam_task_coroutine(const struct pam_tasks *tasks,
                                          const struct pam_task_copy *copy)
{
    return pam_u64_at(copy->task, tasks->heap.layout->task_coroutine);
}

/* It is not done, and has a coroutine. */
static inline bool pam_task_is_pending(const struct pam_tasks *tasks, const struct pam_task_copy *copy)
{
    enum { PENDING = 0 }; /* enum fut_state */

    return pam_u32_at(copy->task, tasks->heap.layout->task_state) == PENDING &&
           pam_task_coroutine(tasks, copy);
}

static inline uint64_t pam_task_name(const struct pam_tasks *tasks, const struct pam_task_copy *copy)
{
    return pam_u64_at(copy->task, tasks->heap.layout->task_name);
}

#endif
