/* awaited.c - the tasks that a task waits for, where asyncio's own data say so, or anyio's. */
#include "python/awaited.h"

#include <string.h>

#include "python/task_list.h"

enum {
    MOST_LOOKED_AT = 1024, /* objects on the way from a task to those it waits for; more are not told */
    NAMES_BYTES = 1024,    /* of the locals of one of asyncio's own functions */
    MOST_CELLS = 16,
    MOST_CALLS = 1 << 14,  /* a shield() takes eleven, and whoever lies has an end */
};

#define TASKS "/asyncio/tasks.py"
#define GROUPS "/asyncio/taskgroups.py"
#define ANYIO "/anyio/_backends/_asyncio.py"

/* Functions that tell what is waited for, by an object: the first argument of a coroutine, what the callback of a
 * task is a method of, or what stands in a cell of its closure. Or by an attribute of that, or of this one in turn.
 * Lib/asyncio/tasks.py and taskgroups.py of 3.8-3.14; anyio 4.0-4.16, on which starlette is built. */
static const struct role {
    enum part {
        COROUTINE, /* awaits a future of its own, which others complete */
        SHIELDED,  /* the callback by which the future of shield() knows what it stands for */
        GROUPED,   /* that by which a TaskGroup learns that a member is done; and who waits for that */
    } part;
    const char *file, *function;
    const char *cell; /* NULL: an argument, or a method's object */
    const char *attributes[2];
} roles[] = {
    {COROUTINE, TASKS, "wait_for", NULL, {NULL}}, /* since 3.12 it awaits the argument itself */
    {COROUTINE, TASKS, "_cancel_and_wait", NULL, {NULL}},
    {COROUTINE, TASKS, "_wait", NULL, {NULL}},
    {COROUTINE, TASKS, "_wait_for_one", NULL, {"_todo"}}, /* before 3.13 it has no argument */
    {COROUTINE, GROUPS, "__aexit__", NULL, {"_tasks"}},
    {COROUTINE, GROUPS, "_aexit", NULL, {"_tasks"}},
    {COROUTINE, ANYIO, "__aexit__", NULL, {"_tasks"}},
    {SHIELDED, TASKS, "_outer_done_callback", "inner", {NULL}},
    {GROUPED, GROUPS, "_on_task_done", NULL, {"_parent_task"}},
    {GROUPED, ANYIO, "task_done", "self", {"cancel_scope", "_host_task"}},
};

enum { ROLES = sizeof roles / sizeof *roles, NO_ROLE = ROLES + 1 };

/* What has been met on the way. */
struct met {
    uint64_t objects[MOST_LOOKED_AT];
    size_t count;
};

static void meet(struct met *met, uint64_t object)
{
    if (pam_is_pointer(object) && met->count < MOST_LOOKED_AT)
        met->objects[met->count++] = object;
}

static enum pam_type_kind kind_of(struct pam_tasks *tasks, uint64_t object)
{
    const uint64_t address = pam_word_at(&tasks->heap, object + tasks->heap.layout->object_type);
    const struct pam_type *type =
        address ? pam_type_get(&tasks->types, &tasks->heap, address) : NULL;

    return type ? type->kind : PAM_TYPE_OTHER;
}

const struct pam_code_entry *pam_coroutine_code(struct pam_tasks *tasks, uint64_t coroutine)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const enum pam_type_kind kind = kind_of(tasks, coroutine);

    if (kind != PAM_TYPE_COROUTINE && kind != PAM_TYPE_GENERATOR)
        return NULL;
    return pam_code_get(tasks->codes, tasks->recorder,
                        pam_word_at(&tasks->heap, coroutine + layout->generator_code) &
                            ~(uint64_t)layout->frame_code_tags);
}

/* --- functions of asyncio -------------------------------------------------------------------------------- */

struct text {
    char bytes[PAM_MAX_TEXT];
    size_t size;
};

static bool read_text(struct pam_tasks *tasks, uint64_t str, struct text *text)
{
    return pam_read_str(&tasks->heap, str, text->bytes, sizeof text->bytes, &text->size);
}

