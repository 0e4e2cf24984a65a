/* task_list.c - the addresses of all tasks that asyncio keeps, to be looked at one after the other. */
#include "python/task_list.h"

#include <string.h>

enum {
    ENTRIES_A_READ = 4096,   /* of a set's table: 64 KiB */
    MOST_ENTRIES = 1 << 20,  /* a table is at most 10 times as large as what was ever in it */
    ENTRY_BYTES = 16,        /* setentry: key and hash */
    WEAK = 1,
};

static void add(struct pam_task_list *list, uint64_t item)
{
    if (list->count < PAM_MAX_WALKED)
        list->items[list->count++] = item;
    else
        list->left_out++;
}

/* PySetObject, Include/setobject.h. Unused entries have no key, deleted ones -1 for a hash. */
static bool list_set(struct pam_task_list *list, struct pam_tasks *tasks, uint64_t set, uint64_t mark)
{
    static unsigned char table[ENTRIES_A_READ * ENTRY_BYTES]; /* the sampling thread's alone */
    const struct pam_layout *layout = tasks->heap.layout;
    uint64_t mask, at;
    struct pam_piece pieces[2] = {
        {.address = set + layout->set_mask, .into = &mask, .size = sizeof mask},
        {.address = set + layout->set_table, .into = &at, .size = sizeof at}};

    if (!pam_is_pointer(set) || pam_remote_readv(tasks->heap.remote, pieces, 2) < 0 || !pieces[0].ok ||
        !pieces[1].ok || mask >= MOST_ENTRIES || !pam_is_pointer(at))
        return false;
    for (uint64_t from = 0; from <= mask; from += ENTRIES_A_READ) {
        const uint64_t count = mask + 1 - from < ENTRIES_A_READ ? mask + 1 - from : ENTRIES_A_READ;

        if (pam_remote_read(tasks->heap.remote, at + from * ENTRY_BYTES, table, count * ENTRY_BYTES) < 0)
            return false;
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t key = pam_u64_at(table, i * ENTRY_BYTES);

            if (pam_is_pointer(key) && pam_u64_at(table, i * ENTRY_BYTES + 8) != UINT64_MAX)
                add(list, key | mark);
        }
    }
    return true;
}

static const char *type_name(struct pam_tasks *tasks, uint64_t object)
{
    const struct pam_type *type = NULL;
    uint64_t address;

    if (pam_is_pointer(object) &&
        pam_remote_read(tasks->heap.remote, object + tasks->heap.layout->object_type, &address,
                        sizeof address) == 0)
        type = pam_type_get(&tasks->types, &tasks->heap, address);
    return type ? type->name : "";
}

static void clear(struct pam_task_list *list)
{
    list->count = 0;
    list->left_out = 0;
    list->unreadable = false;
}

void pam_task_list_set(struct pam_task_list *list, struct pam_tasks *tasks, uint64_t set)
{
    clear(list);
    list->unreadable = !list_set(list, tasks, set, 0);
}

void pam_task_list_sets(struct pam_task_list *list, struct pam_tasks *tasks)
{
    /* Up to 3.11 all are in the first; then those that were scheduled, and those that started eagerly. */
    static const char *const names[] = {"_all_tasks", "_scheduled_tasks", "_eager_tasks"};

    clear(list);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const uint64_t set = pam_dict_get(&tasks->heap, tasks->module, names[i]);

        if (!set)
            continue;
        if (!strcmp(type_name(tasks, set), "WeakSet"))
            list->unreadable |=
                !list_set(list, tasks, pam_instance_get(&tasks->heap, set, "data"), WEAK);
        else
            list->unreadable |= strcmp(type_name(tasks, set), "set") != 0 || !list_set(list, tasks, set, 0);
    }
}

/* struct llist_node, Include/internal/pycore_llist.h: next, previous; the head is part of the circle. */
void pam_task_list_linked(struct pam_task_list *list, struct pam_tasks *tasks, uint64_t head)
{
    const uint32_t node = tasks->heap.layout->task_node;
    uint64_t at = head;

    for (;;) {
        if (pam_remote_read(tasks->heap.remote, at, &at, sizeof at) < 0 || !pam_is_pointer(at)) {
            list->unreadable = true;
            return;
        }
        if (at == head)
            return;
        if (list->count == PAM_MAX_WALKED) { /* or a circle that does not close */
            list->left_out++;
            return;
        }
        add(list, at - node);
    }
}

/* Both neighbours of a head point back to it. */
static bool is_head(struct pam_tasks *tasks, uint64_t address)
{
    uint64_t links[2], back[2]; /* next, previous; and what they say */
    struct pam_piece pieces[2];

    if (pam_remote_read(tasks->heap.remote, address, links, sizeof links) < 0)
        return false;
    pieces[0] = (struct pam_piece){.address = links[0] + 8, .into = &back[0], .size = 8};
    pieces[1] = (struct pam_piece){.address = links[1], .into = &back[1], .size = 8};
    return pam_remote_readv(tasks->heap.remote, pieces, 2) == 0 && pieces[0].ok && pieces[1].ok &&
           back[0] == address && back[1] == address;
}

/* A debug build does not say that it is one, but its list is where that of a release build is not. */
void pam_task_list_left(struct pam_task_list *list, struct pam_tasks *tasks)
{
    const uint64_t release = tasks->interpreter + tasks->heap.layout->interp_tasks;
    const uint64_t debug = tasks->interpreter + tasks->heap.layout->interp_tasks_debug;

    pam_task_list_linked(list, tasks, !is_head(tasks, release) && is_head(tasks, debug) ? debug : release);
}
