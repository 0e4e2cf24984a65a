/* task_tree.c - the pending tasks of one walk as a tree: under each task those that it waits for. */
#include "formats/task_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pam/search.h>

#include "formats/text.h"

enum {
    INDENT = 4,
    DEEPEST = 24, /* tasks that wait for each other, under each other; what is deeper stands by itself */
};

void pam_task_tree_free(struct pam_task_tree *tree)
{
    free(tree->tasks);
    free(tree->awaited);
    *tree = (struct pam_task_tree){0};
}

void pam_task_tree_clear(struct pam_task_tree *tree)
{
    tree->count = tree->awaited_count = 0;
    tree->end = (struct pam_task_walk){0};
}

static bool add_awaited(struct pam_task_tree *tree, uint64_t id)
{
    if (tree->awaited_count == tree->awaited_room) {
        const size_t room = 2 * tree->awaited_room + 64;
        uint64_t *grown = realloc(tree->awaited, room * sizeof *grown);

        if (!grown)
            return false;
        tree->awaited = grown;
        tree->awaited_room = room;
    }
    tree->awaited[tree->awaited_count++] = id;
    return true;
}

bool pam_task_tree_add(struct pam_task_tree *tree, const struct pam_pending_task *task,
                       struct pam_bytes awaited)
{
    struct pam_cursor cursor = pam_cursor(awaited.data, awaited.size);
    struct pam_pending_task *added;

    if (tree->count == tree->room) {
        const size_t room = 2 * tree->room + 64;
        struct pam_pending_task *grown = realloc(tree->tasks, room * sizeof *grown);

        if (!grown)
            return false;
        tree->tasks = grown;
        tree->room = room;
    }
    added = &tree->tasks[tree->count++];
    *added = *task;
    added->awaited_at = tree->awaited_count;
    while (pam_left(&cursor)) {
        const uint64_t id = pam_get_varint(&cursor);

        if (cursor.failed)
            break;
        if (!add_awaited(tree, id))
            return false;
    }
    added->awaited = tree->awaited_count - added->awaited_at;
    return true;
}

/* --- printing ------------------------------------------------------------------------------------------ */

struct printing {
    const struct pam_task_tree *tree;
    const struct pam_output_context *context;
    const struct pam_table *names;
    struct place { /* by task id: where it is among the tasks */
        uint64_t id;
        size_t at;
    } *places;
    struct place *members; /* by the id of who has them in a TaskGroup */
    size_t member_count;
    bool *is_awaited, *printed; /* by place */
    uint32_t *labels;
    struct pam_error *error;
};

static int compare_ages(const void *a, const void *b)
{
    const struct pam_pending_task *task_a = a, *task_b = b;

    if (task_a->since_us != task_b->since_us)
        return task_a->since_us < task_b->since_us ? -1 : 1;
    return task_a->id > task_b->id ? -1 : task_a->id < task_b->id;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *place_a = a, *place_b = b;

    return place_a->id < place_b->id ? -1 : place_a->id > place_b->id;
}

static bool is_in_awaited(const struct pam_task_tree *tree, const struct pam_pending_task *task, uint64_t id)
{
    for (size_t i = 0; i < task->awaited; i++)
        if (tree->awaited[task->awaited_at + i] == id)
            return true;
    return false;
}

/* The task with that id in this walk, or NULL. */
static const struct pam_pending_task *find(const struct printing *printing, uint64_t id)
{
    const struct place key = {.id = id};
    const struct place *place = bsearch(&key, printing->places, printing->tree->count,
                                        sizeof *printing->places, compare_places);

    return place ? &printing->tree->tasks[place->at] : NULL;
}

static void put_text(FILE *out, struct pam_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        fputc(text.data[i] < 0x20 || text.data[i] == 0x7f ? ' ' : text.data[i], out);
}

