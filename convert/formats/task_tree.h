/* task_tree.h - the pending tasks of one walk as a tree: under each task those that it waits for. */
#ifndef PAM_TASK_TREE_H
#define PAM_TASK_TREE_H

#include "formats/format.h"

struct pam_pending_task {
    uint64_t id;        /* in its epoch */
    uint32_t label;     /* text of the model: how it is called */
    int64_t name;       /* of the format's names, -1: none; shown where it is another than the label */
    uint64_t state;     /* enum pam_task_state */
    uint32_t stack;     /* of the model */
    uint32_t awaitable; /* text of the model, or PAM_UNKNOWN */
    uint64_t since_us;
    uint64_t group_owner; /* id: in whose TaskGroup it is; 0: none */
    size_t awaited_at, awaited; /* ids: where they start, how many */
};

/* A zeroed one is empty. */
struct pam_task_tree {
    uint64_t walk, time_ns;
    struct pam_task_walk end;
    struct pam_pending_task *tasks;
    size_t count, room;
    uint64_t *awaited; /* ids of all tasks, one after the other */
    size_t awaited_count, awaited_room;
};

void pam_task_tree_free(struct pam_task_tree *tree);
void pam_task_tree_clear(struct pam_task_tree *tree);

/* Adds a task and the ids of those that it waits for, as in the record. False when memory is short. */
bool pam_task_tree_add(struct pam_task_tree *tree, const struct pam_pending_task *task,
                       struct pam_bytes awaited);

/* Writes it: the newest tasks first. 0 or PAM_MEMORY. */
int pam_task_tree_print(struct pam_task_tree *tree, const struct pam_output_context *context,
                        const struct pam_table *names, struct pam_error *error);

#endif
