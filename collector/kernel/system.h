/* system.h - what the whole machine does: cores, load, memory, pressure. */
#ifndef PAM_SYSTEM_H
#define PAM_SYSTEM_H

#include <stddef.h>

#include <pam/record.h>

#include "kernel/kept.h"

enum { PAM_MAX_CORES = 128 }; /* reported one by one; more are in the sums only */

enum pam_pressure_file { PAM_PRESSURE_CPU, PAM_PRESSURE_MEMORY, PAM_PRESSURE_IO, PAM_PRESSURES };

struct pam_system_watch {
    struct pam_kept stat, loadavg, meminfo, pressures[PAM_PRESSURES];
    struct pam_core cores[PAM_MAX_CORES]; /* of the last read */
    size_t core_count;
};

void pam_system_init(struct pam_system_watch *watch);
void pam_system_done(struct pam_system_watch *watch);

/* Reads all; what is absent or forbidden stays 0, which is "unknown". */
void pam_system_read(struct pam_system_watch *watch, uint64_t now_ns, struct pam_system *system);

#endif