static void put_title(const struct printing *printing, const struct pam_pending_task *task, int indent)
{
    FILE *out = printing->context->out;
    const struct pam_bytes label = pam_model_text(printing->context->model, task->label);

    fprintf(out, "%*s", indent, "");
    put_text(out, label);
    if (task->name >= 0) {
        const struct pam_bytes name = pam_table_key(printing->names, (uint32_t)task->name);

        if (name.size != label.size || memcmp(name.data, label.data, name.size) != 0) {
            fputs(" (", out);
            put_text(out, name);
            fputc(')', out);
        }
    }
}

static void put_state(const struct printing *printing, const struct pam_pending_task *task)
{
    static const char *const states[] = {
        [PAM_TASK_NOT_STARTED] = "has not started",
        [PAM_TASK_WAITS] = "waits",
        [PAM_TASK_READY] = "is ready to go on",
        [PAM_TASK_RUNS] = "runs",
    };
    const bool known = task->state && task->state < sizeof states / sizeof *states;

    fprintf(printing->context->out, ": %s", known ? states[task->state] : "is in an unknown state");
    if (task->since_us)
        fprintf(printing->context->out, ", for %.1f s or longer", (double)task->since_us / 1e6);
    fputc('\n', printing->context->out);
}

/* Its chain of awaits, outermost first, a line each. */
static int put_chain(const struct printing *printing, const struct pam_pending_task *task, int indent)
{
    FILE *out = printing->context->out;
    const int64_t count =
        pam_labels_frames(printing->context->labels, task->stack, printing->labels, printing->error);

    for (int64_t i = 0; i < count; i++) {
        const struct pam_label label =
            pam_labels_get(printing->context->labels, printing->labels[i]);

        fprintf(out, "%*s", indent, "");
        put_text(out, label.name);
        fputs(" (", out);
        put_text(out, label.file);
        pam_put_place(out, &label.at);
        fputs(")\n", out);
    }
    return count < 0 ? (int)count : 0;
}

static void put_awaitable(const struct printing *printing, const struct pam_pending_task *task,
                          int indent)
{
    FILE *out = printing->context->out;

    if (task->awaitable == PAM_UNKNOWN)
        return;
    fprintf(out, "%*sawaits ", indent, "");
    put_text(out, pam_model_text(printing->context->model, task->awaitable));
    fputs(task->awaited ? ":\n" : "\n", out);
}

static int put_task(struct printing *printing, const struct pam_pending_task *task, int depth);

/* The members of its TaskGroup, unless it waits for them already. */
static int put_members(struct printing *printing, const struct pam_pending_task *task, int depth)
{
    const struct pam_task_tree *tree = printing->tree;
    size_t at = pam_first_above(printing->members, printing->member_count, sizeof *printing->members,
                                offsetof(struct place, id), task->id - 1);
    bool headed = false;
    int r = 0;

    for (; r == 0 && at < printing->member_count && printing->members[at].id == task->id; at++) {
        const struct pam_pending_task *member = &tree->tasks[printing->members[at].at];

        if (is_in_awaited(tree, task, member->id))
            continue;
        if (!headed)
            fprintf(printing->context->out, "%*sin its TaskGroup:\n", INDENT * (depth + 1), "");
        headed = true;
        r = put_task(printing, member, depth + 1);
    }
    return r;
}

static int put_task(struct printing *printing, const struct pam_pending_task *task, int depth)
{
    const int indent = INDENT * depth;
    FILE *out = printing->context->out;
    int r;

    put_title(printing, task, indent);
    if (printing->printed[task - printing->tree->tasks] || depth > DEEPEST) {
        fputs(printing->printed[task - printing->tree->tasks] ? ": see above\n" : ": see below\n", out);
        return 0;
    }
    printing->printed[task - printing->tree->tasks] = true;
    put_state(printing, task);
    r = put_chain(printing, task, indent + INDENT);
    put_awaitable(printing, task, indent + INDENT);
    for (size_t i = 0; i < task->awaited && r == 0; i++) {
        const struct pam_pending_task *other =
            find(printing, printing->tree->awaited[task->awaited_at + i]);

        if (other)
            r = put_task(printing, other, depth + 1);
        else
            fprintf(out, "%*sa task that is not pending any more\n", indent + INDENT, "");
    }
    return r == 0 ? put_members(printing, task, depth) : r;
}

