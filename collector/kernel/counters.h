/* counters.h - counters of perf_event on one thread: opened, read by group, closed; and why not. */
#ifndef PAM_COUNTERS_H
#define PAM_COUNTERS_H

#include <sys/types.h>

#include "kernel/events.h"

enum pam_counters_of {
    PAM_COUNTERS_OF_THREAD, /* the thread alone */
    PAM_COUNTERS_OF_FAMILY, /* and every thread that it or they create; of events with whole_process */
};

/* Totals since counting began. */
struct pam_counted {
    uint64_t value;
    uint64_t enabled_ns; /* time the thread ran */
    uint64_t running_ns; /* of this, with a place on the PMU */
};

/* One descriptor an event, in the order of the list; those that are not opened are -1. */
struct pam_counters {
    int *fds;
    uint64_t *ids; /* by which the kernel tells the members of a group apart */
};

/* Counting begins. 0 or a negative errno, and the number of the event that was refused; what the thread
 * cannot be opened for is closed. The thread needs PTRACE_MODE_READ, like /proc/PID/maps. */
int pam_counters_open(struct pam_counters *counters, const struct pam_events *events, pid_t tid,
                      enum pam_counters_of of, size_t *refused);
void pam_counters_close(struct pam_counters *counters, const struct pam_events *events);

/* Reads the group that starts at event `first`, by one read(), into its events' places in `counted`. Works
 * for a thread that has exited, too. False: it is not counted. */
bool pam_counters_read(const struct pam_counters *counters, const struct pam_events *events, size_t first,
                       struct pam_counted *counted);

/* Tries every event on the calling thread, and finds out which groups have room to be counted twice: for
 * threads and for the process. The error names the first event that cannot be had, why, and a remedy. */
int pam_counters_try(struct pam_events *events, struct pam_error *error);

/* Can this one be counted in the calling thread? 0 or a negative errno. */
int pam_counters_try_one(const struct pam_event_code *code);

/* The sentence for an event that the kernel refused. */
int pam_counters_refused(const struct pam_event_spec *spec, int error_number, struct pam_error *error);

#endif
