/* running.c - which tasks asyncio says that its loops are running now: its dict of them, by one read. */
#include "python/running.h"

#include <string.h>

enum { ENTRY_BYTES = 24 }; /* PyDictKeyEntry: hash, key, value; loops are no str */

size_t pam_running_pieces(struct pam_tasks *tasks, uint64_t tstate, struct pam_running_copy *copy,
                          struct pam_piece *pieces)
{
    const struct pam_layout *layout = tasks->heap.layout;
    size_t count = 0;

    copy->pieces = pieces;
    if (!pam_tasks_find_module(tasks))
        return 0;
    if (layout->tstate_running_task) {
        pieces[0] = (struct pam_piece){
            .address = tstate + layout->tstate_running_task, .into = copy->dict, .size = 8};
        return 1;
    }
    pieces[count++] = (struct pam_piece){
        .address = tasks->current, .into = copy->dict, .size = layout->dict_values + 8};
    for (size_t i = 0; i < PAM_RUNNING_KEYS && tasks->keys[i].address; i++)
        pieces[count++] = (struct pam_piece){
            .address = tasks->keys[i].address, .into = copy->keys[i], .size = tasks->keys[i].size};
    return count;
}

struct found {
    uint64_t *addresses;
    size_t count;
};

static bool take_entry(uint64_t loop, uint64_t task, void *context)
{
    struct found *found = context;

    (void)loop;
    found->addresses[found->count++] = task;
    return found->count < PAM_MOST_LOOPS;
}

/* As each loop goes from task to task its entry is deleted and made anew, until the dict's keys are full
 * and replaced by others: those of a while ago, mostly. */
static void learn_keys(struct pam_tasks *tasks, uint64_t address)
{
    const struct pam_layout *layout = tasks->heap.layout;
    unsigned char header[64];
    uint64_t slots, size;

    if (!pam_is_pointer(address) ||
        pam_remote_read(tasks->heap.remote, address, header, layout->keys_indices) < 0 ||
        header[layout->keys_log2_index_bytes] > 8)
        return;
    slots = UINT64_C(1) << header[layout->keys_log2_index_bytes]; /* one byte each up to 256 */
    size = layout->keys_indices + slots + slots * 2 / 3 * ENTRY_BYTES;
    if (size > PAM_RUNNING_KEYS_BYTES)
        return;
    memmove(tasks->keys + 1, tasks->keys, (PAM_RUNNING_KEYS - 1) * sizeof *tasks->keys);
    tasks->keys[0].address = address;
    tasks->keys[0].size = (uint32_t)size;
}

/* The entries in a copy of the dict's keys; false when it is not one, or not of all. */
static bool take_keys(const struct pam_tasks *tasks, const unsigned char *keys, uint32_t size,
                      struct found *found)
{
    enum { KIND_GENERAL = 0 }; /* DictKeysKind */
    const struct pam_layout *layout = tasks->heap.layout;
    const uint64_t count = pam_u64_at(keys, layout->keys_entries);
    const unsigned log2_index_bytes = keys[layout->keys_log2_index_bytes];
    const uint64_t from = layout->keys_indices + (UINT64_C(1) << (log2_index_bytes & 15));

    if (log2_index_bytes > 8 || keys[layout->keys_kind] != KIND_GENERAL || count > PAM_RUNNING_KEYS_BYTES ||
        from + count * ENTRY_BYTES > size)
        return false;
    for (uint64_t i = 0; i < count && found->count < PAM_MOST_LOOPS; i++) {
        const uint64_t task = pam_u64_at(keys, from + i * ENTRY_BYTES + 16);

        if (pam_is_pointer(task))
            (void)take_entry(0, task, found);
    }
    return true;
}

size_t pam_running_get(struct pam_tasks *tasks, const struct pam_running_copy *copy,
                       uint64_t addresses[PAM_MOST_LOOPS])
{
    struct found found = {addresses, 0};
    uint64_t keys;

    if (!copy->pieces[0].ok)
        return 0;
    if (tasks->heap.layout->tstate_running_task) {
        addresses[0] = pam_u64_at(copy->dict, 0);
        return pam_is_pointer(addresses[0]);
    }
    keys = pam_u64_at(copy->dict, tasks->heap.layout->dict_keys);
    for (size_t i = 0; i < PAM_RUNNING_KEYS && tasks->keys[i].address; i++)
        if (tasks->keys[i].address == keys && copy->pieces[1 + i].ok &&
            take_keys(tasks, copy->keys[i], tasks->keys[i].size, &found))
            return found.count;
    found.count = 0;
    learn_keys(tasks, keys);
    (void)pam_each_entry(&tasks->heap, tasks->current, take_entry, &found);
    return found.count;
}
