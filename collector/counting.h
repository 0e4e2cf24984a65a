/* counting.h - the counts of --event: opened for threads and processes, recorded when they changed. */
#ifndef PAM_COUNTING_H
#define PAM_COUNTING_H

#include "kernel/counters.h"
#include "recorder.h"

/* Of one thread, or of one that a process began with. */
struct pam_counts {
    struct pam_counters counters;
    struct pam_counted *told;    /* by event: at its last count record */
    struct pam_counted *sampled; /* at the thread's last sample */
};

/* A process with all its threads since they were born: the threads that were there when counting began,
 * and what the kernel adds to each from those that descend from it. */
struct pam_process_counts {
    pid_t pid;
    struct pam_counters *families; /* also of threads that have exited: their descendants go on */
    size_t count;
    struct pam_counted *told;
};

/* What all threads and processes share. */
struct pam_counting {
    const struct pam_events *events; /* at least one */
    bool per_sample;                 /* of any of them */
    uint64_t refused;                /* threads that are not counted */
};

/* `events` has passed pam_counters_try() and outlives it. */
void pam_counting_init(struct pam_counting *counting, const struct pam_events *events);

/* Says what is counted, at the start of an epoch. */
void pam_counting_announce(const struct pam_counting *counting, struct pam_recorder *recorder);

/* Begins to count a process. The error names the event that is refused, why, and a remedy. */
int pam_process_counts_new(struct pam_process_counts **ret, const struct pam_counting *counting, pid_t pid,
                           int proc_fd, struct pam_error *error);
void pam_process_counts_free(struct pam_process_counts *counts, const struct pam_counting *counting);

/* For a new epoch: nothing is recorded of it any more. */
void pam_process_counts_forget_recorded(struct pam_process_counts *counts,
                                        const struct pam_counting *counting);

/* Its counts that changed, at an interval and at its end. */
void pam_process_counts_record(struct pam_process_counts *counts, const struct pam_counting *counting,
                               struct pam_recorder *recorder);

/* A thread. NULL when it cannot be counted; one that is not just gone is counted as refused. */
struct pam_counts *pam_counts_new(struct pam_counting *counting, pid_t tid);
void pam_counts_free(struct pam_counts *counts, const struct pam_counting *counting);

/* For a new epoch: nothing is recorded of it any more. */
void pam_counts_forget_recorded(struct pam_counts *counts, const struct pam_counting *counting);

/* Its counts that changed, at an interval and at its end. `thread` is its id in the capture. */
void pam_counts_record(struct pam_counts *counts, const struct pam_counting *counting, uint64_t thread,
                       struct pam_recorder *recorder);

/* What its events of --event {...}:S counted since its sample before, right behind its sample record. */
void pam_counts_record_sample(struct pam_counts *counts, const struct pam_counting *counting,
                              struct pam_recorder *recorder);

/* How many bytes that can be. */
size_t pam_counts_sample_bytes(const struct pam_counting *counting);

#endif
