/* activity.h - the seam through which the sampler learns which threads may have run.
 *
 * A source watches threads and answers, once a tick, how much each has run since. The best one that
 * works is chosen at the start: perf_event's switch records (perf.c), else schedstat, else none. */
#ifndef PAM_ACTIVITY_H
#define PAM_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <pam/capture.h>

#include "kernel/procfs.h"

/* What a source knows of one thread. Zeroed but for the tid and fd -1 before watch(). */
struct pam_watch {
    pid_t tid;
    int fd;                      /* of its schedstat or comm; -1 when there is none */
    struct pam_schedstat total;  /* since the thread's birth, at the last look */
    uint64_t moved_ns;           /* when `total` last moved, CLOCK_MONOTONIC */
    bool known;                  /* `total` has been read */
    bool gone;                   /* the thread has exited */
    /* from switch records only: */
    int *events;                 /* descriptors, one a CPU; NULL for a thread that inherited them */
    bool on_cpu;                 /* at `switched_ns`, or preempted: it does not wait for anything */
    bool moved;                  /* there was a record since the last look */
    bool doubtful;               /* records were lost: whether it runs must be found out anew */
    bool running;                /* by the latest record; preempted is not */
    /* CPU time between two readings of its clock: that of the last one, plus the times at which it went
     * off, minus those at which it came on, in whatever order the CPUs' rings tell them */
    uint64_t read_cpu_ns;
    int64_t since_ns;
    int runs;                    /* came on minus went off: 1 while it runs, 0 while not */
    uint32_t bursts;             /* times it went off since that reading */
    uint64_t burst_more_ns;      /* its clock counts so much more a burst: the switch itself; learnt */
    int64_t learnt_ns;           /* from that much more */
    uint64_t learnt_bursts;      /* in so many */
    bool ran;                    /* there was a record since that reading */
    uint64_t read_ns;            /* when that was */
    uint64_t trusted_until_ns;   /* until then the estimate is good enough */
    bool unheard;                /* it ran, but no record came: the next look decides */
    uint64_t switched_ns;        /* time of the latest record */
    uint64_t first_on_ns;        /* since the last sample: when it first came on, 0: not */
    uint64_t last_off_ns;        /* last went off, 0: not */
};

/* A switch, for --switches. */
struct pam_switch_event {
    pid_t tid;
    uint64_t time_ns;
    bool off;
    bool preempted;
};

/* A thread that the on-CPU clock found on a CPU. */
struct pam_on_cpu_event {
    pid_t tid;
    uint64_t time_ns;
    bool in_kernel;
};

/* What the on-CPU clock sees, and how often. */
struct pam_clock_facts {
    enum pam_on_cpu_clock sees;
    uint64_t period_ns;
};

/* What draining a source needs, and what it brought besides what it wrote into the watches. */
struct pam_drain {
    struct pam_watch *(*find)(pid_t tid, void *context); /* NULL: no such thread (yet) */
    void (*take)(const struct pam_switch_event *event, void *context); /* or NULL */
    void (*take_on_cpu)(const struct pam_on_cpu_event *event, void *context);
    void *context;
    bool threads_changed;
    bool children_changed; /* the target has a new process */
    uint64_t lost; /* records: any thread may have run */
    uint64_t throttled;
};

struct pam_activity {
    const char *name;
    enum pam_sampling sampling;
    bool exact; /* it tells when threads came on and went off */
    /* All may assume that start() succeeded; it returns 0 or a negative errno. Of the clock it gets
     * the period to try, and says what it became. */
    int (*start)(void **state, struct pam_clock_facts *clock);
    void (*stop)(void *state);
    /* `inherits`: the thread was born while its parent was watched. 0 or a negative errno. */
    int (*watch)(void *state, struct pam_watch *watch, int proc_fd, bool inherits);
    void (*unwatch)(void *state, struct pam_watch *watch);
    /* Takes in what happened since. */
    void (*drain)(void *state, struct pam_drain *drain);
    /* Looks: true when the thread may have run since the look before. Never allocates. */
    bool (*look)(void *state, struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns);
    /* Brings `total` up to the thread's own clock; in between looking estimates it from records and from
     * what such estimates left out before. NULL: looking reads the clock. */
    void (*account)(void *state, struct pam_watch *watch, uint64_t now_ns);
};

extern const struct pam_activity pam_activity_perf;
extern const struct pam_activity pam_activity_schedstat;
extern const struct pam_activity pam_activity_read_all;

enum { PAM_REASON_TEXT_BYTES = 256 };

/* Why schedstat cannot be relied upon for this thread; NULL when it can. */
const char *pam_schedstat_refusal(int proc_fd, pid_t tid);

/* Starts the best source that works for the target's threads; `clock` as for start(), `reason` gets
 * a sentence why. */
const struct pam_activity *pam_activity_choose(int proc_fd, pid_t tid, void **state,
                                               struct pam_clock_facts *clock,
                                               char reason[PAM_REASON_TEXT_BYTES]);

/* Helpers for sources: open, read and close a watch's schedstat. */
int pam_schedstat_open(struct pam_watch *watch, int proc_fd);
void pam_schedstat_close(struct pam_watch *watch);
bool pam_schedstat_look(struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns);

#endif
