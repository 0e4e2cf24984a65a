/* task_list.h - the addresses of all tasks that asyncio keeps, to be looked at one after the other. */
#ifndef PAM_TASK_LIST_H
#define PAM_TASK_LIST_H

#include "python/tasks.h"

enum { PAM_MAX_WALKED = 10000 }; /* tasks in one walk; more are counted as left out */

struct pam_task_list {
    uint64_t items[PAM_MAX_WALKED]; /* of tasks; those of weak references to them have the lowest bit set */
    size_t count;
    uint64_t left_out;
    bool unreadable; /* something of where they are kept made no sense: some are missing */
};

/* Lists what the sets of _asyncio hold. */
void pam_task_list_sets(struct pam_task_list *list, struct pam_tasks *tasks);

/* Lists what is in a set, instead of what was listed before. */
void pam_task_list_set(struct pam_task_list *list, struct pam_tasks *tasks, uint64_t set);

/* Since 3.14: lists what is linked behind `head`, of a thread; and what threads that are gone left to the
 * interpreter. */
void pam_task_list_linked(struct pam_task_list *list, struct pam_tasks *tasks, uint64_t head);
void pam_task_list_left(struct pam_task_list *list, struct pam_tasks *tasks);

#endif
