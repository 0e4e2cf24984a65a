/* threads.h - the target's threads: who is there, what is known of each, what was recorded of it. */
#ifndef PAM_THREADS_H
#define PAM_THREADS_H

#include "kernel/activity.h"
#include "python/stack.h"
#include "python/threads.h"
#include "recorder.h"

enum {
    PAM_MAX_THREADS = 8192,  /* kernel threads watched; more are counted as left out */
    PAM_THREAD_SLOTS = 1 << 15,
};

struct pam_thread_entry {
    uint64_t id;                 /* in the capture; never given twice */
    pid_t tid;
    bool has_python;
    bool seen;                   /* by the scan in progress */
    bool announced;              /* its record is in this epoch */
    bool sampled;                /* it has had a sample */
    bool unfinished;             /* of which not all was read: it is read again, even if it sleeps */
    bool newborn;                /* it was born under our eyes: its times count from 0 */
    struct pam_watch watch;
    struct pam_py_thread py;
    uint64_t told_cpu_ns;        /* by samples; up to a step more or less than it has used */
    struct pam_schedstat total;  /* total at the last thread_cpu record */
    uint64_t counted_switches;   /* into the threads' sum */
    uint64_t stack_plus1;        /* last recorded, in block `stack_block` */
    uint64_t stack_block;
    char comm[PAM_COMM_BYTES];
    char *name;                  /* Python's; NULL while unknown */
};

struct pam_threads {
    const struct pam_activity *activity;
    void *activity_state;
    int proc_fd;
    pid_t pid;
    uint64_t last_id;
    uint64_t left_out;
    uint64_t bursts;           /* of all threads since they were first seen: how often one came on */
    bool first_scan_done;
    struct pam_thread_entry **entries;
    size_t count, room;
    struct pam_thread_entry *slots[PAM_THREAD_SLOTS]; /* hash table by tid */
    struct pam_tstate *states; /* PAM_MAX_PY_THREADS of them, for a scan */
};

/* The activity source has been started; the threads own it from here on, also after a failure. */
int pam_threads_init(struct pam_threads *threads, const struct pam_activity *activity,
                     void *activity_state, pid_t pid, int proc_fd, struct pam_error *error);
void pam_threads_done(struct pam_threads *threads);

/* Goes on with another source, which has been started; the one before is stopped. */
void pam_threads_change_source(struct pam_threads *threads, const struct pam_activity *activity,
                               void *activity_state);

/* NULL when there is no such thread. */
struct pam_thread_entry *pam_threads_find(struct pam_threads *threads, pid_t tid);

/* How many have Python. */
size_t pam_threads_python(const struct pam_threads *threads);

/* Brings the list up to date with the interpreter's thread states. False: try again later. */
bool pam_threads_scan_python(struct pam_threads *threads, struct pam_remote *remote,
                             const struct pam_runtime *runtime);

/* Brings it up to date with /proc/PID/task: threads without Python, and those that are gone. */
void pam_threads_scan_kernel(struct pam_threads *threads, struct pam_recorder *recorder);

/* Records the exit of Python threads that are gone, without waiting for the scan of all tasks. */
void pam_threads_bury(struct pam_threads *threads, struct pam_recorder *recorder);

/* Has a Python thread no name yet? */
bool pam_threads_nameless(const struct pam_threads *threads);

/* Reads the names that threading knows. */
void pam_threads_read_names(struct pam_threads *threads, struct pam_thread_names *names);

/* Records every thread that is not yet in this epoch, or whose name changed. */
void pam_threads_announce(struct pam_threads *threads, struct pam_recorder *recorder);

/* For a new epoch: nothing is recorded of any thread any more. */
void pam_threads_forget_recorded(struct pam_threads *threads);

/* Records the CPU times of the threads that have run since they were recorded before. */
void pam_threads_record_cpu(struct pam_threads *threads, struct pam_recorder *recorder,
                            uint64_t now_ns);

#endif
