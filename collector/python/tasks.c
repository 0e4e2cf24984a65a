/* tasks.c - the asyncio tasks of the target: where they are kept, and each known by its address,
 * checked against reuse. */
#include "python/tasks.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 4 * PAM_MAX_TASKS, /* fewer are in use at first, so that few pages are touched */
    FIRST_SLOTS = 1024,
    COROUTINE_SLOTS = 1 << 12, /* one entry each: who comes later takes the place */
};

static const uint64_t LOOK_NS = UINT64_C(1000000000); /* sys.modules is searched in about a millisecond */

bool pam_tasks_init(struct pam_tasks *tasks, const struct pam_heap *heap, struct pam_codes *codes,
                    struct pam_recorder *recorder, uint64_t interpreter, pid_t pid)
{
    *tasks = (struct pam_tasks){.heap = *heap,
                                .codes = codes,
                                .recorder = recorder,
                                .interpreter = interpreter,
                                .pid = (uint64_t)pid,
                                .slot_mask = FIRST_SLOTS - 1};
    tasks->slots = calloc(SLOTS, sizeof *tasks->slots);
    tasks->by_coroutine = calloc(COROUTINE_SLOTS, sizeof *tasks->by_coroutine);
    tasks->entries = calloc(PAM_MAX_TASKS, sizeof *tasks->entries);
    return tasks->slots && tasks->by_coroutine && tasks->entries &&
           heap->layout->task_bytes <= PAM_TASK_BYTES;
}

void pam_tasks_done(struct pam_tasks *tasks)
{
    free(tasks->slots);
    free(tasks->by_coroutine);
    free(tasks->entries);
    tasks->slots = tasks->by_coroutine = NULL;
    tasks->entries = NULL;
}

void pam_tasks_forget_recorded(struct pam_tasks *tasks)
{
    for (uint32_t i = 0; i < tasks->count; i++)
        tasks->entries[i].id = 0;
}

static void forget_all(struct pam_tasks *tasks)
{
    memset(tasks->slots, 0, ((size_t)tasks->slot_mask + 1) * sizeof *tasks->slots);
    memset(tasks->by_coroutine, 0, COROUTINE_SLOTS * sizeof *tasks->by_coroutine);
    memset(tasks->entries, 0, tasks->count * sizeof *tasks->entries);
    tasks->count = 0;
}

void pam_tasks_make_room(struct pam_tasks *tasks, uint32_t count)
{
    if (tasks->count + count > PAM_MAX_TASKS)
        forget_all(tasks);
}

bool pam_tasks_find_module(struct pam_tasks *tasks)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t now_ns = tasks->recorder->time_ns;
    uint64_t modules = 0, module;

    if (tasks->module || now_ns < tasks->look_due_ns)
        return tasks->module != 0;
    tasks->look_due_ns = now_ns + LOOK_NS;
    if (pam_remote_read(tasks->heap.remote, tasks->interpreter + layout->interp_modules, &modules,
                        sizeof modules) < 0)
        return false;
    module = pam_dict_get(&tasks->heap, modules, "_asyncio");
    if (!module || pam_remote_read(tasks->heap.remote, module + layout->module_dict, &tasks->module,
                                   sizeof tasks->module) < 0)
        tasks->module = 0;
    if (tasks->module)
        tasks->current = pam_dict_get(&tasks->heap, tasks->module, "_current_tasks");
    if (!tasks->current && !layout->tstate_running_task)
        tasks->module = 0; /* the module is being made, or that read failed: it is looked for again */
    return tasks->module != 0;
}

size_t pam_task_pieces(const struct pam_tasks *tasks, struct pam_task_copy *copy, uint64_t address,
                       uint64_t name, struct pam_piece pieces[2])
{
    copy->address = address;
    copy->name.address = name;
    copy->name.size = sizeof copy->name.bytes;
    pieces[0] = (struct pam_piece){
        .address = address, .into = copy->task, .size = tasks->heap.layout->task_bytes};
    pieces[1] = (struct pam_piece){
        .address = name, .into = copy->name.bytes, .size = sizeof copy->name.bytes};
    return name ? 2 : 1;
}

bool pam_task_is_valid(struct pam_tasks *tasks, const struct pam_task_copy *copy)
{
    const uint64_t address = pam_u64_at(copy->task, tasks->heap.layout->object_type);
    const struct pam_type *type = pam_type_get(&tasks->types, &tasks->heap, address);

    return type && type->kind == PAM_TYPE_TASK && copy->name.address == pam_task_name(tasks, copy);
}

/* FNV-1a over the characters that were copied, or the digits of an int; what follows the object in
 * memory is not part of it. False when the object is neither. */
static bool hash_name(struct pam_tasks *tasks, const struct pam_str_copy *name, uint64_t *hash)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t address = pam_u64_at(name->bytes, layout->object_type);
    const struct pam_type *type = pam_type_get(&tasks->types, &tasks->heap, address);
    char text[PAM_STR_COPY_BYTES];
    size_t size;
    bool cut;

    *hash = UINT64_C(0xcbf29ce484222325);
    if (type && type->kind == PAM_TYPE_INT)
        return pam_decode_int(layout, name->bytes, hash);
    if (!type || type->kind != PAM_TYPE_STR ||
        !pam_decode_str(&tasks->heap, name, text, sizeof text, &size, &cut))
        return false;
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return true;
}

