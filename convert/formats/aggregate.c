/* aggregate.c - sums per thread and stack, for the formats that do not care when. */
#include "formats/aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "room.h"

void pam_aggregate_done(struct pam_aggregate *aggregate)
{
    pam_table_done(&aggregate->stacks);
    pam_table_done(&aggregate->looks);
    pam_table_done(&aggregate->keys);
    free(aggregate->known);
    free(aggregate->entries);
    free(aggregate->latest);
    memset(aggregate, 0, sizeof *aggregate);
}

static int64_t read_stack(struct pam_aggregate *aggregate, struct pam_merger *merger,
                          const struct pam_span *span, struct pam_error *error)
{
    uint32_t list[PAM_MAX_LABELS_A_STACK];
    const int64_t count = pam_merger_stack(merger, span, list, error);
    int64_t stack;

    if (count < 0)
        return count;
    stack = pam_table_id(&aggregate->stacks, list, (size_t)count * sizeof *list);
    return stack < 0 ? pam_fail(error, PAM_MEMORY, "not enough memory for stacks") : stack;
}

int64_t pam_aggregate_stack(struct pam_aggregate *aggregate, struct pam_merger *merger,
                            const struct pam_span *span, struct pam_error *error)
{
    /* all that labels depend on */
    const uint32_t key[] = {span->stack, span->wait_plus1, span->leaf_cut, span->between,
                            span->collecting, span->gil == PAM_SPAN_GIL_WAITS};
    int64_t at, stack;
    uint32_t *known;

    if (span->native_plus1)
        return read_stack(aggregate, merger, span, error);
    at = pam_table_id(&aggregate->looks, key, sizeof key);
    known = at < 0 ? NULL : pam_with_room(aggregate->known, &aggregate->known_room, (size_t)at, sizeof *known);
    if (!known)
        return pam_fail(error, PAM_MEMORY, "not enough memory for stacks");
    aggregate->known = known;
    if (known[at])
        return known[at] - 1;
    stack = read_stack(aggregate, merger, span, error);
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
    entries = pam_with_room(aggregate->entries, &aggregate->room, (size_t)id, sizeof *entries);
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
    uint32_t *latest = pam_with_room(aggregate->latest, &aggregate->latest_room, thread, sizeof *latest);

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
    entry->events += span->events;
    return 0;
}

const uint32_t *pam_aggregate_labels(const struct pam_aggregate *aggregate, uint32_t stack,
                                     size_t *count)
{
    const struct pam_bytes bytes = pam_table_key(&aggregate->stacks, stack);

    *count = bytes.size / sizeof(uint32_t);
    return (const uint32_t *)(const void *)bytes.data;
}
