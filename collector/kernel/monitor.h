/* monitor.h - what the target and its children use: CPU, memory, threads, at every interval. */
#ifndef PAM_MONITOR_H
#define PAM_MONITOR_H

#include <time.h>

#include <pam/record.h>

#include "kernel/procfs.h"

enum { PAM_MAX_PROCESSES = 512 }; /* the target and its descendants; more are left out */

struct pam_process_watch {
    pid_t pid;
    pid_t parent;
    int proc_fd;
    int stat_fd;
    uint64_t start_ticks;
    clockid_t cpu_clock;
    bool has_cpu_clock;
    bool seen;      /* by the scan in progress */
    bool announced; /* its process record is in this epoch */
};

struct pam_monitor {
    uint64_t page_bytes;
    bool follow_children;
    struct pam_process_watch processes[PAM_MAX_PROCESSES]; /* the target first */
    size_t count;
};

/* `proc_fd` is the target's /proc/PID and stays the caller's. */
void pam_monitor_init(struct pam_monitor *monitor, pid_t target, int proc_fd, bool follow_children);
void pam_monitor_done(struct pam_monitor *monitor);

/* Finds children that are new; `left` is called for each that is gone, before it is forgotten. */
void pam_monitor_scan(struct pam_monitor *monitor,
                      void (*left)(const struct pam_process_watch *process, void *context),
                      void *context);

/* Reads one process. False when it has ended; a zombie is read, with its last figures. */
bool pam_monitor_read(const struct pam_monitor *monitor, const struct pam_process_watch *process,
                      struct pam_resource *resource, struct pam_stat *stat);

#endif
