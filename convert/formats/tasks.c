/* tasks.c - what every pending asyncio task waits for, as the last walk in the window found it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/format.h"
#include "formats/task_tree.h"

/* What is known of a task id of the epoch: the task's own name, which may be one that asyncio made. */
struct named {
    uint32_t label; /* text of the model */
    int64_t name;   /* in `names`; -1: none */
};

struct tasks {
    const struct pam_output_context *context;
    struct pam_table names;
    struct named *named; /* by task id */
    size_t named_room;
    struct pam_task_tree current; /* the walk that is being told */
    struct pam_task_tree *last;   /* of each process, the last one in the window */
    size_t last_count;
};

static int tasks_open(void **state, const struct pam_output_context *context, struct pam_error *error)
{
    struct tasks *tasks = calloc(1, sizeof *tasks);

    if (!tasks)
        return pam_fail(error, PAM_MEMORY, "not enough memory for tasks");
    tasks->context = context;
    *state = tasks;
    return 0;
}

static bool grow_named(struct tasks *tasks, uint64_t id)
{
    const size_t room = 2 * (size_t)(id + 128);
    struct named *grown;

    if (id < tasks->named_room)
        return true;
    grown = realloc(tasks->named, room * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + tasks->named_room, 0xff, (room - tasks->named_room) * sizeof *grown);
    tasks->named = grown;
    tasks->named_room = room;
    return true;
}

static int take_task(struct tasks *tasks, const struct pam_task *task)
{
    struct pam_bytes name = task->name;
    char made[32];

    if (task->id >= PAM_MAX_ID)
        return 0;
    if (!name.size && task->number_plus1) {
        (void)snprintf(made, sizeof made, "Task-%" PRIu64, task->number_plus1 - 1);
        name = pam_text(made);
    }
    if (!grow_named(tasks, task->id))
        return -1;
    tasks->named[task->id] =
        (struct named){.label = pam_model_task(tasks->context->model, task->id),
                       .name = name.size ? pam_table_id(&tasks->names, name.data, name.size) : -1};
    return 0;
}

static int take_pending(struct tasks *tasks, const struct pam_pending *pending, uint64_t time_ns)
{
    const struct pam_model *model = tasks->context->model;
    const bool is_known = pending->task < tasks->named_room;
    struct pam_pending_task row = {
        .id = pending->task,
        .label = is_known ? tasks->named[pending->task].label : PAM_UNKNOWN,
        .name = is_known ? tasks->named[pending->task].name : -1,
        .state = pending->state,
        .stack = pam_model_stack(model, pending->stack),
        .awaitable = pending->awaitable ? pam_model_string(model, pending->awaitable) : PAM_UNKNOWN,
        .since_us = pending->since_us,
        .group_owner = pending->group_owner,
    };

    if (pending->walk != tasks->current.walk)
        pam_task_tree_clear(&tasks->current);
    tasks->current.walk = pending->walk;
    tasks->current.time_ns = time_ns;
    return pam_task_tree_add(&tasks->current, &row, pending->awaited) ? 0 : -1;
}

/* The place of the process's last walk. NULL when memory is short. */
static struct pam_task_tree *last_of(struct tasks *tasks, uint64_t pid)
{
    struct pam_task_tree *grown;

    for (size_t i = 0; i < tasks->last_count; i++)
        if (tasks->last[i].end.pid == pid)
            return &tasks->last[i];
    grown = realloc(tasks->last, (tasks->last_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    tasks->last = grown;
    tasks->last[tasks->last_count] = (struct pam_task_tree){.end.pid = pid};
    return &tasks->last[tasks->last_count++];
}

static int end_walk(struct tasks *tasks, const struct pam_task_walk *end, uint64_t time_ns)
{
    const struct pam_filter *filter = tasks->context->filter;
    struct pam_task_tree *last;

    if (tasks->current.walk != end->walk) /* it found nothing, or what it told was lost */
        pam_task_tree_clear(&tasks->current);
    tasks->current.walk = end->walk;
    tasks->current.time_ns = time_ns;
    tasks->current.end = *end;
    if (time_ns < filter->from_ns || time_ns > filter->to_ns ||
        (filter->process && filter->process != end->pid))
        return 0;
    last = last_of(tasks, end->pid);
    if (!last)
        return -1;
    pam_task_tree_free(last);
    *last = tasks->current;
    tasks->current = (struct pam_task_tree){0};
    return 0;
}

static int tasks_event(void *state, const struct pam_event *event, struct pam_error *error)
{
    struct tasks *tasks = state;
    int r = 0;

    if (event->kind == PAM_EVENT_EPOCH || event->kind == PAM_EVENT_CAPTURE) {
        pam_task_tree_clear(&tasks->current);
        if (tasks->named_room)
            memset(tasks->named, 0xff, tasks->named_room * sizeof *tasks->named);
    }
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    switch (event->record.type) {
    case PAM_task: r = take_task(tasks, &event->record.task); break;
    case PAM_pending: r = take_pending(tasks, &event->record.pending, event->time_ns); break;
    case PAM_task_walk: r = end_walk(tasks, &event->record.task_walk, event->time_ns); break;
    default: break;
    }
    return r < 0 ? pam_fail(error, PAM_MEMORY, "not enough memory for pending tasks") : 0;
}

static int tasks_finish(void *state, struct pam_error *error)
{
    struct tasks *tasks = state;
    FILE *out = tasks->context->out;
    int r = 0;

    if (!tasks->last_count)
        fputs("no walk of pending tasks here: pamcollect --tasks SECONDS makes them\n", out);
    for (size_t i = 0; i < tasks->last_count && r == 0; i++) {
        if (i)
            fputc('\n', out);
        r = pam_task_tree_print(&tasks->last[i], tasks->context, &tasks->names, error);
    }
    return r;
}

static void tasks_free(void *state)
{
    struct tasks *tasks = state;

    for (size_t i = 0; i < tasks->last_count; i++)
        pam_task_tree_free(&tasks->last[i]);
    free(tasks->last);
    pam_task_tree_free(&tasks->current);
    pam_table_done(&tasks->names);
    free(tasks->named);
    free(tasks);
}

const struct pam_format pam_format_tasks = {
    .name = "tasks",
    .suffix = ".tasks",
    .what = "what each pending asyncio task waits for",
    .open = tasks_open,
    .event = tasks_event,
    .finish = tasks_finish,
    .free = tasks_free,
};
