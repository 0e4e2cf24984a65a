/* monitor.h - what the target, its children and the whole machine use, at every interval. */
#ifndef PAM_MONITOR_H
#define PAM_MONITOR_H

#include <time.h>

#include <pam/record.h>

#include "kernel/procfs.h"
#include "kernel/sensors.h"
#include "kernel/system.h"
#include "kernel/usage.h"

enum { PAM_MAX_PROCESSES = 512 }; /* the target and its descendants; more are left out */

struct pam_process_watch {
    pid_t pid;
    pid_t parent;
    int proc_fd;
    int stat_fd, statm_fd;
    uint64_t start_ticks;
    clockid_t cpu_clock;
    bool has_cpu_clock;
    struct pam_usage_files files;
    bool seen;      /* by the scan in progress */
    bool stat_read; /* by that scan: `stat` is of this interval */
    struct pam_stat stat;
    bool announced; /* its process record is in this epoch */
};

struct pam_monitor {
    uint64_t page_bytes;
    bool follow_children;
    struct pam_process_watch processes[PAM_MAX_PROCESSES]; /* the target first */
    size_t count;
    const struct pam_process_watch *pss_turn; /* whose PSS is read in this interval: one at most */
    bool fds_by_stat;
    struct pam_system_watch system;
    struct pam_sensors sensors;
};

/* `proc_fd` is the target's /proc/PID and stays the caller's. */
void pam_monitor_init(struct pam_monitor *monitor, pid_t target, int proc_fd, bool follow_children);
void pam_monitor_done(struct pam_monitor *monitor);

/* Finds children that are new; `left` is called for each that is gone, before it is forgotten. Without
 * `list` a target that had none is taken to have none. */
void pam_monitor_scan(struct pam_monitor *monitor, uint64_t now_ns, bool list,
                      void (*left)(const struct pam_process_watch *process, void *context),
                      void *context);

/* Reads one process. False when it has ended, also as a zombie. */
bool pam_monitor_read(const struct pam_monitor *monitor, struct pam_process_watch *process,
                      uint64_t now_ns, struct pam_resource *resource);

#endif
