/* ranges.c - functions that are in no ELF file, by the addresses that a capture tells. */
#include "symbols/ranges.h"

#include <stdlib.h>
#include <string.h>

#include <pam/search.h>

#include "room.h"

enum { MAX_FUNCTIONS = 1 << 22 }; /* of one process: those of a large JIT, 32 times over */

struct function {
    uint64_t start, size_bytes;
    uint32_t order;        /* in which they came */
    uint32_t name, module; /* texts */
};

struct pam_range_set {
    struct function *list;
    size_t count, room;
    bool sorted;
};

struct owner_key {
    uint64_t capture, pid;
};

void pam_range_sets_done(struct pam_range_sets *sets)
{
    for (size_t i = 0; i < sets->room; i++)
        free(sets->sets[i].list);
    free(sets->sets);
    pam_table_done(&sets->owners);
    pam_table_done(&sets->texts);
    memset(sets, 0, sizeof *sets);
}

int64_t pam_range_sets_id(struct pam_range_sets *sets, uint64_t capture, uint64_t pid)
{
    const struct owner_key key = {capture, pid};
    const int64_t at = pam_table_id(&sets->owners, &key, sizeof key);
    struct pam_range_set *with_room;

    if (at < 0)
        return at;
    with_room = pam_with_room(sets->sets, &sets->room, (size_t)at, sizeof *with_room);
    if (!with_room)
        return -1;
    sets->sets = with_room;
    return at;
}

bool pam_range_sets_is_kernel(const struct pam_range_sets *sets, uint32_t set)
{
    struct owner_key key;

    memcpy(&key, pam_table_key(&sets->owners, set).data, sizeof key);
    return key.pid == PAM_KERNEL;
}

bool pam_range_sets_add(struct pam_range_sets *sets, uint64_t capture, uint64_t pid,
                        const struct pam_range *range)
{
    const int64_t at = pam_range_sets_id(sets, capture, pid);
    const int64_t name = pam_table_id(&sets->texts, range->name.data, range->name.size);
    const int64_t module = pam_table_id(&sets->texts, range->module.data, range->module.size);
    struct pam_range_set *set;

    if (at < 0 || name < 0 || module < 0)
        return false;
    set = &sets->sets[at];
    if (set->count == MAX_FUNCTIONS)
        return true;
    if (set->count == set->room) {
        const size_t room = set->room ? 2 * set->room : 64;
        struct function *grown = realloc(set->list, room * sizeof *grown);

        if (!grown)
            return false;
        set->list = grown;
        set->room = room;
    }
    set->list[set->count] = (struct function){range->start, range->size_bytes, (uint32_t)set->count,
                                              (uint32_t)name, (uint32_t)module};
    set->count++;
    set->sorted = false;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct function *function_a = a, *function_b = b;

    if (function_a->start != function_b->start)
        return function_a->start < function_b->start ? -1 : 1;
    return function_a->order < function_b->order ? -1 : function_a->order > function_b->order;
}

bool pam_range_sets_find(struct pam_range_sets *sets, uint32_t set_id, uint64_t address,
                         struct pam_range *range)
{
    struct pam_range_set *set = &sets->sets[set_id];
    const struct function *found;
    size_t behind;

    if (!set->sorted && set->count)
        qsort(set->list, set->count, sizeof *set->list, compare);
    set->sorted = true;
    behind = pam_first_above(set->list, set->count, sizeof *set->list, offsetof(struct function, start), address);
    if (!behind || address - set->list[behind - 1].start >= set->list[behind - 1].size_bytes)
        return false;
    found = &set->list[behind - 1];
    *range = (struct pam_range){found->start, found->size_bytes,
                                pam_table_key(&sets->texts, found->name),
                                pam_table_key(&sets->texts, found->module)};
    return true;
}