static bool ends_with(const struct text *text, const char *end)
{
    const size_t size = strlen(end);

    return text->size >= size && !memcmp(text->bytes + text->size - size, end, size);
}

static bool find_role(struct pam_tasks *tasks, uint64_t code, uint8_t *role_plus1)
{
    const struct pam_layout *layout = tasks->heap.layout;
    struct text name, file;

    if (!read_text(tasks, pam_word_at(&tasks->heap, code + layout->code_name), &name) ||
        !read_text(tasks, pam_word_at(&tasks->heap, code + layout->code_file), &file))
        return false;
    *role_plus1 = NO_ROLE;
    for (uint8_t i = 0; i < ROLES; i++)
        if (name.size == strlen(roles[i].function) && ends_with(&name, roles[i].function) &&
            ends_with(&file, roles[i].file))
            *role_plus1 = i + 1;
    return true;
}

/* NULL: none, or of another part. Looked for once a code, if it can be read. */
static const struct role *role_of(struct pam_tasks *tasks, uint64_t code, enum part part)
{
    struct pam_code_entry *entry = pam_is_pointer(code) ? pam_code_get(tasks->codes, tasks->recorder, code) : NULL;
    const struct role *role;

    if (!entry || (!entry->role_plus1 && !find_role(tasks, code, &entry->role_plus1)) || entry->role_plus1 == NO_ROLE)
        return NULL;
    role = &roles[entry->role_plus1 - 1];
    return role->part == part ? role : NULL;
}

static uint64_t ask(struct pam_tasks *tasks, const struct role *role, uint64_t object)
{
    for (size_t i = 0; i < sizeof role->attributes / sizeof *role->attributes && role->attributes[i]; i++)
        object = pam_instance_get(&tasks->heap, object, role->attributes[i]);
    return object;
}

/* The innermost coroutine of the chain that plays a role tells. */
static void meet_by_role(struct pam_tasks *tasks, const struct pam_awaits *awaits, struct met *met)
{
    for (uint32_t i = awaits->depth; i-- > 0;) {
        const struct pam_await *link = &awaits->chain[i];
        const struct role *role = role_of(tasks, link->code, COROUTINE);

        if (!role)
            continue;
        meet(met, ask(tasks, role, link->argument));
        return;
    }
}

/* --- what objects stand for ---------------------------------------------------------------------------------- */

static void meet_list(struct pam_tasks *tasks, uint64_t list, struct met *met)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t items = pam_word_at(&tasks->heap, list + layout->list_items);
    const uint64_t size = pam_word_at(&tasks->heap, list + layout->list_size);
    uint64_t objects[MOST_LOOKED_AT];
    const size_t count = size < MOST_LOOKED_AT ? size : MOST_LOOKED_AT;

    if (pam_is_pointer(items) && pam_remote_read(tasks->heap.remote, items, objects, 8 * count) == 0)
        for (size_t i = 0; i < count; i++)
            meet(met, objects[i]);
}

static void meet_set(struct pam_tasks *tasks, uint64_t set, struct met *met)
{
    static struct pam_task_list members; /* the sampling thread's alone */

    pam_task_list_set(&members, tasks, set);
    for (size_t i = 0; i < members.count; i++)
        meet(met, members.items[i]);
}

/* _GatheringFuture._children (Lib/asyncio/tasks.py), a list. */
static void meet_gathered(struct pam_tasks *tasks, uint64_t future, struct met *met)
{
    const uint32_t dict = tasks->heap.layout->future_dict;
    const uint64_t list =
        dict ? pam_dict_get(&tasks->heap, pam_word_at(&tasks->heap, future + dict), "_children")
             : pam_instance_get(&tasks->heap, future, "_children");

    if (kind_of(tasks, list) == PAM_TYPE_LIST)
        meet_list(tasks, list, met);
}

/* Which of the cells of a function's closure is that of a name, 0 being the first; -1: none. They belong
 * to the last of the code's names. */
