/* task_names.h - private to the model: what asyncio's tasks are called, and stacks with them as frames. */
#ifndef PAM_TASK_NAMES_H
#define PAM_TASK_NAMES_H

#include "id_map.h"
#include "model.h"

struct pam_task_names {
    struct pam_id_map map;      /* from task ids of the epoch to texts */
    struct tasked {          /* stacks that were lately made; 0: none */
        uint32_t stack, text, depth;
        uint32_t with_task_plus1;
    } *tasked;
};

void pam_task_names_done(struct pam_task_names *names);

/* Takes a task of the model's current epoch. -1: memory. */
int pam_task_names_add(struct pam_task_names *names, struct pam_model *model,
                       const struct pam_task *task);

/* The stack with a frame that has that text, of a task, behind the first `depth`; -1: memory. */
int64_t pam_task_names_stack(struct pam_task_names *names, struct pam_model *model, uint32_t stack,
                             uint32_t text, uint64_t depth);

/* model.c: the numbers of things that the model may not have yet; -1: memory. */
int64_t pam_model_put_text(struct pam_model *model, struct pam_bytes text);
int64_t pam_model_put_frame(struct pam_model *model, const struct pam_frame_model *frame);
int64_t pam_model_put_stack(struct pam_model *model, const struct pam_stack_model *stack);

#endif