bool pam_task_is_same(struct pam_tasks *tasks, const struct pam_task_copy *a,
                      const struct pam_task_copy *b)
{
    uint64_t hash_a, hash_b;

    return a->address == b->address && pam_task_coroutine(tasks, a) == pam_task_coroutine(tasks, b) &&
           pam_task_name(tasks, a) == pam_task_name(tasks, b) &&
           hash_name(tasks, &a->name, &hash_a) && hash_name(tasks, &b->name, &hash_b) &&
           hash_a == hash_b;
}

static uint32_t *slot_for(const struct pam_tasks *tasks, uint64_t address)
{
    uint64_t at = (address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 40;

    for (;; at++) {
        uint32_t *slot = &tasks->slots[at & tasks->slot_mask];

        if (!*slot || tasks->entries[*slot - 1].address == address)
            return slot;
    }
}

/* A quarter full: twice as many slots, in place. */
static void grow(struct pam_tasks *tasks)
{
    memset(tasks->slots, 0, ((size_t)tasks->slot_mask + 1) * sizeof *tasks->slots);
    tasks->slot_mask = 2 * tasks->slot_mask + 1;
    for (uint32_t i = 0; i < tasks->count; i++)
        *slot_for(tasks, tasks->entries[i].address) = i + 1;
}

static uint32_t *coroutine_slot(const struct pam_tasks *tasks, uint64_t coroutine)
{
    return &tasks->by_coroutine[(coroutine >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 52];
}

const struct pam_task_entry *pam_task_of_coroutine(const struct pam_tasks *tasks, uint64_t coroutine)
{
    const uint32_t slot = *coroutine_slot(tasks, coroutine);
    const struct pam_task_entry *entry = slot ? &tasks->entries[slot - 1] : NULL;

    return entry && entry->coroutine == coroutine ? entry : NULL;
}

const struct pam_task_entry *pam_task_at(const struct pam_tasks *tasks, uint64_t address)
{
    const uint32_t slot = *slot_for(tasks, address);

    return slot ? &tasks->entries[slot - 1] : NULL;
}

/* The string id of the coroutine's __qualname__ where it is another than its code's: what a decorator
 * returns bears the name of the function that it wraps. */
static uint64_t own_qualname(struct pam_tasks *tasks, uint64_t coroutine,
                             const struct pam_code_entry *code)
{
    const struct pam_layout *layout = tasks->heap.layout;
    char text[PAM_MAX_TEXT];
    uint64_t qualname;
    size_t size;

    if (!code ||
        pam_remote_read(tasks->heap.remote, coroutine + layout->generator_qualname, &qualname,
                        sizeof qualname) < 0 ||
        qualname == code->qualname || !pam_read_str(&tasks->heap, qualname, text, sizeof text, &size))
        return 0;
    return pam_recorder_string(tasks->recorder, (struct pam_bytes){(unsigned char *)text, size});
}

static void record(struct pam_tasks *tasks, struct pam_task_entry *entry,
                   const struct pam_task_copy *copy, const struct pam_code_entry *code)
{
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t address = pam_u64_at(copy->name.bytes, layout->object_type);
    const struct pam_type *type = pam_type_get(&tasks->types, &tasks->heap, address);
    char text[PAM_MAX_TEXT];
    struct pam_task task = {.pid = tasks->pid, .code = code ? code->id : 0};
    uint64_t number;
    bool cut;

    if (type && type->kind == PAM_TYPE_INT && pam_decode_int(layout, copy->name.bytes, &number))
        task.number_plus1 = number + 1;
    task.name.data = (unsigned char *)text;
    if (type && type->kind == PAM_TYPE_STR)
        (void)pam_decode_str(&tasks->heap, &copy->name, text, sizeof text, &task.name.size, &cut);
    task.coroutine = own_qualname(tasks, entry->coroutine, code);
    task.id = entry->id = pam_recorder_new_task_id(tasks->recorder);
    pam_recorder_put(tasks->recorder, PAM_task, &task);
}

static bool is_entry_of(const struct pam_tasks *tasks, const struct pam_task_entry *entry,
                        const struct pam_task_copy *copy, uint64_t name_hash)
{
    return entry->address == copy->address && entry->coroutine == pam_task_coroutine(tasks, copy) &&
           entry->name == pam_task_name(tasks, copy) && entry->name_hash == name_hash;
}

bool pam_task_is_recorded(struct pam_tasks *tasks, const struct pam_task_copy *copy)
{
    const uint32_t slot = *slot_for(tasks, copy->address);
    uint64_t hash;

    return slot && hash_name(tasks, &copy->name, &hash) && tasks->entries[slot - 1].id &&
           is_entry_of(tasks, &tasks->entries[slot - 1], copy, hash);
}

struct pam_task_entry *pam_task_get(struct pam_tasks *tasks, const struct pam_task_copy *copy,
                                    const struct pam_code_entry *code)
{
    const uint64_t coroutine = pam_task_coroutine(tasks, copy);
    struct pam_task_entry *entry;
    uint32_t *slot;
    uint64_t hash;

    if (!hash_name(tasks, &copy->name, &hash))
        return NULL;
    if (tasks->count == PAM_MAX_TASKS)
        forget_all(tasks);
    if (4 * tasks->count > tasks->slot_mask && tasks->slot_mask + 1 < SLOTS)
        grow(tasks);
    slot = slot_for(tasks, copy->address);
    if (!*slot)
        *slot = ++tasks->count;
    entry = &tasks->entries[*slot - 1];
    *coroutine_slot(tasks, coroutine) = *slot;
    if (!is_entry_of(tasks, entry, copy, hash))
        *entry = (struct pam_task_entry){
            .address = copy->address, .coroutine = coroutine, .name = copy->name.address, .name_hash = hash};
    if (!entry->id)
        record(tasks, entry, copy, code);
    return entry;
}
