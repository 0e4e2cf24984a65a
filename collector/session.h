/* session.h - private to the sampling thread: everything it knows, shared by its life (sampler.c),
 * its schedule (loop.c), the tick (tick.c), the attachment (attach.c), the interval (interval.c) and
 * the mode (mode.c). */
#ifndef PAM_SESSION_H
#define PAM_SESSION_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernel/clocks.h"
#include "kernel/host.h"
#include "kernel/monitor.h"
#include "mode.h"
#include "sampler.h"
#include "target/modules.h"
#include "threads.h"

struct pam_sampler {
    struct pam_settings settings;
    const struct pam_target *target;
    uint64_t start_ns;             /* CLOCK_MONOTONIC */
    uint64_t start_realtime_ns;
    int64_t utc_offset_s;
    struct pam_host_facts host;

    /* the attachment; `attached` is false while the target is no (initialised) Python */
    bool attached;
    uint64_t next_attach_ns;
    uint64_t attach_wait_ns;
    struct pam_remote remote;
    struct pam_runtime runtime;
    struct pam_codes codes;
    struct pam_thread_names names;
    struct pam_stack_reader *stacks;
    struct pam_modules modules;
    char sampling_reason[PAM_REASON_TEXT_BYTES];
    struct pam_clock_facts clock;
    struct pam_mode_choice choice;
    uint64_t thread_list[2];       /* of the last scan */
    bool list_wanted;              /* it may have changed since it was last read */
    bool scan_wanted;
    bool tasks_changed;            /* threads or children came or went since the last interval */
    uint64_t settled_intervals;    /* since they did */
    uint64_t scan_failures;        /* in a row */

    struct pam_threads threads;
    struct pam_monitor monitor;
    bool target_silent;            /* its resources could not be read: perhaps it has exited */
    struct pam_recorder recorder;
    struct pam_writer *writer;
    struct pam_health health;
    int own_statm_fd;

    /* the tick */
    uint64_t empty_ticks;
    uint64_t step_ns;              /* unit of the times in samples */
    uint64_t random;               /* state of pam_random() */
    uint64_t next_names_ns;
    struct pam_thread_entry *wanted[PAM_MAX_PY_THREADS];
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

#define PAM_ATTACH_WAIT_MIN_NS UINT64_C(5000000) /* then ever longer */

/* loop.c: until somebody stops it, and the last records */
void pam_loop(struct pam_sampler *sampler);
void pam_loop_finish(struct pam_sampler *sampler);

/* tick.c */
void pam_tick(struct pam_sampler *sampler, uint64_t now_ns);
void pam_drain_activity(struct pam_sampler *sampler);

/* attach.c */
int pam_attach(struct pam_sampler *sampler, struct pam_error *error);
void pam_detach(struct pam_sampler *sampler);
bool pam_scan_threads(struct pam_sampler *sampler);
void pam_repeat_state(struct pam_sampler *sampler); /* at the start of an epoch */

/* mode.c */
void pam_mode_start(struct pam_sampler *sampler);
void pam_mode_record(struct pam_sampler *sampler);
void pam_mode_review(struct pam_sampler *sampler, uint64_t now_ns); /* at an interval */

/* interval.c */
void pam_interval_work(struct pam_sampler *sampler, uint64_t now_ns);
void pam_record_health(struct pam_sampler *sampler);
void pam_name_threads(struct pam_sampler *sampler, uint64_t now_ns); /* when it is time to */
void pam_record_process(struct pam_sampler *sampler, struct pam_process_watch *process);

#endif
