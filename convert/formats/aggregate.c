/* aggregate.c - sums per thread and stack, for the formats that do not care when. */
#include "formats/aggregate.h"

#include <stdlib.h>
#include <string.h>

void pam_aggregate_done(struct pam_aggregate *aggregate)
{
    pam_table_done(&aggregate->stacks);
    pam_table_done(&aggregate->keys);
    free(aggregate->entries);
    memset(aggregate, 0, sizeof *aggregate);
}

int64_t pam_aggregate_stack(struct pam_aggregate *aggregate, struct pam_labels *labels,
                            const struct pam_span *span, struct pam_error *error)
{
    uint32_t list[PAM_MAX_LABELS_A_STACK];
    const int64_t count = pam_labels_stack(labels, span->stack, span->leaf_cut, list, error);
    int64_t stack;

    if (count < 0)
        return count;
    stack = pam_table_id(&aggregate->stacks, list, (size_t)count * sizeof *list);
    return stack < 0 ? pam_fail(error, PAM_MEMORY, "not enough memory for stacks") : stack;
}

int pam_aggregate_add(struct pam_aggregate *aggregate, const struct pam_span *span, uint32_t stack,
                      struct pam_error *error)
{
    const uint32_t key[2] = {(uint32_t)span->thread, stack};
    const int64_t id = pam_table_id(&aggregate->keys, key, sizeof key);
    struct pam_aggregate_entry *entry;

    if (id >= 0 && (size_t)id >= aggregate->room) {
        const size_t room = 2 * ((size_t)id + 128);
        struct pam_aggregate_entry *grown = realloc(aggregate->entries, room * sizeof *grown);

        if (!grown)
            return pam_fail(error, PAM_MEMORY, "not enough memory for stacks");
        memset(grown + aggregate->room, 0, (room - aggregate->room) * sizeof *grown);
        aggregate->entries = grown;
        aggregate->room = room;
    }
    if (id < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for stacks");
    entry = &aggregate->entries[id];
    entry->thread = key[0];
    entry->stack = stack;
    entry->wall_ns += span->end_ns - span->start_ns;
    entry->cpu_us += span->cpu_us;
    entry->ticks += span->ticks;
    return 0;
}

const uint32_t *pam_aggregate_labels(const struct pam_aggregate *aggregate, uint32_t stack,
                                     size_t *count)
{
    const struct pam_bytes bytes = pam_table_key(&aggregate->stacks, stack);

    *count = bytes.size / sizeof(uint32_t);
    return (const uint32_t *)(const void *)bytes.data;
}
