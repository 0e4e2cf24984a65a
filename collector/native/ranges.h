/* ranges.h - where a process has code: what tells return addresses from data on a stack. */
#ifndef PAM_RANGES_H
#define PAM_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "native/addresses.h"

/* A browser has ~1,000; more than this is a program that maps every function it makes on its own. */
enum { PAM_MAX_CODE_RANGES = 4096 };

struct pam_code_range {
    uint64_t start, end;
    bool used; /* an address in it was found on a stack */
    bool made; /* at run time: what is called what there is not in a file */
};

struct pam_code_ranges {
    struct pam_code_range *entries; /* by address, none in another; what has gone is kept */
    size_t count, room;
    bool incomplete; /* there were more: every address counts as one of code */
    struct pam_addresses made; /* those found in code that was made */
};

void pam_ranges_done(struct pam_code_ranges *ranges);

/* Adds [start, start + size). `path`: as in /proc/PID/maps, empty for memory of no file. */
void pam_ranges_add(struct pam_code_ranges *ranges, uint64_t start, uint64_t size, const char *path);

/* Adds every executable mapping of /proc/PID (`proc_fd`). */
void pam_ranges_scan(struct pam_code_ranges *ranges, int proc_fd);

/* Is there code? Notes that it was asked for. */
bool pam_ranges_has(struct pam_code_ranges *ranges, uint64_t address);

/* Was an address of [start, start + size) found? */
bool pam_ranges_used(const struct pam_code_ranges *ranges, uint64_t start, uint64_t size);

#endif
