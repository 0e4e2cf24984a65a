/* aggregate.c - sums per thread and stack, for the formats that do not care when. */
#include "formats/aggregate.h"

#include <stdlib.h>
#include <string.h>

void pam_aggregate_done(struct pam_aggregate *aggregate)
{
    pam_table_done(&aggregate->stacks);
    pam_table_done(&aggregate->keys);
    free(aggregate->known);
    free(aggregate->entries);
    free(aggregate->latest);
    memset(aggregate, 0, sizeof *aggregate);
}

/* The array, with room for the element `at`; new ones are zero. NULL when memory is short. */
static void *with_room(void *array, size_t *room, size_t at, size_t size)
{
    const size_t wanted = 2 * (at + 64);
    unsigned char *grown;

    if (at < *room)
        return array;
    grown = realloc(array, wanted * size);
    if (!grown)
        return NULL;
    memset(grown + *room * size, 0, (wanted - *room) * size);
    *room = wanted;
    return grown;
}

static int64_t read_stack(struct pam_aggregate *aggregate, struct pam_labels *labels,
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

int64_t pam_aggregate_stack(struct pam_aggregate *aggregate, struct pam_labels *labels,
                            const struct pam_span *span, struct pam_error *error)
{
    const size_t at = 2 * (size_t)span->stack + span->leaf_cut;
    uint32_t *known;
    int64_t stack;

    if (span->stack >= PAM_NO_STACK)
        return read_stack(aggregate, labels, span, error);
    known = with_room(aggregate->known, &aggregate->known_room, at, sizeof *known);
    if (!known)
        return pam_fail(error, PAM_MEMORY, "not enough memory for stacks");
    aggregate->known = known;
    if (known[at])
        return known[at] - 1;
    stack = read_stack(aggregate, labels, span, error);
    if (stack >= 0)
        known[at] = (uint32_t)stack + 1;
    return stack;
}

/* NULL when memory is short. */
static struct pam_aggregate_entry *new_or_known_entry(struct pam_aggregate *aggregate,
                                                      uint32_t thread, uint32_t stack)
{
    const uint32_t key[2] = {thread, stack};
    const int64_t id = pam_table_id(&aggregate->keys, key, sizeof key);
    struct pam_aggregate_entry *entries;

    if (id < 0)
        return NULL;
    entries = with_room(aggregate->entries, &aggregate->room, (size_t)id, sizeof *entries);
    if (!entries)
        return NULL;
    aggregate->entries = entries;
    aggregate->latest[thread] = (uint32_t)id + 1;
    entries[id].thread = thread;
    entries[id].stack = stack;
    return &entries[id];
}

/* Most spans are of the stack that their thread had before. */
static struct pam_aggregate_entry *entry_for(struct pam_aggregate *aggregate, size_t thread,
                                             uint32_t stack)
{
    uint32_t *latest = with_room(aggregate->latest, &aggregate->latest_room, thread, sizeof *latest);

    if (!latest)
        return NULL;
    aggregate->latest = latest;
    if (latest[thread] && aggregate->entries[latest[thread] - 1].stack == stack)
        return &aggregate->entries[latest[thread] - 1];
    return new_or_known_entry(aggregate, (uint32_t)thread, stack);
}

int pam_aggregate_add(struct pam_aggregate *aggregate, const struct pam_span *span, uint32_t stack,
                      struct pam_error *error)
{
    struct pam_aggregate_entry *entry = entry_for(aggregate, span->thread, stack);

    if (!entry)
        return pam_fail(error, PAM_MEMORY, "not enough memory for stacks");
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
