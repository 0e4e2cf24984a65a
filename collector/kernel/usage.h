/* usage.h - what one process uses beyond CPU and RSS: faults, switches, files, I/O, PSS. */
#ifndef PAM_USAGE_H
#define PAM_USAGE_H

#include <pam/record.h>

#include "kernel/kept.h"

struct pam_usage_files {
    struct pam_kept status, io;
    uint64_t fds_due_ns;
    uint64_t pss_due_ns;
};

/* Nothing is opened before it is read. */
void pam_usage_init(struct pam_usage_files *files);
void pam_usage_done(struct pam_usage_files *files);

/* True when this kernel tells the number of open files by stat(2) of /proc/PID/fd, as it does from
 * 6.2 on and for any process; otherwise they have to be listed, which the process may forbid. */
bool pam_usage_fds_by_stat(void);

/* Fills in what can be read; what is absent, forbidden or not due stays 0, which is "unknown". */
void pam_usage_read(struct pam_usage_files *files, int proc_fd, bool fds_by_stat, uint64_t now_ns,
                    struct pam_resource *resource);

/* The same for PSS, when it is due. The kernel walks all page tables and holds the lock of the
 * process's memory map meanwhile (about 1 ms for 150 MB), so this is seldom. */
void pam_usage_read_pss(struct pam_usage_files *files, int proc_fd, uint64_t now_ns,
                        struct pam_resource *resource);

#endif
