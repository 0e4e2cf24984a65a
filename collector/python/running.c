/* running.c - which tasks asyncio says that its loops are running now: its dict of them, by one read. */
#include "python/running.h"

#include <string.h>

enum {
    ENTRY_BYTES = 24,       /* PyDictKeyEntry: hash, key, value; loops are no str */
    MOST_INDEX_BYTES = 128, /* up to so many slots one is a byte: DK_IXSIZE, Objects/dictobject.c */
};

size_t pam_running_pieces(struct pam_tasks *tasks, const uint64_t *tstates, size_t tstate_count,
                          struct pam_running_copy *copy, struct pam_piece *pieces)
{
    const struct pam_layout *layout = tasks->heap.layout;

    copy->pieces = pieces;
    copy->count = 0;
    if (!pam_tasks_find_module(tasks))
        return 0;
    if (layout->tstate_running_task) {
        for (; copy->count < tstate_count && copy->count < PAM_MOST_LOOPS; copy->count++)
            pieces[copy->count] =
                (struct pam_piece){.address = tstates[copy->count] + layout->tstate_running_task,
                                   .into = copy->dict + 8 * copy->count,
                                   .size = 8};
        return copy->count;
    }
    pieces[copy->count++] = (struct pam_piece){
        .address = tasks->current, .into = copy->dict, .size = layout->dict_values + 8};
    for (size_t i = 0; i < PAM_RUNNING_KEYS && tasks->keys[i].address; i++)
        pieces[copy->count++] = (struct pam_piece){
            .address = tasks->keys[i].address, .into = copy->keys[i], .size = tasks->keys[i].size};
    return copy->count;
}

static bool take_entry(uint64_t loop, uint64_t task, void *context)
{
    struct pam_running *running = context;

    (void)loop;
    running->addresses[running->count++] = task;
    return running->count < PAM_MOST_LOOPS;
}

/* As each loop goes from task to task its entry is deleted and made anew, until the dict's keys are full
 * and replaced by others: those of a while ago, mostly. */
static void learn_keys(struct pam_tasks *tasks, uint64_t address)
{
    const struct pam_layout *layout = tasks->heap.layout;
    unsigned char header[64];
    uint64_t index_bytes, size;

    if (!pam_is_pointer(address) ||
        pam_remote_read(tasks->heap.remote, address, header, layout->keys_indices) < 0 ||
        !pam_dict_index_bytes(layout, header, &index_bytes) || index_bytes > MOST_INDEX_BYTES)
        return;
    size = layout->keys_indices + index_bytes + index_bytes * 2 / 3 * ENTRY_BYTES;
    if (size > PAM_RUNNING_KEYS_BYTES)
        return;
    memmove(tasks->keys + 1, tasks->keys, (PAM_RUNNING_KEYS - 1) * sizeof *tasks->keys);
    tasks->keys[0].address = address;
    tasks->keys[0].size = (uint32_t)size;
}

/* The entries in a copy of the dict's keys; false when it is not one, or not of all. */
static bool take_keys(const struct pam_tasks *tasks, const unsigned char *keys, uint32_t size,
                      struct pam_running *running)
{
    enum { KIND_GENERAL = 0 }; /* DictKeysKind */
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t count = pam_u64_at(keys, layout->keys_entries);
    uint64_t index_bytes, from;

    if (!pam_dict_index_bytes(layout, keys, &index_bytes) || index_bytes > MOST_INDEX_BYTES ||
        (layout->keys_kind && keys[layout->keys_kind] != KIND_GENERAL) || count > PAM_RUNNING_KEYS_BYTES)
        return false;
    from = layout->keys_indices + index_bytes;
    if (from + count * ENTRY_BYTES > size)
        return false;
    for (uint64_t i = 0; i < count && running->count < PAM_MOST_LOOPS; i++) {
        const uint64_t task = pam_u64_at(keys, from + i * ENTRY_BYTES + 16);

        if (pam_is_pointer(task))
            (void)take_entry(0, task, running);
    }
    return true;
}

static void take_pointers(const struct pam_running_copy *copy, struct pam_running *running)
{
    for (size_t i = 0; i < copy->count; i++) {
        const uint64_t task = pam_u64_at(copy->dict, 8 * i);

        if (copy->pieces[i].ok && pam_is_pointer(task))
            (void)take_entry(0, task, running);
    }
}

bool pam_running_take(const struct pam_tasks *tasks, const struct pam_running_copy *copy,
                      struct pam_running *running)
{
    uint64_t keys;

    running->count = 0;
    if (tasks->heap.layout->tstate_running_task) {
        take_pointers(copy, running);
        return true;
    }
    if (!copy->count || !copy->pieces[0].ok)
        return false;
    keys = pam_u64_at(copy->dict, tasks->heap.layout->dict_keys);
    for (size_t i = 0; i + 1 < copy->count; i++)
        if (tasks->keys[i].address == keys && copy->pieces[1 + i].ok &&
            take_keys(tasks, copy->keys[i], tasks->keys[i].size, running))
            return true;
    running->count = 0;
    return false;
}

void pam_running_get(struct pam_tasks *tasks, const struct pam_running_copy *copy,
                     struct pam_running *running)
{
    if (pam_running_take(tasks, copy, running) || !copy->count || !copy->pieces[0].ok ||
        tasks->heap.layout->tstate_running_task)
        return;
    learn_keys(tasks, pam_u64_at(copy->dict, tasks->heap.layout->dict_keys));
    (void)pam_each_entry(&tasks->heap, tasks->current, take_entry, running);
}
