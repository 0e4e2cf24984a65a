/* native.h - the native and kernel stacks of the threads that a tick samples.
 *
 * A thread that is off its CPU stands still: its registers came with the switch record that told so, and
 * its stack is read like any other memory. Of one that runs, the kernel copies both at the moment that
 * we ask for (snapshot.h). What is taken is reduced to what unwinding needs (copy.h), and recorded once
 * for all samples at the same place. */
#ifndef PAM_NATIVE_H
#define PAM_NATIVE_H

#include "kernel/activity.h"
#include "kernel/blocked.h"
#include "native/copy.h"
#include "native/snapshot.h"
#include "python/remote.h"
#include "recorder.h"

enum {
    PAM_MAX_NATIVE_JOBS = 4096,
};

/* What is remembered of a thread. Zeroed at first. */
struct pam_native_thread {
    uint64_t switched_ns; /* when it went off last; 0: not since it is watched */
    bool has_registers;
    uint64_t registers[PAM_REGISTER_ROOM]; /* then; PAM_REGISTERS_PRESERVED */
    unsigned char kernel_chain[8 * PAM_SWITCHED_FRAMES];
    size_t kernel_chain_bytes;
    uint64_t stack_low, stack_high; /* the mapping that its stack pointer was last found in */
    struct pam_snapshot_thread snapshot;
};

/* A thread of a tick. The first five are the caller's. */
struct pam_native_job {
    uint64_t thread;                  /* id in the capture */
    uint64_t ident;                   /* threading.get_ident(), 0 when it has none */
    struct pam_watch *watch;
    struct pam_native_thread *known;
    struct pam_blocked_file *syscall;
    uint64_t id;                      /* out: of the native record; 0: none was taken */
    bool done;                        /* out */

    bool copied, still, asked;        /* what follows is private */
    uint64_t before_ns;               /* when it had switched last before it was copied */
    uint64_t taken_ns;
    uint64_t flags;
    struct pam_stack_copy copy;
    uint64_t stack_end;
    struct pam_bytes kernel_chain, user_chain;
};

/* The process whose threads they are. */
struct pam_native_process {
    pid_t pid;
    int proc_fd;
    int root_fd;             /* its root directory, also when it is gone */
    int map_fd;              /* its perf-PID.map; -1: not found so far */
    struct pam_remote remote;
    struct pam_code_ranges ranges;
    uint64_t main_stack_end; /* the main thread's stack grows down from there; 0: unknown */
};

void pam_native_process_open(struct pam_native_process *process, pid_t pid, int proc_fd);
void pam_native_process_close(struct pam_native_process *process);

struct pam_native_stacks;

/* `user`: the threads' own stacks, `kernel`: the kernel's side of them. Refuses what cannot be had;
 * `warning` gets a sentence about what will be less than asked for, or is empty. */
int pam_native_new(struct pam_native_stacks **ret, bool user, bool kernel, char warning[PAM_REASON_TEXT_BYTES],
                   struct pam_error *error);
void pam_native_free(struct pam_native_stacks *native);

/* Of the threads of this process; what will be less than asked for because of that is added to `warning`. */
void pam_native_check(const struct pam_native_stacks *native, int proc_fd, char warning[PAM_REASON_TEXT_BYTES]);

/* All stacks are recorded again, under new ids. */
void pam_native_forget(struct pam_native_stacks *native);

void pam_native_thread_free(struct pam_native_thread *known);

/* What switch records must bring along (sample_type 0: nothing), and taking it in. */
struct pam_taken_format pam_native_format(const struct pam_native_stacks *native);
void pam_native_take_switched(struct pam_native_thread *known, const struct pam_taken *taken);

/* Copies the stacks of jobs that are not done. Then the switch records are to be drained, which tell what
 * stood still until then. */
void pam_native_copy(struct pam_native_stacks *native, struct pam_native_process *process,
                     struct pam_native_job *jobs, size_t count);

/* Records what was copied and did not move. Python's stacks were copied at `python_ns`, meanwhile when
 * `exact`. Returns how many jobs are left: they can be copied anew. */
size_t pam_native_settle(struct pam_native_stacks *native, struct pam_native_process *process,
                         struct pam_recorder *recorder, struct pam_native_job *jobs, size_t count,
                         uint64_t python_ns, bool exact);

#endif