static int find_cell(struct pam_tasks *tasks, uint64_t code, uint64_t cells, const char *name)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint32_t tuple = layout->code_free_names ? layout->code_free_names : layout->code_local_names;
    char names[NAMES_BYTES];
    size_t size;
    int at = 0, found = -1;

    if (!pam_read_names(&tasks->heap, pam_word_at(&tasks->heap, code + tuple), names, sizeof names, &size))
        return -1;
    for (const char *each = names; each < names + size; each += strlen(each) + 1, at++)
        if (!strcmp(each, name))
            found = at;
    found -= at - (int)cells;
    return found >= 0 ? found : -1;
}

/* The object that stands in a cell of a function's closure, 0 when it cannot be found. */
static uint64_t in_cell(struct pam_tasks *tasks, uint64_t function, uint64_t code, const char *name)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t cells = pam_word_at(&tasks->heap, function + layout->function_closure);
    const uint64_t count = pam_word_at(&tasks->heap, cells + layout->tuple_size);
    const int at = count <= MOST_CELLS ? find_cell(tasks, code, count, name) : -1;
    uint64_t cell;

    if (at < 0)
        return 0;
    cell = pam_word_at(&tasks->heap, cells + layout->tuple_items + 8 * (uint64_t)at);
    return pam_word_at(&tasks->heap, cell + layout->cell_value);
}

/* What a callback of that part tells; 0: nothing, or it is of another. */
static uint64_t told_by(struct pam_tasks *tasks, uint64_t callback, enum part part)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const enum pam_type_kind kind = pam_is_pointer(callback) ? kind_of(tasks, callback) : PAM_TYPE_OTHER;
    const bool is_method = kind == PAM_TYPE_METHOD;
    const uint64_t function = is_method ? pam_word_at(&tasks->heap, callback + layout->method_function) : callback;
    const struct role *role;
    uint64_t code;

    if (!is_method && kind != PAM_TYPE_FUNCTION)
        return 0;
    code = pam_word_at(&tasks->heap, function + layout->function_code);
    role = role_of(tasks, code, part);
    if (!role || is_method != !role->cell)
        return 0;
    return ask(tasks, role, is_method ? pam_word_at(&tasks->heap, callback + layout->method_self)
                                      : in_cell(tasks, function, code, role->cell));
}

/* The future of shield(): its first callback is shield()'s, and whoever awaits it has added another. */
static void meet_shielded(struct pam_tasks *tasks, uint64_t future, struct met *met)
{
    const struct pam_layout *layout = tasks->heap.layout;
    uint64_t callbacks[2];
    struct pam_piece pieces[2] = {
        {.address = future + layout->future_callback, .into = &callbacks[0], .size = 8},
        {.address = future + layout->future_callbacks, .into = &callbacks[1], .size = 8}};

    if (pam_remote_readv(tasks->heap.remote, pieces, 2) == 0 && pieces[0].ok && pieces[1].ok && callbacks[1])
        meet(met, told_by(tasks, callbacks[0], SHIELDED));
}

/* One read for some of them. */
static size_t read_kinds(struct pam_tasks *tasks, const uint64_t *objects, size_t count,
                         enum pam_type_kind kinds[PAM_AWAIT_TASKS])
{
    struct pam_piece pieces[PAM_AWAIT_TASKS];
    uint64_t addresses[PAM_AWAIT_TASKS];
    int r;

    count = count < PAM_AWAIT_TASKS ? count : PAM_AWAIT_TASKS;
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct pam_piece){.address = objects[i] + tasks->heap.layout->object_type,
                                       .into = &addresses[i],
                                       .size = sizeof addresses[i]};
    r = pam_remote_readv(tasks->heap.remote, pieces, count);
    for (size_t i = 0; i < count; i++) {
        const struct pam_type *type =
            r == 0 && pieces[i].ok ? pam_type_get(&tasks->types, &tasks->heap, addresses[i]) : NULL;

        kinds[i] = type ? type->kind : PAM_TYPE_OTHER;
    }
    return count;
}

