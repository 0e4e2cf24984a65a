/* session.h - private to the sampling thread: everything it knows, shared by its life (sampler.c),
 * its schedule (loop.c), the tick (tick.c), the processes (processes.c), the attachment to one's Python
 * (attach.c), the interval (interval.c) and the mode (mode.c). */
#ifndef PAM_SESSION_H
#define PAM_SESSION_H

#include <pthread.h>
#include <stdatomic.h>

#include "attachment.h"
#include "below.h"
#include "kernel/clocks.h"
#include "kernel/host.h"
#include "kernel/monitor.h"
#include "mode.h"
#include "sampler.h"
#include "waits.h"
#include "walker.h"

enum { PAM_MAX_NEWBORN = 64 }; /* in one tick; more are found by the kernel's lists */

struct pam_sampler {
    struct pam_settings settings;
    const struct pam_target *target;
    uint64_t start_ns;             /* CLOCK_MONOTONIC */
    uint64_t start_realtime_ns;
    int64_t utc_offset_s;
    struct pam_host_facts host;
    bool target_lost;              /* it has exited, and is looked for again ... */
    uint64_t next_look_ns;         /* ... at this time */

    /* the target first, then its children */
    struct pam_attachment *attached[PAM_MAX_PROCESSES];
    size_t attached_count;
    struct pam_newborn {           /* processes, as told by records since the last tick */
        pid_t pid, parent;
        bool exits;                /* already; `parent` is 0 until its birth is told, maybe by another CPU's ring */
    } newborn[PAM_MAX_NEWBORN];
    size_t newborn_count;
    bool children_wanted;          /* some may have been missed: the kernel's lists have to tell */
    size_t exiting;                /* how many processes are */
    bool programs_changed;         /* some have become another program */
    bool tasks_changed;            /* threads or children came or went since the last interval */
    uint64_t settled_intervals;    /* since they did */
    struct pam_gone {              /* sums of those that have left */
        uint64_t read_calls, read_bytes, code_reused;
    } gone;

    char sampling_reason[PAM_REASON_TEXT_BYTES];
    struct pam_clock_facts clock;
    struct pam_mode_choice choice;
    struct pam_thread_table table;
    struct pam_counting counting;  /* of --event */
    struct pam_waits waits;
    struct pam_walker *walker;     /* of pending tasks; NULL: none was asked for */
    struct pam_monitor monitor;
    bool target_silent;            /* its resources could not be read: perhaps it has exited */
    struct pam_recorder recorder;
    struct pam_writer *writer;
    struct pam_health health;
    int own_statm_fd;
    struct pam_below *below;       /* NULL: neither native nor kernel stacks */

    /* the tick */
    uint64_t due_ns;               /* when chance would have the present tick; not after it */
    uint64_t empty_ticks;
    bool tick_begun;               /* its record is there */
    uint64_t step_ns;              /* unit of the times in samples */
    uint64_t random;               /* state of pam_random() */
    struct pam_thread_entry *wanted[PAM_MAX_PY_THREADS]; /* those with Python first */
    size_t wanted_count;
    struct pam_py_thread *wanted_py[PAM_MAX_PY_THREADS];
    struct pam_stack_result results[PAM_MAX_PY_THREADS];

    pthread_t thread;
    struct pam_wake wake;
    atomic_uint marks_wanted;      /* by signals */
    unsigned marks_placed;
    size_t next_mark;              /* of settings.marks */
    _Atomic(const char *) stop_reason;
    atomic_bool ended;
    pthread_mutex_t progress_lock;
    struct pam_progress progress;
    struct pam_interval_memory {   /* what the interval before left, for the progress */
        uint64_t at_ns, cpu_ns, own_cpu_us, samples;
    } before;
};

/* xorshift64, for places in periods and for rounding. */
static inline uint64_t pam_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}


/* loop.c: until somebody stops it, and the last records */
void pam_loop(struct pam_sampler *sampler);
void pam_loop_finish(struct pam_sampler *sampler);

/* tick.c */
void pam_tick(struct pam_sampler *sampler, uint64_t now_ns);
void pam_drain_activity(struct pam_sampler *sampler);

/* processes.c */
int pam_processes_start(struct pam_sampler *sampler, struct pam_error *error); /* with the target */
int pam_processes_count(struct pam_sampler *sampler, struct pam_error *error); /* events of the target */
void pam_processes_stop(struct pam_sampler *sampler);
void pam_target_exited(struct pam_sampler *sampler); /* ends the capture, unless it is followed */
void pam_target_follow(struct pam_sampler *sampler, uint64_t now_ns); /* looks for it when it is time to */
void pam_processes_change(struct pam_sampler *sampler, const struct pam_change *change);
void pam_processes_review(struct pam_sampler *sampler, uint64_t now_ns); /* at a tick */
void pam_processes_list(struct pam_sampler *sampler);  /* who has joined, by the kernel's lists */
void pam_processes_check(struct pam_sampler *sampler); /* who has left or become another program */
void pam_record_process(struct pam_sampler *sampler, struct pam_process_watch *process);

/* attach.c */
int pam_attach(struct pam_sampler *sampler, struct pam_attachment *attachment,
               struct pam_error *error);
void pam_detach(struct pam_sampler *sampler, struct pam_attachment *attachment);
bool pam_scan_threads(struct pam_attachment *attachment);
void pam_repeat_state(struct pam_sampler *sampler); /* at the start of an epoch */
void pam_record_modules(struct pam_sampler *sampler, struct pam_attachment *attachment);

/* below.c: does nothing without --native and --kernel */
int pam_below_start(struct pam_sampler *sampler, struct pam_error *error);
int pam_below_check(struct pam_sampler *sampler, struct pam_error *error); /* of what was chosen */
void pam_below_stop(struct pam_sampler *sampler);
void pam_below_take_switched(const struct perf_event_header *record, void *context);
void pam_below_take_mapping(pid_t pid, const struct pam_mapping *mapping, void *context);
void pam_below_prepare(struct pam_sampler *sampler, struct pam_attachment *attachment, uint64_t now_ns);
void pam_below_copy(struct pam_sampler *sampler, struct pam_attachment *attachment); /* before Python's */
/* Behind them. Returns how many threads could not be taken: perhaps they have exited. */
size_t pam_below_settle(struct pam_sampler *sampler, struct pam_attachment *attachment);
uint64_t pam_below_id(const struct pam_sampler *sampler, size_t wanted); /* of sampler->wanted */
void pam_below_module(struct pam_sampler *sampler, struct pam_attachment *attachment,
                      const struct pam_module *module); /* it was recorded */
void pam_below_look_after(struct pam_sampler *sampler, struct pam_attachment *attachment); /* at an interval */
void pam_below_leave(struct pam_sampler *sampler, struct pam_attachment *attachment); /* it is going */
void pam_below_finish(struct pam_sampler *sampler);

/* mode.c */
void pam_mode_start(struct pam_sampler *sampler);
void pam_mode_record(struct pam_sampler *sampler);
void pam_mode_review(struct pam_sampler *sampler, uint64_t now_ns); /* at an interval */

/* interval.c */
void pam_interval_work(struct pam_sampler *sampler, uint64_t now_ns);
void pam_record_health(struct pam_sampler *sampler);
void pam_record_counts(struct pam_sampler *sampler, struct pam_attachment *attachment,
                       bool all); /* of --event: of the threads that ran, or of all */
void pam_name_threads(struct pam_attachment *attachment, uint64_t now_ns); /* when it is time to */

#endif