static void put_header(const struct printing *printing)
{
    const struct pam_task_tree *tree = printing->tree;
    const uint64_t start_ns = printing->context->about->start_monotonic_ns;
    FILE *out = printing->context->out;

    fprintf(out, "process %" PRIu64 ": %zu pending tasks at %.3f s", tree->end.pid, tree->count,
            (double)(int64_t)(tree->time_ns - start_ns) / 1e9);
    if (tree->end.changed)
        fprintf(out, ", and %" PRIu64 " that went on while they were read", tree->end.changed);
    if (tree->end.unreadable)
        fprintf(out, ", and %" PRIu64 " that could not be read", tree->end.unreadable);
    if (tree->end.left_out)
        fprintf(out, ", and %" PRIu64 " that were left out", tree->end.left_out);
    fputs("\n", out);
}

/* First those that nobody waits for; what is left then waits for each other in a circle. */
static int put_tasks(struct printing *printing)
{
    const struct pam_task_tree *tree = printing->tree;
    int r = 0;

    for (size_t i = 0; i < tree->awaited_count; i++) {
        const struct pam_pending_task *awaited = find(printing, tree->awaited[i]);

        if (awaited)
            printing->is_awaited[awaited - tree->tasks] = true;
    }
    for (size_t i = 0; i < printing->member_count; i++)
        if (find(printing, printing->members[i].id))
            printing->is_awaited[printing->members[i].at] = true;
    for (int circles = 0; circles <= 1; circles++)
        for (size_t i = 0; i < tree->count && r == 0; i++) {
            if (printing->printed[i] || (!circles && printing->is_awaited[i]))
                continue;
            fputc('\n', printing->context->out);
            r = put_task(printing, &tree->tasks[i], 0);
        }
    return r;
}

static int compare_members(const void *a, const void *b)
{
    const struct place *place_a = a, *place_b = b;
    const int r = compare_places(a, b);

    return r ? r : place_a->at < place_b->at ? -1 : place_a->at > place_b->at;
}

/* Once the tasks have their order. */
static void index_tasks(struct printing *printing)
{
    const struct pam_task_tree *tree = printing->tree;

    for (size_t i = 0; i < tree->count; i++) {
        printing->places[i] = (struct place){tree->tasks[i].id, i};
        if (tree->tasks[i].group_owner)
            printing->members[printing->member_count++] = (struct place){tree->tasks[i].group_owner, i};
    }
    if (tree->count)
        qsort(printing->places, tree->count, sizeof *printing->places, compare_places);
    if (printing->member_count)
        qsort(printing->members, printing->member_count, sizeof *printing->members, compare_members);
}

int pam_task_tree_print(struct pam_task_tree *tree, const struct pam_output_context *context,
                        const struct pam_table *names, struct pam_error *error)
{
    struct printing printing = {.tree = tree,
                                .context = context,
                                .names = names,
                                .places = calloc(tree->count + 1, sizeof *printing.places),
                                .members = calloc(tree->count + 1, sizeof *printing.members),
                                .is_awaited = calloc(tree->count + 1, sizeof *printing.is_awaited),
                                .printed = calloc(tree->count + 1, sizeof *printing.printed),
                                .labels = calloc(PAM_MAX_LABELS_A_STACK, sizeof *printing.labels),
                                .error = error};
    int r = PAM_MEMORY;

    if (printing.places && printing.members && printing.is_awaited && printing.printed && printing.labels) {
        if (tree->count)
            qsort(tree->tasks, tree->count, sizeof *tree->tasks, compare_ages);
        index_tasks(&printing);
        put_header(&printing);
        r = put_tasks(&printing);
    } else {
        r = pam_fail(error, PAM_MEMORY, "not enough memory for the tree of tasks");
    }
    free(printing.places);
    free(printing.members);
    free(printing.is_awaited);
    free(printing.printed);
    free(printing.labels);
    return r;
}
