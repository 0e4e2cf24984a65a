/* activity.h - the seam through which the sampler learns which threads may have run.
 *
 * A source watches threads and answers, once a tick, how much each has run since. schedstat is
 * the source that always works; perf_event goes behind the same five functions. */
#ifndef PAM_ACTIVITY_H
#define PAM_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <pam/capture.h>

#include "kernel/procfs.h"

/* What a source knows of one thread. Zeroed before pam_activity.watch(). */
struct pam_watch {
    pid_t tid;
    int fd;                      /* of the source; -1 when it has none */
    struct pam_schedstat total;  /* since the thread's birth, at the last look */
    uint64_t moved_ns;           /* when `total` last moved, CLOCK_MONOTONIC */
    bool known;                  /* `total` has been read */
    bool gone;                   /* the thread has exited */
};

struct pam_activity {
    const char *name;
    enum pam_sampling sampling;
    /* Starts and stops watching. `proc_fd` is /proc/PID. watch() returns 0 or a negative errno. */
    int (*watch)(struct pam_watch *watch, int proc_fd);
    void (*unwatch)(struct pam_watch *watch);
    /* Looks: true when the thread may have run since the look before. Never allocates. */
    bool (*look)(struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns);
};

extern const struct pam_activity pam_activity_schedstat;
extern const struct pam_activity pam_activity_read_all;

/* The best source that works for the threads of `proc_fd`; `reason` gets a sentence why. */
const struct pam_activity *pam_activity_choose(int proc_fd, pid_t tid, const char **reason);

#endif
