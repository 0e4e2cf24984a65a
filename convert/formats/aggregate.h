/* aggregate.h - sums per thread and stack, for the formats that do not care when. */
#ifndef PAM_AGGREGATE_H
#define PAM_AGGREGATE_H

#include "formats/format.h"

struct pam_aggregate_entry {
    uint32_t thread; /* index in the model */
    uint32_t stack;  /* number of the label stack, see pam_aggregate_labels() */
    uint64_t wall_ns, cpu_us, ticks, events;
};

struct pam_aggregate {
    struct pam_table stacks; /* lists of labels, root first */
    struct pam_table looks;  /* what of a span its labels depend on */
    uint32_t *known;         /* by number of these: number of the label stack + 1, 0 while unknown;
                              * stacks with a native part are not kept here */
    size_t known_room;
    struct pam_table keys;   /* (thread, stack) */
    struct pam_aggregate_entry *entries; /* as many as keys */
    size_t room;
    uint32_t *latest; /* by thread: 1 + the entry it was added to last, 0: none */
    size_t latest_room;
};

void pam_aggregate_done(struct pam_aggregate *aggregate);

/* The number of the span's stack as labels: stacks that read the same are the same. */
int64_t pam_aggregate_stack(struct pam_aggregate *aggregate, struct pam_merger *merger,
                            const struct pam_span *span, struct pam_error *error);

int pam_aggregate_add(struct pam_aggregate *aggregate, const struct pam_span *span, uint32_t stack,
                      struct pam_error *error);

/* The labels of a stack; `count` gets how many. */
const uint32_t *pam_aggregate_labels(const struct pam_aggregate *aggregate, uint32_t stack,
                                     size_t *count);

#endif