/* From each to what it stands for; the tasks among them remain. A set can but be the first. */
static size_t find_tasks(struct pam_tasks *tasks, struct met *met, uint64_t found[MOST_LOOKED_AT])
{
    enum pam_type_kind kinds[PAM_AWAIT_TASKS];
    size_t count = 0, known = 0, from = 0;

    for (size_t i = 0; i < met->count; i++) {
        const uint64_t object = met->objects[i];

        if (i == known) {
            from = i;
            known += read_kinds(tasks, met->objects + i, met->count - i, kinds);
        }
        switch (kinds[i - from]) {
        case PAM_TYPE_TASK: found[count++] = object; break;
        case PAM_TYPE_LIST: meet_list(tasks, object, met); break;
        case PAM_TYPE_SET: i == 0 ? meet_set(tasks, object, met) : (void)0; break;
        case PAM_TYPE_GATHERING: meet_gathered(tasks, object, met); break;
        case PAM_TYPE_FUTURE: meet_shielded(tasks, object, met); break;
        default: break;
        }
    }
    return count;
}

/* --- their ids ------------------------------------------------------------------------------------------- */

/* Those of tasks that are pending; 0 for what is none. */
static void find_ids(struct pam_tasks *tasks, const uint64_t *addresses, size_t count,
                     uint64_t ids[PAM_AWAIT_TASKS])
{
    static struct pam_task_copy copies[PAM_AWAIT_TASKS]; /* the sampling thread's alone */
    struct pam_task_copy *pointers[PAM_AWAIT_TASKS];
    bool ok[PAM_AWAIT_TASKS];

    for (size_t i = 0; i < count; i++) {
        pointers[i] = &copies[i];
        ids[i] = 0;
    }
    if (pam_awaits_read_tasks(tasks, addresses, count, pointers, ok) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct pam_code_entry *code = NULL;
        const struct pam_task_entry *entry;

        if (!ok[i] || !pam_task_is_pending(tasks, &copies[i]))
            continue;
        if (!pam_task_is_recorded(tasks, &copies[i]))
            code = pam_coroutine_code(tasks, pam_task_coroutine(tasks, &copies[i]));
        entry = pam_task_get(tasks, &copies[i], code);
        ids[i] = entry ? entry->id : 0;
    }
}

static size_t put_ids(struct pam_tasks *tasks, const uint64_t *addresses, size_t count,
                      unsigned char *into, size_t used)
{
    uint64_t ids[PAM_AWAIT_TASKS];

    find_ids(tasks, addresses, count, ids);
    for (size_t i = 0; i < count; i++)
        if (ids[i] && used + PAM_VARINT_BYTES <= PAM_MAX_AWAITED)
            used += pam_put_varint(into + used, ids[i]);
    return used;
}

size_t pam_awaited_ids(struct pam_tasks *tasks, const struct pam_awaits *awaits, unsigned char *ids)
{
    static struct met met; /* the sampling thread's alone */
    uint64_t found[MOST_LOOKED_AT];
    size_t count, used = 0;

    met.count = 0;
    pam_remote_allow(tasks->heap.remote, MOST_CALLS);
    meet(&met, pam_awaits_waiter(tasks, awaits));
    count = find_tasks(tasks, &met, found);
    if (!count && awaits->state == PAM_TASK_WAITS) {
        met.count = 0;
        meet_by_role(tasks, awaits, &met);
        count = find_tasks(tasks, &met, found);
    }
    pam_remote_allow(tasks->heap.remote, 0);
    for (size_t i = 0; i < count; i += PAM_AWAIT_TASKS)
        used = put_ids(tasks, found + i,
                       count - i < PAM_AWAIT_TASKS ? count - i : PAM_AWAIT_TASKS, ids, used);
    return used;
}

uint64_t pam_group_owner_id(struct pam_tasks *tasks, const struct pam_awaits *awaits)
{
    const uint64_t callback = pam_u64_at(awaits->task.task, tasks->heap.layout->future_callback);
    uint64_t owner, ids[PAM_AWAIT_TASKS];

    pam_remote_allow(tasks->heap.remote, MOST_CALLS);
    owner = told_by(tasks, callback, GROUPED);
    pam_remote_allow(tasks->heap.remote, 0);
    find_ids(tasks, &owner, 1, ids);
    return ids[0];
}
