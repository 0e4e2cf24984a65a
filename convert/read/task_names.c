/* task_names.c - what asyncio's tasks are called, and stacks with them as frames. */
#include "task_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TASKED = 1 << 12,  /* stacks remembered; who comes later takes the place */
    MAX_DEPTH = 8192,  /* twice as deep as the collector goes */
};

void pam_task_names_done(struct pam_task_names *names)
{
    pam_id_map_done(&names->map);
    free(names->tasked);
    names->tasked = NULL;
}

/* Was it made by asyncio, as Task-N is? Then nobody gave the task a name. */
static bool is_default(struct pam_bytes name)
{
    static const char start[] = "Task-";
    const size_t size = sizeof start - 1;

    if (name.size <= size || memcmp(name.data, start, size) != 0)
        return name.size == 0;
    for (size_t i = size; i < name.size; i++)
        if (name.data[i] < '0' || name.data[i] > '9')
            return false;
    return true;
}

static int64_t text_of(struct pam_model *model, const struct pam_task *task)
{
    const uint32_t code = task->code ? pam_model_code_id(model, task->code) : PAM_UNKNOWN;
    uint32_t coroutine = task->coroutine ? pam_model_string(model, task->coroutine) : PAM_UNKNOWN;
    char number[32];

    if (!is_default(task->name))
        return pam_model_put_text(model, task->name);
    if (coroutine == PAM_UNKNOWN)
        coroutine = pam_model_code(model, code).qualname;
    if (coroutine != PAM_UNKNOWN)
        return coroutine;
    if (task->name.size || !task->number_plus1)
        return pam_model_put_text(model, task->name.size ? task->name : pam_text("?"));
    (void)snprintf(number, sizeof number, "Task-%" PRIu64, task->number_plus1 - 1);
    return pam_model_put_text(model, pam_text(number));
}

int pam_task_names_add(struct pam_task_names *names, struct pam_model *model,
                       const struct pam_task *task)
{
    return pam_id_map_set(&names->map, task->id, text_of(model, task));
}

/* The nodes of a stack, root first; NULL when memory is short. */
static struct pam_stack_model *nodes_of(const struct pam_model *model, uint32_t stack, size_t *depth)
{
    struct pam_stack_model *nodes;
    uint32_t at = stack;

    for (*depth = 0; at < PAM_NO_STACK && *depth < MAX_DEPTH; (*depth)++)
        at = pam_model_get_stack(model, at).parent;
    nodes = calloc(*depth + 1, sizeof *nodes);
    if (!nodes)
        return NULL;
    for (size_t i = *depth; i-- > 0; stack = nodes[i].parent)
        nodes[i] = pam_model_get_stack(model, stack);
    return nodes;
}

static int64_t make_stack(struct pam_model *model, uint32_t stack, uint32_t text, uint64_t behind)
{
    const struct pam_frame_model task = {.code = PAM_UNKNOWN, .task_plus1 = text + 1};
    const int64_t task_frame = pam_model_put_frame(model, &task);
    int64_t made = PAM_NO_STACK;
    size_t depth;
    struct pam_stack_model *nodes = nodes_of(model, stack, &depth);

    if (nodes && behind > depth) { /* the coroutine is not in what is known of the stack */
        free(nodes);
        return stack;
    }
    if (!nodes || task_frame < 0)
        made = -1;
    for (size_t i = 0; i <= depth && made >= 0; i++) {
        if (i == behind)
            made = pam_model_put_stack(model, &(struct pam_stack_model){.parent = (uint32_t)made,
                                                                        .frame = (uint32_t)task_frame});
        nodes[i].parent = (uint32_t)made;
        if (i < depth && made >= 0)
            made = pam_model_put_stack(model, &nodes[i]);
    }
    free(nodes);
    return made;
}

int64_t pam_task_names_stack(struct pam_task_names *names, struct pam_model *model, uint32_t stack,
                             uint32_t text, uint64_t depth)
{
    const uint32_t hash = (stack * UINT32_C(0x9e3779b1)) ^ (text * UINT32_C(0x85ebca6b));
    struct tasked *known;
    int64_t made;

    if (stack >= PAM_NO_STACK || depth > MAX_DEPTH)
        return stack;
    if (!names->tasked)
        names->tasked = calloc(TASKED, sizeof *names->tasked);
    if (!names->tasked)
        return -1;
    known = &names->tasked[(hash >> 16) % TASKED];
    if (known->with_task_plus1 && known->stack == stack && known->text == text && known->depth == depth)
        return known->with_task_plus1 - 1;
    made = make_stack(model, stack, text, depth);
    if (made >= 0)
        *known = (struct tasked){stack, text, (uint32_t)depth, (uint32_t)made + 1};
    return made;
}
