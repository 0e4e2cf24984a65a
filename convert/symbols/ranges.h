/* ranges.h - functions that are in no ELF file, by the addresses that a capture tells: of the kernel, and
 * those made at run time. */
#ifndef PAM_RANGES_H
#define PAM_RANGES_H

#include <stdbool.h>

#include "intern.h"

/* In place of a pid. */
#define PAM_KERNEL UINT64_MAX

struct pam_range {
    uint64_t start, size_bytes;
    struct pam_bytes name, module;
};

/* A set for each process and for the kernel of each capture, numbered from 0. A zeroed one is empty. */
struct pam_range_sets {
    struct pam_table owners, texts;
    struct pam_range_set *sets; /* as many as owners */
    size_t room;
};

void pam_range_sets_done(struct pam_range_sets *sets);

/* The set of a process, or of PAM_KERNEL. Negative when memory is short. */
int64_t pam_range_sets_id(struct pam_range_sets *sets, uint64_t capture, uint64_t pid);
bool pam_range_sets_is_kernel(const struct pam_range_sets *sets, uint32_t set);

/* Adds a function, whose names are copied. False when memory is short. */
bool pam_range_sets_add(struct pam_range_sets *sets, uint64_t capture, uint64_t pid,
                        const struct pam_range *range);

/* The function that an address is in: of two that were added the later one. False when there is none. */
bool pam_range_sets_find(struct pam_range_sets *sets, uint32_t set, uint64_t address,
                         struct pam_range *range);

#endif
