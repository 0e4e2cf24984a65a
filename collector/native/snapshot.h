/* snapshot.h - the stack of a thread that runs, on demand, without stopping it.
 *
 * A clock event of the shortest period there is (10 us), off until it is armed for exactly one sample: the
 * kernel copies registers and stack in the interrupt, and the thread goes on. Nothing is paid at context
 * switches, nothing between ticks. One event a CPU sees everybody's threads: CAP_PERFMON, or a
 * kernel.perf_event_paranoid below 1. Without, each thread that is asked for gets an event of its own on each
 * CPU where it is, which sees it in its own code only. */
#ifndef PAM_SNAPSHOT_H
#define PAM_SNAPSHOT_H

#include <pam/error.h>

#include "native/taken.h"

struct pam_snapshot_event;

/* What is there for one thread. Zeroed at first. */
struct pam_snapshot_thread {
    struct pam_snapshot_event *events; /* by CPU; NULL: none was needed so far */
    int cpus;
    unsigned *open; /* how many of all threads are */
};

enum {
    PAM_SNAPSHOT_STACK_BYTES = 32 << 10, /* Python's own stacks are mostly below 8 KiB */
    PAM_SNAPSHOT_CPUS = 64,
};

struct pam_snapshot;

/* `user`: registers and stack; `kernel`: the kernel's call chain. PAM_PERMISSION or PAM_FAILED with the
 * sentence when the kernel refuses. */
int pam_snapshot_new(struct pam_snapshot **ret, bool user, bool kernel, struct pam_error *error);
void pam_snapshot_free(struct pam_snapshot *snapshot);
void pam_snapshot_thread_done(struct pam_snapshot_thread *thread);

/* Are threads seen in their own code only? */
bool pam_snapshot_is_own(const struct pam_snapshot *snapshot);

/* Who is to be sampled. */
struct pam_snapshot_subject {
    pid_t tid;
    int cpu;         /* that runs it; -1: not known */
    bool preempted;  /* it will be run there, maybe as soon as we sleep; only for events of threads */
    struct pam_snapshot_thread *thread;
};

/* Asks for one sample; false when it will not come, as another is asked for on that CPU. All that is collected
 * together is asked for first. */
bool pam_snapshot_arm(struct pam_snapshot *snapshot, const struct pam_snapshot_subject *subject);

/* Waits up to `wait_ns` for what was asked for and calls `take` with each sample that has come; what it is
 * given lives until it returns. Samples that come later are dropped. */
typedef void pam_take_snapshot(const struct pam_taken *taken, void *context);
void pam_snapshot_collect(struct pam_snapshot *snapshot, uint64_t wait_ns, pam_take_snapshot *take,
                          void *context);

#endif
