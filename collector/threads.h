/* threads.h - the threads of a process: who is there, what is known of each, what was recorded of it. */
#ifndef PAM_THREADS_H
#define PAM_THREADS_H

#include "counting.h"
#include "kernel/activity.h"
#include "kernel/blocked.h"
#include "python/native_ids.h"
#include "python/stack.h"
#include "python/threads.h"
#include "recorder.h"

enum {
    PAM_MAX_THREADS = 8192,  /* kernel threads watched; more are counted as left out */
    PAM_THREAD_SLOTS = 1 << 15,
};

struct pam_thread_entry {
    uint64_t id;                 /* in the capture; never given twice */
    pid_t tid;                   /* negative: it is not known, the thread is told by its state alone */
    pid_t own_tid;               /* as the process itself knows it, in its PID namespace */
    const struct pam_threads *of; /* its process's */
    bool has_python;
    bool seen;                   /* by the scan in progress, ... */
    uint64_t seen_in;            /* last in this interpreter, ... */
    size_t chosen;               /* there by this of the states listed, ... */
    struct pam_py_thread **place; /* and where the state in the next one belongs */
    bool announced;              /* its record is in this epoch */
    bool sampled;                /* it has had a sample */
    bool unfinished;             /* of which not all was read: it is read again, even if it sleeps */
    bool newborn;                /* it was born under our eyes: its times count from 0 */
    bool wait_wanted;            /* what it waits in is to be found out, when its turn comes */
    struct pam_blocked_file syscall;
    struct pam_watch watch;
    struct pam_py_thread py;
    struct pam_native_thread *native; /* NULL: nothing is known */
    struct pam_counts *counts;   /* of --event; NULL without, and when they were refused */
    struct pam_schedstat counted; /* total when they were read */
    uint64_t told_cpu_ns;        /* by samples; up to a step more or less than it has used */
    struct pam_schedstat total;  /* total at the last thread_cpu record */
    uint64_t counted_switches;   /* into the threads' sum */
    uint64_t stack_plus1;        /* last recorded, in block `stack_block` */
    uint64_t stack_block;
    char comm[PAM_COMM_BYTES];
    char *name;                  /* Python's; NULL while unknown */
};

/* What the threads of all processes share. */
struct pam_thread_table {
    const struct pam_activity *activity;
    void *activity_state;
    struct pam_counting *counting; /* borrowed; NULL without --event */
    uint64_t last_id;
    uint64_t bursts;           /* of all threads since they were first seen: how often one came on */
    pid_t unmatched;           /* tids given to threads whose own is not known: -1, -2 ... */
    size_t count;
    uint32_t waits_wanted;     /* entries with wait_wanted */
    uint32_t syscall_files;    /* and with an open file */
    struct pam_thread_entry *slots[PAM_THREAD_SLOTS]; /* hash table by tid */
    struct pam_tstate *states; /* PAM_MAX_PY_THREADS of them, for a scan */
};

struct pam_threads {
    struct pam_thread_table *table;
    int proc_fd;
    pid_t pid;
    bool is_child;             /* born under our eyes: so are all of its threads */
    bool has_own_ids;          /* it is in another PID namespace */
    bool unsettled;            /* some threads are starting: their states still have the ids of others */
    uint64_t left_out;
    bool first_scan_done;
    struct pam_native_ids native_ids;
    uint64_t starting_scans;   /* that found a thread which may be starting, in a row */
    uint64_t settled_id;       /* unique ids below it: those that had no thread then never get one */
    struct pam_thread_entry **entries;
    size_t count, room;
};

/* `table` is zeroed memory; what is not used of it is not touched, so that it takes no room. The activity source has been
 * started; the table owns it from here on, also after a failure. */
int pam_thread_table_init(struct pam_thread_table *table, const struct pam_activity *activity,
                          void *activity_state, struct pam_error *error);
void pam_thread_table_done(struct pam_thread_table *table);

/* NULL when there is no such thread. */
struct pam_thread_entry *pam_threads_find(struct pam_thread_table *table, pid_t tid);

void pam_threads_init(struct pam_threads *threads, struct pam_thread_table *table, pid_t pid,
                      int proc_fd, bool is_child);
void pam_threads_done(struct pam_threads *threads);

/* To go on with another source: first the threads of all processes are given up, then the table gets the
 * source, which has been started, then the threads are watched by it. */
void pam_threads_unwatch(struct pam_threads *threads);
void pam_thread_table_change(struct pam_thread_table *table, const struct pam_activity *activity,
                             void *activity_state);
void pam_threads_watch(struct pam_threads *threads);

/* Adds one that is there; a negative tid: one that is not watched. NULL when it is gone or there is no room. */
struct pam_thread_entry *pam_threads_add(struct pam_threads *threads, pid_t tid);

/* How many have Python. */
size_t pam_threads_python(const struct pam_threads *threads);

/* For states.c: the thread that Python knows by this id, one that is new is added; and all tasks that the
 * kernel knows, false when they cannot be listed. */
struct pam_thread_entry *pam_threads_known_as(struct pam_threads *threads, pid_t own_tid);
bool pam_threads_see_tasks(struct pam_threads *threads);

/* Brings the list up to date with the interpreter's thread states. After a failure: try again later. */
enum pam_listing pam_threads_scan_python(struct pam_threads *threads, struct pam_remote *remote,
                                         struct pam_runtime *runtime);

/* Brings it up to date with /proc/PID/task: threads without Python, and those that are gone. */
void pam_threads_scan_kernel(struct pam_threads *threads, struct pam_recorder *recorder);

/* Records the exit of Python threads that are gone, without waiting for the scan of all tasks. */
void pam_threads_bury(struct pam_threads *threads, struct pam_recorder *recorder);

/* The process is gone, and so are all. */
void pam_threads_bury_all(struct pam_threads *threads, struct pam_recorder *recorder);

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
