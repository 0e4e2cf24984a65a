/* sampler.h - the sampling thread: attach to the target, tick after tick, interval after interval. */
#ifndef PAM_SAMPLER_H
#define PAM_SAMPLER_H

#include <pam/error.h>

#include "kernel/events.h"
#include "options.h"
#include "target/process.h"
#include "writer.h"

struct pam_settings {
    const char *scenario;
    const char *chosen_because; /* why this target */
    uint64_t rate_mhz;          /* thousandths of a hertz */
    uint64_t interval_ns;       /* of the resource monitor */
    uint64_t duration_ns;       /* 0: until stopped */
    uint64_t tasks_ns;          /* walk the pending asyncio tasks this often; 0: never */
    bool follow_children;
    bool keep_switches;         /* record every context switch */
    bool native, kernel;        /* stacks below Python's */
    bool bundle;                /* with what native stacks need to be unwound elsewhere */
    bool may_become_python;     /* it was just started: that it is not Python (yet) is no error */
    /* Looks for the target once more after it has exited; true when there is one, which then is in
     * place of the one before. Called by the sampling thread. NULL: its exit ends the capture. */
    bool (*find_again)(void *context);
    void *find_context;
    const struct pam_events *events; /* that can be had; NULL: none are counted */
    const struct pam_mark *marks; /* to place, in the order of their times */
    size_t mark_count;
};

/* What a status line or a summary shows, as of the last interval. */
struct pam_progress {
    uint64_t elapsed_ns;
    double cpu_percent;       /* of one core; NaN while unknown */
    double own_cpu_percent;
    uint64_t memory_bytes;
    uint64_t own_memory_bytes;
    uint64_t threads;         /* with Python */
    double samples_per_s;     /* thread samples, since the interval before */
    uint64_t ticks, late_ticks;
    uint64_t wanted, whole, truncated, failed;
    uint64_t dropped_blocks;
    uint64_t threads_left_out; /* at once, beyond the bound */
    const char *unlisted;     /* what is wrong with the target's list of threads, NULL: nothing */
    uint64_t bytes;           /* written */
    uint32_t python_version;  /* PY_VERSION_HEX, 0: not attached (yet) */
    bool native;              /* native stacks are taken */
    const char *sampling;     /* "perf", "schedstat", "read-all" */
    const char *end_reason;   /* NULL while running */
};

struct pam_sampler;

/* Attaches to the target. */
int pam_sampler_new(struct pam_sampler **ret, const struct pam_settings *settings,
                    const struct pam_target *target, struct pam_error *error);

/* How threads are told apart that have run, and why so; `exact` is false without switch records. */
const char *pam_sampler_mode(const struct pam_sampler *sampler, bool *exact);

/* What there will be less of than was asked for, or "". */
const char *pam_sampler_warning(const struct pam_sampler *sampler);

void pam_sampler_free(struct pam_sampler *sampler);

/* What ends a sleep of the sampling thread. */
struct pam_wake *pam_sampler_wake(struct pam_sampler *sampler);

/* Starts the thread; it ends by itself, or by pam_sampler_stop(), and then has given its last block
 * to the writer. `reason` must outlive the sampler. */
int pam_sampler_start(struct pam_sampler *sampler, struct pam_writer *writer,
                      struct pam_error *error);
void pam_sampler_stop(struct pam_sampler *sampler, const char *reason);
/* Places a marker at once. Safe from any thread. */
void pam_sampler_mark(struct pam_sampler *sampler);

void pam_sampler_join(struct pam_sampler *sampler);

/* Safe from any thread. */
bool pam_sampler_ended(const struct pam_sampler *sampler);
void pam_sampler_progress(struct pam_sampler *sampler, struct pam_progress *progress);

#endif
