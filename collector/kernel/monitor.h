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
    bool stat_read; /* by the check for exits: `stat` is of this interval */
    struct pam_stat stat;
    char comm[PAM_COMM_BYTES]; /* its name when its program was looked at */
    bool may_trace; /* we are told how it exits */
    bool exiting;   /* somebody said so: it is looked at until it has */
    bool exited;    /* a zombie, which stays listed until it is reaped */
    uint64_t exit_status_plus1; /* 1 + its wait status; 0 when unknown */
    bool joined;    /* the sampler knows it */
    bool announced; /* its process record is in this epoch */
};

struct pam_monitor {
    uint64_t page_bytes;
    struct pam_process_watch processes[PAM_MAX_PROCESSES]; /* the target first */
    size_t count;
    uint64_t left_out; /* children beyond that bound */
    const struct pam_process_watch *pss_turn; /* whose PSS is read in this interval: one at most */
    bool fds_by_stat;
    struct pam_system_watch system;
    struct pam_sensors sensors;
};

/* `monitor` is zeroed memory; what is not used of it is not touched, so that it takes no room. `proc_fd` is the target's
 * /proc/PID and stays the caller's. */
void pam_monitor_init(struct pam_monitor *monitor, pid_t target, int proc_fd);
void pam_monitor_done(struct pam_monitor *monitor);

/* Another process is the target from now on. */
void pam_monitor_change_target(struct pam_monitor *monitor, pid_t target, int proc_fd);

/* The watch of a child, new or known; NULL when there is no such process (any more). */
struct pam_process_watch *pam_monitor_adopt(struct pam_monitor *monitor, pid_t pid);

/* Its program is looked at: what it is called now is no news any more. */
void pam_monitor_note_program(struct pam_process_watch *process);

/* Adopts the children of all that are watched, by the kernel's lists. */
void pam_monitor_find_children(struct pam_monitor *monitor);

/* Tells of each child that has exited, once, and forgets those that are reaped. Looks at all, or only at
 * those that are exiting; returns how many of these still are. */
typedef void pam_process_left(const struct pam_process_watch *process, void *context);
size_t pam_monitor_check_exits(struct pam_monitor *monitor, bool all, pam_process_left *left,
                               void *context);

/* At an interval: whose turn it is for what is read rarely. */
void pam_monitor_begin(struct pam_monitor *monitor, uint64_t now_ns);

/* Reads one process. False when it has ended, also as a zombie. */
bool pam_monitor_read(const struct pam_monitor *monitor, struct pam_process_watch *process,
                      uint64_t now_ns, struct pam_resource *resource);

/* What a zombie has used in all: CPU time and faults; it has no memory any more. False when it is reaped. */
bool pam_monitor_read_last(const struct pam_process_watch *process, struct pam_resource *resource);

#endif
