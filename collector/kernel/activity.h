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
#include "native/taken.h"

/* How a thread was born: what covers its parent may cover it too. */
enum pam_birth {
    PAM_BORN_BEFORE,    /* nobody watched */
    PAM_BORN_AS_THREAD, /* of a process that was watched */
    PAM_BORN_AS_CHILD,  /* the first of a process whose parent was watched */
};

/* What a source knows of one thread. Zeroed but for the tid, proc_fd and fd -1 before watch(). */
struct pam_watch {
    pid_t tid;
    int proc_fd;                 /* /proc/PID of its process; borrowed */
    int fd;                      /* of its schedstat or comm; -1 when there is none */
    struct pam_schedstat total;  /* since the thread's birth, at the last look */
    uint64_t moved_ns;           /* when `total` last moved, CLOCK_MONOTONIC */
    bool known;                  /* `total` has been read */
    bool gone;                   /* the thread has exited */
    /* from switch records only: */
    int *events;                 /* descriptors, one a CPU; NULL for a thread that inherited them */
    bool heard;                  /* its records come: it has events of its own, or brought one */
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
    bool gap;                    /* records since that reading were lost: nothing is made of those that came */
    bool ran;                    /* there was a record since that reading */
    uint64_t read_ns;            /* when that was */
    uint64_t trusted_until_ns;   /* until then the estimate is good enough */
    bool unheard;                /* it switched, but no record came: the next listening decides */
    uint64_t listened_ns;        /* when that was asked last, while it is not heard */
    uint64_t listened_switches;  /* its switches until then */
    uint64_t switched_ns;        /* time of the latest record, or of looking what it does */
    uint64_t first_on_ns;        /* since the last sample: when it first came on, 0: not */
    uint64_t last_off_ns;        /* last went off, 0: not */
    uint64_t came_on_ns;         /* when it came on for the last time, 0: never since it is watched */
    int cpu_plus1;               /* 1 + where that was */
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
    struct pam_taken_format switched; /* what switch records are to bring along; sample_type 0: nothing */
    bool mappings; /* memory that becomes code is to be told */
};

/* That threads or processes came or went. */
struct pam_change {
    enum pam_change_kind {
        PAM_THREADS_CHANGED, /* of that process; 0: of some */
        PAM_PROCESS_BORN,
        PAM_PROCESS_EXITS,   /* its main thread does, and then as a rule the process */
        PAM_PROGRAM_CHANGED, /* by execve() */
    } kind;
    pid_t pid;
    pid_t parent; /* of one that was born */
};

/* Memory that a process may run as code from now on. */
struct pam_mapping {
    uint64_t start, size_bytes;
    const char *path; /* "//anon" when it is of no file */
};

/* What draining a source needs, and what it brought besides what it wrote into the watches. */
struct pam_drain {
    struct pam_watch *(*find)(pid_t tid, void *context); /* NULL: no such thread (yet) */
    void (*take)(const struct pam_switch_event *event, void *context); /* or NULL */
    void (*take_on_cpu)(const struct pam_on_cpu_event *event, void *context);
    void (*take_change)(const struct pam_change *change, void *context);
    /* A sample in the format of pam_clock_facts.switched, of a thread that goes off; or NULL. */
    void (*take_switched)(const struct perf_event_header *record, void *context);
    /* or NULL */
    void (*take_mapping)(pid_t pid, const struct pam_mapping *mapping, void *context);
    void *context;
    int cpu;       /* whose records are being taken in */
    uint64_t lost; /* records: any thread may have run */
    uint64_t throttled;
};

struct pam_activity {
    const char *name;
    enum pam_sampling sampling;
    bool exact; /* it tells when threads came on and went off */
    /* All may assume that start() succeeded; it returns 0 or a negative errno. Of the clock it gets
     * the period to try, and says what it became. `children`: processes that those watched give birth to
     * are to be watched from their first instruction on. */
    int (*start)(void **state, struct pam_clock_facts *clock, bool children);
    void (*stop)(void *state);
    /* 0 or a negative errno. */
    int (*watch)(void *state, struct pam_watch *watch, enum pam_birth birth);
    void (*unwatch)(void *state, struct pam_watch *watch);
    /* Takes in what happened since. */
    void (*drain)(void *state, struct pam_drain *drain);
    /* Looks: true when the thread may have run since the look before. Never allocates. */
    bool (*look)(void *state, struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns);
    /* Brings `total` up to the thread's own clock; in between looking estimates it from records and from
     * what such estimates left out before. NULL: looking reads the clock. */
    void (*account)(void *state, struct pam_watch *watch, uint64_t now_ns);
    /* After a drain: has the thread certainly waited off its CPU since before the last look? Never of one
     * that was preempted. NULL: that cannot be told. */
    bool (*slept)(void *state, const struct pam_watch *watch);
};

extern const struct pam_activity pam_activity_perf;
extern const struct pam_activity pam_activity_schedstat;
extern const struct pam_activity pam_activity_read_all;

enum { PAM_REASON_TEXT_BYTES = 256 };

/* Why schedstat cannot be relied upon for this thread; NULL when it can. */
const char *pam_schedstat_refusal(int proc_fd, pid_t tid);

/* Starts the best source that works for the target's threads; `clock` and `children` as for start(),
 * `reason` gets a sentence why. */
const struct pam_activity *pam_activity_choose(int proc_fd, pid_t tid, void **state,
                                               struct pam_clock_facts *clock, bool children,
                                               char reason[PAM_REASON_TEXT_BYTES]);

/* Helpers for sources: open, read and close a watch's schedstat. */
int pam_schedstat_open(struct pam_watch *watch);
void pam_schedstat_close(struct pam_watch *watch);
bool pam_schedstat_look(struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns);

#endif
